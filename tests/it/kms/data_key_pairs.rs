//! GenerateDataKeyPair and its twin without plaintext.

use std::thread;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RsaKeyPair,
};
use serde_json::{Value, json};

use super::{NO_KEY, arn, blob, bytes, check_refusal, invalid};
use crate::fixture::Server;

const SPECS: &[&str] = &[
    "RSA_2048",
    "RSA_3072",
    "RSA_4096",
    "ECC_NIST_P256",
    "ECC_NIST_P384",
    "ECC_NIST_P521",
    "ECC_SECG_P256K1",
    "ECC_NIST_EDWARDS25519",
    "ML_KEM_512",
    "ML_KEM_768",
    "ML_KEM_1024",
];
const PAIR: &str = "GenerateDataKeyPair";
const WITHOUT_PLAINTEXT: &str = "GenerateDataKeyPairWithoutPlaintext";

fn pair(key: &str, spec: &str) -> Value {
    json!({ "KeyId": key, "KeyPairSpec": spec, "EncryptionContext": { "tenant": "7" } })
}

/// The SubjectPublicKeyInfo of a private key, by a library of the caller; `None`
/// for ML-KEM, whose private keys it does not read.
fn public_of(spec: &str, private: &[u8]) -> Option<Vec<u8>> {
    let of = |algorithm: &'static EcdsaSigningAlgorithm| {
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, private).unwrap();
        let der: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        der.as_ref().to_vec()
    };
    Some(match spec {
        "ECC_NIST_P256" => of(&signature::ECDSA_P256_SHA256_ASN1_SIGNING),
        "ECC_NIST_P384" => of(&signature::ECDSA_P384_SHA384_ASN1_SIGNING),
        "ECC_NIST_P521" => of(&signature::ECDSA_P521_SHA512_ASN1_SIGNING),
        "ECC_SECG_P256K1" => of(&signature::ECDSA_P256K1_SHA256_ASN1_SIGNING),
        "ECC_NIST_EDWARDS25519" => {
            let pair = Ed25519KeyPair::from_pkcs8(private).unwrap();
            let der: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
            der.as_ref().to_vec()
        }
        "RSA_2048" | "RSA_3072" | "RSA_4096" => {
            let pair = RsaKeyPair::from_pkcs8(private).unwrap();
            let der: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
            der.as_ref().to_vec()
        }
        _ => return None,
    })
}

#[test]
fn pairs_of_every_spec() {
    let server = Server::start();
    let key = server.new_key();
    let described = server.call("DescribeKey", &json!({ "KeyId": key })).ok();
    let material = &described["KeyMetadata"]["CurrentKeyMaterialId"];
    let decrypt = |sealed: &Value| {
        let context = json!({ "tenant": "7" });
        let input = json!({ "CiphertextBlob": sealed, "EncryptionContext": context });
        let opened = server.call("Decrypt", &input).ok();
        assert_eq!(opened["KeyId"], arn(&key));
        bytes(&opened, "Plaintext")
    };
    for spec in SPECS {
        let made = server.call(PAIR, &pair(&key, spec)).ok();
        let private = bytes(&made, "PrivateKeyPlaintext");
        let public = bytes(&made, "PublicKey");
        let wanted = json!({
            "PrivateKeyCiphertextBlob": made["PrivateKeyCiphertextBlob"],
            "PrivateKeyPlaintext": blob(&private),
            "PublicKey": blob(&public),
            "KeyId": arn(&key),
            "KeyPairSpec": spec,
            "KeyMaterialId": material,
        });
        assert_eq!(made, wanted);
        assert_eq!(decrypt(&made["PrivateKeyCiphertextBlob"]), private);
        match public_of(spec, &private) {
            Some(of_private) => assert_eq!(of_private, public, "{spec}"),
            // In seed form, and so of equal length.
            None => assert_eq!(private.len(), 86, "{spec}"),
        }

        let made = server.call(WITHOUT_PLAINTEXT, &pair(&key, spec)).ok();
        let wanted = json!({
            "PrivateKeyCiphertextBlob": made["PrivateKeyCiphertextBlob"],
            "PublicKey": made["PublicKey"],
            "KeyId": arn(&key),
            "KeyPairSpec": spec,
            "KeyMaterialId": material,
        });
        assert_eq!(made, wanted);
        let hidden = decrypt(&made["PrivateKeyCiphertextBlob"]);
        assert_ne!(hidden, private);
        if let Some(of_private) = public_of(spec, &hidden) {
            assert_eq!(of_private, bytes(&made, "PublicKey"));
        }
    }
}

/// More than are made at a time: the others wait, and all are answered.
#[test]
fn pairs_at_the_same_time() {
    let server = Server::start();
    let key = server.new_key();
    let input = pair(&key, "RSA_2048");
    let made: Vec<Value> = thread::scope(|scope| {
        let calls: Vec<_> =
            (0..6).map(|_| scope.spawn(|| server.call(WITHOUT_PLAINTEXT, &input).ok())).collect();
        calls.into_iter().map(|call| call.join().unwrap()["PublicKey"].clone()).collect()
    });
    for (at, public) in made.iter().enumerate() {
        assert!(!made[..at].contains(public));
    }
}

#[test]
fn members_are_checked_before_anything_else() {
    let server = Server::start();
    let specs = "[RSA_2048, RSA_3072, RSA_4096, ECC_NIST_P256, ECC_NIST_P384, ECC_NIST_P521, \
                 ECC_SECG_P256K1, ECC_NIST_EDWARDS25519, SM2, ML_KEM_512, ML_KEM_768, ML_KEM_1024]";
    for operation in [PAIR, WITHOUT_PLAINTEXT] {
        for spec in ["ML_DSA_44", "AES_256", "SYMMETRIC_DEFAULT"] {
            let text = format!(
                "Value '{spec}' at 'keyPairSpec' failed to satisfy constraint: Member must \
                 satisfy enum value set: {specs}"
            );
            let answer = server.call(operation, &pair(NO_KEY, spec));
            check_refusal(&answer, "ValidationException", Some(&invalid(&text)));
        }
    }
}

/// Usage, then state, then the spec of the key; the wrapping key is symmetric.
#[test]
fn the_order_of_checks() {
    let server = Server::start();
    let usage = "InvalidKeyUsageException";
    for operation in [PAIR, WITHOUT_PLAINTEXT] {
        let signing = server.new_key_of("ECC_NIST_P256", "SIGN_VERIFY");
        let rsa = server.new_key_of("RSA_2048", "ENCRYPT_DECRYPT");
        let answer = server.call(operation, &pair(&rsa, "ECC_NIST_P256"));
        let text = "You cannot generate a data key with an asymmetric CMK";
        check_refusal(&answer, usage, Some(text));
        for key in [&signing, &rsa] {
            server.call("DisableKey", &json!({ "KeyId": key })).ok();
        }
        let answer = server.call(operation, &pair(&signing, "ECC_NIST_P256"));
        let text = format!(
            "{} key usage is SIGN_VERIFY which is not valid for {operation}.",
            arn(&signing)
        );
        check_refusal(&answer, usage, Some(&text));
        let answer = server.call(operation, &pair(&rsa, "ECC_NIST_P256"));
        let text = format!("{} is disabled.", arn(&rsa));
        check_refusal(&answer, "DisabledException", Some(&text));
        let answer = server.call(operation, &pair(&server.new_key(), "SM2"));
        let text = "KeyPairSpec SM2 is supported in China Regions only.";
        check_refusal(&answer, "UnsupportedOperationException", Some(text));
    }
}

#[test]
fn private_keys_are_not_for_enclaves_that_nobody_verifies() {
    let server = Server::start();
    let mut input = pair(&server.new_key(), "ECC_NIST_P256");
    input["Recipient"] = json!({ "AttestationDocument": blob("x") });
    assert_eq!(server.call(PAIR, &input).code(), "UnsupportedOperationException");
}
