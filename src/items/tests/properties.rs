//! What holds for every item and every sequence of bytes.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use serde_json::json;

use super::drawn::{Drawn, drawn};
use super::{assert_same, encrypt};
use crate::items::attribute::{AttributeValue, Item};
use crate::items::bytes::Reader;
use crate::items::context;
use crate::items::decrypt::ParsedItem;
use crate::items::dynamodb_json::{self, DynamoDbJson};
use crate::items::header::Header;
use crate::items::plain_json::{self, PlainJson};
use crate::items::schema::{Action, FOOTER_NAME, HEADER_NAME, Schema};
use crate::items::serialize::{parse, serialize};

/// A schema that encrypts the attributes of `item` but the key `pk`, and signs those that
/// begin with `s`.
pub(super) fn schema_of(item: &Item, suite: &str, version: u8) -> Schema {
    let action = |name: &str| if name.starts_with('s') { "SIGN_ONLY" } else { "ENCRYPT_AND_SIGN" };
    let mut actions: BTreeMap<&str, &str> =
        item.0.keys().map(|name| (name.as_str(), action(name))).collect();
    actions.insert(
        "pk",
        if version == 2 { "SIGN_AND_INCLUDE_IN_ENCRYPTION_CONTEXT" } else { "SIGN_ONLY" },
    );
    let document = json!({
        "tableName": "T", "partitionKeyName": "pk", "keyId": "alias/items", "algorithmSuite": suite,
        "attributeActionsOnEncrypt": actions,
    });
    Schema::new(serde_json::from_value(document).unwrap()).unwrap()
}

fn number() -> impl Strategy<Value = String> {
    (any::<i64>(), 0_u32..1_000, -100_i32..100)
        .prop_map(|(whole, fraction, exponent)| format!("{whole}.{fraction:03}e{exponent}"))
}

/// Text with characters on both sides of U+FFFF, where the two orders differ.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![".{0,12}", "[a\u{e000}\u{ffff}\u{10000}\u{1f600}]{0,4}"]
}

fn leaf() -> impl Strategy<Value = AttributeValue> {
    prop_oneof![
        text().prop_map(AttributeValue::S),
        number().prop_map(AttributeValue::N),
        vec(any::<u8>(), 0..40).prop_map(AttributeValue::B),
        any::<bool>().prop_map(AttributeValue::Bool),
        Just(AttributeValue::Null),
        btree_set(text(), 0..5).prop_map(|set| AttributeValue::Ss(set.into_iter().rev().collect())),
        btree_set(-50_i32..50, 0..5)
            .prop_map(|set| AttributeValue::Ns(set.iter().map(|n| format!("{n}.0")).collect())),
        btree_set(vec(any::<u8>(), 0..6), 0..5)
            .prop_map(|set| AttributeValue::Bs(set.into_iter().rev().collect())),
    ]
}

pub(super) fn value() -> impl Strategy<Value = AttributeValue> {
    leaf().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(AttributeValue::L),
            btree_map(text().prop_filter("a key has a byte", |key| !key.is_empty()), inner, 0..4)
                .prop_map(AttributeValue::M),
        ]
    })
}

/// Values that plain JSON has.
fn plain_value() -> impl Strategy<Value = AttributeValue> {
    let leaf = prop_oneof![
        text().prop_map(AttributeValue::S),
        number().prop_map(AttributeValue::N),
        any::<bool>().prop_map(AttributeValue::Bool),
        Just(AttributeValue::Null),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(AttributeValue::L),
            btree_map("[a-z\u{1f600}]{1,4}", inner, 0..4).prop_map(AttributeValue::M),
        ]
    })
}

/// Values of key attributes, as plain JSON has them.
fn plain_key() -> impl Strategy<Value = AttributeValue> + Clone {
    let texts = prop_oneof![".{0,12}", "[a\u{e000}\u{ffff}\u{10000}\u{1f600}]{0,4}"];
    let numbers = (any::<i64>(), -100_i32..100);
    prop_oneof![
        texts.prop_map(AttributeValue::S),
        numbers.prop_map(|(whole, exponent)| AttributeValue::N(format!("{whole}e{exponent}"))),
    ]
}

/// Items with such values as DynamoDB has.
pub(super) fn any_item() -> impl Strategy<Value = Drawn> {
    let key = prop_oneof![
        3 => plain_key(), 1 => vec(any::<u8>(), 0..40).prop_map(AttributeValue::B),
    ];
    drawn(value(), key)
}

/// The item in the spelling that encryption gives it.
pub(super) fn normal(item: &Item) -> Item {
    Item(
        item.0
            .iter()
            .map(|(name, value)| (name.clone(), parse(&serialize(value, 0).unwrap()).unwrap()))
            .collect(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn decrypts_what_it_encrypted(drawn in any_item()) {
        let Drawn { item, schema, .. } = &drawn;
        // Through the text that is stored.
        let stored = serde_json::to_string(&DynamoDbJson(&drawn.encrypt(item))).unwrap();
        let found = drawn.decrypt(dynamodb_json::parse(&stored).unwrap()).unwrap();
        assert_same(&normal(&found), &normal(item), "");
        for (name, value) in &item.0 {
            // What is not encrypted comes back as it was written.
            if !schema.action(name).is_ok_and(|action| action == Action::EncryptAndSign) {
                prop_assert!(found.0[name] == *value);
            }
        }
    }

    #[test]
    fn plain_json_comes_back(drawn in drawn(plain_value(), plain_key())) {
        let Drawn { item, schema, .. } = &drawn;
        let text = serde_json::to_string(&PlainJson(item)).unwrap();
        assert_same(&plain_json::parse(&text).unwrap(), item, "");
        let encrypted = drawn.encrypt(&plain_json::parse(&text).unwrap());
        let stored = serde_json::to_string(&PlainJson(&encrypted)).unwrap();
        let parsed = plain_json::parse_encrypted(&stored, schema).unwrap();
        assert_same(&parsed, &encrypted, "");
        assert_same(&normal(&drawn.decrypt(parsed).unwrap()), &normal(item), "");
    }

    #[test]
    fn values_survive_serialization(value in value()) {
        let bytes = serialize(&value, 0).unwrap();
        let parsed = parse(&bytes).unwrap();
        prop_assert_eq!(parsed.type_key(), value.type_key());
        prop_assert_eq!(&*serialize(&parsed, 0).unwrap(), &*bytes);
        // Only a bare text or binary has no length of its own to contradict a cut.
        let bare = matches!(value, AttributeValue::S(_) | AttributeValue::N(_) | AttributeValue::B(_));
        prop_assert!(bare || parse(bytes.split_last().unwrap().1).is_err());
    }

    #[test]
    fn any_bytes_as_a_value_are_answered(kind in prop::sample::select(vec![
        [0, 0], [0, 1], [0, 2], [0, 4], [0xff, 0xff], [1, 1], [1, 2], [1, 0xff], [2, 0], [3, 0], [9, 9],
    ]), body in vec(prop_oneof![Just(0_u8), 0_u8..4, any::<u8>()], 0..64)) {
        if let Ok(value) = parse(&[&kind[..], &body].concat()) {
            prop_assert!(serialize(&value, 0).is_ok());
        }
    }

    #[test]
    fn any_bytes_as_header_and_footer_are_answered(
        head in vec(any::<u8>(), 0..200), foot in vec(any::<u8>(), 0..200), cut in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let item = Item([("pk".to_owned(), AttributeValue::Null), ("e".to_owned(), AttributeValue::Null)].into());
        let schema = schema_of(&item, "0x6700", 2);
        let mut encrypted = encrypt(&schema, item).unwrap();
        let Some(AttributeValue::B(good)) = encrypted.0.get(HEADER_NAME).cloned() else { panic!("no header") };
        let mut near = good.clone();
        let position = at.index(near.len());
        near[position] = byte;
        let cut = good[..cut.index(good.len())].to_vec();
        for head in [head, near, cut, good] {
            if let Ok(header) = Header::parse(&head) {
                // A header has one spelling.
                prop_assert_eq!(header.write().unwrap(), &head[..head.len().saturating_sub(32)]);
            }
            encrypted.0.insert(HEADER_NAME.to_owned(), AttributeValue::B(head));
            encrypted.0.insert(FOOTER_NAME.to_owned(), AttributeValue::B(foot.clone()));
            let answered = ParsedItem::parse(&schema, encrypted.clone());
            prop_assert!(answered.is_err() || foot.len() == 48);
        }
    }

    #[test]
    fn contexts_have_one_spelling(bytes in vec(prop_oneof![Just(0_u8), 0_u8..3, any::<u8>()], 0..40), pairs in btree_map(text(), text(), 0..4)) {
        if let Some(context) = context::read(&mut Reader::new(&bytes)) {
            let mut again = Vec::new();
            context::write(&context, &mut again).unwrap();
            prop_assert!(bytes.starts_with(&again));
        }
        let context = crate::base::context::EncryptionContext::new(pairs);
        let mut written = Vec::new();
        context::write(&context, &mut written).unwrap();
        prop_assert_eq!(context::read(&mut Reader::new(&written)), Some(context));
    }

    #[test]
    fn any_text_as_an_item_is_answered(text in ".{0,80}", parts in vec(prop::sample::select(vec![
        "{", "}", "[", "]", ",", ":", "\"a\"", "\"S\"", "\"N\"", "\"L\"", "\"M\"", "\"BOOL\"", "\"NULL\"", "\"BS\"", "true", "1", "\"AA==\"",
    ]), 0..16)) {
        for text in [text, parts.concat(), format!("{{\"a\":{}}}", parts.concat())] {
            if let Ok(item) = dynamodb_json::parse(&text) {
                let printed = serde_json::to_string(&DynamoDbJson(&item)).unwrap();
                assert_same(&dynamodb_json::parse(&printed).unwrap(), &item, &text);
            }
            if let Ok(item) = plain_json::parse(&text) {
                let printed = serde_json::to_string(&PlainJson(&item)).unwrap();
                assert_same(&plain_json::parse(&printed).unwrap(), &item, &text);
            }
        }
    }
}
