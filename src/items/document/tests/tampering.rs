//! Attempts to have one document taken for another.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{INTERMEDIATE_KEY, code, decrypt, encrypt, encrypt_with, schema};
use crate::base::secret::SecretBytes;
use crate::items::attribute::AttributeValue;
use crate::items::document::decrypt::ParsedDocument;
use crate::items::document::schema::Schema;
use crate::items::document::value::Document;
use crate::items::document::{FOOTER_NAME, HEADER_NAME};
use crate::items::encrypt::PreparedItem;
use crate::items::error::ItemErrorCode;
use crate::items::plain_json;
use crate::items::schema::Schema as ItemSchema;

fn open() -> Schema {
    schema(open_members())
}

fn open_members() -> Value {
    json!({
        "pathActionsOnEncrypt": {
            "/id": "SIGN_ONLY", "/a": "ENCRYPT_AND_SIGN", "/b": "ENCRYPT_AND_SIGN",
            "/l/*": "ENCRYPT_AND_SIGN", "/free": "DO_NOTHING", "/half/free": "DO_NOTHING",
        },
        "defaultAction": "SIGN_ONLY",
    })
}

const PLAIN: &str =
    r#"{"id":"1","a":"one","b":"two","l":[1,2],"s":{"x":[],"y":{}},"free":1,"half":{"free":2}}"#;

fn encrypted(schema: &Schema) -> Value {
    serde_json::from_str(&encrypt(schema, PLAIN).unwrap()).unwrap()
}

#[track_caller]
fn check(schema: &Schema, document: &Value, want: ItemErrorCode) {
    assert_eq!(code(decrypt(schema, &document.to_string())), want);
}

#[test]
fn every_letter_counts() {
    let schema = open();
    let text = encrypt(&schema, PLAIN).unwrap();
    let free = text.find(r#""free":1"#).unwrap()..text.find(r#""wardbook_head""#).unwrap();
    let mut accepted = Vec::new();
    for at in 0..text.len() {
        if free.contains(&at) {
            continue;
        }
        for mask in [1, 2, 0x20] {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= mask;
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            if decrypt(&schema, &changed).is_ok() {
                accepted.push((at, changed));
            }
        }
    }
    assert!(accepted.is_empty(), "{accepted:?}");
}

#[test]
fn ciphertexts_do_not_move() {
    let schema = open();
    for (one, other) in [("/a", "/b"), ("/l/0", "/l/1"), ("/a", "/l/0"), ("/a", "/s/x")] {
        let mut document = encrypted(&schema);
        let value = document.pointer(one).unwrap().clone();
        let other = std::mem::replace(document.pointer_mut(other).unwrap(), value);
        *document.pointer_mut(one).unwrap() = other;
        assert!(decrypt(&schema, &document.to_string()).is_err(), "{one}");
    }
    // Not even to the same place of another document under the same key.
    let mut document = encrypted(&schema);
    let other: Value = serde_json::from_str(&encrypt_with(&schema, PLAIN, 9).unwrap()).unwrap();
    document["a"] = other["a"].clone();
    check(&schema, &document, ItemErrorCode::SignatureInvalid);
}

#[test]
fn headers_and_footers_do_not_move() {
    let schema = open();
    let other: Value = serde_json::from_str(&encrypt_with(&schema, PLAIN, 9).unwrap()).unwrap();
    for names in [&[HEADER_NAME][..], &[FOOTER_NAME], &[HEADER_NAME, FOOTER_NAME]] {
        let mut document = encrypted(&schema);
        for name in names {
            document[*name] = other[*name].clone();
        }
        check(&schema, &document, ItemErrorCode::SignatureInvalid);
    }
    let mut swapped = encrypted(&schema);
    swapped[HEADER_NAME] = other[FOOTER_NAME].clone();
    check(&schema, &swapped, ItemErrorCode::HeaderMalformed);
}

#[test]
fn shape_is_signed() {
    let schema = open();
    for (pointer, value) in [
        ("/s/x", json!({})),
        ("/s/x", json!([[]])),
        ("/s/x", Value::Null),
        ("/s/y", json!([])),
        ("/s", json!({"x": []})),
        ("/s", json!({"x": [], "y": {}, "z": {}})),
        ("/s", json!([[], {}])),
        ("/half", json!([])),
        ("/half", Value::Null),
        ("/half", json!({"free": 2, "more": 1})),
        ("/id", json!("2")),
        ("/id", json!(1)),
        ("/l", json!([])),
    ] {
        let mut document = encrypted(&schema);
        *document.pointer_mut(pointer).unwrap() = value.clone();
        assert!(decrypt(&schema, &document.to_string()).is_err(), "{pointer} {value}");
    }
    let mut document = encrypted(&schema);
    document["wardbook_extra"] = json!(1);
    check(&schema, &document, ItemErrorCode::SchemaMismatch);
}

#[test]
fn what_is_left_alone_may_change() {
    let schema = open();
    let change = |edit: &dyn Fn(&mut Value)| {
        let mut document = encrypted(&schema);
        edit(&mut document);
        serde_json::from_str::<Value>(&decrypt(&schema, &document.to_string()).unwrap()).unwrap()
    };
    assert_eq!(
        change(&|document| document["free"] = json!({"any": [1]}))["free"]["any"],
        json!([1])
    );
    assert_eq!(
        change(&|document| drop(document.as_object_mut().unwrap().remove("free"))).get("free"),
        None
    );
    assert_eq!(change(&|document| document["half"] = json!({}))["half"], json!({}));
}

#[test]
fn another_table_or_identity_is_another_context() {
    let document = encrypted(&open()).to_string();
    let definition = json!({"tableName": "U", "defaultAction": "SIGN_ONLY"});
    assert_eq!(code(decrypt(&schema(definition), &document)), ItemErrorCode::SchemaMismatch);
    let mut definition = open_members();
    definition["tableName"] = json!("U");
    assert_eq!(code(decrypt(&schema(definition.clone()), &document)), ItemErrorCode::KeyMismatch);
    definition["tableName"] = json!("T");
    definition["idPaths"] = json!(["/id", "/s/z"]);
    assert_eq!(code(decrypt(&schema(definition), &document)), ItemErrorCode::MissingKeyAttribute);
    let moved = document.replace(r#""id":"1""#, r#""id":"2""#);
    assert_eq!(code(decrypt(&open(), &moved)), ItemErrorCode::KeyMismatch);
}

/// What an item's header says is never a document's, and no key of an item
/// opens a document.
#[test]
fn an_item_is_no_document() {
    let item_schema = json!({
        "tableName": "T", "partitionKeyName": "id", "keyId": "k", "algorithmSuite": "0x6700",
        "attributeActionsOnEncrypt": {"id": "SIGN_ONLY", "a": "ENCRYPT_AND_SIGN"},
    });
    let item_schema = ItemSchema::new(serde_json::from_value(item_schema).unwrap()).unwrap();
    let item = plain_json::parse(r#"{"id":"1","a":"one"}"#).unwrap();
    let prepared = PreparedItem::prepare(&item_schema, item).unwrap();
    let item_context = prepared.encryption_context().clone();
    let recipients = [super::recipient(&INTERMEDIATE_KEY, &[0x17; 100])];
    let item = prepared.finish(&recipients, &mut super::counting_random(0)).unwrap();
    let binary = |name: &str| match &item.0[name] {
        AttributeValue::B(bytes) => STANDARD.encode(bytes),
        _ => panic!("binary"),
    };
    let schema = open();
    let document = json!({
        "id": "1", "a": format!("wb1:{}", binary("a")),
        HEADER_NAME: binary("aws_dbe_head"), FOOTER_NAME: binary("aws_dbe_foot"),
    });
    check(&schema, &document, ItemErrorCode::HeaderMalformed);

    // Under the magic of a document it is still another context and commitment.
    let mut head = STANDARD.decode(binary("aws_dbe_head")).unwrap();
    head.splice(..1, *b"D\x01");
    let mut forged = document;
    forged[HEADER_NAME] = json!(STANDARD.encode(head));
    check(&schema, &forged, ItemErrorCode::KeyMismatch);
    let document = Document::parse_encrypted(&encrypt(&schema, PLAIN).unwrap()).unwrap();
    let parsed = ParsedDocument::parse(&schema, document).unwrap();
    assert_ne!(parsed.encryption_context(), &item_context);
}

/// Who may only decrypt has the keys of the recipient tags, but not that of the
/// signature; and the header cannot be turned to the suite without one.
#[test]
fn a_signature_cannot_be_left_out() {
    let mut definition = open_members();
    definition["algorithmSuite"] = json!("0x6701");
    let schema = schema(definition);
    let document = encrypted(&schema);
    let mut header = STANDARD.decode(document[HEADER_NAME].as_str().unwrap()).unwrap();
    let mut footer = STANDARD.decode(document[FOOTER_NAME].as_str().unwrap()).unwrap();
    assert_eq!(footer.len(), 48 + 103);

    let mut cut = document.clone();
    footer.truncate(48);
    cut[FOOTER_NAME] = json!(STANDARD.encode(&footer));
    check(&schema, &cut, ItemErrorCode::FooterMalformed);
    header[2] = 0;
    cut[HEADER_NAME] = json!(STANDARD.encode(&header));
    check(&schema, &cut, ItemErrorCode::HeaderMalformed);

    // A tag that holds under another document's signature is not enough.
    let other: Value = serde_json::from_str(&encrypt_with(&schema, PLAIN, 9).unwrap()).unwrap();
    let other = STANDARD.decode(other[FOOTER_NAME].as_str().unwrap()).unwrap();
    let mut mixed = document.clone();
    let tag = STANDARD.decode(document[FOOTER_NAME].as_str().unwrap()).unwrap();
    mixed[FOOTER_NAME] = json!(STANDARD.encode([&tag[..48], &other[48..]].concat()));
    check(&schema, &mixed, ItemErrorCode::SignatureInvalid);
}

#[test]
fn wrong_keys_open_nothing() {
    let schema = open();
    let text = encrypt(&schema, PLAIN).unwrap();
    let parse =
        || ParsedDocument::parse(&schema, Document::parse_encrypted(&text).unwrap()).unwrap();
    let with =
        |index, key: Vec<u8>| parse().finish(index, &SecretBytes::new(key)).unwrap_err().code;
    assert_eq!(with(0, vec![1; 32]), ItemErrorCode::KeyMismatch);
    assert_eq!(with(0, vec![0x42; 31]), ItemErrorCode::InvalidKeyMaterial);
    assert_eq!(with(1, INTERMEDIATE_KEY.to_vec()), ItemErrorCode::InvalidKeyMaterial);
}
