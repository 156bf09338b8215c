//! Whoever owns the folder changes the search index, to hide records from who asks
//! a server.

use super::book::{RECORDS, SignedBook};
use super::dump::Dump;
use super::*;
use crate::audit::verify::IndexState;

fn change(folder: &Path, sql: &str) {
    let index = Connection::open(folder.join("index.db")).unwrap();
    index.execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    index.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(())).unwrap();
}

fn check(folder: &Path) -> Report {
    let wanted = Wanted { folder, key: None, kept: Vec::new(), index: true, threads: 2 };
    verify(wanted, &|_, _| {}).unwrap()
}

/// What is told of an index after this SQL.
fn told(book: &SignedBook, sql: &str) -> Vec<String> {
    let copy = book.copy();
    change(copy.path(), sql);
    let report = check(copy.path());
    assert!(report.findings().iter().all(|finding| finding.kind == Kind::Index), "{sql}");
    // Without being asked, nothing looks at it.
    let wanted =
        Wanted { folder: copy.path(), key: None, kept: Vec::new(), index: false, threads: 1 };
    let alone = verify(wanted, &|_, _| {}).unwrap();
    assert_eq!((alone.findings(), alone.index), (&[][..], None), "{sql}");
    report.findings().iter().map(|finding| finding.text.clone()).collect()
}

/// Another time for the first record of the fourth window.
const CELLS: &str = "update cells set cells = cast(substr(cells, 1, 11) || x'7f' || \
                     substr(cells, 13) as blob) where place = 3 * 4 * 8";

#[test]
fn what_is_wrong_with_the_index_is_named() {
    let book = SignedBook::new();
    let report = check(book.folder());
    assert_eq!(report.findings(), []);
    let state = IndexState::Compared { records: RECORDS, behind: 0, unfollowed: 0 };
    assert_eq!(report.index, Some(state));
    let mut unseen = Vec::new();
    for (sql, want) in [
        (
            "update postings set places = x'' where window = 2 and field = 9 and value = 0",
            "does not find 10 of them by their error",
        ),
        ("delete from postings where window = 2 and field = 7", "of them by their key"),
        (
            "update postings set places = (select places from postings where window = 2 and \
             field = 12) where window = 2 and field = 9 and value = 0",
            "by the error of others",
        ),
        (
            "insert into postings select window + 900, field, value, places from postings \
             where window = 2",
            "search index: it has rows of the window 902, which has no records",
        ),
        (
            "insert into postings select window, 99, value, places from postings \
             where window = 2 and field = 7 limit 1",
            "by the value of no kind of others",
        ),
        // What record 6 has lost is there again.
        (
            "insert into postings select 0, 10, min(value), x'05' from postings where field = 10 \
             on conflict do update set places = x'05'",
            "): the search index finds it by the source address of others",
        ),
        ("delete from windows where window = 3", "records 193 to 256: the search index has no row"),
        ("update windows set latest_ms = latest_ms - 1 where window = 3", "says other times"),
        ("delete from ids where window = 1 and bucket = 0", "request or event id"),
        (
            "update ids set entries = x'00' where window = 1 and bucket = 0",
            "the search index has damaged ids",
        ),
        (
            "update ids set entries = cast(entries || entries as blob) where window = 1 and bucket = 0",
            "their ids are written in another way",
        ),
        (CELLS, "by another time"),
        ("delete from cells where place = 3 * 4 * 8 + 3", "by another key"),
        ("insert into cells values (3 * 4 * 8 + 7, x'00')", "which mean nothing"),
        ("update texts set value = value || 'x' where field = 3", "by their event name"),
        ("delete from texts where field = 10", "by their source address"),
        ("update texts set key_id = 'x' where field = 7", "search index: the row of its text"),
        ("update texts set address = zeroblob(16) where field = 10", "the row of its text"),
        ("insert into texts (field, value) values (10, '203.0.113.66')", "no record has its text"),
        ("update progress set seq = seq + 1", "that it has 1101 records, and the log has 1100"),
        ("update progress set leaf = x''", "the record 1100 that it says it has is not that"),
        ("update progress set log_id = 'other'", "it is of another log"),
        ("update progress set erasure = erasure + 1", "it has followed the erasure 5"),
        ("delete from progress", "it does not say how far it is"),
        ("drop index texts_address", "schema: the index texts_address is gone"),
        (
            "update progress set seq = 640, leaf = (select x'')",
            "the record 640 that it says it has is not that of the log",
        ),
    ] {
        let told = told(&book, sql);
        if !told.iter().any(|text| text.contains(want)) {
            unseen.push(format!("{sql}: {told:?}"));
        }
    }
    assert_eq!(unseen, [""; 0]);
}

/// What a server mends by itself when it starts is told, and is no damage.
#[test]
fn an_index_that_is_absent_old_or_behind_is_told() {
    let book = SignedBook::new();
    let copy = book.copy();
    change(copy.path(), "pragma user_version = 3");
    let report = check(copy.path());
    assert_eq!(report.findings(), []);
    assert_eq!(report.index, Some(IndexState::OtherVersion { version: 3 }));
    std::fs::remove_file(copy.path().join("index.db")).unwrap();
    let report = check(copy.path());
    assert_eq!((report.findings(), report.index), (&[][..], Some(IndexState::Absent)));

    // It has not followed the last three erasures: what those records lost may be there.
    let copy = book.copy();
    change(copy.path(), "update progress set erasure = 1");
    let report = check(copy.path());
    assert_eq!(report.findings(), []);
    let state = IndexState::Compared { records: RECORDS, behind: 0, unfollowed: 2 };
    assert_eq!(report.index, Some(state));
    let ip = "insert into postings select 0, 10, value, x'05' from postings where window = 1 and \
              field = 10 limit 1 on conflict do update set places = x'05'";
    change(copy.path(), ip);
    let told = check(copy.path());
    // Record 6 may be found by what it lost; nothing else may have gone for it.
    assert!(told.findings().iter().all(|found| !found.text.contains("record 6 ")), "{told:?}");
}

/// An index that was filled to here and not further is right as far as it goes.
#[test]
fn records_behind_the_index_are_counted() {
    let book = SignedBook::new();
    let copy = book.copy();
    let leaf: Vec<u8> = Connection::open(copy.path().join("wardbook.db"))
        .unwrap()
        .query_row("select leaf from event_log where seq = 640", [], |row| row.get(0))
        .unwrap();
    let leaf = crate::base::hex::encode(&leaf);
    // 640 records are ten windows.
    let cut = format!(
        "update progress set seq = 640, erasure = 0, leaf = x'{leaf}'; \
         delete from windows where window >= 10; delete from postings where window >= 10; \
         delete from ids where window >= 10; delete from cells where place >= 10 * 4 * 8; \
         delete from texts where id not in (select value from postings)"
    );
    change(copy.path(), &cut);
    let report = check(copy.path());
    assert_eq!(report.findings(), []);
    let state = IndexState::Compared { records: 640, behind: RECORDS - 640, unfollowed: 3 };
    assert_eq!(report.index, Some(state));
    // What it has beyond is wrong.
    let copy = book.copy();
    change(copy.path(), &format!("update progress set seq = 640, leaf = x'{leaf}'"));
    let told = check(copy.path());
    let beyond = "it has rows of the window 10, which has no records";
    assert!(told.findings().iter().any(|found| found.text.contains(beyond)), "{told:?}");
}

/// A third of the changes of a run, by four tests.
const SHARES: u64 = 12;

/// One row gone, added, swapped or changed.
fn statement(dice: &mut Dice) -> String {
    let window = dice.below(RECORDS / 64);
    let table = ["texts", "windows", "postings", "ids", "cells"][roll(dice, 5)];
    let of_window = match table {
        "texts" => "1".to_owned(),
        "cells" => format!("place / 32 = {window}"),
        _ => format!("window = {window}"),
    };
    let key = match table {
        "texts" | "windows" => "rowid",
        "postings" => "(window, field, value)",
        "ids" => "(window, bucket)",
        _ => "place",
    };
    let columns = if key == "rowid" { "rowid" } else { key.trim_matches(['(', ')']) };
    let one = format!(
        "{key} = (select {columns} from {table} where {of_window} order by random() limit 1)"
    );
    let blob = match table {
        "postings" => "places",
        "ids" => "entries",
        "cells" => "cells",
        "windows" => "latest_ms",
        _ => "value",
    };
    let other = format!(
        "update {table} set {blob} = (select {blob} from {table} order by random() limit 1) \
         where {one}"
    );
    match roll(dice, 4) {
        0 => format!("delete from {table} where {one}"),
        1 if table != "texts" => other,
        2 if table == "texts" => "update texts set id = id + 100000 where ".to_owned() + &one,
        3 if table == "postings" => format!(
            "insert into postings select window, field, value / 2 + 100000, places from postings \
             where {one}"
        ),
        _ => format!("delete from {table} where {of_window}"),
    }
}

fn roll(dice: &mut Dice, sides: u64) -> usize {
    usize::try_from(dice.below(sides)).unwrap()
}

/// Changes of all kinds, at random: whatever changes what the index says, or the
/// soundness of its file, is found, or a server will not use it.
#[track_caller]
fn check_changes(share: u64) {
    let book = SignedBook::new();
    let before = Dump::of_index(book.folder());
    let mut dice = Dice(share);
    let mut counts: std::collections::BTreeMap<&str, u64> = std::collections::BTreeMap::new();
    for number in 0..mutations() / SHARES {
        let copy = book.copy();
        let path = copy.path().join("index.db");
        let what = match dice.below(10) {
            0..5 => changes::flip(&path, &mut dice),
            5 => changes::damage(&path, &mut dice),
            _ => {
                let sql = statement(&mut dice);
                change(copy.path(), &sql);
                sql
            }
        };
        let report = check(copy.path());
        let is_found = !report.is_intact();
        let is_unused = matches!(report.index, Some(IndexState::OtherVersion { .. }));
        let after = Dump::of_index(copy.path());
        let outcome = match (is_found, after == before) {
            (true, false) => "found",
            (true, true) => "found, though nothing reads otherwise",
            (false, true) => "without meaning",
            (false, false) if is_unused => "told: a server builds it anew",
            (false, false) => {
                panic!("{number} stays unseen: {what}: {}", before.difference(&after))
            }
        };
        *counts.entry(outcome).or_default() += 1;
    }
    for (outcome, count) in &counts {
        println!("the index: {count} {outcome}");
    }
    assert!(counts["found"] > mutations() / SHARES / 3);
}

#[test]
fn no_change_of_the_index_stays_unseen_1() {
    check_changes(11);
}

#[test]
fn no_change_of_the_index_stays_unseen_2() {
    check_changes(12);
}

#[test]
fn no_change_of_the_index_stays_unseen_3() {
    check_changes(13);
}

#[test]
fn no_change_of_the_index_stays_unseen_4() {
    check_changes(14);
}
