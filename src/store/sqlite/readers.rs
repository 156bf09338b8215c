//! Connections that only read, kept for the next reader.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;

use super::connect;
use super::tx::SqliteTx;
use crate::store::{Error, Query, Tx};

/// Idle connections that are kept. More readers at a time than this open one
/// for themselves and close it again: nobody waits, nothing deadlocks.
const IDLE: usize = 8;

/// A pool of read-only connections to one database file.
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), idle: Mutex::new(Vec::new()) }
    }

    /// Runs `f` on one consistent snapshot.
    pub(super) fn read<T>(
        &self,
        f: impl FnOnce(&mut dyn Tx) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let kept = self.idle().pop();
        let connection = kept.map_or_else(|| connect::reading(&self.path), Ok)?;
        let mut tx = SqliteTx(&connection);
        tx.run(&BEGIN, &[])?;
        let answer = f(&mut tx);
        // A connection whose transaction does not end is not used again.
        if tx.run(&END, &[]).is_ok() {
            let mut idle = self.idle();
            if idle.len() < IDLE {
                idle.push(connection);
            }
        }
        answer
    }

    /// Closes the idle connections.
    pub(super) fn clear(&self) {
        self.idle().clear();
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        // The vector is whole even if a holder panicked.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const BEGIN: Query = Query { name: "readers.begin", sql: "begin deferred" };
const END: Query = Query { name: "readers.end", sql: "rollback" };
