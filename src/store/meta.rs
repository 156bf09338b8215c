//! The `meta` table: the few facts that belong to the installation itself,
//! such as its account id and Region.

use super::{Error, Query, Tx};

/// Finds a fact.
///
/// # Errors
/// What the engine says.
pub fn find(tx: &mut dyn Tx, name: &str) -> Result<Option<String>, Error> {
    tx.rows(&FIND, &[name.into()])?.first().map(|row| row.text(0).map(str::to_owned)).transpose()
}

/// Writes a fact that must not exist yet.
///
/// # Errors
/// [`Error::Duplicate`] if it exists.
pub fn insert(tx: &mut dyn Tx, name: &str, value: &str) -> Result<(), Error> {
    tx.run(&INSERT, &[name.into(), value.into()]).map(drop)
}

/// Writes a fact, new or not.
///
/// # Errors
/// What the engine says.
pub fn set(tx: &mut dyn Tx, name: &str, value: &str) -> Result<(), Error> {
    tx.run(&SET, &[name.into(), value.into()]).map(drop)
}

/// The id of the folder's log.
///
/// # Errors
/// [`Error::Corrupt`] if it has none.
pub fn log_id(tx: &mut dyn Tx) -> Result<String, Error> {
    find(tx, "log_id")?.ok_or_else(|| Error::Corrupt("the log has no id".to_owned()))
}

const FIND: Query = Query { name: "meta.find", sql: "select value from meta where name = ?1" };
const INSERT: Query =
    Query { name: "meta.insert", sql: "insert into meta (name, value) values (?1, ?2)" };
const SET: Query = Query {
    name: "meta.set",
    sql: "insert into meta (name, value) values (?1, ?2) \
          on conflict (name) do update set value = excluded.value",
};
