//! Copies of the book while it is written to.

use std::fs::File;
use std::io;

use super::*;

fn commit(runtime: &tokio::runtime::Runtime, store: &Store, units: u32) {
    for n in 0..units {
        runtime.block_on(store.commit(record(&n.to_string()))).unwrap();
    }
}

#[test]
fn a_copy_is_of_one_moment() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let (folder, copy) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let store = open(folder.path());
    commit(&runtime, &store, 40);
    let (mut snapshot, seen) = store
        .snapshot(|tx| {
            let seen = (log::last_seq(tx)?, tx.rows(&NAMES, &[])?[0].int(0)?);
            commit(&runtime, &store, 300);
            Ok(seen)
        })
        .unwrap();
    assert_eq!((seen.0, store.health().last_seq), (40, 340));
    assert!(!folder.path().join("snapshot.draft").exists());
    let bytes = snapshot.bytes();
    let mut file = File::create(copy.path().join("wardbook.db")).unwrap();
    assert_eq!(io::copy(&mut snapshot, &mut file).unwrap(), bytes);
    let copied = open(copy.path());
    assert_eq!((copied.health().last_seq, count(&copied, &NAMES)), seen);
    assert_eq!(copied.records_after(0, 100).unwrap().len(), 40);
    // Both go on.
    commit(&runtime, &copied, 1);
    commit(&runtime, &store, 1);
    assert_eq!((copied.health().last_seq, store.health().last_seq), (41, 341));
}

#[test]
fn what_cannot_be_read_leaves_no_copy() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let failed = store.snapshot(|_tx| Err::<(), _>(Error::Conflict));
    assert!(matches!(failed, Err(Error::Conflict)));
    assert!(!folder.path().join("snapshot.draft").exists());
    store.close();
    let closed = store.snapshot(|_tx| Ok(()));
    assert!(matches!(closed, Err(Error::Closed)));
    assert!(!folder.path().join("snapshot.draft").exists());
}
