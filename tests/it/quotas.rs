//! What one account may have and how fast it may call. The clock stands still,
//! so that the number of calls that come through is exact.

use std::sync::Arc;

use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{DataKeySpec, Tag};
use serde_json::{Value, json};
use wardbook::base::clock::{Clock as _, ManualClock, SystemClock};
use wardbook::base::quotas::Quotas;
use wardbook::base::rates::{Rate, RateGroup, RequestRates};

use crate::accounts::new_account;
use crate::calls::{ALLOW, Scene};
use crate::fixture::raw::{Request, Response};
use crate::fixture::{ACCOUNT, OTHER_REGION, Options, REGION, Server, refused};

const TOO_FAST: &str =
    "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.";

/// A server with these rates and no others, at a time that SDKs sign for too.
fn server_with(rates: &[(RateGroup, f64)]) -> (Arc<ManualClock>, Server) {
    let mut request_rates = RequestRates::default();
    for (group, number) in rates {
        request_rates.set(*group, Rate::parse(*number));
    }
    let clock = Arc::new(ManualClock::at(SystemClock::new().now_ms()));
    let quotas = Quotas { request_rates, ..Quotas::default() };
    let shown = Arc::clone(&clock);
    let options = Options { clock: shown, quotas, ..Options::default() };
    (clock, Server::with(options))
}

#[track_caller]
fn throttled(answer: &Response) {
    assert_eq!((answer.status, answer.code().as_str()), (400, "ThrottlingException"));
    assert_eq!(answer.message(), TOO_FAST);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cryptographic_operations_of_a_kind_of_key_share_a_rate() {
    let (clock, server) = server_with(&[(RateGroup::Symmetric, 4.0)]);
    let (kms, key) = (server.kms(), server.new_key());
    let encrypt = || kms.encrypt().key_id(&key).plaintext(Blob::new("x")).send();
    let made = encrypt().await.unwrap().ciphertext_blob.unwrap();
    let decrypt = || kms.decrypt().ciphertext_blob(made.clone()).send();
    decrypt().await.unwrap();
    kms.generate_random().number_of_bytes(1).send().await.unwrap();
    // Two permissions, one call.
    let re_encrypt = kms.re_encrypt().ciphertext_blob(made.clone()).destination_key_id(&key);
    re_encrypt.send().await.unwrap();
    let exception = "ThrottlingException";
    refused(encrypt().await, exception, TOO_FAST);
    refused(decrypt().await, exception, TOO_FAST);
    refused(kms.generate_random().number_of_bytes(1).send().await, exception, TOO_FAST);
    let data_key = kms.generate_data_key().key_id(&key).key_spec(DataKeySpec::Aes256);
    refused(data_key.send().await, exception, TOO_FAST);
    kms.describe_key().key_id(&key).send().await.unwrap();

    clock.advance_ms(250);
    // A dry run counts, too.
    let dry = kms.encrypt().key_id(&key).plaintext(Blob::new("x")).dry_run(true).send().await;
    assert!(dry.unwrap_err().into_service_error().is_dry_run_operation_exception());
    refused(decrypt().await, exception, TOO_FAST);
    clock.advance_ms(60_000);
    for _ in 0..4 {
        decrypt().await.unwrap();
    }
    refused(decrypt().await, exception, TOO_FAST);
}

#[test]
fn other_operations_have_a_rate_each() {
    let (clock, server) =
        server_with(&[(RateGroup::GetKeyPolicy, 0.25), (RateGroup::CreateAlias, 2.0)]);
    let key = server.new_key();
    let get = || server.call("GetKeyPolicy", &json!({ "KeyId": key }));
    get().ok();
    throttled(&get());
    let create = |name: &str| {
        let input = json!({ "AliasName": format!("alias/{name}"), "TargetKeyId": key });
        server.call("CreateAlias", &input)
    };
    create("a").ok();
    // What is refused for another reason has been counted.
    assert_eq!(create("a").code(), "AlreadyExistsException");
    throttled(&create("b"));
    clock.advance_ms(3_999);
    throttled(&get());
    create("b").ok();
    clock.advance_ms(1);
    get().ok();
}

#[test]
fn asymmetric_keys_and_data_key_pairs_are_counted_by_kind() {
    let (_clock, server) = server_with(&[
        (RateGroup::Ecc, 1.0),
        (RateGroup::Rsa, 1.0),
        (RateGroup::DataKeyPairEccNistP256, 1.0),
    ]);
    let key = |spec: &str| {
        let made = server.call("CreateKey", &json!({ "KeySpec": spec, "KeyUsage": "SIGN_VERIFY" }));
        made.ok()["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned()
    };
    let sign = |key: &str, algorithm: &str| {
        let input = json!({ "KeyId": key, "Message": "eA==", "SigningAlgorithm": algorithm });
        server.call("Sign", &input)
    };
    let (curve, modulus) = (key("ECC_NIST_P256"), key("RSA_2048"));
    sign(&curve, "ECDSA_SHA_256").ok();
    throttled(&sign(&curve, "ECDSA_SHA_256"));
    sign(&modulus, "RSASSA_PSS_SHA_256").ok();
    throttled(&sign(&modulus, "RSASSA_PSS_SHA_256"));

    let symmetric = server.new_key();
    let pair = |operation: &str, spec: &str| {
        server.call(operation, &json!({ "KeyId": symmetric, "KeyPairSpec": spec }))
    };
    pair("GenerateDataKeyPair", "ECC_NIST_P256").ok();
    throttled(&pair("GenerateDataKeyPairWithoutPlaintext", "ECC_NIST_P256"));
    pair("GenerateDataKeyPair", "ECC_NIST_P384").ok();
}

#[test]
fn a_throttled_call_leaves_its_record() {
    let (_clock, server) =
        server_with(&[(RateGroup::Symmetric, 1.0), (RateGroup::GetKeyPolicy, 1.0)]);
    let key = server.new_key();
    let encrypt = json!({ "KeyId": key, "Plaintext": "eA==", "EncryptionContext": { "a": "b" } });
    server.call("Encrypt", &encrypt).ok();
    let answer = server.call("Encrypt", &encrypt);
    throttled(&answer);
    let records = server.records_of(answer.request_id());
    assert_eq!(records.len(), 1, "{records:?}");
    assert_eq!(records[0]["errorCode"], "ThrottlingException");
    assert_eq!(records[0]["errorMessage"], TOO_FAST);
    assert_eq!(records[0]["requestParameters"]["encryptionContext"], json!({ "a": "b" }));
    assert!(records[0]["resources"][0]["ARN"].as_str().unwrap().ends_with(&key));
    // Counted before its input was read.
    let get = json!({ "KeyId": key });
    server.call("GetKeyPolicy", &get).ok();
    let answer = server.call("GetKeyPolicy", &get);
    throttled(&answer);
    let records = server.records_of(answer.request_id());
    assert_eq!(records.len(), 1, "{records:?}");
    assert_eq!(records[0]["requestParameters"], Value::Null);
}

/// Whoever holds a ciphertext must not learn from the rate whether its key exists.
#[test]
fn throttling_does_not_tell_hidden_keys_apart() {
    let (clock, server) = server_with(&[(RateGroup::Symmetric, 1.0)]);
    let elsewhere = Server::start();
    let ciphertext = |server: &Server| {
        let input = json!({ "KeyId": server.new_key(), "Plaintext": "eA==" });
        server.call("Encrypt", &input).ok()["CiphertextBlob"].clone()
    };
    let (known, unknown) = (ciphertext(&server), ciphertext(&elsewhere));
    let stranger = server.new_user("stranger", "");
    for blob in [known, unknown] {
        clock.advance_ms(1_000);
        let decrypt = || server.call_as(&stranger, "Decrypt", &json!({ "CiphertextBlob": blob }));
        assert_eq!(decrypt().code(), "AccessDeniedException");
        throttled(&decrypt());
    }
}

/// Nor may whoever guesses names in another account, whose book tells nothing of it.
#[test]
fn throttling_does_not_tell_keys_of_other_accounts_apart() {
    let (_clock, server) = server_with(&[(RateGroup::Symmetric, 1.0), (RateGroup::Rsa, 1.0)]);
    let (admin, stranger) = new_account(&server);
    let keys = [server.new_key(), server.new_key_of("RSA_2048", "ENCRYPT_DECRYPT")];
    let alias = json!({ "AliasName": "alias/there", "TargetKeyId": keys[0] });
    server.call("CreateAlias", &alias).ok();
    let there = keys.iter().map(|key| format!("key/{key}"));
    let unknown = "key/0d7a2d8e-93bd-4b4f-8a5c-6e9a3f0c1b2d".to_owned();
    let aliases = ["alias/there", "alias/none"].map(str::to_owned);
    for name in there.chain([unknown]).chain(aliases) {
        let name = format!("arn:aws:kms:{REGION}:{ACCOUNT}:{name}");
        for _ in 0..3 {
            let input = json!({ "KeyId": name, "Plaintext": "eA==" });
            let answer = server.call_as(&stranger, "Encrypt", &input);
            assert_eq!(answer.code(), "AccessDeniedException", "{name}");
        }
    }
    assert!(server.events("eventName=Encrypt").is_empty());
    // Whoever is allowed is counted.
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [
            { "Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*" },
        ],
    });
    server.call("PutKeyPolicy", &json!({ "KeyId": keys[0], "Policy": policy.to_string() })).ok();
    let name = format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/{}", keys[0]);
    let body = json!({ "policy": ALLOW }).to_string();
    let allow = Request::new("PUT", "/v1/users/b/policies/p", body);
    server.send_as(&admin, "wardbook", &allow).ok();
    let input = json!({ "KeyId": name, "Plaintext": "eA==" });
    let encrypt = || server.call_as(&stranger, "Encrypt", &input);
    encrypt().ok();
    throttled(&encrypt());
}

#[test]
fn calls_for_items_count_for_their_caller() {
    let (clock, server) = server_with(&[(RateGroup::Symmetric, 3.0)]);
    // Setting the scene encrypts, and so does the last step of it.
    let scene = Scene::set(&server, "items");
    scene.call(&server, "EncryptItems").ok();
    let answer = scene.call(&server, "EncryptItems");
    assert!(answer.text().contains("ThrottlingException"), "{}", answer.text());
    clock.advance_ms(1_000);
    scene.call(&server, "EncryptItems").ok();
}

#[test]
fn whoever_is_not_known_counts_for_nobody() {
    let (_clock, server) = server_with(&[(RateGroup::GetKeyPolicy, 1.0)]);
    let scene = Scene::set(&server, "unsigned");
    for _ in 0..3 {
        let (_, unsigned) = scene.request("GetKeyPolicy");
        assert_eq!(server.send(&unsigned).code(), "MissingAuthenticationTokenException");
    }
    scene.call(&server, "GetKeyPolicy").ok();
}

#[test]
fn each_region_is_counted_by_itself() {
    let (clock, server) = server_with(&[(RateGroup::ListKeys, 1.0)]);
    let list = |region: &str| {
        let request = Request::kms("ListKeys", "{}");
        server.send(&request.signed(server.address, &server.admin, region, "kms", clock.now_ms()))
    };
    for region in [REGION, OTHER_REGION] {
        list(region).ok();
        throttled(&list(region));
    }
}

/// A throttled call must not make the key of a service.
#[test]
fn what_is_throttled_has_no_effect() {
    let (_clock, server) = server_with(&[(RateGroup::DescribeKey, 1.0)]);
    let describe = |name: &str| server.call("DescribeKey", &json!({ "KeyId": name }));
    // Counted once, though it runs again when the key is made.
    describe("alias/aws/s3").ok();
    throttled(&describe("alias/aws/dynamodb"));
    let made = server.events("eventName=CreateKey");
    assert_eq!(made.len(), 1, "{made:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn resource_quotas_are_those_that_were_set() {
    let quotas = Quotas {
        keys_per_region: 2,
        aliases_per_key: 1,
        tags_per_key: 2,
        key_policy_bytes: 400,
        on_demand_rotations_per_key: 0,
        ..Quotas::default()
    };
    let server = Server::with(Options { quotas, ..Options::default() });
    let (kms, exception) = (server.kms(), "LimitExceededException");
    let (key, other) = (server.new_key(), server.new_key());
    let text = "The account already has 2 KMS keys.";
    refused(kms.create_key().send().await, exception, text);

    let alias = |name: &str, key: &str| {
        kms.create_alias().alias_name(format!("alias/{name}")).target_key_id(key).send()
    };
    alias("a", &key).await.unwrap();
    alias("b", &other).await.unwrap();
    let text = "The key already has 1 aliases.";
    refused(alias("c", &key).await, exception, text);
    let update = kms.update_alias().alias_name("alias/b").target_key_id(&key);
    refused(update.send().await, exception, text);

    let tag = |name: &str| {
        let tag = Tag::builder().tag_key(name).tag_value("").build().unwrap();
        kms.tag_resource().key_id(&key).tags(tag).send()
    };
    tag("a").await.unwrap();
    tag("b").await.unwrap();
    tag("b").await.unwrap();
    refused(tag("c").await, "TagException", "Too many tags");

    let text = format!(
        "The on-demand rotations limit has been reached for the given keyId. No more on-demand \
         rotations can be performed for this key: arn:aws:kms:{REGION}:{ACCOUNT}:key/{key}"
    );
    refused(kms.rotate_key_on_demand().key_id(&key).send().await, exception, &text);

    let policy = kms.get_key_policy().key_id(&key).send().await.unwrap().policy.unwrap();
    let put =
        |bytes: usize| kms.put_key_policy().key_id(&key).policy(format!("{policy:<bytes$}")).send();
    put(400).await.unwrap();
    refused(put(401).await, exception, "the policy exceeds the limit of 400 bytes");
}

/// A key that holds more than a quota that was lowered keeps it.
#[test]
fn a_lowered_quota_takes_nothing_away() {
    let server = Server::start();
    let key = server.new_key();
    let tag = |server: &Server, name: &str, value: &str| {
        let tags = json!([{ "TagKey": name, "TagValue": value }]);
        server.call("TagResource", &json!({ "KeyId": key, "Tags": tags }))
    };
    tag(&server, "a", "1").ok();
    tag(&server, "b", "1").ok();
    let quotas = Quotas { tags_per_key: 1, keys_per_region: 0, ..Quotas::default() };
    let server = server.restart(Options { quotas, ..Options::default() });
    tag(&server, "a", "2").ok();
    assert_eq!(tag(&server, "c", "").code(), "TagException");
    assert_eq!(server.call("CreateKey", &json!({})).code(), "LimitExceededException");
    server.call("Encrypt", &json!({ "KeyId": key, "Plaintext": "eA==" })).ok();
    server.new_user("u", ALLOW);
}
