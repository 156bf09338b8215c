//! Related multi-Region keys: one primary key and its replicas, at most one a
//! Region. They share id, material, spec, usage, origin and rotation; all else
//! is each key's own (AWS KMS Developer Guide, "Multi-Region keys").

use std::collections::BTreeMap;
use std::sync::Arc;

use super::changes::UpdateKey;
use super::key::{Key, Material};
use super::registry::Registry;
use crate::base::arn::KeyArn;
use crate::base::ids::Region;
use crate::base::spec::{MultiRegionRole, Origin};
use crate::hsm::{self, Hsm};
use crate::policy::actions::Action;
use crate::policy::decision::Permit;
use crate::policy::document::Document;

/// Why a key was not replicated.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The permit is for something else: a fault of the server.
    #[error("the permit does not cover the replication of the key")]
    Permit,
    #[error("the software HSM failed")]
    Hsm(#[from] hsm::Error),
}

/// What a replica does not share with its primary key.
#[derive(Debug)]
pub struct NewReplica {
    pub region: Region,
    pub description: String,
    pub tags: BTreeMap<String, String>,
    pub policy: Arc<Document>,
    pub created_ms: i64,
}

impl Key {
    /// Whether this is the primary one of related multi-Region keys.
    #[must_use]
    pub fn is_primary(&self) -> bool {
        self.multi_region == Some(MultiRegionRole::Primary)
    }
}

/// The other ones of related keys; none of a single-Region key.
#[must_use]
pub fn others(registry: &Registry, key: &Key) -> Vec<Arc<Key>> {
    if key.multi_region.is_none() {
        return Vec::new();
    }
    let mut related = registry.related(&key.arn.account, key.id());
    related.retain(|other| other.arn != key.arn);
    related
}

/// The replicas of a primary key; none of any other key.
#[must_use]
pub fn replicas(registry: &Registry, key: &Key) -> Vec<Arc<Key>> {
    if key.is_primary() { others(registry, key) } else { Vec::new() }
}

/// A replica of `primary`. Imported material does not travel: the replica
/// knows which materials it lacks, and waits for the import of the same bytes.
///
/// # Errors
/// [`Error::Permit`] for a permit of another key or use; else as the HSM
/// answers.
pub fn replicate(hsm: &Hsm, permit: &Permit, primary: &Key, new: NewReplica) -> Result<Key, Error> {
    if !permit.is_for(&primary.arn, &[Action::REPLICATE_KEY]) {
        return Err(Error::Permit);
    }
    let materials = primary.materials.iter();
    let mut replica = Key {
        arn: KeyArn { region: new.region.clone(), ..primary.arn.clone() },
        spec: primary.spec,
        usage: primary.usage,
        origin: primary.origin,
        manager: primary.manager,
        state: primary.state,
        description: new.description,
        created_ms: new.created_ms,
        deletion_ms: None,
        pending_window_days: None,
        policy: new.policy,
        tags: new.tags,
        multi_region: Some(MultiRegionRole::Replica),
        rotation: primary.rotation,
        on_demand_ms: primary.on_demand_ms,
        policy_tests: None,
        remote: None,
        materials: materials
            .map(|material| share_material(hsm, primary, material, &new.region))
            .collect::<Result<_, _>>()?,
        version: 1,
    };
    replica.state = replica.usable_state();
    replica.wait_for_related_keys(|_| true);
    Ok(replica)
}

/// A material of `primary` as its replica in `region` has it.
///
/// # Errors
/// As the HSM answers.
pub fn share_material(
    hsm: &Hsm,
    primary: &Key,
    material: &Material,
    region: &Region,
) -> Result<Material, hsm::Error> {
    if primary.origin == Origin::External {
        let imported = Material { token: None, description: None, expires_ms: None, ..*material };
        return Ok(imported);
    }
    let rebind = |token| hsm.rebind_key(token, &primary.binding(material.id), region);
    Ok(Material { token: material.token.as_ref().map(rebind).transpose()?, ..material.clone() })
}

/// Both keys change roles; all else that the primary key says for its replicas
/// they have already.
#[must_use]
pub fn change_primary(
    registry: &Arc<Registry>,
    primary: &Arc<Key>,
    replica: &Arc<Key>,
) -> [Box<UpdateKey>; 2] {
    let as_role = |key, role| UpdateKey::new(registry, key, |key| key.multi_region = Some(role));
    [as_role(primary, MultiRegionRole::Replica), as_role(replica, MultiRegionRole::Primary)]
}
