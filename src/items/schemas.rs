//! Item schemas in memory, every version of each; changed by committed writes
//! only.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock};

use super::schema::{Schema, SchemaDocument};
use crate::base::ids::{AccountId, Realm, Region};
use crate::ops::ctx::AttributeLabels;
use crate::store::item_schemas::{self as rows, ItemSchemaRow};
use crate::store::{self, Change, Tx};

/// One version of a schema.
#[derive(Debug)]
pub struct StoredSchema {
    pub realm: Realm,
    pub name: String,
    /// 1, 2, 3...
    pub version: i64,
    pub schema: Schema,
    /// The key that encrypts: what `keyId` named when this version was put. An
    /// alias that is moved later does not change it.
    pub key_arn: String,
    /// The keys of this version and all before it: what may have encrypted an
    /// item of this schema.
    pub key_arns: BTreeSet<String>,
    pub created_ms: i64,
}

/// The schemas of all accounts and Regions.
#[derive(Debug, Default)]
pub struct Schemas {
    state: RwLock<BTreeMap<Realm, BTreeMap<String, Arc<StoredSchema>>>>,
}

impl Schemas {
    /// The version of this schema that is in force.
    #[must_use]
    pub fn find(&self, realm: &Realm, name: &str) -> Option<Arc<StoredSchema>> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.get(realm)?.get(name).map(Arc::clone)
    }

    /// Up to `limit` schemas of a realm by name, those after `after` only.
    #[must_use]
    pub fn list(&self, realm: &Realm, after: Option<&str>, limit: usize) -> Vec<Arc<StoredSchema>> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let Some(schemas) = state.get(realm) else { return Vec::new() };
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        schemas
            .range::<str, _>((from, Bound::Unbounded))
            .map(|(_, schema)| Arc::clone(schema))
            .take(limit)
            .collect()
    }

    /// How many schemas a realm has.
    #[must_use]
    pub fn count(&self, realm: &Realm) -> usize {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.get(realm).map_or(0, BTreeMap::len)
    }

    fn put(&self, stored: Arc<StoredSchema>) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let schemas = state.entry(stored.realm.clone()).or_default();
        schemas.insert(stored.name.clone(), stored);
    }
}

impl AttributeLabels for Schemas {
    fn labels_of(&self, realm: &Realm, schema: &str, attribute: &str) -> BTreeSet<String> {
        let found = self.find(realm, schema);
        found.map_or_else(BTreeSet::new, |stored| stored.schema.labels(attribute).clone())
    }
}

/// A new version of a schema.
pub(super) struct PutSchema {
    pub(super) schemas: Arc<Schemas>,
    pub(super) stored: Arc<StoredSchema>,
}

impl Change for PutSchema {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), store::Error> {
        let stored = &self.stored;
        let row = ItemSchemaRow {
            account: stored.realm.account.to_string(),
            region: stored.realm.region.to_string(),
            name: stored.name.clone(),
            version: stored.version,
            // A document is text, lists and maps of text: it always serializes.
            body: serde_json::to_string(stored.schema.document())
                .map_err(|_never| store::Error::Conflict)?,
            key_arn: stored.key_arn.clone(),
            created_ms: stored.created_ms,
        };
        rows::insert_item_schema(tx, &row)
    }

    fn publish(&self) {
        self.schemas.put(Arc::clone(&self.stored));
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

/// Reads every schema. Versions come oldest first, so the last one wins.
///
/// # Errors
/// A row that does not make sense stops the start.
pub fn load(tx: &mut dyn Tx, schemas: &Schemas) -> Result<(), LoadError> {
    for row in rows::list_item_schemas(tx)? {
        let (name, version) = (row.name.clone(), row.version);
        let mut stored = read(row).ok_or(LoadError::Row { name, version })?;
        if let Some(before) = schemas.find(&stored.realm, &stored.name) {
            stored.key_arns.extend(before.key_arns.iter().cloned());
        }
        schemas.put(Arc::new(stored));
    }
    Ok(())
}

fn read(row: ItemSchemaRow) -> Option<StoredSchema> {
    let document: SchemaDocument = serde_json::from_str(&row.body).ok()?;
    Some(StoredSchema {
        realm: Realm {
            account: AccountId::parse(&row.account)?,
            region: Region::parse(&row.region)?,
        },
        name: row.name,
        version: row.version,
        schema: Schema::new(document).ok()?,
        key_arns: BTreeSet::from([row.key_arn.clone()]),
        key_arn: row.key_arn,
        created_ms: row.created_ms,
    })
}
