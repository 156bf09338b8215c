//! GetKeyLastUsage.

use std::sync::Arc;

use serde_json::{Value, json};
use wardbook::base::clock::ManualClock;

use super::arn;
use crate::fixture::{Options, START_MS, Server};

#[test]
fn the_last_use_is_told() {
    let clock = Arc::new(ManualClock::at(START_MS));
    let server = Server::at(&clock);
    let (key, other) = (server.new_key(), server.new_key());
    let usage = |server: &Server, key: &str| {
        let answer = server.call("GetKeyLastUsage", &json!({ "KeyId": key })).ok();
        assert_eq!(answer["KeyId"], arn(key));
        assert_eq!(answer["TrackingStartDate"], json!(1_793_614_272.0));
        assert_eq!(answer["KeyCreationDate"], json!(1_793_614_272.0));
        answer["KeyLastUsage"].clone()
    };
    let encrypted = |more: Value| {
        let mut input = json!({ "KeyId": key, "Plaintext": "eA==" });
        for (name, value) in more.as_object().unwrap() {
            input[name] = value.clone();
        }
        server.call("Encrypt", &input)
    };
    assert_eq!(usage(&server, &key), json!({}));
    // Neither reading nor trying is use.
    server.call("DescribeKey", &json!({ "KeyId": key })).ok();
    assert_eq!(encrypted(json!({ "DryRun": true })).code(), "DryRunOperationException");
    let nobody = server.new_user("nobody", "");
    let input = json!({ "KeyId": key, "Plaintext": "eA==" });
    assert_eq!(server.call_as(&nobody, "Encrypt", &input).code(), "AccessDeniedException");
    assert_eq!(usage(&server, &key), json!({}));

    clock.advance_ms(1_500);
    let answer = encrypted(json!({}));
    let blob = answer.ok()["CiphertextBlob"].clone();
    let record = server.records_of(answer.request_id()).remove(0);
    let expected = json!({
        "Operation": "Encrypt",
        "Timestamp": 1_793_614_273.5,
        "CloudTrailEventId": record["eventID"],
        "KmsRequestId": answer.request_id(),
    });
    assert_eq!(usage(&server, &key), expected);
    for n in 0..20 {
        server.call("DescribeKey", &json!({ "KeyId": key })).ok();
        assert_eq!(usage(&server, &key), expected, "{n}");
    }
    assert_eq!(usage(&server, &other), json!({}));

    clock.advance_ms(1_000);
    server.call("ReEncrypt", &json!({ "CiphertextBlob": blob, "DestinationKeyId": other })).ok();
    for key in [&key, &other] {
        assert_eq!(usage(&server, key)["Operation"], "ReEncrypt");
    }
    // In every state, and by whatever server.
    server.call("ScheduleKeyDeletion", &json!({ "KeyId": key })).ok();
    let server = server.restart(Options { clock, ..Options::default() });
    assert_eq!(usage(&server, &key)["Operation"], "ReEncrypt");
}

#[test]
fn only_of_keys_of_this_account() {
    let server = Server::start();
    let foreign = format!("arn:aws:kms:eu-central-1:999988887777:key/{}", server.new_key());
    let answer = server.call("GetKeyLastUsage", &json!({ "KeyId": foreign }));
    assert_eq!(answer.code(), "AccessDeniedException");
    let reason = "because no resource-based policy allows the kms:GetKeyLastUsage action";
    assert!(answer.message().ends_with(&format!("{foreign} {reason}")), "{}", answer.text());
}
