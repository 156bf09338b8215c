//! The paths of a schema of documents: which value is encrypted, signed or left
//! alone.
//!
//! Deliberately absent: the text that an engineer writes; it is that of every
//! schema, [`SchemaDocument`].

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::pattern::{self, Pattern, Segment};
use super::rules::Rules;
use super::{RESERVED_PREFIX, context};
use crate::base::limits;
use crate::items::error::{ItemError, ItemErrorCode};
use crate::items::schema::{AlgorithmSuite, SchemaDocument};

pub use super::rules::EVERYTHING_ELSE;

/// What happens to the values at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PathAction {
    /// Stored as ciphertext, and signed. A list or an object is encrypted as one
    /// value.
    EncryptAndSign,
    /// Stored as it is, and signed, with everything inside unless a longer path
    /// says otherwise.
    SignOnly,
    /// Left alone with everything inside: anybody may change, remove or add it.
    DoNothing,
}

impl PathAction {
    /// The action as it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EncryptAndSign => "ENCRYPT_AND_SIGN",
            Self::SignOnly => "SIGN_ONLY",
            Self::DoNothing => "DO_NOTHING",
        }
    }
}

/// What happens to single values that no path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DefaultAction {
    EncryptAndSign,
    SignOnly,
}

impl From<DefaultAction> for PathAction {
    fn from(action: DefaultAction) -> Self {
        match action {
            DefaultAction::EncryptAndSign => Self::EncryptAndSign,
            DefaultAction::SignOnly => Self::SignOnly,
        }
    }
}

/// The paths of a schema of documents; they keep all rules.
#[derive(Clone, Debug)]
pub struct Schema {
    table_name: String,
    algorithm_suite: AlgorithmSuite,
    /// See [`Self::names`]; shared with every call that asks.
    names: Arc<BTreeSet<String>>,
    rules: Arc<Rules>,
    ids: Vec<IdPath>,
}

/// Where an identifying value stands.
#[derive(Clone, Debug)]
pub(super) struct IdPath {
    pub(super) path: String,
    /// Member names, or indexes.
    pub(super) names: Vec<String>,
}

impl Schema {
    /// Checks what `document` says of documents against the rules.
    ///
    /// # Errors
    /// `InvalidSchema` with the rule, the path and the remedy.
    pub fn new(document: &SchemaDocument) -> Result<Self, ItemError> {
        if !(1..=limits::DOCUMENT_IDS).contains(&document.id_paths.len()) {
            return Err(invalid(format!(
                "idPaths names 1 to {} values that tell a document from all others of its table: \
                 without them one document could stand in the place of another",
                limits::DOCUMENT_IDS
            )));
        }
        let actions = &document.path_actions_on_encrypt;
        if actions.len() > limits::DOCUMENT_RULES {
            let message =
                format!("pathActionsOnEncrypt has at most {} paths", limits::DOCUMENT_RULES);
            return Err(invalid(message));
        }
        let rules = Rules::new(actions, document.default_action)?;
        for path in actions.keys() {
            check_unreserved(path, &pattern::parse(path)?)?;
        }
        let ids = id_paths(&document.id_paths, &rules)?;
        let names = actions.keys().map(String::as_str).chain([EVERYTHING_ELSE]);
        Ok(Self {
            table_name: document.table_name.clone(),
            algorithm_suite: document.algorithm_suite,
            names: Arc::new(names.map(str::to_owned).collect()),
            rules: Arc::new(rules),
            ids,
        })
    }

    /// Every name that an encrypted value can have: the paths as they are
    /// written, and [`EVERYTHING_ELSE`].
    #[must_use]
    pub fn names(&self) -> &Arc<BTreeSet<String>> {
        &self.names
    }

    /// The names of what new documents have encrypted.
    pub fn encrypted_names(&self) -> impl Iterator<Item = &str> {
        self.rules.encrypted_names()
    }

    /// Tells of a path that the schema does not have any more whether values that were
    /// encrypted as it may count as `name` now.
    pub(in crate::items) fn counted_as(&self, name: &str) -> impl Fn(&Pattern) -> bool {
        let is_rest = name == EVERYTHING_ELSE;
        let path = Pattern::parse(name);
        // A * is taken for a name that is too long to stand in a path: where no path
        // decides there, none does for some values.
        let unnamed = "*".repeat(limits::DOCUMENT_PATH_BYTES.saturating_add(1));
        move |former| {
            if !is_rest {
                return path.as_ref().is_some_and(|path| pattern::overlap(&path.0, &former.0));
            }
            let position = former.0.iter().fold(self.rules.start(), |position, segment| {
                let name = match segment {
                    Segment::Named(name) => name,
                    Segment::Any => &unnamed,
                };
                self.rules.child(&position, name)
            });
            self.rules.name(position.decider()) == EVERYTHING_ELSE
        }
    }

    pub(super) fn table_name(&self) -> &str {
        &self.table_name
    }

    pub(super) fn algorithm_suite(&self) -> AlgorithmSuite {
        self.algorithm_suite
    }

    pub(super) fn rules(&self) -> &Arc<Rules> {
        &self.rules
    }

    pub(super) fn ids(&self) -> &[IdPath] {
        &self.ids
    }
}

fn check_unreserved(path: &str, segments: &[Segment]) -> Result<(), ItemError> {
    match segments.first() {
        Some(Segment::Named(name)) if name.starts_with(RESERVED_PREFIX) => {
            Err(invalid(format!(
                "path `{path}` begins with {RESERVED_PREFIX}, which belongs to the format: rename the member"
            ))
            .of(path))
        }
        _ => Ok(()),
    }
}

fn id_paths(paths: &BTreeSet<String>, rules: &Rules) -> Result<Vec<IdPath>, ItemError> {
    let mut ids = Vec::with_capacity(paths.len());
    for path in paths {
        let segments = pattern::parse(path)?;
        check_unreserved(path, &segments)?;
        let mut names = Vec::with_capacity(segments.len());
        for segment in segments {
            let Segment::Named(name) = segment else {
                return Err(invalid(format!(
                    "identifying path `{path}` has a *: it must lead to one value"
                ))
                .of(path));
            };
            names.push(name);
        }
        let position =
            names.iter().fold(rules.start(), |position, name| rules.child(&position, name));
        if rules.action(&position) != Some(PathAction::SignOnly) {
            return Err(invalid(format!(
                "identifying path `{path}` must be SIGN_ONLY: documents are found by its value, \
                 so set it in pathActionsOnEncrypt"
            ))
            .of(path));
        }
        if path.len().saturating_add(context::ID_PREFIX.len()) > limits::KEY_NAME_BYTES {
            return Err(invalid(format!("identifying path `{path}` is too long")).of(path));
        }
        ids.push(IdPath { path: path.clone(), names });
    }
    Ok(ids)
}

fn invalid(message: impl Into<String>) -> ItemError {
    ItemError::new(ItemErrorCode::InvalidSchema, message)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::EVERYTHING_ELSE;
    use crate::items::error::ItemErrorCode;
    use crate::items::schema::{AlgorithmSuite, Schema, SchemaDocument};

    fn base() -> Value {
        json!({
            "kind": "document", "tableName": "customers", "keyId": "alias/documents",
            "idPaths": ["/_id"],
            "pathActionsOnEncrypt": {
                "/_id": "SIGN_ONLY", "/profile/ssn": "ENCRYPT_AND_SIGN", "/cache": "DO_NOTHING",
            },
            "defaultAction": "SIGN_ONLY",
        })
    }

    fn with(member: &str, value: Value) -> Value {
        let mut definition = base();
        definition[member] = value;
        definition
    }

    #[test]
    fn accepts_and_prints() {
        let definition: SchemaDocument = serde_json::from_value(base()).unwrap();
        let schema = Schema::new(definition.clone()).unwrap();
        assert_eq!(definition.algorithm_suite, AlgorithmSuite::EcdsaP384);
        let printed = serde_json::to_value(schema.document()).unwrap();
        assert_eq!(serde_json::from_value::<SchemaDocument>(printed).unwrap(), definition);
        assert_eq!(
            schema.documents().unwrap().names().iter().collect::<Vec<_>>(),
            ["/_id", "/cache", "/profile/ssn", EVERYTHING_ELSE]
        );
    }

    #[test]
    fn definitions_are_strict() {
        for (member, value) in [
            ("kind", json!("item")),
            ("defaultAction", json!("DO_NOTHING")),
            ("partitionKey", json!("pk")),
            ("pathActionsOnEncrypt", json!({"/a": "SIGN_AND_INCLUDE_IN_ENCRYPTION_CONTEXT"})),
        ] {
            let definition = with(member, value);
            assert!(serde_json::from_value::<SchemaDocument>(definition).is_err(), "{member}");
        }
        let twice = base()
            .to_string()
            .replace(r#""/_id":"SIGN_ONLY""#, r#""/_id":"SIGN_ONLY","/_id":"DO_NOTHING""#);
        let error = serde_json::from_str::<SchemaDocument>(&twice).unwrap_err();
        assert!(error.to_string().contains("given twice"), "{error}");
    }

    #[test]
    fn rules() {
        let many: serde_json::Map<_, _> =
            (0..501).map(|n| (format!("/m{n}"), json!("SIGN_ONLY"))).collect();
        for (member, value, path, part) in [
            ("tableName", json!(""), None, "tableName"),
            ("keyId", json!(""), None, "keyId"),
            ("idPaths", json!([]), None, "idPaths"),
            (
                "idPaths",
                json!(["/a", "/b", "/c", "/d", "/e", "/f", "/g", "/h", "/i"]),
                None,
                "1 to 8",
            ),
            ("idPaths", json!(["_id"]), Some("_id"), "JSON Pointer"),
            ("idPaths", json!(["/ids/*"]), Some("/ids/*"), "one value"),
            ("idPaths", json!(["/profile/ssn"]), Some("/profile/ssn"), "SIGN_ONLY"),
            ("idPaths", json!(["/cache/id"]), Some("/cache/id"), "SIGN_ONLY"),
            ("idPaths", json!(["/wardbook_id"]), Some("/wardbook_id"), "belongs to the format"),
            ("defaultAction", Value::Null, None, ""),
            (
                "pathActionsOnEncrypt",
                json!({"/wardbook_head": "DO_NOTHING"}),
                Some("/wardbook_head"),
                "format",
            ),
            (
                "pathActionsOnEncrypt",
                json!({"/a": "ENCRYPT_AND_SIGN", "/a/b": "SIGN_ONLY"}),
                Some("/a/b"),
                "inside",
            ),
            ("pathActionsOnEncrypt", Value::Object(many), None, "500"),
        ] {
            let definition: SchemaDocument = serde_json::from_value(with(member, value)).unwrap();
            let outcome = Schema::new(definition);
            if part.is_empty() {
                // A path for the id is enough.
                outcome.unwrap();
                continue;
            }
            let error = outcome.unwrap_err();
            assert_eq!(error.code, ItemErrorCode::InvalidSchema);
            assert_eq!(error.attribute.as_deref(), path, "{member}");
            assert!(error.message.contains(part), "{}", error.message);
        }
    }

    #[test]
    fn a_schema_is_of_items_or_of_documents() {
        for (member, value, part) in [
            ("partitionKeyName", json!("pk"), "partitionKeyName belongs to schemas of items"),
            ("attributeActionsOnEncrypt", json!({"a": "SIGN_ONLY"}), "of items"),
            ("kind", Value::Null, "idPaths belongs to schemas of"),
            ("keyId", Value::Null, "keyId"),
        ] {
            let definition = serde_json::from_value(with(member, value)).unwrap();
            let error = Schema::new(definition).unwrap_err();
            assert!(error.message.contains(part), "{}", error.message);
        }
    }

    #[test]
    fn an_id_needs_an_action() {
        let mut definition = with("idPaths", json!(["/other"]));
        definition["defaultAction"] = Value::Null;
        let error = Schema::new(serde_json::from_value(definition).unwrap()).unwrap_err();
        assert!(error.message.contains("SIGN_ONLY"), "{}", error.message);
    }
}
