//! What operations say of their input to policies: with a `Deny` on a condition,
//! the call that it is about is refused, and another one is not.

use std::sync::Arc;

use serde_json::{Value, json};
use wardbook::base::clock::ManualClock;

use super::policies::allow_all_but;
use crate::fixture::{START_MS, Server};

const DENIED: &str = "AccessDeniedException";

const SIGN: &str = r#"{"KeySpec":"ECC_NIST_P256","KeyUsage":"SIGN_VERIFY"}"#;
const AGREE: &str = r#"{"KeySpec":"ECC_NIST_P256","KeyUsage":"KEY_AGREEMENT"}"#;
const MAC: &str = r#"{"KeySpec":"HMAC_256","KeyUsage":"GENERATE_VERIFY_MAC"}"#;
const IMPORT: &str = r#"{"Origin":"EXTERNAL"}"#;
const EXPIRES: &str =
    r#"{"ImportToken":"eA==","EncryptedKeyMaterial":"eA==","ValidTo":1793714272}"#;
const NEVER: &str = r#"{"ImportToken":"eA==","EncryptedKeyMaterial":"eA==","ExpirationModel":"KEY_MATERIAL_DOES_NOT_EXPIRE"}"#;

/// An operation, the key it is about, a condition, and the members of a call for
/// which that holds, and of one for which it does not, if there is one.
const CASES: &[[&str; 7]] = &[
    [
        "Encrypt",
        "{}",
        "StringEquals",
        "kms:EncryptionAlgorithm",
        "SYMMETRIC_DEFAULT",
        r#"{"Plaintext":"eA=="}"#,
        r#"{"Plaintext":"eA==","EncryptionAlgorithm":"RSAES_OAEP_SHA_1"}"#,
    ],
    [
        "Encrypt",
        r#"{"KeySpec":"RSA_2048","KeyUsage":"ENCRYPT_DECRYPT"}"#,
        "StringEquals",
        "kms:EncryptionAlgorithm",
        "RSAES_OAEP_SHA_1",
        r#"{"Plaintext":"eA==","EncryptionAlgorithm":"RSAES_OAEP_SHA_1"}"#,
        r#"{"Plaintext":"eA==","EncryptionAlgorithm":"RSAES_OAEP_SHA_256"}"#,
    ],
    [
        "GenerateDataKey",
        "{}",
        "StringEquals",
        "kms:EncryptionAlgorithm",
        "SYMMETRIC_DEFAULT",
        r#"{"KeySpec":"AES_256"}"#,
        "",
    ],
    [
        "GenerateDataKeyPair",
        "{}",
        "StringEquals",
        "kms:DataKeyPairSpec",
        "ECC_NIST_P256",
        r#"{"KeyPairSpec":"ECC_NIST_P256"}"#,
        r#"{"KeyPairSpec":"ECC_NIST_P384"}"#,
    ],
    [
        "Sign",
        SIGN,
        "StringEquals",
        "kms:SigningAlgorithm",
        "ECDSA_SHA_256",
        r#"{"Message":"eA==","SigningAlgorithm":"ECDSA_SHA_256"}"#,
        r#"{"Message":"eA==","SigningAlgorithm":"ECDSA_SHA_384"}"#,
    ],
    [
        "Sign",
        SIGN,
        "StringEquals",
        "kms:MessageType",
        "RAW",
        r#"{"Message":"eA==","SigningAlgorithm":"ECDSA_SHA_256"}"#,
        r#"{"Message":"eA==","SigningAlgorithm":"ECDSA_SHA_256","MessageType":"DIGEST"}"#,
    ],
    [
        "Verify",
        SIGN,
        "StringEquals",
        "kms:MessageType",
        "RAW",
        r#"{"Message":"eA==","Signature":"eA==","SigningAlgorithm":"ECDSA_SHA_256"}"#,
        r#"{"Message":"eA==","Signature":"eA==","SigningAlgorithm":"ECDSA_SHA_256","MessageType":"DIGEST"}"#,
    ],
    [
        "GenerateMac",
        MAC,
        "StringEquals",
        "kms:MacAlgorithm",
        "HMAC_SHA_256",
        r#"{"Message":"eA==","MacAlgorithm":"HMAC_SHA_256"}"#,
        r#"{"Message":"eA==","MacAlgorithm":"HMAC_SHA_512"}"#,
    ],
    [
        "VerifyMac",
        MAC,
        "StringEquals",
        "kms:MacAlgorithm",
        "HMAC_SHA_256",
        r#"{"Message":"eA==","Mac":"eA==","MacAlgorithm":"HMAC_SHA_256"}"#,
        r#"{"Message":"eA==","Mac":"eA==","MacAlgorithm":"HMAC_SHA_512"}"#,
    ],
    [
        "DeriveSharedSecret",
        AGREE,
        "StringEquals",
        "kms:KeyAgreementAlgorithm",
        "ECDH",
        r#"{"KeyAgreementAlgorithm":"ECDH","PublicKey":"eA=="}"#,
        "",
    ],
    [
        "GetParametersForImport",
        IMPORT,
        "StringEquals",
        "kms:WrappingAlgorithm",
        "RSAES_OAEP_SHA_1",
        r#"{"WrappingAlgorithm":"RSAES_OAEP_SHA_1","WrappingKeySpec":"RSA_2048"}"#,
        r#"{"WrappingAlgorithm":"RSAES_OAEP_SHA_256","WrappingKeySpec":"RSA_2048"}"#,
    ],
    [
        "GetParametersForImport",
        IMPORT,
        "StringEquals",
        "kms:WrappingKeySpec",
        "RSA_4096",
        r#"{"WrappingAlgorithm":"RSAES_OAEP_SHA_1","WrappingKeySpec":"RSA_4096"}"#,
        r#"{"WrappingAlgorithm":"RSAES_OAEP_SHA_1","WrappingKeySpec":"RSA_2048"}"#,
    ],
    [
        "ImportKeyMaterial",
        IMPORT,
        "StringEquals",
        "kms:ExpirationModel",
        "KEY_MATERIAL_DOES_NOT_EXPIRE",
        NEVER,
        EXPIRES,
    ],
    ["ImportKeyMaterial", IMPORT, "NumericEquals", "kms:ValidTo", "1793714272", EXPIRES, NEVER],
    [
        "EnableKeyRotation",
        "{}",
        "NumericEquals",
        "kms:RotationPeriodInDays",
        "365",
        "{}",
        r#"{"RotationPeriodInDays":100}"#,
    ],
    [
        "ScheduleKeyDeletion",
        "{}",
        "NumericEquals",
        "kms:ScheduleKeyDeletionPendingWindowInDays",
        "30",
        "{}",
        r#"{"PendingWindowInDays":7}"#,
    ],
    [
        "ScheduleKeyDeletion",
        "{}",
        "NumericEquals",
        "kms:TrailingDaysWithoutKeyUsage",
        "0",
        "{}",
        "",
    ],
    ["DisableKey", "{}", "NumericLessThan", "kms:TrailingDaysWithoutKeyUsage", "1", "{}", ""],
    [
        "UpdatePrimaryRegion",
        r#"{"MultiRegion":true}"#,
        "StringEquals",
        "kms:PrimaryRegion",
        "eu-west-1",
        r#"{"PrimaryRegion":"eu-west-1"}"#,
        r#"{"PrimaryRegion":"eu-north-1"}"#,
    ],
    [
        "ReplicateKey",
        r#"{"MultiRegion":true}"#,
        "StringEquals",
        "kms:ReplicaRegion",
        "eu-west-1",
        r#"{"ReplicaRegion":"eu-west-1"}"#,
        r#"{"ReplicaRegion":"eu-north-1"}"#,
    ],
    [
        "GetKeyPolicy",
        "{}",
        "StringEquals",
        "kms:PolicyName",
        "default",
        "{}",
        r#"{"PolicyName":"other"}"#,
    ],
    [
        "TagResource",
        "{}",
        "StringEquals",
        "aws:RequestTag/team",
        "red",
        r#"{"Tags":[{"TagKey":"Team","TagValue":"red"}]}"#,
        r#"{"Tags":[{"TagKey":"Team","TagValue":"blue"}]}"#,
    ],
    [
        "TagResource",
        "{}",
        "ForAnyValue:StringEquals",
        "aws:TagKeys",
        "Team",
        r#"{"Tags":[{"TagKey":"Team","TagValue":"red"}]}"#,
        r#"{"Tags":[{"TagKey":"Owner","TagValue":"red"}]}"#,
    ],
    [
        "UntagResource",
        "{}",
        "ForAnyValue:StringEquals",
        "aws:TagKeys",
        "Team",
        r#"{"TagKeys":["Team"]}"#,
        r#"{"TagKeys":["Owner"]}"#,
    ],
];

#[test]
fn operations_say_what_they_are_asked() {
    let server = Server::at(&Arc::new(ManualClock::at(START_MS)));
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    for &[operation, key, operator, condition, value, holds, does_not] in CASES {
        let key = server.call("CreateKey", &read(key)).ok()["KeyMetadata"]["KeyId"].clone();
        let policy =
            allow_all_but(&format!("kms:{operation}"), &json!({ operator: { condition: value } }));
        server.call("PutKeyPolicy", &json!({ "KeyId": key, "Policy": policy })).ok();
        let code = |text: &str| {
            let mut input = read(text);
            input["KeyId"] = key.clone();
            server.call(operation, &input).code()
        };
        if !does_not.is_empty() {
            assert_ne!(code(does_not), DENIED, "{operation} {condition}");
        }
        assert_eq!(code(holds), DENIED, "{operation} {condition}");
    }
}

#[test]
fn re_encryption_on_the_same_key() {
    let server = Server::start();
    let (one, other) = (server.new_key(), server.new_key());
    let policy = allow_all_but(
        "kms:ReEncryptFrom",
        &json!({ "Bool": { "kms:ReEncryptOnSameKey": "true" } }),
    );
    server.call("PutKeyPolicy", &json!({ "KeyId": one, "Policy": policy })).ok();
    let sealed = server.call("Encrypt", &json!({ "KeyId": one, "Plaintext": "eA==" })).ok();
    let to = |key: &str, source: Option<&str>| {
        let mut input =
            json!({ "CiphertextBlob": sealed["CiphertextBlob"], "DestinationKeyId": key });
        if let Some(source) = source {
            input["SourceKeyId"] = source.into();
        }
        server.call("ReEncrypt", &input).code()
    };
    for source in [None, Some(one.as_str())] {
        assert_eq!(to(&one, source), DENIED);
        assert_eq!(to(&other, source), "");
    }
}

#[test]
fn the_lockout_check_can_be_made_a_must() {
    let server = Server::start();
    let key = server.new_key();
    let condition = json!({ "Bool": { "kms:BypassPolicyLockoutSafetyCheck": "true" } });
    let policy = allow_all_but("kms:PutKeyPolicy", &condition);
    let put = |bypass: Option<bool>| {
        let mut input = json!({ "KeyId": key, "Policy": policy });
        if let Some(bypass) = bypass {
            input["BypassPolicyLockoutSafetyCheck"] = bypass.into();
        }
        server.call("PutKeyPolicy", &input).code()
    };
    assert_eq!(put(None), "");
    assert_eq!(put(Some(false)), "");
    assert_eq!(put(Some(true)), DENIED);
}

#[test]
fn new_keys_are_what_the_policy_wants() {
    let server = Server::start();
    let text = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "kms:CreateKey", "Resource": "*",
        "Condition": {
            "StringEquals": {
                "kms:KeySpec": "SYMMETRIC_DEFAULT", "kms:KeyUsage": "ENCRYPT_DECRYPT",
                "kms:KeyOrigin": "AWS_KMS", "aws:RequestTag/team": "red",
            },
            "Bool": { "kms:MultiRegion": "false" },
        },
    }, { "Effect": "Allow", "Action": "kms:TagResource", "Resource": "*" }] });
    let ada = server.new_user("ada", &text.to_string());
    let tags = json!([{ "TagKey": "Team", "TagValue": "red" }]);
    let create = |more: Value| {
        let mut input = json!({ "Tags": tags });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        server.call_as(&ada, "CreateKey", &input).code()
    };
    assert_eq!(create(json!({})), "");
    for more in [
        json!({ "KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC" }),
        json!({ "MultiRegion": true }),
        json!({ "Origin": "EXTERNAL" }),
        json!({ "Tags": [] }),
    ] {
        assert_eq!(create(more.clone()), DENIED, "{more}");
    }
}
