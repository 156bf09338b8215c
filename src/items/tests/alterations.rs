//! Whatever is done to a stored item is refused, or stands in an attribute that
//! nobody signed: over random items, in every suite and format version.

use proptest::prelude::*;

use super::properties::{forms, item, normal, schema_of, value};
use super::{assert_same, decrypt, encrypt};
use crate::items::attribute::{AttributeValue, Item};
use crate::items::schema::{FOOTER_NAME, HEADER_NAME, Schema};
use crate::items::serialize::{parse, serialize};

/// `value` with one bit of its bytes turned, type and lengths included; `None`
/// where that is no value, or one of equal meaning.
fn with_turned_bit(
    value: &AttributeValue,
    at: prop::sample::Index,
    bit: u32,
) -> Option<AttributeValue> {
    let mut bytes = serialize(value, 0).unwrap();
    let at = at.index(bytes.len());
    bytes[at] ^= 1_u8.rotate_left(bit);
    let turned = parse(&bytes).ok()?;
    // A number with a zero in front, say, is the same number.
    (*serialize(&turned, 0).ok()? != *serialize(value, 0).unwrap()).then_some(turned)
}

fn is_covered(schema: &Schema, name: &str) -> bool {
    schema.is_signed(name) || [HEADER_NAME, FOOTER_NAME].contains(&name)
}

/// Puts `value` under `name` of a stored item. What is signed must then be
/// refused; what is not comes out as it was put.
#[track_caller]
fn check_changed(schema: &Schema, encrypted: &Item, name: &str, value: AttributeValue) {
    let mut altered = encrypted.clone();
    altered.0.insert(name.to_owned(), value);
    match decrypt(schema, altered.clone()) {
        Err(_) => assert!(is_covered(schema, name), "{name} is not signed"),
        Ok(found) => {
            assert!(!is_covered(schema, name), "{name} was changed");
            assert!(found.0[name] == altered.0[name], "{name}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_turned_bit_is_found(item in item(value()), (suite, version) in forms(), at in any::<prop::sample::Index>(), bit in 0..8_u32) {
        let schema = schema_of(&item, suite, version);
        let encrypted = encrypt(&schema, item).unwrap();
        for (name, value) in &encrypted.0 {
            if let Some(turned) = with_turned_bit(value, at, bit) {
                check_changed(&schema, &encrypted, name, turned);
            }
        }
    }

    /// Longer and shorter, and of another type.
    #[test]
    fn any_other_value_is_found(item in item(value()), (suite, version) in forms(), other in value(), at in any::<prop::sample::Index>()) {
        let schema = schema_of(&item, suite, version);
        let encrypted = encrypt(&schema, item).unwrap();
        let name = encrypted.0.keys().nth(at.index(encrypted.0.len())).unwrap().clone();
        let present = encrypted.0[&name].clone();
        if let AttributeValue::B(bytes) = &present {
            let longer = [&bytes[..], &[0]].concat();
            check_changed(&schema, &encrypted, &name, AttributeValue::B(longer));
            let shorter = bytes[..at.index(bytes.len().max(1)).min(bytes.len())].to_vec();
            if shorter.len() < bytes.len() {
                check_changed(&schema, &encrypted, &name, AttributeValue::B(shorter));
            }
        }
        if *serialize(&present, 0).unwrap() != *serialize(&other, 0).unwrap() {
            check_changed(&schema, &encrypted, &name, other);
        }
    }

    #[test]
    fn nothing_moves_between_items(
        item in item(value()), (suite, version) in forms(), key in "[a-z]{1,8}",
    ) {
        let schema = schema_of(&item, suite, version);
        let mut other = item.clone();
        let same_key = item.0["pk"] == AttributeValue::S(key.clone());
        other.0.insert("pk".into(), AttributeValue::S(key));
        prop_assume!(!same_key);
        // Two writers have different random numbers.
        let mut next = 0_u8;
        let mut random = |bytes: &mut [u8]| {
            for byte in bytes {
                next = next.wrapping_mul(37).wrapping_add(11);
                *byte = next;
            }
            Ok(())
        };
        let one = encrypt(&schema, item).unwrap();
        let two = crate::items::encrypt::PreparedItem::prepare(&schema, other).unwrap();
        let two = two.finish(&[super::recipient()], &mut random).unwrap();
        for (name, value) in two.0 {
            if one.0[&name] != value {
                check_changed(&schema, &one, &name, value);
            }
        }
    }

    #[test]
    fn nothing_moves_within_an_item(item in item(value()), (suite, version) in forms()) {
        let schema = schema_of(&item, suite, version);
        let encrypted = encrypt(&schema, item).unwrap();
        let names: Vec<&String> = encrypted.0.keys().filter(|name| is_covered(&schema, name)).collect();
        for (name, next) in names.iter().zip(names.iter().skip(1)) {
            let (one, two) = (&encrypted.0[*name], &encrypted.0[*next]);
            if *serialize(one, 0).unwrap() == *serialize(two, 0).unwrap() {
                continue;
            }
            let mut swapped = encrypted.clone();
            swapped.0.insert((*name).clone(), two.clone());
            swapped.0.insert((*next).clone(), one.clone());
            prop_assert!(decrypt(&schema, swapped).is_err(), "{name} and {next}");
        }
    }

    #[test]
    fn nothing_is_removed_added_or_renamed(
        item in item(value()), (suite, version) in forms(), new in "[a-z:]{1,4}", other in value(),
    ) {
        let schema = schema_of(&item, suite, version);
        let encrypted = encrypt(&schema, item.clone()).unwrap();
        for name in encrypted.0.keys() {
            let covered = is_covered(&schema, name);
            let mut removed = encrypted.clone();
            let value = removed.0.remove(name).unwrap();
            prop_assert_eq!(decrypt(&schema, removed.clone()).is_err(), covered, "{} removed", name);
            if !encrypted.0.contains_key(&new) {
                removed.0.insert(new.clone(), value);
                prop_assert_eq!(
                    decrypt(&schema, removed).is_err(),
                    covered || schema.is_signed(&new),
                    "{} renamed to {}", name, new
                );
            }
        }
        if !encrypted.0.contains_key(&new) {
            let mut added = encrypted;
            added.0.insert(new.clone(), other.clone());
            match decrypt(&schema, added) {
                Err(_) => prop_assert!(schema.is_signed(&new)),
                Ok(mut found) => {
                    prop_assert!(!schema.is_signed(&new));
                    prop_assert!(found.0.remove(&new) == Some(other));
                    assert_same(&normal(&found), &normal(&item), "");
                }
            }
        }
    }
}
