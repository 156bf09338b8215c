//! Every record: that it is what its leaf says, and that its row says nothing
//! else. Threads take turns at ranges of the log.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use uuid::Uuid;

use super::heads::Heads;
use super::report::{Kind, Report, records};
use super::trees::{BLOCK, block_root};
use crate::audit::field_reads::wrong_rows;
use crate::audit::ledger::Hash;
use crate::audit::{Error as Wrong, Field, Opener};
use crate::base::timestamp;
use crate::store::inspect::{self, Book, Scanned, Scanner};
use crate::store::{self, StoredRecord, Tx};

/// Records that a thread takes at a time; a multiple of [`BLOCK`].
const TURN: u64 = 2_048;
/// The operation that erases.
pub(super) const ERASE: &str = "EraseEventFields";

/// What the records say together.
#[derive(Default)]
pub(super) struct ScannedLog {
    pub(super) report: Report,
    pub(super) records: u64,
    /// The roots of all full blocks, by their number.
    pub(super) blocks: BTreeMap<u64, Hash>,
    /// Kinds and ids of the names that are referred to.
    pub(super) used: BTreeSet<(i64, i64)>,
    /// Records that lost something, and their event ids.
    pub(super) erased: BTreeMap<u64, [u8; 16]>,
    /// The events that took it, by their ids, and which fields of which records.
    pub(super) erased_by: BTreeMap<[u8; 16], BTreeMap<u64, BTreeSet<Field>>>,
    /// The events that say what they erased: ids, and where they stand.
    pub(super) erasing: BTreeMap<[u8; 16], u64>,
}

/// Where the next range begins.
struct Turns {
    done: u64,
    size: u64,
}

/// Reads the first `size` records, on so many threads.
pub(super) fn scan(
    book: &Book,
    size: u64,
    threads: usize,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<ScannedLog, super::Error> {
    let turns = Mutex::new(Turns { done: 0, size });
    let work = || -> Result<ScannedLog, store::Error> {
        book.read(|tx| {
            let mut worker = Worker::default();
            while let Some((after, to)) = worker.turn(tx, &turns) {
                worker.range(tx, after, to);
                progress(to, size);
            }
            worker.log.used = worker.scanner.into_used();
            Ok(worker.log)
        })
    };
    let logs = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        running.into_iter().map(std::thread::ScopedJoinHandle::join).collect::<Vec<_>>()
    });
    let mut all = ScannedLog::default();
    for log in logs {
        let mut log = log.map_err(|_panic| super::Error::Crash)??;
        all.report.absorb(log.report);
        all.records = all.records.saturating_add(log.records);
        all.blocks.append(&mut log.blocks);
        all.used.append(&mut log.used);
        all.erased.append(&mut log.erased);
        all.erasing.append(&mut log.erasing);
        for (by, of) in log.erased_by {
            all.erased_by.entry(by).or_default().extend(of);
        }
    }
    Ok(all)
}

/// Rows outside of what the head covers.
pub(super) fn check_extent(
    book: &Book,
    heads: &Heads,
    report: &mut Report,
) -> Result<(), store::Error> {
    let size = i64::try_from(heads.size).unwrap_or(i64::MAX);
    let found = book.read(|tx| {
        let behind = inspect::extent(tx, size.saturating_add(1), i64::MAX)?;
        Ok((inspect::extent(tx, i64::MIN, 0)?, behind))
    });
    let (before, behind) = match found {
        Ok(found) => found,
        Err(error) => {
            report.add(Kind::Database, format!("the ends of the log cannot be read: {error}"));
            return Ok(());
        }
    };
    if let Some((first, last, _)) = before {
        let text = format!("rows at the places {first} to {last} are no records of a log");
        report.add(Kind::Uncovered, text);
    }
    if let Some((first, last, count)) = behind {
        let (first, last) = (unsigned(first), unsigned(last));
        let are = if first == last { "is" } else { "are" };
        let mut text = format!("{} {are} not covered by the signed head", records(first, last));
        if unsigned(count) != last.saturating_sub(first).saturating_add(1) {
            text = format!("{text} ({count} rows)");
        }
        report.add_of(Kind::Uncovered, first, last, text);
    }
    let rows = book.read(|tx| {
        let before = Beside::count(tx, i64::MIN, 0)?;
        let behind = Beside::count(tx, size.saturating_add(1), i64::MAX)?;
        Ok(before.and(behind))
    });
    match rows {
        Ok(Beside { personal, .. }) if personal > 0 && behind.is_none() => {
            let text = format!("{personal} rows of personal data are of no record");
            report.add(Kind::Uncovered, text);
        }
        Ok(Beside { field_reads, .. }) if field_reads > 0 && behind.is_none() => {
            report.add(Kind::FieldRead, format!("{field_reads} field reads are of no record"));
        }
        Ok(_) => {}
        Err(error) => {
            report.add(Kind::Database, format!("the rows beside records cannot be read: {error}"));
        }
    }
    Ok(())
}

/// Rows of other tables that records have.
#[derive(Clone, Copy, Default)]
struct Beside {
    personal: u64,
    field_reads: u64,
}

impl Beside {
    fn add(&mut self, record: &StoredRecord) {
        let field_reads = u64::try_from(record.field_reads.len()).unwrap_or(0);
        *self = self.and(Self { personal: u64::from(record.personal.is_some()), field_reads });
    }

    fn and(self, other: Self) -> Self {
        Self {
            personal: self.personal.saturating_add(other.personal),
            field_reads: self.field_reads.saturating_add(other.field_reads),
        }
    }

    /// Those that there are at the places from `first` up to `last`.
    fn count(tx: &mut dyn Tx, first: i64, last: i64) -> Result<Self, store::Error> {
        Ok(Self {
            personal: inspect::personal_rows(tx, first, last)?,
            field_reads: inspect::field_read_rows(tx, first, last)?,
        })
    }
}

/// One thread.
#[derive(Default)]
struct Worker {
    scanner: Scanner,
    opener: Opener,
    log: ScannedLog,
}

impl Worker {
    /// The next range, behind its first number up to the second. Ranges without
    /// a row are missing, and cost nothing, however large.
    fn turn(&mut self, tx: &mut dyn Tx, turns: &Mutex<Turns>) -> Option<(u64, u64)> {
        let mut turns = turns.lock().unwrap_or_else(PoisonError::into_inner);
        if turns.done >= turns.size {
            return None;
        }
        // A page that cannot be read is met again, row by row.
        let next = inspect::next_seq(tx, signed(turns.done)).unwrap_or(Some(signed(turns.done)));
        let found = next.map_or(turns.size, |next| unsigned(next).saturating_sub(1));
        let first = found.min(turns.size);
        let begin = first.saturating_sub(first.checked_rem(TURN).unwrap_or(0)).max(turns.done);
        if begin > turns.done {
            self.log.report.add_missing(turns.done.saturating_add(1), begin);
        }
        if first >= turns.size {
            if turns.size > begin {
                self.log.report.add_missing(begin.saturating_add(1), turns.size);
            }
            turns.done = turns.size;
            return None;
        }
        let end = begin.saturating_add(TURN).min(turns.size);
        turns.done = end;
        Some((begin, end))
    }

    fn range(&mut self, tx: &mut dyn Tx, after: u64, to: u64) {
        let rows = match self.scanner.scan(tx, signed(after), signed(to)) {
            Ok(rows) => rows,
            Err(_) => self.row_by_row(tx, after, to),
        };
        let is_readable = rows.iter().all(|(_, row)| row.is_ok());
        // In the order of their places, as the rows come.
        let mut leaves: Vec<(u64, Hash)> = Vec::with_capacity(rows.len());
        let mut expected = after.saturating_add(1);
        let mut beside = Beside::default();
        for (seq, row) in rows {
            let seq = unsigned(seq);
            if seq > expected {
                self.log.report.add_missing(expected, seq.saturating_sub(1));
            }
            expected = seq.saturating_add(1);
            if let Ok(record) = &row {
                beside.add(record);
            }
            let leaf = match row {
                Ok(record) => {
                    self.check(seq, &record);
                    Some(record.leaf)
                }
                Err(error) => {
                    self.log.report.add_of(Kind::Record, seq, seq, unreadable(seq, &error));
                    inspect::leaf_and_time(tx, signed(seq)).ok().flatten().map(|(leaf, _)| leaf)
                }
            };
            leaves.extend(leaf.map(|leaf| (seq, leaf)));
            self.log.records = self.log.records.saturating_add(1);
        }
        if expected <= to {
            self.log.report.add_missing(expected, to);
        }
        if is_readable {
            self.count_beside(tx, (after, to), beside);
        }
        let mut begin = after;
        while begin < to {
            let end = begin.saturating_add(BLOCK);
            let first = leaves.partition_point(|(seq, _)| *seq <= begin);
            let behind = leaves.partition_point(|(seq, _)| *seq <= end);
            let of_block = leaves.get(first..behind).unwrap_or_default();
            let hashes: Vec<Hash> = of_block.iter().map(|(_, leaf)| *leaf).collect();
            if let Some(root) = block_root(hashes) {
                self.log.blocks.insert(begin.checked_div(BLOCK).unwrap_or(0), root);
            }
            begin = end;
        }
    }

    /// Rows of other tables that belong to no record.
    fn count_beside(&mut self, tx: &mut dyn Tx, (after, to): (u64, u64), of_records: Beside) {
        let first = after.saturating_add(1);
        let Ok(found) = Beside::count(tx, signed(first), signed(to)) else { return };
        let at = records(first, to);
        let more = found.personal.saturating_sub(of_records.personal);
        if more > 0 {
            let text = format!("{more} rows of personal data among {at} are of none of them");
            self.log.report.add_of(Kind::Uncovered, first, to, text);
        }
        let more = found.field_reads.saturating_sub(of_records.field_reads);
        if more > 0 {
            let text = format!("{more} field reads among {at} are of none of them");
            self.log.report.add_of(Kind::FieldRead, first, to, text);
        }
    }

    /// A range in which SQLite met a damaged page.
    fn row_by_row(&mut self, tx: &mut dyn Tx, after: u64, to: u64) -> Vec<Scanned> {
        let mut rows = Vec::new();
        for seq in after.saturating_add(1)..=to {
            match self.scanner.scan(tx, signed(seq.saturating_sub(1)), signed(seq)) {
                Ok(row) => rows.extend(row),
                Err(error) => rows.push((signed(seq), Err(error))),
            }
        }
        rows
    }

    fn check(&mut self, seq: u64, record: &StoredRecord) {
        let mut wrong = |text: &str| {
            let text = format!("{}: {text}", named(seq, record));
            self.log.report.add_of(Kind::Record, seq, seq, text);
        };
        let Ok(opened) = self.opener.open(record) else {
            return wrong("its content was changed");
        };
        match opened.check_columns(record) {
            Ok(()) => {}
            Err(Wrong::Column { column, .. }) => {
                wrong(&format!("its column {column} was changed"));
            }
            Err(_) => wrong("it is not the JSON of a record"),
        }
        for text in wrong_rows(&opened, record) {
            let text = format!("{}: {text}", named(seq, record));
            self.log.report.add_of(Kind::FieldRead, seq, seq, text);
        }
        for (by, fields) in opened.erased() {
            self.log.erased.insert(seq, record.columns.event_id);
            self.log.erased_by.entry(by).or_default().insert(seq, fields);
        }
        if &*record.columns.event_name == ERASE && record.columns.error.is_none() {
            self.log.erasing.insert(record.columns.event_id, seq);
        }
    }
}

/// A record as its columns name it.
pub(super) fn named(seq: u64, record: &StoredRecord) -> String {
    let id = Uuid::from_bytes(record.columns.event_id);
    let time = timestamp::iso_8601(record.position.time_ms);
    format!("record {seq} (event {}, {time})", id.as_hyphenated())
}

fn unreadable(seq: u64, error: &store::Error) -> String {
    match error {
        store::Error::Column(_) => format!("record {seq}: a column of its row is not of its type"),
        store::Error::Corrupt(text) if text.starts_with("SQLite") => {
            format!("record {seq}: a page of the database near it is damaged ({text})")
        }
        other => format!("record {seq}: its row cannot be read ({other})"),
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
