//! What an earlier version stored must open for ever. The files under
//! `tests/golden/hsm/` are never edited; a new format adds a new file.

use super::*;
use crate::hsm::key::Key;
use crate::hsm::protector::{KeyFile, SealedRootKey};
use crate::hsm::testing::unhex;
use serde_json::Value;

const FILES: [&str; 1] = [include_str!("../../../tests/golden/hsm/v1.json")];

#[test]
fn golden_files_open() {
    for text in FILES {
        let golden: Value = serde_json::from_str(text).unwrap();
        for root in open_root(&golden) {
            check_file(&golden, root);
        }
    }
}

/// The same root key once from each of its protectors.
fn open_root(golden: &Value) -> [RootKey; 2] {
    let file = KeyFile::parse(str_of(&golden["key_file"]).as_bytes()).unwrap();
    let by_file = SealedRootKey::decode(str_of(&golden["root_by_key_file"]).as_bytes()).unwrap();
    let passphrase = SecretBytes::new(str_of(&golden["passphrase"]).as_bytes().to_vec());
    let by_passphrase =
        SealedRootKey::decode(str_of(&golden["root_by_passphrase"]).as_bytes()).unwrap();
    [
        by_file.open_with_key_file(&file).unwrap(),
        by_passphrase.open_with_passphrase(&passphrase).unwrap(),
    ]
}

/// Made by another implementation, from the README of this module.
#[test]
fn a_root_key_under_a_remote_key_and_its_naming_key_open() {
    let text = include_str!("../../../tests/golden/hsm/v1-remote-key.json");
    let golden: Value = serde_json::from_str(text).unwrap();
    let stored = str_of(&golden["root_by_remote_key"]);
    let sealed = SealedRootKey::decode(stored.as_bytes()).unwrap();
    assert_eq!(sealed.encode(), stored);
    assert_eq!(sealed.wrapped().unwrap().ciphertext, b"what the remote key made");
    let root = sealed.open_with_kek(&SecretBytes::new(bytes_of(&golden["kek"]))).unwrap();
    assert_eq!(root.key().expose().as_slice(), bytes_of(&golden["root"]));
    let names = naming::open(&root, Some(&bytes_of(&golden["naming_key"]))).unwrap();
    assert_eq!(names.expose().as_slice(), bytes_of(&golden["names"]));
}

/// Made by another implementation, from the README of this module: domain keys that are
/// older than the root key are sealed in format 2, and open no tokens.
#[test]
fn domain_keys_older_than_the_root_key_open() {
    let text = include_str!("../../../tests/golden/hsm/v2-domain-keys.json");
    let golden: Value = serde_json::from_str(text).unwrap();
    let root = RootKey::from_key(Key::try_from_slice(&bytes_of(&golden["root"])).unwrap());
    let domain_keys = domain_keys(&golden);
    let formats: Vec<u8> = domain_keys.iter().map(|key| key.bytes[0]).collect();
    assert_eq!(formats, [2, 2, 1]);
    let hsm = start(root, &domain_keys).unwrap();
    for secret in array_of(&golden["secrets"]) {
        let version = secret["version"].as_u64().unwrap().try_into().unwrap();
        let opened = unseal(&hsm, secret);
        match str_of(&secret["purpose"]) {
            "SessionToken" if version < 3 => {
                assert_eq!(opened.err(), Some(Error::UnknownDomainKey(version)));
            }
            _ => assert_eq!(opened.unwrap().expose(), bytes_of(&secret["secret"])),
        }
    }
}

fn domain_keys(golden: &Value) -> Vec<SealedDomainKey> {
    let domain_key = |row: &Value| SealedDomainKey {
        version: row["version"].as_u64().unwrap().try_into().unwrap(),
        bytes: bytes_of(&row["bytes"]),
    };
    array_of(&golden["domain_keys"]).iter().map(domain_key).collect()
}

fn unseal(hsm: &Hsm, secret: &Value) -> Result<SecretBytes, Error> {
    let purpose = match str_of(&secret["purpose"]) {
        "AccessKey" => Purpose::AccessKey,
        "SessionToken" => Purpose::SessionToken,
        "AuditKey" => Purpose::AuditKey,
        other => panic!("{other}"),
    };
    hsm.unseal(purpose, &bytes_of(&secret["aad"]), &bytes_of(&secret["sealed"]))
}

fn check_file(golden: &Value, root: RootKey) {
    let hsm = start(root, &domain_keys(golden)).unwrap();
    for key in array_of(&golden["keys"]) {
        check_key(&hsm, key);
    }
    for secret in array_of(&golden["secrets"]) {
        assert_eq!(unseal(&hsm, secret).unwrap().expose(), bytes_of(&secret["secret"]));
    }
}

fn check_key(hsm: &Hsm, key: &Value) {
    let binding = KeyBinding {
        region: &Region::parse(str_of(&key["region"])).unwrap(),
        account: &AccountId::parse(str_of(&key["account"])).unwrap(),
        key_id: KeyId::parse(str_of(&key["key_id"])).unwrap(),
        material_id: MaterialId::parse(str_of(&key["material_id"])).unwrap(),
        spec: KeySpec::parse(str_of(&key["spec"])).unwrap(),
    };
    let token = ExportedKeyToken::from_bytes(bytes_of(&key["token"]));
    let blobs = array_of(&key["blobs"]);
    assert!(!blobs.is_empty());
    for row in blobs {
        let bytes = bytes_of(&row["blob"]);
        let blob = Blob::parse(&bytes).unwrap();
        let pairs: BTreeMap<String, String> =
            serde_json::from_value(row["context"].clone()).unwrap();
        let plaintext =
            hsm.decrypt(&token, &binding, &blob, &EncryptionContext::new(pairs)).unwrap();
        assert_eq!(plaintext.expose(), bytes_of(&row["plaintext"]));
    }
}

#[track_caller]
pub(super) fn str_of(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[track_caller]
pub(super) fn bytes_of(value: &Value) -> Vec<u8> {
    unhex(str_of(value))
}

#[track_caller]
pub(super) fn array_of(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}
