//! Every key and alias in memory, so that a cryptographic call reads no row.
//! Only committed changes get in: `changes` publish them from the writer's
//! thread, in commit order.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::key::{Alias, Key, Material, RemoteKey};
use crate::base::arn::KeyArn;
use crate::base::ids::{AccountId, AliasName, CustomKeyStoreId, KeyId, Realm, Region};
use crate::base::spec::KeyManager;
use crate::hsm::Hsm;
use crate::policy::question::Aliases;

/// The keys and aliases of all accounts and Regions.
pub struct Registry {
    state: RwLock<State>,
    /// Told of every material that is gone, so that nothing of it stays opened.
    hsm: Arc<Hsm>,
}

#[derive(Debug, Default)]
struct State {
    keys: BTreeMap<Region, BTreeMap<KeyId, Arc<Key>>>,
    aliases: BTreeMap<Realm, BTreeMap<AliasName, Alias>>,
    alias_names: BTreeMap<(Realm, KeyId), BTreeSet<AliasName>>,
}

impl Aliases for Registry {
    fn aliases_of(&self, key: &KeyArn, limit: usize) -> Vec<String> {
        let realm = Realm { account: key.account.clone(), region: key.region.clone() };
        let state = self.read();
        let names = state.alias_names.get(&(realm, key.id)).into_iter().flatten();
        names.take(limit).map(ToString::to_string).collect()
    }
}

impl Registry {
    /// Without any key yet. `hsm` is the one that opens their tokens.
    #[must_use]
    pub fn new(hsm: Arc<Hsm>) -> Self {
        Self { state: RwLock::default(), hsm }
    }

    /// The key with this id in this Region, of whatever account.
    #[must_use]
    pub fn find(&self, region: &Region, id: KeyId) -> Option<Arc<Key>> {
        self.read().keys.get(region)?.get(&id).map(Arc::clone)
    }

    /// The key that stands for the key material behind this id of a key of a custom
    /// key store, whoever's it is. Looks at every key.
    #[must_use]
    pub fn find_remote(&self, xks_key_id: &str) -> Option<Arc<Key>> {
        let material = RemoteKey::material(xks_key_id);
        let stands_for = |key: &&Arc<Key>| {
            key.remote.as_ref().is_some_and(|remote| RemoteKey::material(&remote.id) == material)
        };
        let state = self.read();
        let found = state.keys.values().flat_map(BTreeMap::values).find(stands_for);
        found.map(Arc::clone)
    }

    /// A key of this custom key store, if it has any.
    #[must_use]
    pub fn find_of_store(&self, store: &CustomKeyStoreId) -> Option<Arc<Key>> {
        let is_of =
            |key: &&Arc<Key>| key.remote.as_ref().is_some_and(|remote| remote.store == *store);
        let state = self.read();
        let found = state.keys.values().flat_map(BTreeMap::values).find(is_of);
        found.map(Arc::clone)
    }

    /// The alias of this name.
    #[must_use]
    pub fn find_alias(&self, realm: &Realm, name: &AliasName) -> Option<Alias> {
        self.read().aliases.get(realm)?.get(name).cloned()
    }

    /// Up to `limit` keys of a realm in the order of their ids, those after
    /// `after` only.
    #[must_use]
    pub fn list(&self, realm: &Realm, after: Option<KeyId>, limit: usize) -> Vec<Arc<Key>> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let state = self.read();
        let Some(keys) = state.keys.get(&realm.region) else { return Vec::new() };
        keys.range((from, Bound::Unbounded))
            .map(|(_, key)| key)
            .filter(|key| key.arn.account == realm.account)
            .take(limit)
            .map(Arc::clone)
            .collect()
    }

    /// How many customer managed keys a realm holds; those of services do not
    /// count against its quota.
    #[must_use]
    pub fn count(&self, realm: &Realm) -> usize {
        let counts = |key: &&Arc<Key>| {
            key.arn.account == realm.account && key.manager == KeyManager::Customer
        };
        let state = self.read();
        let keys = state.keys.get(&realm.region);
        keys.map_or(0, |keys| keys.values().filter(counts).count())
    }

    /// The multi-Region key `id` of an account in every Region that has it:
    /// the primary key and its replicas, in the order of their Regions.
    #[must_use]
    pub fn related(&self, account: &AccountId, id: KeyId) -> Vec<Arc<Key>> {
        let state = self.read();
        let everywhere = state.keys.values().filter_map(|keys| keys.get(&id));
        everywhere.filter(|key| key.arn.account == *account).map(Arc::clone).collect()
    }

    /// Up to `limit` aliases of a realm in name order, those after `after`
    /// only, and only those of `target` if one is given.
    #[must_use]
    pub fn list_aliases(
        &self,
        realm: &Realm,
        target: Option<KeyId>,
        after: Option<&AliasName>,
        limit: usize,
    ) -> Vec<Alias> {
        let state = self.read();
        let Some(aliases) = state.aliases.get(realm) else { return Vec::new() };
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let range = (from, Bound::Unbounded);
        let Some(target) = target else {
            return aliases.range(range).take(limit).map(|(_, alias)| alias.clone()).collect();
        };
        let Some(names) = state.alias_names.get(&(realm.clone(), target)) else {
            return Vec::new();
        };
        names.range(range).filter_map(|name| aliases.get(name)).take(limit).cloned().collect()
    }

    /// The keys whose deletion is due.
    #[must_use]
    pub fn due_for_deletion(&self, now_ms: i64) -> Vec<Arc<Key>> {
        let due = |key: &&Arc<Key>| key.deletion_ms.is_some_and(|at| at <= now_ms);
        self.every_key().iter().filter(due).map(Arc::clone).collect()
    }

    /// The keys that are due for a rotation.
    #[must_use]
    pub fn due_for_rotation(&self, now_ms: i64) -> Vec<Arc<Key>> {
        let state = self.read();
        let keys = state.keys.values().flat_map(BTreeMap::values);
        keys.filter(|key| key.at(now_ms).due_rotation(now_ms).is_some()).map(Arc::clone).collect()
    }

    /// The keys whose material expires and when the first of it does, epoch
    /// milliseconds: the first `limit` of them in that order.
    #[must_use]
    pub fn material_expirations(&self, limit: usize) -> Vec<(KeyArn, i64)> {
        let state = self.read();
        let keys = state.keys.values().flat_map(BTreeMap::values);
        let mut found: Vec<_> =
            keys.filter_map(|key| Some((key.material_expires_ms()?, key))).collect();
        found.sort_by_key(|(at_ms, _)| *at_ms);
        found.into_iter().take(limit).map(|(at_ms, key)| (key.arn.clone(), at_ms)).collect()
    }

    /// Every key there is.
    #[must_use]
    pub fn every_key(&self) -> Vec<Arc<Key>> {
        self.read().keys.values().flat_map(BTreeMap::values).map(Arc::clone).collect()
    }

    /// Puts a committed key in, unless a later version is in already.
    pub(super) fn put(&self, key: Arc<Key>) {
        let mut state = self.write();
        let keys = state.keys.entry(key.arn.region.clone()).or_default();
        if keys.get(&key.id()).is_some_and(|held| held.version >= key.version) {
            return;
        }
        let after = Arc::clone(&key);
        let before = keys.insert(key.id(), key);
        drop(state);
        if let Some(before) = before {
            let token = |id| after.find_material(id).and_then(|material| material.token.as_ref());
            self.forget(&before, |old| token(old.id) == old.token.as_ref());
        }
    }

    /// Replaces one material of a key by the same material under another token.
    pub(super) fn replace_material(&self, region: &Region, id: KeyId, resealed: &Material) {
        let mut state = self.write();
        let Some(held) = state.keys.get_mut(region).and_then(|keys| keys.get_mut(&id)) else {
            return;
        };
        let mut key = Key::clone(held);
        for material in &mut key.materials {
            if material.id == resealed.id {
                *material = resealed.clone();
            }
        }
        *held = Arc::new(key);
    }

    /// Takes a deleted key out, with its aliases.
    pub(super) fn remove(&self, key: &Key) {
        let mut state = self.write();
        let held = state.keys.get_mut(&key.arn.region).and_then(|keys| keys.remove(&key.id()));
        let realm = key.realm();
        let names = state.alias_names.remove(&(realm.clone(), key.id())).unwrap_or_default();
        if let Some(aliases) = state.aliases.get_mut(&realm) {
            for name in names {
                aliases.remove(&name);
            }
        }
        drop(state);
        if let Some(held) = held {
            self.forget(&held, |_| false);
        }
    }

    /// Lets the HSM forget the materials of `before` that are not still there.
    fn forget(&self, before: &Key, is_still_there: impl Fn(&Material) -> bool) {
        let gone = before.materials.iter().filter(|material| !is_still_there(material));
        for material in gone.filter(|material| material.token.is_some()) {
            if let Err(error) = self.hsm.forget_key(material.id) {
                tracing::error!(key = %before.arn, %error, "deleted material is still in memory");
            }
        }
    }

    /// Puts a committed alias in, in place of one of the same name.
    pub(super) fn put_alias(&self, alias: Alias) {
        let mut state = self.write();
        let realm = alias.realm.clone();
        let aliases = state.aliases.entry(realm.clone()).or_default();
        let before = aliases.insert(alias.name.clone(), alias.clone());
        if let Some(before) = before
            && let Some(names) = state.alias_names.get_mut(&(realm.clone(), before.target))
        {
            names.remove(&before.name);
        }
        state.alias_names.entry((realm, alias.target)).or_default().insert(alias.name);
    }

    /// Takes a deleted alias out.
    pub(super) fn remove_alias(&self, realm: &Realm, name: &AliasName) {
        let mut state = self.write();
        let Some(removed) = state.aliases.get_mut(realm).and_then(|all| all.remove(name)) else {
            return;
        };
        if let Some(names) = state.alias_names.get_mut(&(realm.clone(), removed.target)) {
            names.remove(name);
        }
    }

    // A panic while the lock was held cannot leave the maps half-changed in a
    // way that matters more than refusing every later call would.
    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}
