//! Opens connections, each with the same guards.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::tx::classify;
use crate::store::Error;

/// The oldest SQLite without the WAL-reset bug, which loses committed
/// transactions when a checkpoint meets a writer (sqlite.org/wal.html).
const OLDEST_SAFE: i32 = 3_051_003;

/// How long a connection waits for a lock that another one holds.
pub(super) const BUSY_WAIT: Duration = Duration::from_secs(2);

/// Statements that stay prepared on one connection.
const PREPARED_STATEMENTS: usize = 256;

/// Refuses an engine that is not safe.
pub(super) fn check_engine() -> Result<(), Error> {
    if rusqlite::version_number() < OLDEST_SAFE {
        return Err(Error::EngineTooOld(rusqlite::version()));
    }
    Ok(())
}

/// Makes the folder (0700) if it is not there, and takes its lock, which ends with
/// the process if not before. The lock file stays.
pub(super) fn lock_folder(folder: &Path) -> Result<File, Error> {
    if !folder.exists() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let lock = private_file(&folder.join("lock"))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(std::fs::TryLockError::WouldBlock) => Err(Error::Locked),
        Err(std::fs::TryLockError::Error(cause)) => Err(cause.into()),
    }
}

/// Makes the file of a database, for its owner alone, if it is not there. SQLite
/// gives its side files the same mode.
// INVARIANT: nobody but SQLite opens a database that a connection of this process
// may have open. Closing any descriptor of a file ends all locks that the process
// has on it (POSIX, fcntl), and SQLite's with them: then the next foreign reader
// that closes takes itself for the last one, and removes the write-ahead log.
fn make_file(path: &Path) -> io::Result<()> {
    // What is there is not even opened.
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(cause) if cause.kind() == ErrorKind::AlreadyExists => Ok(()),
        made => made.map(drop),
    }
}

/// Opens a file that only its owner may read, and makes it if need be. Not for
/// databases.
pub(super) fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// How a connection that may write is set up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Writing {
    /// FULL: a commit is durable when it returns. NORMAL: the file is whole
    /// after a power failure, but may lack the last commits.
    pub(super) synchronous: &'static str,
    /// Pages after which a commit checkpoints by itself; 0 for never.
    pub(super) checkpoint_pages: u32,
    /// Pages kept in memory.
    pub(super) cache_pages: u32,
    /// Whether what is deleted is overwritten: a sealed key that its owner
    /// deletes must not stay in the file's free space.
    pub(super) secure_delete: bool,
}

/// A connection that may write.
pub(super) fn writing(path: &Path, how: Writing) -> Result<Connection, Error> {
    make_file(path)?;
    let connection = guarded(path)?;
    let setup = || {
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", how.synchronous)?;
        connection.pragma_update(None, "wal_autocheckpoint", how.checkpoint_pages)?;
        connection.pragma_update(None, "cache_size", how.cache_pages)?;
        connection.pragma_update(None, "secure_delete", how.secure_delete)
    };
    setup().map_err(|cause| classify("connect.writing", cause))?;
    Ok(connection)
}

/// A connection that refuses to write.
pub(super) fn reading(path: &Path) -> Result<Connection, Error> {
    let connection = guarded(path)?;
    connection
        .pragma_update(None, "query_only", true)
        .map_err(|cause| classify("connect.reading", cause))?;
    Ok(connection)
}

fn guarded(path: &Path) -> Result<Connection, Error> {
    let open = || {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY_WAIT)?;
        connection.set_prepared_statement_cache_capacity(PREPARED_STATEMENTS);
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        // Without it a statement is compiled anew for every value that the planner
        // could look at, which takes longer than finding a record.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
        connection.pragma_update(None, "cell_size_check", true)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        // So that `replace` meets the triggers that refuse deletion.
        connection.pragma_update(None, "recursive_triggers", true)?;
        Ok(connection)
    };
    open().map_err(|cause| classify("connect.guarded", cause))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(connection: &Connection, pragma: &str, want: &str) {
        let value: rusqlite::types::Value =
            connection.pragma_query_value(None, pragma, |row| row.get(0)).unwrap();
        let text = match value {
            rusqlite::types::Value::Integer(int) => int.to_string(),
            rusqlite::types::Value::Text(text) => text,
            other => panic!("{other:?}"),
        };
        assert_eq!(text, want, "{pragma}");
    }

    #[test]
    fn the_engine_is_safe_and_set_up() {
        check_engine().unwrap();
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("x.db");
        let how = Writing {
            synchronous: "full",
            checkpoint_pages: 0,
            cache_pages: 100,
            secure_delete: true,
        };
        let connection = writing(&path, how).unwrap();
        check(&connection, "journal_mode", "wal");
        check(&connection, "synchronous", "2");
        check(&connection, "wal_autocheckpoint", "0");
        check(&connection, "secure_delete", "1");
        check(&connection, "foreign_keys", "1");
        check(&connection, "trusted_schema", "0");
        check(&connection, "cell_size_check", "1");
        check(&connection, "mmap_size", "0");
        assert!(connection.db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE).unwrap());
        check(&reading(&path).unwrap(), "query_only", "1");
    }
}
