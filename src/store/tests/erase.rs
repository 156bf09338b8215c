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

#[tokio::test]
async fn what_is_erased_is_gone_from_the_files() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let was = personal(Some("203.0.113.99".to_owned()));
    let secret = NewEvent { personal: was.clone(), ..event("ada") };
    let unit = |event, changes| Unit { changes, event, further: Vec::new() };
    store.commit(unit(secret, Vec::new())).await.unwrap();
    let traces = || {
        let file = |name| std::fs::read(folder.path().join(name)).unwrap();
        let files = ["wardbook.db", "wardbook.db-wal", "index.db", "index.db-wal"].map(file);
        files.concat().windows(12).filter(|part| *part == b"203.0.113.99").count()
    };
    while store.health().indexed_seq < 1 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert!(traces() >= 2);
    let left = Personal { body: b"left".to_vec(), ..personal(None) };
    let change = |was: &Personal| -> Vec<Box<dyn Change>> {
        vec![Box::new(Erase { seq: 1, was: was.clone(), left: left.clone() })]
    };
    // It is not what somebody thinks it is.
    let other = unit(event("never"), change(&left));
    assert!(matches!(store.commit(other).await, Err(Error::Conflict)));
    store.commit(unit(event("why"), change(&was))).await.unwrap();
    while traces() > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
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
    let was = personal(Some("203.0.113.99".to_owned()));
    let marks = |event: &NewEvent, _: &str| Marks {
        source_ip: event.personal.source_ip.as_ref().map(|ip| ip.parse().unwrap()),
        ..Marks::default()
    };
    for seq in 1..=30 {
        let text = (seq > 20).then(|| Text { whole: String::new(), marks });
        let personal = if seq == 25 { was.clone() } else { personal(None) };
        let event = NewEvent { personal, text, ..event("ada") };
        store.commit(Unit { changes: Vec::new(), event, further: Vec::new() }).await.unwrap();
    }
    let left = personal(None);
    let change: Box<dyn Change> = Box::new(Erase { seq: 25, was, left });
    let why = Unit { changes: vec![change], event: event("why"), further: Vec::new() };
    store.commit(why).await.unwrap();
    while store.health().indexed_seq < 31 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let index = rusqlite::Connection::open(folder.path().join("index.db")).unwrap();
    let addresses = "select count(*) from texts where value = '203.0.113.99'";
    let found: i64 = index.query_row(addresses, [], |row| row.get(0)).unwrap();
    assert_eq!(found, 0);
}

/// A reader keeps the write-ahead log from being emptied until the server is gone; the
/// next one empties it.
#[tokio::test]
async fn a_server_that_was_killed_empties_the_write_ahead_log_later() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let was = personal(Some("203.0.113.99".to_owned()));
    let secret = NewEvent { personal: was.clone(), ..event("ada") };
    let unit = |event, changes| Unit { changes, event, further: Vec::new() };
    store.commit(unit(secret, Vec::new())).await.unwrap();
    let traces = |folder: &Path| {
        let file = |name| std::fs::read(folder.join(name)).unwrap_or_default();
        let files = ["wardbook.db", "wardbook.db-wal"].map(file);
        files.concat().windows(12).any(|part| part == b"203.0.113.99")
    };
    let reader = rusqlite::Connection::open(folder.path().join("wardbook.db")).unwrap();
    reader.execute_batch("begin; select count(*) from event_log").unwrap();
    let change: Box<dyn Change> = Box::new(Erase { seq: 1, was, left: personal(None) });
    store.commit(unit(event("why"), vec![change])).await.unwrap();
    let copy = crash_copy(folder.path());
    assert!(traces(copy.path()), "the reader did not stand in the way");
    let next = open(copy.path());
    while traces(copy.path()) {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(next.health().last_seq, 2);
}

/// The index has no room for records, but what is erased leaves it.
#[tokio::test]
async fn what_is_erased_leaves_the_index_while_the_reserve_is_used() {
    let folder = TempDir::new().unwrap();
    let settings = Settings { index_interval_ms: 1, ..Settings::default() };
    let store = open_with(folder.path(), settings);
    let was = personal(Some("203.0.113.99".to_owned()));
    let secret = NewEvent { personal: was.clone(), ..event("ada") };
    let unit = |event, changes| Unit { changes, event, further: Vec::new() };
    store.commit(unit(secret, Vec::new())).await.unwrap();
    while store.health().indexed_seq < 1 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    drop(store);
    // No disk has room for such a reserve, so that it stays used.
    std::fs::write(folder.path().join("reserve"), []).unwrap();
    let store = open_with(folder.path(), Settings { reserve_bytes: Some(1 << 60), ..settings });
    let change: Box<dyn Change> = Box::new(Erase { seq: 1, was, left: personal(None) });
    store.commit(unit(event("why"), vec![change])).await.unwrap();
    let traces = || {
        let file = |name| std::fs::read(folder.path().join(name)).unwrap_or_default();
        let files = ["index.db", "index.db-wal"].map(file);
        files.concat().windows(12).any(|part| part == b"203.0.113.99")
    };
    while traces() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
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
