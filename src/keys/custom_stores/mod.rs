//! Custom key stores: each makes the keys of one remote available in one Region of
//! one account. Which stores there are is in the database, and here in memory;
//! whether one is connected is known here only, and found out anew after a start.
//!
//! Deliberately absent: the keys in a store (a key says where it is), where a remote
//! is and how to come in (the settings of the operator, `backend::remote`), asking a
//! remote (`app` does, and reports here), and stores of AWS CloudHSM clusters.

pub mod changes;
mod connection;
pub mod rows;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

pub use connection::{Connection, ConnectionErrorCode};

use crate::base::ids::{CustomKeyStoreId, Realm};
use crate::hsm::{self, Hsm};
use crate::keys::backend::remote::RemoteName;

/// One custom key store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomKeyStore {
    pub id: CustomKeyStoreId,
    pub realm: Realm,
    /// 1 to 256 characters; its realm has no other store of this name.
    pub name: String,
    /// Its realm has no other store of this remote.
    pub remote: RemoteName,
    /// Whether it shall be connected.
    pub wanted: bool,
    /// Epoch milliseconds.
    pub created_ms: i64,
    /// 1 at creation, one more at each change.
    pub version: i64,
}

impl CustomKeyStore {
    /// The store one version on, with `change` made to it.
    #[must_use]
    pub fn changed(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut after = self.clone();
        change(&mut after);
        after.version = self.version.saturating_add(1);
        after
    }
}

/// A new random id.
///
/// # Errors
/// If the HSM has no randomness.
pub fn generate_id(hsm: &Hsm) -> Result<CustomKeyStoreId, hsm::Error> {
    let mut random = [0; 16];
    hsm.fill_random(&mut random)?;
    Ok(CustomKeyStoreId::from_random(random))
}

/// The custom key stores of all accounts and Regions. Only committed changes get in:
/// `changes` publish them from the writer's thread, in commit order.
#[derive(Debug, Default)]
pub struct CustomKeyStores {
    state: RwLock<BTreeMap<CustomKeyStoreId, Held>>,
}

#[derive(Debug)]
struct Held {
    store: Arc<CustomKeyStore>,
    connection: Connection,
}

impl CustomKeyStores {
    /// The store with this id, in whatever realm.
    #[must_use]
    pub fn find(&self, id: &CustomKeyStoreId) -> Option<Arc<CustomKeyStore>> {
        self.read().get(id).map(|held| Arc::clone(&held.store))
    }

    /// The store of this name.
    #[must_use]
    pub fn find_by_name(&self, realm: &Realm, name: &str) -> Option<Arc<CustomKeyStore>> {
        self.find_where(|store| store.realm == *realm && store.name == name)
    }

    /// The store of this remote.
    #[must_use]
    pub fn find_by_remote(
        &self,
        realm: &Realm,
        remote: &RemoteName,
    ) -> Option<Arc<CustomKeyStore>> {
        self.find_where(|store| store.realm == *realm && store.remote == *remote)
    }

    /// Up to `limit` stores of a realm in the order of their ids, those after `after`
    /// only.
    #[must_use]
    pub fn list(
        &self,
        realm: &Realm,
        after: Option<&CustomKeyStoreId>,
        limit: usize,
    ) -> Vec<Arc<CustomKeyStore>> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let state = self.read();
        let stores = state.range((from, Bound::Unbounded)).map(|(_, held)| &held.store);
        stores.filter(|store| store.realm == *realm).take(limit).map(Arc::clone).collect()
    }

    /// Whether the store is connected. One that is not there is not.
    #[must_use]
    pub fn connection(&self, id: &CustomKeyStoreId) -> Connection {
        self.read().get(id).map_or(Connection::Disconnected, |held| held.connection)
    }

    /// The stores that shall be connected, and are or are not.
    #[must_use]
    pub fn wanted(&self) -> Vec<(Arc<CustomKeyStore>, Connection)> {
        let state = self.read();
        let wanted = state.values().filter(|held| held.store.wanted);
        wanted.map(|held| (Arc::clone(&held.store), held.connection)).collect()
    }

    /// Takes in whether the remote of `asked` could be reached. Says nothing of a
    /// store that was disconnected, deleted, or got another remote meanwhile.
    pub fn report(&self, asked: &CustomKeyStore, reached: Result<(), ConnectionErrorCode>) {
        let mut state = self.write();
        let Some(held) = state.get_mut(&asked.id) else { return };
        if held.store.wanted && held.store.remote == asked.remote {
            held.connection = match reached {
                Ok(()) => Connection::Connected,
                Err(code) => Connection::Failed(code),
            };
        }
    }

    // Stores are few, as remotes are: no index is worth its place.
    fn find_where(&self, is_it: impl Fn(&CustomKeyStore) -> bool) -> Option<Arc<CustomKeyStore>> {
        self.read().values().map(|held| &held.store).find(|store| is_it(store)).map(Arc::clone)
    }

    /// Puts a committed store in, unless a later version is in already. It is still
    /// connected if it shall be as before.
    fn put(&self, store: Arc<CustomKeyStore>) {
        let mut state = self.write();
        let before = state.get(&store.id);
        if before.is_some_and(|held| held.store.version >= store.version) {
            return;
        }
        let same = before
            .filter(|held| held.store.wanted == store.wanted && held.store.remote == store.remote);
        let connection = match same {
            Some(held) => held.connection,
            None if store.wanted => Connection::Connecting,
            None => Connection::Disconnected,
        };
        state.insert(store.id, Held { store, connection });
    }

    /// Takes a deleted store out.
    fn remove(&self, id: &CustomKeyStoreId) {
        self.write().remove(id);
    }

    // As in the registry of keys: a panic cannot leave the map half-changed.
    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<CustomKeyStoreId, Held>> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<CustomKeyStoreId, Held>> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}
