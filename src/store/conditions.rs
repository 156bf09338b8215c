//! Conditions on records: what they mean for one record, and for a window of
//! the index.

use super::cells::Column;
use super::entry::{Extent, Field, Marks, Network, Position};
use super::filling::ID_ENTRY;
use super::index::{self, ANY, Window};
use super::log::{Finder, StoredRecord};
use super::places::{self, BLOCK, Bits};
use super::texts;
use super::{Error, ReadMarks, Tx};

/// Key ARNs with the same bare key id: one a Region of a multi-Region key.
const SAME_KEY_ID: usize = 32;
/// Addresses of a network that are looked for one by one; of more, the numbers
/// of the records are compared.
const ADDRESSES_ONE_BY_ONE: usize = if cfg!(test) { 2 } else { 64 };
/// Addresses of all networks of a question.
const ADDRESSES: usize = 262_144;

/// Holds for a record that has any of these; with `not`, for one that has none.
#[derive(Clone, Debug, Default)]
pub struct Condition<'a> {
    pub any_of: Vec<Sought<'a>>,
    pub not: bool,
}

/// One thing that a record may have.
#[derive(Clone, Copy, Debug)]
pub enum Sought<'a> {
    Text(Field, &'a str),
    /// Any key ARN that ends in this key id.
    KeyId(&'a str),
    /// Any error.
    Failed,
    /// No error.
    Succeeded,
    SourceIn(Network),
    /// A digest of a part of an encryption context.
    Tag(i64),
    ReadOnly,
    /// Not read-only.
    Writing,
    RequestId([u8; 16]),
    EventId([u8; 16]),
}

impl Sought<'_> {
    /// Whether the record with these marks has it.
    fn is_in(&self, marks: &Marks) -> bool {
        match self {
            Self::Text(field, text) => {
                marks.texts.iter().any(|(of, value)| of == field && value == text)
            }
            Self::KeyId(key_id) => marks.texts.iter().any(|(of, value)| {
                *of == Field::Key && value.rsplit_once(":key/").is_some_and(|(_, id)| id == *key_id)
            }),
            Self::Failed => marks.first(Field::Error).is_some(),
            Self::Succeeded => marks.first(Field::Error).is_none(),
            Self::SourceIn(network) => {
                marks.source_ip.is_some_and(|address| network.contains(address))
            }
            Self::Tag(tag) => marks.tags.contains(tag),
            Self::ReadOnly => marks.read_only,
            Self::Writing => !marks.read_only,
            Self::RequestId(id) => marks.request_id == Some(*id),
            Self::EventId(id) => marks.event_id == Some(*id),
        }
    }

    /// Whether the columns of a record say all of it.
    fn is_of_columns(&self) -> bool {
        match self {
            Self::Text(field, _) => matches!(
                field,
                Field::Account
                    | Field::EventSource
                    | Field::EventName
                    | Field::Principal
                    | Field::Session
                    | Field::Error
                    | Field::Region
                    | Field::KeyMaterial
            ),
            Self::Failed
            | Self::Succeeded
            | Self::ReadOnly
            | Self::Writing
            | Self::RequestId(_)
            | Self::EventId(_) => true,
            Self::KeyId(_) | Self::SourceIn(_) | Self::Tag(_) => false,
        }
    }
}

impl Condition<'_> {
    fn has_any(&self, marks: &Marks) -> bool {
        self.any_of.iter().any(|sought| sought.is_in(marks))
    }

    /// Whether it holds for the record with these marks.
    fn holds(&self, marks: &Marks) -> bool {
        self.has_any(marks) != self.not
    }

    /// Whether it holds for the record with these marks of its columns; `None` if
    /// these do not say.
    fn holds_by_columns(&self, marks: &Marks) -> Option<bool> {
        if self.has_any(marks) {
            return Some(!self.not);
        }
        self.any_of.iter().all(Sought::is_of_columns).then_some(self.not)
    }
}

/// Which records: those of a time that meet all conditions.
#[derive(Clone, Copy, Debug)]
pub struct Conditions<'a> {
    pub all: &'a [Condition<'a>],
    /// The earliest time, epoch milliseconds.
    pub from_ms: i64,
    /// The end, epoch milliseconds; not included.
    pub to_ms: i64,
}

impl Conditions<'_> {
    /// Whether they hold for a record.
    pub(super) fn hold(&self, position: Position, marks: &Marks) -> bool {
        self.span(position) && self.all.iter().all(|condition| condition.holds(marks))
    }

    /// Whether it is of the time that they are about.
    fn span(&self, position: Position) -> bool {
        (self.from_ms..self.to_ms).contains(&position.time_ms)
    }

    /// Whether they hold for a record, of which no more is read than that takes.
    pub(super) fn hold_for(&self, record: &StoredRecord, read_marks: ReadMarks) -> bool {
        if !self.span(record.position) {
            return false;
        }
        let columns = read_marks(record, Extent::Columns);
        let mut is_said = true;
        for condition in self.all {
            match condition.holds_by_columns(&columns) {
                Some(true) => {}
                Some(false) => return false,
                None => is_said = false,
            }
        }
        is_said || self.hold(record.position, &read_marks(record, Extent::Whole))
    }
}

/// One thing that a record may have, as the index knows it.
#[derive(Debug)]
enum Known {
    /// A value of a field.
    Posted(Field, i64),
    /// No value of a field.
    NotPosted(Field),
    /// One of these addresses, ascending.
    Source(Vec<i64>),
    /// These records.
    At(Vec<i64>),
}

/// Conditions in terms of one index.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    conditions: Conditions<'a>,
    known: Vec<(Vec<Known>, bool)>,
}

impl<'a> Plan<'a> {
    /// Looks up what is asked for. `before` is a place: only records before it
    /// will matter.
    pub(super) fn new(
        conditions: Conditions<'a>,
        before: i64,
        read_marks: ReadMarks,
        index: &mut dyn Tx,
        log: &mut dyn Tx,
    ) -> Result<Self, Error> {
        let Conditions { from_ms, to_ms, .. } = conditions;
        let (records, addresses_left) = (Finder::default(), ADDRESSES);
        let mut lookup =
            Lookup { index, log, records, read_marks, before, from_ms, to_ms, addresses_left };
        let mut known = Vec::with_capacity(conditions.all.len());
        for condition in conditions.all {
            let mut found = Vec::with_capacity(condition.any_of.len());
            for sought in &condition.any_of {
                lookup.find(sought, &mut found)?;
            }
            known.push((found, condition.not));
        }
        // Numbers are compared last, when there are few records left.
        let compares = |of: &Known| matches!(of, Known::Source(_));
        known.sort_by_key(|(found, _)| found.iter().any(compares));
        Ok(Self { conditions, known })
    }

    /// The windows that matter, newest first and at most `limit`, from that of
    /// the record `last` on; and whether there may be more.
    pub(super) fn windows(
        &self,
        index: &mut dyn Tx,
        last: i64,
        limit: usize,
    ) -> Result<(Vec<Window>, bool), Error> {
        let Conditions { from_ms, to_ms, .. } = self.conditions;
        let (last, _) = places::locate(last);
        // Records that are known by their places are in few windows.
        let placed = self
            .known
            .iter()
            .find(|(found, not)| !not && found.iter().all(|known| matches!(known, Known::At(_))));
        let Some((found, _)) = placed else {
            let windows = index::windows(index, from_ms, to_ms, last, limit)?;
            let more = windows.len() >= limit;
            return Ok((windows, more));
        };
        let mut windows = index::windows(index, from_ms, to_ms, last, usize::MAX)?;
        windows.retain(|window| found.iter().any(|known| known.is_within(window.number)));
        Ok((windows, false))
    }

    /// Which of the records `live` of a window meet the conditions.
    pub(super) fn records(
        &self,
        index: &mut dyn Tx,
        window: &Window,
        mut live: Bits,
    ) -> Result<Bits, Error> {
        for (found, not) in &self.known {
            if live.is_empty() {
                return Ok(live);
            }
            let mut any = Bits::none();
            for known in found {
                known.add(index, window.number, &live, &mut any)?;
            }
            if *not { live.drop_all(&any) } else { live.keep(&any) }
        }
        let times = self.conditions.from_ms..self.conditions.to_ms;
        if times.contains(&window.earliest_ms) && times.contains(&window.latest_ms) {
            return Ok(live);
        }
        let mut in_time = Bits::none();
        compare(index, window.number, &live, &mut in_time, Column::Time, |time| {
            times.contains(&time)
        })?;
        Ok(in_time)
    }
}

impl Known {
    /// Whether a record that is known by its place is in the window.
    fn is_within(&self, window: i64) -> bool {
        match self {
            Self::At(seqs) => seqs.iter().any(|seq| places::locate(*seq).0 == window),
            _ => true,
        }
    }

    /// Adds the records of `live` that have it to `any`, and perhaps others.
    fn add(
        &self,
        index: &mut dyn Tx,
        window: i64,
        live: &Bits,
        any: &mut Bits,
    ) -> Result<(), Error> {
        match self {
            Self::Posted(field, value) => {
                if let Some(places) = index::places(index, window, *field, *value)? {
                    any.union(&places);
                }
            }
            Self::NotPosted(field) => {
                let mut without = live.clone();
                if let Some(places) = index::places(index, window, *field, ANY)? {
                    without.drop_all(&places);
                }
                any.union(&without);
            }
            Self::At(seqs) => {
                let located = seqs.iter().map(|seq| places::locate(*seq));
                for (_, offset) in located.filter(|(of, _)| *of == window) {
                    any.insert(offset);
                }
            }
            Self::Source(ids) => {
                let is_one = |id: i64| ids.binary_search(&id).is_ok();
                compare(index, window, live, any, Column::SourceIp, is_one)?;
            }
        }
        Ok(())
    }
}

/// Adds the records of `live` to `any` whose number in the column fits.
fn compare(
    index: &mut dyn Tx,
    window: i64,
    live: &Bits,
    any: &mut Bits,
    column: Column,
    fits: impl Fn(i64) -> bool,
) -> Result<(), Error> {
    for (block, start) in live.blocks() {
        let cells = index::cells(index, window, block, column)?;
        for (offset, number) in (start..start.saturating_add(BLOCK)).zip(cells) {
            if live.contains(offset) && fits(number) {
                any.insert(offset);
            }
        }
    }
    Ok(())
}

/// Looks up what is asked for.
struct Lookup<'t> {
    index: &'t mut dyn Tx,
    log: &'t mut dyn Tx,
    records: Finder,
    read_marks: ReadMarks,
    before: i64,
    from_ms: i64,
    to_ms: i64,
    addresses_left: usize,
}

impl Lookup<'_> {
    /// Adds how the index knows it. What it does not know, no record has.
    fn find(&mut self, sought: &Sought<'_>, found: &mut Vec<Known>) -> Result<(), Error> {
        match sought {
            Sought::Text(field, text) => {
                let id = texts::find(self.index, *field, text)?;
                found.extend(id.map(|id| Known::Posted(*field, id)));
            }
            Sought::KeyId(key_id) => {
                let ids = texts::find_keys(self.index, key_id, SAME_KEY_ID)?;
                found.extend(ids.into_iter().map(|id| Known::Posted(Field::Key, id)));
            }
            Sought::Failed => found.push(Known::Posted(Field::Error, ANY)),
            Sought::Succeeded => found.push(Known::NotPosted(Field::Error)),
            Sought::Tag(tag) => found.push(Known::Posted(Field::Context, *tag)),
            Sought::ReadOnly => found.push(Known::Posted(Field::ReadOnly, ANY)),
            Sought::Writing => found.push(Known::NotPosted(Field::ReadOnly)),
            Sought::SourceIn(network) => {
                let limit = self.addresses_left.saturating_add(1);
                let ids = texts::find_addresses(self.index, network, limit)?;
                let left = self.addresses_left.checked_sub(ids.len());
                self.addresses_left = left.ok_or(Error::TooManyAddresses(ADDRESSES))?;
                if ids.len() > ADDRESSES_ONE_BY_ONE {
                    found.push(Known::Source(ids));
                } else {
                    found.extend(ids.into_iter().map(|id| Known::Posted(Field::SourceIp, id)));
                }
            }
            Sought::RequestId(id) | Sought::EventId(id) => {
                found.push(Known::At(self.records(id, sought)?));
            }
        }
        Ok(())
    }

    /// The records with an id. The index has a part of each id only, so each
    /// candidate is read.
    fn records(&mut self, id: &[u8; 16], sought: &Sought<'_>) -> Result<Vec<i64>, Error> {
        let [bucket, first, second, ..] = *id;
        let mut seqs = Vec::new();
        let (last, _) = places::locate(self.before);
        let windows = index::windows(self.index, self.from_ms, self.to_ms, last, usize::MAX)?;
        for window in windows {
            let entries = index::bucket(self.index, window.number, bucket)?;
            for entry in entries.chunks_exact(ID_ENTRY) {
                let [of_first, of_second, low, high] = *entry else { continue };
                if (of_first, of_second) != (first, second) {
                    continue;
                }
                let seq = places::seq(window.number, u16::from_le_bytes([low, high]));
                let record = self.records.find(self.log, seq)?.ok_or_else(|| missing(seq))?;
                if sought.is_in(&(self.read_marks)(&record, Extent::Columns)) {
                    seqs.push(seq);
                }
            }
        }
        Ok(seqs)
    }
}

/// The index is ahead of its log.
pub(super) fn missing(seq: i64) -> Error {
    Error::Corrupt(format!("record {seq} is in the index and not in the log"))
}
