//! Whoever owns the file changes it: every change of what it says is found and
//! named.

mod book;
mod changes;
mod dump;
mod index;

use std::path::Path;

use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::audit::ledger::VerifierKey;
use crate::audit::verify::{Kept, Kind, Report, Wanted, verify};
use book::{RECORDS, SignedBook};
use dump::Dump;

/// Changes of a log: 300, unless the program was built with another number
/// (CONTRIBUTING.md).
fn mutations() -> u64 {
    option_env!("TAMPER_MUTATIONS").and_then(|text| text.parse().ok()).unwrap_or(300)
}

fn check_folder(folder: &Path, key: Option<&VerifierKey>, kept: &[(&str, &str)]) -> Report {
    let kept = kept.iter().map(|(name, text)| Kept::text(*name, *text)).collect();
    let wanted = Wanted { folder, key: key.cloned(), kept, index: false, threads: 2 };
    verify(wanted, &|_, _| {}).unwrap()
}

/// Random numbers from a seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}

#[test]
fn an_untouched_book_is_intact() {
    let book = SignedBook::new();
    let report = check_folder(book.folder(), None, &[]);
    assert_eq!(report.findings(), []);
    assert!(report.is_intact());
    assert_eq!((report.records, report.size), (RECORDS, Some(RECORDS)));
    assert_eq!(report.erased, 3);
    assert!(report.checkpoints > 3);
    assert_eq!(report.log.as_ref().unwrap().1, book.key.to_string());
    // With what somebody kept, and another's key.
    let report = check_folder(book.folder(), Some(&book.key), &[("mine", &book.early)]);
    assert_eq!(report.findings(), []);
    let other = VerifierKey::new(book.key.name(), [9; 32]).unwrap();
    let report = check_folder(book.folder(), Some(&other), &[]);
    assert!(report.counts().contains_key(&Kind::Head));
}

/// What is told of a book after this SQL, the triggers being as they were.
fn told(book: &SignedBook, sql: &str) -> Vec<String> {
    let copy = book.copy();
    changes::run(copy.path(), sql).unwrap();
    let report = check_folder(copy.path(), Some(&book.key), &[("mine", &book.late)]);
    report.findings().iter().map(|finding| finding.text.clone()).collect()
}

#[test]
fn what_is_wrong_is_named() {
    let book = SignedBook::new();
    let last = RECORDS;
    let next = RECORDS + 1;
    for (sql, want) in [
        ("delete from event_log where seq between 10 and 12".to_owned(), "records 10 to 12 are missing".to_owned()),
        (
            format!("delete from event_log where seq = {last}; delete from event_personal where seq = {last}"),
            format!("record {last} is missing"),
        ),
        (
            changes::copy_record(7, next),
            format!("record {next} is not covered by the signed head"),
        ),
        (
            "update event_log set body = (select body from event_log where seq = 31) where seq = 30".to_owned(),
            "): its content was changed".to_owned(),
        ),
        ("update event_log set time_ms = time_ms + 86400000 where seq = 33".to_owned(), "record 33 (event".to_owned()),
        ("update event_log set read_only = 1 - read_only where seq = 34".to_owned(), "column read_only".to_owned()),
        ("update event_personal set source_ip = '192.0.2.8' where seq = 35".to_owned(), "record 35 (event".to_owned()),
        ("update event_personal set salt = zeroblob(16) where seq = 36".to_owned(), "record 36 (event".to_owned()),
        ("delete from event_personal where seq = 37".to_owned(), "record 37 (event".to_owned()),
        ("update event_field_reads set plain = masked where place = 22 * 65536 + 3".to_owned(), "the field read of item 3 was changed".to_owned()),
        ("delete from event_field_reads where place = 22 * 65536 + 1".to_owned(), "the field read of item 1 is missing".to_owned()),
        ("update event_field_reads set place = place + 1 where place = 22 * 65536 + 1".to_owned(), "the field read of item 2 was added".to_owned()),
        ("insert into event_field_reads select 21 * 65536, shared, reference, plain, masked, withheld from event_field_reads where place = 22 * 65536".to_owned(), "1 field reads among records 1 to 1100 are of none of them".to_owned()),
        ("update event_log set field_reads = 2 where seq = 22".to_owned(), "column field_reads".to_owned()),
        ("update event_field_reads set place = -1 where place = 22 * 65536".to_owned(), "1 field reads are of no record".to_owned()),
        ("delete from event_erasures where n = 1".to_owned(), "is not listed".to_owned()),
        ("insert into event_erasures (seq) values (3)".to_owned(), "which lost nothing".to_owned()),
        ("insert into event_erasures (seq) values (7)".to_owned(), "record 7, which lost nothing more".to_owned()),
        ("delete from event_erasures where n = 4".to_owned(), "is not listed".to_owned()),
        (
            "update event_erasures set seq = 12 - seq where n = 1; update event_erasures set seq = 5 where n = 4; \
             update event_erasures set seq = 7 where n = 1".to_owned(),
            "is listed behind a later one".to_owned(),
        ),
        ("update names set value = 'arn:aws:iam::111122223333:user/eve' where value like '%user/ada'".to_owned(), "): its content was changed".to_owned()),
        ("insert into names (kind, value) values (5, 'eve')".to_owned(), "no record uses it".to_owned()),
        ("update tree_nodes set hash = zeroblob(32) where n = 1".to_owned(), "node 1 of height 8 of the tree was changed".to_owned()),
        ("delete from tree_nodes where n = 1".to_owned(), "node 1 of height 8 is missing".to_owned()),
        ("update head set note = replace(note, '=', 'A')".to_owned(), "the signed head is forged or damaged".to_owned()),
        ("delete from head".to_owned(), "the signed head is gone".to_owned()),
        ("update head set size = size - 1".to_owned(), "and its row says".to_owned()),
        ("update checkpoints set time_ms = time_ms + 1 where size = (select max(size) from checkpoints)".to_owned(), "its time is not that of its last record".to_owned()),
        ("update audit_keys set public_key = zeroblob(32)".to_owned(), "is not the one that was given".to_owned()),
        ("create table more (x integer)".to_owned(), "the table more was added".to_owned()),
    ] {
        let told = told(&book, &sql);
        assert!(told.iter().any(|text| text.contains(&want)), "{sql}: {told:?}");
    }
    // One record in the place of another, leaf and all.
    let swap = format!("{} {}", changes::replace_record(300, 301), "select 1;");
    let said = told(&book, &swap);
    assert!(
        said.iter().any(|text| text.starts_with("records 257 to 512: one or more are not")),
        "{said:?}"
    );
    let end = changes::replace_record(last, last - 1);
    let said = told(&book, &end);
    assert!(
        said.iter().any(|text| text.contains("one or more are not those that were signed")),
        "{said:?}"
    );
    // A trigger that is gone.
    let copy = book.copy();
    let open = Connection::open(copy.path().join("wardbook.db")).unwrap();
    open.execute_batch("drop trigger event_log_no_delete").unwrap();
    drop(open);
    let report = check_folder(copy.path(), None, &[]);
    assert_eq!(report.findings()[0].text, "schema: the trigger event_log_no_delete is gone");
}

/// Only records of format 1 have a column for it, and the view shows that where no
/// row of personal data says another: of a service, and where it was erased.
#[test]
fn an_address_in_the_wrong_column_is_named() {
    let book = SignedBook::new();
    for seq in [3, 6, 35] {
        let told = told(&book, &changes::address(seq));
        assert!(told.iter().any(|text| text.contains("column source_ip")), "{seq}: {told:?}");
    }
}

/// The folder of earlier is sound in itself; whoever kept a head knows better.
#[test]
fn a_rollback_is_seen_by_whoever_kept_a_head() {
    let book = SignedBook::new();
    let sql = "delete from event_log where seq > 1; delete from event_personal where seq > 1; \
               delete from event_field_reads; \
               delete from tree_nodes; delete from event_erasures; \
               delete from checkpoints where size > 1; \
               delete from names where id not in (select account from event_log union \
               select region from event_log union select event_source from event_log union \
               select event_name from event_log union select principal from event_log union \
               select coalesce(principal_id, 0) from event_log union \
               select coalesce(access_key, 0) from event_log union \
               select coalesce(error, 0) from event_log union \
               select coalesce(key, 0) from event_log); \
               update head set size = 1, note = (select note from checkpoints)";
    let copy = book.copy();
    changes::run(copy.path(), sql).unwrap();
    let report = check_folder(copy.path(), Some(&book.key), &[]);
    assert_eq!(report.findings(), []);
    let report = check_folder(copy.path(), Some(&book.key), &[("mine", &book.late)]);
    let text = &report.findings()[0].text;
    assert!(text.starts_with(&format!("mine has seen {RECORDS} records of the log, and it has 1")));
}

/// Changes of all kinds, at random: whatever changes what the book says, or the
/// soundness of its file, is found.
#[track_caller]
fn check_changes(share: u64) {
    let book = SignedBook::new();
    let before = Dump::of(book.folder());
    let mut dice = Dice(share);
    let mut counts: std::collections::BTreeMap<(&str, &str), u64> =
        std::collections::BTreeMap::new();
    for number in 0..mutations() / 4 {
        let copy = book.copy();
        let (kind, what) = changes::at_random(copy.path(), &mut dice);
        let report = {
            let wanted = Wanted {
                folder: copy.path(),
                key: Some(book.key.clone()),
                kept: vec![Kept::text("mine", book.late.as_str())],
                index: false,
                threads: 1,
            };
            verify(wanted, &|_, _| {})
        };
        let is_found = report.as_ref().is_ok_and(|report| !report.is_intact());
        let refused = report.is_err();
        let after = Dump::of(copy.path());
        let outcome = match (is_found || refused, after == before) {
            (true, false) => "found",
            // Such as a byte of an index, or of the version of the schema.
            (true, true) => "found, though nothing reads otherwise",
            (false, true) => "without meaning",
            (false, false) if after.is_alike(&before) => {
                "without meaning inside of compressed text"
            }
            (false, false) => {
                panic!("{number}: {kind} stays unseen: {what}: {}", before.difference(&after))
            }
        };
        let outcome = if refused { "refused" } else { outcome };
        *counts.entry((kind, outcome)).or_default() += 1;
    }
    for ((kind, outcome), count) in &counts {
        println!("{kind}: {count} {outcome}");
    }
    let found = counts.iter().filter(|((_, outcome), _)| *outcome == "found");
    assert!(found.map(|(_, count)| count).sum::<u64>() > mutations() / 8);
}

#[test]
fn no_change_stays_unseen_1() {
    check_changes(1);
}

#[test]
fn no_change_stays_unseen_2() {
    check_changes(2);
}

#[test]
fn no_change_stays_unseen_3() {
    check_changes(3);
}

#[test]
fn no_change_stays_unseen_4() {
    check_changes(4);
}
