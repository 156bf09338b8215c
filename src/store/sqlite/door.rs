//! The SQL door: statements that somebody wrote, on the file of a book, of
//! which they can read the views `events` and `field_reads` and nothing else.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension};
use serde_json::{Number, Value};

use super::connect::{self, BUSY_WAIT};
use super::tx::classify;
use crate::base::clock::Clock;
use crate::base::{hex, limits};
use crate::store::Error;

/// The views that can be read, and what they read themselves.
const VIEWS: &[&str] = &["events", "field_reads"];
const TABLES: &[&str] = &["event_log", "names", "event_personal", "event_field_reads", "json_each"];

/// Instructions of SQLite's machine between two looks at the clock.
const STEPS: i32 = 10_000;

/// What is asked, and how much the answer may cost.
pub struct Question<'a> {
    /// The file of the book, or a copy of it. A server may have it open.
    pub file: &'a Path,
    pub statement: &'a str,
    /// Rows in the answer, at most [`limits::SQL_ROWS`].
    pub rows: usize,
    pub seconds: u64,
    pub clock: Arc<dyn Clock>,
}

/// The answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asked {
    pub columns: Vec<String>,
    /// Numbers, texts and nulls; bytes as hexadecimal text, and what is no number of JSON
    /// as `Infinity` or `-Infinity`.
    pub rows: Vec<Vec<Value>>,
    /// Whether there are more rows.
    pub more: bool,
}

/// Asks. Blocks.
///
/// # Errors
/// [`Error::Folder`] if there is no such file, [`Error::Statement`] for a
/// statement that is wrong or wants more than it may, [`Error::TooLong`];
/// what the engine says.
pub fn ask(question: &Question<'_>) -> Result<Asked, Error> {
    connect::check_engine()?;
    std::fs::metadata(question.file)?;
    let connection = open(question).map_err(|cause| classify("door.open", cause))?;
    let asked = read(&connection, question).map_err(|cause| match cause.sqlite_error_code() {
        Some(ErrorCode::OperationInterrupted) => Error::TooLong(question.seconds),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::DatabaseBusy) => {
            classify("door.read", cause)
        }
        _ => Error::Statement(Arc::new(cause)),
    })?;
    if asked.columns.is_empty() {
        return Err(Error::Statement(Arc::from(Box::from("it asks for nothing"))));
    }
    Ok(asked)
}

/// A connection that cannot write, and stops when it took too long.
fn open(question: &Question<'_>) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(question.file, flags)?;
    connection.busy_timeout(BUSY_WAIT)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    let heap = limits::SQL_HEAP_BYTES;
    connection.pragma_update_and_check(None, "hard_heap_limit", heap, |_row| Ok(()))?;
    // Within one function nobody looks at the clock, so it must not have much to do.
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, limits::SQL_TEXT_BYTES)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, limits::SQL_PATTERN_BYTES)?;
    let hidden = hide_views(&connection, question.statement)?;
    let tables = tables(&connection)?;
    connection.pragma_update(None, "query_only", true)?;
    let clock = Arc::clone(&question.clock);
    let end = clock.elapsed().saturating_add(Duration::from_secs(question.seconds));
    connection.progress_handler(STEPS, Some(move || clock.elapsed() > end))?;
    connection.authorizer(Some(move |wish: AuthContext<'_>| judge(&wish, &hidden, &tables)))?;
    Ok(connection)
}

/// Puts each view under a name that the statement does not contain, and a
/// temporary view before it. SQLite tells the authorizer only the name of
/// the view that reads a table, and a common table expression can be called
/// `events`, too.
fn hide_views(connection: &Connection, statement: &str) -> rusqlite::Result<Vec<String>> {
    let statement = statement.to_ascii_lowercase();
    let mut names = (0_u32..=u32::MAX).map(|number| format!("behind_{number}_"));
    let mut hidden = Vec::new();
    for view in VIEWS {
        let sql = connection.query_row(
            "select sql from main.sqlite_schema where type = 'view' and name = ?1",
            [view],
            |row| row.get(0),
        );
        // A file from before the view has no rows for it either.
        let Some(sql): Option<String> = sql.optional()? else { continue };
        let head = format!("{view} as");
        let (_, body) = sql.split_once(&head).ok_or(rusqlite::Error::InvalidQuery)?;
        let name = names.find(|name| !statement.contains(name)).unwrap_or_default();
        connection.execute(&format!("create temp view {name} as{body}"), [])?;
        connection.execute(&format!("create temp view {view} as select * from {name}"), [])?;
        hidden.push(name);
    }
    Ok(hidden)
}

/// The tables and views that there are, in lower case.
fn tables(connection: &Connection) -> rusqlite::Result<BTreeSet<String>> {
    let mut statement = connection.prepare("select lower(name) from main.sqlite_schema")?;
    statement.query_map([], |row| row.get(0))?.collect()
}

/// What a statement may do: read the views, and call functions.
fn judge(wish: &AuthContext<'_>, hidden: &[String], tables: &BTreeSet<String>) -> Authorization {
    let is_hidden = |name: &str| hidden.iter().any(|hidden| hidden == name);
    let allowed = match wish.action {
        AuthAction::Select | AuthAction::Recursive => true,
        AuthAction::Function { function_name } => {
            !function_name.eq_ignore_ascii_case("load_extension")
        }
        AuthAction::Read { table_name, .. } if VIEWS.contains(&table_name) => true,
        AuthAction::Read { table_name, .. } if is_hidden(table_name) => true,
        AuthAction::Read { table_name, column_name } if TABLES.contains(&table_name) => {
            column_name.is_empty() || wish.accessor.is_some_and(is_hidden)
        }
        // How many rows there are is also asked of what a statement makes itself
        // (`with x as (...)`), by its name.
        AuthAction::Read { table_name, column_name: "" } => {
            let name = table_name.to_ascii_lowercase();
            let of_sqlite = name.starts_with("sqlite_") || name.starts_with("pragma_");
            !of_sqlite && !tables.contains(&name)
        }
        _ => false,
    };
    if allowed { Authorization::Allow } else { Authorization::Deny }
}

fn read(connection: &Connection, question: &Question<'_>) -> rusqlite::Result<Asked> {
    let mut statement = connection.prepare(question.statement)?;
    if !statement.readonly() {
        return Err(rusqlite::Error::InvalidQuery);
    }
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let (mut rows, mut bytes) = (Vec::new(), 0_usize);
    if columns.is_empty() {
        // SQLite takes an empty statement for a fault of the program.
        return Ok(Asked::default());
    }
    let limit = question.rows.min(limits::SQL_ROWS);
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        if rows.len() >= limit || bytes >= limits::SQL_BYTES {
            return Ok(Asked { columns, rows, more: true });
        }
        let mut cells = Vec::with_capacity(columns.len());
        for at in 0..columns.len() {
            let (cell, size) = cell(row.get_ref(at)?);
            bytes = bytes.saturating_add(size);
            cells.push(cell);
        }
        rows.push(cells);
    }
    Ok(Asked { columns, rows, more: false })
}

/// A cell, and about how much room it takes.
fn cell(value: ValueRef<'_>) -> (Value, usize) {
    match value {
        ValueRef::Null => (Value::Null, 8),
        ValueRef::Integer(int) => (Value::from(int), 8),
        ValueRef::Real(real) => (number(real), 8),
        ValueRef::Text(text) => (String::from_utf8_lossy(text).into(), text.len()),
        ValueRef::Blob(bytes) => (hex::encode(bytes).into(), bytes.len().saturating_mul(2)),
    }
}

/// SQLite has infinities, and `NaN` is its null; JSON has neither.
fn number(real: f64) -> Value {
    let infinite = if real.is_sign_negative() { "-Infinity" } else { "Infinity" };
    Number::from_f64(real).map_or_else(|| Value::from(infinite), Value::Number)
}
