//! Rows: one SQLite file that holds the state tables and the append-only log,
//! so that a change and its record commit together, and a second, derived file
//! with the search indexes of the log.
//!
//! Deliberately absent: what the rows mean. This module knows neither keys nor
//! policies, does not look into a record's body, and neither hashes nor signs:
//! a [`Notary`] does, whom the store asks before each commit.

mod cells;
pub mod comparing;
mod conditions;
mod counts;
pub mod custom_key_stores;
mod entry;
mod error;
mod event;
mod field_reads;
mod filling;
mod forgetting;
pub mod grants;
pub mod identities;
mod index;
pub mod inspect;
pub mod item_schemas;
pub mod keys;
mod log;
pub mod meta;
mod migrations;
mod names;
mod notary;
mod places;
pub mod sealed;
mod search;
mod slots;
mod sql;
mod sqlite;
#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a wrong number fails the test")]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod texts;
pub mod trail;
pub mod tree;

use std::path::Path;

pub use conditions::{Condition, Conditions, Sought};
pub use counts::{Census, Counts, Dimension, Group, Share};
pub use entry::{Extent, Field, Marks, Network, Position, ReadMarks};
pub use error::Error;
pub use event::{NewEvent, Personal, Text};
pub use field_reads::{FieldRead, FieldReads, StoredFieldRead};
pub use log::{StoredColumns, StoredRecord, erase};
pub use notary::{Attested, Head, Notary, TreeNode};
pub use search::{Found, Search, Sieve};
pub use sql::{Query, Row, Tx, Value};
pub use sqlite::{Asked, Question, Snapshot, ask};

use crate::base::limits;

/// A change of state that a call makes: rows first, memory after COMMIT.
pub trait Change: Send + 'static {
    /// Writes the rows, inside the transaction of the batch.
    ///
    /// # Errors
    /// [`Error::Duplicate`] and [`Error::Conflict`] roll back this unit only;
    /// its `commit` answers with them. [`Error::Unavailable`] fails the batch.
    fn write(&self, tx: &mut dyn Tx) -> Result<(), Error>;

    /// Publishes the change in memory. Called on the writer's thread after
    /// COMMIT, in commit order, before anybody is answered. Must be quick and
    /// must not call the store.
    fn publish(&self);

    /// Whether the change erases something. Then no file keeps what was erased:
    /// the write-ahead log is emptied as well, as soon as no reader needs it.
    fn erases(&self) -> bool {
        false
    }
}

/// What one call commits: its changes, often none, and its record.
pub struct Unit {
    pub changes: Vec<Box<dyn Change>>,
    pub event: NewEvent,
    /// Records of what the call set off elsewhere, nearly always none. They
    /// follow the call's own in the log.
    pub further: Vec<NewEvent>,
}

/// Proof that a record is durable. Only the writer makes one, after COMMIT.
#[derive(Debug)]
pub struct Receipt {
    seq: i64,
}

impl Receipt {
    /// The place of the call's record in the log, counted from 1 without a gap.
    #[must_use]
    pub fn seq(&self) -> i64 {
        self.seq
    }
}

/// How a store is run. The default is right for a server; tests shrink it.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Units that may wait for the writer; one more is [`Error::Busy`].
    pub queue_units: usize,
    /// Units in one transaction.
    pub batch_units: usize,
    /// How long `commit` waits, milliseconds.
    pub commit_wait_ms: u64,
    /// How often the search index takes in new records, milliseconds.
    pub index_interval_ms: u64,
    /// Quota for the database file, pages of 4 KiB; reaching it is like a full
    /// disk. `None` leaves it to the file system.
    pub pages_max: Option<u32>,
    /// Disk reserve, bytes: room in the data folder that is kept for the calls
    /// and records of administrators when the disk is full. 0 keeps none; `None`
    /// leaves what is there as it is.
    pub reserve_bytes: Option<u64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            queue_units: limits::WRITER_QUEUE_UNITS,
            batch_units: limits::WRITER_BATCH_UNITS,
            commit_wait_ms: limits::COMMIT_WAIT_MS,
            index_interval_ms: 200,
            pages_max: None,
            reserve_bytes: None,
        }
    }
}

/// How the disk reserve is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reserve {
    /// There is none.
    #[default]
    Off,
    /// It takes so many bytes of the disk.
    Held { bytes: u64 },
    /// There was no room to make it.
    Missing,
    /// The disk was full, so it was given up: whoever does not administrate
    /// waits until it could be made again.
    Used,
}

/// How the store is.
#[derive(Clone, Debug)]
pub struct Health {
    /// `Ok` while units can be committed, else why not.
    pub writer: Result<(), Error>,
    /// Units that wait for the writer.
    pub queued_units: usize,
    /// Length of the write-ahead log, bytes. Far above 16 MiB means that a
    /// reader holds an old snapshot.
    pub wal_bytes: u64,
    /// The last record's place in the log, 0 while it is empty.
    pub last_seq: i64,
    /// The last place that the search index has taken in.
    pub indexed_seq: i64,
    pub reserve: Reserve,
}

/// The book and the state tables of one data folder.
pub struct Store {
    engine: sqlite::Engine,
}

impl Store {
    /// Opens the folder, makes it if it is not there, and brings the schema up
    /// to date. `read_marks` says what a record can be found by.
    ///
    /// # Errors
    /// [`Error::Locked`], [`Error::Folder`], [`Error::EngineTooOld`],
    /// [`Error::SchemaTooNew`], [`Error::Corrupt`], [`Error::Unavailable`].
    pub fn open(folder: &Path, settings: Settings, read_marks: ReadMarks) -> Result<Self, Error> {
        Ok(Self { engine: sqlite::Engine::open(folder, &settings, read_marks)? })
    }

    /// Reads a folder that another process has open. Nothing is written.
    ///
    /// # Errors
    /// What `f` answers, and what the engine says.
    pub fn read_served<T>(
        folder: &Path,
        f: impl FnOnce(&mut dyn Tx) -> Result<T, Error>,
    ) -> Result<T, Error> {
        sqlite::read_served(folder, f)
    }

    /// Appoints who signs the log from now on. Until somebody is, no unit can be
    /// committed.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub fn appoint(&self, notary: Box<dyn Notary>) -> Result<(), Error> {
        self.engine.appoint(notary)
    }

    /// Makes the unit durable: all of its changes and its record, or nothing.
    ///
    /// # Errors
    /// [`Error::Duplicate`], [`Error::Conflict`]: this unit was rolled back.
    /// [`Error::Busy`], [`Error::Timeout`], [`Error::Unavailable`],
    /// [`Error::Poisoned`], [`Error::NoNotary`], [`Error::Notary`],
    /// [`Error::Closed`]: no record, so no answer.
    pub async fn commit(&self, unit: Unit) -> Result<Receipt, Error> {
        self.engine.commit(unit).await
    }

    /// Makes changes durable that no call made and no record tells of: where the
    /// server stands with what it does by itself, again and again. Whatever a
    /// caller could notice belongs into a [`Unit`].
    ///
    /// # Errors
    /// As [`Self::commit`].
    pub async fn keep(&self, changes: Vec<Box<dyn Change>>) -> Result<(), Error> {
        self.engine.keep(changes).await
    }

    /// Reads one consistent snapshot. Blocks; long reads belong on a blocking
    /// thread.
    ///
    /// # Errors
    /// What `f` answers, and what the engine says.
    pub fn read<T>(&self, f: impl FnOnce(&mut dyn Tx) -> Result<T, Error>) -> Result<T, Error> {
        self.engine.read(f)
    }

    /// Copies the book as it is now, and answers what `f` reads at the same
    /// moment. The book is written on meanwhile. Blocks, for as long as it takes
    /// to write the database once; one copy at a time is meant.
    ///
    /// # Errors
    /// [`Error::NoRoom`], [`Error::Outwritten`], [`Error::Closed`]; what `f`
    /// answers, and what the engine says.
    pub fn snapshot<T>(
        &self,
        f: impl FnOnce(&mut dyn Tx) -> Result<T, Error>,
    ) -> Result<(Snapshot, T), Error> {
        self.engine.snapshot(f)
    }

    /// When the last record was made, epoch milliseconds.
    ///
    /// # Errors
    /// What the engine says.
    pub fn last_time_ms(&self) -> Result<Option<i64>, Error> {
        self.read(log::last_time_ms)
    }

    /// The same of the last record that is none of these events.
    ///
    /// # Errors
    /// What the engine says.
    pub fn last_time_without_ms(&self, events: &[&str]) -> Result<Option<i64>, Error> {
        self.read(|tx| log::last_time_without_ms(tx, events))
    }

    /// Reads at most `limit` records behind `after_seq`, in the order of the log.
    /// Blocks.
    ///
    /// # Errors
    /// What the engine says.
    pub fn records_after(&self, after_seq: i64, limit: usize) -> Result<Vec<StoredRecord>, Error> {
        self.read(|tx| log::Finder::default().records_after(tx, after_seq, limit))
    }

    /// Finds one page of records, newest first, of those that the sieve keeps.
    /// Blocks.
    ///
    /// # Errors
    /// [`Error::TooManyAddresses`], and what the engine says.
    pub fn search(
        &self,
        search: &Search<'_>,
        sieve: Option<&mut Sieve<'_>>,
    ) -> Result<Found, Error> {
        self.engine.search(search, sieve)
    }

    /// Looks at up to `limit` records behind `after_seq`, in the order of the
    /// log: those that meet the conditions, and how far it has looked. Blocks.
    ///
    /// # Errors
    /// What the engine says.
    pub fn newer(
        &self,
        conditions: Conditions<'_>,
        after_seq: i64,
        limit: usize,
    ) -> Result<(Vec<StoredRecord>, i64), Error> {
        self.engine.newer(conditions, after_seq, limit)
    }

    /// Counts records. Blocks; takes a fraction of a second for a million.
    ///
    /// # Errors
    /// [`Error::TooManyAddresses`], [`Error::IndexBehind`], and what the engine
    /// says.
    pub fn count(&self, census: &Census<'_>) -> Result<Counts, Error> {
        self.engine.count(census)
    }

    /// How the store is, from counters; reads nothing from disk.
    #[must_use]
    pub fn health(&self) -> Health {
        self.engine.health()
    }

    /// Whether the disk was full, so that only administrators are served.
    #[must_use]
    pub fn is_on_reserve(&self) -> bool {
        self.engine.is_on_reserve()
    }

    /// Whether the last write went through.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        self.engine.is_writable()
    }

    /// Commits what waits, checkpoints, ends the threads, and gives up the lock of
    /// the folder, whoever else still has this store. A later `commit` is
    /// [`Error::Closed`]. Dropping the store does the same.
    pub fn close(&self) {
        self.engine.close();
    }
}
