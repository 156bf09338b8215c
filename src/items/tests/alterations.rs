//! Whatever is done to a stored item is refused, or stands in an attribute that
//! nobody signed: over random items, in every suite and format version.

use proptest::prelude::*;

use super::assert_same;
use super::drawn::Drawn;
use super::properties::{any_item, normal, value};
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
fn check_changed(drawn: &Drawn, encrypted: &Item, name: &str, value: AttributeValue) {
    let mut altered = encrypted.clone();
    altered.0.insert(name.to_owned(), value);
    match drawn.decrypt(altered.clone()) {
        Err(_) => assert!(is_covered(&drawn.schema, name), "{name} is not signed"),
        // The tag of another recipient was changed, and that one will notice.
        Ok(found) if name == FOOTER_NAME && drawn.keys > 1 => {
            assert_same(&normal(&found), &normal(&drawn.item), name);
        }
        Ok(found) => {
            assert!(!is_covered(&drawn.schema, name), "{name} was changed");
            assert!(found.0[name] == altered.0[name], "{name}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_turned_bit_is_found(drawn in any_item(), at in any::<prop::sample::Index>(), bit in 0..8_u32) {
        let encrypted = drawn.encrypt(&drawn.item);
        for (name, value) in &encrypted.0 {
            if let Some(turned) = with_turned_bit(value, at, bit) {
                check_changed(&drawn, &encrypted, name, turned);
            }
        }
    }

    /// Longer and shorter, and of another type.
    #[test]
    fn any_other_value_is_found(drawn in any_item(), other in value(), at in any::<prop::sample::Index>()) {
        let encrypted = drawn.encrypt(&drawn.item);
        let name = encrypted.0.keys().nth(at.index(encrypted.0.len())).unwrap().clone();
        let present = encrypted.0[&name].clone();
        if let AttributeValue::B(bytes) = &present {
            let longer = [&bytes[..], &[0]].concat();
            check_changed(&drawn, &encrypted, &name, AttributeValue::B(longer));
            let shorter = bytes[..at.index(bytes.len().max(1)).min(bytes.len())].to_vec();
            if shorter.len() < bytes.len() {
                check_changed(&drawn, &encrypted, &name, AttributeValue::B(shorter));
            }
        }
        if *serialize(&present, 0).unwrap() != *serialize(&other, 0).unwrap() {
            check_changed(&drawn, &encrypted, &name, other);
        }
    }

    #[test]
    fn nothing_moves_between_items(
        drawn in any_item(), key in "[a-z]{1,8}",
    ) {
        let mut other = drawn.item.clone();
        let key = AttributeValue::S(key);
        let before = other.0.insert(drawn.partition_key().to_owned(), key.clone());
        prop_assume!(before != Some(key));
        // Two writers have different random numbers.
        let mut next = 0_u8;
        let mut random = |bytes: &mut [u8]| {
            for byte in bytes {
                next = next.wrapping_mul(37).wrapping_add(11);
                *byte = next;
            }
            Ok(())
        };
        let one = drawn.encrypt(&drawn.item);
        let two = crate::items::encrypt::PreparedItem::prepare(&drawn.schema, other).unwrap();
        let two = two.finish(&drawn.recipients(), &mut random).unwrap();
        for (name, value) in two.0 {
            if one.0[&name] != value {
                check_changed(&drawn, &one, &name, value);
            }
        }
    }

    #[test]
    fn nothing_moves_within_an_item(drawn in any_item()) {
        let encrypted = drawn.encrypt(&drawn.item);
        let names: Vec<&String> = encrypted.0.keys().filter(|name| is_covered(&drawn.schema, name)).collect();
        for (name, next) in names.iter().zip(names.iter().skip(1)) {
            let (one, two) = (&encrypted.0[*name], &encrypted.0[*next]);
            if *serialize(one, 0).unwrap() == *serialize(two, 0).unwrap() {
                continue;
            }
            let mut swapped = encrypted.clone();
            swapped.0.insert((*name).clone(), two.clone());
            swapped.0.insert((*next).clone(), one.clone());
            prop_assert!(drawn.decrypt(swapped).is_err(), "{name} and {next}");
        }
    }

    #[test]
    fn nothing_is_removed_added_or_renamed(
        drawn in any_item(), new in "[a-z:]{1,4}", other in value(),
    ) {
        let Drawn { item, schema, .. } = &drawn;
        let encrypted = drawn.encrypt(item);
        for name in encrypted.0.keys() {
            let covered = is_covered(schema, name);
            let mut removed = encrypted.clone();
            let value = removed.0.remove(name).unwrap();
            prop_assert_eq!(drawn.decrypt(removed.clone()).is_err(), covered, "{} removed", name);
            if !encrypted.0.contains_key(&new) {
                removed.0.insert(new.clone(), value);
                prop_assert_eq!(
                    drawn.decrypt(removed).is_err(),
                    covered || schema.is_signed(&new),
                    "{} renamed to {}", name, new
                );
            }
        }
        if !encrypted.0.contains_key(&new) {
            let mut added = encrypted;
            added.0.insert(new.clone(), other.clone());
            match drawn.decrypt(added) {
                Err(_) => prop_assert!(schema.is_signed(&new)),
                Ok(mut found) => {
                    prop_assert!(!schema.is_signed(&new));
                    prop_assert!(found.0.remove(&new) == Some(other));
                    assert_same(&normal(&found), &normal(item), "");
                }
            }
        }
    }
}
