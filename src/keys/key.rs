//! One KMS key in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::arn::KeyArn;
use crate::base::ids::{AliasName, CustomKeyStoreId, KeyId, MaterialId, Realm};
use crate::base::spec::{
    KeyManager, KeySpec, KeyState, KeyUsage, MaterialState, MultiRegionRole, Origin, RotationType,
};
use crate::base::timestamp::DAY_MS;
use crate::hsm::{ExportedKeyToken, KeyBinding};
use crate::policy::document::Document;
use crate::policy::question::{Aliases, KeyResource};

/// A KMS key: its properties and its sealed materials. Immutable; a change
/// makes a new value with the next version.
#[derive(Clone, Debug)]
pub struct Key {
    pub arn: KeyArn,
    pub spec: KeySpec,
    pub usage: KeyUsage,
    pub origin: Origin,
    pub manager: KeyManager,
    pub state: KeyState,
    pub description: String,
    pub created_ms: i64,
    /// When a key pending deletion will be deleted, epoch milliseconds.
    pub deletion_ms: Option<i64>,
    /// The waiting period of a primary key whose replicas must be deleted
    /// first, days; it begins when the last one is.
    pub pending_window_days: Option<i64>,
    pub policy: Arc<Document>,
    pub tags: BTreeMap<String, String>,
    /// What the key is among the related keys of other Regions; `None` for a
    /// single-Region key.
    pub multi_region: Option<MultiRegionRole>,
    /// Automatic rotation, while it is on. Related multi-Region keys have the
    /// same; the primary one decides when it is due.
    pub rotation: Option<Rotation>,
    /// When a rotation on demand was asked for that has not been done yet,
    /// epoch milliseconds.
    pub on_demand_ms: Option<i64>,
    /// The tests that every policy of the key must pass: JSON.
    pub policy_tests: Option<Arc<str>>,
    /// The key of a custom key store that does the cryptography; `None` for a key of
    /// this server.
    pub remote: Option<RemoteKey>,
    /// In the order of their arrival.
    pub materials: Vec<Material>,
    /// 1 at creation, one more at each change.
    pub version: i64,
}

/// The key of a custom key store that a KMS key stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteKey {
    pub store: CustomKeyStoreId,
    /// `XksKeyId`: the ARN of the key at the remote.
    pub id: String,
}

impl RemoteKey {
    /// What names the key material behind the ARN `id`. Related multi-Region keys have
    /// one material and one id, and differ in the Region of their ARNs only (AWS KMS
    /// Developer Guide, "Multi-Region keys in AWS KMS").
    #[must_use]
    pub fn material(id: &str) -> &str {
        // The same in SQL: migration 0015.
        id.find(":key/mrk-").and_then(|at| id.get(at..)).unwrap_or(id)
    }
}

/// Automatic rotation of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    pub period_days: i64,
    /// When the next one is due, epoch milliseconds.
    pub next_ms: i64,
}

/// One material of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Material {
    pub id: MaterialId,
    /// `None` while imported material is deleted or expired: the key goes on
    /// remembering which one it had.
    pub token: Option<ExportedKeyToken>,
    pub created_ms: i64,
    pub state: MaterialState,
    /// `KeyMaterialDescription` of imported material.
    pub description: Option<String>,
    /// When imported material expires, epoch milliseconds; `None` for never.
    pub expires_ms: Option<i64>,
    /// How it became the current one; `None` for a first or a pending one.
    pub rotated: Option<Rotated>,
}

/// A rotation that was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotated {
    pub kind: RotationType,
    /// Epoch milliseconds.
    pub at_ms: i64,
}

impl Material {
    /// Whether the material waits for the rotation that makes it current.
    #[must_use]
    pub const fn is_pending(&self) -> bool {
        matches!(
            self.state,
            MaterialState::PendingRotation | MaterialState::PendingMultiRegionImportAndRotation
        )
    }

    /// Whether the material is still here although its time is over.
    #[must_use]
    pub fn has_expired(&self, now_ms: i64) -> bool {
        self.token.is_some() && self.expires_ms.is_some_and(|at| at <= now_ms)
    }
}

impl Key {
    /// The key as it counts at this moment: material that has expired is gone,
    /// whether or not it has been destroyed yet. The stored key changes only
    /// by that destruction, which has a record of its own.
    #[must_use]
    pub fn at(self: &Arc<Self>, now_ms: i64) -> Arc<Self> {
        if !self.materials.iter().any(|material| material.has_expired(now_ms)) {
            return Arc::clone(self);
        }
        let mut key = Self::clone(self);
        key.destroy_materials(|material| material.has_expired(now_ms));
        Arc::new(key)
    }

    /// The key as it counts while its custom key store is not connected.
    #[must_use]
    pub fn out_of_reach(self: &Arc<Self>) -> Arc<Self> {
        match self.state {
            KeyState::Enabled | KeyState::Disabled => {
                Arc::new(Self { state: KeyState::Unavailable, ..Self::clone(self) })
            }
            _ => Arc::clone(self),
        }
    }

    /// Destroys imported material. The key goes on knowing which ones it must
    /// have, and waits for them; one that only waited for its rotation is
    /// forgotten, but not by a replica, whose primary key still has it.
    pub fn destroy_materials(&mut self, is_gone: impl Fn(&Material) -> bool) {
        if self.multi_region == Some(MultiRegionRole::Replica) {
            self.wait_for_related_keys(&is_gone);
        } else {
            self.materials.retain(|held| !held.is_pending() || !is_gone(held));
        }
        for material in self.materials.iter_mut().filter(|material| is_gone(material)) {
            material.token = None;
            material.expires_ms = None;
        }
        if matches!(self.state, KeyState::Enabled | KeyState::Disabled) && !self.has_all_material()
        {
            self.state = KeyState::PendingImport;
        }
        if self.pending_material().is_none() {
            self.on_demand_ms = None;
        }
    }

    /// Some related key lacks material that waits for its rotation: it goes on
    /// waiting.
    pub fn wait_for_related_keys(&mut self, is_lacking: impl Fn(&Material) -> bool) {
        for material in self.materials.iter_mut().filter(|held| held.is_pending()) {
            if is_lacking(material) {
                material.state = MaterialState::PendingMultiRegionImportAndRotation;
            }
        }
    }

    /// Every related key has the material that waits for its rotation: it can
    /// be done.
    pub fn stop_waiting_for_related_keys(&mut self) {
        for material in self.materials.iter_mut().filter(|held| held.is_pending()) {
            material.state = MaterialState::PendingRotation;
        }
    }

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

    /// The material that encrypts; `None` before the first import.
    #[must_use]
    pub fn current_material(&self) -> Option<&Material> {
        self.materials.iter().find(|material| material.state == MaterialState::Current)
    }

    /// Imported material that waits to become the current one.
    #[must_use]
    pub fn pending_material(&self) -> Option<&Material> {
        self.materials.iter().find(|material| material.is_pending())
    }

    /// When the key loses the first of the materials that it needs, epoch
    /// milliseconds; one that waits for its rotation is not needed yet.
    #[must_use]
    pub fn needed_material_expires_ms(&self) -> Option<i64> {
        let needed = self.materials.iter().filter(|material| !material.is_pending());
        let held = needed.filter(|material| material.token.is_some());
        held.filter_map(|material| material.expires_ms).min()
    }

    /// When the key loses the first of the materials it has, epoch milliseconds.
    #[must_use]
    pub fn material_expires_ms(&self) -> Option<i64> {
        let held = self.materials.iter().filter(|material| material.token.is_some());
        held.filter_map(|material| material.expires_ms).min()
    }

    /// Whether every material is there that the key must have to be used: all
    /// but a pending one, and at least one.
    #[must_use]
    pub fn has_all_material(&self) -> bool {
        if self.remote.is_some() {
            return true;
        }
        let mut needed = self.materials.iter().filter(|material| !material.is_pending());
        self.current_material().is_some() && needed.all(|material| material.token.is_some())
    }

    /// Whether the key seals in our HSM what its remote seals again. It was decided
    /// when the key was made, and holds for ever.
    #[must_use]
    pub fn is_double(&self) -> bool {
        self.remote.is_some() && !self.materials.is_empty()
    }

    /// The state of the key when nothing keeps it from use: enabled, unless
    /// imported material is missing.
    #[must_use]
    pub fn usable_state(&self) -> KeyState {
        if self.has_all_material() { KeyState::Enabled } else { KeyState::PendingImport }
    }

    /// The material with this id, current or not.
    #[must_use]
    pub fn find_material(&self, id: MaterialId) -> Option<&Material> {
        self.materials.iter().find(|material| material.id == id)
    }

    /// The beginning of the waiting period after which the key is deleted.
    pub fn begin_pending_deletion(&mut self, now_ms: i64, window_days: i64) {
        self.state = KeyState::PendingDeletion;
        self.deletion_ms = Some(now_ms.saturating_add(window_days.saturating_mul(DAY_MS)));
        self.pending_window_days = None;
    }

    /// Whether the material with this id is here, and not only known.
    #[must_use]
    pub fn holds(&self, id: MaterialId) -> bool {
        self.find_material(id).is_some_and(|held| held.token.is_some())
    }

    /// The key as policies see it; `aliases` knows what it is called.
    #[must_use]
    pub fn as_resource<'a>(&'a self, aliases: &'a dyn Aliases) -> KeyResource<'a> {
        KeyResource {
            arn: &self.arn,
            spec: self.spec,
            usage: self.usage,
            origin: self.origin,
            multi_region: self.multi_region,
            tags: &self.tags,
            aliases,
            policy: &self.policy,
        }
    }

    /// Whether policies see the same key in both versions of it, and the same tests
    /// hold for its next policy: what was found out about one holds for the other.
    #[must_use]
    pub fn is_judged_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.policy, &other.policy)
            && self.tags == other.tags
            && self.multi_region == other.multi_region
            && self.policy_tests == other.policy_tests
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
