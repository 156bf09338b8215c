//! Ways around a Deny that were open once: what an operation does not say, a
//! policy cannot forbid.

use serde_json::{Value, json};

use crate::fixture::raw::Request;
use crate::fixture::{Credentials, Server};

/// A user who may everything but what `deny` says.
fn user(server: &Server, name: &str, deny: &Value) -> Credentials {
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*" }, deny],
    });
    server.new_user(name, &policy.to_string())
}

fn deny(action: &Value, operator: &str, key: &str, value: &str) -> Value {
    json!({ "Effect": "Deny", "Action": action, "Resource": "*", "Condition": { operator: { key: value } } })
}

/// The code of a REST call, `OK` if it is done.
fn rest(server: &Server, who: &Credentials, method: &str, path: &str, body: &Value) -> String {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let answer = server.send_as(who, "wardbook", &Request::new(method, path, body));
    if answer.status == 200 { "OK".to_owned() } else { answer.code() }
}

const DENIED: &str = "AccessDeniedException";

#[test]
fn tags_of_principals_are_said() {
    let server = Server::start();
    let tag = json!({ "tags": [{ "key": "Clearance", "value": "top" }] });
    for (name, operator, key) in [
        ("keys", "ForAnyValue:StringEquals", "aws:TagKeys"),
        ("values", "StringLike", "aws:RequestTag/clearance"),
    ] {
        let value = if name == "keys" { "Clearance" } else { "*" };
        let who = user(&server, name, &deny(&json!("iam:TagPrincipal"), operator, key, value));
        let path = format!("/v1/users/{name}/tags");
        assert_eq!(rest(&server, &who, "POST", &path, &tag), DENIED, "{key}");
    }
}

#[test]
fn tags_of_roles_are_read() {
    let server = Server::start();
    server.rest("POST", "/v1/roles", &json!({ "roleName": "prod" })).ok();
    let tags = json!({ "tags": [{ "key": "tier", "value": "prod" }] });
    server.rest("POST", "/v1/roles/prod/tags", &tags).ok();
    let actions = json!(["sts:AssumeRole", "iam:AttachPolicy"]);
    let who = user(&server, "eve", &deny(&actions, "StringEquals", "aws:ResourceTag/tier", "prod"));
    let session = json!({ "sessionName": "eve" });
    assert_eq!(rest(&server, &who, "POST", "/v1/roles/prod/sessions", &session), DENIED);
    let policy = json!({ "policy": "permit (principal, action, resource);" });
    assert_eq!(rest(&server, &who, "PUT", "/v1/roles/prod/policies/p", &policy), DENIED);
}

#[test]
fn transitive_tags_are_said() {
    let server = Server::start();
    server.rest("POST", "/v1/roles", &json!({ "roleName": "app" })).ok();
    let forbidden =
        deny(&json!("sts:TagSession"), "ForAnyValue:StringEquals", "sts:TransitiveTagKeys", "team");
    let who = user(&server, "eve", &forbidden);
    let mut session = json!({ "sessionName": "eve", "tags": [{ "key": "team", "value": "red" }] });
    assert_eq!(rest(&server, &who, "POST", "/v1/roles/app/sessions", &session), "OK");
    session["transitiveTagKeys"] = json!(["team"]);
    assert_eq!(rest(&server, &who, "POST", "/v1/roles/app/sessions", &session), DENIED);
}

#[test]
fn the_region_of_a_call_is_always_said() {
    let server = Server::start();
    let region = server.region;
    let who =
        user(&server, "eve", &deny(&json!("*"), "StringEquals", "aws:RequestedRegion", region));
    for (method, path) in
        [("DELETE", "/v1/users/nobody"), ("GET", "/v1/audit/events"), ("GET", "/v1/principals")]
    {
        assert_eq!(rest(&server, &who, method, path, &Value::Null), DENIED, "{path}");
    }
}

#[test]
fn the_name_of_a_policy_is_said() {
    let server = Server::start();
    let key = server.new_key();
    let forbidden = deny(&json!("kms:*KeyPolicy"), "StringEquals", "kms:PolicyName", "default");
    let who = user(&server, "eve", &forbidden);
    let path = format!("/v1/keys/{key}/policy");
    assert_eq!(rest(&server, &who, "GET", &path, &Value::Null), DENIED);
    let policy = json!({ "policy": "permit (principal, action, resource);" });
    assert_eq!(rest(&server, &who, "PUT", &path, &policy), DENIED);
}

/// Two tags that differ by case would make every condition on tags undecidable.
#[test]
fn tags_that_differ_by_case_are_refused() {
    let server = Server::start();
    let key = server.new_key();
    let tag = |name: &str| {
        let tags = json!([{ "TagKey": name, "TagValue": "1" }]);
        server.call("TagResource", &json!({ "KeyId": key, "Tags": tags }))
    };
    tag("team").ok();
    assert_eq!(tag("Team").code(), "TagException");
}

/// A pattern that takes longer than a decision may: a denial, and at once.
#[test]
fn no_pattern_keeps_the_server_busy() {
    let server = Server::start();
    let key = server.new_key();
    let values: Vec<_> = (0..200).map(|n| format!("*${{kms:EncryptionContext:x}}b?{n}")).collect();
    let condition = json!({ "StringLike": { "kms:EncryptionContext:y": values } });
    let statement = |action: &str| json!({ "Effect": "Allow", "Principal": { "AWS": crate::fixture::ACCOUNT }, "Action": action, "Resource": "*" });
    let (mut encrypt, manage) = (statement("kms:Encrypt"), statement("kms:*KeyPolicy"));
    encrypt["Condition"] = condition;
    let policy = json!({ "Version": "2012-10-17", "Statement": [encrypt, manage] });
    server.call("PutKeyPolicy", &json!({ "KeyId": key, "Policy": policy.to_string() })).ok();
    let context = json!({ "x": "a".repeat(2_000), "y": "a".repeat(4_000) });
    let input = json!({ "KeyId": key, "Plaintext": "eA==", "EncryptionContext": context });
    let answer = server.call("Encrypt", &input);
    assert_eq!(answer.code(), DENIED);
    assert!(answer.message().ends_with("because a policy could not be evaluated"));
}
