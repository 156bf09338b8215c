//! Fills the search index: keeps the newest window in memory and writes what
//! has changed of it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::cells::Column;
use super::entry::{Field, Marks, Position};
use super::index::{self, ANY, Window};
use super::places::{self, BLOCK, Places};
use super::texts::Texts;
use super::{Error, Tx};

/// Bytes of one entry of a bucket of ids: two of the id, two of its place.
pub(super) const ID_ENTRY: usize = 4;

/// Values that are kept in memory. A window may have more: nobody limits how
/// many pairs the encryption contexts of its records have together.
const VALUES: usize = if cfg!(test) { 12 } else { 262_144 };

/// Of one record, by column.
type Numbers = [i64; Column::ALL.len()];

/// The window that is being filled.
#[derive(Debug)]
pub(super) struct Filling {
    texts: Texts,
    window: Window,
    /// By field and value.
    postings: BTreeMap<(i64, i64), Places>,
    /// Whether `postings` has every value of the window; what it has not is in
    /// the file.
    is_whole: bool,
    buckets: BTreeMap<u8, Bucket>,
    /// The newest block of the window, and its numbers.
    block: u16,
    cells: [Vec<i64>; Column::ALL.len()],
}

#[derive(Debug, Default)]
struct Bucket {
    entries: Vec<u8>,
    dirty: bool,
}

impl Filling {
    /// Goes on behind the record at `seq`, the last that was taken in.
    pub(super) fn resume(tx: &mut dyn Tx, seq: i64) -> Result<Self, Error> {
        let (number, offset) = places::locate(seq.max(1));
        let mut filling = Self::at(Texts::new(), number, offset / BLOCK);
        let found = index::windows(tx, i64::MIN, i64::MAX, number, 1)?;
        let Some(window) = found.first().filter(|window| window.number == number) else {
            return Ok(filling);
        };
        filling.window = *window;
        filling.is_whole = false;
        for bucket in 0..=u8::MAX {
            let entries = index::bucket(tx, number, bucket)?;
            filling.buckets.insert(bucket, Bucket { entries, dirty: false });
        }
        for (column, cells) in Column::ALL.into_iter().zip(&mut filling.cells) {
            *cells = index::cells(tx, number, filling.block, column)?;
        }
        Ok(filling)
    }

    fn at(texts: Texts, number: i64, block: u16) -> Self {
        Self {
            texts,
            window: Window { number, earliest_ms: i64::MAX, latest_ms: i64::MIN },
            postings: BTreeMap::new(),
            is_whole: true,
            buckets: BTreeMap::new(),
            block,
            cells: Default::default(),
        }
    }

    /// Takes in the next record. What is complete is written on the way.
    pub(super) fn add(
        &mut self,
        tx: &mut dyn Tx,
        position: Position,
        marks: &Marks,
    ) -> Result<(), Error> {
        let (window, offset) = places::locate(position.seq);
        if window != self.window.number {
            self.write(tx)?;
            let texts = std::mem::replace(&mut self.texts, Texts::new());
            *self = Self::at(texts, window, 0);
        }
        let block = offset / BLOCK;
        if block != self.block {
            self.write_cells(tx)?;
            self.block = block;
            self.cells = Default::default();
        }
        self.window.earliest_ms = self.window.earliest_ms.min(position.time_ms);
        self.window.latest_ms = self.window.latest_ms.max(position.time_ms);
        let numbers = self.post(tx, position, offset, marks)?;
        for id in marks.ids() {
            let [bucket, first, second, ..] = id;
            let [low, high] = offset.to_le_bytes();
            let bucket = self.buckets.entry(bucket).or_default();
            bucket.entries.extend([first, second, low, high]);
            bucket.dirty = true;
        }
        self.cells.iter_mut().zip(numbers).for_each(|(cells, number)| cells.push(number));
        Ok(())
    }

    /// Where each value of the record is; what is counted of it comes back.
    fn post(
        &mut self,
        tx: &mut dyn Tx,
        position: Position,
        offset: u16,
        marks: &Marks,
    ) -> Result<Numbers, Error> {
        let mut numbers =
            Column::ALL.map(|column| if column == Column::Time { position.time_ms } else { ANY });
        for (field, text) in marks.stored_texts() {
            let id = self.texts.id(tx, field, &text)?;
            self.push(tx, field, id, offset)?;
            let of_field = Column::ALL.into_iter().zip(&mut numbers);
            for (_, number) in of_field.filter(|(of, _)| of.field() == Some(field)) {
                // Of several texts the first one counts.
                *number = if *number == ANY { id } else { *number };
            }
            if field == Field::Error {
                self.push(tx, field, ANY, offset)?;
            }
        }
        for tag in &marks.tags {
            self.push(tx, Field::Context, *tag, offset)?;
        }
        if marks.read_only {
            self.push(tx, Field::ReadOnly, ANY, offset)?;
        }
        Ok(numbers)
    }

    /// Adds the record to those that have the value.
    fn push(
        &mut self,
        tx: &mut dyn Tx,
        field: Field,
        value: i64,
        offset: u16,
    ) -> Result<(), Error> {
        let key = (field.number(), value);
        if self.postings.len() >= VALUES && !self.postings.contains_key(&key) {
            self.write_postings(tx)?;
            self.postings.clear();
            self.is_whole = false;
        }
        match self.postings.entry(key) {
            Entry::Occupied(mut known) => known.get_mut().push(offset),
            Entry::Vacant(vacant) => {
                let stored = match self.is_whole {
                    true => None,
                    false => index::places(tx, self.window.number, field, value)?,
                };
                let places = stored.as_ref().map(Places::from).unwrap_or_default();
                vacant.insert(places).push(offset);
            }
        }
        Ok(())
    }

    /// Writes what has changed since it was written last.
    pub(super) fn write(&mut self, tx: &mut dyn Tx) -> Result<(), Error> {
        self.write_postings(tx)?;
        let number = self.window.number;
        for (number_of, bucket) in self.buckets.iter_mut().filter(|(_, bucket)| bucket.dirty) {
            index::set_bucket(tx, number, *number_of, &bucket.entries)?;
            bucket.dirty = false;
        }
        self.write_cells(tx)?;
        index::set_window(tx, &self.window)
    }

    fn write_postings(&mut self, tx: &mut dyn Tx) -> Result<(), Error> {
        for (key, places) in self.postings.iter_mut().filter(|(_, places)| places.dirty) {
            index::set_places(tx, self.window.number, *key, places.as_bytes())?;
            places.dirty = false;
        }
        Ok(())
    }

    fn write_cells(&self, tx: &mut dyn Tx) -> Result<(), Error> {
        for (column, cells) in Column::ALL.into_iter().zip(&self.cells) {
            index::set_cells(tx, self.window.number, self.block, column, cells)?;
        }
        Ok(())
    }
}
