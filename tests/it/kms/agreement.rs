//! DeriveSharedSecret: with a peer of the same server, and with one that has
//! never heard of it.

use aws_lc_rs::agreement::{self, PrivateKey};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use serde_json::{Value, json};

use super::{NO_KEY, arn, blob, bytes, check_refusal, invalid, public_key};
use crate::fixture::Server;

/// Every spec, how a peer has it, and the bytes of its secrets.
const SPECS: &[(&str, &agreement::Algorithm, usize)] = &[
    ("ECC_NIST_P256", &agreement::ECDH_P256, 32),
    ("ECC_NIST_P384", &agreement::ECDH_P384, 48),
    ("ECC_NIST_P521", &agreement::ECDH_P521, 66),
];

fn new_key(server: &Server, spec: &str) -> String {
    server.new_key_of(spec, "KEY_AGREEMENT")
}

fn derive(key: &str, peer: impl AsRef<[u8]>) -> Value {
    json!({ "KeyId": key, "KeyAgreementAlgorithm": "ECDH", "PublicKey": blob(peer) })
}

#[test]
fn both_sides_derive_the_same_secret() {
    let server = Server::start();
    for (spec, algorithm, len) in SPECS {
        let (key, other) = (new_key(&server, spec), new_key(&server, spec));
        let public = public_key(&server, &key);

        let peer = PrivateKey::generate(algorithm).unwrap();
        let peer_public: PublicKeyX509Der<'_> =
            peer.compute_public_key().unwrap().as_der().unwrap();
        let derived = server.call("DeriveSharedSecret", &derive(&key, peer_public.as_ref())).ok();
        let secret = bytes(&derived, "SharedSecret");
        assert_eq!(secret.len(), *len);
        let wanted = json!({
            "KeyId": arn(&key),
            "SharedSecret": blob(&secret),
            "KeyAgreementAlgorithm": "ECDH",
            "KeyOrigin": "AWS_KMS",
        });
        assert_eq!(derived, wanted);
        let of_key = agreement::UnparsedPublicKey::new(algorithm, &public);
        let of_peer = agreement::agree(&peer, of_key, (), |secret| Ok(secret.to_vec())).unwrap();
        assert_eq!(of_peer, secret);

        let there = derive(&key, public_key(&server, &other));
        let here = derive(&other, &public);
        let [there, here] = [there, here]
            .map(|input| bytes(&server.call("DeriveSharedSecret", &input).ok(), "SharedSecret"));
        assert_eq!(there, here);
        assert_ne!(here, secret);
    }
}

/// The text is there, and empty.
#[test]
fn public_keys_that_do_not_fit() {
    let server = Server::start();
    let key = new_key(&server, "ECC_NIST_P256");
    let good = public_key(&server, &key);
    let mut off_the_curve = good.clone();
    *off_the_curve.last_mut().unwrap() ^= 1;
    let mut keys = vec![
        b"garbage".to_vec(),
        vec![0; 8_192],
        good[1..].to_vec(),
        [good.as_slice(), &[0]].concat(),
        off_the_curve,
        // The bare point.
        good[good.len() - 65..].to_vec(),
    ];
    for (spec, usage) in [
        ("ECC_NIST_P384", "KEY_AGREEMENT"),
        ("ECC_SECG_P256K1", "SIGN_VERIFY"),
        ("ECC_NIST_EDWARDS25519", "SIGN_VERIFY"),
        ("RSA_2048", "SIGN_VERIFY"),
    ] {
        keys.push(public_key(&server, &server.new_key_of(spec, usage)));
    }
    for peer in keys {
        let answer = server.call("DeriveSharedSecret", &derive(&key, peer));
        check_refusal(&answer, "ValidationException", Some(""));
    }
}

/// Members, then usage, then state.
#[test]
fn the_order_of_checks() {
    let server = Server::start();
    let validation = "ValidationException";
    let mut input = derive(NO_KEY, "x");
    input["KeyAgreementAlgorithm"] = json!("ecdh");
    let text = "Value 'ecdh' at 'keyAgreementAlgorithm' failed to satisfy constraint: Member must \
                satisfy enum value set: [ECDH]";
    let answer = server.call("DeriveSharedSecret", &input);
    check_refusal(&answer, validation, Some(&invalid(text)));
    for (len, wanted) in [(0, "greater than or equal to 1"), (8_193, "less than or equal to 8192")]
    {
        let text = format!(
            "Value at 'publicKey' failed to satisfy constraint: Member must have length {wanted}"
        );
        let answer = server.call("DeriveSharedSecret", &derive(NO_KEY, vec![0; len]));
        check_refusal(&answer, validation, Some(&invalid(&text)));
    }
    let signing = server.new_key_of("ECC_NIST_P256", "SIGN_VERIFY");
    let agreeing = new_key(&server, "ECC_NIST_P256");
    for key in [&signing, &agreeing] {
        server.call("DisableKey", &json!({ "KeyId": key })).ok();
    }
    let answer = server.call("DeriveSharedSecret", &derive(&signing, "x"));
    let text = format!(
        "{} key usage is SIGN_VERIFY which is not valid for DeriveSharedSecret.",
        arn(&signing)
    );
    check_refusal(&answer, "InvalidKeyUsageException", Some(&text));
    let answer = server.call("DeriveSharedSecret", &derive(&agreeing, "x"));
    let text = format!("{} is disabled.", arn(&agreeing));
    check_refusal(&answer, "DisabledException", Some(&text));
}

#[test]
fn secrets_are_not_for_enclaves_that_nobody_verifies() {
    let server = Server::start();
    let key = new_key(&server, "ECC_NIST_P256");
    let mut input = derive(&key, public_key(&server, &key));
    input["Recipient"] = json!({ "AttestationDocument": blob("x") });
    let answer = server.call("DeriveSharedSecret", &input);
    assert_eq!(answer.code(), "UnsupportedOperationException");
}
