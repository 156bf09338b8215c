//! Opens the book of a folder that nobody serves, such as a copy, and writes
//! nothing to the folder: neither a lock nor a side file.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::connect;
use super::migrate;
use super::tx::{SqliteTx, classify};
use crate::store::{Error, Tx, migrations};

/// A book that is only read, by any number of threads.
pub(in crate::store) struct Inspected {
    path: PathBuf,
    /// Whether a write-ahead log has pages that the file lacks.
    has_log: bool,
    /// Keeps a server from starting meanwhile, if the folder has a lock at all.
    _lock: Option<File>,
}

/// What a schema has, by kind and name: of which table, and its SQL.
type Schema = BTreeMap<(String, String), String>;

impl Inspected {
    pub(in crate::store) fn open(folder: &Path) -> Result<Self, Error> {
        connect::check_engine()?;
        let path = std::path::absolute(folder.join("wardbook.db"))?;
        let lock = File::open(folder.join("lock")).ok();
        if let Some(lock) = &lock
            && let Err(std::fs::TryLockError::WouldBlock) = lock.try_lock_shared()
        {
            return Err(Error::Locked);
        }
        // Only now: a server of this process would lose its locks by it.
        File::open(&path)?;
        let log = folder.join("wardbook.db-wal");
        let has_log = std::fs::metadata(log).is_ok_and(|log| log.len() > 0);
        Ok(Self { path, has_log, _lock: lock })
    }

    /// Runs `f` on a connection of its own.
    pub(in crate::store) fn read<T>(
        &self,
        f: impl FnOnce(&mut dyn Tx) -> Result<T, Error>,
    ) -> Result<T, Error> {
        f(&mut SqliteTx(&self.connect()?))
    }

    fn connect(&self) -> Result<Connection, Error> {
        let open = || {
            let connection = self.open_read_only()?;
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
            // The write-ahead log is left as it is.
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
            connection.pragma_update(None, "cell_size_check", true)?;
            connection.pragma_update(None, "query_only", true)?;
            Ok(connection)
        };
        open().map_err(|cause| classify("inspect.open", cause))
    }

    fn open_read_only(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        if self.has_log {
            // Without locks, and with the index of the log in memory.
            let connection = Connection::open_with_flags_and_vfs(&self.path, flags, "unix-none")?;
            connection.pragma_update(None, "locking_mode", "exclusive")?;
            return Ok(connection);
        }
        // Otherwise SQLite would make an empty log.
        let escape = |byte: &u8| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => {
                char::from(*byte).to_string()
            }
            other => format!("%{other:02x}"),
        };
        let path: String = self.path.as_os_str().as_encoded_bytes().iter().map(escape).collect();
        let uri = format!("file://{path}?immutable=1");
        Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)
    }

    /// How the schema differs from the one that this program makes.
    pub(in crate::store) fn schema_differences(&self) -> Result<Vec<String>, Error> {
        let connection = self.connect()?;
        let (found, known) = (migrate::version(&connection)?, migrations::BOOK.len());
        let known = i64::try_from(known).unwrap_or(i64::MAX);
        if found > known {
            return Err(Error::SchemaTooNew { found, known });
        }
        if found < known {
            return Ok(vec![format!("it says version {found}, and this program makes {known}")]);
        }
        let differences = || {
            let (fresh, found) = (Connection::open_in_memory()?, schema(&connection)?);
            Ok((fresh, found))
        };
        let (fresh, found) = differences().map_err(|cause| classify("inspect.schema", cause))?;
        migrate::migrate(&fresh, migrations::BOOK)?;
        let wanted = schema(&fresh).map_err(|cause| classify("inspect.schema", cause))?;
        let mut texts = Vec::new();
        for ((kind, name), sql) in &wanted {
            match found.get(&(kind.clone(), name.clone())) {
                None => texts.push(format!("the {kind} {name} is gone")),
                Some(other) if other != sql => texts.push(format!("the {kind} {name} was changed")),
                Some(_) => {}
            }
        }
        let added = found.keys().filter(|entry| !wanted.contains_key(*entry));
        texts.extend(added.map(|(kind, name)| format!("the {kind} {name} was added")));
        Ok(texts)
    }

    /// What SQLite finds wrong with the file, at most `limit` lines.
    pub(in crate::store) fn damages(&self, limit: u32) -> Result<Vec<String>, Error> {
        let connection = self.connect()?;
        let lines = || {
            let mut statement = connection.prepare(&format!("pragma integrity_check({limit})"))?;
            let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
            rows.collect::<rusqlite::Result<Vec<String>>>()
        };
        let mut lines = lines().map_err(|cause| classify("inspect.damages", cause))?;
        lines.retain(|line| line != "ok");
        Ok(lines)
    }
}

fn schema(connection: &Connection) -> rusqlite::Result<Schema> {
    // What `analyze` makes says nothing.
    let sql = "select type, name, tbl_name || ' ' || coalesce(sql, '') from sqlite_schema \
               where name not like 'sqlite\\_stat%' escape '\\'";
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))?;
    rows.collect()
}
