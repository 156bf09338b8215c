//! Format version 2: attributes in the encryption context.

use serde_json::json;

use super::{assert_same, decrypt, encrypt};
use crate::items::attribute::{AttributeValue, Item};
use crate::items::decrypt::ParsedItem;
use crate::items::dynamodb_json;
use crate::items::encrypt::PreparedItem;
use crate::items::error::ItemErrorCode;
use crate::items::schema::{HEADER_NAME, Schema};

const IN_CONTEXT: &str = "SIGN_AND_INCLUDE_IN_ENCRYPTION_CONTEXT";

/// A schema whose attributes `pk` and `tenant` have the action `context`.
fn schema(context: &str, suite: &str) -> Schema {
    let document = json!({
        "tableName": "Orders", "partitionKeyName": "pk", "algorithmSuite": suite,
        "attributeActionsOnEncrypt": {
            "pk": context, "tenant": context, "city": "SIGN_ONLY", "ssn": "ENCRYPT_AND_SIGN",
        },
        "allowedUnsignedAttributePrefix": ":",
    });
    Schema::new(serde_json::from_value(document).unwrap()).unwrap()
}

fn plain() -> Item {
    dynamodb_json::parse(
        r#"{"pk":{"S":"o-1"},"tenant":{"S":"blue"},"city":{"S":"Ulm"},"ssn":{"S":"123"},":n":{"N":"1"}}"#,
    )
    .unwrap()
}

#[test]
fn the_context_names_the_tenant() {
    for suite in ["0x6700", "0x6701"] {
        let two = schema(IN_CONTEXT, suite);
        let prepared = PreparedItem::prepare(&two, plain()).unwrap();
        let context = prepared.encryption_context().clone();
        assert_eq!(context.find("aws-crypto-attr.tenant"), Some("blue"));
        assert_eq!(context.find("aws-crypto-attr.pk"), Some("o-1"));
        assert_eq!(context.find("aws-crypto-attr.city"), None);
        assert_eq!(context.find("aws-crypto-legend"), Some("SS"));

        let encrypted = encrypt(&two, plain()).unwrap();
        let AttributeValue::B(header) = &encrypted.0[HEADER_NAME] else { panic!("no header") };
        assert_eq!((header[0], &header[34..40]), (2, &b"\0\x04cesc"[..]));
        assert_same(&decrypt(&two, encrypted).unwrap(), &plain(), suite);
    }
}

/// The header says how an item was written; the schema only which attributes
/// are signed. So a table may go over from one version to the other.
#[test]
fn items_of_either_version_are_read_under_either_schema() {
    let (one, two) = (schema("SIGN_ONLY", "0x6701"), schema(IN_CONTEXT, "0x6701"));
    for (writer, reader) in [(&one, &two), (&two, &one)] {
        let encrypted = encrypt(writer, plain()).unwrap();
        assert_same(&decrypt(reader, encrypted).unwrap(), &plain(), "");
    }
}

#[test]
fn what_goes_into_the_context_must_be_there() {
    let two = schema(IN_CONTEXT, "0x6700");
    for (name, want) in [
        ("tenant", ItemErrorCode::MissingContextAttribute),
        ("pk", ItemErrorCode::MissingKeyAttribute),
    ] {
        let mut item = plain();
        item.0.remove(name);
        let error = encrypt(&two, item).unwrap_err();
        assert_eq!((error.code, error.attribute.as_deref()), (want, Some(name)));
    }
    let mut item = plain();
    item.0.insert("tenant".into(), AttributeValue::S("x".repeat(8_100)));
    assert_eq!(encrypt(&two, item).unwrap_err().code, ItemErrorCode::ContextTooLarge);
}

#[test]
fn the_context_cannot_change() {
    let two = schema(IN_CONTEXT, "0x6700");
    let encrypted = encrypt(&two, plain()).unwrap();
    for (value, what) in [
        (AttributeValue::S("red".into()), "another value"),
        (AttributeValue::B(b"blue".to_vec()), "another type"),
    ] {
        let mut altered = encrypted.clone();
        altered.0.insert("tenant".into(), value);
        assert_eq!(decrypt(&two, altered).unwrap_err().code, ItemErrorCode::KeyMismatch, "{what}");
    }
    // A header that leaves the tenant, or the key, out of the context; or that
    // says it is of version 1.
    for (at, byte, want) in [
        (39, b's', ItemErrorCode::KeyMismatch),
        (38, b'c', ItemErrorCode::KeyMismatch),
        (36, b's', ItemErrorCode::SchemaMismatch),
        (0, 1, ItemErrorCode::HeaderMalformed),
    ] {
        let mut altered = encrypted.clone();
        let Some(AttributeValue::B(header)) = altered.0.get_mut(HEADER_NAME) else { panic!() };
        header[at] = byte;
        let error = ParsedItem::parse(&two, altered.clone())
            .and_then(|_| decrypt(&two, altered))
            .unwrap_err();
        assert_eq!(error.code, want, "{}", error.message);
    }
}
