//! Rewrapping: new keys, the same ciphertexts.

use proptest::prelude::*;

use super::properties::{any_item, schema_of};
use super::{INTERMEDIATE_KEY, assert_same, encrypt, recipient};
use crate::base::secret::SecretBytes;
use crate::items::attribute::{AttributeValue, Item};
use crate::items::decrypt::ParsedItem;
use crate::items::encrypt::WrappedKey;
use crate::items::error::{ItemError, ItemErrorCode};
use crate::items::header::EncryptedDataKey;
use crate::items::rewrap::RewrappedItem;
use crate::items::schema::{FOOTER_NAME, HEADER_NAME, Schema};

const OTHER_KEY: [u8; 32] = [0x24; 32];

fn secret(key: [u8; 32]) -> SecretBytes {
    SecretBytes::new(key.to_vec())
}

fn other_recipient() -> WrappedKey {
    WrappedKey {
        provider_info: b"arn:aws:kms:us-east-1:111122223333:key/5678".to_vec(),
        intermediate_key: secret(OTHER_KEY),
        ..recipient()
    }
}

fn rewrap(schema: &Schema, item: Item, recipients: &[WrappedKey]) -> Result<Item, ItemError> {
    let verified = ParsedItem::parse(schema, item)?.verify(0, &secret(INTERMEDIATE_KEY))?;
    RewrappedItem::prepare(verified)?.finish(recipients)
}

fn open(schema: &Schema, item: &Item, index: usize, key: [u8; 32]) -> Result<Item, ItemError> {
    ParsedItem::parse(schema, item.clone())?.finish(index, &secret(key))
}

/// The item without header and footer.
fn attributes(item: &Item) -> Item {
    let mut attributes = item.clone();
    attributes.0.retain(|name, _| ![HEADER_NAME, FOOTER_NAME].contains(&name.as_str()));
    attributes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn other_keys_open_the_same_ciphertexts(drawn in any_item()) {
        let schema = &drawn.schema;
        let mut encrypted = drawn.encrypt(&drawn.item);
        encrypted.0.insert("aws_dbe_b_x".into(), AttributeValue::S("3f".into()));
        let plain = open(schema, &encrypted, 0, INTERMEDIATE_KEY).unwrap();

        let moved = rewrap(schema, encrypted.clone(), &[other_recipient()]).unwrap();
        prop_assert!(attributes(&moved) == attributes(&encrypted));
        prop_assert!(moved.0[HEADER_NAME] != encrypted.0[HEADER_NAME]);
        prop_assert!(moved.0[FOOTER_NAME] != encrypted.0[FOOTER_NAME]);
        assert_same(&open(schema, &moved, 0, OTHER_KEY).unwrap(), &plain, "");
        let refused = open(schema, &moved, 0, INTERMEDIATE_KEY).unwrap_err();
        prop_assert_eq!(refused.code, ItemErrorCode::KeyMismatch);

        // Old and new cannot be mixed.
        for name in [HEADER_NAME, FOOTER_NAME] {
            let mut mixed = moved.clone();
            mixed.0.insert(name.to_owned(), encrypted.0[name].clone());
            prop_assert!(open(schema, &mixed, 0, OTHER_KEY).is_err());
            prop_assert!(open(schema, &mixed, 0, INTERMEDIATE_KEY).is_err());
        }
    }
}

fn sample() -> Item {
    let text = |text: &str| AttributeValue::S(text.into());
    Item(
        [("pk", text("1")), ("e", text("secret")), ("s", text("city"))]
            .map(|(name, value)| (name.to_owned(), value))
            .into(),
    )
}

#[test]
fn for_several_keys_and_again() {
    for suite in ["0x6700", "0x6701"] {
        let schema = schema_of(&sample(), suite, 2);
        let encrypted = encrypt(&schema, sample()).unwrap();
        let both = rewrap(&schema, encrypted, &[recipient(), other_recipient()]).unwrap();
        for (index, key) in [(0, INTERMEDIATE_KEY), (1, OTHER_KEY)] {
            assert_same(&open(&schema, &both, index, key).unwrap(), &sample(), suite);
        }
        let again = rewrap(&schema, both, &[other_recipient()]).unwrap();
        assert_same(&open(&schema, &again, 0, OTHER_KEY).unwrap(), &sample(), suite);
        let info = |key: &EncryptedDataKey| key.provider_info.clone();
        let parsed = ParsedItem::parse(&schema, again).unwrap();
        let keys: Vec<_> = parsed.data_keys().iter().map(info).collect();
        assert_eq!(keys, [other_recipient().provider_info]);
    }
}

/// The new key is bound to the item it is for, and the signing key is new.
#[test]
fn the_context_is_that_of_the_item() {
    let schema = schema_of(&sample(), "0x6701", 2);
    let encrypted = encrypt(&schema, sample()).unwrap();
    let parsed = ParsedItem::parse(&schema, encrypted).unwrap();
    let before = parsed.encryption_context().clone();
    let verified = parsed.verify(0, &secret(INTERMEDIATE_KEY)).unwrap();
    let moved = RewrappedItem::prepare(verified).unwrap();
    let after = moved.encryption_context().clone();
    let signing = "aws-crypto-public-key";
    assert!(before.find(signing).is_some() && before.find(signing) != after.find(signing));
    for (key, value) in before.iter().filter(|(key, _)| *key != signing) {
        assert_eq!(after.find(key), Some(value), "{key}");
    }
    assert_eq!(before.iter().count(), after.iter().count());
    let moved = moved.finish(&[other_recipient()]).unwrap();
    let parsed = ParsedItem::parse(&schema, moved).unwrap();
    assert_eq!(parsed.encryption_context(), &after);
}

#[test]
fn nothing_unverified_is_rewrapped() {
    let schema = schema_of(&sample(), "0x6701", 1);
    let encrypted = encrypt(&schema, sample()).unwrap();
    let mut altered = encrypted.clone();
    altered.0.insert("s".into(), AttributeValue::S("town".into()));
    let error = rewrap(&schema, altered, &[other_recipient()]).unwrap_err();
    assert_eq!(error.code, ItemErrorCode::SignatureInvalid);
    let error = rewrap(&schema, encrypted, &[]).unwrap_err();
    assert_eq!(error.code, ItemErrorCode::InvalidKeyMaterial);
}
