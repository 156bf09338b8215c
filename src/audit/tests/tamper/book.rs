//! A signed book with records of all kinds of callers, and two erasures.

use super::*;
use crate::audit::ledger::tests::notes::hsm;
use crate::audit::ledger::{found, resume};
use crate::store::{Change, NewEvent, Settings, Store, Unit, tree};

/// Records of the book; not a multiple of 256.
pub(super) const RECORDS: u64 = 1_100;
/// Every so many a record has field reads, three of them.
pub(super) const READING: u64 = 11;
/// Records of one commit.
const BATCH: u64 = 10;

pub(super) struct SignedBook {
    folder: TempDir,
    pub(super) key: VerifierKey,
    /// A head of early on, and the last one.
    pub(super) early: String,
    pub(super) late: String,
}

fn id(seq: u64) -> [u8; 16] {
    (u128::from(seq) << 64 | 0x4000_8000_0000_0000_0000).to_be_bytes()
}

fn case(seq: u64) -> Case {
    let time_ms = 1_793_614_272_345 + i64::try_from(seq).unwrap() * 400;
    let case = match seq % 6 {
        0 => Case {
            arns: vec![KEY.to_owned(), OTHER.to_owned()],
            ..Case::new(session(), "ReEncrypt")
        },
        1 => Case {
            error: Some(("AccessDenied", "User: i-0123 is not authorized".to_owned())),
            read_only: false,
            ..Case::new(session(), "DisableKey")
        },
        2 => Case::new(caller(Principal::Anonymous { account: account() }), "ListKeys"),
        3 => Case { event_type: EventType::AwsServiceEvent, ..Case::new(ada(), "RotateKey") },
        _ => Case::decrypt(ada()),
    };
    let request_id = RequestId::from_bytes(id(seq));
    Case { time_ms, caller: Caller { request_id, ..case.caller.clone() }, ..case }
}

fn event(seq: u64, case: &Case) -> NewEvent {
    let salt = id(seq ^ 0xffff);
    let reads = reads(seq).pack().unwrap();
    case.with(|record| {
        let own = Own { field_reads: reads.as_ref(), ..record.own };
        prepare(&Record { event_id: id(seq), salt, own, ..*record }).unwrap()
    })
}

/// What the record opens of items: every eleventh of three.
fn reads(seq: u64) -> FieldReads {
    let item = |item: u16| ItemRead {
        item,
        reference: id(seq ^ u64::from(item)),
        key: (seq.is_multiple_of(2)).then(|| vec![format!("person {seq}-{item}")]),
        plain: vec!["ssn".to_owned()],
        masked: if item > 0 { vec!["email".to_owned()] } else { Vec::new() },
        withheld: Vec::new(),
    };
    FieldReads {
        kind: ReadKind::Returned,
        schema: "people".to_owned(),
        version: 1,
        table: "People".to_owned(),
        attributes: ["email".to_owned(), "ssn".to_owned()].into(),
        items: if seq.is_multiple_of(READING) { [0, 1, 3].map(item).into() } else { Vec::new() },
    }
}

fn commit(store: &Store, changes: Vec<Box<dyn Change>>, events: Vec<NewEvent>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut events = events.into_iter();
    let event = events.next().unwrap();
    runtime.block_on(store.commit(Unit { changes, event, further: events.collect() })).unwrap();
}

/// Erases fields of two records; the record of that stands at `seq`.
fn erase(store: &Store, seq: u64, of: [u64; 2], fields: &[(&str, Field)]) {
    let erased = of.map(|seq| RequestId::from_bytes(id(seq)));
    let by = RequestId::from_bytes(id(seq));
    let plan = plan_erasure(
        store,
        &Erasure {
            of: Events::Ids { account: account().to_string(), event_ids: erased.to_vec() },
            fields: fields.iter().map(|(_, field)| *field).collect(),
            by,
        },
    )
    .unwrap();
    let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    let request = serde_json::json!({ "fields": names });
    let response = serde_json::json!({ "eventIds": erased.map(|id| id.to_string()) });
    let case = Case {
        event_name: "EraseEventFields",
        read_only: false,
        request: Some(json(&request.to_string())),
        response: Some(json(&response.to_string())),
        arns: Vec::new(),
        error: None,
        time_ms: case(seq).time_ms,
        ..case(4)
    };
    let caller = Caller { request_id: by, ..case.caller.clone() };
    commit(store, vec![plan.change], vec![event(seq, &Case { caller, ..case })]);
}

impl SignedBook {
    pub(super) fn new() -> Self {
        let (folder, hsm) = (TempDir::new().unwrap(), hsm());
        let store = Store::open(folder.path(), Settings::default(), marks).unwrap();
        let (ledger, founding) = found(&hsm, &store, None, 1).unwrap();
        let key = ledger.notary.key().clone();
        store.appoint(Box::new(ledger.notary)).unwrap();
        commit(&store, vec![Box::new(founding)], vec![event(1, &case(1))]);
        let mut seq = 2;
        while seq < RECORDS - 1 {
            let end = (seq + BATCH).min(RECORDS - 1);
            commit(&store, Vec::new(), (seq..end).map(|seq| event(seq, &case(seq))).collect());
            seq = end;
        }
        erase(&store, RECORDS - 1, [5, 6], &[("userAgent", Field::UserAgent)]);
        let fields =
            [("userIdentity", Field::UserIdentity), ("sourceIPAddress", Field::SourceIpAddress)];
        erase(&store, RECORDS, [6, 7], &fields);
        let late = store.read(|tx| tree::head(tx)).unwrap().unwrap().note;
        let early = store.read(|tx| tree::checkpoint(tx, 1)).unwrap().unwrap();
        assert!(resume(&hsm, &store, None).unwrap().is_some());
        // Every erasure comes with a record.
        while store.health().indexed_seq < store.health().last_seq {
            std::thread::yield_now();
        }
        drop(store);
        for name in ["wardbook.db", "index.db"] {
            let file = Connection::open(folder.path().join(name)).unwrap();
            file.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(())).unwrap();
        }
        Self { folder, key, early, late }
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn copy(&self) -> TempDir {
        let copy = TempDir::new().unwrap();
        for name in ["wardbook.db", "wardbook.db-wal", "index.db", "index.db-wal"] {
            let from = self.folder().join(name);
            if from.exists() {
                std::fs::copy(from, copy.path().join(name)).unwrap();
            }
        }
        copy
    }
}
