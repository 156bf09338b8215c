//! The grant operations while there are no grants.

use serde_json::{Value, json};

use super::{NO_KEY, arn, invalid};
use crate::calls::ALLOW;
use crate::fixture::raw::Response;
use crate::fixture::{ACCOUNT, Server};

const NO_GRANT: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

#[track_caller]
fn refused(answer: &Response, code: &str, message: &str) {
    assert_eq!((answer.code().as_str(), answer.message().as_str()), (code, message));
}

fn user(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:user/{name}")
}

/// A good input of CreateGrant with these members besides.
fn grant(key: &str, more: &Value) -> Value {
    let mut input = json!({
        "KeyId": key, "GranteePrincipal": user("admin"), "Operations": ["Decrypt", "DescribeKey"],
    });
    for (name, value) in more.as_object().unwrap() {
        input[name] = value.clone();
    }
    input
}

#[test]
fn lists_are_empty() {
    let server = Server::start();
    let key = server.new_key();
    let nothing = json!({ "Grants": [], "Truncated": false });
    for filter in [
        json!({}),
        json!({ "GrantId": NO_GRANT }),
        json!({ "GranteePrincipal": user("admin"), "Limit": 100 }),
        json!({ "GranteeServicePrincipal": "rds.amazonaws.com" }),
    ] {
        let mut input = filter;
        input["KeyId"] = json!(arn(&key));
        assert_eq!(server.call("ListGrants", &input).ok(), nothing);
    }
    for principal in [
        json!({ "RetiringPrincipal": user("admin") }),
        json!({ "RetiringPrincipal": format!("arn:aws:iam::{ACCOUNT}:root") }),
        json!({ "RetiringPrincipal": "arn:aws:iam::999988887777:role/unknown" }),
        json!({ "RetiringServicePrincipal": "rds.amazonaws.com" }),
    ] {
        assert_eq!(server.call("ListRetirableGrants", &principal).ok(), nothing);
    }
}

#[test]
fn lists_refuse() {
    let server = Server::start();
    let key = server.new_key();
    let list = |input: Value| server.call("ListGrants", &input);
    let both = json!({
        "KeyId": key, "GranteePrincipal": user("a"), "GranteeServicePrincipal": "a.b.c",
    });
    let text = "You can specify GranteePrincipal or GranteeServicePrincipal, but not both.";
    refused(&list(both), "ValidationException", text);
    refused(
        &list(json!({ "KeyId": key, "GrantId": "x" })),
        "InvalidGrantIdException",
        "The grant ID is not valid.",
    );
    let text = "The marker is not valid.";
    refused(&list(json!({ "KeyId": key, "Marker": "x" })), "InvalidMarkerException", text);
    refused(
        &list(json!({ "KeyId": key, "Limit": 101 })),
        "ValidationException",
        &invalid(
            "Value '101' at 'limit' failed to satisfy constraint: Member must have value less \
             than or equal to 100",
        ),
    );
    let retirable = |input: Value| server.call("ListRetirableGrants", &input);
    let text = "You must specify either RetiringPrincipal or RetiringServicePrincipal.";
    refused(&retirable(json!({})), "ValidationException", text);
    for bad in ["admin".to_owned(), user("unknown"), format!("arn:aws:iam::{ACCOUNT}:group/g")] {
        let text = format!("ARN does not refer to a valid principal: {bad}");
        let answer = retirable(json!({ "RetiringPrincipal": bad }));
        refused(&answer, "InvalidArnException", &text);
    }
}

/// Every rule, in its order; the last of them is that there are no grants.
#[test]
fn create_grant_checks_all_there_is() {
    let server = Server::start();
    let key = server.new_key();
    server.rest("POST", "/v1/roles", &json!({ "roleName": "app" })).ok();
    let create = |more: Value| server.call("CreateGrant", &grant(&key, &more));
    let validation = "ValidationException";
    let either = "You must specify either GranteePrincipal or GranteeServicePrincipal.";
    let service = "A grant to a service must have a SourceArn constraint and a retiring principal.";
    let context = |pairs: Value| json!({ "Constraints": { "EncryptionContextEquals": pairs } });
    let pairs: Value =
        (0..9).map(|n| (n.to_string(), json!("x"))).collect::<serde_json::Map<_, _>>().into();
    let constraint = "A grant constraint has at most 8 encryption context pairs, and values of \
                      at most 384 characters.";
    for (more, text) in [
        (json!({ "GranteePrincipal": null }), either),
        (json!({ "GranteeServicePrincipal": "rds.amazonaws.com" }), either),
        (
            json!({ "GranteePrincipal": null, "GranteeServicePrincipal": "rds.amazonaws.com" }),
            service,
        ),
        (
            json!({ "RetiringPrincipal": user("admin"), "RetiringServicePrincipal": "a.b.c" }),
            "You can specify RetiringPrincipal or RetiringServicePrincipal, but not both.",
        ),
        (json!({ "Operations": [] }), "Grants must contain at least one operation."),
        (
            json!({ "Operations": ["CreateGrant"] }),
            "Grants must not contain only the CreateGrant operation.",
        ),
        (context(pairs), constraint),
        (context(json!({ "a": "x".repeat(385) })), constraint),
    ] {
        refused(&create(more), validation, text);
    }
    let mut constrained = context(json!({ "a": "b" }));
    constrained["Operations"] = json!(["Sign", "Decrypt"]);
    let text = "Grant operation Sign does not support encryption context constraints.";
    refused(&create(constrained), validation, text);
    let text = "Grant operation Sign is not valid for a KMS key with key spec SYMMETRIC_DEFAULT \
                and key usage ENCRYPT_DECRYPT.";
    refused(&create(json!({ "Operations": ["Sign"] })), validation, text);
    let unknown = user("unknown");
    let text = format!("ARN does not refer to a valid principal: {unknown}");
    let answer = create(json!({ "RetiringPrincipal": unknown }));
    refused(&answer, "InvalidArnException", &text);

    let unsupported = |more: Value| {
        let text = "Grants are not yet supported by this server.";
        refused(&create(more), "UnsupportedOperationException", text);
    };
    unsupported(json!({ "DryRun": true }));
    unsupported(json!({
        "GranteePrincipal": format!("arn:aws:sts::{ACCOUNT}:assumed-role/app/session"),
        "RetiringPrincipal": "arn:aws:iam::999988887777:root",
        "Name": "a:b/c", "GrantTokens": ["token"],
        "Constraints": { "EncryptionContextSubset": { "a": "b" } },
    }));
    unsupported(json!({
        "GranteePrincipal": null, "GranteeServicePrincipal": "rds.amazonaws.com",
        "RetiringServicePrincipal": "rds.amazonaws.com",
        "Constraints": { "SourceArn": format!("arn:aws:rds:eu-central-1:{ACCOUNT}:db:x") },
    }));
    let mine = json!({ "KeyId": key });
    server.call("DisableKey", &mine).ok();
    refused(&create(json!({})), "DisabledException", &format!("{} is disabled.", arn(&key)));
}

#[test]
fn members_have_their_patterns() {
    let server = Server::start();
    let key = server.new_key();
    let create = |more: Value| server.call("CreateGrant", &grant(&key, &more));
    let rule = "failed to satisfy constraint: Member must satisfy";
    for (more, text) in [
        (
            json!({ "GranteePrincipal": "a b" }),
            format!(
                r"Value 'a b' at 'granteePrincipal' {rule} regular expression pattern: ^[\w+=,.@:/-]+$"
            ),
        ),
        (
            json!({ "Name": "a b" }),
            format!("Value 'a b' at 'name' {rule} regular expression pattern: ^[a-zA-Z0-9:/_-]+$"),
        ),
        (
            json!({ "RetiringServicePrincipal": "amazonaws.com" }),
            format!(
                r"Value 'amazonaws.com' at 'retiringServicePrincipal' {rule} regular expression pattern: ^([A-Za-z0-9\-]+)\.([A-Za-z0-9\-]+)(\.[A-Za-z0-9\-]+)+$"
            ),
        ),
        (
            json!({ "Constraints": { "SourceArn": "arn:aws:rds:eu-central-1:x" } }),
            format!(
                "Value 'arn:aws:rds:eu-central-1:x' at 'constraints.sourceArn' {rule} regular expression pattern: ^arn:aws[a-z0-9-]*:[a-z0-9-]+:[a-z0-9-]*:[0-9]{{12}}:.+$"
            ),
        ),
    ] {
        refused(&create(more), "ValidationException", &invalid(&text));
    }
    let answer = create(json!({ "Operations": ["Everything"] }));
    assert!(answer.message().contains("at 'operations' failed"), "{}", answer.text());
}

#[test]
fn nothing_can_be_retired_or_revoked() {
    let server = Server::start();
    let key = server.new_key();
    let gone = format!("Grant ID {NO_GRANT} not found");
    let not_found = "NotFoundException";
    let revoke = |key: &str, grant: &str| {
        server.call("RevokeGrant", &json!({ "KeyId": key, "GrantId": grant }))
    };
    refused(&revoke(&key, NO_GRANT), not_found, &gone);
    refused(&revoke(&key, "x"), "InvalidGrantIdException", "The grant ID is not valid.");
    let text = format!("Key '{}' does not exist", arn(NO_KEY));
    refused(&revoke(NO_KEY, NO_GRANT), not_found, &text);

    let retire = |input: Value| server.call("RetireGrant", &input);
    refused(&retire(json!({ "KeyId": arn(&key), "GrantId": NO_GRANT })), not_found, &gone);
    let text = format!("Invalid arn {key}");
    let bare = json!({ "KeyId": key, "GrantId": NO_GRANT });
    refused(&retire(bare), "InvalidArnException", &text);
    refused(&retire(json!({ "GrantToken": "token" })), "InvalidGrantTokenException", "");
    for input in [
        json!({}),
        json!({ "KeyId": arn(&key) }),
        json!({ "GrantId": NO_GRANT }),
        json!({ "GrantToken": "token", "KeyId": arn(&key) }),
        json!({ "GrantToken": "token", "KeyId": arn(&key), "GrantId": NO_GRANT }),
    ] {
        let text = "You must specify either GrantToken, or KeyId and GrantId.";
        refused(&retire(input), "ValidationException", text);
    }
}

/// A token says nothing that the book may keep, and who may not ask learns nothing.
#[test]
fn grants_are_decided_and_recorded() {
    let server = Server::start();
    let key = server.new_key();
    let nobody = server.new_user("nobody", "");
    let ada = server.new_user("ada", ALLOW);
    let answer = server.call_as(&nobody, "CreateGrant", &grant(&key, &json!({})));
    assert_eq!(answer.code(), "AccessDeniedException");
    let more = json!({ "GrantTokens": ["a-token-of-a-grant"], "Name": "mine" });
    let answer = server.call_as(&ada, "CreateGrant", &grant(&key, &more));
    let record = server.records_of(answer.request_id()).remove(0);
    assert_eq!(record["requestParameters"]["name"], "mine");
    assert!(!record.to_string().contains("a-token-of-a-grant"));
    let answer = server.call_as(&ada, "RetireGrant", &json!({ "GrantToken": "a-token" }));
    let record = server.records_of(answer.request_id()).remove(0);
    assert_eq!(record["requestParameters"], Value::Null);
    assert_eq!(record["errorCode"], "InvalidGrantTokenException");
}
