//! A new KMS key and its first material.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::custom_stores::CustomKeyStore;
use super::key::{Key, Material, RemoteKey};
use crate::base::arn::KeyArn;
use crate::base::ids::KeyId;
use crate::base::spec::{
    KeyManager, KeySpec, KeyState, KeyUsage, MaterialState, MultiRegionRole, Origin,
};
use crate::hsm::{self, Hsm};
use crate::policy::decision::Permit;
use crate::policy::document::Document;

/// What was chosen for a new key.
#[derive(Debug)]
pub struct NewKey {
    pub arn: KeyArn,
    pub spec: KeySpec,
    pub usage: KeyUsage,
    pub origin: Origin,
    pub manager: KeyManager,
    pub description: String,
    pub tags: BTreeMap<String, String>,
    pub policy: Arc<Document>,
    pub created_ms: i64,
    /// Where its cryptography is done, if not here.
    pub remote: Option<NewRemote>,
}

/// A new key of a custom key store.
#[derive(Debug)]
pub struct NewRemote {
    pub key: RemoteKey,
    /// The store as it was when its remote was asked for the key.
    pub store: Arc<CustomKeyStore>,
    /// Whether it gets material of its own as well: see [`Key::is_double`].
    pub is_double: bool,
}

/// A new random key id.
///
/// # Errors
/// If the HSM has no randomness.
pub fn generate_id(hsm: &Hsm, multi_region: bool) -> Result<KeyId, hsm::Error> {
    let mut random = [0; 16];
    hsm.fill_random(&mut random)?;
    Ok(match multi_region {
        true => KeyId::from_bytes(random, true),
        false => KeyId::from_random(random),
    })
}

/// Makes the key: enabled with fresh material, or waiting for its import; one of a
/// custom key store is enabled without, unless it is double. The
/// permit says that keys may be created in the account. A key with a
/// multi-Region id is the primary one.
///
/// # Errors
/// As the HSM answers.
pub fn create(hsm: &Hsm, _permit: &Permit, new: NewKey) -> Result<Key, hsm::Error> {
    let arn = new.arn;
    let is_elsewhere = new.remote.as_ref().is_some_and(|remote| !remote.is_double);
    let materials = match new.origin == Origin::External || is_elsewhere {
        true => Vec::new(),
        false => vec![generate_material(hsm, &arn, new.spec, new.created_ms)?],
    };
    let is_waiting = new.origin == Origin::External;
    let multi_region = arn.id.is_multi_region().then_some(MultiRegionRole::Primary);
    Ok(Key {
        arn,
        spec: new.spec,
        usage: new.usage,
        origin: new.origin,
        manager: new.manager,
        state: if is_waiting { KeyState::PendingImport } else { KeyState::Enabled },
        description: new.description,
        created_ms: new.created_ms,
        deletion_ms: None,
        pending_window_days: None,
        policy: new.policy,
        tags: new.tags,
        multi_region,
        rotation: None,
        on_demand_ms: None,
        policy_tests: None,
        remote: new.remote.map(|remote| remote.key),
        materials,
        version: 1,
    })
}

/// Fresh material for a key, its current one from now on.
///
/// # Errors
/// As the HSM answers.
pub fn generate_material(
    hsm: &Hsm,
    arn: &KeyArn,
    spec: KeySpec,
    now_ms: i64,
) -> Result<Material, hsm::Error> {
    let generated = hsm.generate_key(&arn.region, &arn.account, arn.id, spec)?;
    Ok(Material {
        id: generated.material_id,
        token: Some(generated.token),
        created_ms: now_ms,
        state: MaterialState::Current,
        description: None,
        expires_ms: None,
        rotated: None,
    })
}
