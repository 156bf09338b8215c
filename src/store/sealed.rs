//! Rows of sealed keys: the root key's protectors, the domain keys, and the keys
//! that sign the heads of the log.

use super::{Error, Query, Tx};

/// One protector: the root key, sealed so that only its holder opens it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtectorRow {
    pub name: String,
    pub sealed: Vec<u8>,
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
    tx.run(&INSERT_PROTECTOR, &[row.name.as_str().into(), row.sealed.as_slice().into()])?;
    Ok(())
}

/// Every protector.
///
/// # Errors
/// As the database answers.
pub fn list_protectors(tx: &mut dyn Tx) -> Result<Vec<ProtectorRow>, Error> {
    tx.rows(&LIST_PROTECTORS, &[])?
        .iter()
        .map(|row| {
            Ok(ProtectorRow { name: row.text(0)?.to_owned(), sealed: row.blob(1)?.to_vec() })
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
    sql: "insert into root_key_protectors (name, sealed) values (?1, ?2)",
};
const LIST_PROTECTORS: Query = Query {
    name: "protectors.list",
    sql: "select name, sealed from root_key_protectors order by name",
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
