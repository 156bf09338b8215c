//! Tests of the whole format: vectors of the second implementation, and
//! properties over random documents and schemas.

mod properties;
mod tampering;
mod vectors;

use serde_json::json;

use super::decrypt::{Disclosure, EncryptedValue, ParsedDocument};
use super::encrypt::PreparedDocument;
use super::schema::{EVERYTHING_ELSE, Schema};
use super::value::{Document, Value};
use crate::base::limits;
use crate::base::secret::SecretBytes;
use crate::items;
use crate::items::encrypt::WrappedKey;
use crate::items::error::{ItemError, ItemErrorCode};
use crate::items::header::KMS_PROVIDER_ID;

const INTERMEDIATE_KEY: [u8; 32] = [0x42; 32];

/// One recipient, as a key service would answer.
fn recipient(intermediate_key: &[u8], ciphertext: &[u8]) -> WrappedKey {
    WrappedKey {
        provider_id: KMS_PROVIDER_ID.into(),
        provider_info: b"arn:aws:kms:eu-central-1:111122223333:key/1".to_vec(),
        intermediate_key: SecretBytes::new(intermediate_key.to_vec()),
        ciphertext: ciphertext.to_vec(),
    }
}

/// Bytes that differ from call to call; good enough for tests.
fn counting_random(mut next: u8) -> impl FnMut(&mut [u8]) -> Result<(), ItemError> {
    move |bytes| {
        for byte in bytes {
            next = next.wrapping_mul(29).wrapping_add(101);
            *byte = next;
        }
        Ok(())
    }
}

fn schema(members: serde_json::Value) -> Schema {
    let schema = items::schema::Schema::new(serde_json::from_value(document(members)).unwrap());
    schema.unwrap().documents().unwrap().clone()
}

/// A schema of documents with these members beside or instead of the usual ones.
fn document(members: serde_json::Value) -> serde_json::Value {
    let mut definition = json!({
        "kind": "document", "tableName": "T", "keyId": "k", "idPaths": ["/id"],
        "pathActionsOnEncrypt": {"/id": "SIGN_ONLY"}, "algorithmSuite": "0x6700",
    });
    let serde_json::Value::Object(members) = members else { panic!("an object") };
    definition.as_object_mut().unwrap().extend(members);
    definition
}

fn text(document: &Document) -> String {
    serde_json::to_string(document).unwrap()
}

fn encrypt(schema: &Schema, document: &str) -> Result<String, ItemError> {
    encrypt_with(schema, document, 0)
}

/// [`encrypt`] with other keys for each `seed`.
fn encrypt_with(schema: &Schema, document: &str, seed: u8) -> Result<String, ItemError> {
    let prepared = PreparedDocument::prepare(schema, Document::parse(document)?)?;
    let recipients = [recipient(&INTERMEDIATE_KEY, &[0x17; 100])];
    Ok(text(&prepared.finish(&recipients, &mut counting_random(seed))?))
}

fn decrypt(schema: &Schema, document: &str) -> Result<String, ItemError> {
    decrypt_some(schema, document, |_| true)
}

fn decrypt_some(
    schema: &Schema,
    document: &str,
    wanted: impl Fn(&EncryptedValue<'_>) -> bool,
) -> Result<String, ItemError> {
    let parsed = ParsedDocument::parse(schema, Document::parse_encrypted(document)?)?;
    let verified = parsed.verify(0, &SecretBytes::new(INTERMEDIATE_KEY.to_vec()))?;
    let opened = verified.decrypt(|value| match wanted(value) {
        true => Disclosure::Plain,
        false => Disclosure::Withheld,
    })?;
    Ok(text(&opened.document))
}

fn code(outcome: Result<String, ItemError>) -> ItemErrorCode {
    outcome.unwrap_err().code
}

/// What a store that sorts members and writes numbers anew gives back.
fn as_stored(value: Value) -> Value {
    match value {
        Value::Number(text) => Value::Number(super::number::by_value(&text).unwrap()),
        Value::List(elements) => Value::List(elements.into_iter().map(as_stored).collect()),
        Value::Object(members) => {
            let mut members: Vec<_> =
                members.into_iter().map(|(name, value)| (name, as_stored(value))).collect();
            members.sort_by(|one, other| one.0.len().cmp(&other.0.len()).then(one.0.cmp(&other.0)));
            Value::Object(members)
        }
        other => other,
    }
}

#[test]
fn a_document_from_end_to_end() {
    let schema = schema(json!({
        "pathActionsOnEncrypt": {
            "/id": "SIGN_ONLY", "/ssn": "ENCRYPT_AND_SIGN", "/cards/*/number": "ENCRYPT_AND_SIGN",
            "/cache": "DO_NOTHING",
        },
        "defaultAction": "SIGN_ONLY",
    }));
    let plain =
        r#"{"id":1,"ssn":"123","cards":[{"number":4111,"type":"x"},{"type":"y"}],"cache":[1]}"#;
    let encrypted = encrypt(&schema, plain).unwrap();
    assert!(encrypted.starts_with(r#"{"id":1,"ssn":"wb1:"#), "{encrypted}");
    assert!(
        encrypted.contains(r#"","type":"x"},{"type":"y"}],"cache":[1],"wardbook_head":""#),
        "{encrypted}"
    );
    assert_eq!(decrypt(&schema, &encrypted).unwrap(), plain);
    let stored = as_stored(Value::parse_document(&encrypted, (usize::MAX, usize::MAX)).unwrap());
    assert_eq!(
        decrypt(&schema, &text(&Document(stored))).unwrap(),
        r#"{"id":1e0,"ssn":"123","cache":[1e0],"cards":[{"type":"x","number":4111},{"type":"y"}]}"#
    );
}

#[test]
fn only_what_is_wanted_is_decrypted() {
    let schema = schema(json!({
        "pathActionsOnEncrypt": {"/id": "SIGN_ONLY", "/a/*": "ENCRYPT_AND_SIGN", "/o": "SIGN_ONLY", "/o/b": "ENCRYPT_AND_SIGN"},
        "defaultAction": "ENCRYPT_AND_SIGN",
    }));
    let plain = r#"{"rest":[[1,2]],"id":"x","a":[1,{"q":2},3],"o":{"b":4,"c":5}}"#;
    let encrypted = encrypt(&schema, plain).unwrap();
    let some = |pointers: &[&str]| {
        decrypt_some(&schema, &encrypted, |value| pointers.contains(&value.pointer.as_str()))
            .unwrap()
    };
    assert_eq!(some(&[]), r#"{"rest":[[null,null]],"id":"x","a":[null,null,null],"o":{"c":5}}"#);
    assert_eq!(
        some(&["/a/1", "/rest/0/0"]),
        r#"{"rest":[[1,null]],"id":"x","a":[null,{"q":2},null],"o":{"c":5}}"#
    );
    assert_eq!(
        some(&["/o/b"]),
        r#"{"rest":[[null,null]],"id":"x","a":[null,null,null],"o":{"b":4,"c":5}}"#
    );
    let parsed =
        ParsedDocument::parse(&schema, Document::parse_encrypted(&encrypted).unwrap()).unwrap();
    let values: Vec<_> =
        parsed.encrypted_values().map(|value| (value.pointer, value.names.join(" "))).collect();
    let want = [
        ("/a/0", "/a/*"),
        ("/a/1", "/a/*"),
        ("/a/2", "/a/*"),
        ("/o/b", "/o/b"),
        ("/rest/0/0", EVERYTHING_ELSE),
        ("/rest/0/1", EVERYTHING_ELSE),
    ];
    assert_eq!(values, want.map(|(pointer, names)| (pointer.to_owned(), names.to_owned())));
}

#[test]
fn masks_stand_for_values() {
    let schema = schema(json!({"defaultAction": "ENCRYPT_AND_SIGN"}));
    let encrypted =
        encrypt(&schema, r#"{"id":1,"a":["12345",2,true],"b":"x","c":{"d":"y"},"e":7}"#).unwrap();
    let document = Document::parse_encrypted(&encrypted).unwrap();
    let parsed = ParsedDocument::parse(&schema, document).unwrap();
    let verified = parsed.verify(0, &SecretBytes::new(INTERMEDIATE_KEY.to_vec())).unwrap();
    let last = |value: &Value| match value {
        Value::String(text) => Some(Value::String(format!("*{}", text.chars().last()?))),
        _ => None,
    };
    let opened = verified
        .decrypt(|value| match value.pointer.as_str() {
            "/b" => Disclosure::Plain,
            "/c/d" => Disclosure::Withheld,
            "/e" => Disclosure::Unasked,
            _ => Disclosure::Masked(Box::new(last)),
        })
        .unwrap();
    assert_eq!(text(&opened.document), r#"{"id":1,"a":["*5",null,null],"b":"x","c":{}}"#);
    assert_eq!(opened.masked, ["/a/0"]);
    assert_eq!(opened.withheld, ["/a/1", "/a/2", "/c/d"]);
}

#[test]
fn a_schema_may_change_between_encrypted_and_signed() {
    let of = |action: serde_json::Value| {
        schema(json!({"pathActionsOnEncrypt": action, "defaultAction": "SIGN_ONLY"}))
    };
    let whole = of(json!({"/p": "ENCRYPT_AND_SIGN"}));
    let parts = of(json!({"/p/ssn": "ENCRYPT_AND_SIGN", "/p/*/tax": "ENCRYPT_AND_SIGN"}));
    let none = of(json!({"/q": "ENCRYPT_AND_SIGN"}));
    let plain = r#"{"id":1,"p":{"ssn":"1","job":{"tax":2},"open":3}}"#;
    for writer in [&whole, &parts, &none] {
        let encrypted = encrypt(writer, plain).unwrap();
        for reader in [&whole, &parts, &none] {
            assert_eq!(decrypt(reader, &encrypted).unwrap(), plain);
        }
    }
    let encrypted = Document::parse_encrypted(&encrypt(&parts, plain).unwrap()).unwrap();
    let parsed = ParsedDocument::parse(&whole, encrypted).unwrap();
    assert!(parsed.encrypted_values().all(|value| value.names == ["/p"]));

    let left = of(json!({"/p/open": "DO_NOTHING"}));
    let encrypted = encrypt(&parts, plain).unwrap();
    assert_eq!(code(decrypt(&left, &encrypted)), ItemErrorCode::SchemaMismatch);
}

/// Opens `document` for somebody who sees what counts as `names` only; with it what
/// is noted as shown, masked and withheld.
fn open_as(schema: &Schema, document: &str, names: &[&str]) -> (String, [Vec<String>; 3]) {
    let parsed = ParsedDocument::parse(schema, Document::parse_encrypted(document).unwrap());
    let key = SecretBytes::new(INTERMEDIATE_KEY.to_vec());
    let verified = parsed.unwrap().verify(0, &key).unwrap();
    let is_seen = |value: &EncryptedValue<'_>| value.names.iter().all(|name| names.contains(name));
    let opened = verified.decrypt(|value| match is_seen(value) {
        true => Disclosure::Plain,
        false => Disclosure::Withheld,
    });
    let opened = opened.unwrap();
    let noted = [opened.plain_names, opened.masked_names, opened.withheld_names];
    (text(&opened.document), noted.map(|names| names.into_iter().collect()))
}

/// Whoever may not see a part of it now may not see the whole of before; but only
/// if it has that part.
#[test]
fn a_value_counts_as_the_paths_that_it_has_inside() {
    let of = |actions: serde_json::Value, default: &str| {
        schema(json!({"pathActionsOnEncrypt": actions, "defaultAction": default}))
    };
    let whole = of(json!({"/p": "ENCRYPT_AND_SIGN"}), "SIGN_ONLY");
    let parts = of(
        json!({
            "/id": "SIGN_ONLY", "/p/ssn": "ENCRYPT_AND_SIGN", "/p/*/tax": "ENCRYPT_AND_SIGN",
        }),
        "ENCRYPT_AND_SIGN",
    );
    for (plain, inside) in [
        (r#"{"id":1,"p":{"ssn":"1","job":{"tax":[2]}}}"#, &["/p/*/tax", "/p/ssn"][..]),
        (r#"{"id":1,"p":{"open":3,"jobs":[{"tax":null}]}}"#, &[]),
        (r#"{"id":1,"p":{"open":3,"jobs":{"tax":null}}}"#, &["/p/*/tax"]),
        (r#"{"id":1,"p":{"open":[3]}}"#, &[]),
        (r#"{"id":1,"p":"a text as long as an object"}"#, &[]),
        (r#"{"id":1,"p":[]}"#, &[]),
    ] {
        let encrypted = encrypt(&whole, plain).unwrap();
        let all = [&[EVERYTHING_ELSE], inside].concat();
        let mut sorted = all.clone();
        sorted.sort_unstable();
        let none = Vec::new();
        let seen = open_as(&parts, &encrypted, &["/p/ssn", "/p/*/tax", EVERYTHING_ELSE]);
        assert_eq!(seen.1[0], sorted, "{plain}");
        assert_eq!((seen.0.as_str(), &seen.1[2]), (plain, &none), "{plain}");
        let least = open_as(&parts, &encrypted, &[EVERYTHING_ELSE]);
        let withheld = (r#"{"id":1}"#.to_owned(), [none.clone(), none.clone(), seen.1[0].clone()]);
        assert_eq!(least, if inside.is_empty() { seen } else { withheld }, "{plain}");
        let closed = open_as(&parts, &encrypted, &["/p/ssn", "/p/*/tax"]);
        assert_eq!(closed.1, [none.clone(), none, vec![EVERYTHING_ELSE.to_owned()]], "{plain}");
    }
}

/// A value does not carry every path of the schema with it.
#[test]
fn many_values_below_many_paths() {
    let long = "x".repeat(100);
    let mut actions: serde_json::Map<_, _> =
        (0..499).map(|n| (format!("/*/{n}{long}"), json!("ENCRYPT_AND_SIGN"))).collect();
    actions.insert("/id".to_owned(), json!("SIGN_ONLY"));
    let schema =
        schema(json!({"pathActionsOnEncrypt": actions, "defaultAction": "ENCRYPT_AND_SIGN"}));
    let members: Vec<_> = (0..9_999).map(|n| format!(r#""m{n}":"text""#)).collect();
    let plain = format!(r#"{{"id":1,{}}}"#, members.join(","));
    let encrypted = encrypt(&schema, &plain).unwrap();
    let document = Document::parse_encrypted(&encrypted).unwrap();
    let parsed = ParsedDocument::parse(&schema, document).unwrap();
    assert!(parsed.encrypted_values().all(|value| value.names == [EVERYTHING_ELSE]));
    assert_eq!(parsed.names().into_iter().collect::<Vec<_>>(), [EVERYTHING_ELSE]);
    assert_eq!(parsed.names_inside().len(), 499);
    let seen = open_as(&schema, &encrypted, &[EVERYTHING_ELSE]);
    assert_eq!(seen.0, plain);
    assert_eq!(seen.1[0], [EVERYTHING_ELSE]);
}

#[test]
fn what_cannot_be_encrypted() {
    let open = schema(json!({"defaultAction": "SIGN_ONLY"}));
    let closed = schema(json!({}));
    for (schema, document, want, pointer) in [
        (&open, r#"{"a":1}"#, ItemErrorCode::MissingKeyAttribute, Some("/id")),
        (&open, r#"{"id":null}"#, ItemErrorCode::MissingKeyAttribute, Some("/id")),
        (&open, r#"{"id":["x"]}"#, ItemErrorCode::MissingKeyAttribute, Some("/id")),
        (&open, r#"{"id":1,"wardbook_x":1}"#, ItemErrorCode::ReservedAttribute, Some("wardbook_x")),
        (
            &open,
            r#"{"id":1,"a":[1e9999999999999999]}"#,
            ItemErrorCode::NumberOutOfRange,
            Some("/a/0"),
        ),
        (&open, r#"{"id":1e9999999999999999}"#, ItemErrorCode::NumberOutOfRange, Some("/id")),
        (
            &closed,
            r#"{"id":1,"a":{"b/c":[true]}}"#,
            ItemErrorCode::NoActionForAttribute,
            Some("/a/b~1c/0"),
        ),
        (&open, "[]", ItemErrorCode::MalformedAttribute, None),
    ] {
        let error = encrypt(schema, document).unwrap_err();
        assert_eq!((error.code, error.attribute.as_deref()), (want, pointer), "{document}");
    }
    let long = format!(r#"{{"id":"{}"}}"#, "x".repeat(8_192));
    assert_eq!(code(encrypt(&open, &long)), ItemErrorCode::ContextTooLarge);
    let encrypted = encrypt(&open, r#"{"id":1}"#).unwrap();
    let error = encrypt(&open, &encrypted).unwrap_err();
    assert!(error.message.contains("already"), "{error}");
    assert_eq!(code(decrypt(&open, r#"{"id":1}"#)), ItemErrorCode::NotEncrypted);
}

/// What is encrypted is not interpreted: any number of JSON is kept.
#[test]
fn encrypted_numbers_keep_every_digit() {
    let schema = schema(json!({"defaultAction": "ENCRYPT_AND_SIGN"}));
    for number in
        ["1.0", "1e400", "-0", "1E+2", "123456789012345678901234567890", "1e99999999999999999999"]
    {
        let plain = format!(r#"{{"id":1,"n":{number},"l":[{number}]}}"#);
        assert_eq!(decrypt(&schema, &encrypt(&schema, &plain).unwrap()).unwrap(), plain);
    }
}

/// The context names the document, in words no item's context has.
#[test]
fn the_context_names_the_document() {
    let definition = json!({
        "idPaths": ["/id", "/tenant/0/name"], "defaultAction": "SIGN_ONLY", "algorithmSuite": "0x6701",
    });
    let document = Document::parse(r#"{"id":7.0,"tenant":[{"name":"a"}]}"#).unwrap();
    let prepared = PreparedDocument::prepare(&schema(definition), document).unwrap();
    let context = prepared.encryption_context();
    let pairs: Vec<_> = context.iter().filter(|(key, _)| *key != "aws-crypto-public-key").collect();
    let want = [
        ("wardbook-format", "document"),
        ("wardbook-id./id", "n:7e0"),
        ("wardbook-id./tenant/0/name", "s:a"),
        ("wardbook-table-name", "T"),
    ];
    assert_eq!(pairs, want);
    assert!(context.find("aws-crypto-public-key").is_some());
}

/// The largest document that can be encrypted can be decrypted.
#[test]
fn a_document_at_its_limits_comes_back() {
    let schema = schema(json!({"defaultAction": "ENCRYPT_AND_SIGN"}));
    let ones = "1,".repeat(9_990);
    let rest = 1024 * 1024 - ones.len() - 40;
    let plain = format!(r#"{{"id":1,"ones":[{ones}0],"rest":"{}"}}"#, "x".repeat(rest));
    assert_eq!(decrypt(&schema, &encrypt(&schema, &plain).unwrap()).unwrap(), plain);
    // With header and footer it has more values than a document that is not encrypted.
    let rules = json!({"pathActionsOnEncrypt": {"/id": "SIGN_ONLY", "/free": "DO_NOTHING"}});
    let schema = self::schema(rules);
    let plain = format!(r#"{{"id":1,"free":[{}0]}}"#, "0,".repeat(limits::DOCUMENT_VALUES - 4));
    assert_eq!(decrypt(&schema, &encrypt(&schema, &plain).unwrap()).unwrap(), plain);
}
