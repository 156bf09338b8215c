//! What the threads of the store tell each other, and `health`.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::store::{Error, Health, Reserve};

/// One page of the write-ahead log with its header, bytes.
const WAL_FRAME_BYTES: u64 = 4_096 + 24;

/// Counters and the writer's state.
#[derive(Debug, Default)]
pub(super) struct Shared {
    failure: Mutex<Option<Error>>,
    queued: AtomicUsize,
    wal_pages: AtomicU64,
    last_seq: AtomicI64,
    indexed_seq: AtomicI64,
    reserve: Mutex<Reserve>,
    /// Whether `reserve` is used; asked for every call.
    on_reserve: AtomicBool,
    /// Whether a copy of the book is being made.
    copying: AtomicBool,
}

impl Shared {
    pub(super) fn health(&self) -> Health {
        Health {
            writer: self.failure().clone().map_or(Ok(()), Err),
            queued_units: self.queued.load(Ordering::Relaxed),
            wal_bytes: self.wal_pages().saturating_mul(WAL_FRAME_BYTES),
            last_seq: self.last_seq(),
            indexed_seq: self.indexed_seq.load(Ordering::Relaxed),
            reserve: self.reserve(),
        }
    }

    /// Records why the writer cannot write. Poison stays.
    pub(super) fn fail(&self, error: Error) {
        let mut failure = self.failure();
        if !matches!(*failure, Some(Error::Poisoned)) {
            *failure = Some(error);
        }
    }

    /// Records that a write went through.
    pub(super) fn recovered(&self) {
        let mut failure = self.failure();
        if !matches!(*failure, Some(Error::Poisoned)) {
            *failure = None;
        }
    }

    pub(super) fn is_poisoned(&self) -> bool {
        matches!(*self.failure(), Some(Error::Poisoned))
    }

    /// Whether an idle writer should find out if it can write again.
    pub(super) fn should_probe(&self) -> bool {
        !matches!(*self.failure(), None | Some(Error::Poisoned))
    }

    /// Counts a unit into the queue, before it is sent.
    pub(super) fn enter_queue(&self) {
        self.queued.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a unit out of the queue.
    pub(super) fn leave_queue(&self) {
        self.queued.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn wal_pages(&self) -> u64 {
        self.wal_pages.load(Ordering::Relaxed)
    }

    pub(super) fn set_wal_pages(&self, pages: u64) {
        self.wal_pages.store(pages, Ordering::Relaxed);
    }

    pub(super) fn last_seq(&self) -> i64 {
        self.last_seq.load(Ordering::Relaxed)
    }

    pub(super) fn set_last_seq(&self, seq: i64) {
        self.last_seq.store(seq, Ordering::Relaxed);
    }

    pub(super) fn set_indexed_seq(&self, seq: i64) {
        self.indexed_seq.store(seq, Ordering::Relaxed);
    }

    pub(super) fn reserve(&self) -> Reserve {
        // The value is whole even if a holder panicked.
        *self.reserve.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_reserve(&self, reserve: Reserve) {
        *self.reserve.lock().unwrap_or_else(PoisonError::into_inner) = reserve;
        self.on_reserve.store(reserve == Reserve::Used, Ordering::Relaxed);
    }

    pub(super) fn is_on_reserve(&self) -> bool {
        self.on_reserve.load(Ordering::Relaxed)
    }

    pub(super) fn is_copying(&self) -> bool {
        self.copying.load(Ordering::Relaxed)
    }

    pub(super) fn set_copying(&self, copying: bool) {
        self.copying.store(copying, Ordering::Relaxed);
    }

    pub(super) fn is_writable(&self) -> bool {
        self.failure().is_none()
    }

    fn failure(&self) -> MutexGuard<'_, Option<Error>> {
        // The value is whole even if a holder panicked.
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
