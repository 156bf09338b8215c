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
    pub manager: String,
    pub pending_window_days: Option<i64>,
    pub multi_region: Option<String>,
    /// Both or neither.
    pub rotation_period_days: Option<i64>,
    pub rotation_next_ms: Option<i64>,
    pub on_demand_ms: Option<i64>,
    /// JSON: the tests that every policy of the key must pass.
    pub policy_tests: Option<String>,
    /// Both or neither; they never change.
    pub custom_key_store: Option<String>,
    pub xks_key_id: Option<String>,
}

/// One key material: an HSM backing key as its exported key token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaterialRow {
    pub key_id: String,
    pub region: String,
    /// Order of arrival in the key, from 1.
    pub position: i64,
    pub material_id: String,
    /// `None` while imported material is deleted or expired.
    pub token: Option<Vec<u8>>,
    pub created_ms: i64,
    pub state: String,
    pub description: Option<String>,
    pub expires_ms: Option<i64>,
    /// Both or neither.
    pub rotation_type: Option<String>,
    pub rotation_ms: Option<i64>,
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
            row.manager.as_str().into(),
            row.pending_window_days.into(),
            row.multi_region.as_deref().into(),
            row.rotation_period_days.into(),
            row.rotation_next_ms.into(),
            row.on_demand_ms.into(),
            row.policy_tests.as_deref().into(),
            row.custom_key_store.as_deref().into(),
            row.xks_key_id.as_deref().into(),
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
    let args: [Value<'_>; 15] = [
        row.region.as_str().into(),
        row.key_id.as_str().into(),
        row.version.into(),
        row.state.as_str().into(),
        row.description.as_str().into(),
        row.deletion_ms.into(),
        row.policy.as_str().into(),
        row.policy_principals.as_str().into(),
        row.tags.as_str().into(),
        row.pending_window_days.into(),
        row.multi_region.as_deref().into(),
        row.rotation_period_days.into(),
        row.rotation_next_ms.into(),
        row.on_demand_ms.into(),
        row.policy_tests.as_deref().into(),
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
        manager: row.text(14)?.to_owned(),
        pending_window_days: row.opt_int(15)?,
        multi_region: row.opt_text(16)?.map(str::to_owned),
        rotation_period_days: row.opt_int(17)?,
        rotation_next_ms: row.opt_int(18)?,
        on_demand_ms: row.opt_int(19)?,
        policy_tests: row.opt_text(20)?.map(str::to_owned),
        custom_key_store: row.opt_text(21)?.map(str::to_owned),
        xks_key_id: row.opt_text(22)?.map(str::to_owned),
    })
}

/// Adds a material, or replaces what is known of one that the key has.
///
/// # Errors
/// As the database answers.
pub fn put_material(tx: &mut dyn Tx, row: &MaterialRow) -> Result<(), Error> {
    tx.run(
        &PUT_MATERIAL,
        &[
            row.region.as_str().into(),
            row.key_id.as_str().into(),
            row.position.into(),
            row.material_id.as_str().into(),
            row.token.as_deref().into(),
            row.created_ms.into(),
            row.state.as_str().into(),
            row.description.as_deref().into(),
            row.expires_ms.into(),
            row.rotation_type.as_deref().into(),
            row.rotation_ms.into(),
        ],
    )?;
    Ok(())
}

/// Removes a material for good.
///
/// # Errors
/// As the database answers.
pub fn delete_material(
    tx: &mut dyn Tx,
    region: &str,
    key_id: &str,
    material_id: &str,
) -> Result<(), Error> {
    tx.run(&DELETE_MATERIAL, &[region.into(), key_id.into(), material_id.into()])?;
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
            row.token.as_deref().into(),
        ],
    )?)
}

/// Every material, those of one key in the order of their arrival.
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
                position: row.int(2)?,
                material_id: row.text(3)?.to_owned(),
                token: row.opt_blob(4)?.map(<[u8]>::to_vec),
                created_ms: row.int(5)?,
                state: row.text(6)?.to_owned(),
                description: row.opt_text(7)?.map(str::to_owned),
                expires_ms: row.opt_int(8)?,
                rotation_type: row.opt_text(9)?.map(str::to_owned),
                rotation_ms: row.opt_int(10)?,
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
          description, created_ms, deletion_ms, policy, policy_principals, tags, manager, \
          pending_window_days, multi_region, rotation_period_days, rotation_next_ms, \
          on_demand_ms, policy_tests, custom_key_store, xks_key_id) values (?1, ?2, ?3, ?4, \
          ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, \
          ?23)",
};
const UPDATE_KEY: Query = Query {
    name: "keys.update",
    sql: "update keys set version = ?3, state = ?4, description = ?5, deletion_ms = ?6, \
          policy = ?7, policy_principals = ?8, tags = ?9, pending_window_days = ?10, \
          multi_region = ?11, rotation_period_days = ?12, rotation_next_ms = ?13, \
          on_demand_ms = ?14, policy_tests = ?15 \
          where region = ?1 and key_id = ?2 and version = ?3 - 1",
};
const DELETE_KEY: Query = Query {
    name: "keys.delete",
    sql: "delete from keys where region = ?1 and key_id = ?2 and version = ?3",
};
const LIST_KEYS: Query = Query {
    name: "keys.list",
    sql: "select region, key_id, account, version, spec, usage, origin, state, description, \
          created_ms, deletion_ms, policy, policy_principals, tags, manager, \
          pending_window_days, multi_region, rotation_period_days, rotation_next_ms, \
          on_demand_ms, policy_tests, custom_key_store, xks_key_id from keys",
};
const PUT_MATERIAL: Query = Query {
    name: "materials.put",
    sql: "insert into key_materials (region, key_id, position, material_id, token, created_ms, \
          state, description, expires_ms, rotation_type, rotation_ms) \
          values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) \
          on conflict (region, key_id, material_id) do update set \
          position = excluded.position, token = excluded.token, state = excluded.state, \
          description = excluded.description, expires_ms = excluded.expires_ms, \
          rotation_type = excluded.rotation_type, rotation_ms = excluded.rotation_ms",
};
const DELETE_MATERIAL: Query = Query {
    name: "materials.delete_one",
    sql: "delete from key_materials where region = ?1 and key_id = ?2 and material_id = ?3",
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
    sql: "select region, key_id, position, material_id, token, created_ms, state, description, \
          expires_ms, rotation_type, rotation_ms from key_materials \
          order by region, key_id, position",
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
