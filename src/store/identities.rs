//! Rows of users, roles, their access keys and their policies.

use super::{Error, Query, Tx};

/// A user or a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrincipalRow {
    pub unique_id: String,
    pub account: String,
    /// `user` or `role`.
    pub kind: String,
    pub name: String,
    pub created_ms: i64,
}

/// An access key of a user; the secret is sealed by the HSM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessKeyRow {
    pub access_key_id: String,
    pub user_id: String,
    pub sealed_secret: Vec<u8>,
    pub active: bool,
    pub created_ms: i64,
}

/// A policy attached to a user or role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityPolicyRow {
    pub owner_id: String,
    pub name: String,
    pub policy: String,
}

/// Adds a user or role.
///
/// # Errors
/// [`Error::Duplicate`] if the account has one of this kind and name.
pub fn insert_principal(tx: &mut dyn Tx, row: &PrincipalRow) -> Result<(), Error> {
    tx.run(
        &INSERT_PRINCIPAL,
        &[
            row.unique_id.as_str().into(),
            row.account.as_str().into(),
            row.kind.as_str().into(),
            row.name.as_str().into(),
            row.created_ms.into(),
        ],
    )?;
    Ok(())
}

/// Removes a user or role with its access keys and policies.
///
/// # Errors
/// [`Error::Conflict`] if it is gone.
pub fn delete_principal(tx: &mut dyn Tx, unique_id: &str) -> Result<(), Error> {
    if tx.run(&DELETE_PRINCIPAL, &[unique_id.into()])? != 1 {
        return Err(Error::Conflict);
    }
    tx.run(&DELETE_KEYS_OF_USER, &[unique_id.into()])?;
    tx.run(&DELETE_POLICIES_OF_OWNER, &[unique_id.into()])?;
    Ok(())
}

/// Every user and role.
///
/// # Errors
/// As the database answers.
pub fn list_principals(tx: &mut dyn Tx) -> Result<Vec<PrincipalRow>, Error> {
    tx.rows(&LIST_PRINCIPALS, &[])?
        .iter()
        .map(|row| {
            Ok(PrincipalRow {
                unique_id: row.text(0)?.to_owned(),
                account: row.text(1)?.to_owned(),
                kind: row.text(2)?.to_owned(),
                name: row.text(3)?.to_owned(),
                created_ms: row.int(4)?,
            })
        })
        .collect()
}

/// Adds an access key.
///
/// # Errors
/// [`Error::Duplicate`] if the id is taken.
pub fn insert_access_key(tx: &mut dyn Tx, row: &AccessKeyRow) -> Result<(), Error> {
    tx.run(
        &INSERT_ACCESS_KEY,
        &[
            row.access_key_id.as_str().into(),
            row.user_id.as_str().into(),
            row.sealed_secret.as_slice().into(),
            row.active.into(),
            row.created_ms.into(),
        ],
    )?;
    Ok(())
}

/// Activates or deactivates an access key.
///
/// # Errors
/// [`Error::Conflict`] if it is gone.
pub fn update_status(tx: &mut dyn Tx, access_key_id: &str, active: bool) -> Result<(), Error> {
    match tx.run(&UPDATE_STATUS, &[access_key_id.into(), active.into()])? {
        1 => Ok(()),
        _ => Err(Error::Conflict),
    }
}

/// Replaces the sealed secret of an access key: the same secret under a newer
/// domain key.
///
/// # Errors
/// [`Error::Conflict`] if it is gone.
pub fn update_sealed_secret(
    tx: &mut dyn Tx,
    access_key_id: &str,
    sealed_secret: &[u8],
) -> Result<(), Error> {
    match tx.run(&UPDATE_SEALED_SECRET, &[access_key_id.into(), sealed_secret.into()])? {
        1 => Ok(()),
        _ => Err(Error::Conflict),
    }
}

/// Removes an access key.
///
/// # Errors
/// [`Error::Conflict`] if it is gone.
pub fn delete_access_key(tx: &mut dyn Tx, access_key_id: &str) -> Result<(), Error> {
    match tx.run(&DELETE_ACCESS_KEY, &[access_key_id.into()])? {
        1 => Ok(()),
        _ => Err(Error::Conflict),
    }
}

/// Every access key.
///
/// # Errors
/// As the database answers.
pub fn list_access_keys(tx: &mut dyn Tx) -> Result<Vec<AccessKeyRow>, Error> {
    tx.rows(&LIST_ACCESS_KEYS, &[])?
        .iter()
        .map(|row| {
            Ok(AccessKeyRow {
                access_key_id: row.text(0)?.to_owned(),
                user_id: row.text(1)?.to_owned(),
                sealed_secret: row.blob(2)?.to_vec(),
                active: row.bool(3)?,
                created_ms: row.int(4)?,
            })
        })
        .collect()
}

/// Attaches a policy, replacing one of the same name.
///
/// # Errors
/// As the database answers.
pub fn put_policy(tx: &mut dyn Tx, row: &IdentityPolicyRow) -> Result<(), Error> {
    tx.run(
        &PUT_POLICY,
        &[row.owner_id.as_str().into(), row.name.as_str().into(), row.policy.as_str().into()],
    )?;
    Ok(())
}

/// Detaches a policy.
///
/// # Errors
/// [`Error::Conflict`] if it is gone.
pub fn delete_policy(tx: &mut dyn Tx, owner_id: &str, name: &str) -> Result<(), Error> {
    match tx.run(&DELETE_POLICY, &[owner_id.into(), name.into()])? {
        1 => Ok(()),
        _ => Err(Error::Conflict),
    }
}

/// Every attached policy.
///
/// # Errors
/// As the database answers.
pub fn list_policies(tx: &mut dyn Tx) -> Result<Vec<IdentityPolicyRow>, Error> {
    tx.rows(&LIST_POLICIES, &[])?
        .iter()
        .map(|row| {
            Ok(IdentityPolicyRow {
                owner_id: row.text(0)?.to_owned(),
                name: row.text(1)?.to_owned(),
                policy: row.text(2)?.to_owned(),
            })
        })
        .collect()
}

const INSERT_PRINCIPAL: Query = Query {
    name: "principals.insert",
    sql: "insert into principals (unique_id, account, kind, name, created_ms) \
          values (?1, ?2, ?3, ?4, ?5)",
};
const DELETE_PRINCIPAL: Query =
    Query { name: "principals.delete", sql: "delete from principals where unique_id = ?1" };
const LIST_PRINCIPALS: Query = Query {
    name: "principals.list",
    sql: "select unique_id, account, kind, name, created_ms from principals",
};
const INSERT_ACCESS_KEY: Query = Query {
    name: "access_keys.insert",
    sql: "insert into access_keys (access_key_id, user_id, sealed_secret, active, created_ms) \
          values (?1, ?2, ?3, ?4, ?5)",
};
const UPDATE_STATUS: Query = Query {
    name: "access_keys.update_status",
    sql: "update access_keys set active = ?2 where access_key_id = ?1",
};
const UPDATE_SEALED_SECRET: Query = Query {
    name: "access_keys.update_sealed_secret",
    sql: "update access_keys set sealed_secret = ?2 where access_key_id = ?1",
};
const DELETE_ACCESS_KEY: Query =
    Query { name: "access_keys.delete", sql: "delete from access_keys where access_key_id = ?1" };
const DELETE_KEYS_OF_USER: Query =
    Query { name: "access_keys.delete_of_user", sql: "delete from access_keys where user_id = ?1" };
const LIST_ACCESS_KEYS: Query = Query {
    name: "access_keys.list",
    sql: "select access_key_id, user_id, sealed_secret, active, created_ms from access_keys",
};
const PUT_POLICY: Query = Query {
    name: "identity_policies.put",
    sql: "insert into identity_policies (owner_id, name, policy) values (?1, ?2, ?3) \
          on conflict (owner_id, name) do update set policy = excluded.policy",
};
const DELETE_POLICY: Query = Query {
    name: "identity_policies.delete",
    sql: "delete from identity_policies where owner_id = ?1 and name = ?2",
};
const DELETE_POLICIES_OF_OWNER: Query = Query {
    name: "identity_policies.delete_of_owner",
    sql: "delete from identity_policies where owner_id = ?1",
};
const LIST_POLICIES: Query = Query {
    name: "identity_policies.list",
    sql: "select owner_id, name, policy from identity_policies",
};
