//! Records as files: one JSON record a line, a table, columns, or lines that prove
//! themselves. A file is made in pieces, each when it is asked for.

pub(super) mod line;
mod parquet;
mod proofs;
mod table;
mod thrift;

use super::body::Opener;
use super::query::find;
use super::{Error, Filter};
use crate::base::limits;
use crate::store::{Store, StoredRecord};
use parquet::Parquet;
use proofs::Proofs;
pub use table::{COLUMNS, without_formula};

/// How records are written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// One record a line, byte for byte as it was hashed.
    Ndjson,
    /// RFC 4180, the columns [`COLUMNS`]. A text that a spreadsheet could take
    /// for a formula gets an apostrophe before it.
    Csv,
    /// Apache Parquet: the columns of the view `events`, and the whole record.
    Parquet,
    /// One record a line, with the proof that it is in the log. What the file
    /// holds is written down in `docs/audit-verification.md`.
    Proofs {
        /// The public key of the log.
        public_key: String,
        /// The size of a head that somebody keeps; the file proves that the log
        /// goes on from there.
        since: Option<u64>,
    },
}

/// An export that goes on piece by piece.
pub struct Export {
    next: Next,
    /// What was found and is not written yet, the next one last.
    found: Vec<StoredRecord>,
    opener: Opener,
    writer: Writer,
}

/// What an export does next.
enum Next {
    Search(Filter),
    End,
    Nothing,
}

enum Writer {
    Lines,
    Table { has_heads: bool },
    Columns(Box<Parquet>),
    Proofs(Proofs),
}

impl Export {
    /// All records that the filter finds, from its cursor on. Blocks.
    ///
    /// # Errors
    /// [`Error::Unsigned`], [`Error::TreeSize`] if it cannot be proved;
    /// [`Error::Store`].
    pub fn new(store: &Store, filter: Filter, form: Form) -> Result<Self, Error> {
        let writer = match form {
            Form::Ndjson => Writer::Lines,
            Form::Csv => Writer::Table { has_heads: false },
            Form::Parquet => Writer::Columns(Box::new(Parquet::new())),
            Form::Proofs { public_key, since } => {
                Writer::Proofs(Proofs::new(store, public_key, since)?)
            }
        };
        Ok(Self {
            next: Next::Search(filter),
            found: Vec::new(),
            opener: Opener::default(),
            writer,
        })
    }

    /// The next piece, of [`limits::AUDIT_PIECE_ROWS`] records at most; it may be empty.
    /// `None` behind the last. Blocks.
    ///
    /// # Errors
    /// As [`super::query()`]; [`Error::Row`].
    pub fn piece(&mut self, store: &Store) -> Result<Option<Vec<u8>>, Error> {
        if self.found.is_empty() {
            match std::mem::replace(&mut self.next, Next::Nothing) {
                Next::Search(mut filter) => {
                    let (found, cursor) = find(store, &filter, &mut self.opener)?;
                    self.found = found.records;
                    self.found.reverse();
                    filter.cursor = cursor;
                    let is_more = filter.cursor.is_some();
                    self.next = if is_more { Next::Search(filter) } else { Next::End };
                }
                Next::End => return self.writer.end().map(Some),
                Next::Nothing => return Ok(None),
            }
        }
        let from = self.found.len().saturating_sub(limits::AUDIT_PIECE_ROWS);
        let mut records = self.found.split_off(from);
        records.reverse();
        self.writer.write(store, &mut self.opener, &records).map(Some)
    }
}

impl Writer {
    /// Writes the records of a page, of which the first may have something before it.
    fn write(
        &mut self,
        store: &Store,
        opener: &mut Opener,
        records: &[StoredRecord],
    ) -> Result<Vec<u8>, Error> {
        match self {
            Self::Lines => Ok(lines(&texts(opener, records)?)),
            Self::Table { has_heads } => {
                let heads = !std::mem::replace(has_heads, true);
                table::table(&texts(opener, records)?, heads)
            }
            Self::Columns(parquet) => {
                for record in records {
                    parquet.push(record, &opener.open(record)?.record()?)?;
                }
                Ok(parquet.take())
            }
            Self::Proofs(proofs) => proofs.write(store, opener, records),
        }
    }

    fn end(&mut self) -> Result<Vec<u8>, Error> {
        match self {
            Self::Lines | Self::Table { .. } => Ok(Vec::new()),
            Self::Columns(parquet) => parquet.end(),
            Self::Proofs(proofs) => proofs.end(),
        }
    }
}

fn texts(opener: &mut Opener, records: &[StoredRecord]) -> Result<Vec<String>, Error> {
    records.iter().map(|record| opener.open(record)?.record()).collect()
}

fn lines(records: &[String]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(records.iter().map(|record| record.len()).sum::<usize>());
    for record in records {
        bytes.extend_from_slice(record.as_bytes());
        bytes.push(b'\n');
    }
    bytes
}
