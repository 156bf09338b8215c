//! One item schema through time: its versions, and what all of them together say
//! of the items that there may be. That is held once and not with each version,
//! which would take room for the square of what was ever put.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::Arc;

use super::document::Pattern;
use super::schema::Schema;
use crate::base::arn::KeyArn;
use crate::base::ids::Realm;

/// One version of a schema.
#[derive(Debug)]
pub struct SchemaVersion {
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
    pub created_ms: i64,
    /// The ARN of whoever put it; that of the role for a session of one.
    pub created_by: Option<String>,
    /// Whether items of the versions before it were given up with it.
    pub breaking: bool,
    /// What is different from the version before, in one line.
    pub change: String,
}

impl SchemaVersion {
    /// The keys that encrypt a new item: each of them opens it.
    pub fn encrypting_key_arns(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.key_arn).chain(&self.additional_key_arns).map(String::as_str)
    }
}

/// A schema: the version in force, which it can be used as, and what those before it
/// have left.
#[derive(Clone, Debug)]
pub struct StoredSchema {
    in_force: Arc<SchemaVersion>,
    /// All of them, the oldest first.
    versions: Vec<Arc<SchemaVersion>>,
    key_arns: BTreeSet<String>,
    table_names: BTreeSet<String>,
    /// See [`Self::encrypted_names`]; of items only.
    encrypted_names: Arc<BTreeSet<String>>,
    former_labels: FormerLabels,
}

impl Deref for StoredSchema {
    type Target = SchemaVersion;

    fn deref(&self) -> &SchemaVersion {
        &self.in_force
    }
}

impl StoredSchema {
    /// A schema that has one version.
    pub(super) fn first(version: Arc<SchemaVersion>) -> Self {
        let mut stored = Self {
            in_force: Arc::clone(&version),
            versions: Vec::new(),
            key_arns: BTreeSet::new(),
            table_names: BTreeSet::new(),
            encrypted_names: Arc::default(),
            former_labels: FormerLabels::default(),
        };
        stored.put(version);
        stored
    }

    /// Puts the next version in force. What that takes depends on this version alone.
    pub(super) fn put(&mut self, version: Arc<SchemaVersion>) {
        let schema = &version.schema;
        self.former_labels.replace(&self.in_force.schema, schema);
        self.key_arns.extend(version.encrypting_key_arns().map(str::to_owned));
        self.table_names.insert(schema.document().table_name.clone());
        if schema.documents().is_none() {
            let names = Arc::make_mut(&mut self.encrypted_names);
            names.extend(schema.encrypted_names().map(str::to_owned));
        }
        self.versions.push(Arc::clone(&version));
        self.in_force = version;
    }

    /// Every version, the oldest first.
    #[must_use]
    pub fn versions(&self) -> &[Arc<SchemaVersion>] {
        &self.versions
    }

    /// The logical names of the tables that a version of this schema was for: one,
    /// unless items were given up.
    #[must_use]
    pub fn table_names(&self) -> &BTreeSet<String> {
        &self.table_names
    }

    /// The names that the policy can be asked about in items of this schema: the
    /// attributes that any version of it encrypts; of documents the paths of the
    /// version in force, since their values are called by the paths of the present.
    #[must_use]
    pub fn encrypted_names(&self) -> &Arc<BTreeSet<String>> {
        match self.schema.documents() {
            Some(documents) => documents.names(),
            None => &self.encrypted_names,
        }
    }

    /// The labels of attribute or path `name`, with those of paths that are gone and
    /// whose values count as this one now.
    #[must_use]
    pub fn labels(&self, name: &str) -> Cow<'_, BTreeSet<String>> {
        let mut labels = Cow::Borrowed(self.schema.labels(name));
        for former in self.former_labels.of(&self.schema, name) {
            labels.to_mut().extend(former.iter().cloned());
        }
        labels
    }

    /// The labels that attributes and paths had last which an earlier version has and
    /// this one has not: items may still hold them.
    #[must_use]
    pub(super) const fn former_labels(&self) -> &FormerLabels {
        &self.former_labels
    }

    /// How many such labels there are if `new` takes the place of this version.
    #[must_use]
    pub fn labels_kept(&self, new: &Schema) -> usize {
        let in_force = self.schema.document().attributes.iter();
        let in_force = in_force.map(|(name, protection)| (name, &protection.labels));
        let kept = self.former_labels.iter().chain(in_force);
        kept.filter(|(name, _)| !new.has_action(name)).map(|(_, labels)| labels.len()).sum()
    }

    /// The key of this schema that opens what `key_arn` wrapped, of this version or of
    /// one before it: that key, or, of a multi-Region key, the related one that the
    /// schema names. (The SDK's multi-Region-key-aware keyring does the same.)
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

/// Labels of attributes and paths that a schema does not have any more.
#[derive(Clone, Debug, Default)]
pub(super) struct FormerLabels(BTreeMap<String, Former>);

#[derive(Clone, Debug)]
struct Former {
    labels: BTreeSet<String>,
    /// The name as a path; `None` if it is none.
    path: Option<Pattern>,
}

impl FormerLabels {
    /// The names with the labels that they had last.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, &BTreeSet<String>)> {
        self.0.iter().map(|(name, former)| (name, &former.labels))
    }

    /// Those of what may count as `name` now, in `schema`, which is in force.
    fn of(&self, schema: &Schema, name: &str) -> impl Iterator<Item = &BTreeSet<String>> {
        let documents = schema.documents().filter(|_| !self.0.is_empty());
        let is_counted = documents.map(|documents| documents.counted_as(name));
        let of_paths = is_counted.into_iter().flat_map(|is_counted| {
            let fits = move |former: &&Former| former.path.as_ref().is_some_and(&is_counted);
            self.0.values().filter(fits)
        });
        let of_items = self.0.get(name).filter(|_| schema.documents().is_none());
        of_paths.chain(of_items).map(|former| &former.labels)
    }

    /// Keeps the labels of what `old` has and `new` has not.
    fn replace(&mut self, old: &Schema, new: &Schema) {
        for (name, protection) in &old.document().attributes {
            if !protection.labels.is_empty() && !new.has_action(name) {
                let labels = protection.labels.clone();
                self.0.insert(name.clone(), Former { labels, path: Pattern::parse(name) });
            }
        }
        for name in new.names() {
            self.0.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;
    use crate::base::ids::{AccountId, Region};
    use crate::items::schema::SchemaDocument;

    fn version(number: i64, document: Value) -> Arc<SchemaVersion> {
        let document: SchemaDocument = serde_json::from_value(document).unwrap();
        Arc::new(SchemaVersion {
            realm: Realm {
                account: AccountId::parse("111122223333").unwrap(),
                region: Region::parse("eu-central-1").unwrap(),
            },
            name: "people".to_owned(),
            version: number,
            schema: Schema::new(document).unwrap(),
            hash: String::new(),
            bytes: 0,
            key_arn: format!("key {number}"),
            additional_key_arns: Vec::new(),
            created_ms: 0,
            created_by: None,
            breaking: false,
            change: String::new(),
        })
    }

    /// A schema of items with these attributes, all labelled.
    fn items(number: i64, names: &[String]) -> Arc<SchemaVersion> {
        let of = |value: Value| -> Map<String, Value> {
            names.iter().map(|name| (name.clone(), value.clone())).collect()
        };
        let mut actions = of(json!("ENCRYPT_AND_SIGN"));
        actions.insert("pk".to_owned(), json!("SIGN_ONLY"));
        let document = json!({
            "tableName": "T", "partitionKeyName": "pk", "attributeActionsOnEncrypt": actions,
            "attributes": of(json!({ "labels": ["pii"] })),
        });
        version(number, document)
    }

    fn documents(number: i64, paths: &Value, attributes: &Value) -> Arc<SchemaVersion> {
        let document = json!({
            "kind": "document", "tableName": "T", "keyId": "k", "idPaths": ["/id"],
            "pathActionsOnEncrypt": paths, "defaultAction": "SIGN_ONLY", "attributes": attributes,
        });
        version(number, document)
    }

    fn pii() -> BTreeSet<String> {
        BTreeSet::from(["pii".to_owned()])
    }

    /// What was ever put is held once, however many versions there are since.
    #[test]
    fn a_version_adds_its_own_alone() {
        let of =
            |number: i64| -> Vec<String> { (0..5).map(|n| format!("a{number}-{n}")).collect() };
        let mut stored = Arc::new(StoredSchema::first(items(1, &of(1))));
        for (before, number) in (1_usize..).zip(2..=100) {
            let place = Arc::as_ptr(&stored);
            assert_eq!(stored.labels_kept(&items(number, &of(number)).schema), 5 * before);
            Arc::make_mut(&mut stored).put(items(number, &of(number)));
            assert_eq!(Arc::as_ptr(&stored), place, "it was copied");
            assert_eq!(Arc::strong_count(stored.encrypted_names()), 1, "they were copied");
        }
        assert_eq!((stored.version, stored.versions().len()), (100, 100));
        assert_eq!(stored.former_labels().iter().count(), 99 * 5);
        assert_eq!(stored.encrypted_names().len(), 100 * 5);
        assert_eq!(stored.opening_key_arn("key 1"), Some("key 1"));
        for name in ["a1-0", "a99-4", "a100-0"] {
            assert_eq!(*stored.labels(name), pii(), "{name}");
        }
        assert!(stored.labels("a101-0").is_empty());
    }

    #[test]
    fn what_comes_back_is_kept_no_longer() {
        let mut stored = StoredSchema::first(items(1, &["a".to_owned()]));
        stored.put(items(2, &[]));
        assert_eq!(*stored.labels("a"), pii());
        let plain = json!({
            "tableName": "T", "partitionKeyName": "pk",
            "attributeActionsOnEncrypt": { "pk": "SIGN_ONLY", "a": "ENCRYPT_AND_SIGN" },
        });
        stored.put(version(3, plain));
        assert!(stored.labels("a").is_empty());
        stored.put(items(4, &[]));
        assert_eq!(stored.former_labels().iter().count(), 0);
    }

    #[test]
    fn a_value_counts_as_the_path_that_decides_now() {
        let labels = json!({ "/a/*/b": { "labels": ["pii"] } });
        let paths = json!({ "/id": "SIGN_ONLY", "/a/*/b": "ENCRYPT_AND_SIGN" });
        let mut stored = StoredSchema::first(documents(1, &paths, &labels));
        stored.put(documents(2, &json!({ "/id": "SIGN_ONLY" }), &json!({})));
        assert_eq!(*stored.labels("/~"), pii());
        assert!(stored.labels("/id").is_empty());
        let paths = json!({ "/id": "SIGN_ONLY", "/a": "SIGN_ONLY", "/c": "ENCRYPT_AND_SIGN" });
        stored.put(documents(3, &paths, &json!({})));
        assert_eq!(*stored.labels("/a"), pii());
        assert!(stored.labels("/~").is_empty() && stored.labels("/c").is_empty());
    }
}
