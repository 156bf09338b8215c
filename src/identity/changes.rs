//! Changes of accounts, users, roles, groups, access keys and policies.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::directory::{AccessKey, Account, Directory, Identity, RoleTerms};
use super::rows::{as_json, role_row};
use crate::policy::document::Document;
use crate::store::identities as rows;
use crate::store::{self, Change, Tx};

/// A new account; nothing if it is there.
pub struct EnsureAccount {
    pub directory: Arc<Directory>,
    pub account: Account,
}

impl Change for EnsureAccount {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), store::Error> {
        let Account { id, name, created_ms } = &self.account;
        let row = rows::AccountRow {
            account: id.to_string(),
            name: name.clone(),
            created_ms: *created_ms,
        };
        rows::ensure_account(tx, &row)
    }

    fn publish(&self) {
        self.directory.ensure_account(self.account.clone());
    }
}

/// A new user, role or group, with its tags, boundary and trust policy; its
/// policies and groups are changes of their own.
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
                tags: as_json(&identity.tags)?,
                boundary: identity.boundary.as_ref().map(|policy| policy.text().to_owned()),
                role: identity.role.as_ref().map(role_row).transpose()?,
            },
        )
    }

    fn publish(&self) {
        self.directory.put(Arc::clone(&self.identity));
    }
}

/// The end of a user, role or group, its access keys, attached policies and
/// memberships.
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
        self.directory.update(&self.owner_id, |owner| match &self.document {
            Some(document) => {
                owner.policies.insert(self.name.clone(), Arc::clone(document));
            }
            None => {
                owner.policies.remove(&self.name);
            }
        });
    }
}

/// A permissions boundary put (`Some`) or taken away (`None`).
pub struct SetBoundary {
    pub directory: Arc<Directory>,
    pub owner_id: String,
    pub document: Option<Arc<Document>>,
}

impl Change for SetBoundary {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), store::Error> {
        rows::update_boundary(tx, &self.owner_id, self.document.as_deref().map(Document::text))
    }

    fn publish(&self) {
        self.directory.update(&self.owner_id, |owner| owner.boundary.clone_from(&self.document));
    }
}

/// Other tags.
pub struct SetTags {
    pub directory: Arc<Directory>,
    pub owner_id: String,
    pub tags: BTreeMap<String, String>,
}

impl Change for SetTags {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), store::Error> {
        rows::update_tags(tx, &self.owner_id, &as_json(&self.tags)?)
    }

    fn publish(&self) {
        self.directory.update(&self.owner_id, |owner| owner.tags.clone_from(&self.tags));
    }
}

/// A role that others may assume, or for another time.
pub struct UpdateRole {
    pub directory: Arc<Directory>,
    pub role_id: String,
    pub terms: RoleTerms,
}

impl Change for UpdateRole {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), store::Error> {
        rows::update_role(tx, &self.role_id, &role_row(&self.terms)?)
    }

    fn publish(&self) {
        self.directory.update(&self.role_id, |role| role.role = Some(self.terms.clone()));
    }
}

/// A user who joins a group (`joins`) or leaves it.
pub struct SetMembership {
    pub directory: Arc<Directory>,
    pub user_id: String,
    pub group_id: String,
    pub joins: bool,
}

impl Change for SetMembership {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), store::Error> {
        let row =
            rows::MemberRow { group_id: self.group_id.clone(), user_id: self.user_id.clone() };
        match self.joins {
            true => rows::insert_member(tx, &row),
            false => rows::delete_member(tx, &row),
        }
    }

    fn publish(&self) {
        self.directory.update(&self.user_id, |user| {
            match self.joins {
                true => user.groups.insert(self.group_id.clone()),
                false => user.groups.remove(&self.group_id),
            };
        });
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
