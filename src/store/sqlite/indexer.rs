//! Keeps the search index beside the book: a thread that takes in what the log
//! has gained, in bulk, a few times a second.
//!
//! The file is derived and can be deleted at any time while the server is
//! down. It is synced only at its checkpoints, which keeps it whole but not
//! fresh after a power failure: the index then knows less, and says so.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::checkpoint::{self, Mode};
use super::connect::{self, Writing};
use super::fresh::{Fresh, Placed, Signal};
use super::migrate;
use super::readers::Readers;
use super::shared::Shared;
use super::tx::{SqliteTx, classify};
use crate::store::filling::Filling;
use crate::store::forgetting::{self, Erased};
use crate::store::index::{self, Progress};
use crate::store::log::{self, Erasure, Finder, StoredRecord};
use crate::store::{Error, Extent, Marks, Position, Query, ReadMarks, Tx, meta, migrations};

/// Records taken in by one transaction. Few in tests, so that there are several.
const CHUNK_RECORDS: usize = if cfg!(test) { 8 } else { 4_096 };

/// And bytes of bodies, nearly: what stands in memory at once.
const CHUNK_BYTES: usize = 4 << 20;

/// Records read at one go. While the log is read, its write-ahead log cannot
/// start anew: short reads keep that short.
const READ_RECORDS: usize = if cfg!(test) { 4 } else { 64 };

/// The state of the indexer's thread.
pub(super) struct Indexer {
    connection: Connection,
    log: Arc<Readers>,
    fresh: Arc<Fresh>,
    shared: Arc<Shared>,
    read_marks: ReadMarks,
    progress: Progress,
    /// The newest window; `None` until it is read, which is after each failure.
    filling: Option<Filling>,
    finder: Finder,
    /// Whether there may be more erasures than the last round followed.
    more_erasures: bool,
    /// Whether the write-ahead log may still have something that was erased.
    must_purge: bool,
    /// Whether the index is damaged and to begin again.
    is_damaged: bool,
}

impl Indexer {
    /// Opens the index at `path`, or makes it anew if it cannot be read, has
    /// another schema, or is not of this log.
    pub(super) fn open(
        path: &Path,
        log: Arc<Readers>,
        fresh: Arc<Fresh>,
        shared: Arc<Shared>,
        read_marks: ReadMarks,
    ) -> Result<Self, Error> {
        let (connection, progress) = match resume(path, &log) {
            Ok(Some(resumed)) => resumed,
            // Whatever is wrong with a derived file, a new one is right.
            Ok(None) | Err(_) => create(path, &log)?,
        };
        shared.set_indexed_seq(progress.seq);
        Ok(Self {
            connection,
            log,
            fresh,
            shared,
            read_marks,
            progress,
            filling: None,
            finder: Finder::default(),
            more_erasures: true,
            must_purge: true,
            is_damaged: false,
        })
    }

    /// Takes in new records until the engine closes.
    pub(super) fn run(mut self, signals: &Receiver<Signal>, interval: Duration) {
        let mut wait = interval;
        while matches!(
            signals.recv_timeout(wait),
            Ok(Signal::TakeIn) | Err(RecvTimeoutError::Timeout)
        ) {
            wait = match self.take_in() {
                Ok(true) => Duration::ZERO,
                Ok(false) => interval,
                // A full disk, for example: the next round tries again.
                Err(_) => {
                    self.roll_back();
                    interval
                }
            };
        }
    }

    /// Takes in the next records and follows the next erasures, and tells
    /// whether there may be more of either.
    fn take_in(&mut self) -> Result<bool, Error> {
        if self.is_damaged {
            self.build_anew()?;
        }
        let Progress { seq: after, erasure, .. } = self.progress;
        // Every erasure comes with a record.
        if after < self.shared.last_seq() || self.more_erasures {
            let chunk = match self.shared.is_on_reserve() {
                // The reserve is for records; a search reads what is not in the index.
                // What was erased must leave it all the same.
                true => Chunk::none(),
                false => self.next_chunk(after)?,
            };
            // Read after the records: who was erased in between is among them.
            let finder = &mut self.finder;
            let (erasures, leaf) = self.log.read(|tx| {
                let erasures = finder.erasures(tx, erasure, CHUNK_RECORDS)?;
                let leaf = match chunk.last() {
                    Some((_, leaf)) => leaf.to_vec(),
                    None => leaf_at(tx, after)?,
                };
                Ok((erasures, leaf))
            })?;
            let progress = Progress {
                log_id: self.progress.log_id.clone(),
                seq: chunk.last().map_or(after, |(seq, _)| seq),
                leaf,
                erasure: erasures.last().map_or(erasure, |last| last.n),
            };
            let is_last = chunk.is_last;
            if chunk.last().is_some() || !erasures.is_empty() {
                match self.write(&progress, chunk, &erasures) {
                    // A search that meets the damage reads the log instead.
                    Err(Error::Corrupt(_)) => {
                        self.is_damaged = true;
                        return Ok(false);
                    }
                    written => written?,
                }
                self.shared.set_indexed_seq(progress.seq);
                self.progress = progress;
            }
            self.more_erasures = erasures.len() == CHUNK_RECORDS;
            if !is_last || self.more_erasures {
                return Ok(true);
            }
        }
        if self.must_purge {
            // A reader may stand in the way; then the next round tries again.
            self.must_purge = !checkpoint::run(&self.connection, Mode::Purge)?;
        }
        Ok(false)
    }

    /// The next records.
    fn next_chunk(&mut self, after: i64) -> Result<Chunk, Error> {
        let fresh = self.fresh.take(after, CHUNK_RECORDS);
        if !fresh.is_empty() {
            return Ok(Chunk {
                is_last: fresh.len() < CHUNK_RECORDS,
                records: Records::Fresh(fresh),
            });
        }
        let (stored, is_last) = self.read_chunk(after)?;
        Ok(Chunk { records: Records::Stored(stored), is_last })
    }

    /// Reads the next records, and tells whether they were the last.
    fn read_chunk(&mut self, after: i64) -> Result<(Vec<StoredRecord>, bool), Error> {
        let (mut records, mut bytes): (Vec<StoredRecord>, usize) = (Vec::new(), 0);
        while records.len() < CHUNK_RECORDS && bytes < CHUNK_BYTES {
            let last = records.last().map_or(after, |last| last.position.seq);
            let finder = &mut self.finder;
            let read = self.log.read(|tx| finder.records_after(tx, last, READ_RECORDS))?;
            let is_last = read.len() < READ_RECORDS;
            bytes = read.iter().fold(bytes, |sum, record| sum.saturating_add(record.body.len()));
            records.extend(read);
            if is_last {
                return Ok((records, true));
            }
        }
        Ok((records, false))
    }

    fn write(
        &mut self,
        progress: &Progress,
        chunk: Chunk,
        erasures: &[Erasure],
    ) -> Result<(), Error> {
        let mut tx = SqliteTx(&self.connection);
        tx.run(&BEGIN, &[])?;
        if chunk.last().is_some() {
            let filling = match &mut self.filling {
                Some(filling) => filling,
                none => none.insert(Filling::resume(&mut tx, self.progress.seq)?),
            };
            for (position, marks) in chunk.marks(self.read_marks) {
                filling.add(&mut tx, position, &marks)?;
            }
            filling.write(&mut tx)?;
        }
        if !erasures.is_empty() {
            self.must_purge = true;
            // What is in memory of the newest window is read again.
            self.filling = None;
            // A record that is not taken in yet will be as the log has it then.
            let known = erasures.iter().filter(|of| of.record.position.seq <= progress.seq);
            let left = known
                .map(|of| (of.record.position.seq, (self.read_marks)(&of.record, Extent::Whole)));
            forgetting::forget(&mut tx, &left.collect::<Erased>())?;
        }
        index::set_progress(&mut tx, progress)?;
        tx.run(&COMMIT, &[]).map(drop)
    }

    /// Begins again with an empty index, in the same file: others have it open. A
    /// damaged one would keep what is erased from the log.
    fn build_anew(&mut self) -> Result<(), Error> {
        self.roll_back();
        reset(&self.connection).map_err(|cause| classify("indexer.reset", cause))?;
        self.progress = make(&self.connection, self.progress.log_id.clone())?;
        self.shared.set_indexed_seq(0);
        (self.more_erasures, self.must_purge, self.is_damaged) = (true, true, false);
        Ok(())
    }

    fn roll_back(&mut self) {
        self.filling = None;
        if !self.connection.is_autocommit() {
            SqliteTx(&self.connection).run(&ROLLBACK, &[]).ok();
        }
    }
}

/// Records in order, taken in by one transaction.
struct Chunk {
    records: Records,
    /// Whether there were no more just now.
    is_last: bool,
}

enum Records {
    Fresh(VecDeque<Placed>),
    Stored(Vec<StoredRecord>),
}

impl Chunk {
    fn none() -> Self {
        Self { records: Records::Stored(Vec::new()), is_last: true }
    }

    /// Place and leaf of the last record.
    fn last(&self) -> Option<(i64, [u8; 32])> {
        match &self.records {
            Records::Fresh(fresh) => fresh.back().map(|last| (last.seq, last.event.leaf)),
            Records::Stored(stored) => stored.last().map(|last| (last.position.seq, last.leaf)),
        }
    }

    /// What each record can be found by.
    fn marks(self, read_marks: ReadMarks) -> Box<dyn Iterator<Item = (Position, Marks)>> {
        let of_fresh = |Placed { seq, event }: Placed| {
            let position = Position { seq, time_ms: event.time_ms };
            // Nothing is in that queue without its text.
            (position, event.marks().unwrap_or_default())
        };
        match self.records {
            Records::Fresh(fresh) => Box::new(fresh.into_iter().map(of_fresh)),
            Records::Stored(stored) => Box::new(
                stored
                    .into_iter()
                    .map(move |record| (record.position, read_marks(&record, Extent::Whole))),
            ),
        }
    }
}

/// Opens an index that is there; `None` if it is of another schema or log.
fn resume(path: &Path, log: &Readers) -> Result<Option<(Connection, Progress)>, Error> {
    let connection = connect::writing(path, INDEX)?;
    if migrate::version(&connection)? != migrations::INDEX_VERSION {
        return Ok(None);
    }
    let Some(progress) = index::progress(&mut SqliteTx(&connection))? else { return Ok(None) };
    let same = log.read(|tx| {
        let same_log = log_id(tx)? == progress.log_id;
        Ok(same_log && leaf_at(tx, progress.seq)? == progress.leaf)
    })?;
    Ok(same.then_some((connection, progress)))
}

fn create(path: &Path, log: &Readers) -> Result<(Connection, Progress), Error> {
    for suffix in ["", "-wal", "-shm"] {
        let mut file = path.as_os_str().to_owned();
        file.push(suffix);
        match std::fs::remove_file(PathBuf::from(file)) {
            Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => return Err(cause.into()),
            _ => {}
        }
    }
    let connection = connect::writing(path, INDEX)?;
    let progress = make(&connection, log.read(|tx| log_id(tx))?)?;
    Ok((connection, progress))
}

/// Empties a database, whatever state it is in
/// (sqlite.org/c3ref/c_dbconfig_defensive.html, `SQLITE_DBCONFIG_RESET_DATABASE`).
fn reset(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_RESET_DATABASE, true)?;
    let emptied = connection.execute_batch("vacuum");
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_RESET_DATABASE, false)?;
    emptied
}

/// Makes the tables of an index in an empty database.
fn make(connection: &Connection, log_id: String) -> Result<Progress, Error> {
    let progress = Progress { log_id, seq: 0, leaf: Vec::new(), erasure: 0 };
    let schema = migrations::INDEX;
    let version = migrations::INDEX_VERSION;
    let sql = format!("begin immediate;\n{schema}\npragma user_version = {version};\ncommit;");
    connection.execute_batch(&sql).map_err(|cause| classify("indexer.create", cause))?;
    index::set_progress(&mut SqliteTx(connection), &progress)?;
    Ok(progress)
}

fn log_id(tx: &mut dyn Tx) -> Result<String, Error> {
    meta::find(tx, "log_id")?.ok_or_else(|| Error::Corrupt("the log has no id".to_owned()))
}

/// The leaf of the record at `seq`; empty if there is no such record.
fn leaf_at(tx: &mut dyn Tx, seq: i64) -> Result<Vec<u8>, Error> {
    Ok(log::leaf(tx, seq)?.map(|leaf| leaf.to_vec()).unwrap_or_default())
}

/// Synced at checkpoints only, and few of those: each costs the disk two syncs
/// beside those of the book. The cache holds the pages of the newest window
/// (16 MiB). What is forgotten is overwritten.
const INDEX: Writing = Writing {
    synchronous: "normal",
    checkpoint_pages: 4_000,
    cache_pages: 4_096,
    secure_delete: true,
};

const BEGIN: Query = Query { name: "indexer.begin", sql: "begin immediate" };
const COMMIT: Query = Query { name: "indexer.commit", sql: "commit" };
const ROLLBACK: Query = Query { name: "indexer.rollback", sql: "rollback" };

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::texts;

    fn plan(connection: &Connection, query: &Query) -> String {
        let sql = format!("explain query plan {}", query.sql);
        let mut statement = connection.prepare(&sql).unwrap();
        let args = vec![1_i64; statement.parameter_count()];
        let steps = statement.query_map(rusqlite::params_from_iter(args), |row| row.get(3));
        steps.unwrap().collect::<Result<Vec<String>, _>>().unwrap().join("; ")
    }

    #[test]
    fn every_read_of_the_index_is_a_search_in_order() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(migrations::INDEX).unwrap();
        for query in index::READS.iter().chain(texts::READS) {
            let plan = plan(&connection, query);
            assert!(plan.contains("SEARCH") && !plan.contains("SCAN"), "{}: {plan}", query.name);
            assert!(!plan.contains("TEMP B-TREE"), "{}: {plan}", query.name);
        }
    }
}
