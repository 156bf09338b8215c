//! Changes of keys and aliases: the rows they write inside the transaction,
//! and what memory shows once that has committed.

use std::sync::Arc;

use super::custom_stores::CustomKeyStore;
use super::grants::index::GrantIndex;
use super::key::{Alias, Key, Material};
use super::registry::Registry;
use super::rows::{key_row, material_row};
use crate::store::{self, Change, Tx};
use crate::store::{custom_key_stores, grants, keys as rows};

/// A new key with its materials.
pub struct CreateKey {
    pub registry: Arc<Registry>,
    pub key: Arc<Key>,
    /// The custom key store that it is in, as it was when its remote was asked.
    pub store: Option<Arc<CustomKeyStore>>,
}

impl Change for CreateKey {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), store::Error> {
        if let Some(store) = &self.store {
            custom_key_stores::check(tx, &store.id.to_string(), store.remote.as_str())?;
        }
        rows::insert_key(tx, &key_row(&self.key)?)?;
        put_materials(tx, &self.key, self.key.materials.iter())
    }

    fn publish(&self) {
        self.registry.put(Arc::clone(&self.key));
    }
}

/// A changed key: the version after the one it was made from. Of its materials
/// only those that differ are written.
pub struct UpdateKey {
    pub registry: Arc<Registry>,
    pub before: Arc<Key>,
    pub after: Arc<Key>,
}

impl UpdateKey {
    /// `key`, one version on, with `change` made to it as it is stored: expired
    /// material that an operation does not see any more stays due for its own
    /// deletion.
    #[must_use]
    pub fn new(
        registry: &Arc<Registry>,
        key: &Arc<Key>,
        change: impl FnOnce(&mut Key),
    ) -> Box<Self> {
        let stored = registry.find(&key.arn.region, key.id());
        let same = stored.filter(|stored| stored.version == key.version);
        let before = same.unwrap_or_else(|| Arc::clone(key));
        let after = Arc::new(before.changed(change));
        Box::new(Self { registry: Arc::clone(registry), before, after })
    }
}

impl Change for UpdateKey {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), store::Error> {
        let (before, after) = (&self.before, &self.after);
        rows::update_key(tx, &key_row(after)?)?;
        let changed = after.materials.iter().filter(|new| !before.materials.contains(new));
        put_materials(tx, after, changed)?;
        let gone = before.materials.iter().filter(|old| after.find_material(old.id).is_none());
        for material in gone {
            let (region, key_id) = (&after.arn.region, after.id().to_string());
            rows::delete_material(tx, region.as_str(), &key_id, &material.id.to_string())?;
        }
        Ok(())
    }

    fn publish(&self) {
        self.registry.put(Arc::clone(&self.after));
    }
}

fn put_materials<'a>(
    tx: &mut dyn Tx,
    key: &Key,
    mut materials: impl Iterator<Item = &'a Material>,
) -> Result<(), store::Error> {
    materials.try_for_each(|material| rows::put_material(tx, &material_row(key, material)))
}

/// The end of a key: its row, every material, alias and grant.
pub struct DeleteKey {
    pub registry: Arc<Registry>,
    pub grants: Arc<GrantIndex>,
    pub key: Arc<Key>,
}

impl Change for DeleteKey {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), store::Error> {
        let arn = &self.key.arn;
        let (region, id) = (arn.region.as_str(), arn.id.to_string());
        rows::delete_key(tx, region, &id, self.key.version)?;
        grants::delete_key_grants(tx, region, &id)
    }

    fn publish(&self) {
        self.grants.remove_all(&self.key.arn);
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
