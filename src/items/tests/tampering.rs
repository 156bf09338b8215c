//! What a thief of the table could try, and what honest change looks like.

use serde_json::json;

use super::{INTERMEDIATE_KEY, counting_random, decrypt, encrypt, recipient};
use crate::base::secret::SecretBytes;
use crate::items::attribute::{AttributeValue, Item};
use crate::items::decrypt::ParsedItem;
use crate::items::dynamodb_json;
use crate::items::encrypt::{PreparedItem, WrappedKey};
use crate::items::error::{ItemError, ItemErrorCode};
use crate::items::schema::{FOOTER_NAME, HEADER_NAME, Schema};

const SUITES: [&str; 2] = ["0x6700", "0x6701"];

fn schema_with(change: impl FnOnce(&mut serde_json::Value)) -> Schema {
    let mut document = json!({
        "tableName": "Customers", "partitionKeyName": "pk", "sortKeyName": "sk", "keyId": "alias/items",
        "attributeActionsOnEncrypt": {
            "pk": "SIGN_ONLY", "sk": "SIGN_ONLY", "name": "SIGN_ONLY", "tags": "SIGN_ONLY",
            "ssn": "ENCRYPT_AND_SIGN", "note": "ENCRYPT_AND_SIGN", "seen": "DO_NOTHING",
        },
        "allowedUnsignedAttributes": ["seen"], "allowedUnsignedAttributePrefix": ":",
    });
    change(&mut document);
    Schema::new(serde_json::from_value(document).unwrap()).unwrap()
}

fn schema(suite: &str) -> Schema {
    schema_with(|document| document["algorithmSuite"] = json!(suite))
}

fn plain() -> Item {
    dynamodb_json::parse(
        r#"{"pk":{"S":"c-1"},"sk":{"N":"7"},"name":{"S":"Ada"},"tags":{"SS":["b","a"]},"ssn":{"S":"123"},"note":{"S":"456"},"seen":{"N":"zz"},":x":{"S":"?"}}"#,
    )
    .unwrap()
}

fn binary<'a>(item: &'a mut Item, name: &str) -> &'a mut Vec<u8> {
    match item.0.get_mut(name) {
        Some(AttributeValue::B(bytes)) => bytes,
        other => panic!("{name} is {other:?}"),
    }
}

#[track_caller]
fn check_refused(schema: &Schema, item: Item, want: ItemErrorCode) -> ItemError {
    let error = decrypt(schema, item).unwrap_err();
    assert_eq!(error.code, want, "{}", error.message);
    error
}

#[test]
fn round_trip_in_both_suites() {
    for suite in SUITES {
        let schema = schema(suite);
        let encrypted = encrypt(&schema, plain()).unwrap();
        for (name, value) in &encrypted.0 {
            let stored = ["ssn", "note", HEADER_NAME, FOOTER_NAME].contains(&name.as_str());
            assert!(stored == (plain().0.get(name) != Some(value)), "{name}");
        }
        assert!(decrypt(&schema, encrypted).unwrap() == plain());
    }
}

#[test]
fn every_byte_of_header_footer_and_ciphertexts_counts() {
    for suite in SUITES {
        let schema = schema(suite);
        let encrypted = encrypt(&schema, plain()).unwrap();
        let mut refused = 0;
        for name in [HEADER_NAME, FOOTER_NAME, "ssn", "note"] {
            for at in 0..binary(&mut encrypted.clone(), name).len() {
                for mask in [0x01, 0x80] {
                    let mut altered = encrypted.clone();
                    binary(&mut altered, name)[at] ^= mask;
                    assert!(decrypt(&schema, altered).is_err(), "{suite} {name} byte {at}");
                    refused += 1;
                }
                let mut cut = encrypted.clone();
                binary(&mut cut, name).truncate(at);
                assert!(decrypt(&schema, cut).is_err(), "{suite} {name} cut at {at}");
            }
            let mut longer = encrypted.clone();
            binary(&mut longer, name).push(0);
            assert!(decrypt(&schema, longer).is_err(), "{suite} {name} longer");
        }
        assert!(refused > 500, "{refused}");
    }
}

#[test]
fn signed_attributes_cannot_change() {
    for suite in SUITES {
        let schema = schema(suite);
        let encrypted = encrypt(&schema, plain()).unwrap();
        let change = |name: &str, value: AttributeValue| {
            let mut altered = encrypted.clone();
            altered.0.insert(name.to_owned(), value);
            altered
        };
        let text = |text: &str| AttributeValue::S(text.to_owned());
        check_refused(&schema, change("name", text("Adb")), ItemErrorCode::SignatureInvalid);
        check_refused(
            &schema,
            change("name", AttributeValue::B(b"Ada".to_vec())),
            ItemErrorCode::SignatureInvalid,
        );
        check_refused(
            &schema,
            change("tags", AttributeValue::Ss(vec!["a".into()])),
            ItemErrorCode::SignatureInvalid,
        );
        // The keys are part of the encryption context too.
        check_refused(&schema, change("pk", text("c-2")), ItemErrorCode::KeyMismatch);
        check_refused(
            &schema,
            change("sk", AttributeValue::N("8".into())),
            ItemErrorCode::KeyMismatch,
        );
        check_refused(&schema, change("extra", text("")), ItemErrorCode::SchemaMismatch);
        let error =
            check_refused(&schema, change("ssn", text("123")), ItemErrorCode::MalformedAttribute);
        assert_eq!(error.attribute.as_deref(), Some("ssn"));
        // Too short for a type id and a tag.
        let short = AttributeValue::B(vec![0; 17]);
        check_refused(&schema, change("ssn", short), ItemErrorCode::MalformedAttribute);
    }
}

#[test]
fn attributes_cannot_be_removed_swapped_or_renamed() {
    let schema = schema("0x6700");
    let encrypted = encrypt(&schema, plain()).unwrap();
    for (name, want) in [
        ("pk", ItemErrorCode::MissingKeyAttribute),
        ("sk", ItemErrorCode::MissingKeyAttribute),
        ("name", ItemErrorCode::SchemaMismatch),
        ("ssn", ItemErrorCode::SchemaMismatch),
        (HEADER_NAME, ItemErrorCode::NotEncrypted),
        (FOOTER_NAME, ItemErrorCode::NotEncrypted),
    ] {
        let mut altered = encrypted.clone();
        altered.0.remove(name);
        assert_eq!(
            check_refused(&schema, altered, want).attribute.is_some(),
            name != "name" && name != "ssn"
        );
    }
    let mut swapped = encrypted.clone();
    let (one, other) = (encrypted.0["ssn"].clone(), encrypted.0["note"].clone());
    swapped.0.insert("ssn".into(), other);
    swapped.0.insert("note".into(), one);
    check_refused(&schema, swapped, ItemErrorCode::SignatureInvalid);

    let mut renamed = encrypted.clone();
    let value = renamed.0.remove("name").unwrap();
    renamed.0.insert("nama".into(), value);
    check_refused(&schema, renamed, ItemErrorCode::SignatureInvalid);

    // Header and footer of another encryption of the same item.
    let again = PreparedItem::prepare(&schema, plain()).unwrap();
    let again = again
        .finish(&[recipient()], &mut |bytes| {
            bytes.fill(9);
            Ok(())
        })
        .unwrap();
    let mut mixed = encrypted;
    mixed.0.insert("ssn".into(), again.0["ssn"].clone());
    check_refused(&schema, mixed, ItemErrorCode::SignatureInvalid);
}

#[test]
fn unsigned_attributes_may_change() {
    let schema = schema("0x6701");
    let mut encrypted = encrypt(&schema, plain()).unwrap();
    encrypted.0.insert("seen".into(), AttributeValue::Ss(vec!["a".into(), "a".into()]));
    encrypted.0.remove(":x");
    encrypted.0.insert(":y".into(), AttributeValue::Null);
    encrypted.0.insert("aws_dbe_b_ssn".into(), AttributeValue::S("3f".into()));
    let found = decrypt(&schema, encrypted).unwrap();
    assert_eq!(
        found.0.keys().collect::<Vec<_>>(),
        [":y", "name", "note", "pk", "seen", "sk", "ssn", "tags"]
    );
}

#[test]
fn equal_spellings_still_verify() {
    let schema = schema("0x6701");
    let mut encrypted = encrypt(&schema, plain()).unwrap();
    encrypted.0.insert("sk".into(), AttributeValue::N("0.7e1".into()));
    encrypted.0.insert("tags".into(), AttributeValue::Ss(vec!["a".into(), "b".into()]));
    let found = decrypt(&schema, encrypted).unwrap();
    assert!(found.0["sk"] == AttributeValue::N("0.7e1".into()));
}

#[test]
fn schema_may_change_between_encrypted_and_signed_only() {
    let encrypted = encrypt(&schema("0x6701"), plain()).unwrap();
    let swapped = schema_with(|document| {
        document["attributeActionsOnEncrypt"]["ssn"] = json!("SIGN_ONLY");
        document["attributeActionsOnEncrypt"]["name"] = json!("ENCRYPT_AND_SIGN");
        document["algorithmSuite"] = json!("0x6700");
    });
    assert!(decrypt(&swapped, encrypted.clone()).unwrap() == plain());
    let unsigned = schema_with(|document| {
        document["attributeActionsOnEncrypt"]["ssn"] = json!("DO_NOTHING");
        document["allowedUnsignedAttributes"] = json!(["seen", "ssn"]);
    });
    check_refused(&unsigned, encrypted.clone(), ItemErrorCode::SchemaMismatch);
    let signed = schema_with(|document| {
        document["attributeActionsOnEncrypt"]["seen"] = json!("SIGN_ONLY");
        document["allowedUnsignedAttributes"] = json!([]);
    });
    check_refused(&signed, encrypted.clone(), ItemErrorCode::SchemaMismatch);
    let renamed = schema_with(|document| document["tableName"] = json!("Customers2"));
    check_refused(&renamed, encrypted, ItemErrorCode::KeyMismatch);
}

#[test]
fn refuses_to_encrypt() {
    let schema = schema("0x6700");
    let with = |name: &str, value: AttributeValue| {
        let mut item = plain();
        item.0.insert(name.to_owned(), value);
        encrypt(&schema, item).unwrap_err()
    };
    let check = |error: ItemError, code: ItemErrorCode, name: &str| {
        assert_eq!(
            (error.code, error.attribute.as_deref()),
            (code, Some(name)),
            "{}",
            error.message
        );
    };
    check(with("extra", AttributeValue::Null), ItemErrorCode::NoActionForAttribute, "extra");
    check(
        with("aws_dbe_b_ssn", AttributeValue::Null),
        ItemErrorCode::ReservedAttribute,
        "aws_dbe_b_ssn",
    );
    let twice = encrypt(&schema, encrypt(&schema, plain()).unwrap()).unwrap_err();
    assert!(twice.message.contains("already"), "{}", twice.message);
    check(with("ssn", AttributeValue::N("one".into())), ItemErrorCode::MalformedAttribute, "ssn");
    check(with("name", AttributeValue::N("1e200".into())), ItemErrorCode::NumberOutOfRange, "name");
    check(
        with("tags", AttributeValue::Bs(vec![vec![1], vec![1]])),
        ItemErrorCode::DuplicateInSet,
        "tags",
    );
    let mut item = plain();
    item.0.remove("sk");
    check(encrypt(&schema, item).unwrap_err(), ItemErrorCode::MissingKeyAttribute, "sk");
    let long = with("pk", AttributeValue::S("x".repeat(7_000)));
    assert_eq!(long.code, ItemErrorCode::ContextTooLarge);
}

#[test]
fn refuses_bad_keys_and_a_broken_generator() {
    let schema = schema("0x6700");
    let finish = |recipients: &[WrappedKey]| {
        let prepared = PreparedItem::prepare(&schema, plain()).unwrap();
        prepared.finish(recipients, &mut counting_random()).map(|_| ()).map_err(|error| error.code)
    };
    assert_eq!(finish(&[]), Err(ItemErrorCode::InvalidKeyMaterial));
    let many = |count| (0..count).map(|_| recipient()).collect::<Vec<_>>();
    assert_eq!(finish(&many(255)), Ok(()));
    assert_eq!(finish(&many(256)), Err(ItemErrorCode::InvalidKeyMaterial));
    let short = WrappedKey { intermediate_key: SecretBytes::new(vec![1; 31]), ..recipient() };
    assert_eq!(finish(&[short]), Err(ItemErrorCode::InvalidKeyMaterial));
    let long = WrappedKey { ciphertext: vec![0; 65_536 - 48], ..recipient() };
    assert_eq!(finish(&[long]), Err(ItemErrorCode::ItemTooLarge));

    let broken = ItemError::new(ItemErrorCode::RandomUnavailable, "no entropy");
    let prepared = PreparedItem::prepare(&schema, plain()).unwrap();
    assert_eq!(prepared.finish(&[recipient()], &mut |_| Err(broken.clone())).unwrap_err(), broken);
}

#[test]
fn any_recipient_decrypts_and_no_stranger() {
    let schema = schema("0x6701");
    let other = [0x43; 32];
    let recipients = [
        recipient(),
        WrappedKey { intermediate_key: SecretBytes::new(other.to_vec()), ..recipient() },
    ];
    let prepared = PreparedItem::prepare(&schema, plain()).unwrap();
    let encrypted = prepared.finish(&recipients, &mut counting_random()).unwrap();
    let finish = |index, key: [u8; 32]| {
        let parsed = ParsedItem::parse(&schema, encrypted.clone()).unwrap();
        assert_eq!(parsed.data_keys().len(), 2);
        parsed.finish(index, &SecretBytes::new(key.to_vec())).map_err(|error| error.code)
    };
    assert!(finish(0, INTERMEDIATE_KEY).unwrap() == plain());
    assert!(finish(1, other).unwrap() == plain());
    // Each sees its own tag only.
    for (index, key, sees) in [(0, INTERMEDIATE_KEY, true), (1, other, false)] {
        let mut altered = encrypted.clone();
        binary(&mut altered, FOOTER_NAME)[0] ^= 1;
        let parsed = ParsedItem::parse(&schema, altered).unwrap();
        assert_eq!(parsed.finish(index, &SecretBytes::new(key.to_vec())).is_err(), sees);
    }
    assert_eq!(finish(0, other).unwrap_err(), ItemErrorCode::KeyMismatch);
    assert_eq!(finish(2, other).unwrap_err(), ItemErrorCode::InvalidKeyMaterial);
}

#[test]
fn attributes_can_be_withheld() {
    let schema = schema("0x6700");
    let encrypted = encrypt(&schema, plain()).unwrap();
    let parsed = ParsedItem::parse(&schema, encrypted).unwrap();
    assert_eq!(parsed.encrypted_names().collect::<Vec<_>>(), ["ssn", "note"]);
    let verified = parsed.verify(0, &SecretBytes::new(INTERMEDIATE_KEY.to_vec())).unwrap();
    let found = verified.decrypt(|name| name == "note").unwrap();
    let mut want = plain();
    want.0.remove("ssn");
    assert!(found == want);
}

#[test]
fn the_footer_has_the_size_the_header_asks_for() {
    // A footer of the other suite, and one tag too many.
    for suite in SUITES {
        let schema = schema(suite);
        let encrypted = encrypt(&schema, plain()).unwrap();
        for len in [0, 47, 48, 96, 103, 151, 199] {
            let mut altered = encrypted.clone();
            let footer = binary(&mut altered, FOOTER_NAME);
            let same = footer.len() == len;
            footer.resize(len, 0);
            let error = decrypt(&schema, altered).map_err(|error| error.code);
            assert_eq!(error.is_ok(), same, "{suite} {len}");
            assert!(same || error.unwrap_err() == ItemErrorCode::FooterMalformed);
        }
    }
}

/// Who may decrypt knows the keys of an item, but must not be able to turn it
/// into one that needs no signature.
#[test]
fn a_signed_item_cannot_be_made_unsigned() {
    let schema = schema("0x6701");
    let mut altered = encrypt(&schema, plain()).unwrap();
    binary(&mut altered, HEADER_NAME)[1] = 0;
    binary(&mut altered, FOOTER_NAME).truncate(48);
    check_refused(&schema, altered, ItemErrorCode::HeaderMalformed);

    let schema = self::schema("0x6700");
    let mut altered = encrypt(&schema, plain()).unwrap();
    binary(&mut altered, HEADER_NAME)[1] = 1;
    binary(&mut altered, FOOTER_NAME).resize(151, 0);
    check_refused(&schema, altered, ItemErrorCode::HeaderMalformed);
}

/// Whoever may have data keys made could add pairs that a key policy asks for, or the
/// name of another table.
#[test]
fn the_header_stores_no_other_context() {
    let count = 2 + 32;
    for (suite, pairs) in [("0x6700", 0_u8), ("0x6701", 1)] {
        let schema = schema(suite);
        let mut altered = encrypt(&schema, plain()).unwrap();
        let header = binary(&mut altered, HEADER_NAME);
        let legend = usize::from(u16::from_be_bytes([header[count], header[count + 1]]));
        let at = count + 2 + legend;
        assert_eq!(header[at..at + 2], [0, pairs]);
        // Behind the public key or not, in the order of the names.
        let end = if pairs == 0 { at + 2 } else { at + 2 + 2 + 21 + 2 + 68 };
        header[at + 1] += 1;
        header.splice(end..end, *b"\0\x04team\0\x01x");
        let error = check_refused(&schema, altered, ItemErrorCode::HeaderMalformed);
        assert!(error.message.contains("encryption context does not fit"), "{error}");
    }
}

#[test]
fn error_codes_are_their_names() {
    use ItemErrorCode as Code;
    let codes = [
        Code::InvalidSchema,
        Code::MalformedJson,
        Code::MalformedAttribute,
        Code::NumberOutOfRange,
        Code::DuplicateInSet,
        Code::TooDeep,
        Code::ItemTooLarge,
        Code::NoActionForAttribute,
        Code::MissingKeyAttribute,
        Code::MissingContextAttribute,
        Code::ReservedAttribute,
        Code::ContextTooLarge,
        Code::NotEncrypted,
        Code::HeaderMalformed,
        Code::FooterMalformed,
        Code::SchemaMismatch,
        Code::KeyMismatch,
        Code::CommitmentMismatch,
        Code::SignatureInvalid,
        Code::DecryptionFailed,
        Code::InvalidKeyMaterial,
        Code::RandomUnavailable,
        Code::CryptoFailed,
    ];
    for code in codes {
        assert_eq!(code.to_string(), format!("{code:?}"));
    }
}
