//! Keeps the search index beside the book: a thread that takes in what the log
//! has gained, in bulk, a few times a second.
//!
//! The file is derived and can be deleted at any time while the server is
//! down. It is synced only at its checkpoints, which keeps it whole but not
//! fresh after a power failure: the index then knows less, and says so.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::Duration;

use rusqlite::Connection;

use super::checkpoint::{self, Mode};
use super::connect::{self, Writing};
use super::migrate;
use super::readers::Readers;
use super::shared::Shared;
use super::tx::{SqliteTx, classify};
use crate::store::filling::Filling;
use crate::store::index::{self, Progress};
use crate::store::{Error, Query, ReadMarks, Tx, forgetting, log, meta, migrations};

/// Records taken in by one transaction.
const CHUNK_RECORDS: usize = 4_096;

/// What the indexer is asked for.
pub(super) enum Message {
    /// Take out what the log no longer says of these records, and answer.
    Forget(Vec<i64>, SyncSender<Result<(), Error>>),
    Stop,
}

/// The state of the indexer's thread.
pub(super) struct Indexer {
    connection: Connection,
    log: Arc<Readers>,
    shared: Arc<Shared>,
    read_marks: ReadMarks,
    progress: Progress,
    /// The newest window; `None` until it is read, which is after each failure.
    filling: Option<Filling>,
}

impl Indexer {
    /// Opens the index at `path`, or makes it anew if it cannot be read, has
    /// another schema, or is not of this log.
    pub(super) fn open(
        path: &Path,
        log: Arc<Readers>,
        shared: Arc<Shared>,
        read_marks: ReadMarks,
    ) -> Result<Self, Error> {
        let (connection, progress) = match resume(path, &log) {
            Ok(Some(resumed)) => resumed,
            // Whatever is wrong with a derived file, a new one is right.
            Ok(None) | Err(_) => create(path, &log)?,
        };
        shared.set_indexed_seq(progress.seq);
        Ok(Self { connection, log, shared, read_marks, progress, filling: None })
    }

    /// Takes in new records until the engine closes.
    pub(super) fn run(mut self, asked: &Receiver<Message>, interval: Duration) {
        let mut wait = interval;
        loop {
            match asked.recv_timeout(wait) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Message::Forget(seqs, answer)) => {
                    let forgotten = self.forget(&seqs);
                    if forgotten.is_err() {
                        self.roll_back();
                    }
                    // Whoever asked may be gone.
                    answer.send(forgotten).ok();
                    continue;
                }
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => break,
            }
            wait = match self.take_in() {
                Ok(taken) if taken == CHUNK_RECORDS => Duration::ZERO,
                Ok(_) => interval,
                // A search that meets the damage reads the log instead, and the
                // next start builds the index anew.
                Err(Error::Corrupt(_)) => {
                    self.roll_back();
                    self.connection.pragma_update(None, "user_version", 0).ok();
                    break;
                }
                // A full disk, for example: the next round tries again.
                Err(_) => {
                    self.roll_back();
                    interval
                }
            };
        }
    }

    /// Takes in the next records, and tells how many there were.
    fn take_in(&mut self) -> Result<usize, Error> {
        let after = self.progress.seq;
        if after >= self.shared.last_seq() {
            return Ok(0);
        }
        let records = self.log.read(|tx| log::records_after(tx, after, CHUNK_RECORDS))?;
        let Some(last) = records.last() else { return Ok(0) };
        let log_id = self.progress.log_id.clone();
        let progress = Progress { log_id, seq: last.position.seq, leaf: last.leaf.to_vec() };
        let mut tx = SqliteTx(&self.connection);
        tx.run(&BEGIN, &[])?;
        let filling = match &mut self.filling {
            Some(filling) => filling,
            none => none.insert(Filling::resume(&mut tx, after)?),
        };
        for record in &records {
            filling.add(&mut tx, record.position, &(self.read_marks)(record))?;
        }
        filling.write(&mut tx)?;
        index::set_progress(&mut tx, &progress)?;
        tx.run(&COMMIT, &[])?;
        self.shared.set_indexed_seq(progress.seq);
        self.progress = progress;
        Ok(records.len())
    }

    /// Records that are not taken in yet will be as the log has them then.
    fn forget(&mut self, seqs: &[i64]) -> Result<(), Error> {
        let mut tx = SqliteTx(&self.connection);
        // What is in memory of the newest window is read again.
        self.filling = None;
        tx.run(&BEGIN, &[])?;
        for seq in seqs.iter().copied().filter(|seq| *seq <= self.progress.seq) {
            let record = self.log.read(|tx| log::find(tx, seq))?;
            let left = record.map(|record| (self.read_marks)(&record)).unwrap_or_default();
            forgetting::forget(&mut tx, seq, &left)?;
        }
        tx.run(&COMMIT, &[])?;
        // The old pages are still in the write-ahead log.
        if checkpoint::run(&self.connection, Mode::Truncate)? {
            return Ok(());
        }
        Err(Error::Busy)
    }

    fn roll_back(&mut self) {
        self.filling = None;
        if !self.connection.is_autocommit() {
            SqliteTx(&self.connection).run(&ROLLBACK, &[]).ok();
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
    let progress = Progress { log_id: log.read(|tx| log_id(tx))?, seq: 0, leaf: Vec::new() };
    let schema = migrations::INDEX;
    let version = migrations::INDEX_VERSION;
    let sql = format!("begin immediate;\n{schema}\npragma user_version = {version};\ncommit;");
    connection.execute_batch(&sql).map_err(|cause| classify("indexer.create", cause))?;
    index::set_progress(&mut SqliteTx(&connection), &progress)?;
    Ok((connection, progress))
}

fn log_id(tx: &mut dyn Tx) -> Result<String, Error> {
    meta::find(tx, "log_id")?.ok_or_else(|| Error::Corrupt("the log has no id".to_owned()))
}

/// The leaf of the record at `seq`; empty if there is no such record.
fn leaf_at(tx: &mut dyn Tx, seq: i64) -> Result<Vec<u8>, Error> {
    Ok(log::find(tx, seq)?.map(|record| record.leaf.to_vec()).unwrap_or_default())
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
