//! Changes of keys and aliases: the rows they write inside the transaction,
//! and what memory shows once that has committed. Also the way back: every row
//! read into memory at start.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::key::{Alias, Key, Material};
use super::registry::Registry;
use crate::base::arn::KeyArn;
use crate::base::ids::{AccountId, AliasName, KeyId, MaterialId, Realm, Region};
use crate::base::spec::{KeySpec, KeyState, KeyUsage, Origin};
use crate::hsm::ExportedKeyToken;
use crate::policy::document::Document;
use crate::policy::engine::Engine;
use crate::policy::principal::PrincipalId;
use crate::store::keys as rows;
use crate::store::{self, Change, Tx};

/// A new key with its materials.
pub struct CreateKey {
    pub registry: Arc<Registry>,
    pub key: Arc<Key>,
}

impl Change for CreateKey {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), store::Error> {
        rows::insert_key(tx, &key_row(&self.key)?)?;
        for material in &self.key.materials {
            rows::insert_material(tx, &material_row(&self.key, material))?;
        }
        Ok(())
    }

    fn publish(&self) {
        self.registry.put(Arc::clone(&self.key));
    }
}

/// A changed key: the version after the one it was made from.
pub struct UpdateKey {
    pub registry: Arc<Registry>,
    pub key: Arc<Key>,
}

impl Change for UpdateKey {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), store::Error> {
        rows::update_key(tx, &key_row(&self.key)?)
    }

    fn publish(&self) {
        self.registry.put(Arc::clone(&self.key));
    }
}

/// The end of a key: its row, every material, every alias.
pub struct DeleteKey {
    pub registry: Arc<Registry>,
    pub key: Arc<Key>,
}

impl Change for DeleteKey {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), store::Error> {
        let arn = &self.key.arn;
        rows::delete_key(tx, arn.region.as_str(), &arn.id.to_string(), self.key.version)
    }

    fn publish(&self) {
        self.registry.remove(&self.key);
    }
}

/// A material under a newer domain key.
pub struct ResealMaterial {
    pub registry: Arc<Registry>,
    pub key: Arc<Key>,
    pub material: Material,
}

impl Change for ResealMaterial {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), store::Error> {
        rows::update_token(tx, &material_row(&self.key, &self.material))
    }

    fn publish(&self) {
        self.registry.replace_material(&self.key.arn.region, self.key.id(), &self.material);
    }
}

/// A new alias (version 1) or an alias that points elsewhere.
pub struct PutAlias {
    pub registry: Arc<Registry>,
    pub alias: Alias,
}

impl Change for PutAlias {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), store::Error> {
        let alias = &self.alias;
        let row = rows::AliasRow {
            account: alias.realm.account.to_string(),
            region: alias.realm.region.to_string(),
            name: alias.name.to_string(),
            key_id: alias.target.to_string(),
            version: alias.version,
            created_ms: alias.created_ms,
            updated_ms: alias.updated_ms,
        };
        if alias.version == 1 { rows::insert_alias(tx, &row) } else { rows::update_alias(tx, &row) }
    }

    fn publish(&self) {
        self.registry.put_alias(self.alias.clone());
    }
}

/// The end of an alias.
pub struct DeleteAlias {
    pub registry: Arc<Registry>,
    pub alias: Alias,
}

impl Change for DeleteAlias {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), store::Error> {
        let realm = &self.alias.realm;
        let name = self.alias.name.as_str();
        rows::delete_alias(tx, realm.account.as_str(), realm.region.as_str(), name)
    }

    fn publish(&self) {
        self.registry.remove_alias(&self.alias.realm, &self.alias.name);
    }
}

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
        let id = MaterialId::parse(&row.material_id)
            .ok_or_else(|| LoadError::Row { what: "material", id: row.material_id.clone() })?;
        materials.entry((row.region, row.key_id)).or_default().push(Material {
            id,
            token: ExportedKeyToken::from_bytes(row.token),
            created_ms: row.created_ms,
        });
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
    let policy: Arc<Document> = engine
        .compile_key_policy(&row.policy, &principals)
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
            state: KeyState::parse(&row.state)?,
            description: row.description.clone(),
            created_ms: row.created_ms,
            deletion_ms: row.deletion_ms,
            policy,
            tags: serde_json::from_str(&row.tags).ok()?,
            materials,
            version: row.version,
        })
    };
    parsed().ok_or_else(bad_row)
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

fn key_row(key: &Key) -> Result<rows::KeyRow, store::Error> {
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
    })
}

fn material_row(key: &Key, material: &Material) -> rows::MaterialRow {
    rows::MaterialRow {
        key_id: key.id().to_string(),
        region: key.arn.region.to_string(),
        material_id: material.id.to_string(),
        token: material.token.as_bytes().to_vec(),
        created_ms: material.created_ms,
    }
}
