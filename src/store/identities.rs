//! Rows of accounts, users, roles and groups, their access keys and policies.

use super::{Error, Query, Tx};

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRow {
    pub account: String,
    /// Empty if it has none.
    pub name: String,
    pub created_ms: i64,
}

/// A user, a role or a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrincipalRow {
    pub unique_id: String,
    pub account: String,
    /// `user`, `role` or `group`.
    pub kind: String,
    pub name: String,
    pub created_ms: i64,
    /// JSON object.
    pub tags: String,
    /// The permissions boundary.
    pub boundary: Option<String>,
    /// Of a role; `None` for the others.
    pub role: Option<RoleRow>,
}

/// What a role has beside what users have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleRow {
    /// The trust policy.
    pub trust: String,
    /// JSON object: the principals that the trust policy names, ARN to unique
    /// id, as they were when it was given.
    pub trust_principals: String,
    /// The longest session, seconds.
    pub max_session_s: i64,
}

/// A user in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberRow {
    pub group_id: String,
    pub user_id: String,
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

/// A policy attached to a user, role or group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityPolicyRow {
    pub owner_id: String,
    pub name: String,
    pub policy: String,
}

/// Adds an account, unless it is there.
///
/// # Errors
/// As the database answers.
pub fn ensure_account(tx: &mut dyn Tx, row: &AccountRow) -> Result<(), Error> {
    let values = [row.account.as_str().into(), row.name.as_str().into(), row.created_ms.into()];
    tx.run(&ENSURE_ACCOUNT, &values)?;
    Ok(())
}

/// Every account.
///
/// # Errors
/// As the database answers.
pub fn list_accounts(tx: &mut dyn Tx) -> Result<Vec<AccountRow>, Error> {
    tx.rows(&LIST_ACCOUNTS, &[])?
        .iter()
        .map(|row| {
            Ok(AccountRow {
                account: row.text(0)?.to_owned(),
                name: row.text(1)?.to_owned(),
                created_ms: row.int(2)?,
            })
        })
        .collect()
}

/// Adds a user, role or group.
///
/// # Errors
/// [`Error::Duplicate`] if the account has one of this kind and name.
pub fn insert_principal(tx: &mut dyn Tx, row: &PrincipalRow) -> Result<(), Error> {
    let role = row.role.as_ref();
    tx.run(
        &INSERT_PRINCIPAL,
        &[
            row.unique_id.as_str().into(),
            row.account.as_str().into(),
            row.kind.as_str().into(),
            row.name.as_str().into(),
            row.created_ms.into(),
            row.tags.as_str().into(),
            row.boundary.as_deref().into(),
            role.map(|role| role.trust.as_str()).into(),
            role.map(|role| role.trust_principals.as_str()).into(),
            role.map(|role| role.max_session_s).into(),
        ],
    )?;
    Ok(())
}

/// Removes a user, role or group with its access keys, policies and
/// memberships.
///
/// # Errors
/// [`Error::Conflict`] if it is gone.
pub fn delete_principal(tx: &mut dyn Tx, unique_id: &str) -> Result<(), Error> {
    one(tx.run(&DELETE_PRINCIPAL, &[unique_id.into()])?)?;
    tx.run(&DELETE_KEYS_OF_USER, &[unique_id.into()])?;
    tx.run(&DELETE_POLICIES_OF_OWNER, &[unique_id.into()])?;
    tx.run(&DELETE_MEMBERS_OF, &[unique_id.into()])?;
    Ok(())
}

/// Every user, role and group.
///
/// # Errors
/// As the database answers.
pub fn list_principals(tx: &mut dyn Tx) -> Result<Vec<PrincipalRow>, Error> {
    tx.rows(&LIST_PRINCIPALS, &[])?
        .iter()
        .map(|row| {
            let role = match (row.opt_text(7)?, row.opt_text(8)?, row.opt_int(9)?) {
                (Some(trust), Some(principals), Some(max_session_s)) => Some(RoleRow {
                    trust: trust.to_owned(),
                    trust_principals: principals.to_owned(),
                    max_session_s,
                }),
                _ => None,
            };
            Ok(PrincipalRow {
                unique_id: row.text(0)?.to_owned(),
                account: row.text(1)?.to_owned(),
                kind: row.text(2)?.to_owned(),
                name: row.text(3)?.to_owned(),
                created_ms: row.int(4)?,
                tags: row.text(5)?.to_owned(),
                boundary: row.opt_text(6)?.map(str::to_owned),
                role,
            })
        })
        .collect()
}

/// Replaces the tags of a user or role; JSON object.
///
/// # Errors
/// [`Error::Conflict`] if it is gone.
pub fn update_tags(tx: &mut dyn Tx, unique_id: &str, tags: &str) -> Result<(), Error> {
    one(tx.run(&UPDATE_TAGS, &[unique_id.into(), tags.into()])?)
}

/// Sets the permissions boundary of a user or role, or takes it away.
///
/// # Errors
/// [`Error::Conflict`] if the user or role is gone.
pub fn update_boundary(
    tx: &mut dyn Tx,
    unique_id: &str,
    boundary: Option<&str>,
) -> Result<(), Error> {
    one(tx.run(&UPDATE_BOUNDARY, &[unique_id.into(), boundary.into()])?)
}

/// Replaces what a role has beside what users have.
///
/// # Errors
/// [`Error::Conflict`] if it is gone.
pub fn update_role(tx: &mut dyn Tx, unique_id: &str, role: &RoleRow) -> Result<(), Error> {
    let RoleRow { trust, trust_principals, max_session_s } = role;
    let values = [
        unique_id.into(),
        trust.as_str().into(),
        trust_principals.as_str().into(),
        (*max_session_s).into(),
    ];
    one(tx.run(&UPDATE_ROLE, &values)?)
}

/// Adds a user to a group.
///
/// # Errors
/// [`Error::Duplicate`] if the user is in it.
pub fn insert_member(tx: &mut dyn Tx, row: &MemberRow) -> Result<(), Error> {
    tx.run(&INSERT_MEMBER, &[row.group_id.as_str().into(), row.user_id.as_str().into()])?;
    Ok(())
}

/// Removes a user from a group.
///
/// # Errors
/// [`Error::Conflict`] if the user is not in it.
pub fn delete_member(tx: &mut dyn Tx, row: &MemberRow) -> Result<(), Error> {
    one(tx.run(&DELETE_MEMBER, &[row.group_id.as_str().into(), row.user_id.as_str().into()])?)
}

/// Every user in every group.
///
/// # Errors
/// As the database answers.
pub fn list_members(tx: &mut dyn Tx) -> Result<Vec<MemberRow>, Error> {
    tx.rows(&LIST_MEMBERS, &[])?
        .iter()
        .map(|row| {
            Ok(MemberRow { group_id: row.text(0)?.to_owned(), user_id: row.text(1)?.to_owned() })
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
    one(tx.run(&UPDATE_STATUS, &[access_key_id.into(), active.into()])?)
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
    one(tx.run(&UPDATE_SEALED_SECRET, &[access_key_id.into(), sealed_secret.into()])?)
}

/// Removes an access key.
///
/// # Errors
/// [`Error::Conflict`] if it is gone.
pub fn delete_access_key(tx: &mut dyn Tx, access_key_id: &str) -> Result<(), Error> {
    one(tx.run(&DELETE_ACCESS_KEY, &[access_key_id.into()])?)
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
    one(tx.run(&DELETE_POLICY, &[owner_id.into(), name.into()])?)
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

/// A row that is to change must be there.
fn one(changed: u64) -> Result<(), Error> {
    if changed == 1 { Ok(()) } else { Err(Error::Conflict) }
}

const ENSURE_ACCOUNT: Query = Query {
    name: "accounts.ensure",
    sql: "insert into accounts (account, name, created_ms) values (?1, ?2, ?3) \
          on conflict (account) do nothing",
};
const LIST_ACCOUNTS: Query =
    Query { name: "accounts.list", sql: "select account, name, created_ms from accounts" };
const INSERT_PRINCIPAL: Query = Query {
    name: "principals.insert",
    sql: "insert into principals (unique_id, account, kind, name, created_ms, tags, boundary, \
          trust, trust_principals, max_session_s) \
          values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
};
const DELETE_PRINCIPAL: Query =
    Query { name: "principals.delete", sql: "delete from principals where unique_id = ?1" };
const LIST_PRINCIPALS: Query = Query {
    name: "principals.list",
    sql: "select unique_id, account, kind, name, created_ms, tags, boundary, \
          trust, trust_principals, max_session_s from principals",
};
const UPDATE_TAGS: Query = Query {
    name: "principals.update_tags",
    sql: "update principals set tags = ?2 where unique_id = ?1",
};
const UPDATE_BOUNDARY: Query = Query {
    name: "principals.update_boundary",
    sql: "update principals set boundary = ?2 where unique_id = ?1",
};
const UPDATE_ROLE: Query = Query {
    name: "principals.update_role",
    sql: "update principals set trust = ?2, trust_principals = ?3, max_session_s = ?4 \
          where unique_id = ?1",
};
const INSERT_MEMBER: Query = Query {
    name: "group_members.insert",
    sql: "insert into group_members (group_id, user_id) values (?1, ?2)",
};
const DELETE_MEMBER: Query = Query {
    name: "group_members.delete",
    sql: "delete from group_members where group_id = ?1 and user_id = ?2",
};
const DELETE_MEMBERS_OF: Query = Query {
    name: "group_members.delete_of",
    sql: "delete from group_members where group_id = ?1 or user_id = ?1",
};
const LIST_MEMBERS: Query =
    Query { name: "group_members.list", sql: "select group_id, user_id from group_members" };
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
