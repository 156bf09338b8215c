//! One key of each spec, and what it made: every later version must open them.

use super::golden::{array_of, bytes_of, str_of};
use super::keys::specs;
use super::*;
use crate::base::algorithm::{EncryptionAlgorithm, MacAlgorithm, MessageType, SigningAlgorithm};
use crate::hsm::protector::{KeyFile, SealedRootKey};
use serde_json::Value;

const FILES: [&str; 1] = [include_str!("../../../tests/golden/hsm/v1_keys.json")];

#[test]
fn golden_keys_open() {
    for text in FILES {
        let golden: Value = serde_json::from_str(text).unwrap();
        let hsm = open_hsm(&golden);
        let keys = array_of(&golden["keys"]);
        assert!(specs().all(|spec| keys.iter().any(|key| str_of(&key["spec"]) == spec.as_str())));
        for key in keys {
            check_key(&hsm, key);
        }
        let token = &golden["import_token"];
        let (aad, sealed) = (bytes_of(&token["aad"]), bytes_of(&token["sealed"]));
        let opened = hsm.unseal(Purpose::ImportToken, &aad, &sealed).unwrap();
        assert_eq!(opened.expose(), bytes_of(&token["secret"]));
    }
}

fn open_hsm(golden: &Value) -> Hsm {
    let file = KeyFile::parse(str_of(&golden["key_file"]).as_bytes()).unwrap();
    let root = SealedRootKey::decode(str_of(&golden["root_by_key_file"]).as_bytes()).unwrap();
    let first = SealedDomainKey { version: 1, bytes: bytes_of(&golden["domain_key"]) };
    start(root.open_with_key_file(&file).unwrap(), &[first]).unwrap()
}

fn check_key(hsm: &Hsm, key: &Value) {
    let binding = KeyBinding {
        region: &Region::parse(str_of(&key["region"])).unwrap(),
        account: &AccountId::parse(str_of(&key["account"])).unwrap(),
        key_id: KeyId::parse(str_of(&key["key_id"])).unwrap(),
        material_id: MaterialId::parse(str_of(&key["material_id"])).unwrap(),
        spec: KeySpec::parse(str_of(&key["spec"])).unwrap(),
    };
    let token = &ExportedKeyToken::from_bytes(bytes_of(&key["token"]));
    if let Some(public) = key.get("public_key") {
        assert_eq!(hsm.public_key(token, &binding).unwrap(), bytes_of(public));
    }
    let made = array_of(&key["made"]);
    assert!(!made.is_empty());
    for row in made {
        let (input, output) = (bytes_of(&row["input"]), bytes_of(&row["output"]));
        let name = str_of(&row["algorithm"]);
        if let Some(algorithm) = SigningAlgorithm::parse(name) {
            let message_type = MessageType::parse(str_of(&row["message_type"])).unwrap();
            hsm.verify(token, &binding, algorithm, message_type, &input, &output).unwrap();
        } else if let Some(algorithm) = MacAlgorithm::parse(name) {
            hsm.verify_mac(token, &binding, algorithm, &input, &output).unwrap();
        } else if name == "ECDH" {
            let shared = hsm.derive_shared_secret(token, &binding, &input).unwrap();
            assert_eq!(shared.expose(), output);
        } else if name == "ML_KEM" {
            let secret = hsm.decapsulate(token, &binding, &output).unwrap();
            assert_eq!(secret.expose(), input);
        } else if name == "SYMMETRIC_DEFAULT" {
            let blob = Blob::parse(&output).unwrap();
            let opened = hsm.decrypt(token, &binding, &blob, &context(&[])).unwrap();
            assert_eq!(opened.expose(), input);
        } else {
            let algorithm = EncryptionAlgorithm::parse(name).unwrap();
            let opened = hsm.decrypt_rsa(token, &binding, algorithm, &output).unwrap();
            assert_eq!(opened.expose(), input);
        }
    }
}
