//! Every commit carries a head; heads are kept and thinned.

use super::*;

const KEPT: Query =
    Query { name: "test.kept", sql: "select size, time_ms from checkpoints order by size" };

fn head(store: &Store) -> Option<Head> {
    store.read(|tx| tree::head(tx)).unwrap()
}

fn at(time_ms: i64) -> Unit {
    let mut unit = record("at");
    unit.event.time_ms = time_ms;
    unit
}

#[tokio::test]
async fn nothing_is_committed_that_nobody_signs() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(folder.path(), Settings::default(), seeds::read_marks).unwrap();
    assert!(matches!(store.commit(record("ada")).await, Err(Error::NoNotary)));
    assert_eq!((store.health().last_seq, head(&store)), (0, None));
    store.appoint(Counting::from(0)).unwrap();
    assert_eq!(store.commit(record("ada")).await.unwrap().seq(), 1);

    // A notary of another log, or of another time of this one.
    store.appoint(Counting::from(7)).unwrap();
    assert!(matches!(store.commit(record("ada")).await, Err(Error::Corrupt(_))));
    assert_eq!((store.health().last_seq, head(&store).unwrap().size), (1, 1));
    store.appoint(Counting::from(1)).unwrap();
    assert_eq!(store.commit(record("ada")).await.unwrap().seq(), 2);
}

#[tokio::test]
async fn every_commit_has_its_head_and_a_rollback_none() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let things = Things::default();
    for size in 1..=3 {
        let further = vec![event("second")];
        let unit = Unit { changes: Vec::new(), event: event("first"), further };
        store.commit(unit).await.unwrap();
        let note = format!("{} records\n", 2 * size);
        assert_eq!(head(&store), Some(Head { size: 2 * size, note }));
        let refused = Error::Unavailable(Arc::new(std::io::Error::other("disk")));
        for fail in [Error::Conflict, refused] {
            store.commit(things.unit(1, Some(fail))).await.unwrap_err();
            assert_eq!(head(&store).unwrap().size, 2 * size);
        }
    }
}

struct Refusing;

impl Notary for Refusing {
    fn attest(&mut self, _leaves: &[[u8; 32]]) -> Result<Attested, Error> {
        Err(Error::Notary(Arc::new(std::io::Error::other("no key"))))
    }
    fn committed(&mut self) {}
}

#[tokio::test]
async fn a_head_that_cannot_be_signed_fails_closed() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    store.commit(record("ada")).await.unwrap();
    store.appoint(Box::new(Refusing)).unwrap();
    let things = Things::default();
    assert!(matches!(store.commit(things.unit(1, None)).await, Err(Error::Notary(_))));
    assert!(matches!(store.health().writer, Err(Error::Notary(_))));
    assert!(things.published().is_empty());
    store.appoint(Counting::from(1)).unwrap();
    assert_eq!(store.commit(things.unit(1, None)).await.unwrap().seq(), 2);
    assert!(store.health().writer.is_ok());
}

/// Counts wrongly, once.
struct Mistaken(Box<Counting>, bool);

impl Notary for Mistaken {
    fn attest(&mut self, leaves: &[[u8; 32]]) -> Result<Attested, Error> {
        let mut attested = self.0.attest(leaves)?;
        if std::mem::take(&mut self.1) {
            attested.head.size = 0;
        }
        Ok(attested)
    }
    fn committed(&mut self) {
        self.0.committed();
    }
}

#[tokio::test]
async fn what_was_rolled_back_is_never_taken_as_committed() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(folder.path(), Settings::default(), seeds::read_marks).unwrap();
    store.appoint(Box::new(Mistaken(Counting::from(0), true))).unwrap();
    assert!(matches!(store.commit(record("rolled back")).await, Err(Error::Corrupt(_))));
    // A transaction that has no record, so no head.
    let things = Things::default();
    let conflict = store.commit(things.unit(1, Some(Error::Conflict))).await;
    assert!(matches!(conflict, Err(Error::Conflict)));
    for seq in 1..=3 {
        assert_eq!(store.commit(record("ada")).await.unwrap().seq(), seq);
        assert_eq!(head(&store).unwrap().size, u64::try_from(seq).unwrap());
        store.commit(things.unit(1, Some(Error::Conflict))).await.unwrap_err();
    }
}

#[tokio::test]
async fn nodes_are_read_back_or_missed() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let further = |count: u16| {
        (0..count).map(|i| NewEvent { leaf: leaf(i + 1), ..event("x") }).collect::<Vec<_>>()
    };
    let first = NewEvent { leaf: leaf(0), ..event("x") };
    let unit = Unit { changes: Vec::new(), event: first, further: further(599) };
    store.commit(unit).await.unwrap();
    let nodes = |height, first, count| store.read(|tx| tree::nodes(tx, height, first, count));
    assert_eq!(nodes(0, 5, 3).unwrap(), [leaf(5), leaf(6), leaf(7)]);
    assert_eq!(nodes(8, 0, 2).unwrap(), [leaf(255), leaf(511)]);
    for (height, first, count) in [(0, 599, 2), (0, 600, 1), (8, 1, 2), (16, 0, 1)] {
        assert!(matches!(nodes(height, first, count), Err(Error::Corrupt(_))));
    }
    assert!(store.read(|tx| tree::has_nodes(tx)).unwrap());
    assert_eq!(store.read(|tx| tree::log_size(tx)).unwrap(), 600);
}

fn leaf(i: u16) -> [u8; 32] {
    let mut leaf = [0; 32];
    leaf[..2].copy_from_slice(&i.to_be_bytes());
    leaf
}

#[tokio::test]
async fn heads_are_kept_by_the_second_and_then_by_the_hour() {
    const HOUR: i64 = 3_600_000;
    let folder = TempDir::new().unwrap();
    let mut store = open(folder.path());
    let kept = |store: &Store| -> Vec<(i64, i64)> {
        let rows = store.read(|tx| tx.rows(&KEPT, &[])).unwrap();
        rows.iter().map(|row| (row.int(0).unwrap(), row.int(1).unwrap())).collect()
    };
    let start = 1_000 * HOUR;
    for time in [0, 999, 1_000, 1_500, 2_500, 1_400] {
        store.commit(at(start + time)).await.unwrap();
    }
    let want = [(1, start), (3, start + 1_000), (5, start + 2_500), (6, start + 1_400)];
    assert_eq!(kept(&store), want);
    assert_eq!(store.read(|tx| tree::checkpoint(tx, 3)).unwrap().as_deref(), Some("3 records\n"));
    assert_eq!(store.read(|tx| tree::checkpoint(tx, 2)).unwrap(), None);

    // The youngest hour stays whole; what is older is one an hour.
    drop(store);
    store = open(folder.path());
    store.commit(at(start + HOUR)).await.unwrap();
    assert_eq!(kept(&store).len(), 5);
    store.commit(at(start + 2 * HOUR + 3_000)).await.unwrap();
    store.commit(at(start + 2 * HOUR + 3_001)).await.unwrap();
    let want = [(6, start + 1_400), (7, start + HOUR), (8, start + 2 * HOUR + 3_000)];
    assert_eq!(kept(&store), want);
    // That of the last commit is always there.
    assert!(store.read(|tx| tree::checkpoint(tx, 9)).unwrap().is_some());
}
