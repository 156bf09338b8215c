//! Changes that somebody makes who owns the file.

use std::fs;
use std::path::Path;

use rusqlite::Connection;

use super::Dice;
use super::book::{READING, RECORDS};

/// Runs SQL with all triggers gone, and puts them back.
pub(super) fn run(folder: &Path, sql: &str) -> rusqlite::Result<()> {
    let book = Connection::open(folder.join("wardbook.db"))?;
    let mut statement =
        book.prepare("select name, sql from sqlite_schema where type = 'trigger'")?;
    let triggers = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let triggers: Vec<(String, String)> = triggers.collect::<rusqlite::Result<_>>()?;
    drop(statement);
    for (name, _) in &triggers {
        book.execute_batch(&format!("drop trigger {name}"))?;
    }
    book.execute_batch(sql)?;
    for (_, sql) in &triggers {
        book.execute_batch(sql)?;
    }
    book.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(()))?;
    book.pragma_update(None, "journal_mode", "wal")
}

/// The columns of a record but its place.
const COLUMNS: &str = "time_ms, account, region, event_source, event_name, principal, key, \
                       second_key, error, source_ip, read_only, format, dictionary, request_id, \
                       event_id, leaf, body, principal_id, access_key, key_material, field_reads";

/// A record once more, at another place.
pub(super) fn copy_record(from: u64, to: u64) -> String {
    format!(
        "insert into event_log (seq, {COLUMNS}) select {to}, {COLUMNS} from event_log \
         where seq = {from}; insert into event_personal select {to}, salt, source_ip, session, \
         body from event_personal where seq = {from};"
    )
}

/// A record in the place of another, with its leaf.
pub(super) fn replace_record(place: u64, from: u64) -> String {
    format!(
        "delete from event_log where seq = {place}; delete from event_personal where seq = {place}; {}",
        copy_record(from, place)
    )
}

fn swap(one: u64, two: u64) -> String {
    let step = |from: i64, to: i64| {
        format!(
            "update event_log set seq = {to} where seq = {from}; \
             update event_personal set seq = {to} where seq = {from};"
        )
    };
    let [one, two] = [one, two].map(|seq| i64::try_from(seq).unwrap());
    [step(one, -1), step(two, one), step(-1, two)].concat()
}

/// An address for a record, in the column that only records of format 1 have.
pub(super) fn address(seq: u64) -> String {
    format!(
        "insert into names (kind, value) values (8, '203.0.113.66'); \
         update event_log set source_ip = last_insert_rowid() where seq = {seq}"
    )
}

/// One change, and what it was.
pub(super) fn at_random(folder: &Path, dice: &mut Dice) -> (&'static str, String) {
    match dice.below(10) {
        0..6 => ("one byte", flip(&folder.join("wardbook.db"), dice)),
        6 => ("the file", damage(&folder.join("wardbook.db"), dice)),
        _ => {
            let sql = statement(dice);
            match run(folder, &sql) {
                Ok(()) => ("rows", sql),
                Err(error) => panic!("{sql}: {error}"),
            }
        }
    }
}

pub(super) fn flip(path: &Path, dice: &mut Dice) -> String {
    let mut bytes = fs::read(path).unwrap();
    let at = usize::try_from(dice.below(bytes.len() as u64)).unwrap();
    let with = u8::try_from(dice.below(255) + 1).unwrap();
    bytes[at] ^= with;
    fs::write(path, bytes).unwrap();
    format!("byte {at} of page {}, {with:#04x}", at / 4_096 + 1)
}

/// Truncates the file, or empties or swaps pages.
pub(super) fn damage(path: &Path, dice: &mut Dice) -> String {
    let mut bytes = fs::read(path).unwrap();
    let pages = bytes.len() as u64 / 4_096;
    let page =
        |n: u64| usize::try_from(n * 4_096).unwrap()..usize::try_from((n + 1) * 4_096).unwrap();
    let (one, two) = (dice.below(pages), dice.below(pages));
    let what = match dice.below(3) {
        0 => {
            let length = dice.below(bytes.len() as u64);
            bytes.truncate(usize::try_from(length).unwrap());
            format!("truncated to {length} bytes")
        }
        1 => {
            bytes[page(one)].fill(0);
            format!("page {} emptied", one + 1)
        }
        _ => {
            let first = bytes[page(one)].to_vec();
            let second = bytes[page(two)].to_vec();
            bytes[page(one)].copy_from_slice(&second);
            bytes[page(two)].copy_from_slice(&first);
            format!("pages {} and {} swapped", one + 1, two + 1)
        }
    };
    fs::write(path, bytes).unwrap();
    what
}

fn statement(dice: &mut Dice) -> String {
    let seq = dice.below(RECORDS) + 1;
    let other = (seq + dice.below(RECORDS - 1)) % RECORDS + 1;
    let node = dice.below(RECORDS / 256);
    let column = {
        let all: Vec<&str> = COLUMNS.split(", ").map(str::trim).collect();
        all[usize::try_from(dice.below(all.len() as u64)).unwrap()]
    };
    let of_log = [
        format!("delete from event_log where seq = {seq}"),
        format!("delete from event_log where seq >= {seq}"),
        format!(
            "delete from event_log where seq = {seq}; delete from event_personal where seq = {seq}; \
             update event_log set seq = seq - 1 where seq > {seq}; \
             update event_personal set seq = seq - 1 where seq > {seq}"
        ),
        swap(seq, other),
        copy_record(seq, RECORDS + 1 + dice.below(5)),
        replace_record(seq, other),
        format!(
            "update event_log set {column} = (select {column} from event_log where seq = {other}) \
             where seq = {seq}"
        ),
        format!(
            "update event_personal set (salt, source_ip, session, body) = (select salt, source_ip, \
             session, body from event_personal where seq = {other}) where seq = {seq}"
        ),
        format!("update event_personal set source_ip = '203.0.113.9' where seq = {seq}"),
        address(seq),
        format!("update event_personal set session = 'other' where seq = {seq}"),
        format!("update event_personal set salt = null where seq = {seq}"),
        format!("delete from event_personal where seq = {seq}"),
        format!(
            "insert into event_personal select seq + {RECORDS}, salt, source_ip, session, body \
                 from event_personal where seq = {seq}"
        ),
        format!("insert into event_erasures (seq) values ({})", seq % 7 + 1),
        "delete from event_erasures where n = 2".to_owned(),
        "update names set value = value || 'x' where id = (select id from names order by \
         random() limit 1)"
            .to_owned(),
        "update names set kind = kind + 20 where id = (select id from names order by random() \
         limit 1)"
            .to_owned(),
        "delete from names where id = (select id from names order by random() limit 1)".to_owned(),
        format!("update tree_nodes set hash = randomblob(32) where n = {node}"),
        format!("delete from tree_nodes where n = {node}"),
        "insert into tree_nodes values (8, 99, zeroblob(32))".to_owned(),
        format!("update head set size = {seq} - 1"),
        "update head set (size, note) = (select size, note from checkpoints order by random() \
         limit 1)"
            .to_owned(),
        "update checkpoints set note = (select note from head) where size = 1".to_owned(),
        "update checkpoints set time_ms = time_ms - 1 where size = 1".to_owned(),
        "update audit_keys set public_key = randomblob(32)".to_owned(),
    ];
    let by_name: Vec<String> = of_log.into_iter().chain(of_reads(seq, dice)).collect();
    by_name[usize::try_from(dice.below(by_name.len() as u64)).unwrap()].clone()
}

/// Changes of the field-read book.
fn of_reads(seq: u64, dice: &mut Dice) -> Vec<String> {
    // A place in the field-read book, and another one.
    let [place, place_2] = [(); 2].map(|()| {
        let reading = (dice.below(RECORDS / READING - 1) + 1) * READING;
        reading * 65_536 + [0, 1, 3][usize::try_from(dice.below(3)).unwrap()]
    });
    vec![
        format!("delete from event_field_reads where place = {place}"),
        format!("update event_field_reads set place = place + 9 where place = {place}"),
        format!("update event_field_reads set place = -place where place = {place}"),
        format!(
            "update event_field_reads set place = {RECORDS} * 65536 + place where place = {place}"
        ),
        format!("update event_field_reads set plain = masked where place = {place}"),
        format!("update event_field_reads set plain = x'03' where place = {place}"),
        format!("update event_field_reads set withheld = x'00' where place = {place}"),
        format!(
            "update event_field_reads set reference = (select reference from event_field_reads \
             where place = {place_2}) where place = {place}"
        ),
        format!("update event_field_reads set shared = 1 where place = {place}"),
        format!(
            "insert into event_field_reads select {seq} * 65536 + 9, shared, reference, plain, \
             masked, withheld from event_field_reads where place = {place}"
        ),
        format!(
            "update event_log set field_reads = null where seq = {place} / 65536; \
             delete from event_field_reads where place / 65536 = {place} / 65536"
        ),
    ]
}
