//! GetPublicKey.

use serde_json::{Value, json};

use super::{NO_KEY, alias_arn, arn, bytes, check_refusal};
use crate::fixture::Server;

fn get(key: &str) -> Value {
    json!({ "KeyId": key })
}

/// What is told of the public key of each spec and usage, and the bytes of its
/// SubjectPublicKeyInfo.
#[test]
fn public_keys_of_every_kind() {
    let server = Server::start();
    let kms = "ENCAPSULATE_DECAPSULATE";
    for (spec, usage, len) in [
        ("RSA_2048", "ENCRYPT_DECRYPT", 294),
        ("RSA_3072", "SIGN_VERIFY", 422),
        ("RSA_4096", "ENCRYPT_DECRYPT", 550),
        ("ECC_NIST_P256", "SIGN_VERIFY", 91),
        ("ECC_NIST_P384", "KEY_AGREEMENT", 120),
        ("ECC_NIST_P521", "KEY_AGREEMENT", 158),
        ("ECC_SECG_P256K1", "SIGN_VERIFY", 88),
        ("ECC_NIST_EDWARDS25519", "SIGN_VERIFY", 44),
        ("ML_DSA_44", "SIGN_VERIFY", 1_334),
        ("ML_DSA_65", "SIGN_VERIFY", 1_974),
        ("ML_DSA_87", "SIGN_VERIFY", 2_614),
        ("ML_KEM_512", kms, 822),
        ("ML_KEM_768", kms, 1_206),
        ("ML_KEM_1024", kms, 1_590),
    ] {
        let input = json!({ "KeySpec": spec, "KeyUsage": usage });
        let metadata = server.call("CreateKey", &input).ok()["KeyMetadata"].clone();
        let key = metadata["KeyId"].as_str().unwrap();
        let told = server.call("GetPublicKey", &get(key)).ok();
        assert_eq!(bytes(&told, "PublicKey").len(), len, "{spec}");
        let mut wanted = json!({ "KeyId": arn(key), "PublicKey": told["PublicKey"] });
        for member in [
            "KeySpec",
            "CustomerMasterKeySpec",
            "KeyUsage",
            "EncryptionAlgorithms",
            "SigningAlgorithms",
            "KeyAgreementAlgorithms",
            "EncapsulationAlgorithms",
        ] {
            if let Some(value) = metadata.get(member) {
                wanted[member] = value.clone();
            }
        }
        assert_eq!(told, wanted);
        assert_eq!(server.call("GetPublicKey", &get(key)).ok(), told);
    }
}

#[test]
fn a_key_is_named_in_four_ways() {
    let server = Server::start();
    let key = server.new_key_of("ECC_NIST_P256", "SIGN_VERIFY");
    server.call("CreateAlias", &json!({ "AliasName": "alias/k", "TargetKeyId": key })).ok();
    for name in [key.clone(), arn(&key), "alias/k".to_owned(), alias_arn("alias/k")] {
        assert_eq!(server.call("GetPublicKey", &get(&name)).ok()["KeyId"], arn(&key));
    }
    let text = format!("Key '{}' does not exist", arn(NO_KEY));
    let answer = server.call("GetPublicKey", &get(NO_KEY));
    check_refusal(&answer, "NotFoundException", Some(&text));
}

/// State before spec; a disabled key has a public half too.
#[test]
fn the_order_of_checks() {
    let server = Server::start();
    let unsupported = "UnsupportedOperationException";
    let hmac = server.new_key_of("HMAC_256", "GENERATE_VERIFY_MAC");
    let ecc = server.new_key_of("ECC_NIST_P256", "SIGN_VERIFY");
    for key in [server.new_key(), hmac] {
        check_refusal(&server.call("GetPublicKey", &get(&key)), unsupported, None);
        server.call("DisableKey", &get(&key)).ok();
        check_refusal(&server.call("GetPublicKey", &get(&key)), unsupported, None);
        server.call("ScheduleKeyDeletion", &get(&key)).ok();
        let text = format!("{} is pending deletion.", arn(&key));
        let answer = server.call("GetPublicKey", &get(&key));
        check_refusal(&answer, "KMSInvalidStateException", Some(&text));
    }
    let told = server.call("GetPublicKey", &get(&ecc)).ok();
    server.call("DisableKey", &get(&ecc)).ok();
    assert_eq!(server.call("GetPublicKey", &get(&ecc)).ok(), told);
}
