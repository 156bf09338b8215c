//! One window of the index beside the same, made anew.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::Difference;
use crate::store::cells::{self, Column};
use crate::store::entry::Field;
use crate::store::filling::ID_ENTRY;
use crate::store::index::{self, Stored};
use crate::store::places::{self, BLOCK, Bits};
use crate::store::{Error, Tx};

/// Rows read at a time.
const PAGE: usize = if cfg!(test) { 5 } else { 1_024 };

pub(super) struct Comparison<'c> {
    pub(super) window: i64,
    /// The last record of it that the index has.
    pub(super) last: i64,
    /// Records that lost something which the index may still have.
    pub(super) unfollowed: &'c Bits,
    /// What was made anew.
    pub(super) ours: &'c mut dyn Tx,
    /// The index.
    pub(super) theirs: &'c mut dyn Tx,
    pub(super) tell: &'c mut dyn FnMut(Difference),
}

impl Comparison<'_> {
    pub(super) fn run(mut self) -> Result<(), Error> {
        self.times()?;
        self.places()?;
        self.ids()?;
        self.cells()
    }

    /// About all records of the window.
    fn tell_all(&mut self, text: impl Into<String>) {
        let first = places::seq(self.window, 0);
        (self.tell)(Difference { records: Some((first, self.last)), text: text.into() });
    }

    /// About some records, if there are any. `text` is told whether it is one.
    fn tell_of(&mut self, records: &Bits, text: impl FnOnce(&str, &str) -> String) {
        let mut offsets = records.iter();
        let Some(first) = offsets.next() else { return };
        let last = offsets.next_back().unwrap_or(first);
        let [first, last] = [first, last].map(|offset| places::seq(self.window, offset));
        let text = match records.count() {
            1 => text("it", "its"),
            many => text(&format!("{many} of them"), "their"),
        };
        (self.tell)(Difference { records: Some((first, last)), text });
    }

    /// Between which times the records were made.
    fn times(&mut self) -> Result<(), Error> {
        let number = self.window;
        let read = |tx: &mut dyn Tx| -> Result<_, Error> {
            let found = index::windows(tx, i64::MIN, i64::MAX, number, 1)?;
            Ok(found.into_iter().find(|window| window.number == number))
        };
        let (ours, theirs) = (read(self.ours)?, read(self.theirs)?);
        match theirs {
            theirs if theirs == ours => {}
            None => self.tell_all("the search index has no row of their window, so finds none"),
            Some(_) => self.tell_all("the search index says other times of them"),
        }
        Ok(())
    }

    /// Which records have which value.
    fn places(&mut self) -> Result<(), Error> {
        let mut ours = Rows::new(self.window);
        let mut theirs = Rows::new(self.window);
        ours.step(self.ours)?;
        theirs.step(self.theirs)?;
        loop {
            let order = match (&ours.row, &theirs.row) {
                (None, None) => return Ok(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((our_key, _)), Some((their_key, _))) => our_key.cmp(their_key),
            };
            let our_bytes = ours.row.as_ref().filter(|_| order.is_le());
            let their_bytes = theirs.row.as_ref().filter(|_| order.is_ge());
            self.compare_places(our_bytes, their_bytes);
            if order.is_le() {
                ours.step(self.ours)?;
            }
            if order.is_ge() {
                theirs.step(self.theirs)?;
            }
        }
    }

    fn compare_places(&mut self, ours: Option<&Stored>, theirs: Option<&Stored>) {
        if ours == theirs {
            return;
        }
        let key = ours.or(theirs).map(|(key, _)| *key).unwrap_or_default();
        let field = Field::of_number(key.0);
        let word = field.map_or("value of no kind", Field::word);
        let offsets = |row: Option<&Stored>| match row {
            None => Ok(Bits::none()),
            Some((_, bytes)) => places::offsets(bytes),
        };
        let (Ok(mut lacks), Ok(mut more)) = (offsets(ours), offsets(theirs)) else {
            return self.tell_all(format!("which of them have a {word}, cannot be read"));
        };
        let (wanted, found) = (lacks.clone(), more.clone());
        lacks.drop_all(&found);
        more.drop_all(&wanted);
        let is_same = lacks.is_empty() && more.is_empty();
        if field.is_some_and(Field::is_personal) {
            more.drop_all(self.unfollowed);
            if lacks.is_empty() && more.is_empty() && !self.unfollowed.is_empty() {
                return;
            }
        }
        if is_same {
            // Nothing is found otherwise; but no server has written it.
            self.tell_all(format!("which of them have a {word}, is written in another way"));
        }
        self.tell_of(&lacks, |them, their| {
            format!("the search index does not find {them} by {their} {word}")
        });
        self.tell_of(&more, |them, _| {
            format!("the search index finds {them} by the {word} of others")
        });
    }

    /// Request and event ids.
    fn ids(&mut self) -> Result<(), Error> {
        let ours = index::stored_buckets(self.ours, self.window)?;
        let theirs = index::stored_buckets(self.theirs, self.window)?;
        let buckets: BTreeSet<i64> = ours.keys().chain(theirs.keys()).copied().collect();
        let (mut lacks, mut more) = (Bits::none(), Bits::none());
        for bucket in buckets {
            let (ours, theirs) = (ours.get(&bucket), theirs.get(&bucket));
            if ours == theirs {
                continue;
            }
            let (Some(mut wanted), Some(found)) = (entries(ours), entries(theirs)) else {
                self.tell_all(format!("the search index has damaged ids of them ({bucket})"));
                continue;
            };
            let mut is_same = theirs.is_some();
            for (entry, offset) in found {
                if !wanted.remove(&(entry, offset)) {
                    more.insert(offset);
                    is_same = false;
                }
            }
            is_same &= wanted.is_empty();
            wanted.into_iter().for_each(|(_, offset)| lacks.insert(offset));
            if is_same {
                self.tell_all(format!("their ids are written in another way ({bucket})"));
            }
        }
        self.tell_of(&lacks, |them, their| {
            format!("the search index does not find {them} by {their} request or event id")
        });
        self.tell_of(&more, |them, _| {
            format!("the search index finds {them} by the ids of others")
        });
        Ok(())
    }

    /// What is counted.
    fn cells(&mut self) -> Result<(), Error> {
        let ours = index::stored_cells(self.ours, self.window)?;
        let theirs = index::stored_cells(self.theirs, self.window)?;
        let places: BTreeSet<i64> = ours.keys().chain(theirs.keys()).copied().collect();
        let mut wrong: BTreeMap<&'static str, Bits> = BTreeMap::new();
        for place in places {
            let (ours, theirs) = (ours.get(&place), theirs.get(&place));
            if ours == theirs {
                continue;
            }
            let (block, column) = index::cells_at(place);
            let column = Column::ALL.into_iter().find(|known| known.number() == column);
            let (Some(ours), Some(column)) = (ours, column) else {
                self.tell_all(format!("the search index has numbers {place}, which mean nothing"));
                continue;
            };
            let wanted = cells::read(ours)?;
            let found = theirs.map_or_else(|| Ok(Vec::new()), |bytes| cells::read(bytes));
            let Ok(found) = found else {
                self.tell_all(format!("by what of {} they count, cannot be read", column.word()));
                continue;
            };
            let is_same = wanted == found;
            let is_longer = found.len() > wanted.len();
            let first = u16::try_from(block).unwrap_or(0).saturating_mul(BLOCK);
            for (offset, number) in (first..).zip(&wanted) {
                let index = usize::from(offset.saturating_sub(first));
                let is_kept = column == Column::SourceIp && self.unfollowed.contains(offset);
                if found.get(index) != Some(number) && !is_kept {
                    wrong.entry(column.word()).or_insert_with(Bits::none).insert(offset);
                }
            }
            if is_same || is_longer {
                self.tell_all(format!("the numbers {place} of them were changed"));
            }
        }
        for (word, records) in wrong {
            self.tell_of(&records, |them, _| {
                format!("the search index counts {them} by another {word}")
            });
        }
        Ok(())
    }
}

/// The entries of a bucket: part of an id, and the place of the record.
fn entries(bytes: Option<&Vec<u8>>) -> Option<BTreeSet<([u8; 2], u16)>> {
    let bytes = bytes.map_or(&[][..], Vec::as_slice);
    let (entries, rest) = bytes.as_chunks::<ID_ENTRY>();
    let entry = |[first, second, low, high]: &[u8; ID_ENTRY]| {
        let offset = u16::from_le_bytes([*low, *high]);
        (offset < places::WINDOW).then_some(([*first, *second], offset))
    };
    rest.is_empty().then(|| entries.iter().map(entry).collect()).flatten()
}

/// The postings of a window, one after the other.
struct Rows {
    window: i64,
    /// The row that it stands at; `None` at the end.
    row: Option<Stored>,
    page: std::vec::IntoIter<Stored>,
    behind: (i64, i64),
}

impl Rows {
    fn new(window: i64) -> Self {
        let behind = (i64::MIN, i64::MIN);
        Self { window, row: None, page: Vec::new().into_iter(), behind }
    }

    fn step(&mut self, tx: &mut dyn Tx) -> Result<(), Error> {
        if self.page.as_slice().is_empty() {
            self.page = index::stored_places(tx, self.window, self.behind, PAGE)?.into_iter();
        }
        self.row = self.page.next();
        if let Some((key, _)) = &self.row {
            self.behind = *key;
        }
        Ok(())
    }
}
