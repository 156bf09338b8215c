//! The SQLite engine: its threads, its files, its connections.
//!
//! Deliberately absent: SQL about rows. That is written once, above, over
//! `Tx`; here are only transactions, checkpoints and settings.

mod answers;
mod checkpoint;
mod connect;
mod door;
mod fresh;
mod heads;
mod indexer;
mod inspect;
mod migrate;
mod readers;
mod reserve;
mod shared;
mod snapshot;
mod tx;
mod writer;

pub(super) use inspect::{Inspected, scratch_index};

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

pub use self::door::{Asked, Question, ask};
pub use self::snapshot::Snapshot;

use self::answers::Address;
use self::connect::Writing;
use self::fresh::{Fresh, Signal};
use self::indexer::Indexer;
use self::readers::Readers;
use self::reserve::DiskReserve;
use self::shared::Shared;
use self::tx::classify;
use self::writer::{Message, Waiting, Work, Writer};
use super::index;
use super::log::Finder;
use super::search::{self, Found, Search, Sieve};
use super::{
    Census, Change, Conditions, Counts, Error, Health, Notary, ReadMarks, Receipt, Settings,
    StoredRecord, Tx, Unit, counts, migrations,
};

/// The book: durable at every commit, checkpointed beside the writer. The cache
/// holds the names, which are looked up at random (32 MiB).
const BOOK: Writing =
    Writing { synchronous: "full", checkpoint_pages: 0, cache_pages: 8_192, secure_delete: true };

/// Finders kept for the next search, at most; each remembers 2 MB of names.
const FINDERS: usize = 8;

/// The open files of one data folder and the threads that serve them.
pub(super) struct Engine {
    folder: PathBuf,
    queue: SyncSender<Message>,
    commit_wait: Duration,
    shared: Arc<Shared>,
    readers: Arc<Readers>,
    index_readers: Readers,
    /// What searches have read of the names, which never change.
    finders: Mutex<Vec<Finder>>,
    read_marks: ReadMarks,
    signal_indexer: SyncSender<Signal>,
    stop_reserve: SyncSender<()>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Held until the engine is closed.
    lock: File,
}

impl Engine {
    pub(super) fn open(
        folder: &Path,
        settings: &Settings,
        read_marks: ReadMarks,
    ) -> Result<Self, Error> {
        connect::check_engine()?;
        let lock = connect::lock_folder(folder)?;
        snapshot::clear(folder)?;
        let book = folder.join("wardbook.db");
        let shared = Arc::new(Shared::default());
        let reserve = DiskReserve::open(folder, settings.reserve_bytes, Arc::clone(&shared))?;
        let reserve = Arc::new(reserve);

        let mut writing = connect::writing(&book, BOOK)?;
        // SQLite syncs the folder for the files that it makes; not for ours.
        File::open(folder)?.sync_all()?;
        migrate::migrate(&writing, migrations::BOOK)?;
        let mut setup = || {
            if let Some(pages) = settings.pages_max {
                writing.pragma_update(None, "max_page_count", pages)?;
            }
            let shared = Arc::clone(&shared);
            writing.wal_hook(Some(move |_: &mut _, pages| {
                shared.set_wal_pages(u64::try_from(pages).unwrap_or(0));
                Ok(())
            }))
        };
        setup().map_err(|cause| classify("engine.open", cause))?;

        let (queue, waiting) = sync_channel(settings.queue_units);
        let (ask, asked) = sync_channel(1);
        let (signal_indexer, signals) = sync_channel(1);
        let fresh = Arc::new(Fresh::new(signal_indexer.clone()));
        let checkpointing = connect::writing(&book, BOOK)?;
        let writer = Writer::new(
            writing,
            waiting,
            ask,
            Arc::clone(&reserve),
            Arc::clone(&shared),
            Arc::clone(&fresh),
            settings.batch_units,
        )?;
        let readers = Arc::new(Readers::new(&book));
        let index = folder.join("index.db");
        let (log, seen) = (Arc::clone(&readers), Arc::clone(&shared));
        let indexer = Indexer::open(&index, log, fresh, seen, read_marks)?;
        let index_readers = Readers::new(&index);
        let index_interval = Duration::from_millis(settings.index_interval_ms);
        let (stop_reserve, reserve_stops) = sync_channel(1);

        let mut threads = vec![spawn("book-writer", move || writer.run())?];
        let of_checkpointer = Arc::clone(&shared);
        threads.push(spawn("book-checkpoint", move || {
            checkpoint::serve(&checkpointing, &asked, &of_checkpointer);
        })?);
        threads.push(spawn("book-reserve", move || reserve.run(&reserve_stops))?);
        threads.push(spawn("book-index", move || indexer.run(&signals, index_interval))?);
        Ok(Self {
            folder: folder.to_owned(),
            queue,
            commit_wait: Duration::from_millis(settings.commit_wait_ms),
            shared,
            readers,
            index_readers,
            finders: Mutex::default(),
            read_marks,
            signal_indexer,
            stop_reserve,
            threads: Mutex::new(threads),
            lock,
        })
    }

    pub(super) fn appoint(&self, notary: Box<dyn Notary>) -> Result<(), Error> {
        let (taken, wait) = sync_channel(1);
        self.queue.send(Message::Appoint(notary, taken)).map_err(|_gone| Error::Closed)?;
        wait.recv().map_err(|_gone| Error::Closed)
    }

    pub(super) async fn commit(&self, unit: Unit) -> Result<Receipt, Error> {
        self.write(unit.into()).await
    }

    pub(super) async fn keep(&self, changes: Vec<Box<dyn Change>>) -> Result<(), Error> {
        let work = Work { changes, event: None, further: Vec::new() };
        self.write(work).await.map(drop)
    }

    async fn write(&self, work: Work) -> Result<Receipt, Error> {
        let (address, answered) = Address::new();
        self.shared.enter_queue();
        let sent = self.queue.try_send(Message::Commit(Box::new(Waiting { work, address })));
        if let Err(refused) = sent {
            self.shared.leave_queue();
            return Err(match refused {
                TrySendError::Full(_) => Error::Busy,
                TrySendError::Disconnected(_) => Error::Closed,
            });
        }
        match tokio::time::timeout(self.commit_wait, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(Error::Closed),
            Err(_) => Err(Error::Timeout),
        }
    }

    pub(super) fn read<T>(
        &self,
        f: impl FnOnce(&mut dyn Tx) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.readers.read(f)
    }

    pub(super) fn search(
        &self,
        search: &Search<'_>,
        mut sieve: Option<&mut Sieve<'_>>,
    ) -> Result<Found, Error> {
        let marks = self.read_marks;
        let mut finder = self.finders().pop().unwrap_or_default();
        let with_index = self.snapshots(|index, log| {
            search::search(search, sieve.as_deref_mut(), marks, &mut finder, Some(index), log)
        });
        let found = match with_index {
            // The log is the truth; without the index it is only slower.
            Err(Error::Corrupt(_)) => self
                .readers
                .read(|log| search::search(search, sieve, marks, &mut finder, None, log)),
            answer => answer,
        };
        let mut finders = self.finders();
        if finders.len() < FINDERS {
            finders.push(finder);
        }
        found
    }

    fn finders(&self) -> MutexGuard<'_, Vec<Finder>> {
        // The vector is whole even if a holder panicked.
        self.finders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn newer(
        &self,
        conditions: Conditions<'_>,
        after_seq: i64,
        limit: usize,
    ) -> Result<(Vec<StoredRecord>, i64), Error> {
        self.readers.read(|log| search::newer(conditions, after_seq, limit, self.read_marks, log))
    }

    pub(super) fn count(&self, census: &Census<'_>) -> Result<Counts, Error> {
        self.snapshots(|index, log| counts::count(census, self.read_marks, index, log))
    }

    /// Reads the index and the log, which has all that the index has.
    fn snapshots<T>(
        &self,
        f: impl FnOnce(&mut dyn Tx, &mut dyn Tx) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.index_readers.read(|index| {
            // The index's snapshot must be the older one, and it is taken by
            // its first read.
            index::progress(index)?;
            self.readers.read(|log| f(index, log))
        })
    }

    pub(super) fn snapshot<T>(
        &self,
        f: impl FnOnce(&mut dyn Tx) -> Result<T, Error>,
    ) -> Result<(Snapshot, T), Error> {
        snapshot::take(&self.folder, &self.shared, f)
    }

    pub(super) fn health(&self) -> Health {
        self.shared.health()
    }

    pub(super) fn is_on_reserve(&self) -> bool {
        self.shared.is_on_reserve()
    }

    pub(super) fn is_writable(&self) -> bool {
        self.shared.is_writable()
    }

    pub(super) fn close(&self) {
        self.readers.clear();
        self.index_readers.clear();
        let threads = {
            let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *threads)
        };
        if threads.is_empty() {
            return;
        }
        // Each fails only if the thread is gone already.
        self.queue.send(Message::Close).ok();
        self.signal_indexer.send(Signal::Close).ok();
        self.stop_reserve.send(()).ok();
        for thread in threads {
            // A thread that panicked has told its story on standard error.
            thread.join().ok();
        }
        // If this fails, the lock ends with the last owner of the engine.
        self.lock.unlock().ok();
    }
}

/// Reads the book of a folder that another process has open.
pub(super) fn read_served<T>(
    folder: &Path,
    f: impl FnOnce(&mut dyn Tx) -> Result<T, Error>,
) -> Result<T, Error> {
    connect::check_engine()?;
    Readers::new(&folder.join("wardbook.db")).read(f)
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.close();
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Error> {
    Ok(thread::Builder::new().name(name.to_owned()).spawn(run)?)
}
