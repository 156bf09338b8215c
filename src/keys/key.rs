//! One KMS key in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::arn::KeyArn;
use crate::base::ids::{AliasName, KeyId, MaterialId, Realm};
use crate::base::spec::{KeySpec, KeyState, KeyUsage, Origin};
use crate::hsm::{ExportedKeyToken, KeyBinding};
use crate::policy::document::Document;

/// A KMS key: its properties and its sealed materials. Immutable; a change
/// makes a new value with the next version.
#[derive(Clone, Debug)]
pub struct Key {
    pub arn: KeyArn,
    pub spec: KeySpec,
    pub usage: KeyUsage,
    pub origin: Origin,
    pub state: KeyState,
    pub description: String,
    pub created_ms: i64,
    /// When a key pending deletion will be deleted, epoch milliseconds.
    pub deletion_ms: Option<i64>,
    pub policy: Arc<Document>,
    pub tags: BTreeMap<String, String>,
    /// Oldest first; the last is the one that encrypts.
    pub materials: Vec<Material>,
    /// 1 at creation, one more at each change.
    pub version: i64,
}

/// One material of a key.
#[derive(Clone, Debug)]
pub struct Material {
    pub id: MaterialId,
    pub token: ExportedKeyToken,
    pub created_ms: i64,
}

impl Key {
    /// The account and Region the key lives in.
    #[must_use]
    pub fn realm(&self) -> Realm {
        Realm { account: self.arn.account.clone(), region: self.arn.region.clone() }
    }

    /// The bare id.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.arn.id
    }

    /// The material that encrypts; `None` while nothing is imported.
    #[must_use]
    pub fn current_material(&self) -> Option<&Material> {
        self.materials.last()
    }

    /// The material with this id, current or not.
    #[must_use]
    pub fn find_material(&self, id: MaterialId) -> Option<&Material> {
        self.materials.iter().find(|material| material.id == id)
    }

    /// What a material's token is bound to.
    #[must_use]
    pub fn binding(&self, material_id: MaterialId) -> KeyBinding<'_> {
        KeyBinding {
            region: &self.arn.region,
            account: &self.arn.account,
            key_id: self.arn.id,
            material_id,
            spec: self.spec,
        }
    }

    /// The same key, one version on, with `change` made.
    #[must_use]
    pub fn changed(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut next = self.clone();
        next.version = self.version.saturating_add(1);
        change(&mut next);
        next
    }
}

/// An alias and the key it points to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    pub realm: Realm,
    pub name: AliasName,
    pub target: KeyId,
    pub created_ms: i64,
    pub updated_ms: i64,
    /// 1 at creation, one more at each change.
    pub version: i64,
}
