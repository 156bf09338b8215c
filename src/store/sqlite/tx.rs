//! `Tx` over a SQLite connection, and the one map from SQLite's errors.

use std::sync::Arc;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, ToSql, ffi, params_from_iter};

use crate::store::sql::Cell;
use crate::store::{Error, Query, Row, Tx, Value};

/// A connection seen as the transaction that is open on it. Statements stay
/// prepared in the connection's cache.
pub(super) struct SqliteTx<'c>(pub(super) &'c Connection);

impl Tx for SqliteTx<'_> {
    fn run(&mut self, query: &Query, args: &[Value<'_>]) -> Result<u64, Error> {
        let run = || {
            let mut statement = self.0.prepare_cached(query.sql)?;
            statement.execute(params_from_iter(args))
        };
        let changed = run().map_err(|cause| classify(query.name, cause))?;
        Ok(u64::try_from(changed).unwrap_or(u64::MAX))
    }

    fn rows(&mut self, query: &Query, args: &[Value<'_>]) -> Result<Vec<Row>, Error> {
        let collect = || {
            let mut statement = self.0.prepare_cached(query.sql)?;
            let columns = statement.column_count();
            let mut found = statement.query(params_from_iter(args))?;
            let mut rows = Vec::new();
            while let Some(row) = found.next()? {
                let cells = (0..columns).map(|i| row.get_ref(i).map(cell));
                rows.push(Row(cells.collect::<Result<_, _>>()?));
            }
            Ok(rows)
        };
        collect().map_err(|cause| classify(query.name, cause))
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match *self {
            Value::Null => ValueRef::Null,
            Value::Int(int) => ValueRef::Integer(int),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// The common subset has no floating point; such a column reads as null, and
/// asking for a value then is [`Error::Column`].
fn cell(value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Null | ValueRef::Real(_) => Cell::Null,
        ValueRef::Integer(int) => Cell::Int(int),
        ValueRef::Text(text) => match std::str::from_utf8(text) {
            Ok(text) => Cell::Text(text.to_owned()),
            // Not text then; whoever asks for text is told.
            Err(_) => Cell::Blob(text.to_vec()),
        },
        ValueRef::Blob(bytes) => Cell::Blob(bytes.to_vec()),
    }
}

/// What an error of SQLite means to the store.
pub(super) fn classify(query: &'static str, cause: rusqlite::Error) -> Error {
    let Some(code) = cause.sqlite_error() else {
        return Error::Query { query, cause: Arc::new(cause) };
    };
    match (code.code, code.extended_code) {
        // After a failed sync the kernel may have dropped the dirty pages, and
        // a second sync that succeeds proves nothing.
        (_, ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC) => Error::Poisoned,
        (
            _,
            ffi::SQLITE_CONSTRAINT_PRIMARYKEY
            | ffi::SQLITE_CONSTRAINT_UNIQUE
            | ffi::SQLITE_CONSTRAINT_ROWID,
        ) => Error::Duplicate,
        (ErrorCode::ConstraintViolation, _) => Error::Conflict,
        (ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase, _) => {
            Error::Corrupt(format!("SQLite code {}", code.extended_code))
        }
        (
            ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::ReadOnly
            | ErrorCode::CannotOpen
            | ErrorCode::PermissionDenied
            | ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::OutOfMemory
            | ErrorCode::FileLockingProtocolFailed,
            _,
        ) => Error::Unavailable(Arc::new(cause)),
        _ => Error::Query { query, cause: Arc::new(cause) },
    }
}

/// Whether the disk, or the quota of the file, is full.
pub(super) fn is_full(error: &Error) -> bool {
    let Error::Unavailable(cause) = error else { return false };
    let cause = cause.downcast_ref::<rusqlite::Error>();
    cause.and_then(rusqlite::Error::sqlite_error_code) == Some(ErrorCode::DiskFull)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: i32) -> Error {
        classify("q", rusqlite::Error::SqliteFailure(ffi::Error::new(code), None))
    }

    #[test]
    fn sync_failures_poison_and_others_recover() {
        assert!(matches!(of(ffi::SQLITE_IOERR_FSYNC), Error::Poisoned));
        assert!(matches!(of(ffi::SQLITE_IOERR_DIR_FSYNC), Error::Poisoned));
        assert!(matches!(of(ffi::SQLITE_IOERR_WRITE), Error::Unavailable(_)));
        assert!(matches!(of(ffi::SQLITE_FULL), Error::Unavailable(_)));
        assert!(matches!(of(ffi::SQLITE_READONLY), Error::Unavailable(_)));
        assert!(matches!(of(ffi::SQLITE_CONSTRAINT_UNIQUE), Error::Duplicate));
        assert!(matches!(of(ffi::SQLITE_CONSTRAINT_FOREIGNKEY), Error::Conflict));
        assert!(matches!(of(ffi::SQLITE_CORRUPT), Error::Corrupt(_)));
        assert!(matches!(of(ffi::SQLITE_ERROR), Error::Query { query: "q", .. }));
    }
}
