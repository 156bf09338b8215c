//! Encrypt, Decrypt and ReEncrypt with RSA keys.

use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm, OaepPublicEncryptingKey,
    PublicEncryptingKey,
};
use serde_json::{Value, json};

use super::{arn, blob, bytes, check_refusal, public_key};
use crate::fixture::Server;

/// The algorithms, how a caller has them, and the bytes that they take of the
/// modulus.
const ALGORITHMS: &[(&str, &OaepAlgorithm, usize)] = &[
    ("RSAES_OAEP_SHA_1", &OAEP_SHA1_MGF1SHA1, 42),
    ("RSAES_OAEP_SHA_256", &OAEP_SHA256_MGF1SHA256, 66),
];
const SHA_256: &str = "RSAES_OAEP_SHA_256";
const USAGE: &str = "InvalidKeyUsageException";
const VALIDATION: &str = "ValidationException";
const BAD_CIPHERTEXT: &str = "InvalidCiphertextException";
const INCORRECT_KEY: &str =
    "The key ID in the request does not identify a CMK that can perform this operation.";

fn new_key(server: &Server) -> String {
    server.new_key_of("RSA_2048", "ENCRYPT_DECRYPT")
}

fn encrypt(key: &str, algorithm: &str, plaintext: impl AsRef<[u8]>) -> Value {
    json!({ "KeyId": key, "EncryptionAlgorithm": algorithm, "Plaintext": blob(plaintext) })
}

fn decrypt(key: &str, algorithm: &str, ciphertext: &[u8]) -> Value {
    json!({
        "KeyId": key, "EncryptionAlgorithm": algorithm, "CiphertextBlob": blob(ciphertext),
    })
}

/// By who has nothing but the public key.
fn encrypt_offline(public_key: &[u8], algorithm: &'static OaepAlgorithm, text: &[u8]) -> Vec<u8> {
    let key = PublicEncryptingKey::from_der(public_key).unwrap();
    let key = OaepPublicEncryptingKey::new(key).unwrap();
    let mut ciphertext = vec![0; key.ciphertext_size()];
    key.encrypt(algorithm, text, &mut ciphertext, None).unwrap().to_vec()
}

#[test]
fn what_is_encrypted_here_or_offline_is_decrypted() {
    let server = Server::start();
    for (spec, modulus_len) in [("RSA_2048", 256), ("RSA_3072", 384), ("RSA_4096", 512)] {
        let key = server.new_key_of(spec, "ENCRYPT_DECRYPT");
        let public_key = public_key(&server, &key);
        for (algorithm, offline, overhead) in ALGORITHMS {
            let max = modulus_len - overhead;
            for len in [1, max] {
                let plaintext = vec![7; len];
                let made = server.call("Encrypt", &encrypt(&key, algorithm, &plaintext)).ok();
                let ciphertext = bytes(&made, "CiphertextBlob");
                assert_eq!(ciphertext.len(), modulus_len);
                let wanted = json!({
                    "CiphertextBlob": blob(&ciphertext),
                    "KeyId": arn(&key),
                    "EncryptionAlgorithm": algorithm,
                });
                assert_eq!(made, wanted);
                let offline = encrypt_offline(&public_key, offline, &plaintext);
                for ciphertext in [ciphertext, offline] {
                    let opened = server.call("Decrypt", &decrypt(&key, algorithm, &ciphertext));
                    let wanted = json!({
                        "KeyId": arn(&key),
                        "Plaintext": blob(&plaintext),
                        "EncryptionAlgorithm": algorithm,
                    });
                    assert_eq!(opened.ok(), wanted);
                }
            }
            let answer = server.call("Encrypt", &encrypt(&key, algorithm, vec![7; max + 1]));
            let text = format!(
                "Algorithm {algorithm} and key spec {spec} cannot encrypt data larger than {max} \
                 bytes."
            );
            check_refusal(&answer, VALIDATION, Some(&text));
        }
    }
}

#[test]
fn the_algorithm_must_be_named() {
    let server = Server::start();
    let (key, symmetric) = (new_key(&server), server.new_key());
    let text = "Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048.";
    let answer = server.call("Encrypt", &json!({ "KeyId": key, "Plaintext": blob("x") }));
    check_refusal(&answer, USAGE, Some(text));
    let made = server.call("Encrypt", &encrypt(&key, SHA_256, "x")).ok();
    let raw = bytes(&made, "CiphertextBlob");
    // What is no ciphertext blob is seen before what the key is for.
    for input in [
        json!({ "CiphertextBlob": blob(&raw) }),
        json!({ "CiphertextBlob": blob(&raw), "KeyId": key }),
        json!({ "CiphertextBlob": blob(&raw), "EncryptionAlgorithm": SHA_256 }),
        decrypt(&symmetric, SHA_256, &raw),
    ] {
        check_refusal(&server.call("Decrypt", &input), BAD_CIPHERTEXT, None);
    }
    let of_symmetric = "Algorithm RSAES_OAEP_SHA_256 is incompatible with key spec \
                        SYMMETRIC_DEFAULT.";
    let answer = server.call("Encrypt", &encrypt(&symmetric, SHA_256, "x"));
    check_refusal(&answer, USAGE, Some(of_symmetric));
    let sealed = server.call("Encrypt", &json!({ "KeyId": symmetric, "Plaintext": "eA==" })).ok();
    let sealed = bytes(&sealed, "CiphertextBlob");
    for input in [
        decrypt(&symmetric, SHA_256, &sealed),
        json!({ "CiphertextBlob": blob(&sealed), "EncryptionAlgorithm": SHA_256 }),
    ] {
        check_refusal(&server.call("Decrypt", &input), USAGE, Some(of_symmetric));
    }
    let answer = server.call("Encrypt", &encrypt(&key, "SM2PKE", "x"));
    let text = "Algorithm SM2PKE is incompatible with key spec RSA_2048.";
    check_refusal(&answer, USAGE, Some(text));
}

#[test]
fn ciphertexts_that_are_none() {
    let server = Server::start();
    let (key, other) = (new_key(&server), new_key(&server));
    let made = server.call("Encrypt", &encrypt(&key, SHA_256, "x")).ok();
    let good = bytes(&made, "CiphertextBlob");
    let mut flipped = good.clone();
    flipped[100] ^= 1;
    let longer = [good.as_slice(), &[0]].concat();
    for bad in [&flipped, &longer, &good[1..], b"x", &[0; 256], &[255; 256], &[7; 6_144]] {
        let answer = server.call("Decrypt", &decrypt(&key, SHA_256, bad));
        check_refusal(&answer, BAD_CIPHERTEXT, None);
    }
    for input in [decrypt(&other, SHA_256, &good), decrypt(&key, "RSAES_OAEP_SHA_1", &good)] {
        check_refusal(&server.call("Decrypt", &input), BAD_CIPHERTEXT, None);
    }
}

/// A ciphertext says which symmetric key it is of; naming any other is a
/// mistake, whatever that other one is for.
#[test]
fn a_symmetric_ciphertext_is_of_no_other_key() {
    let server = Server::start();
    let symmetric = server.new_key();
    let sealed = server.call("Encrypt", &json!({ "KeyId": symmetric, "Plaintext": "eA==" })).ok();
    for key in [
        new_key(&server),
        server.new_key(),
        server.new_key_of("HMAC_256", "GENERATE_VERIFY_MAC"),
        server.new_key_of("RSA_2048", "SIGN_VERIFY"),
        server.new_key_of("ML_KEM_512", "ENCAPSULATE_DECAPSULATE"),
    ] {
        server.call("DisableKey", &json!({ "KeyId": key })).ok();
        let input = json!({ "CiphertextBlob": sealed["CiphertextBlob"], "KeyId": key });
        let answer = server.call("Decrypt", &input);
        check_refusal(&answer, "IncorrectKeyException", Some(INCORRECT_KEY));
        let input = json!({
            "CiphertextBlob": sealed["CiphertextBlob"], "SourceKeyId": key,
            "DestinationKeyId": symmetric,
        });
        let answer = server.call("ReEncrypt", &input);
        check_refusal(&answer, "IncorrectKeyException", Some(INCORRECT_KEY));
    }
}

/// Usage, then state, then algorithm, then size.
#[test]
fn the_order_of_checks() {
    let server = Server::start();
    let (signing, key) = (server.new_key_of("RSA_2048", "SIGN_VERIFY"), new_key(&server));
    for key in [&signing, &key] {
        server.call("DisableKey", &json!({ "KeyId": key })).ok();
    }
    let long = vec![0; 4_096];
    let of_usage = |operation| {
        format!("{} key usage is SIGN_VERIFY which is not valid for {operation}.", arn(&signing))
    };
    let answer = server.call("Encrypt", &encrypt(&signing, "SM2PKE", &long));
    check_refusal(&answer, USAGE, Some(&of_usage("Encrypt")));
    let answer = server.call("Decrypt", &decrypt(&signing, SHA_256, &long));
    check_refusal(&answer, USAGE, Some(&of_usage("Decrypt")));
    let disabled = format!("{} is disabled.", arn(&key));
    for input in [encrypt(&key, "SM2PKE", &long), encrypt(&key, "SYMMETRIC_DEFAULT", &long)] {
        let answer = server.call("Encrypt", &input);
        check_refusal(&answer, "DisabledException", Some(&disabled));
    }
    let answer = server.call("Decrypt", &decrypt(&key, SHA_256, &long));
    check_refusal(&answer, "DisabledException", Some(&disabled));
    server.call("EnableKey", &json!({ "KeyId": key })).ok();
    let answer = server.call("Encrypt", &encrypt(&key, "SYMMETRIC_DEFAULT", &long));
    let text = "Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048.";
    check_refusal(&answer, USAGE, Some(text));
}

#[test]
fn rsa_binds_no_encryption_context() {
    let server = Server::start();
    let (key, symmetric) = (new_key(&server), server.new_key());
    let made = server.call("Encrypt", &encrypt(&key, SHA_256, "x")).ok();
    let ciphertext = bytes(&made, "CiphertextBlob");
    let context = json!({ "tenant": "7" });
    let text = "EncryptionContext is not supported with key spec RSA_2048.";
    let mut input = encrypt(&key, SHA_256, "x");
    input["EncryptionContext"] = context.clone();
    check_refusal(&server.call("Encrypt", &input), VALIDATION, Some(text));
    input["EncryptionContext"] = json!({});
    server.call("Encrypt", &input).ok();
    let mut input = decrypt(&key, SHA_256, &ciphertext);
    input["EncryptionContext"] = context.clone();
    check_refusal(&server.call("Decrypt", &input), VALIDATION, Some(text));
    let mut input = from_rsa(&key, &ciphertext, &symmetric);
    input["SourceEncryptionContext"] = context.clone();
    check_refusal(&server.call("ReEncrypt", &input), VALIDATION, Some(text));
    let mut input = from_rsa(&key, &ciphertext, &key);
    input["DestinationEncryptionAlgorithm"] = json!(SHA_256);
    input["DestinationEncryptionContext"] = context;
    check_refusal(&server.call("ReEncrypt", &input), VALIDATION, Some(text));
}

fn from_rsa(source: &str, ciphertext: &[u8], destination: &str) -> Value {
    json!({
        "SourceKeyId": source, "SourceEncryptionAlgorithm": SHA_256,
        "CiphertextBlob": blob(ciphertext), "DestinationKeyId": destination,
    })
}

#[test]
fn re_encrypt_goes_both_ways() {
    let server = Server::start();
    let (rsa, symmetric) = (new_key(&server), server.new_key());
    let described = server.call("DescribeKey", &json!({ "KeyId": symmetric })).ok();
    let material = &described["KeyMetadata"]["CurrentKeyMaterialId"];
    let sealed =
        server.call("Encrypt", &json!({ "KeyId": symmetric, "Plaintext": blob("moving") })).ok();
    let input = json!({
        "CiphertextBlob": sealed["CiphertextBlob"], "DestinationKeyId": rsa,
        "DestinationEncryptionAlgorithm": SHA_256,
    });
    let answer = server.call("ReEncrypt", &input);
    let moved = answer.ok();
    let wanted = json!({
        "CiphertextBlob": moved["CiphertextBlob"],
        "SourceKeyId": arn(&symmetric),
        "KeyId": arn(&rsa),
        "SourceEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "DestinationEncryptionAlgorithm": SHA_256,
        "SourceKeyMaterialId": material,
    });
    assert_eq!(moved, wanted);
    let additional = json!({ "sourceKeyMaterialId": material });
    assert_eq!(record_of(&server, answer.request_id())["additionalEventData"], additional);

    let ciphertext = bytes(&moved, "CiphertextBlob");
    let mut input = from_rsa(&rsa, &ciphertext, &symmetric);
    input["DestinationEncryptionContext"] = json!({ "tenant": "7" });
    let answer = server.call("ReEncrypt", &input);
    let back = answer.ok();
    let wanted = json!({
        "CiphertextBlob": back["CiphertextBlob"],
        "SourceKeyId": arn(&rsa),
        "KeyId": arn(&symmetric),
        "SourceEncryptionAlgorithm": SHA_256,
        "DestinationEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "DestinationKeyMaterialId": material,
    });
    assert_eq!(back, wanted);
    let additional = json!({ "destinationKeyMaterialId": material });
    assert_eq!(record_of(&server, answer.request_id())["additionalEventData"], additional);
    let input = json!({
        "CiphertextBlob": back["CiphertextBlob"], "EncryptionContext": { "tenant": "7" },
    });
    assert_eq!(bytes(&server.call("Decrypt", &input).ok(), "Plaintext"), b"moving");

    let other = new_key(&server);
    let mut input = from_rsa(&rsa, &ciphertext, &other);
    input["DestinationEncryptionAlgorithm"] = json!("RSAES_OAEP_SHA_1");
    let moved = server.call("ReEncrypt", &input).ok();
    let moved = bytes(&moved, "CiphertextBlob");
    let opened = server.call("Decrypt", &decrypt(&other, "RSAES_OAEP_SHA_1", &moved)).ok();
    assert_eq!(bytes(&opened, "Plaintext"), b"moving");
}

/// A plaintext that fits a symmetric key need not fit RSA.
#[test]
fn re_encrypt_keeps_to_the_size_of_the_destination() {
    let server = Server::start();
    let (rsa, symmetric) = (new_key(&server), server.new_key());
    let input = json!({ "KeyId": symmetric, "Plaintext": blob([7; 191]) });
    let sealed = server.call("Encrypt", &input).ok();
    let mut input = json!({
        "CiphertextBlob": sealed["CiphertextBlob"], "DestinationKeyId": rsa,
        "DestinationEncryptionAlgorithm": SHA_256,
    });
    let text = "Algorithm RSAES_OAEP_SHA_256 and key spec RSA_2048 cannot encrypt data larger \
                than 190 bytes.";
    check_refusal(&server.call("ReEncrypt", &input), VALIDATION, Some(text));
    input["DestinationEncryptionAlgorithm"] = json!("RSAES_OAEP_SHA_1");
    server.call("ReEncrypt", &input).ok();
    let text = "Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048.";
    input["DestinationEncryptionAlgorithm"] = Value::Null;
    check_refusal(&server.call("ReEncrypt", &input), USAGE, Some(text));
}

/// AWS tells no material of asymmetric keys, nor records it.
#[test]
fn records_name_no_material() {
    let server = Server::start();
    let key = new_key(&server);
    let made = server.call("Encrypt", &encrypt(&key, SHA_256, "x"));
    let input = decrypt(&key, SHA_256, &bytes(&made.ok(), "CiphertextBlob"));
    let opened = server.call("Decrypt", &input);
    for answer in [made, opened] {
        let record = record_of(&server, answer.request_id());
        assert!(record.get("additionalEventData").is_none(), "{record}");
        let wanted = json!({ "keyId": key, "encryptionAlgorithm": SHA_256 });
        assert_eq!(record["requestParameters"], wanted);
    }
}

#[track_caller]
fn record_of(server: &Server, request_id: &str) -> Value {
    let records = server.records_of(request_id);
    assert_eq!(records.len(), 1);
    records[0].clone()
}

#[test]
fn data_keys_are_made_under_symmetric_keys_only() {
    let server = Server::start();
    let key = new_key(&server);
    for operation in ["GenerateDataKey", "GenerateDataKeyWithoutPlaintext"] {
        let input = json!({ "KeyId": key, "KeySpec": "AES_256" });
        let text = "You cannot generate a data key with an asymmetric CMK";
        check_refusal(&server.call(operation, &input), USAGE, Some(text));
        // The rule of the two sizes comes first.
        let text = "Please specify either number of bytes or key spec.";
        let answer = server.call(operation, &json!({ "KeyId": key }));
        check_refusal(&answer, VALIDATION, Some(text));
        server.call("DisableKey", &json!({ "KeyId": key })).ok();
        let text = format!("{} is disabled.", arn(&key));
        check_refusal(&server.call(operation, &input), "DisabledException", Some(&text));
        server.call("EnableKey", &json!({ "KeyId": key })).ok();
    }
}

#[test]
fn dry_runs() {
    let server = Server::start();
    let (key, symmetric) = (new_key(&server), server.new_key());
    let would = "The request would have succeeded, but the DryRun option is set.";
    let made = server.call("Encrypt", &encrypt(&key, SHA_256, "x")).ok();
    let ciphertext = bytes(&made, "CiphertextBlob");
    let ignore = json!({
        "KeyId": key, "EncryptionAlgorithm": SHA_256, "DryRunModifiers": ["IGNORE_CIPHERTEXT"],
    });
    for (operation, mut input) in [
        ("Encrypt", encrypt(&key, SHA_256, "x")),
        ("Decrypt", decrypt(&key, SHA_256, &ciphertext)),
        ("Decrypt", ignore),
        ("ReEncrypt", from_rsa(&key, &ciphertext, &symmetric)),
    ] {
        input["DryRun"] = json!(true);
        let answer = server.call(operation, &input);
        check_refusal(&answer, "DryRunOperationException", Some(would));
    }
}
