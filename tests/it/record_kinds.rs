//! What records say of callers of every kind, and of every way to be refused, as
//! golden files: sessions, other accounts, rates, quotas; what the server does by
//! itself; and of which item a key was used for.

use std::sync::Arc;

use serde_json::{Value, json};
use wardbook::base::clock::ManualClock;
use wardbook::base::quotas::Quotas;
use wardbook::base::rates::{Rate, RateGroup, RequestRates};

use crate::calls::{ALLOW, Scene};
use crate::fixture::golden::{self, Golden};
use crate::fixture::raw::Response;
use crate::fixture::{Credentials, Options, START_MS, Server, wait_until};
use crate::records::{record_of, shown};
use crate::timers::pass;

const DAY_MS: i64 = 86_400_000;

/// A session of a new role with this policy.
fn session(server: &Server, policy: &str) -> Credentials {
    server.rest("POST", "/v1/roles", &json!({ "roleName": "app" })).ok();
    let path = "/v1/roles/app/policies/p";
    server.rest("PUT", path, &json!({ "policy": policy })).ok();
    let body = json!({ "sessionName": "blue" });
    let answer = server.rest("POST", "/v1/roles/app/sessions", &body).ok();
    Credentials::of(&answer)
}

#[test]
fn sessions() {
    let server = Server::at(&Arc::new(ManualClock::at(START_MS)));
    let scene = Scene::set(&server, "scene");
    let blue = session(&server, ALLOW);
    let mut golden = Golden::default();
    let mut check = |name: &str, answer: &Response, code: &str| {
        assert_eq!(answer.code(), code, "{}", answer.text());
        golden.compare(&format!("audit/{name}.json"), &shown(&record_of(&server, answer)));
    };
    check("session/Encrypt", &scene.call_as(&server, &blue, "Encrypt"), "");
    let none = json!({ "policy": r"forbid (principal, action, resource);" });
    server.rest("PUT", "/v1/roles/app/policies/no", &none).ok();
    check("denied/session", &scene.call_as(&server, &blue, "Encrypt"), "AccessDeniedException");
    let eve = server.new_user("eve", "");
    check(
        "denied/AssumeRole",
        &scene.call_as(&server, &eve, "AssumeRole"),
        "AccessDeniedException",
    );
    golden.check();
}

#[test]
fn rates_and_quotas() {
    let mut request_rates = RequestRates::default();
    request_rates.set(RateGroup::Symmetric, Rate::parse(1.0));
    request_rates.set(RateGroup::DisableKey, Rate::parse(1.0));
    let quotas = Quotas { request_rates, tags_per_key: 1, ..Quotas::default() };
    let clock = Arc::new(ManualClock::at(START_MS));
    let server = Server::with(Options { clock, quotas, ..Options::default() });
    let key = server.new_key();
    let mut golden = Golden::default();
    let mut check = |name: &str, operation: &str, input: &Value, code: &str| {
        let answer = server.call(operation, input);
        assert_eq!(answer.code(), code, "{}", answer.text());
        golden.compare(&format!("audit/refused/{name}.json"), &shown(&record_of(&server, &answer)));
    };
    let input =
        json!({ "KeyId": key, "Plaintext": "eA==", "EncryptionContext": { "tenant": "7" } });
    server.call("Encrypt", &input).ok();
    // One is counted when the key is known, the other before.
    check("rate-of-key", "Encrypt", &input, "ThrottlingException");
    server.call("DisableKey", &json!({ "KeyId": key })).ok();
    check("rate", "DisableKey", &json!({ "KeyId": key }), "ThrottlingException");
    let tag = |name: &str| json!({ "TagKey": name, "TagValue": "x" });
    let tags = json!({ "KeyId": key, "Tags": [tag("a"), tag("b")] });
    check("quota", "TagResource", &tags, "TagException");
    golden.check();
}

#[test]
fn strangers_of_every_kind() {
    let server = Server::at(&Arc::new(ManualClock::at(START_MS)));
    let stranger = Credentials {
        access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
        secret: "x".to_owned(),
        session_token: None,
    };
    let unknown = server.call_as(&stranger, "ListKeys", &json!({}));
    assert_eq!(unknown.code(), "UnrecognizedClientException");
    golden::check("audit/refused/unknown-key.json", &shown(&record_of(&server, &unknown)));
}

/// Each account has its own record of the call, and they name each other.
#[test]
fn two_accounts() {
    let server = Server::at(&Arc::new(ManualClock::at(START_MS)));
    let made = server.rest("POST", "/v1/accounts", &json!({ "accountName": "other" })).ok();
    let (other, b) = (made["accountId"].as_str().unwrap(), Credentials::of(&made));
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Principal": { "AWS": ["111122223333", other] },
            "Action": "kms:*", "Resource": "*" }],
    });
    let key = server.call("CreateKey", &json!({ "Policy": policy.to_string() })).ok();
    let input = json!({ "KeyId": key["KeyMetadata"]["Arn"], "Plaintext": "eA==" });
    let answer = server.call_as(&b, "Encrypt", &input);
    answer.ok();
    let path = format!("/v1/audit/events?requestId={}", answer.request_id());
    let request = crate::fixture::raw::Request::new("GET", &path, "");
    let theirs = server.send_as(&b, "wardbook", &request).ok()["events"][0].clone();
    let ours = record_of(&server, &answer);
    assert_eq!(theirs["sharedEventID"], ours["sharedEventID"]);
    let mut golden = Golden::default();
    // The id of the other account is random, and with it the hash of the key policy.
    let policy = ours["wardbook"]["decisions"][0]["determining"][0]["policy"].as_str().unwrap();
    let document = policy.split('/').next().unwrap();
    let hidden =
        |record: &Value| shown(record).replace(other, "<account>").replace(document, "<document>");
    golden.compare("audit/pair/caller.json", &hidden(&theirs));
    golden.compare("audit/pair/owner.json", &hidden(&ours));
    golden.check();
}

/// What the server does by itself when time passes.
#[test]
fn deletion_and_what_the_server_started_with() {
    let clock = Arc::new(ManualClock::at(START_MS));
    let server = Server::at(&clock);
    let started = server.events("eventName=ServiceStart")[0]["serviceEventDetails"].clone();
    let settings = &started["settings"];
    assert_eq!(settings["listen"], server.address.to_string());
    assert_eq!(settings["tls"], false);
    assert_eq!(settings["quotas"]["keysPerRegion"], 100_000);
    assert_eq!(settings["requestRates"], "off");
    assert_eq!(settings["oidcIssuers"], json!(["https://issuer.test"]));
    assert_eq!(started["version"], env!("CARGO_PKG_VERSION"));

    let key = server.new_key();
    server.call("ScheduleKeyDeletion", &json!({ "KeyId": key, "PendingWindowInDays": 7 })).ok();
    pass(&server, &clock, 8 * DAY_MS);
    let query = "eventName=DeleteKey";
    wait_until(|| !server.events(query).is_empty());
    golden::check("audit/DeleteKey.json", &shown(&server.events(query)[0]));
}

/// A client of the AWS Database Encryption SDK says by its context which item it is.
#[test]
fn items_of_the_database_encryption_sdk() {
    let server = Server::at(&Arc::new(ManualClock::at(START_MS)));
    let input = json!({
        "KeyId": server.new_key(),
        "NumberOfBytes": 32,
        "EncryptionContext": {
            "aws-crypto-table-name": "people",
            "aws-crypto-partition-name": "id",
            "aws-crypto-attr.id": "AAFh",
            "aws-crypto-sort-name": "year",
            "aws-crypto-attr.year": "AAIyMDI2",
            "aws-crypto-public-key": "Aw==",
        },
    });
    let answer = server.call("GenerateDataKey", &input);
    answer.ok();
    let record = record_of(&server, &answer);
    let item = json!({
        "table": "people", "partitionKey": "id", "sortKey": "year",
        "key": { "id": "a", "year": "2026" },
    });
    assert_eq!(record["wardbook"]["item"], item);
    golden::check("audit/item/GenerateDataKey.json", &shown(&record));
}

/// A clock that is set back does not make an earlier record look later.
#[test]
fn a_clock_that_goes_back_is_told() {
    let clock = Arc::new(ManualClock::at(START_MS));
    let server = Server::at(&clock);
    let key = server.new_key();
    let describe = || {
        let answer = server.call("DescribeKey", &json!({ "KeyId": key }));
        answer.ok();
        answer
    };
    let before = record_of(&server, &describe());
    assert_eq!(before["wardbook"].get("clock"), None);
    clock.advance_ms(-60_000);
    let behind = record_of(&server, &describe());
    assert_eq!(behind["eventTime"], "2026-11-02T10:10:12Z");
    let latest = json!({ "latestRecordTime": "2026-11-02T10:11:12.000Z" });
    assert_eq!(behind["wardbook"]["clock"], latest);
    // In the order of the book it stands after the other, and after a restart the
    // book is what counts.
    let again = Arc::new(ManualClock::at(START_MS - 120_000));
    let server = server.restart(Options { clock: again, ..Options::default() });
    let answer = server.call("DescribeKey", &json!({ "KeyId": key }));
    assert!(record_of(&server, &answer)["wardbook"]["clock"].is_object());
}
