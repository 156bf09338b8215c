//! Sign and Verify: every spec with every algorithm, checked here and by who has
//! nothing but the public key.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{self, ParsedPublicKey, VerificationAlgorithm};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{MessageType, SigningAlgorithmSpec};
use ed25519_dalek::{Digest, Sha512, Signature, VerifyingKey};
use serde_json::{Value, json};

use super::{NO_KEY, alias_arn, arn, blob, bytes, check_refusal, invalid, public_key};
use crate::fixture::Server;

const RSA: &[&str] = &[
    "RSASSA_PSS_SHA_256",
    "RSASSA_PSS_SHA_384",
    "RSASSA_PSS_SHA_512",
    "RSASSA_PKCS1_V1_5_SHA_256",
    "RSASSA_PKCS1_V1_5_SHA_384",
    "RSASSA_PKCS1_V1_5_SHA_512",
];
/// Every spec that signs, and its algorithms.
const SPECS: &[(&str, &[&str])] = &[
    ("RSA_2048", RSA),
    ("RSA_3072", RSA),
    ("RSA_4096", RSA),
    ("ECC_NIST_P256", &["ECDSA_SHA_256"]),
    ("ECC_NIST_P384", &["ECDSA_SHA_384"]),
    ("ECC_NIST_P521", &["ECDSA_SHA_512"]),
    ("ECC_SECG_P256K1", &["ECDSA_SHA_256"]),
    ("ECC_NIST_EDWARDS25519", &["ED25519_SHA_512", "ED25519_PH_SHA_512"]),
    ("ML_DSA_44", &["ML_DSA_SHAKE_256"]),
    ("ML_DSA_65", &["ML_DSA_SHAKE_256"]),
    ("ML_DSA_87", &["ML_DSA_SHAKE_256"]),
];
const DATA: &[u8] = b"what is signed";
const VALIDATION: &str = "ValidationException";
const USAGE: &str = "InvalidKeyUsageException";
const BAD_SIGNATURE: &str = "KMSInvalidSignatureException";

fn new_key(server: &Server, spec: &str) -> String {
    server.new_key_of(spec, "SIGN_VERIFY")
}

fn sign(key: &str, algorithm: &str, kind: &str, message: &[u8]) -> Value {
    json!({
        "KeyId": key, "SigningAlgorithm": algorithm, "MessageType": kind, "Message": blob(message),
    })
}

fn with_signature(mut input: Value, signature: impl AsRef<[u8]>) -> Value {
    input["Signature"] = json!(blob(signature));
    input
}

/// The hash that the algorithm signs.
fn hashed(algorithm: &str, data: &[u8]) -> Vec<u8> {
    let hash = match algorithm.rsplit('_').next() {
        Some("256") => &digest::SHA256,
        Some("384") => &digest::SHA384,
        _ => &digest::SHA512,
    };
    digest::digest(hash, data).as_ref().to_vec()
}

/// The kinds of message that go with an algorithm, each as it is sent for the
/// same data, but for an external mu, which is any.
fn messages(algorithm: &str) -> Vec<(&'static str, Vec<u8>)> {
    match algorithm {
        "ED25519_SHA_512" => vec![("RAW", DATA.to_vec())],
        "ED25519_PH_SHA_512" => vec![("DIGEST", hashed(algorithm, DATA))],
        "ML_DSA_SHAKE_256" => vec![("RAW", DATA.to_vec()), ("EXTERNAL_MU", vec![5; 64])],
        _ => vec![("RAW", DATA.to_vec()), ("DIGEST", hashed(algorithm, DATA))],
    }
}

/// Whether the signature of [`DATA`] is valid for all who have the public key.
fn verifies_offline(spec: &str, algorithm: &str, public_key: &[u8], signed: &[u8]) -> bool {
    let by: &'static dyn VerificationAlgorithm = match (algorithm, spec) {
        ("RSASSA_PSS_SHA_256", _) => &signature::RSA_PSS_2048_8192_SHA256,
        ("RSASSA_PSS_SHA_384", _) => &signature::RSA_PSS_2048_8192_SHA384,
        ("RSASSA_PSS_SHA_512", _) => &signature::RSA_PSS_2048_8192_SHA512,
        ("RSASSA_PKCS1_V1_5_SHA_256", _) => &signature::RSA_PKCS1_2048_8192_SHA256,
        ("RSASSA_PKCS1_V1_5_SHA_384", _) => &signature::RSA_PKCS1_2048_8192_SHA384,
        ("RSASSA_PKCS1_V1_5_SHA_512", _) => &signature::RSA_PKCS1_2048_8192_SHA512,
        (_, "ECC_NIST_P256") => &signature::ECDSA_P256_SHA256_ASN1,
        (_, "ECC_NIST_P384") => &signature::ECDSA_P384_SHA384_ASN1,
        (_, "ECC_NIST_P521") => &signature::ECDSA_P521_SHA512_ASN1,
        (_, "ECC_SECG_P256K1") => &signature::ECDSA_P256K1_SHA256_ASN1,
        ("ED25519_SHA_512", _) => &signature::ED25519,
        ("ED25519_PH_SHA_512", _) => {
            // The digest is the message, and is hashed once more.
            let key = VerifyingKey::from_bytes(public_key.last_chunk().unwrap()).unwrap();
            let twice = Sha512::new().chain_update(hashed(algorithm, DATA));
            let signed = Signature::from_slice(signed).unwrap();
            return key.verify_prehashed_strict(twice, None, &signed).is_ok();
        }
        (_, "ML_DSA_44") => &signature::ML_DSA_44,
        (_, "ML_DSA_65") => &signature::ML_DSA_65,
        (_, "ML_DSA_87") => &signature::ML_DSA_87,
        other => panic!("{other:?}"),
    };
    ParsedPublicKey::new(by, public_key).unwrap().verify_sig(DATA, signed).is_ok()
}

#[test]
fn what_is_signed_verifies_here_and_offline() {
    let server = Server::start();
    for (spec, algorithms) in SPECS {
        let key = new_key(&server, spec);
        let public_key = public_key(&server, &key);
        for algorithm in *algorithms {
            for (kind, message) in messages(algorithm) {
                let case = format!("{spec} {algorithm} {kind}");
                let input = sign(&key, algorithm, kind, &message);
                let signed = server.call("Sign", &input).ok();
                let signature = bytes(&signed, "Signature");
                let wanted = json!({
                    "KeyId": arn(&key), "Signature": blob(&signature), "SigningAlgorithm": algorithm,
                });
                assert_eq!(signed, wanted, "{case}");
                if kind != "EXTERNAL_MU" {
                    assert!(verifies_offline(spec, algorithm, &public_key, &signature), "{case}");
                }
                let verified = server.call("Verify", &with_signature(input, &signature)).ok();
                let wanted = json!({
                    "KeyId": arn(&key), "SignatureValid": true, "SigningAlgorithm": algorithm,
                });
                assert_eq!(verified, wanted, "{case}");
                check_wrong_signatures(&server, (&key, algorithm, kind), &message, &signature);
            }
        }
    }
}

/// Whatever is wrong, the answer is the same, and has no text.
#[track_caller]
fn check_wrong_signatures(
    server: &Server,
    (key, algorithm, kind): (&str, &str, &str),
    message: &[u8],
    signature: &[u8],
) {
    let right = sign(key, algorithm, kind, message);
    let mut flipped = signature.to_vec();
    *flipped.last_mut().unwrap() ^= 1;
    let longer = [signature, &[0]].concat();
    for wrong in [&flipped, &longer, &signature[1..], b"x", &[0; 6_144]] {
        let answer = server.call("Verify", &with_signature(right.clone(), wrong));
        check_refusal(&answer, BAD_SIGNATURE, None);
    }
    let mut other = message.to_vec();
    other[0] ^= 1;
    let input = with_signature(sign(key, algorithm, kind, &other), signature);
    check_refusal(&server.call("Verify", &input), BAD_SIGNATURE, None);
}

#[test]
fn a_signature_is_of_one_key_and_one_algorithm() {
    let server = Server::start();
    let (key, other) = (new_key(&server, "RSA_2048"), new_key(&server, "RSA_2048"));
    let signed = server.call("Sign", &sign(&key, RSA[0], "RAW", DATA)).ok();
    let signature = bytes(&signed, "Signature");
    for (key, algorithm) in [(&other, RSA[0]), (&key, RSA[1]), (&key, RSA[3])] {
        let input = with_signature(sign(key, algorithm, "RAW", DATA), &signature);
        check_refusal(&server.call("Verify", &input), BAD_SIGNATURE, None);
    }
}

#[test]
fn messages_have_from_1_to_4096_bytes() {
    let server = Server::start();
    let key = new_key(&server, "ECC_NIST_P256");
    server.call("Sign", &sign(&key, "ECDSA_SHA_256", "RAW", &[7; 4_096])).ok();
    for (len, wanted) in [(0, "greater than or equal to 1"), (4_097, "less than or equal to 4096")]
    {
        let text = format!(
            "Value at 'message' failed to satisfy constraint: Member must have length {wanted}"
        );
        let answer = server.call("Sign", &sign(NO_KEY, "ECDSA_SHA_256", "RAW", &vec![7; len]));
        check_refusal(&answer, VALIDATION, Some(&invalid(&text)));
    }
}

/// Every algorithm with every spec that it is not for; `SYMMETRIC_DEFAULT` among
/// them, though it stands in no list.
#[test]
fn algorithms_go_with_their_specs_only() {
    let server = Server::start();
    for spec in
        ["RSA_2048", "ECC_NIST_P256", "ECC_SECG_P256K1", "ECC_NIST_EDWARDS25519", "ML_DSA_44"]
    {
        let key = new_key(&server, spec);
        let (_, its) = SPECS.iter().find(|(name, _)| *name == spec).unwrap();
        let others = SPECS.iter().flat_map(|(_, algorithms)| *algorithms);
        for algorithm in others.chain(&["SYMMETRIC_DEFAULT", "SM2DSA"]) {
            if its.contains(algorithm) {
                continue;
            }
            let input = sign(&key, algorithm, "RAW", DATA);
            let text = format!("Algorithm {algorithm} is incompatible with key spec {spec}.");
            check_refusal(&server.call("Sign", &input), USAGE, Some(&text));
            let verify = server.call("Verify", &with_signature(input, b"x"));
            check_refusal(&verify, USAGE, Some(&text));
        }
    }
}

#[test]
fn message_types_go_with_their_algorithms_only() {
    let server = Server::start();
    let by = |spec: &str| new_key(&server, spec);
    let (rsa, ecc) = (by("RSA_2048"), by("ECC_NIST_P384"));
    let (edwards, ml_dsa) = (by("ECC_NIST_EDWARDS25519"), by("ML_DSA_44"));
    let of_spec = |kind: &str, spec: &str| {
        format!("Message type {kind} is incompatible with key spec {spec}.")
    };
    let of_algorithm = |kind: &str, algorithm: &str| {
        format!("Message type {kind} is incompatible with algorithm {algorithm}.")
    };
    let length = |algorithm: &str| format!("Digest is invalid length for algorithm {algorithm}.");
    let (ph, ml) = ("ED25519_PH_SHA_512", "ML_DSA_SHAKE_256");
    for (key, algorithm, kind, len, text) in [
        (&ml_dsa, ml, "DIGEST", 64, of_spec("DIGEST", "ML_DSA_44")),
        (&rsa, RSA[0], "EXTERNAL_MU", 64, of_spec("EXTERNAL_MU", "RSA_2048")),
        (&ecc, "ECDSA_SHA_384", "EXTERNAL_MU", 64, of_spec("EXTERNAL_MU", "ECC_NIST_P384")),
        (&edwards, "ED25519_SHA_512", "DIGEST", 64, of_algorithm("DIGEST", "ED25519_SHA_512")),
        (&edwards, ph, "RAW", 64, of_algorithm("RAW", ph)),
        (&edwards, ph, "DIGEST", 63, length(ph)),
        (&edwards, ph, "DIGEST", 32, length(ph)),
        (&ml_dsa, ml, "EXTERNAL_MU", 63, length(ml)),
        (&ml_dsa, ml, "EXTERNAL_MU", 65, length(ml)),
        (&rsa, RSA[0], "DIGEST", 31, length(RSA[0])),
        (&rsa, RSA[0], "DIGEST", 64, length(RSA[0])),
        (&rsa, RSA[5], "DIGEST", 32, length(RSA[5])),
        (&ecc, "ECDSA_SHA_384", "DIGEST", 32, length("ECDSA_SHA_384")),
    ] {
        let input = sign(key, algorithm, kind, &vec![7; len]);
        check_refusal(&server.call("Sign", &input), VALIDATION, Some(&text));
        let verify = server.call("Verify", &with_signature(input, b"x"));
        check_refusal(&verify, VALIDATION, Some(&text));
    }
}

/// Usage, then state, then algorithm, then message type.
#[test]
fn the_order_of_checks() {
    let server = Server::start();
    let (hmac, rsa) =
        (server.new_key_of("HMAC_256", "GENERATE_VERIFY_MAC"), new_key(&server, "RSA_2048"));
    for key in [&hmac, &rsa] {
        server.call("DisableKey", &json!({ "KeyId": key })).ok();
    }
    let usage =
        format!("{} key usage is GENERATE_VERIFY_MAC which is not valid for Sign.", arn(&hmac));
    for algorithm in ["RSASSA_PSS_SHA_256", "SYMMETRIC_DEFAULT"] {
        let answer = server.call("Sign", &sign(&hmac, algorithm, "RAW", DATA));
        check_refusal(&answer, USAGE, Some(&usage));
    }
    let disabled = format!("{} is disabled.", arn(&rsa));
    for algorithm in ["ECDSA_SHA_256", "SYMMETRIC_DEFAULT"] {
        let answer = server.call("Sign", &sign(&rsa, algorithm, "DIGEST", DATA));
        check_refusal(&answer, "DisabledException", Some(&disabled));
    }
    server.call("EnableKey", &json!({ "KeyId": rsa })).ok();
    let answer = server.call("Sign", &sign(&rsa, "ECDSA_SHA_256", "DIGEST", DATA));
    let text = "Algorithm ECDSA_SHA_256 is incompatible with key spec RSA_2048.";
    check_refusal(&answer, USAGE, Some(text));
    server.call("ScheduleKeyDeletion", &json!({ "KeyId": rsa })).ok();
    let answer = server.call("Sign", &sign(&rsa, RSA[0], "RAW", DATA));
    let text = format!("{} is pending deletion.", arn(&rsa));
    check_refusal(&answer, "KMSInvalidStateException", Some(&text));
}

/// Members first, even for a key that is not there, and all of them at once.
#[test]
fn members_are_checked_before_anything_else() {
    let server = Server::start();
    let null = |at: &str| format!("'{at}' failed to satisfy constraint: Member must not be null");
    let answer = server.call("Verify", &json!({ "KeyId": NO_KEY }));
    let text = format!(
        "3 validation errors detected: Value at {}; Value null at {}; Value null at {}",
        null("message"),
        null("signature"),
        null("signingAlgorithm"),
    );
    check_refusal(&answer, VALIDATION, Some(&text));
    let length = "failed to satisfy constraint: Member must have length";
    let mut input = with_signature(sign(NO_KEY, RSA[0], "RAW", DATA), b"");
    let answer = server.call("Verify", &input);
    let text = invalid(&format!("Value at 'signature' {length} greater than or equal to 1"));
    check_refusal(&answer, VALIDATION, Some(&text));
    input["Signature"] = json!(blob([0; 6_145]));
    let answer = server.call("Verify", &input);
    let text = invalid(&format!("Value at 'signature' {length} less than or equal to 6144"));
    check_refusal(&answer, VALIDATION, Some(&text));
    for algorithm in ["RSAES_OAEP_SHA_256", "ecdsa_sha_256", ""] {
        let answer = server.call("Sign", &sign(NO_KEY, algorithm, "raw", DATA));
        let text = format!(
            "2 validation errors detected: Value 'raw' at 'messageType' failed to satisfy \
             constraint: Member must satisfy enum value set: [RAW, DIGEST, EXTERNAL_MU]; Value \
             '{algorithm}' at 'signingAlgorithm' failed to satisfy constraint: Member must \
             satisfy enum value set: [RSASSA_PSS_SHA_256, RSASSA_PSS_SHA_384, RSASSA_PSS_SHA_512, \
             RSASSA_PKCS1_V1_5_SHA_256, RSASSA_PKCS1_V1_5_SHA_384, RSASSA_PKCS1_V1_5_SHA_512, \
             ECDSA_SHA_256, ECDSA_SHA_384, ECDSA_SHA_512, ED25519_SHA_512, ED25519_PH_SHA_512, \
             SM2DSA, ML_DSA_SHAKE_256]"
        );
        check_refusal(&answer, VALIDATION, Some(&text));
    }
    let answer = server.call("Sign", &sign(NO_KEY, RSA[0], "RAW", DATA));
    let text = format!("Key '{}' does not exist", arn(NO_KEY));
    check_refusal(&answer, "NotFoundException", Some(&text));
}

/// Each form of a key's name, through the AWS SDK; the message type may be left
/// out.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_named_in_four_ways() {
    let server = Server::start();
    let kms = server.kms();
    let key = new_key(&server, "ECC_SECG_P256K1");
    kms.create_alias().alias_name("alias/signer").target_key_id(&key).send().await.unwrap();
    let algorithm = SigningAlgorithmSpec::EcdsaSha256;
    for name in [key.clone(), arn(&key), "alias/signer".to_owned(), alias_arn("alias/signer")] {
        let message = Blob::new(DATA);
        let call = kms.sign().key_id(&name).message(message.clone());
        let signed = call.signing_algorithm(algorithm.clone()).send().await.unwrap();
        assert_eq!(signed.key_id(), Some(arn(&key).as_str()));
        let call = kms.verify().key_id(name).message(message).message_type(MessageType::Raw);
        let call = call.signature(signed.signature.unwrap()).signing_algorithm(algorithm.clone());
        assert!(call.send().await.unwrap().signature_valid());
    }
}

#[test]
fn a_dry_run_signs_nothing() {
    let server = Server::start();
    let key = new_key(&server, "ECC_NIST_P256");
    let mut input = sign(&key, "ECDSA_SHA_256", "RAW", DATA);
    let signed = server.call("Sign", &input).ok();
    input["DryRun"] = json!(true);
    let dry = "DryRunOperationException";
    let would = "The request would have succeeded, but the DryRun option is set.";
    check_refusal(&server.call("Sign", &input), dry, Some(would));
    let right = with_signature(input.clone(), bytes(&signed, "Signature"));
    check_refusal(&server.call("Verify", &right), dry, Some(would));
    check_refusal(&server.call("Verify", &with_signature(input, b"x")), BAD_SIGNATURE, None);
}
