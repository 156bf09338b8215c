//! Checks a book that nobody serves, such as a copy, against its signed head:
//! every record, every column that records are found by, the tree, the heads
//! that were kept, and what somebody else kept of them.
//!
//! Exports are checked in the same way, by themselves.
//!
//! Deliberately absent: secrets. Nothing is unsealed, and nothing is written;
//! the public key is enough. State (keys, policies, grants) is not looked at.

mod erasures;
mod export;
mod heads;
mod index;
mod kept;
mod records;
mod report;
mod tables;
mod trees;

use std::path::Path;

pub use export::{ExportReport, NotCompared, WantedExport, verify_export};
pub use index::IndexState;
pub use kept::Kept;
pub use report::{Finding, Kind, Report};

use super::ledger::{Checkpoint, VerifierKey};
use crate::store;
use crate::store::inspect::Book;
use heads::Heads;
use kept::Witness;
use trees::Trees;

/// Why nothing can be said of a book.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no book, a server uses it, or it is of a newer or a much older program.
    #[error("the book cannot be checked")]
    Store(#[from] store::Error),
    /// A file of checkpoints has none of this log.
    #[error("{0} has no checkpoint of this log")]
    NoCheckpoint(String),
    /// A book without any signed head, and nothing that says there was one.
    #[error("the book was never signed: start the server once, which signs it")]
    NeverSigned,
    /// The file is none that proves itself.
    #[error("the file is not an export with proofs (`wardbook audit export --proof`)")]
    NotAnExport,
    /// The export says nothing about the head that somebody kept.
    #[error(
        "the export is of the log of {head} records, and has no proof that this goes on from the \
         kept checkpoint of {size}: make it with `--checkpoint FILE`"
    )]
    Unlinked { size: u64, head: u64 },
    /// The file cannot be read.
    #[error("the file cannot be read")]
    Read(#[from] std::io::Error),
    /// Checkpoints that were kept cannot be read.
    #[error("{name} cannot be read")]
    ReadKept {
        name: String,
        #[source]
        cause: std::io::Error,
    },
    /// A thread could not be made or crashed.
    #[error("a thread crashed")]
    Crash,
}

/// What is checked, and against what.
pub struct Wanted<'a> {
    /// The data folder or a copy of it.
    pub folder: &'a Path,
    /// The public key that somebody kept; otherwise the folder's own, which
    /// whoever owns the folder can replace.
    pub key: Option<VerifierKey>,
    /// Checkpoints that somebody kept.
    pub kept: Vec<Kept<'a>>,
    /// Whether the search index is compared with the log, too.
    pub index: bool,
    /// Threads that read records.
    pub threads: usize,
}

/// Checks a book. `progress` is told how many records are done, of how many.
///
/// # Errors
/// [`Error`], if nothing can be said. What is wrong with the book is in the
/// report.
pub fn verify(wanted: Wanted<'_>, progress: &(dyn Fn(u64, u64) + Sync)) -> Result<Report, Error> {
    let book = Book::open(wanted.folder)?;
    let mut report = Report::default();
    if !tables::is_readable(&book, &mut report)? {
        return Ok(report);
    }
    let heads = Heads::read(&book, wanted.key, &mut report)?;
    report.log = heads.key.as_ref().map(|key| (key.name().to_owned(), key.to_string()));
    let origin = heads.origin.as_deref().unwrap_or_default();
    let witnesses = wanted.kept.into_iter().map(|kept| Witness::of(kept, origin));
    let mut witnesses: Vec<Witness<'_>> = witnesses.collect::<Result<_, Error>>()?;
    // The index is a second half.
    let halves = |done: u64, of: u64| progress(done.div_euclid(2), of);
    let second = |done: u64, of: u64| progress(done.saturating_add(of).div_euclid(2), of);
    let first: &(dyn Fn(u64, u64) + Sync) = if wanted.index { &halves } else { progress };

    let (scanned, damages) = std::thread::scope(|scope| {
        let damages = scope.spawn(|| book.damages(tables::DAMAGES_MAX));
        let scanned = records::scan(&book, heads.size, wanted.threads, first);
        (scanned, damages.join())
    });
    let mut scanned = scanned?;
    tables::report_damages(damages.map_err(|_panic| Error::Crash)?, &mut report);
    report.absorb(std::mem::take(&mut scanned.report));
    report.records = scanned.records;

    records::check_extent(&book, &heads, &mut report)?;
    tables::check_names(&book, &scanned.used, &mut report);
    erasures::check(&book, &scanned, &mut report);
    let blocks = std::mem::take(&mut scanned.blocks);
    let trees = Trees::build(&book, heads.size, blocks, &mut report);
    heads.check_roots(&book, &trees, &mut witnesses, &mut report)?;
    if wanted.index {
        report.index = Some(index::check(&book, wanted.threads, &second, &mut report)?);
    }
    report.finish();
    Ok(report)
}

/// What a note says, if the key has signed it.
fn opened(note: &str, key: Option<&VerifierKey>) -> Result<Checkpoint, String> {
    let key = key.ok_or("there is no public key to check it with")?;
    Checkpoint::open(note, key).map_err(|error| error.to_string())
}
