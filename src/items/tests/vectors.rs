//! Items that the AWS Database Encryption SDK made, refused or accepted.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Vector, assert_same, hex, item, load, reference_known_answers};
use crate::base::context::EncryptionContext;
use crate::base::hex::encode;
use crate::base::secret::SecretBytes;
use crate::items::attribute::{AttributeValue, Item};
use crate::items::context;
use crate::items::crypto::tests::{raw_aes_unwrap, raw_aes_wrap, signer};
use crate::items::decrypt::ParsedItem;
use crate::items::dynamodb_json;
use crate::items::encrypt::{PreparedItem, WrappedKey};
use crate::items::error::{ItemError, ItemErrorCode};
use crate::items::path;
use crate::items::schema::{FOOTER_NAME, HEADER_NAME};

fn bytes<'a>(item: &'a Item, name: &str) -> &'a [u8] {
    match &item.0[name] {
        AttributeValue::B(bytes) => bytes,
        other => panic!("{name} is {other:?}"),
    }
}

fn context_of(vector: &Vector) -> EncryptionContext {
    serde_json::from_value(vector.intermediate["encryption_context"].clone()).unwrap()
}

fn aad(context: &EncryptionContext) -> Vec<u8> {
    let mut out = Vec::new();
    context::write(context, &mut out).unwrap();
    out
}

/// Decrypts with the `n`th wrapping key of the vector.
fn decrypt(vector: &Vector, n: usize) -> Result<Item, ItemError> {
    let parsed = ParsedItem::parse(&vector.config.schema()?, item(vector.encrypted.as_deref()))?;
    let aad = aad(parsed.encryption_context());
    let (index, intermediate) = parsed
        .data_keys()
        .iter()
        .enumerate()
        .find_map(|(index, key)| {
            assert_eq!(key.provider_id, vector.keys[n].namespace);
            let wrapped = &key.wrapped_intermediate_key;
            Some((index, raw_aes_unwrap(&vector.keys[n], &key.provider_info, &aad, wrapped)?))
        })
        // What a key service answers when context and ciphertext do not belong together.
        .ok_or_else(|| ItemError::new(ItemErrorCode::KeyMismatch, "no key unwraps it"))?;
    parsed.finish(index, &SecretBytes::new(intermediate))
}

/// A source of the given byte strings together, asked for with their exact length.
fn fixed_random(strings: Vec<Vec<u8>>) -> impl FnMut(&mut [u8]) -> Result<(), ItemError> {
    move |bytes| {
        bytes.copy_from_slice(&strings.concat());
        Ok(())
    }
}

/// Each kind is what one or two tests below are about, and each of them counts:
/// 10 items of the SDK, 5 refusals, 10 known answers, 11 altered items and 2 equal
/// ones are all 38.
#[test]
fn every_vector_is_looked_at() {
    let mut counts = BTreeMap::new();
    let vectors = load();
    for (source, vectors) in [("sdk", vectors.sdk), ("reference", vectors.reference)] {
        for vector in vectors {
            let version = if vector.config.is_version_two() { "v2" } else { "v1" };
            *counts
                .entry(format!("{source} {} {} {version}", vector.kind, vector.config.suite))
                .or_insert(0) += 1;
        }
    }
    let counts: Vec<_> =
        counts.into_iter().map(|(what, count)| format!("{what}: {count}")).collect();
    assert_eq!(
        counts,
        [
            "reference equivalent 0x6700 v1: 2",
            "reference known-answer 0x6700 v1: 1",
            "reference known-answer 0x6700 v2: 1",
            "reference known-answer 0x6701 v1: 7",
            "reference known-answer 0x6701 v2: 1",
            "reference negative-decrypt 0x6700 v2: 1",
            "reference negative-decrypt 0x6701 v1: 10",
            "sdk config-refused 0x6701 v1: 1",
            "sdk encrypt-refused 0x6701 v1: 4",
            "sdk positive 0x6700 v1: 1",
            "sdk positive 0x6701 v1: 8",
            "sdk positive 0x6701 v2: 1",
        ]
    );
}

#[test]
fn decrypts_what_the_sdk_encrypted() {
    let (mut items, mut keys) = (0, 0);
    for vector in load().sdk.iter().filter(|vector| vector.kind == "positive") {
        let parsed =
            ParsedItem::parse(&vector.config.schema().unwrap(), item(vector.encrypted.as_deref()))
                .unwrap();
        assert_eq!(parsed.encryption_context(), &context_of(vector), "{}", vector.name);
        let hash = parsed.canonical_hash(&aad(parsed.encryption_context()));
        assert_eq!(encode(&hash), vector.intermediate["canonical_hash_sha384"], "{}", vector.name);
        let want = item(vector.sdk_decrypted.as_deref());
        for n in 0..vector.keys.len() {
            assert_same(&decrypt(vector, n).unwrap(), &want, &vector.name);
            keys += 1;
        }
        items += 1;
    }
    assert_eq!((items, keys), (10, 11));
}

/// With the SDK's own random numbers the ciphertexts are the SDK's, byte for
/// byte; in suite 0x6700 the whole item is.
#[test]
fn encrypts_as_the_sdk_does() {
    let (mut whole, mut attributes) = (0, 0);
    for vector in load().sdk.iter().filter(|vector| vector.kind == "positive") {
        let schema = vector.config.schema().unwrap();
        let want = item(vector.encrypted.as_deref());
        let parsed = ParsedItem::parse(&schema, want.clone()).unwrap();
        let aad = aad(parsed.encryption_context());
        let recipients: Vec<_> = parsed
            .data_keys()
            .iter()
            .zip(&vector.keys)
            .map(|(key, wrapping)| WrappedKey {
                provider_id: key.provider_id.clone(),
                provider_info: key.provider_info.clone(),
                intermediate_key: SecretBytes::new(
                    raw_aes_unwrap(
                        wrapping,
                        &key.provider_info,
                        &aad,
                        &key.wrapped_intermediate_key,
                    )
                    .unwrap(),
                ),
                ciphertext: key.wrapped_intermediate_key.clone(),
            })
            .collect();
        let random = ["plaintext_data_key", "message_id"]
            .map(|name| hex(vector.intermediate[name].as_str().unwrap()));
        let prepared = PreparedItem::prepare(&schema, item(vector.plaintext.as_deref())).unwrap();
        let encrypted = prepared.finish(&recipients, &mut fixed_random(random.into())).unwrap();
        if vector.config.suite == "0x6700" {
            assert_same(&encrypted, &want, &vector.name);
            whole += 1;
        }
        for name in want.0.keys().filter(|name| !name.starts_with("aws_dbe_")) {
            assert!(encrypted.0[name] == want.0[name], "{} {name}", vector.name);
            attributes += 1;
        }
    }
    assert_eq!((whole, attributes), (1, 148));
}

/// Fixed randomness, fixed signing key: everything but the signature's own
/// random number is known.
#[test]
fn known_answers_in_both_directions() {
    let vectors = reference_known_answers();
    for vector in &vectors {
        let want = |name: &str| hex(vector.intermediate[name].as_str().unwrap());
        let schema = vector.config.schema().unwrap();
        let context = context_of(vector);
        let pair = context::find_public_key(&context)
            .map(|public| signer(&want("ecdsa_private_scalar_hex"), &public));
        let plaintext = item(vector.plaintext.as_deref());
        let prepared = PreparedItem::prepare_with(&schema, plaintext.clone(), pair).unwrap();
        assert_eq!(prepared.encryption_context(), &context, "{}", vector.name);
        assert_eq!(encode(&aad(&context)), vector.intermediate["aad_hex"]);

        let random: Vec<_> = vector.intermediate["random_in_order_hex"]
            .as_array()
            .unwrap()
            .iter()
            .map(|text| hex(text.as_str().unwrap()))
            .collect();
        let mut recipients = Vec::new();
        for (wrapping, random) in vector.keys.iter().zip(random[1..].chunks(2)) {
            let iv = random[1].as_slice().try_into().unwrap();
            let (provider_info, ciphertext) =
                raw_aes_wrap(wrapping, iv, &aad(&context), &random[0]);
            let intermediate_key = SecretBytes::new(random[0].clone());
            let provider_id = wrapping.namespace.clone();
            recipients.push(WrappedKey {
                provider_id,
                provider_info,
                intermediate_key,
                ciphertext,
            });
        }
        let ours = vec![random[0].clone(), random[random.len() - 1].clone()];
        let encrypted = prepared.finish(&recipients, &mut fixed_random(ours)).unwrap();
        check_encrypted(vector, &encrypted);
        for n in 0..vector.keys.len() {
            check_decrypted(&decrypt(vector, n).unwrap(), &plaintext, &vector.name);
        }
    }
    assert_eq!(vectors.len(), 10);
}

fn check_encrypted(vector: &Vector, encrypted: &Item) {
    let schema = vector.config.schema().unwrap();
    let mut stored = item(vector.encrypted.as_deref());
    let known = |name: &str| vector.intermediate[name].as_str().unwrap().to_owned();
    let head = bytes(encrypted, HEADER_NAME);
    assert_eq!(
        encode(head),
        known("header_partial_hex") + &known("header_commitment_hex"),
        "{}",
        vector.name
    );

    let parsed = ParsedItem::parse(&schema, encrypted.clone()).unwrap();
    assert_eq!(
        encode(&parsed.canonical_hash(&aad(parsed.encryption_context()))),
        known("canonical_hash_sha384")
    );
    check_order(vector, &parsed);

    // The tags are known; the signature is another one, and must verify.
    let (ours, theirs) =
        (bytes(encrypted, FOOTER_NAME).to_vec(), bytes(&stored, FOOTER_NAME).to_vec());
    assert_eq!(ours.len(), theirs.len(), "{}", vector.name);
    for n in 0..vector.keys.len() {
        assert_eq!(ours.chunks(48).nth(n), theirs.chunks(48).nth(n), "{}", vector.name);
    }
    stored.0.insert(FOOTER_NAME.to_owned(), AttributeValue::B(ours));
    assert_same(encrypted, &stored, &vector.name);
    let key = &parsed.data_keys()[0];
    let intermediate = hex(&known("intermediate_key_first_edk"));
    assert_eq!(key.provider_id, vector.keys[0].namespace);
    parsed.finish(0, &SecretBytes::new(intermediate)).unwrap();
}

fn check_order(vector: &Vector, parsed: &ParsedItem) {
    let list = |name: &str| -> Vec<String> {
        serde_json::from_value(vector.intermediate[name].clone()).unwrap()
    };
    let schema = vector.config.schema().unwrap();
    let mut names: Vec<String> = list("canonical_order");
    names.reverse();
    path::sort_canonically(&mut names, |name| name);
    assert_eq!(names, list("canonical_order"), "{}", vector.name);
    for (name, want) in names.iter().zip(list("canonical_paths_hex")) {
        let mut path = Vec::new();
        path::write(schema.path_prefix(), name, &mut path);
        assert_eq!(encode(&path), want, "{}", vector.name);
    }
    let legend = vector.intermediate["legend"].as_str().unwrap();
    let encrypted: Vec<_> = names
        .iter()
        .zip(legend.bytes())
        .filter(|(_, byte)| *byte == b'e')
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(parsed.encrypted_names().collect::<Vec<_>>(), encrypted, "{}", vector.name);
}

/// Equal but for what encryption normalizes: numbers, and the order in sets.
fn check_decrypted(found: &Item, plaintext: &Item, what: &str) {
    let normal = |item: &Item| -> BTreeMap<String, String> {
        let bytes =
            |value| STANDARD.encode(&*crate::items::serialize::serialize(value, 0).unwrap());
        // An unsigned attribute need not serialize.
        item.0.iter().map(|(name, value)| (name.clone(), bytes(value))).collect()
    };
    assert_eq!(normal(found), normal(plaintext), "{what}");
}

#[test]
fn refuses_what_the_sdk_refuses() {
    let mut refused = Vec::new();
    for vector in &load().sdk {
        let error = match vector.kind.as_str() {
            "config-refused" => vector.config.schema().unwrap_err(),
            "encrypt-refused" => dynamodb_json::parse(vector.plaintext.as_ref().unwrap().get())
                .and_then(|item| PreparedItem::prepare(&vector.config.schema()?, item))
                .err()
                .unwrap(),
            _ => continue,
        };
        refused.push(format!(
            "{}: {} {}",
            vector.name,
            error.code,
            error.attribute.unwrap_or_default()
        ));
    }
    assert_eq!(
        refused,
        [
            "config-refuse-encrypted-key: InvalidSchema pk",
            "refuse-missing-action: NoActionForAttribute x",
            "refuse-39-digits: NumberOutOfRange x",
            "refuse-dup-after-normalization: DuplicateInSet x",
            "refuse-depth-33: TooDeep deep",
        ]
    );
}

#[test]
fn refuses_altered_items() {
    let mut refused = Vec::new();
    for vector in load().reference.iter().filter(|vector| vector.kind == "negative-decrypt") {
        let error = decrypt(vector, 0).unwrap_err();
        refused.push(format!("{}: {}", vector.name, error.code));
    }
    assert_eq!(
        refused,
        [
            "neg-header-version: HeaderMalformed",
            "neg-header-legend: HeaderMalformed",
            "neg-header-commitment: CommitmentMismatch",
            "neg-footer-tag: SignatureInvalid",
            "neg-footer-signature: SignatureInvalid",
            "neg-ciphertext: SignatureInvalid",
            "neg-type-id: SignatureInvalid",
            "neg-swap-two-ciphertexts: SignatureInvalid",
            "neg-add-signed-attribute: SchemaMismatch",
            "neg-v2-context-changed: KeyMismatch",
            "neg-other-table-name: KeyMismatch",
        ]
    );
}

#[test]
fn accepts_what_is_equal_after_normalization() {
    let mut accepted = 0;
    for vector in load().reference.iter().filter(|vector| vector.kind == "equivalent") {
        let found = decrypt(vector, 0).unwrap();
        // Not encrypted, so it comes back as it stands in the altered item.
        for (name, value) in &found.0 {
            assert!(item(vector.encrypted.as_deref()).0[name] == *value, "{} {name}", vector.name);
        }
        check_decrypted(&found, &item(vector.plaintext.as_deref()), &vector.name);
        accepted += 1;
    }
    assert_eq!(accepted, 2);
}
