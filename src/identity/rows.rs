//! Accounts and identities as rows, and back: every row read into memory at
//! start.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use super::directory::{AccessKey, Account, Directory, Identity, Kind, RoleTerms};
use crate::base::ids::AccountId;
use crate::policy::document::Document;
use crate::policy::engine::Engine;
use crate::policy::error::CompileError;
use crate::policy::principal::PrincipalId;
use crate::store::identities as rows;
use crate::store::{self, Tx};

/// Why the rows did not become identities.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("the database cannot be read")]
    Store(#[from] store::Error),
    #[error("the row of principal `{0}` does not make sense")]
    Row(String),
    #[error("policy `{name}` of `{owner}` no longer compiles")]
    Policy { owner: String, name: String, source: CompileError },
}

/// What hangs on users, roles and groups, by their unique ids.
#[derive(Default)]
struct Held {
    policies: BTreeMap<String, BTreeMap<String, Arc<Document>>>,
    groups: BTreeMap<String, BTreeSet<String>>,
}

/// Reads every account, user, role, group, access key and policy.
///
/// # Errors
/// A row that does not make sense stops the start: an identity without one of
/// its policies could be allowed more than it should.
pub fn load(tx: &mut dyn Tx, engine: &Engine, directory: &Directory) -> Result<(), LoadError> {
    for row in rows::list_accounts(tx)? {
        let Some(id) = AccountId::parse(&row.account) else {
            return Err(LoadError::Row(row.account));
        };
        directory.ensure_account(Account { id, name: row.name, created_ms: row.created_ms });
    }
    let mut held = Held::default();
    for row in rows::list_policies(tx)? {
        let document = engine
            .compile_identity_policy(&row.policy)
            .map_err(|source| refused(&row.owner_id, &row.name, source))?;
        held.policies.entry(row.owner_id).or_default().insert(row.name, document);
    }
    for row in rows::list_members(tx)? {
        held.groups.entry(row.user_id).or_default().insert(row.group_id);
    }
    for row in rows::list_principals(tx)? {
        directory.put(Arc::new(load_identity(engine, row, &mut held)?));
    }
    for row in rows::list_access_keys(tx)? {
        directory.put_access_key(Arc::new(AccessKey {
            id: row.access_key_id,
            user_id: row.user_id,
            sealed_secret: row.sealed_secret,
            active: row.active,
            created_ms: row.created_ms,
        }));
    }
    Ok(())
}

fn load_identity(
    engine: &Engine,
    row: rows::PrincipalRow,
    held: &mut Held,
) -> Result<Identity, LoadError> {
    let id = row.unique_id.as_str();
    let bad_row = || LoadError::Row(id.to_owned());
    let kind = Kind::parse(&row.kind).ok_or_else(bad_row)?;
    if row.role.is_some() != (kind == Kind::Role) {
        return Err(bad_row());
    }
    let boundary = row.boundary.as_deref().map(|text| {
        let compiled = engine.compile_identity_policy(text);
        compiled.map_err(|source| refused(id, "permissions boundary", source))
    });
    Ok(Identity {
        account: AccountId::parse(&row.account).ok_or_else(bad_row)?,
        kind,
        policies: held.policies.remove(id).unwrap_or_default(),
        groups: held.groups.remove(id).unwrap_or_default(),
        tags: serde_json::from_str(&row.tags).map_err(|_bad| bad_row())?,
        boundary: boundary.transpose()?,
        role: row.role.as_ref().map(|role| load_terms(engine, id, role)).transpose()?,
        name: row.name,
        created_ms: row.created_ms,
        unique_id: row.unique_id,
    })
}

fn load_terms(engine: &Engine, id: &str, row: &rows::RoleRow) -> Result<RoleTerms, LoadError> {
    let bad_row = || LoadError::Row(id.to_owned());
    let principals: BTreeMap<String, PrincipalId> =
        serde_json::from_str(&row.trust_principals).map_err(|_bad| bad_row())?;
    let trust = engine
        .compile_trust_policy(&row.trust, &principals)
        .map_err(|source| refused(id, "trust policy", source))?;
    Ok(RoleTerms { trust, max_session_s: row.max_session_s })
}

fn refused(owner: &str, name: &str, source: CompileError) -> LoadError {
    LoadError::Policy { owner: owner.to_owned(), name: name.to_owned(), source }
}

pub(super) fn role_row(terms: &RoleTerms) -> Result<rows::RoleRow, store::Error> {
    Ok(rows::RoleRow {
        trust: terms.trust.text().to_owned(),
        trust_principals: as_json(terms.trust.resolved())?,
        max_session_s: terms.max_session_s,
    })
}

/// Maps of text, which always become JSON.
pub(super) fn as_json(value: &impl Serialize) -> Result<String, store::Error> {
    serde_json::to_string(value).map_err(|_never| store::Error::Conflict)
}
