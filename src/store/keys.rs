//! Rows of KMS keys, their materials and their aliases. What the columns mean
//! is known to `keys`; here are only the rows and the SQL.

use super::{Error, Query, Row, Tx, Value};

/// One KMS key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    pub key_id: String,
    pub region: String,
    pub account: String,
    /// 1 at creation, one more at each change; a change names the version it
    /// was made from.
    pub version: i64,
    pub spec: String,
    pub usage: String,
    pub origin: String,
    pub state: String,
    pub description: String,
    pub created_ms: i64,
    pub deletion_ms: Option<i64>,
    pub policy: String,
    /// JSON object: the principals that the policy names, ARN to unique id, as
    /// they were when the policy was put.
    pub policy_principals: String,
    /// JSON object of tags.
    pub tags: String,
}

/// One key material: an HSM backing key as its exported key token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaterialRow {
    pub key_id: String,
    pub region: String,
    pub material_id: String,
    pub token: Vec<u8>,
    pub created_ms: i64,
}

/// One alias.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AliasRow {
    pub account: String,
    pub region: String,
    pub name: String,
    pub key_id: String,
    pub version: i64,
    pub created_ms: i64,
    pub updated_ms: i64,
}

/// Adds a key.
///
/// # Errors
/// [`Error::Duplicate`] if the Region has this id.
pub fn insert_key(tx: &mut dyn Tx, row: &KeyRow) -> Result<(), Error> {
    tx.run(
        &INSERT_KEY,
        &[
            row.region.as_str().into(),
            row.key_id.as_str().into(),
            row.account.as_str().into(),
            row.version.into(),
            row.spec.as_str().into(),
            row.usage.as_str().into(),
            row.origin.as_str().into(),
            row.state.as_str().into(),
            row.description.as_str().into(),
            row.created_ms.into(),
            row.deletion_ms.into(),
            row.policy.as_str().into(),
            row.policy_principals.as_str().into(),
            row.tags.as_str().into(),
        ],
    )?;
    Ok(())
}

/// Replaces the changeable columns of a key that is still at the version
/// before `row.version`.
///
/// # Errors
/// [`Error::Conflict`] if somebody else changed or deleted the key meanwhile.
pub fn update_key(tx: &mut dyn Tx, row: &KeyRow) -> Result<(), Error> {
    let args: [Value<'_>; 9] = [
        row.region.as_str().into(),
        row.key_id.as_str().into(),
        row.version.into(),
        row.state.as_str().into(),
        row.description.as_str().into(),
        row.deletion_ms.into(),
        row.policy.as_str().into(),
        row.policy_principals.as_str().into(),
        row.tags.as_str().into(),
    ];
    one_row(tx.run(&UPDATE_KEY, &args)?)
}

/// Removes a key, its materials and its aliases.
///
/// # Errors
/// [`Error::Conflict`] if the key is not at `version`.
pub fn delete_key(tx: &mut dyn Tx, region: &str, key_id: &str, version: i64) -> Result<(), Error> {
    one_row(tx.run(&DELETE_KEY, &[region.into(), key_id.into(), version.into()])?)?;
    tx.run(&DELETE_MATERIALS, &[region.into(), key_id.into()])?;
    tx.run(&DELETE_KEY_ALIASES, &[region.into(), key_id.into()])?;
    Ok(())
}

/// Every key.
///
/// # Errors
/// As the database answers.
pub fn list_keys(tx: &mut dyn Tx) -> Result<Vec<KeyRow>, Error> {
    tx.rows(&LIST_KEYS, &[])?.iter().map(key_row).collect()
}

fn key_row(row: &Row) -> Result<KeyRow, Error> {
    Ok(KeyRow {
        region: row.text(0)?.to_owned(),
        key_id: row.text(1)?.to_owned(),
        account: row.text(2)?.to_owned(),
        version: row.int(3)?,
        spec: row.text(4)?.to_owned(),
        usage: row.text(5)?.to_owned(),
        origin: row.text(6)?.to_owned(),
        state: row.text(7)?.to_owned(),
        description: row.text(8)?.to_owned(),
        created_ms: row.int(9)?,
        deletion_ms: row.opt_int(10)?,
        policy: row.text(11)?.to_owned(),
        policy_principals: row.text(12)?.to_owned(),
        tags: row.text(13)?.to_owned(),
    })
}

/// Adds a material.
///
/// # Errors
/// [`Error::Duplicate`] if the key has it already.
pub fn insert_material(tx: &mut dyn Tx, row: &MaterialRow) -> Result<(), Error> {
    tx.run(
        &INSERT_MATERIAL,
        &[
            row.region.as_str().into(),
            row.key_id.as_str().into(),
            row.material_id.as_str().into(),
            row.token.as_slice().into(),
            row.created_ms.into(),
        ],
    )?;
    Ok(())
}

/// Replaces the token of a material: the same backing key under a newer domain
/// key.
///
/// # Errors
/// [`Error::Conflict`] if the material is gone.
pub fn update_token(tx: &mut dyn Tx, row: &MaterialRow) -> Result<(), Error> {
    one_row(tx.run(
        &UPDATE_TOKEN,
        &[
            row.region.as_str().into(),
            row.key_id.as_str().into(),
            row.material_id.as_str().into(),
            row.token.as_slice().into(),
        ],
    )?)
}

/// Every material, oldest first.
///
/// # Errors
/// As the database answers.
pub fn list_materials(tx: &mut dyn Tx) -> Result<Vec<MaterialRow>, Error> {
    tx.rows(&LIST_MATERIALS, &[])?
        .iter()
        .map(|row| {
            Ok(MaterialRow {
                region: row.text(0)?.to_owned(),
                key_id: row.text(1)?.to_owned(),
                material_id: row.text(2)?.to_owned(),
                token: row.blob(3)?.to_vec(),
                created_ms: row.int(4)?,
            })
        })
        .collect()
}

/// Adds an alias.
///
/// # Errors
/// [`Error::Duplicate`] if the name is taken.
pub fn insert_alias(tx: &mut dyn Tx, row: &AliasRow) -> Result<(), Error> {
    tx.run(
        &INSERT_ALIAS,
        &[
            row.account.as_str().into(),
            row.region.as_str().into(),
            row.name.as_str().into(),
            row.key_id.as_str().into(),
            row.version.into(),
            row.created_ms.into(),
            row.updated_ms.into(),
        ],
    )?;
    Ok(())
}

/// Points an alias that is still at the version before `row.version` to
/// another key.
///
/// # Errors
/// [`Error::Conflict`] if somebody else changed or deleted it meanwhile.
pub fn update_alias(tx: &mut dyn Tx, row: &AliasRow) -> Result<(), Error> {
    one_row(tx.run(
        &UPDATE_ALIAS,
        &[
            row.account.as_str().into(),
            row.region.as_str().into(),
            row.name.as_str().into(),
            row.version.into(),
            row.key_id.as_str().into(),
            row.updated_ms.into(),
        ],
    )?)
}

/// Removes an alias.
///
/// # Errors
/// [`Error::Conflict`] if it is gone.
pub fn delete_alias(tx: &mut dyn Tx, account: &str, region: &str, name: &str) -> Result<(), Error> {
    one_row(tx.run(&DELETE_ALIAS, &[account.into(), region.into(), name.into()])?)
}

/// Every alias.
///
/// # Errors
/// As the database answers.
pub fn list_aliases(tx: &mut dyn Tx) -> Result<Vec<AliasRow>, Error> {
    tx.rows(&LIST_ALIASES, &[])?
        .iter()
        .map(|row| {
            Ok(AliasRow {
                account: row.text(0)?.to_owned(),
                region: row.text(1)?.to_owned(),
                name: row.text(2)?.to_owned(),
                key_id: row.text(3)?.to_owned(),
                version: row.int(4)?,
                created_ms: row.int(5)?,
                updated_ms: row.int(6)?,
            })
        })
        .collect()
}

/// A change that had to hit exactly one row.
fn one_row(changed: u64) -> Result<(), Error> {
    if changed == 1 { Ok(()) } else { Err(Error::Conflict) }
}

const INSERT_KEY: Query = Query {
    name: "keys.insert",
    sql: "insert into keys (region, key_id, account, version, spec, usage, origin, state, \
          description, created_ms, deletion_ms, policy, policy_principals, tags) \
          values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
};
const UPDATE_KEY: Query = Query {
    name: "keys.update",
    sql: "update keys set version = ?3, state = ?4, description = ?5, deletion_ms = ?6, \
          policy = ?7, policy_principals = ?8, tags = ?9 \
          where region = ?1 and key_id = ?2 and version = ?3 - 1",
};
const DELETE_KEY: Query = Query {
    name: "keys.delete",
    sql: "delete from keys where region = ?1 and key_id = ?2 and version = ?3",
};
const LIST_KEYS: Query = Query {
    name: "keys.list",
    sql: "select region, key_id, account, version, spec, usage, origin, state, description, \
          created_ms, deletion_ms, policy, policy_principals, tags from keys",
};
const INSERT_MATERIAL: Query = Query {
    name: "materials.insert",
    sql: "insert into key_materials (region, key_id, material_id, token, created_ms) \
          values (?1, ?2, ?3, ?4, ?5)",
};
const UPDATE_TOKEN: Query = Query {
    name: "materials.update_token",
    sql: "update key_materials set token = ?4 \
          where region = ?1 and key_id = ?2 and material_id = ?3",
};
const DELETE_MATERIALS: Query = Query {
    name: "materials.delete",
    sql: "delete from key_materials where region = ?1 and key_id = ?2",
};
const LIST_MATERIALS: Query = Query {
    name: "materials.list",
    sql: "select region, key_id, material_id, token, created_ms from key_materials \
          order by region, key_id, created_ms",
};
const INSERT_ALIAS: Query = Query {
    name: "aliases.insert",
    sql: "insert into aliases (account, region, name, key_id, version, created_ms, updated_ms) \
          values (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
};
const UPDATE_ALIAS: Query = Query {
    name: "aliases.update",
    sql: "update aliases set version = ?4, key_id = ?5, updated_ms = ?6 \
          where account = ?1 and region = ?2 and name = ?3 and version = ?4 - 1",
};
const DELETE_ALIAS: Query = Query {
    name: "aliases.delete",
    sql: "delete from aliases where account = ?1 and region = ?2 and name = ?3",
};
const DELETE_KEY_ALIASES: Query = Query {
    name: "aliases.delete_of_key",
    sql: "delete from aliases where region = ?1 and key_id = ?2",
};
const LIST_ALIASES: Query = Query {
    name: "aliases.list",
    sql: "select account, region, name, key_id, version, created_ms, updated_ms from aliases",
};
