//! Custom key stores as rows, and back: every row read into memory at start.

use std::sync::Arc;

use super::{CustomKeyStore, CustomKeyStores};
use crate::base::ids::{AccountId, CustomKeyStoreId, Realm, Region};
use crate::keys::backend::remote::RemoteName;
use crate::store::custom_key_stores::{self as rows, CustomKeyStoreRow};
use crate::store::{self, Tx};

/// Why the rows did not become custom key stores.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("the database cannot be read")]
    Store(#[from] store::Error),
    #[error("the row of custom key store `{0}` does not make sense")]
    Row(String),
}

/// Reads every custom key store.
///
/// # Errors
/// A row that does not make sense stops the start.
pub fn load(tx: &mut dyn Tx, stores: &CustomKeyStores) -> Result<(), LoadError> {
    for row in rows::list(tx)? {
        let store = read(&row).ok_or(LoadError::Row(row.id))?;
        stores.put(Arc::new(store));
    }
    Ok(())
}

fn read(row: &CustomKeyStoreRow) -> Option<CustomKeyStore> {
    Some(CustomKeyStore {
        id: CustomKeyStoreId::parse(&row.id)?,
        realm: Realm {
            account: AccountId::parse(&row.account)?,
            region: Region::parse(&row.region)?,
        },
        name: row.name.clone(),
        remote: RemoteName::parse(&row.remote)?,
        wanted: row.wanted,
        created_ms: row.created_ms,
        version: row.version,
    })
}

pub(super) fn row(store: &CustomKeyStore) -> CustomKeyStoreRow {
    CustomKeyStoreRow {
        id: store.id.to_string(),
        account: store.realm.account.to_string(),
        region: store.realm.region.to_string(),
        name: store.name.clone(),
        remote: store.remote.to_string(),
        wanted: store.wanted,
        created_ms: store.created_ms,
        version: store.version,
    }
}
