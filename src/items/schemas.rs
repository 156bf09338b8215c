//! Item schemas in memory, every version of each; changed by committed writes
//! only.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock};

use super::schema::{self, Schema, SchemaDocument};
use crate::base::ids::{AccountId, Realm, Region};
use crate::ops::ctx::AttributeLabels;
use crate::store::item_schemas::{self as rows, ItemSchemaRow};
use crate::store::{self, Change, Tx};

pub use super::stored_schema::{SchemaVersion, StoredSchema};

/// The schemas of all accounts and Regions.
#[derive(Debug, Default)]
pub struct Schemas {
    state: RwLock<BTreeMap<Realm, BTreeMap<String, Arc<StoredSchema>>>>,
}

impl Schemas {
    /// This schema, as it is now.
    #[must_use]
    pub fn find(&self, realm: &Realm, name: &str) -> Option<Arc<StoredSchema>> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.get(realm)?.get(name).map(Arc::clone)
    }

    /// The bytes of all versions of all schemas of a realm.
    #[must_use]
    pub fn bytes(&self, realm: &Realm) -> usize {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let schemas = state.get(realm).into_iter().flat_map(BTreeMap::values);
        schemas.flat_map(|stored| stored.versions()).map(|version| version.bytes).sum()
    }

    /// The schemas of an account, in all Regions, of which a version is, or was, for the
    /// table with this logical name.
    #[must_use]
    pub fn of_table(&self, account: &AccountId, table: &str) -> Vec<Arc<StoredSchema>> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let of_account = state.iter().filter(|(realm, _)| realm.account == *account);
        let schemas = of_account.flat_map(|(_, schemas)| schemas.values());
        schemas.filter(|stored| stored.table_names().contains(table)).map(Arc::clone).collect()
    }

    /// Up to `limit` schemas of a realm by name, those after `after` only.
    #[must_use]
    pub fn list(&self, realm: &Realm, after: Option<&str>, limit: usize) -> Vec<Arc<StoredSchema>> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let Some(schemas) = state.get(realm) else { return Vec::new() };
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        schemas
            .range::<str, _>((from, Bound::Unbounded))
            .take(limit)
            .map(|(_, stored)| Arc::clone(stored))
            .collect()
    }

    /// How many schemas a realm has.
    #[must_use]
    pub fn count(&self, realm: &Realm) -> usize {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.get(realm).map_or(0, BTreeMap::len)
    }

    fn put(&self, version: Arc<SchemaVersion>) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        match state.entry(version.realm.clone()).or_default().entry(version.name.clone()) {
            Entry::Vacant(free) => {
                free.insert(Arc::new(StoredSchema::first(version)));
            }
            // A call that works with it keeps what it has found.
            Entry::Occupied(mut taken) => Arc::make_mut(taken.get_mut()).put(version),
        }
    }
}

impl AttributeLabels for Schemas {
    fn labels_of(&self, realm: &Realm, schema: &str, attribute: &str) -> BTreeSet<String> {
        let found = self.find(realm, schema);
        found.map_or_else(BTreeSet::new, |stored| stored.labels(attribute).into_owned())
    }
}

/// A new version of a schema.
pub(super) struct PutSchema {
    pub(super) schemas: Arc<Schemas>,
    pub(super) version: Arc<SchemaVersion>,
    /// The schema in its canonical form.
    pub(super) body: String,
}

impl Change for PutSchema {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), store::Error> {
        let stored = &self.version;
        let row = ItemSchemaRow {
            account: stored.realm.account.to_string(),
            region: stored.realm.region.to_string(),
            name: stored.name.clone(),
            version: stored.version,
            body: self.body.clone(),
            key_arn: stored.key_arn.clone(),
            additional_key_arns: serde_json::to_string(&stored.additional_key_arns)
                .map_err(|_never| store::Error::Conflict)?,
            created_ms: stored.created_ms,
            created_by: stored.created_by.clone(),
            breaking: stored.breaking,
            change: stored.change.clone(),
        };
        rows::insert_item_schema(tx, &row)
    }

    fn publish(&self) {
        self.schemas.put(Arc::clone(&self.version));
    }
}

/// Why the rows did not become schemas.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("the database cannot be read")]
    Store(#[from] store::Error),
    #[error("version {version} of item schema `{name}` does not make sense")]
    Row { name: String, version: i64 },
}

/// Reads every schema. Versions come oldest first.
///
/// # Errors
/// A row that does not make sense stops the start.
pub fn load(tx: &mut dyn Tx, schemas: &Schemas) -> Result<(), LoadError> {
    for row in rows::list_item_schemas(tx)? {
        let (name, version) = (row.name.clone(), row.version);
        schemas.put(Arc::new(read(row).ok_or(LoadError::Row { name, version })?));
    }
    Ok(())
}

fn read(row: ItemSchemaRow) -> Option<SchemaVersion> {
    let document: SchemaDocument = serde_json::from_str(&row.body).ok()?;
    let additional_key_arns: Vec<String> = serde_json::from_str(&row.additional_key_arns).ok()?;
    Some(SchemaVersion {
        realm: Realm {
            account: AccountId::parse(&row.account)?,
            region: Region::parse(&row.region)?,
        },
        name: row.name,
        version: row.version,
        schema: Schema::new(document).ok()?,
        hash: schema::hash(&row.body),
        bytes: row.body.len(),
        key_arn: row.key_arn,
        additional_key_arns,
        created_ms: row.created_ms,
        created_by: row.created_by,
        breaking: row.breaking,
        change: row.change,
    })
}
