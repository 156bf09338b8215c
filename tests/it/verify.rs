//! `wardbook audit verify`, on books that a server wrote.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;
use wardbook::audit::verify::{IndexState, Kept, Wanted, WantedExport, verify, verify_export};

use crate::fixture::Server;
use crate::fixture::program::Home;

/// The book of a folder and its write-ahead log, as they stand.
pub(crate) fn copy_of(book: &Path) -> TempDir {
    let copy = TempDir::new().unwrap();
    for name in ["wardbook.db", "wardbook.db-wal"] {
        let from = book.with_file_name(name);
        if from.exists() {
            fs::copy(from, copy.path().join(name)).unwrap();
        }
    }
    copy
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
    let mut names: Vec<String> = entries.map(|entry| name(entry.unwrap())).collect();
    names.sort();
    names
}

/// Checks a copy of what a server has written so far; answers how many records
/// have lost personal data.
#[track_caller]
pub(crate) fn check_intact(server: &Server) -> u64 {
    let copy = copy_of(&server.book_file());
    let read = |name: &String| fs::read(copy.path().join(name)).unwrap();
    let before: Vec<_> = names(copy.path()).iter().map(read).collect();
    let wanted =
        Wanted { folder: copy.path(), key: None, kept: Vec::new(), index: false, threads: 2 };
    let report = verify(wanted, &|_, _| {}).unwrap();
    assert_eq!(report.findings(), []);
    assert_eq!(report.size, Some(report.records));
    // Nothing is written, not even beside the files.
    let after: Vec<_> = names(copy.path()).iter().map(read).collect();
    assert!(before == after);
    report.erased
}

#[test]
fn a_copy_of_a_running_server_is_checked_and_its_folder_refused() {
    let home = Home::new();
    let program = home.serve(&[]);
    (0..3).for_each(|_| drop(program.new_key()));
    let copy = copy_of(&home.data().join("wardbook.db"));
    let verify_at = |folder: &Path| {
        let wanted = Wanted { folder, key: None, kept: Vec::new(), index: true, threads: 1 };
        verify(wanted, &|_, _| {})
    };
    assert_eq!(verify_at(copy.path()).unwrap().findings(), []);
    let refused = verify_at(&home.data()).unwrap_err();
    assert!(format!("{refused:?}").contains("Locked"), "{refused:?}");
    program.terminate();
    let report = verify_at(&home.data()).unwrap();
    assert_eq!(report.findings(), []);
    let compared = matches!(report.index, Some(IndexState::Compared { unfollowed: 0, .. }));
    assert!(compared, "{:?}", report.index);
}

/// A checkpoint that an export cannot be compared with is named, also if there is
/// one beside it that it can.
#[test]
fn kept_checkpoints_that_say_nothing_of_an_export_are_named() {
    let server = Server::start();
    server.new_key();
    let get = |path: &str| server.rest("GET", path, &Value::Null);
    let checkpoint = || {
        let head = get("/v1/audit/checkpoint").ok();
        (head["checkpoint"].as_str().unwrap().to_owned(), head["size"].as_u64().unwrap())
    };
    let (early, size) = checkpoint();
    let file = get(&format!("/v1/audit/export?proof=true&checkpointSize={size}")).text();
    server.new_key();
    let (late, late_size) = checkpoint();
    let checked = |kept: &[(&str, &str)]| {
        let kept = kept.iter().map(|(name, text)| Kept::text(*name, *text));
        let mut file = file.as_bytes();
        let wanted = WantedExport { file: &mut file, key: None, kept: kept.collect() };
        verify_export(wanted, &mut |_| {}).unwrap()
    };
    let both = checked(&[("early", &early), ("late", &late)]);
    assert!(both.report.is_intact() && both.report.checkpoints == 1);
    let [left] = &both.not_compared[..] else { panic!("{:?}", both.not_compared) };
    assert_eq!((left.name.as_str(), left.checkpoints), ("late", 1));
    assert_eq!((left.smallest, left.largest), (late_size, late_size));
    assert_eq!(checked(&[("early", &early)]).not_compared, []);
}
