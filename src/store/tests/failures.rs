//! What happens to those who wait together when the disk fails them.

use tempfile::TempDir;

use super::*;

/// Many wait for one commit, and there is room for some of them only: all are
/// told, nothing of any is there, and the next that fits goes through.
#[tokio::test]
async fn a_disk_that_is_full_in_the_middle_of_a_batch() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    assert_eq!(store.commit(record("before")).await.unwrap().seq(), 1);
    drop(store);
    let pages = std::fs::metadata(folder.path().join("wardbook.db")).unwrap().len() / 4_096;
    let quota = u32::try_from(pages).unwrap() + 40;
    let settings = Settings { pages_max: Some(quota), ..Settings::default() };
    let store = Arc::new(open_with(folder.path(), settings));
    let (open_gate, gate) = std::sync::mpsc::channel();
    let (reach, reached) = tokio::sync::oneshot::channel();
    let held = Unit {
        changes: vec![Box::new(Reached(Mutex::new(Some(reach)))), Box::new(Gate(Mutex::new(gate)))],
        event: event("held"),
        further: Vec::new(),
    };
    let things = Things::default();
    let of_store = Arc::clone(&store);
    let first = tokio::spawn(async move { of_store.commit(held).await });
    // Else the writer may take some of the others together with the first.
    reached.await.unwrap();
    let mut waiting = Vec::new();
    for id in 0..60 {
        let mut unit = things.unit(id, None);
        unit.event.body = vec![7; 8_000];
        let store = Arc::clone(&store);
        waiting.push(tokio::spawn(async move { store.commit(unit).await }));
    }
    while store.health().queued_units < 60 {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    open_gate.send(()).unwrap();
    assert_eq!(first.await.unwrap().unwrap().seq(), 2);
    for answer in waiting {
        let refused = answer.await.unwrap();
        assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
    }
    assert!(things.published().is_empty());
    assert_eq!(store.health().last_seq, 2);
    assert!(matches!(store.health().writer, Err(Error::Unavailable(_))));
    assert_eq!(store.commit(record("fits")).await.unwrap().seq(), 3);
    assert!(store.health().writer.is_ok());
    assert_eq!(store.read(|tx| tx.rows(&EVENTS, &[])).unwrap().len(), 3);
}

/// Tells that the writer has come so far.
struct Reached(Mutex<Option<tokio::sync::oneshot::Sender<()>>>);

impl Change for Reached {
    fn write(&self, _: &mut dyn Tx) -> Result<(), Error> {
        self.0.lock().unwrap().take().unwrap().send(()).unwrap();
        Ok(())
    }
    fn publish(&self) {}
}

/// The reserve is given up when the disk is full, and taken again when it is not.
#[tokio::test]
async fn a_full_disk_uses_the_reserve() {
    let folder = TempDir::new().unwrap();
    let bytes = 1 << 20;
    let settings = Settings { reserve_bytes: Some(bytes), ..Settings::default() };
    let store = open_with(folder.path(), settings);
    assert_eq!(store.health().reserve, Reserve::Held { bytes });
    drop(store);
    // A quota is full as a disk is.
    let pages = std::fs::metadata(folder.path().join("wardbook.db")).unwrap().len() / 4_096;
    let pages_max = Some(u32::try_from(pages).unwrap());
    let store = open_with(folder.path(), Settings { pages_max, ..settings });
    let mut unit = record("big");
    unit.event.body = vec![7; 20_000];
    assert!(matches!(store.commit(unit).await, Err(Error::Unavailable(_))));
    let file = folder.path().join("reserve");
    // Here the disk itself has room, so that the reserve comes back by itself.
    while store.health().reserve != (Reserve::Held { bytes }) {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert!(!store.is_on_reserve());
    assert_eq!(std::fs::metadata(&file).unwrap().len(), bytes);
}
