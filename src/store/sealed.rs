//! Rows of sealed keys: the root key's protectors, the domain keys, the naming key,
//! and the keys that sign the heads of the log.

use super::{Error, Query, Tx};

/// One protector: the root key, sealed so that only its holder opens it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtectorRow {
    pub name: String,
    pub sealed: Vec<u8>,
    /// `None` for one from before this was kept.
    pub added_ms: Option<i64>,
}

/// One domain key, sealed under the root key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainKeyRow {
    pub version: i64,
    pub sealed: Vec<u8>,
    pub created_ms: i64,
}

/// One key that signs heads of the log, sealed under a domain key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditKeyRow {
    /// Counted from 1; the highest signs.
    pub version: i64,
    pub sealed: Vec<u8>,
    /// As RFC 8032 encodes it.
    pub public_key: [u8; 32],
    pub created_ms: i64,
}

/// Adds a protector.
///
/// # Errors
/// [`Error::Duplicate`] if the name is taken.
pub fn insert_protector(tx: &mut dyn Tx, row: &ProtectorRow) -> Result<(), Error> {
    let args = [(&row.name).into(), (&row.sealed).into(), row.added_ms.into()];
    tx.run(&INSERT_PROTECTOR, &args).map(drop)
}

/// Replaces what a protector holds.
///
/// # Errors
/// [`Error::Conflict`] if there is no such protector.
pub fn update_protector(tx: &mut dyn Tx, name: &str, sealed: &[u8]) -> Result<(), Error> {
    one(tx.run(&UPDATE_PROTECTOR, &[name.into(), sealed.into()])?)
}

/// Removes a protector.
///
/// # Errors
/// [`Error::Conflict`] if there is no such protector.
pub fn delete_protector(tx: &mut dyn Tx, name: &str) -> Result<(), Error> {
    one(tx.run(&DELETE_PROTECTOR, &[name.into()])?)
}

/// Every protector.
///
/// # Errors
/// As the database answers.
pub fn list_protectors(tx: &mut dyn Tx) -> Result<Vec<ProtectorRow>, Error> {
    tx.rows(&LIST_PROTECTORS, &[])?
        .iter()
        .map(|row| {
            Ok(ProtectorRow {
                name: row.text(0)?.to_owned(),
                sealed: row.blob(1)?.to_vec(),
                added_ms: row.opt_int(2)?,
            })
        })
        .collect()
}

/// Adds a domain key.
///
/// # Errors
/// [`Error::Duplicate`] if the version exists.
pub fn insert_domain_key(tx: &mut dyn Tx, row: &DomainKeyRow) -> Result<(), Error> {
    tx.run(
        &INSERT_DOMAIN_KEY,
        &[row.version.into(), row.sealed.as_slice().into(), row.created_ms.into()],
    )?;
    Ok(())
}

/// Replaces what a domain key is sealed as.
///
/// # Errors
/// [`Error::Conflict`] if there is no such version.
pub fn update_domain_key(tx: &mut dyn Tx, version: i64, sealed: &[u8]) -> Result<(), Error> {
    one(tx.run(&UPDATE_DOMAIN_KEY, &[version.into(), sealed.into()])?)
}

/// The naming key, sealed under the root key.
///
/// # Errors
/// As the database answers.
pub fn find_naming_key(tx: &mut dyn Tx) -> Result<Option<Vec<u8>>, Error> {
    tx.rows(&FIND_NAMING_KEY, &[])?.first().map(|row| Ok(row.blob(0)?.to_vec())).transpose()
}

/// Writes the naming key, new or not.
///
/// # Errors
/// As the database answers.
pub fn set_naming_key(tx: &mut dyn Tx, sealed: &[u8]) -> Result<(), Error> {
    tx.run(&SET_NAMING_KEY, &[sealed.into()]).map(drop)
}

/// Removes a domain key under which nothing is sealed any more.
///
/// # Errors
/// As the database answers.
pub fn delete_domain_key(tx: &mut dyn Tx, version: i64) -> Result<(), Error> {
    tx.run(&DELETE_DOMAIN_KEY, &[version.into()])?;
    Ok(())
}

/// Every domain key, oldest first.
///
/// # Errors
/// As the database answers.
pub fn list_domain_keys(tx: &mut dyn Tx) -> Result<Vec<DomainKeyRow>, Error> {
    tx.rows(&LIST_DOMAIN_KEYS, &[])?
        .iter()
        .map(|row| {
            Ok(DomainKeyRow {
                version: row.int(0)?,
                sealed: row.blob(1)?.to_vec(),
                created_ms: row.int(2)?,
            })
        })
        .collect()
}

/// Adds a key that signs heads.
///
/// # Errors
/// [`Error::Duplicate`] if the version exists.
pub fn insert_audit_key(tx: &mut dyn Tx, row: &AuditKeyRow) -> Result<(), Error> {
    let args =
        [row.version.into(), (&row.sealed).into(), (&row.public_key).into(), row.created_ms.into()];
    tx.run(&INSERT_AUDIT_KEY, &args).map(drop)
}

/// Puts the same key in another sealing.
///
/// # Errors
/// As the database answers.
pub fn update_audit_key(tx: &mut dyn Tx, version: i64, sealed: &[u8]) -> Result<(), Error> {
    tx.run(&UPDATE_AUDIT_KEY, &[version.into(), sealed.into()]).map(drop)
}

/// Every key that signs heads or did, oldest first.
///
/// # Errors
/// As the database answers.
pub fn list_audit_keys(tx: &mut dyn Tx) -> Result<Vec<AuditKeyRow>, Error> {
    tx.rows(&LIST_AUDIT_KEYS, &[])?
        .iter()
        .map(|row| {
            Ok(AuditKeyRow {
                version: row.int(0)?,
                sealed: row.blob(1)?.to_vec(),
                public_key: row.array(2)?,
                created_ms: row.int(3)?,
            })
        })
        .collect()
}

/// A change of exactly one row.
fn one(changed: u64) -> Result<(), Error> {
    if changed == 1 { Ok(()) } else { Err(Error::Conflict) }
}

const INSERT_AUDIT_KEY: Query = Query {
    name: "audit_keys.insert",
    sql: "insert into audit_keys (version, sealed, public_key, created_ms) \
          values (?1, ?2, ?3, ?4)",
};
const UPDATE_AUDIT_KEY: Query = Query {
    name: "audit_keys.update",
    sql: "update audit_keys set sealed = ?2 where version = ?1",
};
const LIST_AUDIT_KEYS: Query = Query {
    name: "audit_keys.list",
    sql: "select version, sealed, public_key, created_ms from audit_keys order by version",
};
const INSERT_PROTECTOR: Query = Query {
    name: "protectors.insert",
    sql: "insert into root_key_protectors (name, sealed, added_ms) values (?1, ?2, ?3)",
};
const UPDATE_PROTECTOR: Query = Query {
    name: "protectors.update",
    sql: "update root_key_protectors set sealed = ?2 where name = ?1",
};
const DELETE_PROTECTOR: Query =
    Query { name: "protectors.delete", sql: "delete from root_key_protectors where name = ?1" };
const LIST_PROTECTORS: Query = Query {
    name: "protectors.list",
    sql: "select name, sealed, added_ms from root_key_protectors order by name",
};
const UPDATE_DOMAIN_KEY: Query = Query {
    name: "domain_keys.update",
    sql: "update domain_keys set sealed = ?2 where version = ?1",
};
const FIND_NAMING_KEY: Query =
    Query { name: "naming_keys.find", sql: "select sealed from naming_keys where id = 1" };
const SET_NAMING_KEY: Query = Query {
    name: "naming_keys.set",
    sql: "insert into naming_keys (id, sealed) values (1, ?1) \
          on conflict (id) do update set sealed = excluded.sealed",
};
const INSERT_DOMAIN_KEY: Query = Query {
    name: "domain_keys.insert",
    sql: "insert into domain_keys (version, sealed, created_ms) values (?1, ?2, ?3)",
};
const DELETE_DOMAIN_KEY: Query =
    Query { name: "domain_keys.delete", sql: "delete from domain_keys where version = ?1" };
const LIST_DOMAIN_KEYS: Query = Query {
    name: "domain_keys.list",
    sql: "select version, sealed, created_ms from domain_keys order by version",
};
