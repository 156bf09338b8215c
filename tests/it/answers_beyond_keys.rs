//! Answers about calls that are not on a key alone: roles, aliases, items, the
//! book, identities. Over the socket.

use serde_json::{Value, json};

use crate::fixture::door::Door;
use crate::fixture::raw::{Request, Response};
use crate::fixture::{ACCOUNT, Credentials, REGION, Server};

const ADA: &str = "arn:aws:iam::111122223333:user/ada";

#[track_caller]
fn ask(server: &Door, what: &str, input: &Value) -> Value {
    server.rest("POST", &format!("/v1/policy/{what}"), input).ok()
}

/// What ada's call would be answered.
#[track_caller]
fn hypothetical(server: &Door, action: &str, more: &Value) -> Value {
    let mut input = json!({ "principal": ADA, "action": action });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    ask(server, "explain", &input)
}

fn recorded(server: &Door, call: &Response) -> Value {
    ask(server, "explain", &json!({ "requestId": call.request_id() }))
}

#[track_caller]
fn check_denied(told: &Value, action: &str, kind: &str, on: &str) {
    let story = &told["story"];
    assert_eq!((&story["action"], &story["denied"]), (&json!(action), &json!(kind)), "{told}");
    assert!(story["resource"].as_str().unwrap().ends_with(on), "{told}");
    let verdict = story["verdict"].as_str().unwrap();
    assert!(!verdict.contains("does not agree"), "{verdict}");
}

fn send(server: &Door, who: &Credentials, method: &str, path: &str, body: &Value) -> Response {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    server.send_as(who, "wardbook", &Request::new(method, path, body))
}

fn trust(condition: &Value) -> String {
    json!({ "Version": "2012-10-17", "Statement": [
        { "Sid": "Ada", "Effect": "Allow", "Principal": { "AWS": ADA },
          "Action": ["sts:AssumeRole", "sts:TagSession"], "Condition": condition }]})
    .to_string()
}

#[test]
fn a_role_is_explained_by_its_trust_policy() {
    let server = Server::start();
    let ada = server.new_user("ada", "");
    let policy = trust(&json!({ "StringEquals": { "sts:ExternalId": "77" } }));
    let role = json!({ "roleName": "app", "assumeRolePolicyDocument": policy });
    server.rest("POST", "/v1/roles", &role).ok();
    let arn = format!("arn:aws:iam::{ACCOUNT}:role/app");
    let about = |more: Value| {
        let mut input = json!({ "roleName": arn });
        input["conditions"] = more;
        hypothetical(&server, "sts:AssumeRole", &input)
    };
    let told = about(json!({}));
    check_denied(&told, "sts:AssumeRole", "implicitResourcePolicy", "role/app");
    let policies = told["story"]["policies"].as_array().unwrap();
    let statement = &policies.last().unwrap()["statements"][0];
    assert_eq!(
        (&statement["sid"], &statement["outcome"]),
        (&json!("Ada"), &json!("conditionIsFalse"))
    );
    assert_eq!(about(json!({ "sts:ExternalId": "77" }))["story"]["allowed"], true);
    // A session with tags is two questions.
    let tagged = json!({ "sts:ExternalId": "77", "aws:RequestTag/team": "red" });
    let told = about(tagged);
    assert_eq!(told["story"]["action"], "sts:TagSession");
    assert_eq!(told["also"][0]["action"], "sts:AssumeRole");

    let assume = |more: Value| {
        let mut input = json!({ "sessionName": "blue" });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        send(&server, &ada, "POST", "/v1/roles/app/sessions", &input)
    };
    let denied = assume(json!({ "externalId": "88" }));
    check_denied(
        &recorded(&server, &denied),
        "sts:AssumeRole",
        "implicitResourcePolicy",
        "role/app",
    );
    let made = assume(json!({ "externalId": "77", "tags": [{ "key": "team", "value": "red" }] }));
    made.ok();
    let told = recorded(&server, &made);
    assert_eq!(
        (&told["story"]["action"], &told["story"]["allowed"]),
        (&json!("sts:TagSession"), &json!(true))
    );
    assert!(!told["story"]["verdict"].as_str().unwrap().contains("does not agree"), "{told}");
    assert_eq!(told["also"][0]["action"], "sts:AssumeRole");

    // Another trust policy, and the one of then.
    let other = trust(&json!({ "StringEquals": { "sts:ExternalId": "88" } }));
    let replay = json!({ "requestId": denied.request_id(), "policy": other });
    let answer = ask(&server, "simulate", &replay);
    assert_eq!((&answer["changed"], &answer["simulated"]["allowed"]), (&json!(true), &json!(true)));
    let verdict = answer["simulated"]["verdict"].as_str().unwrap();
    assert!(verdict.contains("By the proposed trust policy: Allowed: "), "{verdict}");
    let change = json!({ "assumeRolePolicyDocument": other });
    server.rest("PUT", "/v1/roles/app", &change).ok();
    let answer = ask(&server, "simulate", &json!({ "requestId": denied.request_id() }));
    assert_eq!(
        (&answer["now"]["allowed"], &answer["simulated"]["allowed"]),
        (&json!(true), &json!(false))
    );
    let verdict = answer["simulated"]["verdict"].as_str().unwrap();
    assert!(verdict.contains("By the trust policy of then: Denied: "), "{verdict}");
}

#[test]
fn an_alias_is_explained_with_its_key() {
    let server = Server::start();
    let key = server.new_key();
    let only_alias = r#"permit (principal, action, resource is Alias);"#;
    let ada = server.new_user("ada", only_alias);
    let create = json!({ "AliasName": "alias/app", "TargetKeyId": key });
    let both = json!({ "aliasName": "alias/app", "keyId": key });
    let told = hypothetical(&server, "kms:CreateAlias", &both);
    check_denied(&told, "kms:CreateAlias", "implicitIdentity", &key);
    let also = &told["also"][0];
    assert_eq!(also["resource"], format!("arn:aws:kms:eu-central-1:{ACCOUNT}:alias/app"));
    assert_eq!(also["allowed"], true);
    let denied = server.call_as(&ada, "CreateAlias", &create);
    check_denied(&recorded(&server, &denied), "kms:CreateAlias", "implicitIdentity", &key);

    let made = server.call("CreateAlias", &create);
    made.ok();
    let told = recorded(&server, &made);
    assert_eq!(
        (&told["story"]["allowed"], &told["also"][0]["allowed"]),
        (&json!(true), &json!(true))
    );
    // The key that it points to is asked about, too.
    let other = server.new_key();
    let update = json!({ "aliasName": "alias/app", "keyId": other });
    let told = hypothetical(&server, "kms:UpdateAlias", &update);
    check_denied(&told, "kms:UpdateAlias", "implicitIdentity", &other);
    assert_eq!(told["also"].as_array().unwrap().len(), 2, "{told}");
    let told = hypothetical(&server, "kms:DeleteAlias", &json!({ "aliasName": "alias/app" }));
    check_denied(&told, "kms:DeleteAlias", "implicitIdentity", &key);
    let denied = server.call_as(&ada, "DeleteAlias", &json!({ "AliasName": "alias/app" }));
    check_denied(&recorded(&server, &denied), "kms:DeleteAlias", "implicitIdentity", &key);
    let nobody = server.new_user("eve", "");
    let denied = server.call_as(&nobody, "DeleteAlias", &json!({ "AliasName": "alias/app" }));
    check_denied(&recorded(&server, &denied), "kms:DeleteAlias", "implicitIdentity", "alias/app");
}

#[test]
fn items_the_book_and_identities_are_explained() {
    let server = Server::start();
    let policy = r#"permit (principal, action == Action::"items:EncryptItem", resource)
        when { resource.name == "people" };"#;
    let ada = server.new_user("ada", policy);
    server.rest("POST", "/v1/groups", &json!({ "groupName": "g" })).ok();
    server.rest("POST", "/v1/roles", &json!({ "roleName": "app" })).ok();
    let people = json!({ "itemSchema": "people" });
    assert_eq!(hypothetical(&server, "items:EncryptItem", &people)["story"]["allowed"], true);
    for (method, path, body, action, named, on) in beyond_keys() {
        check_denied(&hypothetical(&server, action, &named), action, "implicitIdentity", on);
        let denied = send(&server, &ada, method, path, &body);
        assert_eq!(denied.code(), "AccessDeniedException", "{}", denied.text());
        check_denied(&recorded(&server, &denied), action, "implicitIdentity", on);
        let replay = json!({ "requestId": denied.request_id(), "policy": "permit (principal, action, resource);" });
        let answer = server.rest("POST", "/v1/policy/simulate", &replay);
        assert_eq!(answer.code(), "ValidationException");
        assert!(
            answer.message().starts_with("Only the policy of a key or of a role"),
            "{}",
            answer.text()
        );
    }
}

/// Calls that are denied: method, path, body; how they are asked about: action,
/// what it is performed on, and how that is shown.
fn beyond_keys() -> Vec<(&'static str, &'static str, Value, &'static str, Value, &'static str)> {
    let items = json!({ "format": "json", "items": [{}] });
    let user_ada = json!({ "userName": "ada" });
    vec![
        (
            "POST",
            "/v1/item-schemas/x/encrypt",
            items,
            "items:EncryptItem",
            json!({ "itemSchema": "x" }),
            ":schema/x",
        ),
        (
            "GET",
            "/v1/item-schemas/people",
            Value::Null,
            "items:GetItemSchema",
            json!({ "itemSchema": "people" }),
            ":schema/people",
        ),
        ("GET", "/v1/audit/events", Value::Null, "audit:QueryEvents", json!({}), ":log"),
        ("POST", "/v1/users", json!({ "userName": "x" }), "iam:CreateUser", json!({}), "*"),
        ("POST", "/v1/accounts", json!({}), "iam:CreateAccount", json!({}), "*"),
        (
            "POST",
            "/v1/users/ada/access-keys",
            Value::Null,
            "iam:CreateAccessKey",
            user_ada,
            ":user/ada",
        ),
        (
            "DELETE",
            "/v1/roles/app",
            Value::Null,
            "iam:DeleteRole",
            json!({ "roleName": "app" }),
            ":role/app",
        ),
        (
            "DELETE",
            "/v1/groups/g",
            Value::Null,
            "iam:DeleteGroup",
            json!({ "groupName": "g" }),
            ":group/g",
        ),
    ]
}

#[test]
fn what_a_question_lacks_is_said() {
    let server = Server::start();
    server.new_user("ada", "");
    server.rest("POST", "/v1/roles", &json!({ "roleName": "app" })).ok();
    for (action, named, message) in [
        (
            "items:EncryptItem",
            json!({}),
            "items:EncryptItem is performed on a schema of items: say which with itemSchema.",
        ),
        (
            "kms:Decrypt",
            json!({ "roleName": "app" }),
            "kms:Decrypt is not performed on a role: leave roleName out.",
        ),
        (
            "kms:CreateAlias",
            json!({ "aliasName": "alias/x" }),
            "kms:CreateAlias is performed on an alias and on a key: say which with aliasName and keyId.",
        ),
        (
            "sts:AssumeRole",
            json!({ "roleName": "arn:aws:iam::444455556666:role/app" }),
            "The role belongs to account 444455556666, whose policies are not shown here.",
        ),
        (
            "sts:AssumeRoleWithWebIdentity",
            json!({ "roleName": "app" }),
            "sts:AssumeRoleWithWebIdentity is called by a token: say whose with webIdentity.",
        ),
    ] {
        let mut input = json!({ "principal": ADA, "action": action });
        input.as_object_mut().unwrap().extend(named.as_object().unwrap().clone());
        let answer = server.rest("POST", "/v1/policy/explain", &input);
        assert_eq!(
            (answer.code().as_str(), answer.message().as_str()),
            ("ValidationException", message)
        );
    }
}

#[test]
fn who_may_not_read_the_book_reads_no_record() {
    let server = Server::start();
    let call = server.call("ListKeys", &json!({}));
    let replay = json!({ "requestId": call.request_id() });
    let explain = r#"permit (principal, action in Action::"policy:*", resource);"#;
    let ada = server.new_user("ada", explain);
    for path in ["/v1/policy/explain", "/v1/policy/simulate"] {
        let denied = send(&server, &ada, "POST", path, &replay);
        assert_eq!(denied.code(), "AccessDeniedException");
        assert!(
            denied.message().contains("perform: audit:QueryEvents on resource"),
            "{}",
            denied.text()
        );
    }
    // One that nobody made is no record.
    let input = json!({ "principal": ADA, "action": "kms:ListKeys" });
    send(&server, &ada, "POST", "/v1/policy/explain", &input).ok();
    let read =
        r#"permit (principal, action in [Action::"policy:*", Action::"audit:*"], resource);"#;
    let eve = server.new_user("eve", read);
    send(&server, &eve, "POST", "/v1/policy/explain", &replay).ok();
}

/// What has no Region is asked for in that of the call.
#[test]
fn the_region_of_a_hypothetical_call_is_known() {
    let server = Server::start();
    let only = |effect: &str, operator: &str, region: &str| {
        json!({ "Effect": effect, "Action": "*", "Resource": "*",
            "Condition": { operator: { "aws:RequestedRegion": region } } })
    };
    let policy =
        |statements: Value| json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    let allow = json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
    let here = only("Deny", "StringNotEquals", REGION);
    server.new_user("ada", &policy(json!([allow, here])));
    server.new_user("bea", &policy(json!([only("Allow", "StringEquals", REGION)])));
    server.new_user("eve", &policy(json!([allow, only("Deny", "StringEquals", REGION)])));
    let asked = json!({ "attribute": "people/ssn", "action": "items:DecryptAttribute" });
    let who = ask(&server, "who-can", &asked);
    let of = |name: &str| {
        let mut found = who["principals"].as_array().unwrap().iter();
        let found = found.find(|one| one["principal"].as_str().unwrap().ends_with(name));
        found.map(|one| one["access"].as_str().unwrap().to_owned())
    };
    assert_eq!(of("user/ada").as_deref(), Some("always"), "{who}");
    assert_eq!(of("user/bea").as_deref(), Some("always"), "{who}");
    assert_eq!(of("user/eve").as_deref(), Some("denied"), "{who}");
    let told = hypothetical(&server, "iam:DeleteUser", &json!({ "userName": "eve" }));
    assert_eq!(told["story"]["allowed"], true, "{told}");
}

#[test]
fn what_a_new_key_is_to_be_the_call_says() {
    let server = Server::start();
    let policy =
        |statements: Value| json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    let create = |effect: &str, condition: Value| {
        json!({ "Effect": effect, "Action": "kms:CreateKey", "Resource": "*",
            "Condition": condition })
    };
    let symmetric = json!({ "StringEquals": { "kms:KeySpec": "SYMMETRIC_DEFAULT" } });
    let multi = json!({ "Bool": { "kms:MultiRegion": "true" } });
    server.new_user("ada", &policy(json!([create("Allow", symmetric)])));
    let all = json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
    server.new_user("bea", &policy(json!([all, create("Deny", multi)])));
    for name in ["ada", "bea"] {
        let principal = format!("arn:aws:iam::{ACCOUNT}:user/{name}");
        let what = ask(&server, "what-can", &json!({ "principal": principal }));
        assert_eq!(what["account"]["conditional"], json!(["kms:CreateKey"]), "{what}");
    }
    for (conditions, allowed) in [
        (json!({}), true),
        (json!({ "kms:KeySpec": "RSA_2048", "kms:KeyUsage": "SIGN_VERIFY" }), false),
    ] {
        let told = hypothetical(&server, "kms:CreateKey", &json!({ "conditions": conditions }));
        assert_eq!(told["story"]["allowed"], allowed, "{told}");
    }
}

/// The policy of a service's key was never put, and is not that of other keys.
#[test]
fn a_managed_key_had_the_policy_that_it_has() {
    let server = Server::start();
    let ada = server.new_user("ada", "permit (principal, action, resource);");
    let schema = json!({ "tableName": "people", "partitionKeyName": "pk",
        "keyId": "alias/aws/dynamodb", "attributeActionsOnEncrypt": { "pk": "SIGN_ONLY" } });
    server.rest("PUT", "/v1/item-schemas/people", &schema).ok();
    let input = json!({ "KeyId": "alias/aws/dynamodb", "Plaintext": "eA==" });
    let denied = server.call_as(&ada, "Encrypt", &input);
    assert_eq!(denied.code(), "AccessDeniedException");
    let answer = ask(&server, "simulate", &json!({ "requestId": denied.request_id() }));
    assert_eq!(
        (&answer["changed"], &answer["simulated"]["allowed"]),
        (&json!(false), &json!(false))
    );
}
