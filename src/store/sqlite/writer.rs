//! The one thread that writes the book. It takes whatever waits, up to a
//! batch, commits it with one sync, publishes, and answers.
//!
//! A panic inside a `Change` ends the thread. Every commit is then answered
//! with `Closed`: fail closed, never an answer without a record.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::answers::{self, Address};
use super::checkpoint::{self, Mode};
use super::fresh::{Fresh, Placed};
use super::heads::Heads;
use super::reserve::DiskReserve;
use super::shared::Shared;
use super::tx::{SqliteTx, is_full};
use crate::store::names::Names;
use crate::store::{Change, Error, NewEvent, Notary, Query, Receipt, Tx, Unit, log, meta};

/// How long an idle writer that could not write waits before it tries again.
const PROBE: Duration = Duration::from_secs(1);

/// What the trial write holds: enough that its success means room for records.
const PROBE_BYTES: usize = 64 * 1024;

/// What is written together: a call's unit, or what the server keeps of its own
/// doings, which has no record.
pub(super) struct Work {
    pub(super) changes: Vec<Box<dyn Change>>,
    pub(super) event: Option<NewEvent>,
    pub(super) further: Vec<NewEvent>,
}

impl From<Unit> for Work {
    fn from(Unit { changes, event, further }: Unit) -> Self {
        Self { changes, event: Some(event), further }
    }
}

/// A piece of work, and where its answer goes.
pub(super) struct Waiting {
    pub(super) work: Work,
    pub(super) address: Address,
}

/// What arrives in the writer's queue.
pub(super) enum Message {
    Commit(Box<Waiting>),
    /// Who signs from now on, and who waits until that is so.
    Appoint(Box<dyn Notary>, SyncSender<()>),
    Close,
}

/// The state of the writer's thread.
pub(super) struct Writer {
    connection: Connection,
    queue: Receiver<Message>,
    checkpointer: SyncSender<()>,
    shared: Arc<Shared>,
    reserve: Arc<DiskReserve>,
    fresh: Arc<Fresh>,
    batch_units: usize,
    names: Names,
    heads: Heads,
    /// The place of the last committed record.
    last_seq: i64,
    /// Length of the write-ahead log when a checkpoint was last asked for.
    asked_pages: u64,
    /// Whether the write-ahead log may still have something that was erased; nobody
    /// knows of the one that was found at the start.
    must_purge: bool,
    closing: bool,
}

impl Writer {
    pub(super) fn new(
        connection: Connection,
        queue: Receiver<Message>,
        checkpointer: SyncSender<()>,
        reserve: Arc<DiskReserve>,
        shared: Arc<Shared>,
        fresh: Arc<Fresh>,
        batch_units: usize,
    ) -> Result<Self, Error> {
        let last_seq = log::last_seq(&mut SqliteTx(&connection))?;
        let heads = Heads::resume(&mut SqliteTx(&connection))?;
        shared.set_last_seq(last_seq);
        Ok(Self {
            connection,
            queue,
            checkpointer,
            shared,
            reserve,
            fresh,
            batch_units,
            names: Names::new(),
            heads,
            last_seq,
            asked_pages: 0,
            must_purge: true,
            closing: false,
        })
    }

    /// Serves the queue until it is closed.
    pub(super) fn run(mut self) {
        while let Some(batch) = self.next_batch() {
            if self.shared.is_poisoned() {
                answer_all(batch, &Error::Poisoned);
            } else if self.heads.is_vacant() {
                answer_all(batch, &Error::NoNotary);
            } else {
                self.commit_batch(batch);
                self.bound_wal();
            }
        }
        if !self.shared.is_poisoned() {
            // The files stay valid if this fails; the next start catches up.
            checkpoint::run(&self.connection, Mode::Truncate).ok();
        }
    }

    /// Waits for a unit and takes what waits behind it; `None` when closed.
    fn next_batch(&mut self) -> Option<Vec<Waiting>> {
        let mut batch = Vec::new();
        while batch.is_empty() && !self.closing {
            let must_purge = self.must_purge && !self.shared.is_poisoned();
            if must_purge || self.shared.should_probe() {
                match self.queue.recv_timeout(PROBE) {
                    Ok(message) => self.take(message, &mut batch),
                    Err(RecvTimeoutError::Timeout) if self.shared.should_probe() => self.probe(),
                    Err(RecvTimeoutError::Timeout) => self.purge(),
                    Err(RecvTimeoutError::Disconnected) => self.closing = true,
                }
            } else {
                match self.queue.recv() {
                    Ok(message) => self.take(message, &mut batch),
                    Err(_) => self.closing = true,
                }
            }
        }
        while batch.len() < self.batch_units && !self.closing {
            let Ok(message) = self.queue.try_recv() else { break };
            self.take(message, &mut batch);
        }
        (!batch.is_empty()).then_some(batch)
    }

    fn take(&mut self, message: Message, batch: &mut Vec<Waiting>) {
        match message {
            Message::Close => self.closing = true,
            Message::Appoint(notary, taken) => {
                self.heads.appoint(notary);
                // There is room for one, and one is sent.
                taken.try_send(()).ok();
            }
            Message::Commit(waiting) => {
                self.shared.leave_queue();
                // Whoever gave up waiting was told that nothing happened.
                if !waiting.address.is_given_up() {
                    batch.push(*waiting);
                }
            }
        }
    }

    fn commit_batch(&mut self, batch: Vec<Waiting>) {
        let erases = batch.iter().flat_map(|waiting| &waiting.work.changes).any(|of| of.erases());
        if erases {
            self.fresh.clear();
        }
        match self.write(&batch) {
            Ok((last_seq, answers)) => {
                self.heads.committed();
                self.last_seq = last_seq;
                let letters = self.publish(batch, answers);
                // The indexer looks for records up to this one, here first.
                self.shared.set_last_seq(last_seq);
                self.shared.recovered();
                if self.must_purge || erases {
                    self.purge();
                }
                answers::send(letters.into_iter());
            }
            Err(error) => {
                self.roll_back(&error);
                answer_all(batch, &error);
            }
        }
    }

    /// Publishes what was committed, and leaves the answers to be sent.
    fn publish(
        &self,
        batch: Vec<Waiting>,
        answers: Vec<Result<Receipt, Error>>,
    ) -> Vec<(Address, Result<Receipt, Error>)> {
        for (waiting, _) in batch.iter().zip(&answers).filter(|(_, answer)| answer.is_ok()) {
            waiting.work.changes.iter().for_each(|change| change.publish());
        }
        let mut letters = Vec::with_capacity(batch.len());
        let committed = batch.into_iter().zip(answers).flat_map(|(waiting, answer)| {
            let Waiting { work: Work { event, further, .. }, address } = waiting;
            let events = event.into_iter().chain(further);
            let placed = answer.as_ref().ok().map(|receipt| (receipt.seq..).zip(events));
            letters.push((address, answer));
            placed.into_iter().flatten()
        });
        self.fresh.add(committed.map(|(seq, event)| Placed { seq, event }));
        letters
    }

    /// Writes and commits the batch. An error is the failure of all of it; a
    /// unit that failed by itself has its error among the answers.
    fn write(&mut self, batch: &[Waiting]) -> Result<(i64, Vec<Result<Receipt, Error>>), Error> {
        let mut tx = SqliteTx(&self.connection);
        let mut seq = self.last_seq;
        let mut answers = Vec::with_capacity(batch.len());
        let (mut leaves, mut time_ms) = (Vec::with_capacity(batch.len()), 0);
        tx.run(&BEGIN, &[])?;
        for waiting in batch {
            let answer = match apply(&mut tx, &waiting.work.changes) {
                Ok(()) => {
                    let receipt = Receipt { seq: seq.saturating_add(1) };
                    let Work { event, further, .. } = &waiting.work;
                    for event in event.iter().chain(further) {
                        seq = seq.saturating_add(1);
                        log::append(&mut tx, &mut self.names, seq, event)?;
                        leaves.push(event.leaf);
                        time_ms = event.time_ms;
                    }
                    Ok(receipt)
                }
                // SQLite ends the transaction by itself after some errors.
                Err(error) if is_of_one_unit(&error) && !self.connection.is_autocommit() => {
                    Err(error)
                }
                Err(error) => return Err(error),
            };
            answers.push(answer);
        }
        if !leaves.is_empty() {
            self.heads.write(&mut tx, &leaves, seq, time_ms)?;
        }
        tx.run(&COMMIT, &[])?;
        Ok((seq, answers))
    }

    /// Returns to the last committed state, in the file and in memory.
    fn roll_back(&mut self, error: &Error) {
        self.names.forget();
        if is_full(error) {
            self.reserve.release();
        }
        self.heads.rolled_back();
        if !self.connection.is_autocommit() {
            SqliteTx(&self.connection).run(&ROLLBACK, &[]).ok();
        }
        if self.connection.is_autocommit() {
            self.shared.fail(error.clone());
        } else {
            self.shared.fail(Error::Poisoned);
        }
        if self.shared.is_poisoned() {
            // The log may hold pages that never reached the disk: leave it to
            // the next start, which checks every frame.
            self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).ok();
        }
    }

    /// Tries a write and a signature, so that health recovers without traffic.
    fn probe(&mut self) {
        let text = " ".repeat(PROBE_BYTES);
        let mut tx = SqliteTx(&self.connection);
        let mut write = || {
            self.heads.probe()?;
            tx.run(&BEGIN, &[])?;
            meta::set(&mut tx, "writer_probe", &text)?;
            tx.run(&COMMIT, &[])
        };
        match write() {
            Ok(_) => self.shared.recovered(),
            Err(error) => self.roll_back(&error),
        }
    }

    /// Empties the write-ahead log, since it has what was erased. If a reader, a
    /// checkpoint or a full disk stands in the way, the next commit tries again, or
    /// the next second.
    fn purge(&mut self) {
        self.must_purge = true;
        match checkpoint::run(&self.connection, Mode::Purge) {
            Ok(true) => {
                self.must_purge = false;
                self.shared.set_wal_pages(0);
            }
            Ok(false) => {}
            Err(error @ Error::Poisoned) => self.roll_back(&error),
            // The pages stay in the log, where they are as durable.
            Err(error) if is_full(&error) => self.reserve.release(),
            Err(_) => {}
        }
    }

    /// Keeps the write-ahead log short. The checkpointer does the work beside
    /// the commits; but SQLite starts the log anew only when all of it has
    /// been checkpointed, which a writer that never rests never sees. So above
    /// a limit the writer itself does the little that is left, and starts anew.
    fn bound_wal(&mut self) {
        let pages = self.shared.wal_pages();
        if pages < self.asked_pages {
            self.asked_pages = 0;
        }
        let step = match pages {
            ..checkpoint::RESTART_PAGES => checkpoint::PAGES,
            _ => checkpoint::RETRY_PAGES,
        };
        if pages.saturating_sub(self.asked_pages) < step {
            return;
        }
        self.asked_pages = pages;
        // Of a log that grew long behind a copy, the writer has too much to do.
        if pages < checkpoint::RESTART_PAGES || self.shared.is_copying() {
            // A full channel means that the checkpointer is about to run.
            self.checkpointer.try_send(()).ok();
            return;
        }
        match checkpoint::run(&self.connection, Mode::Restart) {
            Ok(true) => self.shared.set_wal_pages(0),
            Ok(false) => {
                // A reader holds an old snapshot, or the checkpointer is at work.
            }
            Err(error) => self.roll_back(&error),
        }
    }
}

/// However the thread ends, the store is closed from then on.
impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.fail(Error::Closed);
    }
}

/// Writes the changes of one unit: all of them or none.
fn apply(tx: &mut SqliteTx<'_>, changes: &[Box<dyn Change>]) -> Result<(), Error> {
    if changes.is_empty() {
        return Ok(());
    }
    tx.run(&SAVEPOINT, &[])?;
    match changes.iter().try_for_each(|change| change.write(tx)) {
        Ok(()) => tx.run(&RELEASE, &[]).map(drop),
        Err(error) if is_of_one_unit(&error) => {
            tx.run(&ROLLBACK_TO, &[])?;
            tx.run(&RELEASE, &[])?;
            Err(error)
        }
        // All of the batch is rolled back.
        Err(error) => Err(error),
    }
}

/// Whether the fault lies in the unit, so that the others can go on.
fn is_of_one_unit(error: &Error) -> bool {
    matches!(error, Error::Duplicate | Error::Conflict | Error::Query { .. } | Error::Column(_))
}

fn answer_all(batch: Vec<Waiting>, error: &Error) {
    answers::send(batch.into_iter().map(|waiting| (waiting.address, Err(error.clone()))));
}

const BEGIN: Query = Query { name: "writer.begin", sql: "begin immediate" };
const COMMIT: Query = Query { name: "writer.commit", sql: "commit" };
const ROLLBACK: Query = Query { name: "writer.rollback", sql: "rollback" };
const SAVEPOINT: Query = Query { name: "writer.savepoint", sql: "savepoint unit" };
const ROLLBACK_TO: Query = Query { name: "writer.rollback_to", sql: "rollback to unit" };
const RELEASE: Query = Query { name: "writer.release", sql: "release unit" };
