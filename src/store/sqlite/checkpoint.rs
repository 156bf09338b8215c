//! Moves pages from the write-ahead log into the database, on a thread and a
//! connection of its own, so that no commit waits for it.

use std::sync::mpsc::Receiver;
use std::time::Duration;

use rusqlite::Connection;

use super::connect::BUSY_WAIT;
use super::shared::Shared;
use super::tx::classify;
use crate::store::Error;

/// A checkpoint is asked for after this many new pages of 4 KiB.
pub(super) const PAGES: u64 = 1_000;

/// Above this many pages the writer itself starts the log anew.
pub(super) const RESTART_PAGES: u64 = 4_000;

/// And tries again after this many when somebody stood in its way.
pub(super) const RETRY_PAGES: u64 = 250;

/// How far a checkpoint goes (sqlite.org/c3ref/wal_checkpoint_v2.html).
#[derive(Clone, Copy, Debug)]
pub(super) enum Mode {
    /// As far as possible without making anybody wait.
    Passive,
    /// And then let the next commit start the log from its beginning.
    Restart,
    /// And then empty the file.
    Truncate,
    /// The same, but without waiting for readers.
    Purge,
}

/// Serves the writer's requests until the writer is gone.
pub(super) fn serve(connection: &Connection, asked: &Receiver<()>, shared: &Shared) {
    while asked.recv().is_ok() && !shared.is_poisoned() {
        // A failed sync is for good; any other failure leaves the pages where
        // they are, in the log, and the next request tries again.
        if let Err(Error::Poisoned) = run(connection, Mode::Passive) {
            shared.fail(Error::Poisoned);
        }
    }
}

/// Runs one checkpoint; false if a reader or another checkpoint stood in its
/// way before the end.
pub(super) fn run(connection: &Connection, mode: Mode) -> Result<bool, Error> {
    let sql = match mode {
        Mode::Passive => "pragma wal_checkpoint(passive)",
        Mode::Restart => "pragma wal_checkpoint(restart)",
        Mode::Truncate | Mode::Purge => "pragma wal_checkpoint(truncate)",
    };
    let checkpoint = || {
        // Commits wait behind these, so they must not wait for readers.
        if matches!(mode, Mode::Restart | Mode::Purge) {
            connection.busy_timeout(Duration::ZERO)?;
        }
        let busy = connection.query_row(sql, [], |row| row.get::<_, i64>(0));
        connection.busy_timeout(BUSY_WAIT)?;
        busy
    };
    checkpoint().map(|busy| busy == 0).map_err(|cause| classify("checkpoint.run", cause))
}
