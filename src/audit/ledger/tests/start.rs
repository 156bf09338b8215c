//! A log on a real store: founded, continued, and refused when somebody was at
//! its rows.

use rusqlite::Connection;
use tempfile::TempDir;

use super::notes::hsm;
use super::*;
use crate::hsm::Hsm;
use crate::store::{self, Change, NewEvent, Personal, Settings, Store, Unit, tree as rows};

struct Log {
    folder: TempDir,
    hsm: Hsm,
}

fn event(i: u64) -> NewEvent {
    NewEvent {
        time_ms: 1_793_614_272_123,
        account: "111122223333".to_owned(),
        region: "eu-central-1".to_owned(),
        event_source: "kms.amazonaws.com".to_owned(),
        event_name: "Decrypt".to_owned(),
        principal: "nobody".to_owned(),
        key: None,
        second_key: None,
        error: None,
        principal_id: None,
        access_key: None,
        key_material: None,
        request_id: None,
        event_id: [2; 16],
        read_only: true,
        format: 1,
        leaf: leaf(i),
        dictionary: 1,
        body: Vec::new(),
        personal: Personal { salt: None, source_ip: None, session: None, body: Vec::new() },
        field_reads: None,
        text: None,
    }
}

fn unit(from: u64, count: u64, changes: Vec<Box<dyn Change>>) -> Unit {
    let further = (from + 1..from + count).map(event).collect();
    Unit { changes, event: event(from), further }
}

fn commit(store: &Store, unit: Unit) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(store.commit(unit)).unwrap();
}

impl Log {
    /// A new log with so many records.
    fn of(records: u64) -> Self {
        let log = Self { folder: TempDir::new().unwrap(), hsm: hsm() };
        let store = log.store();
        let (ledger, founding) = found(&log.hsm, &store, None, 1).unwrap();
        store.appoint(Box::new(ledger.notary)).unwrap();
        commit(&store, unit(0, 1, vec![Box::new(founding)]));
        if records > 1 {
            commit(&store, unit(1, records - 1, Vec::new()));
        }
        log
    }

    fn store(&self) -> Store {
        Store::open(self.folder.path(), Settings::default(), crate::audit::marks).unwrap()
    }

    fn resume(&self, store: &Store) -> Result<Option<Ledger>, Error> {
        resume(&self.hsm, store, None)
    }

    /// Runs SQL on the closed book.
    fn sql(&self, sql: &str) {
        let book = Connection::open(self.folder.path().join("wardbook.db")).unwrap();
        book.execute_batch(sql).unwrap();
    }
}

fn head(store: &Store) -> String {
    store.read(|tx| rows::head(tx)).unwrap().unwrap().note
}

#[test]
fn a_log_is_founded_and_continued() {
    let log = Log::of(1);
    let mut origin = String::new();
    for start in 0..4 {
        let store = log.store();
        let ledger = log.resume(&store).unwrap().unwrap();
        origin = ledger.notary.key().name().to_owned();
        let key = ledger.notary.key().clone();
        store.appoint(Box::new(ledger.notary)).unwrap();
        commit(&store, unit(1 + start * 300, 300, Vec::new()));
        let signed = Checkpoint::open(&head(&store), &key).unwrap();
        let size = 1 + (start + 1) * 300;
        assert_eq!(signed.size, size);
        let all = leaves(usize::try_from(size).unwrap());
        assert_eq!(signed.root, naive_root(&all));
        let proof =
            store.read(|tx| inclusion_proof(&mut StoredNodes(tx), 200, size)).unwrap().unwrap();
        assert!(verify_inclusion(&leaf(200), 200, size, &proof, &signed.root));
    }
    let store = log.store();
    assert_eq!(origin, store.read(|tx| Ok(default_origin(tx))).unwrap().unwrap());
    assert!(origin.starts_with("wardbook/"));
    let other = resume(&log.hsm, &store, Some("example.com/log"));
    assert!(matches!(other, Err(Error::OtherOrigin { .. })));
    assert!(resume(&log.hsm, &store, Some(&origin)).unwrap().is_some());
}

/// Records from before there were heads.
#[test]
fn an_old_log_gets_its_tree_at_the_first_start() {
    let log = Log { folder: TempDir::new().unwrap(), hsm: hsm() };
    let store = log.store();
    store.appoint(store::testing::Counting::from(0)).unwrap();
    commit(&store, unit(0, 5_000, Vec::new()));
    drop(store);
    log.sql("delete from head; delete from checkpoints; delete from tree_nodes");
    let store = log.store();
    assert!(log.resume(&store).unwrap().is_none());
    let (ledger, founding) = found(&log.hsm, &store, Some("example.com/log"), 1).unwrap();
    let key = ledger.notary.key().clone();
    store.appoint(Box::new(ledger.notary)).unwrap();
    commit(&store, unit(5_000, 1, vec![Box::new(founding)]));
    let signed = Checkpoint::open(&head(&store), &key).unwrap();
    assert_eq!((signed.size, signed.root), (5_001, naive_root(&leaves(5_001))));
    assert_eq!(signed.origin, "example.com/log");
    assert!(log.resume(&store).unwrap().is_some());
}

#[test]
fn what_was_changed_is_not_served() {
    const FREE: &str = "drop trigger event_log_no_update; drop trigger event_log_no_delete;";
    for (sql, why) in [
        ("delete from event_log where seq = 600", "599 records"),
        ("delete from event_log where seq > 300", "300 records"),
        (
            "insert into event_log select seq + 1, time_ms, account, region, event_source, \
          event_name, principal, key, second_key, error, source_ip, read_only, format, \
          dictionary, request_id, event_id, leaf, body, principal_id, access_key, key_material, \
          field_reads from event_log where seq = 600",
            "601 records",
        ),
        ("update event_log set leaf = zeroblob(32) where seq = 600", "not those that were signed"),
        ("delete from event_log where seq = 599", "lacks a node of height 0"),
        ("update tree_nodes set hash = zeroblob(32) where n = 1", "not those that were signed"),
        ("delete from tree_nodes where n = 0", "lacks a node of height 8"),
        ("delete from head", "head is gone"),
        ("delete from audit_keys", "key that signs it is gone"),
        ("delete from audit_keys; delete from head", "key that signs it is gone"),
        ("update head set note = replace(note, '600', '599')", "forged or damaged"),
        ("update head set note = ''", "head is not a checkpoint"),
        ("update head set size = 599", "signed at 600"),
        (
            "update head set note = (select note from checkpoints), size = 1; \
          delete from event_log where seq > 1",
            "",
        ),
    ] {
        let log = Log::of(600);
        log.sql(FREE);
        log.sql(sql);
        let resumed = log.resume(&log.store());
        match resumed {
            // A whole folder of then is only caught by a witness.
            Ok(Some(_)) => assert_eq!(why, "", "{sql}"),
            Ok(None) => panic!("{sql}"),
            Err(error @ Error::Damaged(_)) => {
                let text = error.to_string();
                assert!(!why.is_empty() && text.contains(why), "{sql}: {text}");
                assert!(text.contains("wardbook audit verify"));
            }
            Err(other) => panic!("{sql}: {other:?}"),
        }
    }
    // A key of one's own is not one that the HSM has sealed.
    let log = Log::of(1);
    log.sql("update audit_keys set sealed = zeroblob(100)");
    assert!(matches!(log.resume(&log.store()), Err(Error::Key(_))));
}

#[test]
fn a_witness_sees_what_is_gone() {
    let log = Log::of(600);
    let store = log.store();
    let ledger = log.resume(&store).unwrap().unwrap();
    let key = ledger.notary.key().clone();
    let early = store.read(|tx| rows::checkpoint(tx, 1)).unwrap().unwrap();
    let late = head(&store);
    assert_eq!(check_witnessed(&store, &key, &early).unwrap().size, 1);
    assert_eq!(check_witnessed(&store, &key, &late).unwrap().size, 600);
    drop(store);
    // The folder of then, which is sound in itself.
    log.sql(
        "drop trigger event_log_no_delete; delete from event_log where seq > 1; \
         drop trigger event_personal_no_delete; delete from event_personal where seq > 1; \
         delete from tree_nodes; update head set size = 1, note = (select note from checkpoints)",
    );
    let store = log.store();
    assert!(log.resume(&store).unwrap().is_some());
    assert_eq!(check_witnessed(&store, &key, &early).unwrap().size, 1);
    let gone = check_witnessed(&store, &key, &late).unwrap_err().to_string();
    assert!(gone.contains("seen 600 records of it, and it has"), "{gone}");
    // And another history since.
    let ledger = log.resume(&store).unwrap().unwrap();
    store.appoint(Box::new(ledger.notary)).unwrap();
    commit(&store, unit(5_000, 700, Vec::new()));
    let other = check_witnessed(&store, &key, &late).unwrap_err().to_string();
    assert!(other.contains("other records at the places 1 to 600"), "{other}");
}

#[test]
fn the_signing_key_follows_the_domain_key() {
    let log = Log::of(1);
    let store = log.store();
    assert!(reseal(&log.hsm, &store).unwrap().is_empty());
    log.hsm.activate(log.hsm.prepare_domain_key().unwrap()).unwrap();
    let changes = reseal(&log.hsm, &store).unwrap();
    assert_eq!(changes.len(), 1);
    let ledger = log.resume(&store).unwrap().unwrap();
    let key = ledger.notary.key().clone();
    store.appoint(Box::new(ledger.notary)).unwrap();
    commit(&store, unit(1, 1, changes));
    assert!(reseal(&log.hsm, &store).unwrap().is_empty());
    log.hsm.forget_domain_key(1).unwrap();
    assert_eq!(log.resume(&store).unwrap().unwrap().notary.key(), &key);
}
