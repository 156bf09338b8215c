//! Changes of users, roles, access keys and attached policies, and the way
//! back: every row read into memory at start.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::directory::{AccessKey, Directory, Identity, Kind};
use crate::base::ids::AccountId;
use crate::policy::document::Document;
use crate::policy::engine::Engine;
use crate::policy::error::CompileError;
use crate::store::identities as rows;
use crate::store::{self, Change, Tx};

/// A new user or role.
pub struct CreateIdentity {
    pub directory: Arc<Directory>,
    pub identity: Arc<Identity>,
}

impl Change for CreateIdentity {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), store::Error> {
        let identity = &self.identity;
        rows::insert_principal(
            tx,
            &rows::PrincipalRow {
                unique_id: identity.unique_id.clone(),
                account: identity.account.to_string(),
                kind: identity.kind.as_str().to_owned(),
                name: identity.name.clone(),
                created_ms: identity.created_ms,
            },
        )
    }

    fn publish(&self) {
        self.directory.put(Arc::clone(&self.identity));
    }
}

/// The end of a user or role, its access keys and attached policies.
pub struct DeleteIdentity {
    pub directory: Arc<Directory>,
    pub identity: Arc<Identity>,
}

impl Change for DeleteIdentity {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), store::Error> {
        rows::delete_principal(tx, &self.identity.unique_id)
    }

    fn publish(&self) {
        self.directory.remove(&self.identity);
    }
}

/// A policy attached (`Some`) or detached (`None`).
pub struct SetPolicy {
    pub directory: Arc<Directory>,
    pub owner_id: String,
    pub name: String,
    pub document: Option<Arc<Document>>,
}

impl Change for SetPolicy {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), store::Error> {
        match &self.document {
            Some(document) => rows::put_policy(
                tx,
                &rows::IdentityPolicyRow {
                    owner_id: self.owner_id.clone(),
                    name: self.name.clone(),
                    policy: document.text().to_owned(),
                },
            ),
            None => rows::delete_policy(tx, &self.owner_id, &self.name),
        }
    }

    fn publish(&self) {
        self.directory.set_policy(&self.owner_id, &self.name, self.document.clone());
    }
}

/// A new access key.
pub struct CreateAccessKey {
    pub directory: Arc<Directory>,
    pub key: Arc<AccessKey>,
}

impl Change for CreateAccessKey {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), store::Error> {
        rows::insert_access_key(tx, &access_key_row(&self.key))
    }

    fn publish(&self) {
        self.directory.put_access_key(Arc::clone(&self.key));
    }
}

/// An access key under a newer domain key: the secret alone changes.
pub struct ResealAccessKey {
    pub directory: Arc<Directory>,
    pub id: String,
    pub sealed_secret: Vec<u8>,
}

impl Change for ResealAccessKey {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), store::Error> {
        rows::update_sealed_secret(tx, &self.id, &self.sealed_secret)
    }

    fn publish(&self) {
        self.directory.set_sealed_secret(&self.id, &self.sealed_secret);
    }
}

/// An access key with another status.
pub struct UpdateAccessKey {
    pub directory: Arc<Directory>,
    pub key: Arc<AccessKey>,
}

impl Change for UpdateAccessKey {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), store::Error> {
        rows::update_status(tx, &self.key.id, self.key.active)
    }

    fn publish(&self) {
        self.directory.put_access_key(Arc::clone(&self.key));
    }
}

/// The end of an access key.
pub struct DeleteAccessKey {
    pub directory: Arc<Directory>,
    pub id: String,
}

impl Change for DeleteAccessKey {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), store::Error> {
        rows::delete_access_key(tx, &self.id)
    }

    fn publish(&self) {
        self.directory.remove_access_key(&self.id);
    }
}

fn access_key_row(key: &AccessKey) -> rows::AccessKeyRow {
    rows::AccessKeyRow {
        access_key_id: key.id.clone(),
        user_id: key.user_id.clone(),
        sealed_secret: key.sealed_secret.clone(),
        active: key.active,
        created_ms: key.created_ms,
    }
}

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

/// Reads every user, role, access key and attached policy.
///
/// # Errors
/// A row that does not make sense stops the start: an identity without one of
/// its policies could be allowed more than it should.
pub fn load(tx: &mut dyn Tx, engine: &Engine, directory: &Directory) -> Result<(), LoadError> {
    let mut policies: BTreeMap<String, BTreeMap<String, Arc<Document>>> = BTreeMap::new();
    for row in rows::list_policies(tx)? {
        let document = engine.compile_identity_policy(&row.policy).map_err(|source| {
            LoadError::Policy { owner: row.owner_id.clone(), name: row.name.clone(), source }
        })?;
        policies.entry(row.owner_id).or_default().insert(row.name, document);
    }
    for row in rows::list_principals(tx)? {
        let bad_row = || LoadError::Row(row.unique_id.clone());
        let identity = Identity {
            account: AccountId::parse(&row.account).ok_or_else(bad_row)?,
            kind: Kind::parse(&row.kind).ok_or_else(bad_row)?,
            policies: policies.remove(&row.unique_id).unwrap_or_default(),
            unique_id: row.unique_id,
            name: row.name,
            created_ms: row.created_ms,
        };
        directory.put(Arc::new(identity));
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
