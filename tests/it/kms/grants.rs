//! What the grant operations take and refuse, and what lists and records say. What
//! grants allow is in `granted`.

use std::sync::Arc;

use serde_json::{Value, json};
use wardbook::base::clock::ManualClock;
use wardbook::base::quotas::Quotas;

use super::{NO_KEY, arn, invalid};
use crate::calls::ALLOW;
use crate::fixture::raw::Response;
use crate::fixture::{ACCOUNT, OTHER_REGION, Options, START_MS, Server};

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
    for bad in [
        "admin".to_owned(),
        user("unknown"),
        format!("arn:aws:iam::{ACCOUNT}:group/g"),
        // Of other accounts nothing is told, whether there is one or not.
        "arn:aws:iam::999988887777:role/unknown".to_owned(),
        "arn:aws:iam::999988887777:root".to_owned(),
    ] {
        let text = format!("ARN does not refer to a valid principal: {bad}");
        let answer = retirable(json!({ "RetiringPrincipal": bad }));
        refused(&answer, "InvalidArnException", &text);
    }
}

/// Every rule, in its order.
#[test]
fn create_grant_checks_all_there_is() {
    let server = Server::start();
    let key = server.new_key();
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
}

#[test]
fn principals_exist_and_tokens_are_ours() {
    let server = Server::start();
    let key = server.new_key();
    server.rest("POST", "/v1/roles", &json!({ "roleName": "app" })).ok();
    let create = |more: Value| server.call("CreateGrant", &grant(&key, &more));
    for unknown in [
        user("unknown"),
        format!("arn:aws:iam::{ACCOUNT}:role/unknown"),
        format!("arn:aws:sts::{ACCOUNT}:assumed-role/unknown/s"),
        format!("arn:aws:sts::{ACCOUNT}:assumed-role/app"),
        "arn:aws:iam::999988887777:user/unknown".to_owned(),
        "arn:aws:iam::9:root".to_owned(),
        ACCOUNT.to_owned(),
    ] {
        let text = format!("ARN does not refer to a valid principal: {unknown}");
        for member in ["GranteePrincipal", "RetiringPrincipal"] {
            refused(&create(json!({ member: unknown })), "InvalidArnException", &text);
        }
    }
    for tokens in [json!(["token"]), json!(["AAAA"])] {
        refused(&create(json!({ "GrantTokens": tokens })), "InvalidGrantTokenException", "");
    }
    let text = "The request would have succeeded, but the DryRun option is set.";
    refused(&create(json!({ "DryRun": true })), "DryRunOperationException", text);
    assert_eq!(grants_of(&server, &key), Vec::<Value>::new());

    create(json!({
        "GranteePrincipal": format!("arn:aws:sts::{ACCOUNT}:assumed-role/app/session"),
        "RetiringPrincipal": "arn:aws:iam::999988887777:root",
        "Name": "a:b/c", "Constraints": { "EncryptionContextSubset": { "a": "b" } },
    }))
    .ok();
    create(json!({
        "GranteePrincipal": null, "GranteeServicePrincipal": "rds.amazonaws.com",
        "RetiringServicePrincipal": "rds.amazonaws.com",
        "Constraints": { "SourceArn": format!("arn:aws:rds:eu-central-1:{ACCOUNT}:db:x") },
    }))
    .ok();
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
fn what_is_not_there_is_not_retired_or_revoked() {
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

    // A grant of one key is none of another.
    let made = server.call("CreateGrant", &grant(&key, &json!({}))).ok();
    let (id, other) = (made["GrantId"].as_str().unwrap(), server.new_key());
    refused(&revoke(&other, id), not_found, &format!("Grant ID {id} not found"));
    // Each of them ends it once; a dry run does not.
    for (operation, key) in [("RevokeGrant", key.clone()), ("RetireGrant", arn(&key))] {
        let made = server.call("CreateGrant", &grant(&key, &json!({}))).ok();
        let input = json!({ "KeyId": key, "GrantId": made["GrantId"] });
        let mut dry = input.clone();
        dry["DryRun"] = json!(true);
        assert_eq!(server.call(operation, &dry).code(), "DryRunOperationException");
        server.call(operation, &input).ok();
        let text = format!("Grant ID {} not found", made["GrantId"].as_str().unwrap());
        refused(&server.call(operation, &input), not_found, &text);
    }
    assert_eq!(ids(&grants_of(&server, &key)), [id]);
}

/// The grants that a key has, in one page.
fn grants_of(server: &Server, key: &str) -> Vec<Value> {
    let page = server.call("ListGrants", &json!({ "KeyId": key, "Limit": 100 })).ok();
    assert_eq!(page["Truncated"], false);
    page["Grants"].as_array().unwrap().clone()
}

fn ids(grants: &[Value]) -> Vec<&str> {
    grants.iter().map(|grant| grant["GrantId"].as_str().unwrap()).collect()
}

#[test]
fn a_name_makes_a_call_repeatable() {
    let server = Server::start();
    let (key, other) = (server.new_key(), server.new_key());
    let create = |key: &str, more: Value| server.call("CreateGrant", &grant(key, &more)).ok();
    let same = |one: &Value, other: &Value| one["GrantId"] == other["GrantId"];
    let without = create(&key, json!({}));
    assert!(!same(&without, &create(&key, json!({}))), "without a name each call makes one");

    let named = json!({ "Name": "mine" });
    let first = create(&key, named.clone());
    let again = create(&key, named.clone());
    assert!(same(&first, &again));
    assert_ne!(first["GrantToken"], again["GrantToken"]);
    assert_eq!(first["GrantId"].as_str().unwrap().len(), 64);
    for different in [
        json!({ "Operations": ["Decrypt"] }),
        json!({ "RetiringPrincipal": user("admin") }),
        json!({ "GranteePrincipal": format!("arn:aws:iam::{ACCOUNT}:root") }),
        json!({ "Constraints": { "EncryptionContextSubset": { "a": "b" } } }),
        json!({ "Name": "other" }),
    ] {
        let mut input = different;
        if input["Name"].is_null() {
            input["Name"] = json!("mine");
        }
        assert!(!same(&first, &create(&key, input.clone())), "{input}");
        assert!(same(&create(&key, input.clone()), &create(&key, input)));
    }
    assert!(!same(&first, &create(&other, named.clone())));
    // Either token retires it, and after that the name makes a new one.
    server.call("RetireGrant", &json!({ "GrantToken": again["GrantToken"] })).ok();
    assert!(!same(&first, &create(&key, named)));
    let spent = json!({ "GrantToken": first["GrantToken"] });
    assert_eq!(server.call("RetireGrant", &spent).code(), "NotFoundException");
    // In a list of tokens it is still one of this server, without effect.
    create(&key, json!({ "GrantTokens": [first["GrantToken"], again["GrantToken"]] }));
}

#[test]
fn a_key_has_so_many_grants() {
    let quotas = Quotas { grants_per_key: 2, ..Quotas::default() };
    let server = Server::with(Options { quotas, ..Options::default() });
    let (key, other) = (server.new_key(), server.new_key());
    let named = |name: &str| server.call("CreateGrant", &grant(&key, &json!({ "Name": name })));
    named("one").ok();
    let second = named("two").ok();
    let text = "The key already has 2 grants.";
    refused(&named("three"), "LimitExceededException", text);
    // What is there already needs no room.
    named("one").ok();
    server.call("CreateGrant", &grant(&other, &json!({}))).ok();
    server.call("RevokeGrant", &json!({ "KeyId": key, "GrantId": second["GrantId"] })).ok();
    named("three").ok();
}

#[test]
fn lists_show_what_was_granted() {
    let server = Server::at(&Arc::new(ManualClock::at(START_MS)));
    let key = server.new_key();
    let context = json!({ "EncryptionContextSubset": { "tenant": "7", "a": "b" } });
    let more = json!({ "Name": "all", "RetiringPrincipal": user("admin"), "Constraints": context });
    let full = server.call("CreateGrant", &grant(&key, &more)).ok();
    let by_id = json!({ "KeyId": key, "GrantId": full["GrantId"] });
    let shown = server.call("ListGrants", &by_id).ok()["Grants"].clone();
    let expected = json!({
        "KeyId": arn(&key), "GrantId": full["GrantId"], "Name": "all",
        "CreationDate": 1_793_614_272.0, "GranteePrincipal": user("admin"),
        "RetiringPrincipal": user("admin"),
        "IssuingAccount": format!("arn:aws:iam::{ACCOUNT}:root"),
        "Operations": ["Decrypt", "DescribeKey"],
        "Constraints": { "EncryptionContextSubset": { "a": "b", "tenant": "7" } },
    });
    assert_eq!(shown, json!([expected]));
    let retirable = |input: Value| server.call("ListRetirableGrants", &input).ok();
    let mine = json!({ "RetiringPrincipal": user("admin") });
    assert_eq!(retirable(mine.clone())["Grants"], json!([expected]));

    let source = format!("arn:aws:rds:eu-central-1:{ACCOUNT}:db:x");
    let service = "rds.amazonaws.com";
    let more = json!({
        "GranteePrincipal": null, "GranteeServicePrincipal": service,
        "RetiringServicePrincipal": service, "Constraints": { "SourceArn": source },
    });
    let of_service = server.call("CreateGrant", &grant(&key, &more)).ok();
    let filter = json!({ "KeyId": key, "GranteeServicePrincipal": service });
    let shown = server.call("ListGrants", &filter).ok()["Grants"][0].clone();
    assert_eq!(shown["Name"], "");
    assert_eq!(shown["GranteeServicePrincipal"], service);
    assert_eq!(shown["RetiringServicePrincipal"], service);
    assert_eq!(shown["Constraints"], json!({ "SourceArn": source }));
    assert!(shown.get("GranteePrincipal").is_none() && shown.get("RetiringPrincipal").is_none());
    let of_service = of_service["GrantId"].as_str().unwrap();
    let listed = retirable(json!({ "RetiringServicePrincipal": service }));
    assert_eq!(ids(listed["Grants"].as_array().unwrap()), [of_service]);
    let filter = json!({ "KeyId": key, "GranteePrincipal": user("admin") });
    let listed = server.call("ListGrants", &filter).ok();
    assert_eq!(ids(listed["Grants"].as_array().unwrap()), [full["GrantId"].as_str().unwrap()]);

    // Another Region has its own.
    let elsewhere = server.in_region(OTHER_REGION);
    assert_eq!(elsewhere.call("ListRetirableGrants", &mine).ok()["Grants"], json!([]));
}

#[test]
fn pages_show_each_grant_once() {
    let server = Server::start();
    let keys = [server.new_key(), server.new_key()];
    let more = json!({ "RetiringPrincipal": user("admin") });
    for key in &keys {
        for _ in 0..5 {
            server.call("CreateGrant", &grant(key, &more)).ok();
        }
    }
    let walk = |operation: &str, input: &Value| {
        let mut found: Vec<String> = Vec::new();
        let mut input = input.clone();
        input["Limit"] = json!(2);
        loop {
            let page = server.call(operation, &input).ok();
            let grants = page["Grants"].as_array().unwrap();
            assert!(grants.len() <= 2);
            found.extend(ids(grants).into_iter().map(str::to_owned));
            assert_eq!(page["Truncated"], !page["NextMarker"].is_null());
            match page.get("NextMarker") {
                Some(marker) => input["Marker"] = marker.clone(),
                None => return found,
            }
        }
    };
    let of_key = |key: &str| ids(&grants_of(&server, key)).into_iter().map(str::to_owned).collect();
    let all: [Vec<String>; 2] = keys.each_ref().map(|key| of_key(key));
    for (key, expected) in keys.iter().zip(&all) {
        assert_eq!(walk("ListGrants", &json!({ "KeyId": key })), *expected);
        assert!(expected.is_sorted());
    }
    let mut retirable = walk("ListRetirableGrants", &more);
    assert_eq!(retirable.len(), 10);
    retirable.sort();
    let mut all = all.concat();
    all.sort();
    assert_eq!(retirable, all);
    // A marker belongs to the list that it is of.
    let page = server.call("ListGrants", &json!({ "KeyId": keys[0], "Limit": 1 })).ok();
    let stray = json!({ "KeyId": keys[1], "Marker": page["NextMarker"] });
    assert_eq!(server.call("ListGrants", &stray).code(), "InvalidMarkerException");
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
    let first = server.call("CreateGrant", &grant(&key, &json!({}))).ok();
    let token = first["GrantToken"].as_str().unwrap();
    let more = json!({ "GrantTokens": [token], "Name": "mine" });
    let answer = server.call_as(&ada, "CreateGrant", &grant(&key, &more));
    let made = answer.ok();
    let record = server.records_of(answer.request_id()).remove(0);
    assert_eq!(record["requestParameters"]["name"], "mine");
    assert_eq!(
        record["responseElements"],
        json!({ "grantId": made["GrantId"], "keyId": arn(&key) })
    );
    let answer = server.call_as(&ada, "RetireGrant", &json!({ "GrantToken": token }));
    answer.ok();
    let record = server.records_of(answer.request_id()).remove(0);
    assert_eq!(record["requestParameters"], Value::Null);
    assert_eq!(record["responseElements"], json!({ "keyId": arn(&key) }));
    assert_eq!(record["additionalEventData"], json!({ "grantId": first["GrantId"] }));
    assert_eq!(record["resources"][0]["ARN"], arn(&key));
    let answer = server.call_as(&ada, "RetireGrant", &json!({ "GrantToken": "a-token" }));
    let record = server.records_of(answer.request_id()).remove(0);
    assert_eq!(record["requestParameters"], Value::Null);
    assert_eq!(record["errorCode"], "InvalidGrantTokenException");
    let input = json!({ "KeyId": key, "GrantId": made["GrantId"] });
    let answer = server.call_as(&ada, "RevokeGrant", &input);
    answer.ok();
    let record = server.records_of(answer.request_id()).remove(0);
    assert_eq!(record["requestParameters"], json!({ "keyId": key, "grantId": made["GrantId"] }));
    assert_eq!(record["responseElements"], json!({ "keyId": arn(&key) }));
    let book = serde_json::to_string(&server.book()).unwrap();
    for token in [token, made["GrantToken"].as_str().unwrap()] {
        assert!(!book.contains(token));
    }
}
