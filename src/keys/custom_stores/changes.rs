//! Changes of custom key stores.

use std::sync::Arc;

use super::rows::row;
use super::{CustomKeyStore, CustomKeyStores};
use crate::store::custom_key_stores as rows;
use crate::store::{self, Change, Tx};

/// A new store (version 1), or a changed one: the version after the one it was made
/// from.
pub struct PutCustomKeyStore {
    pub stores: Arc<CustomKeyStores>,
    pub store: Arc<CustomKeyStore>,
}

impl Change for PutCustomKeyStore {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), store::Error> {
        let row = row(&self.store);
        if row.version == 1 { rows::insert(tx, &row) } else { rows::update(tx, &row) }
    }

    fn publish(&self) {
        self.stores.put(Arc::clone(&self.store));
    }
}

/// The end of a store.
pub struct DeleteCustomKeyStore {
    pub stores: Arc<CustomKeyStores>,
    pub store: Arc<CustomKeyStore>,
}

impl Change for DeleteCustomKeyStore {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), store::Error> {
        rows::delete(tx, &self.store.id.to_string(), self.store.version)
    }

    fn publish(&self) {
        self.stores.remove(&self.store.id);
    }
}
