//! Personal data is erased from the files, and nothing else changes.

use super::*;

/// Erases one record's personal data.
struct Erase {
    seq: i64,
    was: Personal,
    left: Personal,
}

impl Change for Erase {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), Error> {
        erase(tx, self.seq, &self.was, &self.left)
    }

    fn publish(&self) {}

    fn erases(&self) -> bool {
        true
    }
}

const ADDRESS: &str = "203.0.113.99";

fn with_address() -> Personal {
    personal(Some(ADDRESS.to_owned()))
}

fn erasure(seq: i64, left: &Personal) -> Vec<Box<dyn Change>> {
    vec![Box::new(Erase { seq, was: with_address(), left: left.clone() })]
}

fn unit(event: NewEvent, changes: Vec<Box<dyn Change>>) -> Unit {
    Unit { changes, event, further: Vec::new() }
}

/// Writes a record that has the address.
async fn write_address(store: &Store) {
    let event = NewEvent { personal: with_address(), ..event("ada") };
    store.commit(unit(event, Vec::new())).await.unwrap();
}

/// Waits for something that the threads of the store do.
async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

/// How often the address stands in these files.
fn traces(folder: &Path, names: &[&str]) -> usize {
    let file = |name| std::fs::read(folder.join(name)).unwrap_or_default();
    let files: Vec<u8> = names.iter().flat_map(file).collect();
    files.windows(ADDRESS.len()).filter(|part| *part == ADDRESS.as_bytes()).count()
}

const BOOK: [&str; 2] = ["wardbook.db", "wardbook.db-wal"];
const INDEX: [&str; 2] = ["index.db", "index.db-wal"];

#[tokio::test]
async fn what_is_erased_is_gone_from_the_files() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    write_address(&store).await;
    until(|| store.health().indexed_seq == 1).await;
    let left_in = |files| traces(folder.path(), files);
    assert!(left_in(&BOOK) >= 1 && left_in(&INDEX) >= 1);
    let left = Personal { body: b"left".to_vec(), ..personal(None) };
    // It is not what somebody thinks it is.
    let other = Erase { seq: 1, was: left.clone(), left: left.clone() };
    let refused = store.commit(unit(event("never"), vec![Box::new(other)])).await;
    assert!(matches!(refused, Err(Error::Conflict)));
    store.commit(unit(event("why"), erasure(1, &left))).await.unwrap();
    until(|| left_in(&BOOK) == 0 && left_in(&INDEX) == 0).await;
    let erased = store.read(|tx| log::Finder::default().erasures(tx, 0, 10)).unwrap();
    let [log::Erasure { n: 1, record }] = &erased[..] else { panic!("{erased:?}") };
    assert_eq!((record.position.seq, record.personal.as_ref()), (1, Some(&left)));
    assert_eq!(store.read(|tx| log::Finder::default().erasures(tx, 1, 10)).unwrap(), []);
    // The list only grows.
    for sql in ["delete from event_erasures", "update event_erasures set seq = 9"] {
        let refused = store.commit(unit(event("eve"), vec![Box::new(Forger(sql))])).await;
        assert!(matches!(refused, Err(Error::Conflict)), "{sql}: {refused:?}");
    }
}

/// Records found no room beside the index, then some did, and one of these loses its
/// address while the index still reads the others from the log.
#[tokio::test]
async fn what_is_erased_before_it_is_indexed_stays_out() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let marks = |event: &NewEvent, _: &str| Marks {
        source_ip: event.personal.source_ip.as_ref().map(|ip| ip.parse().unwrap()),
        ..Marks::default()
    };
    for seq in 1..=30 {
        let text = (seq > 20).then(|| Text { whole: String::new(), marks });
        let personal = if seq == 25 { with_address() } else { personal(None) };
        let event = NewEvent { personal, text, ..event("ada") };
        store.commit(unit(event, Vec::new())).await.unwrap();
    }
    store.commit(unit(event("why"), erasure(25, &personal(None)))).await.unwrap();
    until(|| store.health().indexed_seq == 31).await;
    let index = rusqlite::Connection::open(folder.path().join("index.db")).unwrap();
    let addresses = "select count(*) from texts where value = ?";
    let found: i64 = index.query_row(addresses, [ADDRESS], |row| row.get(0)).unwrap();
    assert_eq!(found, 0);
}

/// A reader keeps the write-ahead log from being emptied until the server is gone; the
/// next one empties it.
#[tokio::test]
async fn a_server_that_was_killed_empties_the_write_ahead_log_later() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    write_address(&store).await;
    let reader = rusqlite::Connection::open(folder.path().join("wardbook.db")).unwrap();
    reader.execute_batch("begin; select count(*) from event_log").unwrap();
    store.commit(unit(event("why"), erasure(1, &personal(None)))).await.unwrap();
    let copy = crash_copy(folder.path());
    assert!(traces(copy.path(), &BOOK) > 0, "the reader did not stand in the way");
    let next = open(copy.path());
    until(|| traces(copy.path(), &BOOK) == 0).await;
    assert_eq!(next.health().last_seq, 2);
}

/// The index has no room for records, but what is erased leaves it.
#[tokio::test]
async fn what_is_erased_leaves_the_index_while_the_reserve_is_used() {
    let folder = TempDir::new().unwrap();
    let settings = Settings { index_interval_ms: 1, ..Settings::default() };
    let store = open_with(folder.path(), settings);
    write_address(&store).await;
    until(|| store.health().indexed_seq == 1).await;
    drop(store);
    // No disk has room for such a reserve, so that it stays used.
    std::fs::write(folder.path().join("reserve"), []).unwrap();
    let store = open_with(folder.path(), Settings { reserve_bytes: Some(1 << 60), ..settings });
    store.commit(unit(event("why"), erasure(1, &personal(None)))).await.unwrap();
    until(|| traces(folder.path(), &INDEX) == 0).await;
    let Health { indexed_seq, last_seq, reserve, .. } = store.health();
    assert_eq!((indexed_seq, last_seq, reserve), (1, 2, Reserve::Used));
}

struct Forger(&'static str);

impl Change for Forger {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), Error> {
        tx.run(&Query { name: "forger", sql: self.0 }, &[]).map(drop)
    }

    fn publish(&self) {}
}
