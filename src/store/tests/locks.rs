//! The locks by which other programs that read the files know that somebody has
//! them open.

use std::os::unix::fs::MetadataExt;

use super::*;

/// The byte behind which SQLite's shared locks begin (`SHARED_FIRST`, os_unix.c).
const SHARED_FIRST: &str = " 1073741826 ";

#[track_caller]
fn check_locked(folder: &Path, file: &str) {
    let inode = std::fs::metadata(folder.join(file)).unwrap().ino();
    let locks = std::fs::read_to_string("/proc/locks").unwrap();
    let (of_file, shared) = (format!(":{inode} "), SHARED_FIRST);
    let is_held =
        |lock: &str| lock.contains(" POSIX ") && lock.contains(&of_file) && lock.contains(shared);
    assert!(locks.lines().any(is_held), "{file} ({inode}) is not locked:\n{locks}");
}

#[tokio::test]
async fn the_files_stay_locked_while_they_are_open() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let store = open(folder);
    let check = || ["wardbook.db", "index.db"].map(|file| check_locked(folder, file));
    check();
    store.commit(record("a")).await.unwrap();
    store.snapshot(|_tx| Ok(())).unwrap();
    check();
    // Whoever asks for a folder that is served is refused before it is touched.
    assert!(matches!(inspect::Book::open(folder), Err(Error::Locked)));
    check();
    store.close();
    drop(store);

    // An index that is made anew.
    std::fs::write(folder.join("index.db"), "damaged").unwrap();
    let store = open(folder);
    check();
    store.commit(record("b")).await.unwrap();
    store.read(|tx| tx.rows(&COUNT_EVENTS, &[]).map(drop)).unwrap();
    check();
}

/// Whoever was slow to let go of a store that is closed keeps nobody out.
#[tokio::test]
async fn a_closed_store_gives_up_its_folder() {
    let folder = TempDir::new().unwrap();
    let closed = open(folder.path());
    closed.close();
    let store = open(folder.path());
    store.commit(record("a")).await.unwrap();
    assert!(matches!(closed.commit(record("b")).await, Err(Error::Closed)));
    drop(closed);
    assert!(matches!(inspect::Book::open(folder.path()), Err(Error::Locked)));
    store.commit(record("c")).await.unwrap();
}

const COUNT_EVENTS: Query = Query { name: "test.count_events", sql: "select count(*) from events" };
