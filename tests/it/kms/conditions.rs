//! What operations say of their input to policies: with a `Deny` on a condition,
//! the call that it is about is refused, and another one is not.

use serde_json::{Value, json};

use super::policies::allow_all_but;
use crate::fixture::Server;

const DENIED: &str = "AccessDeniedException";

/// A key, a condition, and a member of the call that must not have this value.
struct Case {
    key: Value,
    operation: &'static str,
    operator: &'static str,
    condition: &'static str,
    value: &'static str,
    denied: Value,
    passes: Value,
}

fn case(
    operation: &'static str,
    (operator, condition, value): (&'static str, &'static str, &'static str),
    denied: Value,
    passes: Value,
) -> Case {
    let key = json!({});
    Case { key, operation, operator, condition, value, denied, passes }
}

impl Case {
    fn of(self, key: Value) -> Self {
        Self { key, ..self }
    }
}

fn cases() -> Vec<Case> {
    let signing = json!({ "KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY" });
    let agreement = json!({ "KeySpec": "ECC_NIST_P256", "KeyUsage": "KEY_AGREEMENT" });
    let mac = json!({ "KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC" });
    let import = json!({ "Origin": "EXTERNAL" });
    let rsa = json!({ "KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT" });
    let multi = json!({ "MultiRegion": true });
    let sign = |kind: Option<&str>, algorithm: &str| {
        let mut input = json!({ "Message": "eA==", "SigningAlgorithm": algorithm });
        if let Some(kind) = kind {
            input["MessageType"] = kind.into();
        }
        input
    };
    let mac_of = |algorithm: &str| json!({ "Message": "eA==", "MacAlgorithm": algorithm });
    let wrap = |algorithm: &str, spec: &str| json!({ "WrappingAlgorithm": algorithm, "WrappingKeySpec": spec });
    let blob = |model: &str| json!({ "ImportToken": "eA==", "EncryptedKeyMaterial": "eA==", "ExpirationModel": model });
    let tag = |key: &str, value: &str| json!({ "Tags": [{ "TagKey": key, "TagValue": value }] });
    let encrypt = |algorithm: Option<&str>| match algorithm {
        Some(name) => json!({ "Plaintext": "eA==", "EncryptionAlgorithm": name }),
        None => json!({ "Plaintext": "eA==" }),
    };
    let (mut expires, never) = (blob("KEY_MATERIAL_EXPIRES"), blob("KEY_MATERIAL_DOES_NOT_EXPIRE"));
    expires["ValidTo"] = json!(1_793_714_272);
    let equals = |key, value| ("StringEquals", key, value);
    vec![
        case(
            "Encrypt",
            equals("kms:EncryptionAlgorithm", "SYMMETRIC_DEFAULT"),
            encrypt(None),
            encrypt(Some("RSAES_OAEP_SHA_1")),
        ),
        case(
            "Encrypt",
            equals("kms:EncryptionAlgorithm", "RSAES_OAEP_SHA_1"),
            encrypt(Some("RSAES_OAEP_SHA_1")),
            encrypt(Some("RSAES_OAEP_SHA_256")),
        )
        .of(rsa),
        case(
            "GenerateDataKeyPair",
            equals("kms:DataKeyPairSpec", "ECC_NIST_P256"),
            json!({ "KeyPairSpec": "ECC_NIST_P256" }),
            json!({ "KeyPairSpec": "ECC_NIST_P384" }),
        ),
        case(
            "Sign",
            equals("kms:SigningAlgorithm", "ECDSA_SHA_256"),
            sign(None, "ECDSA_SHA_256"),
            sign(None, "ECDSA_SHA_384"),
        )
        .of(signing.clone()),
        case(
            "Sign",
            equals("kms:MessageType", "RAW"),
            sign(None, "ECDSA_SHA_256"),
            sign(Some("DIGEST"), "ECDSA_SHA_256"),
        )
        .of(signing.clone()),
        case(
            "Verify",
            equals("kms:MessageType", "RAW"),
            {
                let mut i = sign(None, "ECDSA_SHA_256");
                i["Signature"] = "eA==".into();
                i
            },
            {
                let mut i = sign(Some("DIGEST"), "ECDSA_SHA_256");
                i["Signature"] = "eA==".into();
                i
            },
        )
        .of(signing),
        case(
            "GenerateMac",
            equals("kms:MacAlgorithm", "HMAC_SHA_256"),
            mac_of("HMAC_SHA_256"),
            mac_of("HMAC_SHA_512"),
        )
        .of(mac),
        case(
            "DeriveSharedSecret",
            equals("kms:KeyAgreementAlgorithm", "ECDH"),
            json!({ "KeyAgreementAlgorithm": "ECDH", "PublicKey": "eA==" }),
            Value::Null,
        )
        .of(agreement),
        case(
            "GetParametersForImport",
            equals("kms:WrappingAlgorithm", "RSAES_OAEP_SHA_1"),
            wrap("RSAES_OAEP_SHA_1", "RSA_2048"),
            wrap("RSAES_OAEP_SHA_256", "RSA_2048"),
        )
        .of(import.clone()),
        case(
            "GetParametersForImport",
            equals("kms:WrappingKeySpec", "RSA_4096"),
            wrap("RSAES_OAEP_SHA_1", "RSA_4096"),
            wrap("RSAES_OAEP_SHA_1", "RSA_2048"),
        )
        .of(import.clone()),
        case(
            "ImportKeyMaterial",
            equals("kms:ExpirationModel", "KEY_MATERIAL_DOES_NOT_EXPIRE"),
            never.clone(),
            expires.clone(),
        )
        .of(import.clone()),
        case("ImportKeyMaterial", ("NumericEquals", "kms:ValidTo", "1793714272"), expires, never)
            .of(import),
        case(
            "EnableKeyRotation",
            ("NumericEquals", "kms:RotationPeriodInDays", "365"),
            json!({}),
            json!({ "RotationPeriodInDays": 100 }),
        ),
        case(
            "ScheduleKeyDeletion",
            ("NumericEquals", "kms:ScheduleKeyDeletionPendingWindowInDays", "30"),
            json!({}),
            json!({ "PendingWindowInDays": 7 }),
        ),
        case(
            "ScheduleKeyDeletion",
            ("NumericEquals", "kms:TrailingDaysWithoutKeyUsage", "0"),
            json!({}),
            Value::Null,
        ),
        case(
            "DisableKey",
            ("NumericLessThan", "kms:TrailingDaysWithoutKeyUsage", "1"),
            json!({}),
            Value::Null,
        ),
        case(
            "UpdatePrimaryRegion",
            equals("kms:PrimaryRegion", "eu-west-1"),
            json!({ "PrimaryRegion": "eu-west-1" }),
            json!({ "PrimaryRegion": "eu-north-1" }),
        )
        .of(multi.clone()),
        case(
            "ReplicateKey",
            equals("kms:ReplicaRegion", "eu-west-1"),
            json!({ "ReplicaRegion": "eu-west-1" }),
            json!({ "ReplicaRegion": "eu-north-1" }),
        )
        .of(multi),
        case(
            "GetKeyPolicy",
            equals("kms:PolicyName", "default"),
            json!({}),
            json!({ "PolicyName": "other" }),
        ),
        case(
            "TagResource",
            equals("aws:RequestTag/team", "red"),
            tag("Team", "red"),
            tag("Team", "blue"),
        ),
        case(
            "TagResource",
            ("ForAnyValue:StringEquals", "aws:TagKeys", "Team"),
            tag("Team", "red"),
            tag("Owner", "red"),
        ),
        case(
            "UntagResource",
            ("ForAnyValue:StringEquals", "aws:TagKeys", "Team"),
            json!({ "TagKeys": ["Team"] }),
            json!({ "TagKeys": ["Owner"] }),
        ),
    ]
}

#[test]
fn operations_say_what_they_are_asked() {
    let server = Server::start();
    for case in cases() {
        let key = server.call("CreateKey", &case.key).ok()["KeyMetadata"]["KeyId"].clone();
        let condition = json!({ case.operator: { case.condition: case.value } });
        let policy = allow_all_but(&format!("kms:{}", case.operation), &condition);
        server.call("PutKeyPolicy", &json!({ "KeyId": key, "Policy": policy })).ok();
        let with_key = |input: &Value| {
            let mut input = input.clone();
            input["KeyId"] = key.clone();
            server.call(case.operation, &input).code()
        };
        let told = format!("{} {}", case.operation, case.condition);
        if !case.passes.is_null() {
            assert_ne!(with_key(&case.passes), DENIED, "{told}");
        }
        assert_eq!(with_key(&case.denied), DENIED, "{told}");
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
