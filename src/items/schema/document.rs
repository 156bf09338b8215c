//! The document of an item schema, as a database engineer writes it.
//!
//! Deliberately absent: the rules that a document must keep; they are those of
//! [`Schema`](super::Schema).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

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

/// A schema as it is written. Unknown members, and an attribute given two
/// actions, are refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SchemaDocument {
    /// The logical table name. It is bound to every item: it should be the same
    /// for all copies of a table, and can never change.
    pub table_name: String,
    pub partition_key_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort_key_name: Option<String>,
    /// The KMS key that wraps the keys of new items; if left out, the one that
    /// AWS manages for DynamoDB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    #[serde(deserialize_with = "actions_once")]
    pub attribute_actions_on_encrypt: BTreeMap<String, Action>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub allowed_unsigned_attributes: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_unsigned_attribute_prefix: Option<String>,
    #[serde(default)]
    pub algorithm_suite: AlgorithmSuite,
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
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// The last of two actions for one attribute must not silently win.
fn actions_once<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, Action>, D::Error> {
    struct Actions;
    impl<'de> Visitor<'de> for Actions {
        type Value = BTreeMap<String, Action>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object of attribute names and actions")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut actions = BTreeMap::new();
            while let Some((name, action)) = map.next_entry::<String, Action>()? {
                if actions.contains_key(&name) {
                    return Err(A::Error::custom(format!("attribute `{name}` has two actions")));
                }
                actions.insert(name, action);
            }
            Ok(actions)
        }
    }
    deserializer.deserialize_map(Actions)
}
