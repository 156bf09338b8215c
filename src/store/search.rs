//! Finds records, newest first: beyond the search index in the log itself, so
//! that a record can be found as soon as it is answered, and then in the index.
//! The index proposes records; each is asked whether it meets the conditions, so
//! that an index which was changed shows nobody the records of another account.

use super::conditions::{Conditions, Plan, missing};
use super::entry::Position;
use super::index;
use super::log::{Finder, StoredRecord};
use super::places::{self, Bits};
use super::{Error, ReadMarks, Tx};
use crate::base::limits::AUDIT_PAGE_BYTES;

/// Records that one page reads from the log beyond the index. Small in tests,
/// as the others, so that they meet every limit.
const TAIL_RECORDS: usize = if cfg!(test) { 40 } else { 4_096 };
/// Records read at a time.
const CHUNK_RECORDS: usize = if cfg!(test) { 16 } else { 512 };
/// Windows of the index that one page looks at: 16 million records.
const WINDOWS: usize = if cfg!(test) { 3 } else { 512 };

/// Which records, newest first.
#[derive(Clone, Copy, Debug)]
pub struct Search<'a> {
    pub conditions: Conditions<'a>,
    /// Only records before this place.
    pub before: Position,
    /// Records in the page.
    pub limit: usize,
}

/// Looks at records that meet all conditions, and says which of them to keep.
pub struct Sieve<'a> {
    pub keeps: &'a mut dyn FnMut(&StoredRecord) -> bool,
    /// Records that one page may look at.
    pub limit: usize,
}

/// One page.
#[derive(Clone, Debug)]
pub struct Found {
    pub records: Vec<StoredRecord>,
    /// The place that the page has looked down to, and where the next one
    /// starts; `None` when there is nothing behind it. A page may be short,
    /// even empty, and still have a next one: it looked at as much as one page
    /// may.
    pub next: Option<Position>,
}

/// Finds one page. `index` must have been opened before `log`, so that the log
/// has everything that the index has; without an index the log is read.
pub(super) fn search(
    search: &Search<'_>,
    sieve: Option<&mut Sieve<'_>>,
    read_marks: ReadMarks,
    finder: &mut Finder,
    index: Option<&mut dyn Tx>,
    log: &mut dyn Tx,
) -> Result<Found, Error> {
    let mut page = Page { search, sieve, looked_at: 0, bytes: 0, records: Vec::new(), finder };
    let progress = match index {
        Some(index) => index::progress(index)?.map(|progress| (index, progress.seq)),
        None => None,
    };
    let indexed_seq = progress.as_ref().map_or(0, |(_, seq)| *seq);
    let mut next = page.tail(indexed_seq, read_marks, log)?;
    if let Some((index, _)) = progress
        && next.is_none()
    {
        let before = search.before.seq.min(indexed_seq.saturating_add(1));
        let plan = Plan::new(search.conditions, before, read_marks, index, log)?;
        next = page.indexed(&plan, before, read_marks, index, log)?;
    }
    Ok(Found { records: page.records, next })
}

/// Looks at up to `limit` records behind `after_seq`, in the order of the log:
/// those that meet the conditions, and how far it has looked.
pub(super) fn newer(
    conditions: Conditions<'_>,
    after_seq: i64,
    limit: usize,
    read_marks: ReadMarks,
    log: &mut dyn Tx,
) -> Result<(Vec<StoredRecord>, i64), Error> {
    let mut records = Finder::default().records_after(log, after_seq, limit)?;
    let seq = records.last().map_or(after_seq, |record| record.position.seq);
    records.retain(|record| conditions.hold_for(record, read_marks));
    Ok((records, seq))
}

/// The page that is being filled.
struct Page<'p, 's> {
    search: &'p Search<'p>,
    sieve: Option<&'p mut Sieve<'s>>,
    looked_at: usize,
    /// Bytes of the records, as they are stored.
    bytes: usize,
    records: Vec<StoredRecord>,
    finder: &'p mut Finder,
}

impl Page<'_, '_> {
    /// Looks at a record that meets the conditions; true when the page is at
    /// its end.
    fn take(&mut self, record: StoredRecord) -> bool {
        self.looked_at = self.looked_at.saturating_add(1);
        let (keep, may_look) = match &mut self.sieve {
            Some(sieve) => ((sieve.keeps)(&record), self.looked_at < sieve.limit),
            None => (true, true),
        };
        if keep {
            let personal = record.personal.as_ref().map_or(0, |personal| personal.body.len());
            let bytes = record.body.len().saturating_add(personal);
            self.bytes = self.bytes.saturating_add(bytes);
            self.records.push(record);
        }
        let is_full = self.records.len() >= self.search.limit || self.bytes >= AUDIT_PAGE_BYTES;
        is_full || !may_look
    }

    /// Looks at the log behind `indexed_seq`: normally what the last fraction
    /// of a second has brought.
    fn tail(
        &mut self,
        indexed_seq: i64,
        read_marks: ReadMarks,
        log: &mut dyn Tx,
    ) -> Result<Option<Position>, Error> {
        let mut before = self.search.before;
        let mut read: usize = 0;
        while read < TAIL_RECORDS {
            let records =
                self.finder.records_before(log, before.seq, indexed_seq, CHUNK_RECORDS)?;
            let is_last = records.len() < CHUNK_RECORDS;
            read = read.saturating_add(records.len());
            for record in records {
                before = record.position;
                let holds = self.search.conditions.hold_for(&record, read_marks);
                if holds && self.take(record) {
                    return Ok(Some(before));
                }
            }
            if is_last {
                return Ok(None);
            }
        }
        Ok(Some(before))
    }

    /// Looks at the windows of the index.
    fn indexed(
        &mut self,
        plan: &Plan<'_>,
        before: i64,
        read_marks: ReadMarks,
        index: &mut dyn Tx,
        log: &mut dyn Tx,
    ) -> Result<Option<Position>, Error> {
        let last = before.saturating_sub(1);
        if last < 1 {
            return Ok(None);
        }
        let (windows, more) = plan.windows(index, last, WINDOWS)?;
        let (newest, offset) = places::locate(last);
        for window in &windows {
            let live =
                if window.number == newest { offset.saturating_add(1) } else { places::WINDOW };
            let found = plan.records(index, window, Bits::first(live))?;
            for offset in found.iter().rev() {
                let seq = places::seq(window.number, offset);
                let record = self.finder.find(log, seq)?.ok_or_else(|| missing(seq))?;
                let position = record.position;
                let holds = self.search.conditions.hold_for(&record, read_marks);
                if holds && self.take(record) {
                    return Ok(Some(position));
                }
            }
        }
        let end = windows.last().filter(|_| more);
        Ok(end.map(|window| Position {
            seq: places::seq(window.number, 0),
            time_ms: window.earliest_ms,
        }))
    }
}
