//! GetParametersForImport, ImportKeyMaterial, DeleteImportedKeyMaterial, and
//! the end of imported material by itself.

use std::fs;
use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, RsaKeyPair};
use serde_json::{Value, json};
use wardbook::base::clock::ManualClock;
use wardbook::base::timestamp;

use super::{NO_KEY, arn, invalid};
use crate::fixture::import::{Wrapping, new_key};
use crate::fixture::raw::Response;
use crate::fixture::{OTHER_REGION, Options, REGION, START_MS, Server, wait_until};
use crate::server_events;
use crate::timers::pass;

const ALGORITHMS: [&str; 4] = [
    "RSAES_OAEP_SHA_1",
    "RSAES_OAEP_SHA_256",
    "RSA_AES_KEY_WRAP_SHA_1",
    "RSA_AES_KEY_WRAP_SHA_256",
];
const WRAPPING_SPECS: [&str; 3] = ["RSA_2048", "RSA_3072", "RSA_4096"];
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

#[track_caller]
fn check_refused(answer: &Response, code: &str, message: &str) {
    assert_eq!((answer.code().as_str(), answer.message().as_str()), (code, message));
}

/// A symmetric key that waits for its import, and a wrapping key for it.
fn waiting(server: &Server) -> (String, Wrapping) {
    let key = new_key(server, &json!({}));
    let wrapping = Wrapping::of(server, &key, "RSAES_OAEP_SHA_256", "RSA_2048");
    (key, wrapping)
}

fn import(server: &Server, input: &Value) -> Response {
    server.call("ImportKeyMaterial", input)
}

/// The input with other members beside it, or in place of its own.
fn with(input: &Value, mut more: Value) -> Value {
    let mut input = input.clone();
    input.as_object_mut().unwrap().append(more.as_object_mut().unwrap());
    input
}

fn metadata(server: &Server, key: &str) -> Value {
    server.call("DescribeKey", &json!({ "KeyId": key })).ok()["KeyMetadata"].clone()
}

fn state(server: &Server, key: &str) -> String {
    metadata(server, key)["KeyState"].as_str().unwrap().to_owned()
}

fn encrypt(server: &Server, key: &str) -> Response {
    server.call("Encrypt", &json!({ "KeyId": key, "Plaintext": "eA==" }))
}

fn decrypt(server: &Server, ciphertext: &Value) -> Response {
    server.call("Decrypt", &json!({ "CiphertextBlob": ciphertext }))
}

#[test]
fn a_key_waits_for_its_material() {
    let clock = Arc::new(ManualClock::at(START_MS));
    let server = Server::at(&clock);
    let key = new_key(&server, &json!({}));
    let before = metadata(&server, &key);
    assert_eq!(before["KeyState"], "PendingImport");
    assert_eq!(before["Enabled"], false);
    assert_eq!(before["Origin"], "EXTERNAL");
    for absent in ["CurrentKeyMaterialId", "ExpirationModel", "ValidTo"] {
        assert!(before.get(absent).is_none(), "{before}");
    }
    let pending = format!("{} is pending import.", arn(&key));
    check_refused(&encrypt(&server, &key), "KMSInvalidStateException", &pending);

    let asked = json!({
        "KeyId": key, "WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_4096",
    });
    let parameters = server.call("GetParametersForImport", &asked).ok();
    assert_eq!(parameters["KeyId"], arn(&key));
    assert_eq!(parameters["ParametersValidTo"], json!(timestamp::epoch_seconds(START_MS + DAY_MS)));
    // 6,144 bytes are AWS's limit, base64 a third more.
    assert!(parameters["ImportToken"].as_str().unwrap().len() <= 6_144 / 3 * 4);

    let wrapping = Wrapping::of(&server, &key, "RSAES_OAEP_SHA_256", "RSA_2048");
    let valid_to = (START_MS + 30 * DAY_MS) / 1_000;
    let expires = json!({ "ExpirationModel": "KEY_MATERIAL_EXPIRES", "ValidTo": valid_to });
    let input = with(&wrapping.input(&key, &[1; 32]), expires);
    let imported = import(&server, &input).ok();
    assert_eq!(imported["KeyId"], arn(&key));
    assert_eq!(imported["KeyMaterialId"].as_str().unwrap().len(), 64);
    let after = metadata(&server, &key);
    assert_eq!(after["KeyState"], "Enabled");
    assert_eq!(after["Enabled"], true);
    assert_eq!(after["CurrentKeyMaterialId"], imported["KeyMaterialId"]);
    assert_eq!(after["ExpirationModel"], "KEY_MATERIAL_EXPIRES");
    assert_eq!(after["ValidTo"], json!(timestamp::epoch_seconds(valid_to * 1_000)));

    let blob = encrypt(&server, &key).ok()["CiphertextBlob"].clone();
    let opened = decrypt(&server, &blob).ok();
    assert_eq!(opened["Plaintext"], "eA==");
    assert_eq!(opened["KeyMaterialId"], imported["KeyMaterialId"]);
    let server = server.restart(Options { clock, ..Options::default() });
    assert_eq!(metadata(&server, &key), after);
    assert_eq!(decrypt(&server, &blob).ok()["Plaintext"], "eA==");
}

#[test]
fn every_wrapping_brings_the_same_material_in() {
    let server = Server::start();
    let key = new_key(&server, &json!({}));
    let mut ids = Vec::new();
    for spec in WRAPPING_SPECS {
        for algorithm in ALGORITHMS {
            let wrapping = Wrapping::of(&server, &key, algorithm, spec);
            let imported = import(&server, &wrapping.input(&key, &[1; 32])).ok();
            ids.push(imported["KeyMaterialId"].clone());
            let other = import(&server, &wrapping.input(&key, &[2; 32]));
            assert_eq!(other.code(), "IncorrectKeyMaterialException", "{algorithm} {spec}");
        }
    }
    ids.dedup();
    assert_eq!(ids.len(), 1);
}

/// A kind of key, two of its materials, and what is none.
struct Kind {
    spec: &'static str,
    usage: &'static str,
    material: Vec<u8>,
    other: Vec<u8>,
    wrong: Vec<u8>,
}

fn kinds() -> Vec<Kind> {
    let hmac = [("HMAC_224", 28), ("HMAC_256", 32), ("HMAC_384", 48), ("HMAC_512", 64)];
    let mut kinds: Vec<Kind> = hmac
        .iter()
        .map(|(spec, len)| Kind {
            spec,
            usage: "GENERATE_VERIFY_MAC",
            material: vec![1; *len],
            other: vec![2; *len],
            wrong: vec![1; len - 1],
        })
        .collect();
    for (spec, curve, another) in [
        (
            "ECC_NIST_P256",
            &signature::ECDSA_P256_SHA256_ASN1_SIGNING,
            &signature::ECDSA_P256K1_SHA256_ASN1_SIGNING,
        ),
        (
            "ECC_NIST_P384",
            &signature::ECDSA_P384_SHA384_ASN1_SIGNING,
            &signature::ECDSA_P256_SHA256_ASN1_SIGNING,
        ),
        (
            "ECC_NIST_P521",
            &signature::ECDSA_P521_SHA512_ASN1_SIGNING,
            &signature::ECDSA_P384_SHA384_ASN1_SIGNING,
        ),
        (
            "ECC_SECG_P256K1",
            &signature::ECDSA_P256K1_SHA256_ASN1_SIGNING,
            &signature::ECDSA_P256_SHA256_ASN1_SIGNING,
        ),
    ] {
        let (material, other, wrong) = (ecc(curve), ecc(curve), ecc(another));
        kinds.push(Kind { spec, usage: "SIGN_VERIFY", material, other, wrong });
    }
    kinds.push(Kind {
        spec: "ECC_NIST_EDWARDS25519",
        usage: "SIGN_VERIFY",
        material: ed25519(),
        other: ed25519(),
        wrong: vec![1; 32],
    });
    for (spec, size, another) in [
        ("RSA_2048", KeySize::Rsa2048, KeySize::Rsa3072),
        ("RSA_3072", KeySize::Rsa3072, KeySize::Rsa2048),
        ("RSA_4096", KeySize::Rsa4096, KeySize::Rsa2048),
    ] {
        let (material, other, wrong) = (rsa(size), rsa(size), rsa(another));
        kinds.push(Kind { spec, usage: "ENCRYPT_DECRYPT", material, other, wrong });
    }
    kinds
}

fn ecc(curve: &'static EcdsaSigningAlgorithm) -> Vec<u8> {
    EcdsaKeyPair::generate(curve).unwrap().to_pkcs8v1().unwrap().as_ref().to_vec()
}

fn ed25519() -> Vec<u8> {
    Ed25519KeyPair::generate().unwrap().to_pkcs8v1().unwrap().as_ref().to_vec()
}

fn rsa(size: KeySize) -> Vec<u8> {
    let document: Pkcs8V1Der<'_> = RsaKeyPair::generate(size).unwrap().as_der().unwrap();
    document.as_ref().to_vec()
}

/// And then it has that material for ever.
#[test]
fn every_kind_of_key_takes_its_material() {
    let server = Server::start();
    for Kind { spec, usage, material, other, wrong } in kinds() {
        let key = new_key(&server, &json!({ "KeySpec": spec, "KeyUsage": usage }));
        let wrapping_spec = if spec == "ECC_NIST_P521" { "RSA_3072" } else { "RSA_2048" };
        // Both constructions; that of RSA keys fits nothing else.
        let constructions = ["RSA_AES_KEY_WRAP_SHA_1", "RSAES_OAEP_SHA_256"];
        let usable = if spec.starts_with("RSA") { 1 } else { 2 };
        for algorithm in &constructions[..usable] {
            let wrapping = Wrapping::of(&server, &key, algorithm, wrapping_spec);
            let wrong = import(&server, &wrapping.input(&key, &wrong));
            let text = format!("The key material is not valid for key spec {spec}.");
            check_refused(&wrong, "IncorrectKeyMaterialException", &text);
            let imported = import(&server, &wrapping.input(&key, &material)).ok();
            assert_eq!(imported, json!({ "KeyId": arn(&key) }), "{spec}");
            assert_eq!(state(&server, &key), "Enabled", "{spec}");
            let other = import(&server, &wrapping.input(&key, &other));
            let text = "The key material is not the key material that was imported into this KMS \
                        key before.";
            check_refused(&other, "IncorrectKeyMaterialException", text);
            let chosen =
                with(&wrapping.input(&key, &material), json!({ "ImportType": "NEW_KEY_MATERIAL" }));
            let text = "ImportType, KeyMaterialDescription and KeyMaterialId can be specified for \
                        symmetric encryption keys only.";
            check_refused(&import(&server, &chosen), "ValidationException", text);
        }
        let id = json!({ "KeyId": key });
        let gone = server.call("DeleteImportedKeyMaterial", &id).ok();
        assert_eq!(gone, json!({ "KeyId": arn(&key) }));
        assert_eq!(state(&server, &key), "PendingImport");
    }
}

#[test]
fn wrapping_that_cannot_be_is_refused() {
    let server = Server::start();
    let external =
        |spec: &str, usage: &str| new_key(&server, &json!({ "KeySpec": spec, "KeyUsage": usage }));
    let symmetric = new_key(&server, &json!({}));
    let ask = |key: &str, algorithm: &str, spec: &str| {
        let input =
            json!({ "KeyId": key, "WrappingAlgorithm": algorithm, "WrappingKeySpec": spec });
        server.call("GetParametersForImport", &input)
    };
    let unsupported = "UnsupportedOperationException";
    for (answer, text) in [
        (
            ask(&symmetric, "RSAES_PKCS1_V1_5", "RSA_2048"),
            "Wrapping algorithm RSAES_PKCS1_V1_5 is not supported.",
        ),
        (ask(&symmetric, "SM2PKE", "RSA_2048"), "Wrapping algorithm SM2PKE is not supported."),
        (ask(&symmetric, "SM2PKE", "SM2"), "Wrapping key spec SM2 is not supported."),
        (
            ask(&external("RSA_2048", "SIGN_VERIFY"), "RSAES_OAEP_SHA_256", "RSA_4096"),
            "RSAES_OAEP_SHA_256 under a wrapping key of RSA_4096 cannot wrap key material of \
             RSA_2048.",
        ),
        (
            ask(&external("ECC_NIST_P521", "SIGN_VERIFY"), "RSAES_OAEP_SHA_1", "RSA_2048"),
            "RSAES_OAEP_SHA_1 under a wrapping key of RSA_2048 cannot wrap key material of \
             ECC_NIST_P521.",
        ),
    ] {
        check_refused(&answer, unsupported, text);
    }
    check_refused(
        &ask(NO_KEY, "RSAES", "RSA_1024"),
        "ValidationException",
        "2 validation errors detected: Value 'RSAES' at 'wrappingAlgorithm' failed to satisfy \
         constraint: Member must satisfy enum value set: [RSAES_PKCS1_V1_5, RSAES_OAEP_SHA_1, \
         RSAES_OAEP_SHA_256, RSA_AES_KEY_WRAP_SHA_1, RSA_AES_KEY_WRAP_SHA_256, SM2PKE]; Value \
         'RSA_1024' at 'wrappingKeySpec' failed to satisfy constraint: Member must satisfy enum \
         value set: [RSA_2048, RSA_3072, RSA_4096, SM2]",
    );
}

/// In every state, and before it.
#[test]
fn keys_of_other_origins_take_no_material() {
    let server = Server::start();
    let key = server.new_key();
    let parameters = json!({
        "KeyId": key, "WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048",
    });
    let material = json!({
        "KeyId": key, "ImportToken": "eA==", "EncryptedKeyMaterial": "eA==",
        "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE",
    });
    let id = json!({ "KeyId": key });
    let text = format!("{} origin is AWS_KMS which is not valid for this operation.", arn(&key));
    for change in ["EnableKey", "DisableKey", "ScheduleKeyDeletion"] {
        server.call(change, &id).ok();
        for (operation, input) in [
            ("GetParametersForImport", &parameters),
            ("ImportKeyMaterial", &material),
            ("DeleteImportedKeyMaterial", &id),
        ] {
            let answer = server.call(operation, input);
            check_refused(&answer, "UnsupportedOperationException", &text);
        }
    }
}

#[test]
fn a_token_is_for_one_key_and_one_day() {
    let clock = Arc::new(ManualClock::at(START_MS));
    let server = Server::at(&clock);
    let (key, wrapping) = waiting(&server);
    let (another, _) = waiting(&server);
    let input = wrapping.input(&key, &[1; 32]);
    let foreign = with(&input, json!({ "KeyId": another }));
    check_refused(&import(&server, &foreign), "InvalidImportTokenException", "");
    let mut altered = wrapping.token.clone().into_bytes();
    altered[40] = if altered[40] == b'A' { b'B' } else { b'A' };
    let altered = String::from_utf8(altered).unwrap();
    for token in [altered.as_str(), "eA==", wrapping.token.get(..400).unwrap()] {
        let answer = import(&server, &with(&input, json!({ "ImportToken": token })));
        check_refused(&answer, "InvalidImportTokenException", "");
    }
    let crooked = with(&input, json!({ "EncryptedKeyMaterial": "eA==" }));
    check_refused(&import(&server, &crooked), "InvalidCiphertextException", "");
    let unwrapped = with(&input, json!({ "EncryptedKeyMaterial": wrapping.token.get(..344) }));
    check_refused(&import(&server, &unwrapped), "InvalidCiphertextException", "");

    // The domain key rotates meanwhile; the token is good to the end, and more
    // than once.
    pass(&server, &clock, DAY_MS - 1);
    import(&server, &input).ok();
    import(&server, &input).ok();
    clock.advance_ms(1);
    check_refused(&import(&server, &input), "ExpiredImportTokenException", "");
    // Long after, when the domain key that sealed it is forgotten.
    for _ in 0..3 {
        pass(&server, &clock, DAY_MS);
    }
    check_refused(&import(&server, &input), "ExpiredImportTokenException", "");
}

#[test]
fn the_end_is_said_rightly() {
    let clock = Arc::new(ManualClock::at(START_MS));
    let server = Server::at(&clock);
    let validation = "ValidationException";
    // Before the key is looked up.
    let input = |model: Value, valid_to: Value| {
        json!({
            "KeyId": NO_KEY, "ImportToken": "eA==", "EncryptedKeyMaterial": "eA==",
            "ExpirationModel": model, "ValidTo": valid_to,
        })
    };
    let null = Value::Null;
    let (expires, lasts) = (json!("KEY_MATERIAL_EXPIRES"), json!("KEY_MATERIAL_DOES_NOT_EXPIRE"));
    let missing = "A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES";
    let needless =
        "A validTo date must not be set if the ExpirationModel is KEY_MATERIAL_DOES_NOT_EXPIRE";
    let wrong = "The validTo date must be in the future and not more than 365 days from now";
    let second = START_MS / 1_000;
    let year = 365 * 86_400;
    for (input, text) in [
        (input(null.clone(), null.clone()), missing),
        (input(expires.clone(), null), missing),
        (input(lasts, json!(second + 60)), needless),
        (input(expires.clone(), json!(second)), wrong),
        (input(expires.clone(), json!(second - 1)), wrong),
        (input(expires.clone(), json!(second + year + 1)), wrong),
        (input(expires.clone(), json!(253_402_300_799_u64)), wrong),
    ] {
        check_refused(&import(&server, &input), validation, text);
    }
    let both = with(
        &input(expires, json!(second + year)),
        json!({ "ImportType": "NEW_KEY_MATERIAL", "KeyMaterialId": "0".repeat(64) }),
    );
    check_refused(
        &import(&server, &both),
        validation,
        "KeyMaterialId must not be specified with ImportType NEW_KEY_MATERIAL.",
    );
    let short = with(&both, json!({ "KeyMaterialId": "0" }));
    check_refused(
        &import(&server, &short),
        validation,
        &invalid(
            "Value '0' at 'keyMaterialId' failed to satisfy constraint: Member must have length \
             greater than or equal to 64",
        ),
    );
}

/// By the clock, not by the timer; and the timer's deletion has its record,
/// whatever changed in between.
#[test]
fn material_expires() {
    let clock = Arc::new(ManualClock::at(START_MS));
    let server = Server::at(&clock);
    let (key, wrapping) = waiting(&server);
    let valid_to = (START_MS + HOUR_MS) / 1_000;
    let expires = json!({ "ExpirationModel": "KEY_MATERIAL_EXPIRES", "ValidTo": valid_to });
    let input = with(&wrapping.input(&key, &[1; 32]), expires);
    let id = import(&server, &input).ok()["KeyMaterialId"].clone();
    let expirations = server.ctx().keys.material_expirations(9);
    assert_eq!(expirations.len(), 1);
    assert_eq!((expirations[0].0.to_string(), expirations[0].1), (arn(&key), START_MS + HOUR_MS));
    let blob = encrypt(&server, &key).ok()["CiphertextBlob"].clone();
    pass(&server, &clock, HOUR_MS - 1);
    decrypt(&server, &blob).ok();

    clock.advance_ms(1);
    let check_gone = |server: &Server| {
        let pending = format!("{} is pending import.", arn(&key));
        let invalid_state = "KMSInvalidStateException";
        check_refused(&encrypt(server, &key), invalid_state, &pending);
        check_refused(&decrypt(server, &blob), invalid_state, &pending);
        let enable = server.call("EnableKey", &json!({ "KeyId": key }));
        check_refused(&enable, invalid_state, &pending);
        let gone = metadata(server, &key);
        assert_eq!(gone["KeyState"], "PendingImport");
        assert_eq!(gone["CurrentKeyMaterialId"], id);
        assert!(gone.get("ValidTo").is_none() && gone.get("ExpirationModel").is_none());
    };
    check_gone(&server);
    let describe = json!({ "KeyId": key, "Description": "changed meanwhile" });
    server.call("UpdateKeyDescription", &describe).ok();
    check_gone(&server);
    assert!(server.events("eventName=DeleteExpiredKeyMaterial").is_empty());

    pass(&server, &clock, 0);
    check_gone(&server);
    assert!(server.ctx().keys.material_expirations(9).is_empty());
    let records = server.events("eventName=DeleteExpiredKeyMaterial");
    assert_eq!(records.len(), 1);
    let record = &records[0];
    assert_eq!(record["eventType"], "AwsServiceEvent");
    assert_eq!(record["serviceEventDetails"], json!({ "keyId": key }));
    server_events::check(record);
    assert_eq!(record["requestParameters"], Value::Null);
    assert_eq!(record["responseElements"], Value::Null);
    assert_eq!(record["resources"][0]["ARN"], arn(&key));
    pass(&server, &clock, DAY_MS / 2);
    assert_eq!(server.events("eventName=DeleteExpiredKeyMaterial").len(), 1);

    let server = server.restart(Options { clock, ..Options::default() });
    check_gone(&server);
    import(&server, &wrapping.input(&key, &[1; 32])).ok();
    assert_eq!(decrypt(&server, &blob).ok()["Plaintext"], "eA==");
    let back = metadata(&server, &key);
    assert_eq!(back["ExpirationModel"], "KEY_MATERIAL_DOES_NOT_EXPIRE");
    assert!(back.get("ValidTo").is_none());
}

/// What comes back before the timer has come is there, and stays.
#[test]
fn material_can_come_back_at_once() {
    let clock = Arc::new(ManualClock::at(START_MS));
    let server = Server::at(&clock);
    let (key, wrapping) = waiting(&server);
    let valid_to = (START_MS + HOUR_MS) / 1_000;
    let expires = json!({ "ExpirationModel": "KEY_MATERIAL_EXPIRES", "ValidTo": valid_to });
    import(&server, &with(&wrapping.input(&key, &[1; 32]), expires)).ok();
    server.call("DisableKey", &json!({ "KeyId": key })).ok();
    clock.advance_ms(HOUR_MS);
    assert_eq!(state(&server, &key), "PendingImport");
    import(&server, &wrapping.input(&key, &[1; 32])).ok();
    assert_eq!(state(&server, &key), "Enabled");
    pass(&server, &clock, HOUR_MS);
    assert_eq!(state(&server, &key), "Enabled");
    assert!(server.events("eventName=DeleteExpiredKeyMaterial").is_empty());
}

/// No clock that is far ahead destroys material; it is refused all the same.
#[test]
fn a_doubtful_clock_destroys_nothing() {
    let clock = Arc::new(ManualClock::at(START_MS));
    let server = Server::at(&clock);
    let (key, wrapping) = waiting(&server);
    let valid_to = (START_MS + 30 * DAY_MS) / 1_000;
    let expires = json!({ "ExpirationModel": "KEY_MATERIAL_EXPIRES", "ValidTo": valid_to });
    import(&server, &with(&wrapping.input(&key, &[1; 32]), expires)).ok();
    let ahead = Arc::new(ManualClock::at(START_MS + 60 * DAY_MS));
    let server =
        server.restart(Options { clock: Arc::<ManualClock>::clone(&ahead), ..Options::default() });
    pass(&server, &ahead, 0);
    assert_eq!(state(&server, &key), "PendingImport");
    let server = server.restart(Options { clock, ..Options::default() });
    assert_eq!(state(&server, &key), "Enabled");
    encrypt(&server, &key).ok();
}

#[test]
fn deletion_is_for_good_until_the_next_import() {
    let server = Server::start();
    let (key, wrapping) = waiting(&server);
    let id = json!({ "KeyId": key });
    // Nothing to delete yet.
    let nothing = server.call("DeleteImportedKeyMaterial", &id).ok();
    assert_eq!(nothing, json!({ "KeyId": arn(&key) }));

    let input = wrapping.input(&key, &[1; 32]);
    let described = with(&input, json!({ "KeyMaterialDescription": "from the safe" }));
    let material_id = import(&server, &described).ok()["KeyMaterialId"].clone();
    let blob = encrypt(&server, &key).ok()["CiphertextBlob"].clone();
    let new = with(&wrapping.input(&key, &[2; 32]), json!({ "ImportType": "NEW_KEY_MATERIAL" }));
    let pending_id = import(&server, &new).ok()["KeyMaterialId"].clone();
    let stored = server.ctx().keys.every_key()[0].materials.clone();
    let tokens: Vec<Vec<u8>> =
        stored.into_iter().map(|held| held.token.unwrap().as_bytes().to_vec()).collect();
    let pending = json!({ "KeyId": key, "KeyMaterialId": pending_id });
    server.call("DeleteImportedKeyMaterial", &pending).ok();
    for _ in 0..2 {
        let deleted = server.call("DeleteImportedKeyMaterial", &id).ok();
        assert_eq!(deleted, json!({ "KeyId": arn(&key), "KeyMaterialId": material_id }));
        assert_eq!(state(&server, &key), "PendingImport");
    }
    let pending = format!("{} is pending import.", arn(&key));
    check_refused(&decrypt(&server, &blob), "KMSInvalidStateException", &pending);
    let unknown = json!({ "KeyId": key, "KeyMaterialId": "0".repeat(64) });
    check_refused(
        &server.call("DeleteImportedKeyMaterial", &unknown),
        "NotFoundException",
        &format!("Key material '{}' does not exist in KMS key {}", "0".repeat(64), arn(&key)),
    );
    let book = server.book_file();
    let server = server.restart(Options::default());
    let bytes = fs::read(book).unwrap();
    for token in tokens {
        let is_there = bytes.windows(token.len()).any(|window| window == token);
        assert!(!is_there, "the token is still there");
    }

    import(&server, &input).ok();
    assert_eq!(decrypt(&server, &blob).ok()["Plaintext"], "eA==");
    let kept = server.ctx().keys.every_key()[0].materials[0].description.clone();
    assert_eq!(kept.as_deref(), Some("from the safe"));
}

#[test]
fn other_states_stay() {
    let server = Server::start();
    let (key, wrapping) = waiting(&server);
    let id = json!({ "KeyId": key });
    let input = wrapping.input(&key, &[1; 32]);
    import(&server, &input).ok();
    server.call("DisableKey", &id).ok();
    import(&server, &input).ok();
    assert_eq!(state(&server, &key), "Disabled");
    server.call("ScheduleKeyDeletion", &id).ok();
    let pending = format!("{} is pending deletion.", arn(&key));
    check_refused(&import(&server, &input), "KMSInvalidStateException", &pending);
    server.call("DeleteImportedKeyMaterial", &id).ok();
    assert_eq!(state(&server, &key), "PendingDeletion");
    server.call("CancelKeyDeletion", &id).ok();
    assert_eq!(state(&server, &key), "PendingImport");
    import(&server, &input).ok();
    assert_eq!(state(&server, &key), "Enabled");
}

/// A second material waits for its rotation; there is room for one.
#[test]
fn new_material_waits_for_its_rotation() {
    let server = Server::start();
    let (key, wrapping) = waiting(&server);
    let incorrect = "IncorrectKeyMaterialException";
    let input = |byte: u8, more: Value| with(&wrapping.input(&key, &[byte; 32]), more);
    let new = || json!({ "ImportType": "NEW_KEY_MATERIAL" });
    let existing = || json!({ "ImportType": "EXISTING_KEY_MATERIAL" });
    let before = "The key material is not the key material that was imported into this KMS key \
                  before.";
    check_refused(&import(&server, &input(1, existing())), incorrect, before);
    let id = |answer: &Response| answer.ok()["KeyMaterialId"].as_str().unwrap().to_owned();
    let first = id(&import(&server, &input(1, new())));
    check_refused(
        &import(&server, &input(1, new())),
        incorrect,
        "The key material was imported into this KMS key before.",
    );
    check_refused(&import(&server, &input(2, json!({}))), incorrect, before);
    let second = id(&import(&server, &input(2, new())));
    let now = metadata(&server, &key);
    assert_eq!(
        (&now["CurrentKeyMaterialId"], &now["KeyState"]),
        (&json!(first), &json!("Enabled"))
    );

    let third = import(&server, &input(3, new()));
    assert_eq!(third.code(), "KMSInvalidStateException");
    let text = third.message();
    let end = format!(
        ") cannot be imported into KMS key {key}, because another key material (id: {second}) is \
         pending rotation."
    );
    assert!(text.starts_with("New key material (id: ") && text.ends_with(&end), "{text}");

    assert_eq!(id(&import(&server, &input(2, json!({ "KeyMaterialId": second })))), second);
    check_refused(
        &import(&server, &input(2, json!({ "KeyMaterialId": first }))),
        incorrect,
        &format!("The key material does not have the key material ID {first}."),
    );
    let delete = |id: &str| {
        server.call("DeleteImportedKeyMaterial", &json!({ "KeyId": key, "KeyMaterialId": id }))
    };
    assert_eq!(id(&delete(&second)), second);
    assert_eq!(state(&server, &key), "Enabled");
    assert_eq!(delete(&second).code(), "NotFoundException");
    // There is room again, even for a key without its current material.
    assert_eq!(id(&delete(&first)), first);
    id(&import(&server, &input(3, new())));
    assert_eq!(state(&server, &key), "PendingImport");
    id(&import(&server, &input(1, json!({}))));
    assert_eq!(state(&server, &key), "Enabled");
    assert_eq!(metadata(&server, &key)["CurrentKeyMaterialId"], json!(first));
}

/// A key has use of any of its materials only while it has all of them.
#[test]
fn a_rotated_key_needs_all_its_materials() {
    let clock = Arc::new(ManualClock::at(START_MS));
    let server = Server::at(&clock);
    let (key, wrapping) = waiting(&server);
    let id = |answer: &Response| answer.ok()["KeyMaterialId"].as_str().unwrap().to_owned();
    let current = || metadata(&server, &key)["CurrentKeyMaterialId"].clone();
    let first = id(&import(&server, &wrapping.input(&key, &[1; 32])));
    let old = encrypt(&server, &key).ok()["CiphertextBlob"].clone();
    let valid_to = (START_MS + HOUR_MS) / 1_000;
    let new = json!({
        "ImportType": "NEW_KEY_MATERIAL", "KeyMaterialDescription": "the second",
        "ExpirationModel": "KEY_MATERIAL_EXPIRES", "ValidTo": valid_to,
    });
    let new = with(&wrapping.input(&key, &[2; 32]), new);
    let second = id(&import(&server, &new));
    assert_eq!(current(), json!(first));
    // One that only waits for its rotation is no end of the key.
    assert!(metadata(&server, &key).get("ValidTo").is_none());
    server.call("RotateKeyOnDemand", &json!({ "KeyId": key })).ok();
    wait_until(|| current() == json!(second));
    assert_eq!(
        metadata(&server, &key)["ValidTo"],
        json!(timestamp::epoch_seconds(valid_to * 1_000))
    );
    let blob = encrypt(&server, &key).ok()["CiphertextBlob"].clone();
    let listed = || {
        let input = json!({ "KeyId": key, "IncludeKeyMaterial": "ALL_KEY_MATERIAL" });
        server.call("ListKeyRotations", &input).ok()["Rotations"].clone()
    };
    let shown = |at: usize| {
        let entry = &listed()[at];
        ["KeyMaterialState", "ImportState"].map(|member| entry[member].as_str().unwrap().to_owned())
    };
    assert_eq!(shown(0), ["NON_CURRENT", "IMPORTED"]);
    assert_eq!(shown(1), ["CURRENT", "IMPORTED"]);

    // The old one goes, on demand; then the new one, by itself.
    let pending = format!("{} is pending import.", arn(&key));
    let check_shut = || {
        for answer in [encrypt(&server, &key), decrypt(&server, &old), decrypt(&server, &blob)] {
            check_refused(&answer, "KMSInvalidStateException", &pending);
        }
    };
    let delete = json!({ "KeyId": key, "KeyMaterialId": first });
    server.call("DeleteImportedKeyMaterial", &delete).ok();
    check_shut();
    assert_eq!((shown(0)[1].as_str(), current()), ("PENDING_IMPORT", json!(second)));
    clock.advance_ms(HOUR_MS);
    import(&server, &wrapping.input(&key, &[1; 32])).ok();
    check_shut();
    assert_eq!(shown(1), ["CURRENT", "PENDING_IMPORT"]);
    assert!(listed()[1].get("ValidTo").is_none());
    pass(&server, &clock, 0);
    check_shut();
    import(&server, &wrapping.input(&key, &[2; 32])).ok();
    assert_eq!(listed()[1]["KeyMaterialDescription"], "the second");
    for blob in [&old, &blob] {
        assert_eq!(decrypt(&server, blob).ok()["Plaintext"], "eA==");
    }
}

/// What waits for its rotation and expires before it, is no longer there to
/// rotate to.
#[test]
fn pending_material_expires() {
    let clock = Arc::new(ManualClock::at(START_MS));
    let server = Server::at(&clock);
    let (key, wrapping) = waiting(&server);
    import(&server, &wrapping.input(&key, &[1; 32])).ok();
    let new = |byte: u8, valid_to: i64| {
        let new = json!({
            "ImportType": "NEW_KEY_MATERIAL", "ExpirationModel": "KEY_MATERIAL_EXPIRES",
            "ValidTo": valid_to,
        });
        import(&server, &with(&wrapping.input(&key, &[byte; 32]), new))
    };
    let second = START_MS / 1_000;
    new(2, second + 60).ok();
    clock.advance_ms(60_000);
    let rotate = server.call("RotateKeyOnDemand", &json!({ "KeyId": key }));
    let none = format!("No available key material pending rotation for the key: {}.", arn(&key));
    check_refused(&rotate, "KMSInvalidStateException", &none);
    encrypt(&server, &key).ok();
    // Its place is free at once, for the same material too.
    new(2, second + 120).ok();
    pass(&server, &clock, 0);
    assert!(server.events("eventName=DeleteExpiredKeyMaterial").is_empty());
    pass(&server, &clock, 60_000);
    assert_eq!(server.events("eventName=DeleteExpiredKeyMaterial").len(), 1);
    let third = new(3, second + 180).ok()["KeyMaterialId"].clone();
    assert_eq!(state(&server, &key), "Enabled");

    // The timer was not here when other material takes that place: there is one of it.
    clock.advance_ms(60_000);
    let fourth = new(4, second + 3_600).ok()["KeyMaterialId"].clone();
    let stored = server.ctx().keys.every_key().remove(0);
    let pending: Vec<String> = stored
        .materials
        .iter()
        .filter(|held| held.is_pending())
        .map(|held| held.id.to_string())
        .collect();
    assert_eq!((json!(pending), fourth == third), (json!([fourth]), false));
    pass(&server, &clock, 0);
    server.call("RotateKeyOnDemand", &json!({ "KeyId": key })).ok();
}

/// Related keys get the same material one by one, and rotate to it once all
/// have it.
#[test]
fn related_keys_import_the_same_material() {
    let server = Server::start();
    let there = server.in_region(OTHER_REGION);
    let key = new_key(&server, &json!({ "MultiRegion": true }));
    let here_wrapping = Wrapping::of(&server, &key, "RSAES_OAEP_SHA_256", "RSA_2048");
    let import_here = |byte: u8, more: Value| {
        server.call("ImportKeyMaterial", &with(&here_wrapping.input(&key, &[byte; 32]), more))
    };
    let new = || json!({ "ImportType": "NEW_KEY_MATERIAL" });
    import_here(1, json!({})).ok();
    let replicate = json!({ "KeyId": key, "ReplicaRegion": OTHER_REGION });
    server.call("ReplicateKey", &replicate).ok();
    let there_wrapping = Wrapping::of(&there, &key, "RSAES_OAEP_SHA_256", "RSA_2048");
    let import_there = |byte: u8, more: Value| {
        there.call("ImportKeyMaterial", &with(&there_wrapping.input(&key, &[byte; 32]), more))
    };
    let id = json!({ "KeyId": key });
    let state_there = || there.call("DescribeKey", &id).ok()["KeyMetadata"]["KeyState"].clone();
    // The states of the materials in both Regions.
    let are = |expected: &[&str]| {
        let input = json!({ "KeyId": key, "IncludeKeyMaterial": "ALL_KEY_MATERIAL" });
        [&*server, &there].iter().all(|door| {
            let listed = door.call("ListKeyRotations", &input).ok()["Rotations"].clone();
            let listed = listed.as_array().unwrap().iter().map(|entry| &entry["KeyMaterialState"]);
            listed.eq(expected)
        })
    };
    let incorrect = "IncorrectKeyMaterialException";
    assert_eq!(state_there(), "PendingImport");
    assert_eq!(import_there(2, json!({})).code(), incorrect);
    let primary_only =
        format!("{} is not a multi-region primary key.", arn(&key).replace(REGION, OTHER_REGION));
    check_refused(&import_there(2, new()), "UnsupportedOperationException", &primary_only);
    import_there(1, json!({})).ok();
    assert_eq!(state_there(), "Enabled");
    let blob = encrypt(&server, &key).ok()["CiphertextBlob"].clone();

    import_here(2, new()).ok();
    assert!(are(&["CURRENT", "PENDING_MULTI_REGION_IMPORT_AND_ROTATION"]));
    assert_eq!(state_there(), "Enabled");
    assert_eq!(server.call("RotateKeyOnDemand", &id).code(), "KMSInvalidStateException");
    import_there(2, json!({})).ok();
    assert!(are(&["CURRENT", "PENDING_ROTATION"]));
    // What a replica loses, none can rotate to.
    let lost = server.ctx().keys.every_key()[0].pending_material().unwrap().id.to_string();
    let pending = json!({ "KeyId": key, "KeyMaterialId": lost });
    there.call("DeleteImportedKeyMaterial", &pending).ok();
    assert!(are(&["CURRENT", "PENDING_MULTI_REGION_IMPORT_AND_ROTATION"]));
    import_there(2, json!({})).ok();
    assert!(are(&["CURRENT", "PENDING_ROTATION"]));
    server.call("RotateKeyOnDemand", &id).ok();
    wait_until(|| are(&["NON_CURRENT", "CURRENT"]));

    // What the primary key loses while it waits, all lose.
    let third = import_here(3, new()).ok()["KeyMaterialId"].clone();
    assert!(are(&["NON_CURRENT", "CURRENT", "PENDING_MULTI_REGION_IMPORT_AND_ROTATION"]));
    let pending = json!({ "KeyId": key, "KeyMaterialId": third });
    server.call("DeleteImportedKeyMaterial", &pending).ok();
    assert!(are(&["NON_CURRENT", "CURRENT"]));
    assert_eq!(import_there(3, json!({})).code(), incorrect);
    let opened = there.call("Decrypt", &json!({ "CiphertextBlob": blob })).ok();
    assert_eq!(opened["Plaintext"], "eA==");
    // Other deletions are each key's own.
    there.call("DeleteImportedKeyMaterial", &id).ok();
    assert_eq!((state_there(), state(&server, &key).as_str()), (json!("PendingImport"), "Enabled"));
}

/// Nothing that is imported stands in the book.
#[test]
fn the_record_says_which_material_and_not_what() {
    let server = Server::start();
    let (key, wrapping) = waiting(&server);
    let input = wrapping.input(&key, &[1; 32]);
    let answer = import(&server, &input);
    let id = answer.ok()["KeyMaterialId"].clone();
    let record = &server.records_of(answer.request_id())[0];
    assert_eq!(
        record["requestParameters"],
        json!({ "keyId": key, "expirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE" })
    );
    let expected = json!({ "keyId": arn(&key), "keyMaterialId": id });
    assert_eq!(record["responseElements"], expected);
}
