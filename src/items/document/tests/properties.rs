//! What holds for every document and every schema.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::json;

use super::{as_stored, decrypt, encrypt, text};
use crate::items::document::schema::Schema;
use crate::items::document::value::{Document, Value};
use crate::items::document::{FOOTER_NAME, HEADER_NAME};
use crate::items::error::ItemError;
use crate::items::schema;

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        (any::<i64>(), 0_u32..1_000, -400_i32..400)
            .prop_map(|(whole, fraction, exponent)| format!("{whole}.{fraction:03}e{exponent}")),
        any::<i32>().prop_map(|number| number.to_string()),
    ]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![6 => "[a-d]", 1 => "[0-2]", 1 => "[~/*\u{10000}\u{ff5e}é]{0,2}"]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        number().prop_map(Value::Number),
        ".{0,6}".prop_map(Value::String),
        Just(Value::String("wb1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".into())),
    ];
    leaf.prop_recursive(4, 30, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::List),
            btree_map(name(), inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().rev().collect())),
        ]
    })
}

/// A document with a string under `id`.
fn document() -> impl Strategy<Value = Value> {
    (btree_map(name(), value(), 0..5), ".{0,4}", any::<Index>()).prop_map(|(members, id, at)| {
        let mut members: Vec<_> = members.into_iter().collect();
        let at = at.index(members.len().saturating_add(1));
        members.insert(at, ("id".into(), Value::String(id)));
        Value::Object(members)
    })
}

/// Any schema that keeps the rules.
fn schema(actions: &'static [&'static str]) -> impl Strategy<Value = Schema> {
    let path = vec(prop_oneof![4 => "[a-d]", 2 => "[*]", 1 => "[0-2]"], 1..4)
        .prop_map(|tokens| format!("/{}", tokens.join("/")));
    let rules = vec((path, select(actions)), 0..5);
    let default = select(vec!["SIGN_ONLY", "ENCRYPT_AND_SIGN"]);
    (rules, default, select(vec!["0x6700", "0x6700", "0x6701"])).prop_map(
        |(rules, default, suite)| {
            let mut actions = BTreeMap::from([("/id".to_owned(), "SIGN_ONLY")]);
            build(&mut actions, rules, default, suite)
        },
    )
}

/// Takes one rule after the other, but none that contradicts those before it.
fn build(
    actions: &mut BTreeMap<String, &'static str>,
    rules: Vec<(String, &'static str)>,
    default: &str,
    suite: &str,
) -> Schema {
    let make = |actions: &BTreeMap<String, &'static str>| {
        let definition = json!({
            "kind": "document", "tableName": "T", "keyId": "k", "idPaths": ["/id"],
            "pathActionsOnEncrypt": actions, "defaultAction": default, "algorithmSuite": suite,
        });
        let schema = schema::Schema::new(serde_json::from_value(definition).unwrap())?;
        Ok::<_, ItemError>(schema.documents().unwrap().clone())
    };
    let mut schema = make(actions).unwrap();
    for (path, action) in rules {
        let mut more = actions.clone();
        more.insert(path, action);
        if let Ok(found) = make(&more) {
            *actions = more;
            schema = found;
        }
    }
    schema
}

/// Every place of a value, the document itself not among them.
fn places(value: &Value) -> Vec<Vec<usize>> {
    let count = match value {
        Value::List(elements) => elements.len(),
        Value::Object(members) => members.len(),
        _ => 0,
    };
    let mut found = Vec::new();
    for index in 0..count {
        found.push(vec![index]);
        for below in places(value.at(&[index]).unwrap()) {
            found.push([&[index][..], &below].concat());
        }
    }
    found
}

/// One change somewhere in a document.
#[derive(Clone, Debug)]
enum Change {
    Remove,
    Add(String),
    Rename(String),
    Replace(Value),
    Swap(Index),
    Letter(Index),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        Just(Change::Remove),
        name().prop_map(Change::Add),
        name().prop_map(Change::Rename),
        value().prop_map(Change::Replace),
        any::<Index>().prop_map(Change::Swap),
        any::<Index>().prop_map(Change::Letter),
    ]
}

fn apply(root: &mut Value, at: Index, change: Change) {
    let places = places(root);
    let place = at.get(&places).clone();
    let (last, holder) = place.split_last().unwrap();
    match change {
        Change::Replace(value) => *root.at_mut(&place).unwrap() = value,
        Change::Swap(other) => {
            let other = other.get(&places);
            if other.starts_with(&place) || place.starts_with(other) {
                return;
            }
            let one = root.at(&place).unwrap().clone();
            let two = std::mem::replace(root.at_mut(other).unwrap(), one);
            *root.at_mut(&place).unwrap() = two;
        }
        Change::Letter(which) => {
            if let Value::String(text) = root.at_mut(&place).unwrap() {
                let mut letters: Vec<char> = text.chars().collect();
                if letters.is_empty() {
                    letters.push('x');
                } else {
                    let which = which.index(letters.len());
                    letters[which] = if letters[which] == 'A' { 'B' } else { 'A' };
                }
                *text = letters.into_iter().collect();
            }
        }
        Change::Remove => match root.at_mut(holder).unwrap() {
            Value::List(elements) => drop(elements.remove(*last)),
            Value::Object(members) => drop(members.remove(*last)),
            _ => {}
        },
        Change::Add(name) => match root.at_mut(holder).unwrap() {
            Value::List(elements) => elements.insert(*last, Value::Null),
            Value::Object(members) => members.push((name, Value::Null)),
            _ => {}
        },
        Change::Rename(name) => {
            if let Value::Object(members) = root.at_mut(holder).unwrap() {
                members[*last].0 = name;
            }
        }
    }
}

const ALL: &[&str] = &["ENCRYPT_AND_SIGN", "SIGN_ONLY", "DO_NOTHING"];
const SIGNED: &[&str] = &["ENCRYPT_AND_SIGN", "SIGN_ONLY"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn decrypts_what_it_encrypted(document in document(), schema in schema(ALL)) {
        let plain = text(&Document(document));
        let encrypted = encrypt(&schema, &plain).unwrap();
        prop_assert_eq!(&decrypt(&schema, &encrypted).unwrap(), &plain);
        // Through a store that keeps neither order nor spelling.
        let stored = as_stored(Value::parse_document(&encrypted, (usize::MAX, usize::MAX)).unwrap());
        let found = decrypt(&schema, &text(&Document(stored))).unwrap();
        let same = |text: &str| as_stored(Value::parse_document(text, (usize::MAX, usize::MAX)).unwrap());
        prop_assert!(same(&found) == same(&plain), "{} {}", found, plain);
    }

    /// With nothing left alone, a change is refused exactly if it changes more
    /// than order and spelling.
    #[test]
    fn any_change_is_found(document in document(), schema in schema(SIGNED), at in any::<Index>(), change in change()) {
        let encrypted = encrypt(&schema, &text(&Document(document))).unwrap();
        let original = Value::parse_document(&encrypted, (usize::MAX, usize::MAX)).unwrap();
        let mut changed = original.clone();
        apply(&mut changed, at, change);
        let outcome = decrypt(&schema, &text(&Document(changed.clone())));
        prop_assert_eq!(outcome.is_ok(), as_stored(changed) == as_stored(original), "{:?}", outcome);
    }

    /// Header and footer as any text.
    #[test]
    fn any_header_is_answered(head in vec(any::<u8>(), 0..120), foot in vec(any::<u8>(), 0..100), magic in any::<bool>()) {
        use base64::Engine;
        let encode = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
        let head = if magic { [b"D\x01\0", &head[..]].concat() } else { head };
        let document = json!({"id": "x", HEADER_NAME: encode(&head), FOOTER_NAME: encode(&foot)});
        let schema = super::schema(json!({}));
        prop_assert!(decrypt(&schema, &document.to_string()).is_err());
    }

    #[test]
    fn any_text_is_answered(parts in vec(select(vec![
        "{", "}", "[", "]", ",", ":", "\"a\"", "\"id\"", "\"wardbook_head\"", "true", "1e5", "\"wb1:AA==\"", "null",
    ]), 0..16)) {
        let schema = super::schema(json!({"defaultAction": "ENCRYPT_AND_SIGN"}));
        for text in [parts.concat(), format!("{{\"id\":1,\"a\":{}}}", parts.concat())] {
            if let Ok(encrypted) = encrypt(&schema, &text) {
                let again = decrypt(&schema, &encrypted).unwrap();
                prop_assert!(Document::parse(&again).unwrap() == Document::parse(&text).unwrap());
            }
            prop_assert!(decrypt(&schema, &text).is_err());
        }
    }
}
