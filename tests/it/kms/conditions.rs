//! What operations say of their input to policies: with a `Deny` on a condition,
//! the call that it is about is refused, and another one is not.

use std::sync::Arc;

use serde_json::{Value, json};
use wardbook::base::clock::ManualClock;

use super::policies::allow_all_but;
use crate::fixture::{START_MS, Server};

const DENIED: &str = "AccessDeniedException";

/// Cases: an operation and the key it is about; a condition; members of a call for
/// which that holds, which is denied then; and of one for which it does not, if there
/// is one.
const CASES: &str = r#"
Encrypt of {}
  StringEquals kms:EncryptionAlgorithm SYMMETRIC_DEFAULT
  denies {"Plaintext":"eA=="}
  not    {"Plaintext":"eA==","EncryptionAlgorithm":"RSAES_OAEP_SHA_1"}
Encrypt of {"KeySpec":"RSA_2048","KeyUsage":"ENCRYPT_DECRYPT"}
  StringEquals kms:EncryptionAlgorithm RSAES_OAEP_SHA_1
  denies {"Plaintext":"eA==","EncryptionAlgorithm":"RSAES_OAEP_SHA_1"}
  not    {"Plaintext":"eA==","EncryptionAlgorithm":"RSAES_OAEP_SHA_256"}
GenerateDataKey of {}
  StringEquals kms:EncryptionAlgorithm SYMMETRIC_DEFAULT
  denies {"KeySpec":"AES_256"}
GenerateDataKeyPair of {}
  StringEquals kms:DataKeyPairSpec ECC_NIST_P256
  denies {"KeyPairSpec":"ECC_NIST_P256"}
  not    {"KeyPairSpec":"ECC_NIST_P384"}
Sign of {"KeySpec":"ECC_NIST_P256","KeyUsage":"SIGN_VERIFY"}
  StringEquals kms:SigningAlgorithm ECDSA_SHA_256
  denies {"Message":"eA==","SigningAlgorithm":"ECDSA_SHA_256"}
  not    {"Message":"eA==","SigningAlgorithm":"ECDSA_SHA_384"}
Sign of {"KeySpec":"ECC_NIST_P256","KeyUsage":"SIGN_VERIFY"}
  StringEquals kms:MessageType RAW
  denies {"Message":"eA==","SigningAlgorithm":"ECDSA_SHA_256"}
  not    {"Message":"eA==","SigningAlgorithm":"ECDSA_SHA_256","MessageType":"DIGEST"}
Verify of {"KeySpec":"ECC_NIST_P256","KeyUsage":"SIGN_VERIFY"}
  StringEquals kms:MessageType RAW
  denies {"Message":"eA==","Signature":"eA==","SigningAlgorithm":"ECDSA_SHA_256"}
  not    {"Message":"eA==","Signature":"eA==","SigningAlgorithm":"ECDSA_SHA_256","MessageType":"DIGEST"}
GenerateMac of {"KeySpec":"HMAC_256","KeyUsage":"GENERATE_VERIFY_MAC"}
  StringEquals kms:MacAlgorithm HMAC_SHA_256
  denies {"Message":"eA==","MacAlgorithm":"HMAC_SHA_256"}
  not    {"Message":"eA==","MacAlgorithm":"HMAC_SHA_512"}
VerifyMac of {"KeySpec":"HMAC_256","KeyUsage":"GENERATE_VERIFY_MAC"}
  StringEquals kms:MacAlgorithm HMAC_SHA_256
  denies {"Message":"eA==","Mac":"eA==","MacAlgorithm":"HMAC_SHA_256"}
  not    {"Message":"eA==","Mac":"eA==","MacAlgorithm":"HMAC_SHA_512"}
DeriveSharedSecret of {"KeySpec":"ECC_NIST_P256","KeyUsage":"KEY_AGREEMENT"}
  StringEquals kms:KeyAgreementAlgorithm ECDH
  denies {"KeyAgreementAlgorithm":"ECDH","PublicKey":"eA=="}
GetParametersForImport of {"Origin":"EXTERNAL"}
  StringEquals kms:WrappingAlgorithm RSAES_OAEP_SHA_1
  denies {"WrappingAlgorithm":"RSAES_OAEP_SHA_1","WrappingKeySpec":"RSA_2048"}
  not    {"WrappingAlgorithm":"RSAES_OAEP_SHA_256","WrappingKeySpec":"RSA_2048"}
GetParametersForImport of {"Origin":"EXTERNAL"}
  StringEquals kms:WrappingKeySpec RSA_4096
  denies {"WrappingAlgorithm":"RSAES_OAEP_SHA_1","WrappingKeySpec":"RSA_4096"}
  not    {"WrappingAlgorithm":"RSAES_OAEP_SHA_1","WrappingKeySpec":"RSA_2048"}
ImportKeyMaterial of {"Origin":"EXTERNAL"}
  StringEquals kms:ExpirationModel KEY_MATERIAL_DOES_NOT_EXPIRE
  denies {"ImportToken":"eA==","EncryptedKeyMaterial":"eA==","ExpirationModel":"KEY_MATERIAL_DOES_NOT_EXPIRE"}
  not    {"ImportToken":"eA==","EncryptedKeyMaterial":"eA==","ValidTo":1793714272}
ImportKeyMaterial of {"Origin":"EXTERNAL"}
  NumericEquals kms:ValidTo 1793714272
  denies {"ImportToken":"eA==","EncryptedKeyMaterial":"eA==","ValidTo":1793714272}
  not    {"ImportToken":"eA==","EncryptedKeyMaterial":"eA==","ExpirationModel":"KEY_MATERIAL_DOES_NOT_EXPIRE"}
EnableKeyRotation of {}
  NumericEquals kms:RotationPeriodInDays 365
  denies {}
  not    {"RotationPeriodInDays":100}
ScheduleKeyDeletion of {}
  NumericEquals kms:ScheduleKeyDeletionPendingWindowInDays 30
  denies {}
  not    {"PendingWindowInDays":7}
ScheduleKeyDeletion of {}
  NumericEquals kms:TrailingDaysWithoutKeyUsage 0
  denies {}
DisableKey of {}
  NumericLessThan kms:TrailingDaysWithoutKeyUsage 1
  denies {}
UpdatePrimaryRegion of {"MultiRegion":true}
  StringEquals kms:PrimaryRegion eu-west-1
  denies {"PrimaryRegion":"eu-west-1"}
  not    {"PrimaryRegion":"eu-north-1"}
ReplicateKey of {"MultiRegion":true}
  StringEquals kms:ReplicaRegion eu-west-1
  denies {"ReplicaRegion":"eu-west-1"}
  not    {"ReplicaRegion":"eu-north-1"}
GetKeyPolicy of {}
  StringEquals kms:PolicyName default
  denies {}
  not    {"PolicyName":"other"}
TagResource of {}
  StringEquals aws:RequestTag/team red
  denies {"Tags":[{"TagKey":"Team","TagValue":"red"}]}
  not    {"Tags":[{"TagKey":"Team","TagValue":"blue"}]}
TagResource of {}
  ForAnyValue:StringEquals aws:TagKeys Team
  denies {"Tags":[{"TagKey":"Team","TagValue":"red"}]}
  not    {"Tags":[{"TagKey":"Owner","TagValue":"red"}]}
UntagResource of {}
  ForAnyValue:StringEquals aws:TagKeys Team
  denies {"TagKeys":["Team"]}
  not    {"TagKeys":["Owner"]}
"#;

#[test]
fn operations_say_what_they_are_asked() {
    let server = Server::at(&Arc::new(ManualClock::at(START_MS)));
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let mut lines = CASES.lines().map(str::trim).filter(|line| !line.is_empty()).peekable();
    while let Some((operation, key)) = lines.next().map(|line| line.split_once(" of ").unwrap()) {
        let words: Vec<&str> = lines.next().unwrap().split(' ').collect();
        let [operator, condition, value] = words[..] else { panic!("{words:?}") };
        let holds = lines.next().and_then(|line| line.strip_prefix("denies ")).unwrap();
        let does_not = lines.next_if(|line| line.starts_with("not "));
        let key = server.call("CreateKey", &read(key)).ok()["KeyMetadata"]["KeyId"].clone();
        let policy =
            allow_all_but(&format!("kms:{operation}"), &json!({ operator: { condition: value } }));
        server.call("PutKeyPolicy", &json!({ "KeyId": key, "Policy": policy })).ok();
        let code = |text: &str| {
            let mut input = read(text);
            input["KeyId"] = key.clone();
            server.call(operation, &input).code()
        };
        if let Some(members) = does_not.and_then(|line| line.strip_prefix("not ")) {
            assert_ne!(code(members.trim()), DENIED, "{operation} {condition}");
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
