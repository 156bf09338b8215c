//! CreateKey, DescribeKey, ListKeys, UpdateKeyDescription, EnableKey,
//! DisableKey, ScheduleKeyDeletion, CancelKeyDeletion.

use aws_sdk_kms::types::{
    EncryptionAlgorithmSpec, KeyManagerType, KeySpec, KeyState, KeyUsageType, OriginType, Tag,
};

use serde_json::json;

use super::{NO_KEY, arn, check_refusal, invalid};
use crate::fixture::{ACCOUNT, Server, refused};

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_is_symmetric_and_enabled() {
    let server = Server::start();
    let kms = server.kms();
    let made = kms.create_key().send().await.unwrap().key_metadata.unwrap();
    let id = made.key_id();
    assert_eq!(made.arn(), Some(arn(id).as_str()));
    assert_eq!(made.aws_account_id(), Some(ACCOUNT));
    assert_eq!(made.description(), Some(""));
    assert_eq!(made.key_spec(), Some(&KeySpec::SymmetricDefault));
    assert_eq!(made.key_usage(), Some(&KeyUsageType::EncryptDecrypt));
    assert_eq!(made.key_state(), Some(&KeyState::Enabled));
    assert_eq!(made.origin(), Some(&OriginType::AwsKms));
    assert_eq!(made.key_manager(), Some(&KeyManagerType::Customer));
    assert_eq!(made.encryption_algorithms(), [EncryptionAlgorithmSpec::SymmetricDefault]);
    assert_eq!(made.multi_region(), Some(false));
    assert!(made.enabled());
    assert_eq!(made.current_key_material_id().unwrap().len(), 64);
    assert!(made.deletion_date().is_none());

    let described = kms.describe_key().key_id(id).send().await.unwrap();
    assert_eq!(described.key_metadata.unwrap(), made);
}

/// What KeyMetadata tells of a key of each spec and usage, beside what it tells
/// of all keys (AWS KMS API Reference, KeyMetadata).
#[test]
fn keys_of_every_kind() {
    const RSA: &[&str] = &["RSA_2048", "RSA_3072", "RSA_4096"];
    const NIST: &[&str] = &["ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521"];
    let rsa_signing = json!([
        "RSASSA_PKCS1_V1_5_SHA_256",
        "RSASSA_PKCS1_V1_5_SHA_384",
        "RSASSA_PKCS1_V1_5_SHA_512",
        "RSASSA_PSS_SHA_256",
        "RSASSA_PSS_SHA_384",
        "RSASSA_PSS_SHA_512",
    ]);
    let rsa_encryption = json!(["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"]);
    let (signing, encryption) = ("SigningAlgorithms", "EncryptionAlgorithms");
    let ed25519 = json!(["ED25519_SHA_512", "ED25519_PH_SHA_512"]);
    let kem = (&["ML_KEM_512", "ML_KEM_768", "ML_KEM_1024"][..], json!(["ML_KEM"]));
    let server = Server::start();
    for (specs, usage, member, algorithms) in [
        (RSA, "ENCRYPT_DECRYPT", encryption, rsa_encryption),
        (RSA, "SIGN_VERIFY", signing, rsa_signing),
        (&NIST[..1], "SIGN_VERIFY", signing, json!(["ECDSA_SHA_256"])),
        (&NIST[1..2], "SIGN_VERIFY", signing, json!(["ECDSA_SHA_384"])),
        (&NIST[2..], "SIGN_VERIFY", signing, json!(["ECDSA_SHA_512"])),
        (&["ECC_SECG_P256K1"], "SIGN_VERIFY", signing, json!(["ECDSA_SHA_256"])),
        (&["ECC_NIST_EDWARDS25519"], "SIGN_VERIFY", signing, ed25519),
        (
            &["ML_DSA_44", "ML_DSA_65", "ML_DSA_87"],
            "SIGN_VERIFY",
            signing,
            json!(["ML_DSA_SHAKE_256"]),
        ),
        (NIST, "KEY_AGREEMENT", "KeyAgreementAlgorithms", json!(["ECDH"])),
        (kem.0, "ENCAPSULATE_DECAPSULATE", "EncapsulationAlgorithms", kem.1),
        (&["HMAC_224"], "GENERATE_VERIFY_MAC", "MacAlgorithms", json!(["HMAC_SHA_224"])),
        (&["HMAC_256"], "GENERATE_VERIFY_MAC", "MacAlgorithms", json!(["HMAC_SHA_256"])),
        (&["HMAC_384"], "GENERATE_VERIFY_MAC", "MacAlgorithms", json!(["HMAC_SHA_384"])),
        (&["HMAC_512"], "GENERATE_VERIFY_MAC", "MacAlgorithms", json!(["HMAC_SHA_512"])),
    ] {
        for spec in specs {
            let input = json!({ "KeySpec": spec, "KeyUsage": usage });
            let made = server.call("CreateKey", &input).ok()["KeyMetadata"].clone();
            let key = made["KeyId"].as_str().unwrap();
            let mut wanted = json!({
                "AWSAccountId": ACCOUNT,
                "KeyId": key,
                "Arn": arn(key),
                "CreationDate": made["CreationDate"],
                "Enabled": true,
                "Description": "",
                "KeyUsage": usage,
                "KeyState": "Enabled",
                "Origin": "AWS_KMS",
                "KeyManager": "CUSTOMER",
                "KeySpec": spec,
                "MultiRegion": false,
            });
            wanted[member] = algorithms.clone();
            // The deprecated member has no names for newer specs.
            if !spec.starts_with("ML_") && *spec != "ECC_NIST_EDWARDS25519" {
                wanted["CustomerMasterKeySpec"] = json!(spec);
            }
            assert_eq!(made, wanted);
            let described = server.call("DescribeKey", &json!({ "KeyId": key })).ok();
            assert_eq!(described["KeyMetadata"], wanted);
        }
    }
}

#[test]
fn a_usage_goes_with_some_specs_only() {
    let server = Server::start();
    for (usage, specs) in [
        ("SIGN_VERIFY", &["SYMMETRIC_DEFAULT", "HMAC_256", "ML_KEM_768"][..]),
        ("ENCRYPT_DECRYPT", &["HMAC_224", "ECC_NIST_P256", "ML_DSA_44", "ML_KEM_512"]),
        ("GENERATE_VERIFY_MAC", &["SYMMETRIC_DEFAULT", "RSA_2048", "ECC_NIST_P384"]),
        ("KEY_AGREEMENT", &["RSA_4096", "ECC_SECG_P256K1", "ECC_NIST_EDWARDS25519"]),
        ("ENCAPSULATE_DECAPSULATE", &["ML_DSA_65", "RSA_3072", "ECC_NIST_P521"]),
    ] {
        for spec in specs {
            let answer = server.call("CreateKey", &json!({ "KeySpec": spec, "KeyUsage": usage }));
            let text = format!("KeyUsage {usage} is not compatible with KeySpec {spec}");
            check_refusal(&answer, "ValidationException", Some(&text));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn create_key_takes_description_tags_and_policy() {
    let server = Server::start();
    let kms = server.kms();
    let policy = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{ACCOUNT}"}},"Action":"kms:*","Resource":"*"}}]}}"#
    );
    let tag = Tag::builder().tag_key("team").tag_value("billing").build().unwrap();
    let made = kms
        .create_key()
        .description("for invoices")
        .tags(tag.clone())
        .policy(&policy)
        .send()
        .await
        .unwrap();
    let made = made.key_metadata.unwrap();
    assert_eq!(made.description(), Some("for invoices"));
    let tags = kms.list_resource_tags().key_id(made.key_id()).send().await.unwrap();
    assert_eq!(tags.tags(), [tag]);
    let put = kms.get_key_policy().key_id(made.key_id()).send().await.unwrap();
    assert_eq!(put.policy(), Some(policy.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn create_key_refuses_what_does_not_fit() {
    let server = Server::start();
    let kms = server.kms();
    let validation = "ValidationException";
    refused(
        kms.create_key().key_spec(KeySpec::Rsa2048).send().await,
        validation,
        "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.",
    );
    refused(
        kms.create_key()
            .key_spec(KeySpec::Rsa2048)
            .key_usage(KeyUsageType::KeyAgreement)
            .send()
            .await,
        validation,
        "KeyUsage KEY_AGREEMENT is not compatible with KeySpec RSA_2048",
    );
    #[expect(deprecated, reason = "callers may send both, and are refused")]
    let both = kms
        .create_key()
        .key_spec(KeySpec::SymmetricDefault)
        .customer_master_key_spec(aws_sdk_kms::types::CustomerMasterKeySpec::SymmetricDefault);
    refused(
        both.send().await,
        validation,
        "You cannot specify KeySpec and CustomerMasterKeySpec in the same request. \
         CustomerMasterKeySpec is deprecated.",
    );
    refused(
        kms.create_key().description("x".repeat(8_193)).send().await,
        validation,
        &invalid(&format!(
            "Value '{}...' at 'description' failed to satisfy constraint: Member must have \
             length less than or equal to 8192",
            "x".repeat(256)
        )),
    );
    let tag = |key: &str| Tag::builder().tag_key(key).tag_value("").build().unwrap();
    refused(
        kms.create_key().tags(tag("a")).tags(tag("a")).send().await,
        "TagException",
        "Duplicate tag keys",
    );
    refused(
        kms.create_key().policy("{}").send().await,
        "MalformedPolicyDocumentException",
        "Statement: there must be at least one",
    );
    refused(
        kms.create_key().key_spec(KeySpec::Sm2).key_usage(KeyUsageType::SignVerify).send().await,
        "UnsupportedOperationException",
        "KeySpec SM2 is supported in China Regions only.",
    );
    assert!(kms.list_keys().send().await.unwrap().keys().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn list_keys_pages_through_each_key_once() {
    let server = Server::start();
    let kms = server.kms();
    let mut made: Vec<String> = (0..7).map(|_| server.new_key()).collect();
    made.sort();
    let mut listed = Vec::new();
    let mut marker = None;
    loop {
        let page = kms.list_keys().limit(3).set_marker(marker).send().await.unwrap();
        for key in page.keys() {
            assert_eq!(key.key_arn(), Some(arn(key.key_id().unwrap()).as_str()));
            listed.push(key.key_id().unwrap().to_owned());
        }
        assert_eq!(page.truncated(), page.next_marker().is_some());
        marker = page.next_marker;
        if marker.is_none() {
            break;
        }
        assert_eq!(listed.len() % 3, 0, "a short page that is not the last");
    }
    listed.sort();
    assert_eq!(listed, made);

    refused(
        kms.list_keys().limit(1_001).send().await,
        "ValidationException",
        &invalid(
            "Value '1001' at 'limit' failed to satisfy constraint: Member must have value less \
             than or equal to 1000",
        ),
    );
    let bad = kms.list_keys().marker("nonsense").send().await.unwrap_err().into_service_error();
    assert!(bad.is_invalid_marker_exception(), "{bad:?}");
    let of_aliases = {
        for (at, key) in made.iter().take(2).enumerate() {
            kms.create_alias()
                .alias_name(format!("alias/{at}"))
                .target_key_id(key)
                .send()
                .await
                .unwrap();
        }
        kms.list_aliases().limit(1).send().await.unwrap().next_marker.unwrap()
    };
    let foreign = kms.list_keys().marker(of_aliases).send().await.unwrap_err();
    assert!(foreign.into_service_error().is_invalid_marker_exception());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_description_can_be_changed() {
    let server = Server::start();
    let kms = server.kms();
    let id = server.new_key();
    kms.update_key_description().key_id(&id).description("new").send().await.unwrap();
    let described = kms.describe_key().key_id(&id).send().await.unwrap();
    assert_eq!(described.key_metadata.unwrap().description(), Some("new"));
    refused(
        kms.update_key_description().key_id(&id).send().await,
        "ValidationException",
        &invalid(
            "Value null at 'description' failed to satisfy constraint: Member must not be null",
        ),
    );
    refused(
        kms.update_key_description().key_id(NO_KEY).description("").send().await,
        "NotFoundException",
        &format!("Key '{}' does not exist", arn(NO_KEY)),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_key_is_not_used_until_it_is_enabled() {
    let server = Server::start();
    let kms = server.kms();
    let id = server.new_key();
    let encrypt = || kms.encrypt().key_id(&id).plaintext(b"x".as_slice().into()).send();
    encrypt().await.unwrap();
    for _twice in 0..2 {
        kms.disable_key().key_id(&id).send().await.unwrap();
        refused(encrypt().await, "DisabledException", &format!("{} is disabled.", arn(&id)));
    }
    let disabled = kms.describe_key().key_id(&id).send().await.unwrap().key_metadata.unwrap();
    assert_eq!(disabled.key_state(), Some(&KeyState::Disabled));
    assert!(!disabled.enabled());
    for _twice in 0..2 {
        kms.enable_key().key_id(arn(&id)).send().await.unwrap();
        encrypt().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_waits_before_it_is_deleted() {
    let server = Server::start();
    let kms = server.kms();
    let id = server.new_key();
    let not_pending = format!("{} is not pending deletion.", arn(&id));
    let pending = format!("{} is pending deletion.", arn(&id));
    let invalid_state = "KMSInvalidStateException";
    refused(kms.cancel_key_deletion().key_id(&id).send().await, invalid_state, &not_pending);

    let before = server.clock.now_ms();
    let scheduled = kms.schedule_key_deletion().key_id(&id).send().await.unwrap();
    assert_eq!(scheduled.key_id(), Some(arn(&id).as_str()));
    assert_eq!(scheduled.key_state(), Some(&KeyState::PendingDeletion));
    assert_eq!(scheduled.pending_window_in_days(), Some(30));
    let due = scheduled.deletion_date().unwrap();
    let window_ms = due.to_millis().unwrap() - before;
    assert!((30 * DAY_MS..30 * DAY_MS + 600_000).contains(&window_ms), "{window_ms}");
    let described = kms.describe_key().key_id(&id).send().await.unwrap().key_metadata.unwrap();
    assert_eq!(described.deletion_date(), Some(due));

    refused(kms.schedule_key_deletion().key_id(&id).send().await, invalid_state, &pending);
    refused(kms.enable_key().key_id(&id).send().await, invalid_state, &pending);
    refused(kms.disable_key().key_id(&id).send().await, invalid_state, &pending);

    let cancelled = kms.cancel_key_deletion().key_id(&id).send().await.unwrap();
    assert_eq!(cancelled.key_id(), Some(arn(&id).as_str()));
    let described = kms.describe_key().key_id(&id).send().await.unwrap().key_metadata.unwrap();
    assert_eq!(described.key_state(), Some(&KeyState::Disabled));
    assert_eq!(described.deletion_date(), None);

    for (days, wanted) in [(6, "greater than or equal to 7"), (31, "less than or equal to 30")] {
        refused(
            kms.schedule_key_deletion().key_id(&id).pending_window_in_days(days).send().await,
            "ValidationException",
            &invalid(&format!(
                "Value '{days}' at 'pendingWindowInDays' failed to satisfy constraint: Member \
                 must have value {wanted}"
            )),
        );
    }
    let week = kms.schedule_key_deletion().key_id(&id).pending_window_in_days(7).send().await;
    assert_eq!(week.unwrap().pending_window_in_days(), Some(7));
}

const DAY_MS: i64 = 86_400_000;
