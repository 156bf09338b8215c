//! Tests of the whole format: the vectors of `tests/vectors/dbesdk.json`, and
//! properties over random items.

mod alterations;
mod drawn;
mod properties;
mod rewrapping;
mod tampering;
mod vectors;
mod version_two;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::attribute::Item;
use super::encrypt::{PreparedItem, WrappedKey};
use super::error::ItemError;
use super::header::KMS_PROVIDER_ID;
use super::schema::Schema;
use super::{dynamodb_json, plain_json};
use crate::base::limits;
use crate::base::secret::SecretBytes;

#[derive(Deserialize)]
pub(super) struct Vectors {
    sdk: Vec<Vector>,
    reference: Vec<Vector>,
}

#[derive(Deserialize)]
pub(super) struct Vector {
    pub(super) name: String,
    kind: String,
    config: Config,
    keys: Vec<VectorKey>,
    plaintext: Option<Box<RawValue>>,
    encrypted: Option<Box<RawValue>>,
    sdk_decrypted: Option<Box<RawValue>>,
    #[serde(default)]
    pub(super) intermediate: Value,
}

#[derive(Deserialize)]
struct Config {
    table: String,
    partition: String,
    sort: Option<String>,
    actions: BTreeMap<String, String>,
    suite: String,
    #[serde(default)]
    unsigned: Vec<String>,
    unsigned_prefix: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct VectorKey {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) key_hex: String,
}

impl Config {
    fn schema(&self) -> Result<Schema, ItemError> {
        let mut document = json!({
            "tableName": self.table, "partitionKeyName": self.partition, "keyId": "alias/vectors",
            "attributeActionsOnEncrypt": self.actions, "algorithmSuite": self.suite,
            "allowedUnsignedAttributes": self.unsigned,
        });
        if let Some(name) = &self.sort {
            document["sortKeyName"] = json!(name);
        }
        if let Some(prefix) = &self.unsigned_prefix {
            document["allowedUnsignedAttributePrefix"] = json!(prefix);
        }
        Schema::new(serde_json::from_value(document).unwrap())
    }

    fn is_version_two(&self) -> bool {
        self.actions.values().any(|action| action == "SIGN_AND_INCLUDE_IN_ENCRYPTION_CONTEXT")
    }
}

fn load() -> Vectors {
    serde_json::from_str(include_str!("../../../tests/vectors/dbesdk.json")).unwrap()
}

/// The items of known answer.
pub(super) fn reference_known_answers() -> Vec<Vector> {
    let mut vectors = load().reference;
    vectors.retain(|vector| vector.kind == "known-answer");
    vectors
}

pub(super) fn hex(text: &str) -> Vec<u8> {
    let pairs = text.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

fn item(raw: Option<&RawValue>) -> Item {
    dynamodb_json::parse(raw.unwrap().get()).unwrap()
}

/// Equality whose failure shows both items.
#[track_caller]
fn assert_same(found: &Item, want: &Item, what: &str) {
    let text = |item| serde_json::to_string(&dynamodb_json::DynamoDbJson(item)).unwrap();
    assert_eq!(text(found), text(want), "{what}");
}

const INTERMEDIATE_KEY: [u8; 32] = [0x42; 32];

/// One recipient, as a key service would answer.
fn recipient() -> WrappedKey {
    WrappedKey {
        provider_id: KMS_PROVIDER_ID.into(),
        provider_info: b"arn:aws:kms:us-east-1:111122223333:key/1234".to_vec(),
        intermediate_key: SecretBytes::new(INTERMEDIATE_KEY.to_vec()),
        ciphertext: vec![0x17; 100],
    }
}

/// Bytes that differ from call to call; good enough for tests.
fn counting_random() -> impl FnMut(&mut [u8]) -> Result<(), ItemError> {
    let mut next = 0_u8;
    move |bytes| {
        for byte in bytes {
            next = next.wrapping_mul(29).wrapping_add(101);
            *byte = next;
        }
        Ok(())
    }
}

/// The largest items that can be encrypted can be decrypted.
#[test]
fn an_item_at_its_limits_comes_back() {
    let schema = json!({
        "tableName": "T", "partitionKeyName": "pk", "keyId": "k", "algorithmSuite": "0x6700",
        "attributeActionsOnEncrypt": {"pk": "SIGN_ONLY", "a": "ENCRYPT_AND_SIGN"},
        "allowedUnsignedAttributePrefix": ":",
    });
    let schema = Schema::new(serde_json::from_value(schema).unwrap()).unwrap();
    let wide = |name: &str| {
        let elements = vec![r#"{"N":"1"}"#; limits::ITEM_VALUES - 2].join(",");
        format!(r#"{{"{name}":{{"L":[{elements}]}},"pk":{{"S":"1"}}}}"#)
    };
    let long = |name: &str| {
        let rest = limits::ITEM_BYTES - 40;
        format!(r#"{{"{name}":{{"S":"{}"}},"pk":{{"S":"1"}}}}"#, "x".repeat(rest))
    };
    let attributes: Vec<String> =
        (0..100_000).map(|n| format!(r#"":{n:06}":{{"NULL":true}}"#)).collect();
    let many = format!(r#"{{{},"pk":{{"S":"1"}}}}"#, attributes.join(","));
    for plain in [wide("a"), wide(":a"), long("a"), long(":a"), many] {
        let sealed = encrypt(&schema, dynamodb_json::parse(&plain).unwrap()).unwrap();
        let text = serde_json::to_string(&dynamodb_json::DynamoDbJson(&sealed)).unwrap();
        assert!(text.len() <= limits::ENCRYPTED_ITEM_BYTES);
        let opened = decrypt(&schema, dynamodb_json::parse_encrypted(&text).unwrap()).unwrap();
        assert!(opened == dynamodb_json::parse(&plain).unwrap(), "{:?}", plain.get(..40));
        let text = serde_json::to_string(&plain_json::PlainJson(&sealed)).unwrap();
        let again = plain_json::parse_encrypted(&text, &schema).unwrap();
        assert!(decrypt(&schema, again).unwrap() == opened, "{:?}", plain.get(..40));
    }
}

fn encrypt(schema: &Schema, item: Item) -> Result<Item, ItemError> {
    PreparedItem::prepare(schema, item)?.finish(&[recipient()], &mut counting_random())
}

fn decrypt(schema: &Schema, item: Item) -> Result<Item, ItemError> {
    super::decrypt::ParsedItem::parse(schema, item)?
        .finish(0, &SecretBytes::new(INTERMEDIATE_KEY.to_vec()))
}
