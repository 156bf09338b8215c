//! What the store promises: all or nothing, durable before the answer, fails closed, recovers.

mod erase;
mod facts;
mod failures;
mod heads;
mod locks;
mod search;
mod seeds;
mod snapshot;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

use super::testing::Counting;
use super::*;

const CREATE: Query = Query {
    name: "test.create",
    sql: "create table if not exists things (id integer primary key, value text not null) strict",
};
const INSERT: Query =
    Query { name: "test.insert", sql: "insert into things (id, value) values (?1, ?2)" };
const COUNT: Query = Query { name: "test.count", sql: "select count(*) from things" };
const NAMES: Query = Query { name: "test.names", sql: "select count(*) from names" };
const EVENTS: Query = Query {
    name: "test.events",
    sql: "select seq, event_time, account, region, event_source, event_name, principal, key, \
          second_key, error_code, source_ip, request_id, event_id, read_only from events \
          order by seq",
};

/// An event whose texts all carry `tag`.
pub(super) fn event(tag: &str) -> NewEvent {
    NewEvent {
        time_ms: 1_793_614_272_123,
        account: "111122223333".to_owned(),
        region: "eu-central-1".to_owned(),
        event_source: "kms.amazonaws.com".to_owned(),
        event_name: "Decrypt".to_owned(),
        principal: format!("arn:aws:iam::111122223333:user/{tag}"),
        key: None,
        second_key: None,
        error: None,
        principal_id: None,
        access_key: None,
        key_material: None,
        request_id: Some([0x11; 16]),
        event_id: [0x22; 16],
        read_only: true,
        format: 1,
        leaf: [0x33; 32],
        dictionary: 1,
        body: tag.as_bytes().to_vec(),
        personal: personal(Some("192.0.2.7".to_owned())),
        field_reads: None,
        text: None,
    }
}

fn personal(source_ip: Option<String>) -> Personal {
    Personal { salt: None, source_ip, session: None, body: Vec::new() }
}

fn record(tag: &str) -> Unit {
    Unit { changes: Vec::new(), event: event(tag), further: Vec::new() }
}

/// Inserts a thing, tells when it is published, or fails as it is told.
struct Thing {
    id: i64,
    fail: Option<Error>,
    published: Arc<Mutex<Vec<i64>>>,
}

impl Change for Thing {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), Error> {
        tx.run(&CREATE, &[])?;
        tx.run(&INSERT, &[self.id.into(), "x".into()])?;
        self.fail.clone().map_or(Ok(()), Err)
    }

    fn publish(&self) {
        self.published.lock().unwrap().push(self.id);
    }
}

#[derive(Default)]
struct Things(Arc<Mutex<Vec<i64>>>);

impl Things {
    fn unit(&self, id: i64, fail: Option<Error>) -> Unit {
        let thing = Thing { id, fail, published: Arc::clone(&self.0) };
        Unit {
            changes: vec![Box::new(thing)],
            event: event(&format!("thing-{id}")),
            further: Vec::new(),
        }
    }

    fn published(&self) -> Vec<i64> {
        self.0.lock().unwrap().clone()
    }
}

fn open(folder: &Path) -> Store {
    open_with(folder, Settings::default())
}

fn open_with(folder: &Path, settings: Settings) -> Store {
    let store = Store::open(folder, settings, seeds::read_marks).unwrap();
    store.appoint(Counting::from(store.health().last_seq)).unwrap();
    store
}

fn count(store: &Store, query: &Query) -> i64 {
    store.read(|tx| tx.rows(query, &[])?[0].int(0)).unwrap()
}

/// Copies the files as a crash at this moment would leave them.
fn crash_copy(folder: &Path) -> TempDir {
    let copy = TempDir::new().unwrap();
    for name in ["wardbook.db", "wardbook.db-wal"] {
        std::fs::copy(folder.join(name), copy.path().join(name)).unwrap();
    }
    copy
}

#[tokio::test]
async fn further_records_follow_their_unit_without_a_gap() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let further = vec![event("second"), event("third")];
    let unit = Unit { changes: Vec::new(), event: event("first"), further };
    assert_eq!(store.commit(unit).await.unwrap().seq(), 1);
    assert_eq!(store.commit(record("fourth")).await.unwrap().seq(), 4);

    // All or nothing: a unit that fails leaves none of its records.
    let things = Things::default();
    let mut failing = things.unit(1, Some(Error::Conflict));
    failing.further.push(event("never"));
    assert!(matches!(store.commit(failing).await, Err(Error::Conflict)));
    assert_eq!(store.commit(record("fifth")).await.unwrap().seq(), 5);
    assert_eq!(store.health().last_seq, 5);
}

#[tokio::test]
async fn a_record_is_readable_as_text() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let receipt = store.commit(record("ada")).await.unwrap();
    assert_eq!(receipt.seq(), 1);
    let mut other = event("ada");
    other.key = Some("arn:aws:kms:eu-central-1:111122223333:key/a".to_owned());
    other.second_key = Some("arn:aws:kms:eu-central-1:111122223333:key/b".to_owned());
    other.error = Some("AccessDenied".to_owned());
    other.personal = personal(None);
    other.request_id = None;
    store.commit(Unit { changes: Vec::new(), event: other, further: Vec::new() }).await.unwrap();

    let rows = store.read(|tx| tx.rows(&EVENTS, &[])).unwrap();
    let text = |i: usize| rows[0].opt_text(i).unwrap();
    assert_eq!(rows[0].int(0).unwrap(), 1);
    assert_eq!(text(1), Some("2026-11-02T10:11:12.123Z"));
    assert_eq!(text(2), Some("111122223333"));
    assert_eq!(text(3), Some("eu-central-1"));
    assert_eq!(text(4), Some("kms.amazonaws.com"));
    assert_eq!(text(5), Some("Decrypt"));
    assert_eq!(text(6), Some("arn:aws:iam::111122223333:user/ada"));
    assert_eq!((text(7), text(8), text(9)), (None, None, None));
    assert_eq!(text(10), Some("192.0.2.7"));
    assert_eq!(text(11), Some("11111111-1111-1111-1111-111111111111"));
    assert_eq!(text(12), Some("22222222-2222-2222-2222-222222222222"));
    assert_eq!(rows[0].int(13).unwrap(), 1);
    assert_eq!(rows[1].text(8).unwrap(), "arn:aws:kms:eu-central-1:111122223333:key/b");
    assert_eq!(rows[1].text(9).unwrap(), "AccessDenied");
    assert_eq!(rows[1].opt_text(10).unwrap(), None);
    assert_eq!(rows[1].opt_text(11).unwrap(), None);
}

#[tokio::test]
async fn a_unit_that_fails_leaves_nothing_and_harms_nobody() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let things = Things::default();
    store.commit(things.unit(1, None)).await.unwrap();
    let names = count(&store, &NAMES);

    let duplicate = store.commit(things.unit(1, None)).await;
    assert!(matches!(duplicate, Err(Error::Duplicate)));
    let conflict = store.commit(things.unit(2, Some(Error::Conflict))).await;
    assert!(matches!(conflict, Err(Error::Conflict)));
    let fault = Query { name: "test.fault", sql: "no such statement" };
    assert!(matches!(store.read(|tx| tx.run(&fault, &[])), Err(Error::Query { .. })));

    assert_eq!(count(&store, &COUNT), 1);
    assert_eq!(count(&store, &NAMES), names, "a failed unit leaves no name");
    assert_eq!(things.published(), [1]);
    assert_eq!(store.commit(things.unit(2, None)).await.unwrap().seq(), 2, "no gap");
    assert_eq!(things.published(), [1, 2]);
}

#[tokio::test]
async fn units_of_one_batch_fail_alone_and_publish_in_order() {
    let folder = TempDir::new().unwrap();
    let store = Arc::new(open(folder.path()));
    let things = Things::default();
    let mut tasks = Vec::new();
    for id in 0..200 {
        let fail = (id % 3 == 0).then_some(Error::Conflict);
        let unit = things.unit(id, fail);
        let store = Arc::clone(&store);
        tasks.push(tokio::spawn(async move { (id, store.commit(unit).await) }));
    }
    let mut by_seq = Vec::new();
    for task in tasks {
        let (id, answer) = task.await.unwrap();
        match answer {
            Ok(receipt) => by_seq.push((receipt.seq(), id)),
            Err(error) => {
                assert!(matches!(error, Error::Conflict));
                assert_eq!(id % 3, 0);
            }
        }
    }
    by_seq.sort_unstable();
    let (seqs, ids): (Vec<_>, Vec<_>) = by_seq.into_iter().unzip();
    assert_eq!(seqs, (1..=133).collect::<Vec<_>>());
    assert_eq!(things.published(), ids);
    assert_eq!(count(&store, &COUNT), 133);
}

#[tokio::test]
async fn a_crash_keeps_every_record_that_was_answered() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let things = Things::default();
    for id in 1..=20 {
        store.commit(things.unit(id, None)).await.unwrap();
        let crashed = crash_copy(folder.path());
        let store = open(crashed.path());
        assert_eq!(store.health().last_seq, id);
        assert_eq!(count(&store, &COUNT), id);
        assert_eq!(store.commit(record("after")).await.unwrap().seq(), id + 1);
    }
}

#[tokio::test]
async fn closing_empties_the_write_ahead_log_and_reopening_goes_on() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    store.commit(record("ada")).await.unwrap();
    store.close();
    store.close();
    assert!(matches!(store.commit(record("ada")).await, Err(Error::Closed)));
    assert!(matches!(store.health().writer, Err(Error::Closed)));
    drop(store);
    let wal = folder.path().join("wardbook.db-wal");
    assert!(!wal.exists() || wal.metadata().unwrap().len() == 0);
    let store = open(folder.path());
    assert_eq!(store.commit(record("ada")).await.unwrap().seq(), 2);
}

#[tokio::test]
async fn only_one_server_and_only_its_owner() {
    let parent = TempDir::new().unwrap();
    let folder = parent.path().join("made/on/demand");
    let store = open(&folder);
    store.commit(record("ada")).await.unwrap();
    assert!(matches!(
        Store::open(&folder, Settings::default(), seeds::read_marks),
        Err(Error::Locked)
    ));
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    for file in std::fs::read_dir(&folder).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    drop(store);
    open(&folder);
}

#[tokio::test]
async fn the_log_is_append_only() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    store.commit(record("ada")).await.unwrap();

    struct Forger(&'static str);
    impl Change for Forger {
        fn write(&self, tx: &mut dyn Tx) -> Result<(), Error> {
            tx.run(&Query { name: "forger", sql: self.0 }, &[]).map(drop)
        }
        fn publish(&self) {}
    }
    for sql in [
        "update event_log set time_ms = 0",
        "delete from event_log",
        "replace into event_log select * from event_log",
        "update names set value = 'eve'",
        "delete from names",
        "delete from event_personal",
        "update event_personal set seq = 9",
    ] {
        let unit =
            Unit { changes: vec![Box::new(Forger(sql))], event: event("eve"), further: Vec::new() };
        assert!(matches!(store.commit(unit).await, Err(Error::Conflict)), "{sql}");
    }
    assert_eq!(store.health().last_seq, 1);
    assert!(store.read(|tx| meta::set(tx, "x", "y")).is_err(), "readers cannot write");
}

#[tokio::test]
async fn a_full_disk_refuses_cleanly_and_recovers() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    store.commit(record("ada")).await.unwrap();
    drop(store);
    let pages = std::fs::metadata(folder.path().join("wardbook.db")).unwrap().len() / 4_096;
    let quota = u32::try_from(pages).unwrap() + 4;
    let settings = Settings { pages_max: Some(quota), ..Settings::default() };
    let store = open_with(folder.path(), settings);
    let things = Things::default();
    let mut last = 0;
    let full = loop {
        let mut unit = record("a new name");
        unit.event.body = vec![7; 2_000];
        match store.commit(unit).await {
            Ok(receipt) => last = receipt.seq(),
            Err(error) => break error,
        }
    };
    assert!(matches!(full, Error::Unavailable(_)), "{full:?}");
    assert!(matches!(store.health().writer, Err(Error::Unavailable(_))));
    let big = "x".repeat(20_000);
    assert!(matches!(store.commit(record(&big)).await, Err(Error::Unavailable(_))));
    assert!(store.commit(things.unit(1, None)).await.is_err());
    assert!(things.published().is_empty());
    assert_eq!(store.health().last_seq, last);

    // Without the quota there is room again.
    drop(store);
    let store = open(folder.path());
    assert_eq!(store.health().last_seq, last);
    assert_eq!(store.commit(record(&big)).await.unwrap().seq(), last + 1);
    assert!(store.health().writer.is_ok());
    assert_eq!(store.commit(things.unit(1, None)).await.unwrap().seq(), last + 2);
}

#[tokio::test]
async fn a_failed_batch_is_answered_as_a_whole_and_the_next_goes_through() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let things = Things::default();
    let refused = Error::Unavailable(Arc::new(std::io::Error::other("disk")));
    let answer = store.commit(things.unit(1, Some(refused))).await;
    assert!(matches!(answer, Err(Error::Unavailable(_))));
    assert!(store.health().writer.is_err());
    // Its names went with the rollback: the next record writes them again.
    assert_eq!(store.commit(things.unit(1, None)).await.unwrap().seq(), 1);
    assert!(store.health().writer.is_ok());
    assert_eq!(store.read(|tx| tx.rows(&EVENTS, &[])).unwrap().len(), 1);
}

#[tokio::test]
async fn health_recovers_without_traffic() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let things = Things::default();
    let refused = Error::Unavailable(Arc::new(std::io::Error::other("disk")));
    store.commit(things.unit(1, Some(refused))).await.unwrap_err();
    while store.health().writer.is_err() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_failed_sync_closes_the_book_for_good() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let things = Things::default();
    store.commit(record("before")).await.unwrap();
    store.commit(things.unit(1, Some(Error::Poisoned))).await.unwrap_err();
    for _ in 0..3 {
        assert!(matches!(store.commit(record("after")).await, Err(Error::Poisoned)));
    }
    assert!(matches!(store.health().writer, Err(Error::Poisoned)));
    store.close();
    assert!(matches!(store.health().writer, Err(Error::Poisoned)));
    drop(store);
    assert_eq!(open(folder.path()).health().last_seq, 1);
}

/// Holds the writer until it is let go.
struct Gate(Mutex<std::sync::mpsc::Receiver<()>>);

impl Change for Gate {
    fn write(&self, _: &mut dyn Tx) -> Result<(), Error> {
        self.0.lock().unwrap().recv().ok();
        Ok(())
    }
    fn publish(&self) {}
}

#[tokio::test]
async fn the_queue_is_bounded_and_waiting_ends() {
    let folder = TempDir::new().unwrap();
    let settings = Settings { queue_units: 1, commit_wait_ms: 50, ..Settings::default() };
    let store = Arc::new(open_with(folder.path(), settings));
    let (open_gate, gate) = std::sync::mpsc::channel();
    let held = Unit {
        changes: vec![Box::new(Gate(Mutex::new(gate)))],
        event: event("held"),
        further: Vec::new(),
    };
    // The writer is inside `held`, which is begun but not done in time.
    assert!(matches!(store.commit(held).await, Err(Error::Timeout)));
    // One fits into the queue and gives up there; then the queue is full.
    assert!(matches!(store.commit(record("gives up")).await, Err(Error::Timeout)));
    assert!(matches!(store.commit(record("too many")).await, Err(Error::Busy)));
    assert_eq!(store.health().queued_units, 1);
    open_gate.send(()).unwrap();
    loop {
        match store.commit(record("at last")).await {
            Ok(receipt) => break assert_eq!(receipt.seq(), 2, "`gives up` left no record"),
            Err(error) => assert!(matches!(error, Error::Busy | Error::Timeout)),
        }
    }
    assert_eq!(store.health().queued_units, 0);
}

#[tokio::test]
async fn a_panic_in_a_change_closes_the_store() {
    struct Broken;
    impl Change for Broken {
        fn write(&self, _: &mut dyn Tx) -> Result<(), Error> {
            panic!("broken on purpose")
        }
        fn publish(&self) {}
    }
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let unit = Unit { changes: vec![Box::new(Broken)], event: event("x"), further: Vec::new() };
    assert!(matches!(store.commit(unit).await, Err(Error::Closed)));
    assert!(matches!(store.commit(record("x")).await, Err(Error::Closed)));
    assert!(matches!(store.health().writer, Err(Error::Closed)));
}

#[tokio::test]
async fn the_write_ahead_log_stays_bounded_under_a_writer_that_never_rests() {
    let folder = TempDir::new().unwrap();
    let store = Arc::new(open(folder.path()));
    let mut tasks = Vec::new();
    for _ in 0..4 {
        let store = Arc::clone(&store);
        tasks.push(tokio::spawn(async move {
            for _ in 0..300 {
                let mut unit = record("busy");
                unit.event.body = vec![7; 64 * 1024];
                store.commit(unit).await.unwrap();
            }
        }));
    }
    let mut longest = 0;
    while !tasks.iter().all(tokio::task::JoinHandle::is_finished) {
        longest = longest.max(store.health().wal_bytes);
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    for task in tasks {
        task.await.unwrap();
    }
    // 1,200 records of 64 KiB are 79 MB; the log starts anew at 16 MB, or as
    // soon as a slow disk is through with the checkpoint before.
    assert!(longest > 0 && longest < 48 * 1024 * 1024, "{longest}");
}
