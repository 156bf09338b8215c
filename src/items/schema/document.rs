//! The document of an item schema, as a database engineer writes it.
//!
//! Deliberately absent: the rules that a document must keep; they are those of
//! [`Schema`](super::Schema).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::RESERVED_PREFIX;
use crate::items::document::schema::{DefaultAction, PathAction};
use crate::items::protection::{Protection, Purposes};

/// What happens to an attribute on encryption.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Action {
    /// Stored as ciphertext, and signed.
    EncryptAndSign,
    /// Stored as it is, and signed.
    SignOnly,
    /// Signed, and copied into the encryption context: format version 2.
    SignAndIncludeInEncryptionContext,
    /// Left alone: anybody may change it.
    DoNothing,
}

impl Action {
    /// The action as it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EncryptAndSign => "ENCRYPT_AND_SIGN",
            Self::SignOnly => "SIGN_ONLY",
            Self::SignAndIncludeInEncryptionContext => "SIGN_AND_INCLUDE_IN_ENCRYPTION_CONTEXT",
            Self::DoNothing => "DO_NOTHING",
        }
    }
}

/// What a schema is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// JSON documents, by paths.
    Document,
}

/// How an item is signed. Both suites encrypt with AES-256-GCM, derive with
/// HKDF-SHA-512, commit to the key and sign with HMAC-SHA-384.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AlgorithmSuite {
    /// 0x6700: who can decrypt can also forge.
    HmacOnly,
    /// 0x6701: also signed with a fresh P-384 key that is bound to the wrapping
    /// key's context, so that who may only decrypt cannot forge.
    #[default]
    EcdsaP384,
}

impl AlgorithmSuite {
    /// The suite's name in the SDK.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::HmacOnly => "ALG_AES_256_GCM_HKDF_SHA512_COMMIT_KEY_SYMSIG_HMAC_SHA384",
            Self::EcdsaP384 => {
                "ALG_AES_256_GCM_HKDF_SHA512_COMMIT_KEY_ECDSA_P384_SYMSIG_HMAC_SHA384"
            }
        }
    }

    /// The low byte of the suite's id, as it stands in the header.
    pub(in crate::items) fn flavor(self) -> u8 {
        match self {
            Self::HmacOnly => 0,
            Self::EcdsaP384 => 1,
        }
    }

    pub(in crate::items) fn of_flavor(flavor: u8) -> Option<Self> {
        [Self::HmacOnly, Self::EcdsaP384].into_iter().find(|suite| suite.flavor() == flavor)
    }
}

impl Serialize for AlgorithmSuite {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for AlgorithmSuite {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.as_str() {
            "0x6700" => Ok(Self::HmacOnly),
            "0x6701" => Ok(Self::EcdsaP384),
            name => [Self::HmacOnly, Self::EcdsaP384]
                .into_iter()
                .find(|suite| suite.name() == name)
                .ok_or_else(|| D::Error::custom("unknown algorithmSuite: write 0x6700 or 0x6701")),
        }
    }
}

/// A schema as it is written. Unknown members, and names that are given twice,
/// are refused.
///
/// A member that says nothing is left out when a document is printed: so a member
/// that a later release adds changes no hash of a schema that has none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SchemaDocument {
    /// What is encrypted by it; items of DynamoDB if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// The logical table name. It is bound to every item: it should be the same
    /// for all copies of a table, and can never change.
    pub table_name: String,
    /// Of items only, as the next one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub partition_key_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort_key_name: Option<String>,
    /// The KMS key that wraps the keys of new items; if left out, the one that
    /// AWS manages for DynamoDB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// More KMS keys that wrap the keys of new items, in this order: any one of
    /// them opens an item, so that losing `keyId` does not lose the table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub additional_key_ids: Vec<String>,
    /// Of items only, as the next two.
    #[serde(default, deserialize_with = "map_once", skip_serializing_if = "BTreeMap::is_empty")]
    pub attribute_actions_on_encrypt: BTreeMap<String, Action>,
    #[serde(default, deserialize_with = "set_once", skip_serializing_if = "BTreeSet::is_empty")]
    pub allowed_unsigned_attributes: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_unsigned_attribute_prefix: Option<String>,
    /// Of documents only, as the next two: where the values stand that tell one
    /// document from all others of the table. They are bound to its key.
    #[serde(default, deserialize_with = "set_once", skip_serializing_if = "BTreeSet::is_empty")]
    pub id_paths: BTreeSet<String>,
    #[serde(default, deserialize_with = "map_once", skip_serializing_if = "BTreeMap::is_empty")]
    pub path_actions_on_encrypt: BTreeMap<String, PathAction>,
    /// If left out, a document with a value that no path names is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_action: Option<DefaultAction>,
    #[serde(default)]
    pub algorithm_suite: AlgorithmSuite,
    /// What attributes are, and how they look masked.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "map_once")]
    pub attributes: BTreeMap<String, Protection>,
    /// What items may be read for.
    #[serde(default, skip_serializing_if = "Purposes::are_open")]
    pub purposes: Purposes,
    #[serde(default, skip_serializing_if = "FieldReadRules::is_default")]
    pub field_reads: FieldReadRules,
}

/// What the field-read book may have of the items of a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct FieldReadRules {
    /// Whether it has the keys of items in clear, beside their references. Keys
    /// are often personal data.
    pub clear_keys: bool,
}

impl FieldReadRules {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl SchemaDocument {
    /// Whether attribute `name` is signed: all are, except the allowed unsigned
    /// ones and those of the format itself.
    #[must_use]
    pub fn is_signed(&self, name: &str) -> bool {
        let prefix = self.allowed_unsigned_attribute_prefix.as_deref();
        !name.starts_with(RESERVED_PREFIX)
            && !self.allowed_unsigned_attributes.contains(name)
            && !prefix.is_some_and(|prefix| name.starts_with(prefix))
    }

    /// Whether an attribute goes into the encryption context, which makes new items
    /// ones of format version 2.
    #[must_use]
    pub fn has_context_attributes(&self) -> bool {
        let mut actions = self.attribute_actions_on_encrypt.values();
        actions.any(|action| *action == Action::SignAndIncludeInEncryptionContext)
    }

    /// The key attributes' names: partition key, then sort key if there is one.
    pub fn key_names(&self) -> impl Iterator<Item = &str> {
        let partition = Some(&self.partition_key_name).filter(|_| self.kind.is_none());
        [partition, self.sort_key_name.as_ref()].into_iter().flatten().map(String::as_str)
    }
}

/// A map in which no name stands twice: the last one must not silently win.
pub(in crate::items) fn map_once<'de, D: Deserializer<'de>, V: Deserialize<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, V>, D::Error> {
    struct Once<V>(PhantomData<V>);
    impl<'de, V: Deserialize<'de>> Visitor<'de> for Once<V> {
        type Value = BTreeMap<String, V>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("names with their values")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut read = BTreeMap::new();
            while let Some((name, value)) = map.next_entry::<String, V>()? {
                if read.contains_key(&name) {
                    return Err(A::Error::custom(format!("`{name}` is given twice")));
                }
                read.insert(name, value);
            }
            Ok(read)
        }
    }
    deserializer.deserialize_map(Once(PhantomData))
}

/// A list in which no name stands twice: one of them is a slip of the pen.
pub(in crate::items) fn set_once<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeSet<String>, D::Error> {
    let mut read = BTreeSet::new();
    for name in Vec::<String>::deserialize(deserializer)? {
        if read.contains(&name) {
            return Err(D::Error::custom(format!("`{name}` is listed twice")));
        }
        read.insert(name);
    }
    Ok(read)
}
