//! Counts records by what they have in common.

use std::collections::BTreeMap;

use super::cells::Column;
use super::conditions::{Conditions, Plan};
use super::entry::{Extent, Field, Marks};
use super::index::{self, ANY, Window};
use super::log::Finder;
use super::places::{self, BLOCK, Bits, WINDOW};
use super::texts;
use super::{Error, ReadMarks, Tx};

/// Records beyond the index that are read for one answer.
const TAIL_RECORDS: usize = if cfg!(test) { 500 } else { 200_000 };
/// Records read at a time.
const CHUNK_RECORDS: usize = if cfg!(test) { 16 } else { 512 };

/// By what records are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dimension {
    /// Stretches of this many milliseconds, from the epoch on.
    Time(i64),
    EventName,
    /// The user, or the role of a session.
    Principal,
    /// The key, of two the first.
    Key,
    Error,
    SourceIp,
}

impl Dimension {
    fn column(self) -> Column {
        match self {
            Self::Time(_) => Column::Time,
            Self::EventName => Column::EventName,
            Self::Principal => Column::Principal,
            Self::Key => Column::Key,
            Self::Error => Column::Error,
            Self::SourceIp => Column::SourceIp,
        }
    }

    /// What stands for the number of a record.
    fn group(self, number: i64) -> i64 {
        match self {
            Self::Time(width_ms) => {
                number.checked_div_euclid(width_ms).unwrap_or(0).saturating_mul(width_ms)
            }
            _ => number,
        }
    }
}

/// What to count.
#[derive(Clone, Copy, Debug)]
pub struct Census<'a> {
    pub conditions: Conditions<'a>,
    /// At most two matter; none counts all together.
    pub by: [Option<Dimension>; 2],
    /// Groups that are kept while counting.
    pub groups: usize,
    /// Groups in the answer.
    pub rows: usize,
}

/// What one of the dimensions is for a group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Share {
    /// The beginning of a stretch of time, epoch milliseconds.
    Time(i64),
    Text(String),
    /// The records have none.
    None,
}

/// Records that have their shares in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub shares: Vec<Share>,
    pub events: u64,
}

/// The answer to a census.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    /// By time if time is among the dimensions, and the most events first.
    pub groups: Vec<Group>,
    /// All records that meet the conditions, in whichever group.
    pub events: u64,
    /// Whether every group is there.
    pub complete: bool,
}

/// Counts what the index has and what the log has beyond it.
pub(super) fn count(
    census: &Census<'_>,
    read_marks: ReadMarks,
    index: &mut dyn Tx,
    log: &mut dyn Tx,
) -> Result<Counts, Error> {
    let indexed_seq = index::progress(index)?.map_or(0, |progress| progress.seq);
    let end = indexed_seq.saturating_add(1);
    let mut tally = Tally::new(census);
    tally.tail(indexed_seq, read_marks, index, log)?;
    if indexed_seq > 0 {
        let plan = Plan::new(census.conditions, end, read_marks, index, log)?;
        let (windows, _) = plan.windows(index, indexed_seq, usize::MAX)?;
        let (newest, offset) = places::locate(indexed_seq);
        for window in &windows {
            let live = if window.number == newest { offset.saturating_add(1) } else { WINDOW };
            let found = plan.records(index, window, Bits::first(live))?;
            tally.window(index, window, &found)?;
        }
    }
    tally.answer(index)
}

/// Groups while they are counted.
struct Tally<'c> {
    census: &'c Census<'c>,
    by: Vec<Dimension>,
    groups: BTreeMap<[i64; 2], u64>,
    events: u64,
    /// Events of groups that are not kept.
    beside: u64,
    /// Numbers of the texts that the index does not know yet: -1, -2, ...
    new_texts: BTreeMap<(Field, String), i64>,
}

impl<'c> Tally<'c> {
    fn new(census: &'c Census<'c>) -> Self {
        let by: Vec<Dimension> = census.by.into_iter().flatten().collect();
        // All together are one group, even if there are none.
        let groups = by.is_empty().then_some(([ANY; 2], 0)).into_iter().collect();
        Self { census, by, groups, events: 0, beside: 0, new_texts: BTreeMap::new() }
    }

    fn add(&mut self, group: [i64; 2], events: u64) {
        self.events = self.events.saturating_add(events);
        if let Some(count) = self.groups.get_mut(&group) {
            *count = count.saturating_add(events);
        } else if self.groups.len() < self.census.groups {
            self.groups.insert(group, events);
        } else {
            self.beside = self.beside.saturating_add(events);
        }
    }

    fn tail(
        &mut self,
        indexed_seq: i64,
        read_marks: ReadMarks,
        index: &mut dyn Tx,
        log: &mut dyn Tx,
    ) -> Result<(), Error> {
        let mut finder = Finder::default();
        let mut before = i64::MAX;
        let mut read: usize = 0;
        loop {
            let records = finder.records_before(log, before, indexed_seq, CHUNK_RECORDS)?;
            read = read.saturating_add(records.len());
            for record in &records {
                before = record.position.seq;
                let marks = read_marks(record, Extent::Whole);
                if self.census.conditions.hold(record.position, &marks) {
                    let group = self.group_of(index, record.position.time_ms, &marks)?;
                    self.add(group, 1);
                }
            }
            if records.len() < CHUNK_RECORDS {
                return Ok(());
            }
            if read > TAIL_RECORDS {
                return Err(Error::IndexBehind);
            }
        }
    }

    /// The group of a record that the index does not have.
    fn group_of(
        &mut self,
        index: &mut dyn Tx,
        time_ms: i64,
        marks: &Marks,
    ) -> Result<[i64; 2], Error> {
        let mut group = [ANY; 2];
        for (slot, dimension) in group.iter_mut().zip(&self.by) {
            let number = match dimension.column().text_of(marks) {
                Some((field, text)) => match texts::find(index, field, &text)? {
                    Some(id) => id,
                    None => new_text(&mut self.new_texts, field, text.into_owned()),
                },
                None if matches!(dimension, Dimension::Time(_)) => time_ms,
                None => ANY,
            };
            *slot = dimension.group(number);
        }
        Ok(group)
    }

    fn window(&mut self, index: &mut dyn Tx, window: &Window, found: &Bits) -> Result<(), Error> {
        if self.by.is_empty() {
            self.add([ANY; 2], found.count());
            return Ok(());
        }
        // Neighbours are often of one group: they are added together.
        let (mut run, mut events) = ([ANY; 2], 0_u64);
        for (block, start) in found.blocks() {
            let columns =
                self.by.iter().map(|by| index::cells(index, window.number, block, by.column()));
            let columns: Vec<Vec<i64>> = columns.collect::<Result<_, Error>>()?;
            for (row, offset) in (start..start.saturating_add(BLOCK)).enumerate() {
                if !found.contains(offset) {
                    continue;
                }
                let mut group = [ANY; 2];
                for ((slot, by), cells) in group.iter_mut().zip(&self.by).zip(&columns) {
                    *slot = by.group(cells.get(row).copied().unwrap_or(ANY));
                }
                if group != run {
                    self.add_run(run, events);
                    (run, events) = (group, 0);
                }
                events = events.saturating_add(1);
            }
        }
        self.add_run(run, events);
        Ok(())
    }

    fn add_run(&mut self, group: [i64; 2], events: u64) {
        if events > 0 {
            self.add(group, events);
        }
    }

    fn answer(self, index: &mut dyn Tx) -> Result<Counts, Error> {
        let time_of = |group: &[i64; 2]| {
            let times =
                self.by.iter().zip(group).filter(|(by, _)| matches!(by, Dimension::Time(_)));
            times.map(|(_, time)| *time).next()
        };
        let mut rows: Vec<([i64; 2], u64)> = self.groups.iter().map(|(of, n)| (*of, *n)).collect();
        rows.sort_by_key(|(group, events)| (time_of(group), std::cmp::Reverse(*events)));
        let complete = self.beside == 0 && rows.len() <= self.census.rows;
        rows.truncate(self.census.rows);
        let new_texts = self.new_texts.into_iter();
        let mut known: BTreeMap<i64, Share> =
            new_texts.map(|((_, text), number)| (number, Share::Text(text))).collect();
        let mut groups = Vec::with_capacity(rows.len());
        for (group, events) in rows {
            let mut shares = Vec::with_capacity(self.by.len());
            for (by, number) in self.by.iter().zip(group) {
                shares.push(match by {
                    Dimension::Time(_) => Share::Time(number),
                    _ => share(&mut known, index, number)?,
                });
            }
            groups.push(Group { shares, events });
        }
        Ok(Counts { groups, events: self.events, complete })
    }
}

/// The number of a text that the index does not know.
fn new_text(texts: &mut BTreeMap<(Field, String), i64>, field: Field, text: String) -> i64 {
    let known = i64::try_from(texts.len()).unwrap_or(i64::MAX);
    *texts.entry((field, text)).or_insert(known.saturating_neg().saturating_sub(1))
}

fn share(
    known: &mut BTreeMap<i64, Share>,
    index: &mut dyn Tx,
    number: i64,
) -> Result<Share, Error> {
    if number == ANY {
        return Ok(Share::None);
    }
    if let Some(share) = known.get(&number) {
        return Ok(share.clone());
    }
    let missing = || Error::Corrupt(format!("text {number} of the search index is missing"));
    let share = Share::Text(texts::value(index, number)?.ok_or_else(missing)?);
    known.insert(number, share.clone());
    Ok(share)
}
