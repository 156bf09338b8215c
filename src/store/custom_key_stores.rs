//! Rows of custom key stores.

use super::{Error, Query, Tx};

/// One custom key store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomKeyStoreRow {
    pub id: String,
    pub account: String,
    pub region: String,
    pub name: String,
    pub remote: String,
    /// Whether it shall be connected.
    pub wanted: bool,
    pub created_ms: i64,
    /// 1 at creation, one more at each change; a change names the version it
    /// was made from.
    pub version: i64,
}

/// Adds a store.
///
/// # Errors
/// [`Error::Duplicate`] if its Region of its account has one with this name, or
/// one of this remote.
pub fn insert(tx: &mut dyn Tx, row: &CustomKeyStoreRow) -> Result<(), Error> {
    tx.run(
        &INSERT,
        &[
            row.id.as_str().into(),
            row.account.as_str().into(),
            row.region.as_str().into(),
            row.name.as_str().into(),
            row.remote.as_str().into(),
            i64::from(row.wanted).into(),
            row.created_ms.into(),
            row.version.into(),
        ],
    )?;
    Ok(())
}

/// Replaces the changeable columns of a store that is still at the version
/// before `row.version`.
///
/// # Errors
/// [`Error::Conflict`] if somebody else changed or deleted it meanwhile, or if it is
/// to get another remote and has a key; [`Error::Duplicate`] as for [`insert`].
pub fn update(tx: &mut dyn Tx, row: &CustomKeyStoreRow) -> Result<(), Error> {
    one_row(tx.run(
        &UPDATE,
        &[
            row.id.as_str().into(),
            row.version.into(),
            row.name.as_str().into(),
            row.remote.as_str().into(),
            i64::from(row.wanted).into(),
        ],
    )?)
}

/// Removes a store.
///
/// # Errors
/// [`Error::Conflict`] if it is not at `version`, or has got a key meanwhile.
pub fn delete(tx: &mut dyn Tx, id: &str, version: i64) -> Result<(), Error> {
    one_row(tx.run(&DELETE, &[id.into(), version.into()])?)
}

/// Checks that the store is there and of this remote, for a key that is to be in it.
///
/// # Errors
/// [`Error::Conflict`] if it was deleted or got another remote meanwhile.
pub fn check(tx: &mut dyn Tx, id: &str, remote: &str) -> Result<(), Error> {
    match tx.rows(&CHECK, &[id.into(), remote.into()])?.is_empty() {
        false => Ok(()),
        true => Err(Error::Conflict),
    }
}

/// Every store.
///
/// # Errors
/// As the database answers.
pub fn list(tx: &mut dyn Tx) -> Result<Vec<CustomKeyStoreRow>, Error> {
    tx.rows(&LIST, &[])?
        .iter()
        .map(|row| {
            Ok(CustomKeyStoreRow {
                id: row.text(0)?.to_owned(),
                account: row.text(1)?.to_owned(),
                region: row.text(2)?.to_owned(),
                name: row.text(3)?.to_owned(),
                remote: row.text(4)?.to_owned(),
                wanted: row.int(5)? != 0,
                created_ms: row.int(6)?,
                version: row.int(7)?,
            })
        })
        .collect()
}

fn one_row(changed: u64) -> Result<(), Error> {
    if changed == 1 { Ok(()) } else { Err(Error::Conflict) }
}

const INSERT: Query = Query {
    name: "custom_key_stores.insert",
    sql: "insert into custom_key_stores \
          (id, account, region, name, remote, wanted, created_ms, version) \
          values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
};
const UPDATE: Query = Query {
    name: "custom_key_stores.update",
    sql: "update custom_key_stores set version = ?2, name = ?3, remote = ?4, wanted = ?5 \
          where id = ?1 and version = ?2 - 1 and (remote = ?4 \
          or not exists (select 1 from keys where custom_key_store = ?1))",
};
const DELETE: Query = Query {
    name: "custom_key_stores.delete",
    sql: "delete from custom_key_stores where id = ?1 and version = ?2 \
          and not exists (select 1 from keys where custom_key_store = ?1)",
};
const CHECK: Query = Query {
    name: "custom_key_stores.check",
    sql: "select id from custom_key_stores where id = ?1 and remote = ?2",
};
const LIST: Query = Query {
    name: "custom_key_stores.list",
    sql: "select id, account, region, name, remote, wanted, created_ms, version \
          from custom_key_stores order by id",
};
