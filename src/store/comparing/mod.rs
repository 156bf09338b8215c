//! Compares the search index of a folder that nobody serves with its log. What
//! fills the index makes each window anew from the log, beside it, and both must
//! have the same rows.
//!
//! Deliberately absent: what is wrong with the log itself; `audit` knows.

mod window;

use std::collections::BTreeMap;

use super::entry::{Extent, Marks};
use super::filling::Filling;
use super::index::{self, Progress};
use super::inspect::{self, Book};
use super::log::{self, Finder, StoredRecord};
use super::places::{self, Bits};
use super::slots::Slots;
use super::sqlite::{self, Inspected};
use super::{Error, ReadMarks, Tx, meta, migrations, texts};
use window::Comparison;

/// Records read at a time.
const CHUNK_RECORDS: usize = if cfg!(test) { 16 } else { 512 };
/// Rows read at a time.
const PAGE: usize = 1_024;
/// Rows that nothing in the log stands behind, of which is told.
const BESIDE: usize = 1_024;

/// One thing in which the index is not what the log makes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The records that it is about, by their places; `None` if it is about none.
    pub records: Option<(i64, i64)>,
    /// Follows the name of the records, if there are any.
    pub text: String,
}

impl Difference {
    fn of_none(text: impl Into<String>) -> Self {
        Self { records: None, text: text.into() }
    }
}

/// What there is to compare.
pub enum Opened<'b> {
    /// No file: a server that starts builds it.
    Absent,
    /// It is of another program, and a server that starts builds it anew.
    OtherVersion(i64),
    /// A server that starts builds it anew, and until then nobody asks it; but
    /// no server leaves it so.
    Useless(String),
    Index(Box<Index<'b>>),
}

/// The index beside a book.
pub struct Index<'b> {
    book: &'b Book,
    file: Inspected,
    read_marks: ReadMarks,
    /// The last record that it has taken in, and the last of the log.
    last: i64,
    log_last: i64,
    /// Records that lost something which the index may still have, by windows.
    unfollowed: BTreeMap<i64, Bits>,
}

impl<'b> Index<'b> {
    /// Opens the index beside a book. `read_marks` is what the server fills it by.
    ///
    /// # Errors
    /// What the engine says, of the index or of the book.
    pub fn open(book: &'b Book, read_marks: ReadMarks) -> Result<Opened<'b>, Error> {
        let Some(file) = book.0.index()? else { return Ok(Opened::Absent) };
        let (version, differences) = file.index_version()?;
        if version != migrations::INDEX_VERSION {
            return Ok(Opened::OtherVersion(version));
        }
        if !differences.is_empty() {
            return Ok(Opened::Useless(format!("schema: {}", differences.join(", "))));
        }
        let Some(progress) = file.read(|tx| index::progress(tx))? else {
            return Ok(Opened::Useless("it does not say how far it is".to_owned()));
        };
        let log_last = book.read(log::last_seq)?;
        if let Some(wrong) = book.read(|log| wrong_progress(log, &progress, log_last))? {
            return Ok(Opened::Useless(wrong));
        }
        let unfollowed = book.read(|log| unfollowed(log, &progress))?;
        let last = progress.seq;
        Ok(Opened::Index(Box::new(Self { book, file, read_marks, last, log_last, unfollowed })))
    }

    /// The last record that the index has taken in.
    #[must_use]
    pub fn last(&self) -> i64 {
        self.last
    }

    /// Records of the log that it has not taken in yet.
    #[must_use]
    pub fn behind(&self) -> u64 {
        u64::try_from(self.log_last.saturating_sub(self.last)).unwrap_or(0)
    }

    /// Records that lost personal data which the index may still have.
    #[must_use]
    pub fn unfollowed(&self) -> u64 {
        self.unfollowed.values().map(Bits::count).fold(0, u64::saturating_add)
    }

    /// Windows of records that the index has: they are numbered from 0.
    #[must_use]
    pub fn windows(&self) -> i64 {
        self.last_window().saturating_add(1)
    }

    /// The last record of a window that the index has.
    #[must_use]
    pub fn last_of(&self, window: i64) -> i64 {
        places::seq(window.saturating_add(1), 0).saturating_sub(1).min(self.last)
    }

    /// -1 if it has none.
    fn last_window(&self) -> i64 {
        if self.last < 1 { -1 } else { places::locate(self.last).0 }
    }

    /// What the engine itself finds wrong with the file, at most `limit` texts.
    ///
    /// # Errors
    /// What the engine says.
    pub fn damages(&self, limit: u32) -> Result<Vec<String>, Error> {
        self.file.damages(limit)
    }

    /// Compares windows, as long as `next` names one. Several threads may do so
    /// at a time; each has one window of one of its records in memory.
    ///
    /// # Errors
    /// What the engine says, if it cannot go on. That something cannot be read is
    /// a difference.
    pub fn compare(
        &self,
        next: &mut dyn FnMut() -> Option<i64>,
        tell: &mut dyn FnMut(Difference),
    ) -> Result<(), Error> {
        self.book.read(|log| {
            self.file.read(|theirs| {
                let mut finder = Finder::default();
                while let Some(window) = next() {
                    let compared = sqlite::scratch_index(|ours| {
                        match self.fill(window, &mut finder, log, (ours, theirs)) {
                            Ok(()) => self.compare_window(window, (ours, theirs), tell),
                            Err(error) => Err(error),
                        }
                    });
                    let Err(error) = compared else { continue };
                    let error = read_error(error)?;
                    tell(Difference {
                        records: Some((places::seq(window, 0), self.last_of(window))),
                        text: format!("the search index cannot be compared with them: {error}"),
                    });
                }
                Ok(())
            })
        })
    }

    /// What belongs to no window: rows of others, and texts.
    ///
    /// # Errors
    /// As [`Self::compare`].
    pub fn compare_rest(&self, tell: &mut dyn FnMut(Difference)) -> Result<(), Error> {
        let compared = self.file.read(|theirs| {
            for window in index::windows_beside(theirs, self.last_window(), BESIDE)? {
                let text = format!("it has rows of the window {window}, which has no records");
                tell(Difference::of_none(text));
            }
            let mut above = i64::MIN;
            loop {
                let page = texts::checked(theirs, above, PAGE)?;
                let Some((last, _)) = page.last() else { break };
                above = *last;
                for (id, _) in page.iter().filter(|(id, is_right)| !is_right || *id < 1) {
                    tell(Difference::of_none(format!("the row of its text {id} was changed")));
                }
            }
            for id in texts::unused(theirs, BESIDE)? {
                tell(Difference::of_none(format!("no record has its text {id}")));
            }
            Ok(())
        });
        match compared {
            Ok(()) => Ok(()),
            Err(error) => {
                let error = read_error(error)?;
                tell(Difference::of_none(format!("its texts cannot be read: {error}")));
                Ok(())
            }
        }
    }

    /// Makes a window of the index anew.
    fn fill(
        &self,
        window: i64,
        finder: &mut Finder,
        log: &mut dyn Tx,
        (ours, theirs): (&mut dyn Tx, &mut dyn Tx),
    ) -> Result<(), Error> {
        let (first, last) = (places::seq(window, 0), self.last_of(window));
        let mut filling = Filling::resume(ours, first)?;
        let mut ids = Ids { seen: Slots::new(), unknown: 0 };
        let mut after = first.saturating_sub(1);
        let mut has_any = false;
        loop {
            let records = finder.records_after(log, after, CHUNK_RECORDS)?;
            inspect::in_order(after, records.iter().map(|record| record.position.seq))?;
            let of_window = |record: &&StoredRecord| record.position.seq <= last;
            for record in records.iter().take_while(of_window) {
                let marks = (self.read_marks)(record, Extent::Whole);
                ids.share(&marks, ours, theirs)?;
                filling.add(ours, record.position, &marks)?;
                has_any = true;
            }
            match records.last() {
                Some(record) if record.position.seq < last => after = record.position.seq,
                _ => break,
            }
        }
        if has_any { filling.write(ours) } else { Ok(()) }
    }

    fn compare_window(
        &self,
        window: i64,
        (ours, theirs): (&mut dyn Tx, &mut dyn Tx),
        tell: &mut dyn FnMut(Difference),
    ) -> Result<(), Error> {
        let none = Bits::none();
        let comparison = Comparison {
            window,
            last: self.last_of(window),
            unfollowed: self.unfollowed.get(&window).unwrap_or(&none),
            ours,
            theirs,
            tell,
        };
        comparison.run()
    }
}

/// Texts have the same ids in what is made anew as in the index, so that rows can
/// be compared as they are. One that the index lacks has an id that none has.
struct Ids {
    seen: Slots,
    /// Texts that the index lacks; their ids are -1, -2, ...
    unknown: i64,
}

impl Ids {
    fn share(
        &mut self,
        marks: &Marks,
        ours: &mut dyn Tx,
        theirs: &mut dyn Tx,
    ) -> Result<(), Error> {
        for (field, text) in marks.stored_texts() {
            if self.seen.find(field.number(), &text).is_some() {
                continue;
            }
            let id = match texts::find(ours, field, &text)? {
                Some(id) => id,
                None => {
                    let known = texts::find(theirs, field, &text)?.filter(|id| *id > 0);
                    let id = known.unwrap_or_else(|| {
                        self.unknown = self.unknown.saturating_sub(1);
                        self.unknown
                    });
                    texts::insert(ours, Some(id), field, &text)?
                }
            };
            self.seen.put(field.number(), &text, id);
        }
        Ok(())
    }
}

/// Why a server would not go on with the index.
fn wrong_progress(
    log: &mut dyn Tx,
    progress: &Progress,
    log_last: i64,
) -> Result<Option<String>, Error> {
    let Progress { log_id, seq, leaf, erasure } = progress;
    if meta::find(log, "log_id")?.as_ref() != Some(log_id) {
        return Ok(Some("it is of another log".to_owned()));
    }
    if *seq > log_last || *seq < 0 {
        let text = format!("it says that it has {seq} records, and the log has {log_last}");
        return Ok(Some(text));
    }
    let found = log::leaf(log, *seq)?.map(|leaf| leaf.to_vec()).unwrap_or_default();
    if found != *leaf {
        return Ok(Some(format!("the record {seq} that it says it has is not that of the log")));
    }
    let listed = inspect::erasures(log, erasure.saturating_sub(1), 1)?;
    if *erasure != 0 && listed.first().is_none_or(|(n, _)| n != erasure) {
        let text =
            format!("it says that it has followed the erasure {erasure}, which is not listed");
        return Ok(Some(text));
    }
    Ok(None)
}

/// The records of erasures that the index has not followed yet.
fn unfollowed(log: &mut dyn Tx, progress: &Progress) -> Result<BTreeMap<i64, Bits>, Error> {
    let mut windows: BTreeMap<i64, Bits> = BTreeMap::new();
    let mut after = progress.erasure;
    loop {
        let page = inspect::erasures(log, after, i64::try_from(PAGE).unwrap_or(i64::MAX))?;
        let Some((last, _)) = page.last() else { return Ok(windows) };
        after = *last;
        for (_, seq) in page.iter().filter(|(_, seq)| *seq <= progress.seq) {
            let (window, offset) = places::locate(*seq);
            windows.entry(window).or_insert_with(Bits::none).insert(offset);
        }
    }
}

/// What cannot be read of the log or of the index.
///
/// # Errors
/// All other errors: they are of the machine, and say nothing of the folder.
pub fn read_error(error: Error) -> Result<Error, Error> {
    match error {
        Error::Corrupt(_)
        | Error::Column(_)
        | Error::Query { .. }
        | Error::Duplicate
        | Error::Conflict => Ok(error),
        other => Err(other),
    }
}
