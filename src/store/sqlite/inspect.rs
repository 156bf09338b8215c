//! Opens the book of a folder that nobody serves, such as a copy, and writes
//! nothing to the folder: neither a lock nor a side file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::ErrorKind;
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
        Self::file(path, lock)
    }

    /// The search index beside this book, if there is one.
    pub(in crate::store) fn index(&self) -> Result<Option<Self>, Error> {
        match Self::file(self.path.with_file_name("index.db"), None) {
            Err(Error::Folder(cause)) if cause.kind() == ErrorKind::NotFound => Ok(None),
            opened => opened.map(Some),
        }
    }

    fn file(path: PathBuf, lock: Option<File>) -> Result<Self, Error> {
        File::open(&path)?;
        let mut log = path.clone().into_os_string();
        log.push("-wal");
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

    /// How the schema differs from the one that the program made whose version the
    /// book says.
    pub(in crate::store) fn schema_differences(&self) -> Result<Vec<String>, Error> {
        let connection = self.connect()?;
        let (found, known) = (migrate::version(&connection)?, migrations::BOOK.len());
        let known = i64::try_from(known).unwrap_or(i64::MAX);
        if found > known {
            return Err(Error::SchemaTooNew { found, known });
        }
        let steps = usize::try_from(found).ok().and_then(|found| migrations::BOOK.get(..found));
        let steps = steps.unwrap_or_default();
        let texts = differences(&connection, steps)?;
        if steps.len() >= migrations::EVIDENCE {
            return Ok(texts);
        }
        if found > 0 && texts.is_empty() {
            return Err(Error::SchemaTooOld { found, known });
        }
        // It is not even what it says.
        Ok(vec![format!("it says version {found}, and this program makes {known}")])
    }

    /// The version of the index, and how its schema differs from that of this
    /// program's; of another version it does not matter.
    pub(in crate::store) fn index_version(&self) -> Result<(i64, Vec<String>), Error> {
        let connection = self.connect()?;
        let version = migrate::version(&connection)?;
        let differences = match version == migrations::INDEX_VERSION {
            true => differences(&connection, &[migrations::INDEX])?,
            false => Vec::new(),
        };
        Ok((version, differences))
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

/// Runs `f` on an empty search index, which is in memory, and beyond 64 MiB in a
/// file without a name. It is gone afterwards.
pub(in crate::store) fn scratch_index<T>(
    f: impl FnOnce(&mut dyn Tx) -> Result<T, Error>,
) -> Result<T, Error> {
    let open = || {
        let connection = Connection::open("")?;
        connection.pragma_update(None, "cache_size", -65_536)?;
        connection.execute_batch(migrations::INDEX)?;
        // One transaction: what is not committed is not written.
        connection.execute_batch("begin")?;
        Ok(connection)
    };
    let connection = open().map_err(|cause| classify("inspect.scratch", cause))?;
    f(&mut SqliteTx(&connection))
}

/// How the schema of a database differs from the one that these steps make.
fn differences(connection: &Connection, steps: &[&str]) -> Result<Vec<String>, Error> {
    let read = || {
        let (fresh, found) = (Connection::open_in_memory()?, schema(connection)?);
        Ok((fresh, found))
    };
    let (fresh, is) = read().map_err(|cause| classify("inspect.schema", cause))?;
    migrate::migrate(&fresh, steps)?;
    let wanted = schema(&fresh).map_err(|cause| classify("inspect.schema", cause))?;
    let mut texts = Vec::new();
    for ((kind, name), sql) in &wanted {
        match is.get(&(kind.clone(), name.clone())) {
            None => texts.push(format!("the {kind} {name} is gone")),
            Some(other) if other != sql => texts.push(format!("the {kind} {name} was changed")),
            Some(_) => {}
        }
    }
    let added = is.keys().filter(|entry| !wanted.contains_key(*entry));
    texts.extend(added.map(|(kind, name)| format!("the {kind} {name} was added")));
    Ok(texts)
}

fn schema(connection: &Connection) -> rusqlite::Result<Schema> {
    // What `analyze` makes says nothing (sqlite.org/fileformat2.html, section 2.6). It is
    // known by its whole text: a trigger can have such a name, too.
    let sql = "select type, name, tbl_name || ' ' || coalesce(sql, '') from sqlite_schema \
               where coalesce(sql, '') not in ( \
                 'CREATE TABLE sqlite_stat1(tbl,idx,stat)', \
                 'CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)') \
               or type <> 'table' or name not in ('sqlite_stat1', 'sqlite_stat4')";
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))?;
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The folder of a book that has taken so many steps.
    fn book(steps: usize) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let book = Connection::open(folder.path().join("wardbook.db")).unwrap();
        migrate::migrate(&book, &migrations::BOOK[..steps]).unwrap();
        folder
    }

    fn differences(folder: &Path) -> Result<Vec<String>, Error> {
        Inspected::open(folder)?.schema_differences()
    }

    #[test]
    fn a_book_of_an_older_program_was_not_changed() {
        for steps in migrations::EVIDENCE..=migrations::BOOK.len() {
            let folder = book(steps);
            assert_eq!(differences(folder.path()).unwrap(), Vec::<String>::new(), "{steps}");
            let open = Connection::open(folder.path().join("wardbook.db")).unwrap();
            open.execute_batch("drop trigger event_log_no_update").unwrap();
            let told = differences(folder.path()).unwrap();
            assert_eq!(told, ["the trigger event_log_no_update is gone"], "{steps}");
        }
        let too_old = migrations::EVIDENCE - 1;
        let folder = book(too_old);
        let refused = differences(folder.path()).unwrap_err();
        let found = i64::try_from(too_old).unwrap();
        assert!(matches!(refused, Error::SchemaTooOld { found: of, .. } if of == found));
        // The number alone makes no older book.
        let folder = book(migrations::BOOK.len());
        let open = Connection::open(folder.path().join("wardbook.db")).unwrap();
        for version in [0, found, i64::from(i32::MAX)] {
            open.pragma_update(None, "user_version", version).unwrap();
            match differences(folder.path()) {
                Ok(told) => assert!(told[0].starts_with(&format!("it says version {version}"))),
                Err(error) => assert!(matches!(error, Error::SchemaTooNew { .. }), "{error}"),
            }
        }
    }

    /// What `analyze` makes is no difference; what only has such a name is one.
    #[test]
    fn a_trigger_does_not_hide_behind_a_name() {
        let folder = book(migrations::BOOK.len());
        let open = Connection::open(folder.path().join("wardbook.db")).unwrap();
        open.execute_batch("analyze").unwrap();
        let made =
            "select count(*) from sqlite_schema where name like 'sqlite\\_stat%' escape '\\'";
        assert!(open.query_row(made, [], |row| row.get::<_, i64>(0)).unwrap() > 0);
        assert_eq!(differences(folder.path()).unwrap(), Vec::<String>::new());
        open.execute_batch(
            "pragma writable_schema = on;
             insert into sqlite_schema values ('trigger', 'sqlite_stat9', 'event_log', 0,
               'create trigger sqlite_stat9 after insert on event_log begin
                  delete from checkpoints; end');
             insert into sqlite_schema values ('trigger', 'sqlite_stat4', 'event_log', 0,
               'create trigger sqlite_stat4 after insert on event_log begin
                  delete from checkpoints; end');",
        )
        .unwrap();
        let told = differences(folder.path()).unwrap();
        let expected = ["the trigger sqlite_stat4 was added", "the trigger sqlite_stat9 was added"];
        assert_eq!(told, expected);
    }

    /// What verification reads is the same in all books that it reads.
    #[test]
    fn later_steps_leave_the_evidence_as_it_is() {
        let evidence = |steps: usize| {
            let folder = book(steps);
            let open = Connection::open(folder.path().join("wardbook.db")).unwrap();
            let mut schema = schema(&open).unwrap();
            let tables = [
                "event_log",
                "event_personal",
                "event_field_reads",
                "event_erasures",
                "names",
                "tree_nodes",
                "head",
                "checkpoints",
                "audit_keys",
            ];
            schema.retain(|(kind, name), sql| {
                kind == "view"
                    || tables
                        .iter()
                        .any(|table| name == table || sql.starts_with(&format!("{table} ")))
            });
            assert!(schema.len() > tables.len());
            schema
        };
        let now = evidence(migrations::BOOK.len());
        assert_eq!(evidence(migrations::EVIDENCE), now);
        assert_ne!(evidence(migrations::EVIDENCE - 1), now);
    }
}
