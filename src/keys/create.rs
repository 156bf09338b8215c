//! A new KMS key and its first material.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::key::{Key, Material};
use crate::base::arn::KeyArn;
use crate::base::ids::{KeyId, Realm};
use crate::base::spec::{KeySpec, KeyState, KeyUsage, Origin};
use crate::hsm::{self, Hsm};
use crate::policy::decision::Permit;
use crate::policy::document::Document;

/// What the caller chose for a new key.
#[derive(Debug)]
pub struct NewKey {
    pub realm: Realm,
    pub id: KeyId,
    pub spec: KeySpec,
    pub usage: KeyUsage,
    pub description: String,
    pub tags: BTreeMap<String, String>,
    pub policy: Arc<Document>,
    pub created_ms: i64,
}

/// A new random key id.
///
/// # Errors
/// If the HSM has no randomness.
pub fn generate_id(hsm: &Hsm) -> Result<KeyId, hsm::Error> {
    let mut random = [0; 16];
    hsm.fill_random(&mut random)?;
    Ok(KeyId::from_random(random))
}

/// Makes the key, enabled, with fresh material. The permit says that the
/// caller may create keys in the realm's account.
///
/// # Errors
/// As the HSM answers.
pub fn create(hsm: &Hsm, _permit: &Permit, new: NewKey) -> Result<Key, hsm::Error> {
    let arn = KeyArn { region: new.realm.region, account: new.realm.account, id: new.id };
    let generated = hsm.generate_key(&arn.region, &arn.account, arn.id, new.spec)?;
    let material =
        Material { id: generated.material_id, token: generated.token, created_ms: new.created_ms };
    Ok(Key {
        arn,
        spec: new.spec,
        usage: new.usage,
        origin: Origin::AwsKms,
        state: KeyState::Enabled,
        description: new.description,
        created_ms: new.created_ms,
        deletion_ms: None,
        policy: new.policy,
        tags: new.tags,
        materials: vec![material],
        version: 1,
    })
}
