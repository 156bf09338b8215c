//! Keys and aliases as rows, and back: every row read into memory at start.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::key::{Alias, Key, Material, RemoteKey, Rotated, Rotation};
use super::registry::Registry;
use crate::base::arn::KeyArn;
use crate::base::ids::{AccountId, AliasName, CustomKeyStoreId, KeyId, MaterialId, Realm, Region};
use crate::base::spec::{
    KeyManager, KeySpec, KeyState, KeyUsage, MaterialState, MultiRegionRole, Origin, RotationType,
};
use crate::hsm::ExportedKeyToken;
use crate::policy::document::Document;
use crate::policy::engine::Engine;
use crate::policy::principal::PrincipalId;
use crate::store::keys as rows;
use crate::store::{self, Tx};

/// Why the rows did not become keys.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("the database cannot be read")]
    Store(#[from] store::Error),
    #[error("the row of {what} `{id}` does not make sense")]
    Row { what: &'static str, id: String },
    #[error("the policy of key `{0}` no longer compiles")]
    Policy(String, #[source] crate::policy::error::CompileError),
}

/// Reads every key and alias.
///
/// # Errors
/// A row that does not make sense stops the start: a server that silently
/// forgets a key would be worse.
pub fn load(tx: &mut dyn Tx, engine: &Engine, registry: &Registry) -> Result<(), LoadError> {
    let mut materials: BTreeMap<(String, String), Vec<Material>> = BTreeMap::new();
    for row in rows::list_materials(tx)? {
        let material = load_material(&row)
            .ok_or_else(|| LoadError::Row { what: "material", id: row.material_id.clone() })?;
        materials.entry((row.region, row.key_id)).or_default().push(material);
    }
    for row in rows::list_keys(tx)? {
        let own = materials.remove(&(row.region.clone(), row.key_id.clone())).unwrap_or_default();
        registry.put(Arc::new(load_key(engine, &row, own)?));
    }
    for row in rows::list_aliases(tx)? {
        let alias = load_alias(&row)
            .ok_or_else(|| LoadError::Row { what: "alias", id: row.name.clone() })?;
        registry.put_alias(alias);
    }
    Ok(())
}

fn load_key(
    engine: &Engine,
    row: &rows::KeyRow,
    materials: Vec<Material>,
) -> Result<Key, LoadError> {
    let bad_row = || LoadError::Row { what: "key", id: row.key_id.clone() };
    let principals: BTreeMap<String, PrincipalId> =
        serde_json::from_str(&row.policy_principals).map_err(|_bad| bad_row())?;
    let policy: Arc<Document> = match KeyManager::parse(&row.manager) {
        Some(KeyManager::Aws) => engine.managed_key_policy(&row.policy),
        _ => engine.compile_key_policy(&row.policy, &principals),
    }
    .map_err(|error| LoadError::Policy(row.key_id.clone(), error))?;
    let parsed = || {
        Some(Key {
            arn: KeyArn {
                region: Region::parse(&row.region)?,
                account: AccountId::parse(&row.account)?,
                id: KeyId::parse(&row.key_id)?,
            },
            spec: KeySpec::parse(&row.spec)?,
            usage: KeyUsage::parse(&row.usage)?,
            origin: Origin::parse(&row.origin)?,
            manager: KeyManager::parse(&row.manager)?,
            state: KeyState::parse(&row.state)?,
            description: row.description.clone(),
            created_ms: row.created_ms,
            deletion_ms: row.deletion_ms,
            pending_window_days: row.pending_window_days,
            policy,
            tags: serde_json::from_str(&row.tags).ok()?,
            multi_region: parse_opt(row.multi_region.as_deref(), MultiRegionRole::parse)?,
            rotation: match (row.rotation_period_days, row.rotation_next_ms) {
                (None, None) => None,
                (Some(period_days), Some(next_ms)) => Some(Rotation { period_days, next_ms }),
                _ => return None,
            },
            on_demand_ms: row.on_demand_ms,
            policy_tests: row.policy_tests.as_deref().map(Arc::from),
            remote: match (row.custom_key_store.as_deref(), &row.xks_key_id) {
                (None, None) => None,
                (Some(store), Some(id)) => {
                    Some(RemoteKey { store: CustomKeyStoreId::parse(store)?, id: id.clone() })
                }
                _ => return None,
            },
            materials,
            version: row.version,
        })
    };
    parsed().ok_or_else(bad_row)
}

fn load_material(row: &rows::MaterialRow) -> Option<Material> {
    Some(Material {
        id: MaterialId::parse(&row.material_id)?,
        token: row.token.clone().map(ExportedKeyToken::from_bytes),
        created_ms: row.created_ms,
        state: MaterialState::parse(&row.state)?,
        description: row.description.clone(),
        expires_ms: row.expires_ms,
        rotated: match (row.rotation_type.as_deref(), row.rotation_ms) {
            (None, None) => None,
            (Some(kind), Some(at_ms)) => Some(Rotated { kind: RotationType::parse(kind)?, at_ms }),
            _ => return None,
        },
    })
}

/// `None` for a text that is there and cannot be read.
fn parse_opt<T>(text: Option<&str>, parse: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
    match text {
        None => Some(None),
        Some(text) => parse(text).map(Some),
    }
}

fn load_alias(row: &rows::AliasRow) -> Option<Alias> {
    Some(Alias {
        realm: Realm {
            account: AccountId::parse(&row.account)?,
            region: Region::parse(&row.region)?,
        },
        name: AliasName::parse(&row.name)?,
        target: KeyId::parse(&row.key_id)?,
        created_ms: row.created_ms,
        updated_ms: row.updated_ms,
        version: row.version,
    })
}

pub(super) fn key_row(key: &Key) -> Result<rows::KeyRow, store::Error> {
    let as_json =
        |value: serde_json::Result<String>| value.map_err(|_never| store::Error::Conflict);
    Ok(rows::KeyRow {
        key_id: key.id().to_string(),
        region: key.arn.region.to_string(),
        account: key.arn.account.to_string(),
        version: key.version,
        spec: key.spec.to_string(),
        usage: key.usage.to_string(),
        origin: key.origin.to_string(),
        state: key.state.to_string(),
        description: key.description.clone(),
        created_ms: key.created_ms,
        deletion_ms: key.deletion_ms,
        policy: key.policy.text().to_owned(),
        policy_principals: as_json(serde_json::to_string(key.policy.resolved()))?,
        tags: as_json(serde_json::to_string(&key.tags))?,
        manager: key.manager.to_string(),
        pending_window_days: key.pending_window_days,
        multi_region: key.multi_region.map(|role| role.to_string()),
        rotation_period_days: key.rotation.map(|rotation| rotation.period_days),
        rotation_next_ms: key.rotation.map(|rotation| rotation.next_ms),
        on_demand_ms: key.on_demand_ms,
        policy_tests: key.policy_tests.as_deref().map(str::to_owned),
        custom_key_store: key.remote.as_ref().map(|remote| remote.store.to_string()),
        xks_key_id: key.remote.as_ref().map(|remote| remote.id.clone()),
    })
}

pub(super) fn material_row(key: &Key, material: &Material) -> rows::MaterialRow {
    let before = key.materials.iter().position(|held| held.id == material.id);
    rows::MaterialRow {
        key_id: key.id().to_string(),
        region: key.arn.region.to_string(),
        position: before
            .and_then(|before| i64::try_from(before).ok())
            .unwrap_or(0)
            .saturating_add(1),
        material_id: material.id.to_string(),
        token: material.token.as_ref().map(|token| token.as_bytes().to_vec()),
        created_ms: material.created_ms,
        state: material.state.to_string(),
        description: material.description.clone(),
        expires_ms: material.expires_ms,
        rotation_type: material.rotated.map(|rotated| rotated.kind.to_string()),
        rotation_ms: material.rotated.map(|rotated| rotated.at_ms),
    }
}
