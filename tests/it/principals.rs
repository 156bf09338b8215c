//! Groups, permissions boundaries, tags and trust policies: what each of them
//! lets happen and stops, and that a restart forgets none of them.

use serde_json::{Value, json};

use crate::calls::ALLOW;
use crate::fixture::program::Home;
use crate::fixture::raw::Response;
use crate::fixture::{ACCOUNT, Credentials, Server};

const DENIED: &str = "AccessDeniedException";
const READ: &str = "permit (principal, action in Action::\"kms:read\", resource);";

fn list_keys(server: &Server, who: &Credentials) -> Response {
    server.call_as(who, "ListKeys", &json!({}))
}

fn new_role(server: &Server, name: &str, policy: &str) {
    server.rest("POST", "/v1/roles", &json!({ "roleName": name })).ok();
    let path = format!("/v1/roles/{name}/policies/p");
    server.rest("PUT", &path, &json!({ "policy": policy })).ok();
}

fn assume(server: &Server, role: &str) -> Response {
    server.rest("POST", &format!("/v1/roles/{role}/sessions"), &json!({ "sessionName": "session" }))
}

/// A key whose policy lets in whom `principal` names, to do everything, and the
/// administrator.
fn key_for(server: &Server, principal: &str) -> Value {
    let key = server.new_key();
    let statement = |principal: &str| {
        json!({
            "Effect": "Allow", "Principal": { "AWS": principal }, "Action": "kms:*",
            "Resource": "*",
        })
    };
    let admin = format!("arn:aws:iam::{ACCOUNT}:user/admin");
    let policy = json!({
        "Version": "2012-10-17", "Statement": [statement(&admin), statement(principal)],
    });
    server.call("PutKeyPolicy", &json!({ "KeyId": key, "Policy": policy.to_string() })).ok();
    json!({ "KeyId": key })
}

#[test]
fn what_a_group_may_its_users_may() {
    let server = Server::start();
    let ada = server.new_user("ada", "");
    let group = server.rest("POST", "/v1/groups", &json!({ "groupName": "readers" })).ok();
    assert_eq!(group["arn"], format!("arn:aws:iam::{ACCOUNT}:group/readers"));
    assert!(group["groupId"].as_str().unwrap().starts_with("AGPA"));
    let policy = "/v1/groups/readers/policies/read";
    let member = "/v1/groups/readers/users/ada";
    server.rest("PUT", policy, &json!({ "policy": READ })).ok();
    assert_eq!(list_keys(&server, &ada).code(), DENIED);
    server.rest("PUT", member, &Value::Null).ok();
    list_keys(&server, &ada).ok();
    // Twice is once.
    server.rest("PUT", member, &Value::Null).ok();
    let listed = server.rest("GET", "/v1/principals", &Value::Null).ok();
    let user = listed["users"].as_array().unwrap().iter().find(|u| u["userName"] == "ada").unwrap();
    assert_eq!(user["groups"], json!(["readers"]));
    assert_eq!(listed["groups"][0]["policies"], json!(["read"]));

    // What a group forbids, nothing of one's own allows.
    let forbid = "forbid (principal, action == Action::\"kms:ListKeys\", resource);";
    server.rest("PUT", "/v1/users/ada/policies/all", &json!({ "policy": ALLOW })).ok();
    server.rest("PUT", policy, &json!({ "policy": forbid })).ok();
    let answer = list_keys(&server, &ada);
    assert_eq!(answer.code(), DENIED);
    assert!(answer.message().ends_with("with an explicit deny in an identity-based policy"));

    // So a group does not go while somebody is in it.
    let refused = server.rest("DELETE", "/v1/groups/readers", &Value::Null);
    assert_eq!((refused.status, refused.code().as_str()), (409, "ConflictException"));
    server.rest("DELETE", member, &Value::Null).ok();
    list_keys(&server, &ada).ok();
    assert_eq!(server.rest("DELETE", member, &Value::Null).code(), "NotFoundException");
    server.rest("DELETE", "/v1/groups/readers", &Value::Null).ok();
    assert_eq!(server.rest("PUT", member, &Value::Null).code(), "NotFoundException");
}

#[test]
fn a_group_is_nobody() {
    let server = Server::start();
    server.rest("POST", "/v1/groups", &json!({ "groupName": "readers" })).ok();
    let key = server.new_key();
    let policy = format!(
        r#"{{"Statement":{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{ACCOUNT}:group/readers"}},"Action":"kms:*","Resource":"*"}}}}"#
    );
    let put = server.call("PutKeyPolicy", &json!({ "KeyId": key, "Policy": policy }));
    assert_eq!(put.code(), "MalformedPolicyDocumentException");
    // It has no tags, no boundary and no sessions.
    for (method, path, body) in [
        ("POST", "/v1/groups/readers/tags", json!({ "tags": [{ "key": "a", "value": "b" }] })),
        ("PUT", "/v1/groups/readers/permissions-boundary", json!({ "permissionsBoundary": ALLOW })),
    ] {
        assert_eq!(server.rest(method, path, &body).code(), "UnknownOperationException");
    }
}

#[test]
fn a_user_is_in_ten_groups_at_most() {
    let server = Server::start();
    server.new_user("ada", "");
    let join = |n: usize| {
        server.rest("POST", "/v1/groups", &json!({ "groupName": format!("g{n}") })).ok();
        server.rest("PUT", &format!("/v1/groups/g{n}/users/ada"), &Value::Null)
    };
    for n in 0..10 {
        join(n).ok();
    }
    let refused = join(10);
    assert_eq!(refused.code(), "LimitExceededException");
    assert_eq!(refused.message(), "ada is already in 10 groups.");
}

#[test]
fn a_boundary_limits_what_the_own_policies_allow() {
    let server = Server::start();
    let ada = server.new_user("ada", ALLOW);
    let boundary = "/v1/users/ada/permissions-boundary";
    let random = || server.call_as(&ada, "GenerateRandom", &json!({ "NumberOfBytes": 1 }));
    random().ok();
    server.rest("PUT", boundary, &json!({ "permissionsBoundary": READ })).ok();
    let answer = random();
    assert_eq!(answer.code(), DENIED);
    let because = "because no permissions boundary allows the kms:GenerateRandom action";
    assert!(answer.message().ends_with(because), "{}", answer.message());
    list_keys(&server, &ada).ok();

    // It allows nothing by itself.
    server.rest("DELETE", "/v1/users/ada/policies/p", &Value::Null).ok();
    assert_eq!(list_keys(&server, &ada).code(), DENIED);

    // A key policy that names the very user is not limited by it.
    let own = key_for(&server, &format!("arn:aws:iam::{ACCOUNT}:user/ada"));
    server.call_as(&ada, "DisableKey", &own).ok();
    server.rest("DELETE", boundary, &Value::Null).ok();
    server.rest("PUT", "/v1/users/ada/policies/p", &json!({ "policy": ALLOW })).ok();
    random().ok();
    let again = server.rest("DELETE", boundary, &Value::Null);
    assert_eq!(
        (again.code(), again.message()),
        ("NotFoundException".to_owned(), "ada has no permissions boundary.".to_owned(),)
    );
    let broken = server.rest("PUT", boundary, &json!({ "permissionsBoundary": "permit (" }));
    assert_eq!(broken.code(), "MalformedPolicyDocumentException");
}

#[test]
fn a_boundary_limits_a_role_that_a_key_policy_names() {
    let server = Server::start();
    new_role(&server, "app", ALLOW);
    let boundary = "/v1/roles/app/permissions-boundary";
    server.rest("PUT", boundary, &json!({ "permissionsBoundary": READ })).ok();
    let session = Credentials::of(&assume(&server, "app").ok());
    let by_role = key_for(&server, &format!("arn:aws:iam::{ACCOUNT}:role/app"));
    let answer = server.call_as(&session, "DisableKey", &by_role);
    assert_eq!(answer.code(), DENIED);
    assert!(answer.message().contains("because no permissions boundary allows"));
    server.call_as(&session, "DescribeKey", &by_role).ok();
    // The session itself is somebody else than its role.
    let very = key_for(&server, &format!("arn:aws:sts::{ACCOUNT}:assumed-role/app/session"));
    server.call_as(&session, "DisableKey", &very).ok();
    server.rest("DELETE", boundary, &Value::Null).ok();
    server.call_as(&session, "DisableKey", &by_role).ok();
}

/// A boundary is no use if whoever has it may take it away.
#[test]
fn who_may_everything_can_be_kept_from_the_own_boundary() {
    let server = Server::start();
    let boundary = r#"permit (principal, action, resource)
        unless { principal in resource };
        forbid (principal, action in [Action::"iam:PutPermissionsBoundary",
            Action::"iam:DeletePermissionsBoundary"], resource)
        when { principal in resource };"#;
    let eve = server.new_user("eve", ALLOW);
    server.new_user("bob", "");
    let path = |name: &str| format!("/v1/users/{name}/permissions-boundary");
    let body = json!({ "permissionsBoundary": boundary });
    for name in ["eve", "bob"] {
        server.rest("PUT", &path(name), &body).ok();
    }
    let call = |method, name: &str, body: &Value| {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let request = crate::fixture::raw::Request::new(method, &path(name), text);
        server.send_as(&eve, "wardbook", &request)
    };
    let answer = call("DELETE", "eve", &Value::Null);
    assert_eq!((answer.status, answer.code().as_str()), (403, DENIED));
    assert!(answer.message().ends_with("with an explicit deny in a permissions boundary"));
    assert_eq!(call("PUT", "eve", &body).code(), DENIED);
    call("DELETE", "bob", &Value::Null).ok();
}

#[test]
fn tags_come_and_go() {
    let server = Server::start();
    server.new_user("ada", "");
    let get = || server.rest("GET", "/v1/users/ada", &Value::Null).ok()["tags"].clone();
    let tag = |tags: Value| server.rest("POST", "/v1/users/ada/tags", &json!({ "tags": tags }));
    let pair = |key: &str, value: &str| json!({ "key": key, "value": value });
    tag(json!([pair("Team", "a"), pair("site", "Köln 1")])).ok();
    tag(json!([pair("team", "b")])).ok();
    assert_eq!(get(), json!([pair("site", "Köln 1"), pair("team", "b")]));
    let untag =
        |keys: Value| server.rest("POST", "/v1/users/ada/untag", &json!({ "tagKeys": keys }));
    untag(json!(["SITE", "other"])).ok();
    assert_eq!(get(), json!([pair("team", "b")]));

    let code = |tags: Value| tag(tags).code();
    assert_eq!(code(json!([pair("a", "1"), pair("A", "2")])), "ValidationException");
    assert_eq!(code(json!([pair("aws:a", "1")])), "ValidationException");
    assert_eq!(code(json!([pair("", "1")])), "ValidationException");
    assert_eq!(code(json!([pair("a*", "1")])), "ValidationException");
    assert_eq!(code(json!([pair(&"k".repeat(129), "1")])), "ValidationException");
    assert_eq!(code(json!([pair("k", &"v".repeat(257))])), "ValidationException");
    assert_eq!(code(json!([])), "ValidationException");
    let many: Vec<Value> = (0..50).map(|n| pair(&n.to_string(), "")).collect();
    assert_eq!(code(Value::from(many)), "LimitExceededException");
    assert_eq!(get(), json!([pair("team", "b")]));
}

/// What a policy says of tags holds from the next call on, whoever asks, for
/// users and for the sessions of a role.
#[test]
fn policies_read_the_tags_of_the_caller() {
    let server = Server::start();
    let of_team = r#"permit (principal, action, resource) when {
        context.principalTags.hasTag("team") && context.principalTags.getTag("team") == "a" };"#;
    let ada = server.new_user("ada", of_team);
    new_role(&server, "app", of_team);
    let session = Credentials::of(&assume(&server, "app").ok());
    for (owner, who) in [("users/ada", ada), ("roles/app", session)] {
        let tag = |value: &str| {
            let body = json!({ "tags": [{ "key": "Team", "value": value }] });
            server.rest("POST", &format!("/v1/{owner}/tags"), &body).ok();
        };
        assert_eq!(list_keys(&server, &who).code(), DENIED);
        tag("a");
        list_keys(&server, &who).ok();
        tag("b");
        assert_eq!(list_keys(&server, &who).code(), DENIED);
        tag("a");
        let untag = json!({ "tagKeys": ["team"] });
        server.rest("POST", &format!("/v1/{owner}/untag"), &untag).ok();
        assert_eq!(list_keys(&server, &who).code(), DENIED);
    }
}

#[test]
fn a_trust_policy_says_who_assumes_a_role() {
    let server = Server::start();
    let ada = server.new_user("ada", "");
    new_role(&server, "app", READ);
    let assume_as = |who: &Credentials| {
        let body = json!({ "sessionName": "session" }).to_string();
        let request = crate::fixture::raw::Request::new("POST", "/v1/roles/app/sessions", body);
        server.send_as(who, "wardbook", &request)
    };
    // Without one it is a matter of the policies of the account.
    assume(&server, "app").ok();
    assert_eq!(assume_as(&ada).code(), DENIED);

    let trust = |principal: &str, effect: &str| {
        let text = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": effect, "Principal": { "AWS": principal }, "Action": "sts:AssumeRole",
            }],
        });
        let body = json!({ "assumeRolePolicyDocument": text.to_string() });
        server.rest("PUT", "/v1/roles/app", &body)
    };
    trust(&format!("arn:aws:iam::{ACCOUNT}:user/ada"), "Allow").ok();
    let session = Credentials::of(&assume_as(&ada).ok());
    list_keys(&server, &session).ok();
    let refused = assume(&server, "app");
    assert_eq!((refused.status, refused.code().as_str()), (403, DENIED));

    // Whoever is made anew is somebody else.
    server.rest("DELETE", "/v1/users/ada", &Value::Null).ok();
    let ada = server.new_user("ada", "");
    assert_eq!(assume_as(&ada).code(), DENIED);

    let unknown = trust(&format!("arn:aws:iam::{ACCOUNT}:user/nobody"), "Allow");
    assert_eq!(unknown.code(), "MalformedPolicyDocumentException");
    let nothing = server.rest("PUT", "/v1/roles/app", &json!({}));
    assert_eq!(nothing.code(), "ValidationException");
    let short = json!({ "maxSessionDurationSeconds": 3_599 });
    assert_eq!(server.rest("PUT", "/v1/roles/app", &short).code(), "ValidationException");
}

#[test]
fn the_two_parts_of_a_role_are_two_rights() {
    let server = Server::start();
    server.rest("POST", "/v1/roles", &json!({ "roleName": "app" })).ok();
    let only = r#"permit (principal, action == Action::"iam:UpdateRole", resource);"#;
    let ada = server.new_user("ada", only);
    let update = |body: Value| {
        let path = "/v1/roles/app";
        let request = crate::fixture::raw::Request::new("PUT", path, body.to_string());
        server.send_as(&ada, "wardbook", &request)
    };
    update(json!({ "maxSessionDurationSeconds": 7_200 })).ok();
    let both = json!({
        "maxSessionDurationSeconds": 3_600,
        "assumeRolePolicyDocument": "permit (principal, action, resource);",
    });
    let refused = update(both);
    assert_eq!(refused.code(), DENIED);
    assert!(refused.message().contains("iam:UpdateAssumeRolePolicy"), "{}", refused.message());
    let role = server.rest("GET", "/v1/roles/app", &Value::Null).ok();
    assert_eq!(role["maxSessionDurationSeconds"], 7_200);
}

#[test]
fn a_restart_forgets_nothing() {
    let home = Home::new();
    let program = home.serve(&[]);
    let door = program.door();
    let ada = door.new_user("ada", ALLOW);
    door.rest("POST", "/v1/groups", &json!({ "groupName": "g" })).ok();
    door.rest("PUT", "/v1/groups/g/policies/read", &json!({ "policy": READ })).ok();
    door.rest("PUT", "/v1/groups/g/users/ada", &Value::Null).ok();
    let tags = json!({ "tags": [{ "key": "team", "value": "a" }] });
    let boundary = json!({ "permissionsBoundary": READ });
    let role = json!({
        "roleName": "app",
        "maxSessionDurationSeconds": 43_200,
        "assumeRolePolicyDocument": format!(
            r#"{{"Statement":{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{ACCOUNT}:user/ada"}},"Action":"sts:AssumeRole"}}}}"#
        ),
    });
    door.rest("POST", "/v1/roles", &role).ok();
    for owner in ["users/ada", "roles/app"] {
        door.rest("POST", &format!("/v1/{owner}/tags"), &tags).ok();
        door.rest("PUT", &format!("/v1/{owner}/permissions-boundary"), &boundary).ok();
    }
    let account = json!({ "accountId": "444455556666", "accountName": "Payments" });
    door.rest("POST", "/v1/accounts", &account).ok();
    let paths =
        ["/v1/users/ada", "/v1/roles/app", "/v1/groups/g", "/v1/principals", "/v1/accounts"];
    let seen = |door: &crate::fixture::door::Door| {
        paths.map(|path| door.rest("GET", path, &Value::Null).ok())
    };
    let before = seen(door);
    let [user, role, group, _, accounts] = &before;
    assert_eq!(user["groups"], json!(["g"]));
    assert_eq!((&user["permissionsBoundary"], &user["tags"]), (&json!(READ), &tags["tags"]));
    assert_eq!(user["policies"], json!([{ "policyName": "p", "policy": ALLOW }]));
    assert_eq!(role["maxSessionDurationSeconds"], 43_200);
    assert_eq!((&group["kind"], &group["users"]), (&json!("group"), &json!(["ada"])));
    assert_eq!(accounts["accounts"][1]["accountName"], "Payments");
    program.terminate();

    let program = home.serve(&[]);
    let door = program.door();
    assert_eq!(seen(door), before);
    let random = json!({ "NumberOfBytes": 1 });
    assert_eq!(door.call_as(&ada, "GenerateRandom", &random).code(), DENIED);
    door.call_as(&ada, "ListKeys", &json!({})).ok();
    // The trust policy still means the same user.
    door.rest("DELETE", "/v1/users/ada/permissions-boundary", &Value::Null).ok();
    let session = crate::fixture::raw::Request::new(
        "POST",
        "/v1/roles/app/sessions",
        json!({ "sessionName": "session" }).to_string(),
    );
    door.send_as(&ada, "wardbook", &session).ok();
}
