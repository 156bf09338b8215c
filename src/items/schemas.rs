//! Item schemas in memory, every version of each; changed by committed writes
//! only.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock};

use super::schema::{self, Schema, SchemaDocument};
use crate::base::arn::KeyArn;
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
    /// Of the text that was stored: it stays, whatever a later release prints.
    pub hash: String,
    /// Length of that text.
    pub bytes: usize,
    /// The key that encrypts: what `keyId` named when this version was put. An
    /// alias that is moved later does not change it.
    pub key_arn: String,
    /// The keys that encrypt beside it, as `additionalKeyIds` named them then.
    pub additional_key_arns: Vec<String>,
    /// The keys of this version and all before it: what may have encrypted an
    /// item of this schema.
    pub key_arns: BTreeSet<String>,
    /// The labels that attributes and paths had last which an earlier version has and
    /// this one has not: items may still hold them.
    pub former_labels: BTreeMap<String, BTreeSet<String>>,
    pub created_ms: i64,
    /// The ARN of whoever put it; that of the role for a session of one.
    pub created_by: Option<String>,
    /// Whether items of the versions before it were given up with it.
    pub breaking: bool,
}

impl StoredSchema {
    /// The keys that encrypt a new item: each of them opens it.
    pub fn encrypting_key_arns(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.key_arn).chain(&self.additional_key_arns).map(String::as_str)
    }

    /// The labels of attribute or path `name`, with those of paths that are gone and
    /// whose values count as this one now.
    #[must_use]
    pub fn labels(&self, name: &str) -> Cow<'_, BTreeSet<String>> {
        let mut labels = Cow::Borrowed(self.schema.labels(name));
        for (former, kept) in &self.former_labels {
            if self.schema.counts_as(former, name) {
                labels.to_mut().extend(kept.iter().cloned());
            }
        }
        labels
    }

    /// The labels to keep if `new` takes the place of this version.
    pub(super) fn labels_kept(&self, new: &Schema) -> BTreeMap<String, BTreeSet<String>> {
        let mut kept = self.former_labels.clone();
        for (name, protection) in &self.schema.document().attributes {
            if !protection.labels.is_empty() {
                kept.insert(name.clone(), protection.labels.clone());
            }
        }
        kept.retain(|name, _| !new.has_action(name));
        kept
    }

    /// The key of this schema that opens what `key_arn` wrapped: that key, or, of
    /// a multi-Region key, the related one that the schema names. (The SDK's
    /// multi-Region-key-aware keyring does the same.)
    #[must_use]
    pub fn opening_key_arn(&self, key_arn: &str) -> Option<&str> {
        if let Some(same) = self.key_arns.get(key_arn) {
            return Some(same);
        }
        let wrapped = KeyArn::parse(key_arn).filter(|arn| arn.id.is_multi_region())?;
        let related = |arn: &&String| {
            KeyArn::parse(arn)
                .is_some_and(|arn| arn.id == wrapped.id && arn.account == wrapped.account)
        };
        self.key_arns.iter().find(related).map(String::as_str)
    }
}

/// Every version of a schema, the oldest first; there is at least one.
type Versions = Vec<Arc<StoredSchema>>;

/// Names of attributes, shared with whoever reads them.
type Names = Arc<BTreeSet<String>>;

/// The schemas of all accounts and Regions.
#[derive(Debug, Default)]
pub struct Schemas {
    state: RwLock<BTreeMap<Realm, BTreeMap<String, Versions>>>,
    /// What the versions of a schema of items encrypt, all together: held once, as
    /// each version may have other names.
    encrypted: RwLock<BTreeMap<Realm, BTreeMap<String, Names>>>,
}

impl Schemas {
    /// The version of this schema that is in force.
    #[must_use]
    pub fn find(&self, realm: &Realm, name: &str) -> Option<Arc<StoredSchema>> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.get(realm)?.get(name)?.last().map(Arc::clone)
    }

    /// Every version of this schema, the oldest first; none if there is none.
    #[must_use]
    pub fn versions(&self, realm: &Realm, name: &str) -> Vec<Arc<StoredSchema>> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let versions = state.get(realm).and_then(|schemas| schemas.get(name));
        versions.cloned().unwrap_or_default()
    }

    /// The names that the policy can be asked about in items of this schema: the
    /// attributes that any version of it encrypts; of documents the paths of
    /// `stored`, since their values are called by the paths of the present.
    #[must_use]
    pub fn encrypted_names(&self, stored: &StoredSchema) -> Arc<BTreeSet<String>> {
        if let Some(documents) = stored.schema.documents() {
            return Arc::clone(documents.names());
        }
        let encrypted = self.encrypted.read().unwrap_or_else(PoisonError::into_inner);
        let names = encrypted.get(&stored.realm).and_then(|schemas| schemas.get(&stored.name));
        names.map(Arc::clone).unwrap_or_default()
    }

    /// The bytes of all versions of all schemas of a realm.
    #[must_use]
    pub fn bytes(&self, realm: &Realm) -> usize {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let versions = state.get(realm).into_iter().flat_map(BTreeMap::values).flatten();
        versions.map(|stored| stored.bytes).sum()
    }

    /// A schema of the table with this logical name.
    #[must_use]
    pub fn find_table(&self, realm: &Realm, table: &str) -> Option<Arc<StoredSchema>> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let mut schemas = state.get(realm)?.values().filter_map(|versions| versions.last());
        schemas.find(|stored| stored.schema.document().table_name == table).map(Arc::clone)
    }

    /// Up to `limit` schemas of a realm by name, those after `after` only.
    #[must_use]
    pub fn list(&self, realm: &Realm, after: Option<&str>, limit: usize) -> Vec<Arc<StoredSchema>> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let Some(schemas) = state.get(realm) else { return Vec::new() };
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        schemas
            .range::<str, _>((from, Bound::Unbounded))
            .filter_map(|(_, versions)| versions.last().map(Arc::clone))
            .take(limit)
            .collect()
    }

    /// How many schemas a realm has.
    #[must_use]
    pub fn count(&self, realm: &Realm) -> usize {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.get(realm).map_or(0, BTreeMap::len)
    }

    /// Names come first: whoever finds a version finds its names as well.
    fn put(&self, stored: Arc<StoredSchema>) {
        if stored.schema.documents().is_none() {
            let mut all = self.encrypted.write().unwrap_or_else(PoisonError::into_inner);
            let schemas = all.entry(stored.realm.clone()).or_default();
            let names = Arc::make_mut(schemas.entry(stored.name.clone()).or_default());
            names.extend(stored.schema.encrypted_names().map(str::to_owned));
        }
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let schemas = state.entry(stored.realm.clone()).or_default();
        schemas.entry(stored.name.clone()).or_default().push(stored);
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
    pub(super) stored: Arc<StoredSchema>,
    /// The schema in its canonical form.
    pub(super) body: String,
}

impl Change for PutSchema {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), store::Error> {
        let stored = &self.stored;
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

/// Reads every schema. Versions come oldest first.
///
/// # Errors
/// A row that does not make sense stops the start.
pub fn load(tx: &mut dyn Tx, schemas: &Schemas) -> Result<(), LoadError> {
    for row in rows::list_item_schemas(tx)? {
        let (name, version) = (row.name.clone(), row.version);
        let mut stored = read(row).ok_or(LoadError::Row { name, version })?;
        if let Some(before) = schemas.find(&stored.realm, &stored.name) {
            stored.key_arns.extend(before.key_arns.iter().cloned());
            stored.former_labels = before.labels_kept(&stored.schema);
        }
        schemas.put(Arc::new(stored));
    }
    Ok(())
}

fn read(row: ItemSchemaRow) -> Option<StoredSchema> {
    let document: SchemaDocument = serde_json::from_str(&row.body).ok()?;
    let additional_key_arns: Vec<String> = serde_json::from_str(&row.additional_key_arns).ok()?;
    let key_arns = additional_key_arns.iter().cloned().chain([row.key_arn.clone()]).collect();
    Some(StoredSchema {
        realm: Realm {
            account: AccountId::parse(&row.account)?,
            region: Region::parse(&row.region)?,
        },
        name: row.name,
        version: row.version,
        schema: Schema::new(document).ok()?,
        hash: schema::hash(&row.body),
        bytes: row.body.len(),
        key_arns,
        former_labels: BTreeMap::new(),
        key_arn: row.key_arn,
        additional_key_arns,
        created_ms: row.created_ms,
        created_by: row.created_by,
        breaking: row.breaking,
    })
}
