//! Users, roles and their credentials: each right ends when it is taken away.

use std::sync::Arc;
use std::thread;

use serde_json::{Value, json};
use wardbook::base::clock::ManualClock;
use wardbook::base::limits::ATTACHED_POLICIES;

use crate::calls::ALLOW;
use crate::fixture::raw::Response;
use crate::fixture::{Credentials, OTHER_REGION, START_MS, Server};

const INVALID: &str = "The security token included in the request is invalid.";

/// A call that everybody may make who is known and allowed anything.
fn code(server: &Server, who: &Credentials) -> String {
    server.call_as(who, "GenerateRandom", &json!({ "NumberOfBytes": 1 })).code()
}

#[test]
fn an_access_key_works_while_it_is_active() {
    let server = Server::start();
    let first = server.new_user("ada", ALLOW);
    let keys = "/v1/users/ada/access-keys";
    let second = Credentials::of(&server.rest("POST", keys, &Value::Null).ok());
    let third = server.rest("POST", keys, &Value::Null);
    assert_eq!(third.code(), "LimitExceededException");
    assert_eq!(third.message(), "The user already has 2 access keys: delete one first.");
    assert_eq!((code(&server, &first), code(&server, &second)), (String::new(), String::new()));

    let of_first = format!("{keys}/{}", first.access_key_id);
    server.rest("PUT", &of_first, &json!({ "status": "Inactive" })).ok();
    assert_eq!(code(&server, &first), "UnrecognizedClientException");
    assert_eq!(code(&server, &second), "");
    server.rest("PUT", &of_first, &json!({ "status": "Active" })).ok();
    assert_eq!(code(&server, &first), "");
    server.rest("DELETE", &of_first, &Value::Null).ok();
    assert_eq!(code(&server, &first), "UnrecognizedClientException");
    let again = server.rest("DELETE", &of_first, &Value::Null);
    assert_eq!((again.status, again.code().as_str()), (404, "NotFoundException"));

    server.rest("DELETE", "/v1/users/ada", &Value::Null).ok();
    assert_eq!(code(&server, &second), "UnrecognizedClientException");
}

#[test]
fn a_policy_holds_while_it_is_attached() {
    let server = Server::start();
    let ada = server.new_user("ada", "");
    let policy = "/v1/users/ada/policies/mine";
    let denied = "AccessDeniedException";
    assert_eq!(code(&server, &ada), denied);
    server.rest("PUT", policy, &json!({ "policy": ALLOW })).ok();
    assert_eq!(code(&server, &ada), "");
    let json = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"kms:ListKeys","Resource":"*"}}"#;
    server.rest("PUT", policy, &json!({ "policy": json })).ok();
    assert_eq!(code(&server, &ada), denied);
    server.call_as(&ada, "ListKeys", &json!({})).ok();
    server.rest("DELETE", policy, &Value::Null).ok();
    assert_eq!(server.call_as(&ada, "ListKeys", &json!({})).code(), denied);
    let broken = server.rest("PUT", policy, &json!({ "policy": "permit (" }));
    assert_eq!(broken.code(), "MalformedPolicyDocumentException");
}

#[test]
fn a_session_ends_with_its_time_or_its_role() {
    let clock = Arc::new(ManualClock::at(START_MS));
    let server = Server::at(&clock);
    server.rest("POST", "/v1/roles", &json!({ "roleName": "app" })).ok();
    server.rest("PUT", "/v1/roles/app/policies/p", &json!({ "policy": ALLOW })).ok();
    let input = json!({ "sessionName": "blue", "durationSeconds": 900 });
    let assume = || server.rest("POST", "/v1/roles/app/sessions", &input).ok();
    let shown = assume();
    assert_eq!(shown["arn"], "arn:aws:sts::111122223333:assumed-role/app/blue");
    assert_eq!(shown["expiration"], "2026-11-02T10:26:12Z");
    let session = Credentials::of(&shown);
    assert_eq!(code(&server, &session), "");
    let answer = server.call_as(&session, "ListKeys", &json!({}));
    let identity = &server.records_of(answer.request_id())[0]["userIdentity"];
    assert_eq!(identity["type"], "AssumedRole");
    assert_eq!(identity["arn"], shown["arn"]);

    // The token belongs to its access key, and the access key to its token.
    let other = Credentials::of(&assume());
    let mixed = Credentials { session_token: other.session_token, ..session.clone() };
    assert_eq!(code(&server, &mixed), "UnrecognizedClientException");
    let bare = Credentials { session_token: None, ..session.clone() };
    assert_eq!(code(&server, &bare), "UnrecognizedClientException");

    clock.advance_ms(900_000);
    let expired = server.call_as(&session, "ListKeys", &json!({}));
    assert_eq!(expired.code(), "ExpiredTokenException");
    assert_eq!(expired.message(), "The security token included in the request is expired");
    let session = Credentials::of(&assume());
    assert_eq!(code(&server, &session), "");
    server.rest("DELETE", "/v1/roles/app", &Value::Null).ok();
    let gone = server.call_as(&session, "ListKeys", &json!({}));
    assert_eq!(
        (gone.code().as_str(), gone.message().as_str()),
        ("UnrecognizedClientException", INVALID)
    );
}

/// A policy that names somebody does not match another of the same name.
#[test]
fn a_new_user_of_an_old_name_is_somebody_else() {
    let server = Server::start();
    let ada = server.new_user("ada", "");
    let statement = |name: &str| {
        json!({
            "Effect": "Allow",
            "Principal": { "AWS": format!("arn:aws:iam::111122223333:user/{name}") },
            "Action": "kms:*",
            "Resource": "*",
        })
    };
    let statements = [statement("admin"), statement("ada")];
    let policy = json!({ "Version": "2012-10-17", "Statement": statements });
    let key = server.new_key();
    let put = json!({ "KeyId": key, "Policy": policy.to_string() });
    server.call("PutKeyPolicy", &put).ok();
    let describe = json!({ "KeyId": key });
    server.call_as(&ada, "DescribeKey", &describe).ok();
    server.rest("DELETE", "/v1/users/ada", &Value::Null).ok();
    let ada = server.new_user("ada", "");
    let answer = server.call_as(&ada, "DescribeKey", &describe);
    assert_eq!(answer.code(), "AccessDeniedException");
    server.call("DescribeKey", &describe).ok();
}

/// Compiling a policy takes long. No other change waits for it.
#[test]
fn policies_are_compiled_before_it_is_their_turn() {
    let server = Server::start();
    server.new_user("ada", "");
    server.rest("POST", "/v1/roles", &json!({ "roleName": "app" })).ok();
    let key = server.new_multi_region_key(&[]);
    let turn = server.ctx().changing.blocking_lock();
    let malformed = "MalformedPolicyDocument";
    for (method, path, member) in [
        ("PUT", "/v1/users/ada/policies/p", "policy"),
        ("PUT", "/v1/users/ada/permissions-boundary", "permissionsBoundary"),
        ("PUT", "/v1/roles/app", "assumeRolePolicyDocument"),
        ("POST", "/v1/roles", "assumeRolePolicyDocument"),
    ] {
        let mut body = json!({ member: "permit" });
        if method == "POST" {
            body["roleName"] = json!("other");
        }
        let answer = server.rest(method, path, &body);
        assert!(answer.code().starts_with(malformed), "{path}: {}", answer.text());
    }
    let replicate = json!({ "KeyId": key, "ReplicaRegion": OTHER_REGION, "Policy": "{}" });
    let answer = server.call("ReplicateKey", &replicate);
    assert!(answer.code().starts_with(malformed), "{}", answer.text());
    drop(turn);
    server.new_user("somebody", "");
}

/// What is looked at in one's turn holds until the change is made.
#[test]
fn limits_hold_for_changes_at_the_same_time() {
    let server = Server::start();
    server.new_user("ada", "");
    let key = server.new_multi_region_key(&[]);
    let attach = |n: usize| {
        let path = format!("/v1/users/ada/policies/p{n}");
        server.rest("PUT", &path, &json!({ "policy": ALLOW }))
    };
    for n in 1..ATTACHED_POLICIES {
        attach(n).ok();
    }
    let create = || server.rest("POST", "/v1/roles", &json!({ "roleName": "app" }));
    let replicate = || {
        let input = json!({ "KeyId": key, "ReplicaRegion": OTHER_REGION });
        server.call("ReplicateKey", &input)
    };
    let codes = |work: &(dyn Fn(usize) -> Response + Sync)| {
        let mut codes: Vec<String> = thread::scope(|scope| {
            let started: Vec<_> = (100..104).map(|n| scope.spawn(move || work(n).code())).collect();
            started.into_iter().map(|started| started.join().unwrap()).collect()
        });
        codes.sort();
        codes.dedup_by(|one, other| one == other);
        codes
    };
    assert_eq!(codes(&attach), ["", "LimitExceededException"]);
    assert_eq!(
        server.rest("GET", "/v1/users/ada", &Value::Null).ok()["policies"].as_array().map(Vec::len),
        Some(ATTACHED_POLICIES)
    );
    assert_eq!(codes(&|_| create()), ["", "AlreadyExistsException"]);
    assert_eq!(codes(&|_| replicate()), ["", "AlreadyExistsException"]);
}
