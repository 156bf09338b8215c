//! What grants allow: to whom, in which encryption context, for how long, and what
//! they do not change.

use serde_json::{Value, json};

use super::arn;
use crate::calls::ALLOW;
use crate::fixture::door::Door;
use crate::fixture::program::{Home, Program};
use crate::fixture::raw::Response;
use crate::fixture::{ACCOUNT, Credentials, OTHER_REGION, Options, Server};

const DENIED: &str = "AccessDeniedException";
const OTHER: &str = "444455556666";

fn user(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:user/{name}")
}

/// Makes a grant as the administrator; its answer.
#[track_caller]
fn grant(door: &Door, key: &str, grantee: &str, operations: &[&str], more: &Value) -> Value {
    grant_as(door, &door.admin, key, grantee, operations, more).ok()
}

fn grant_as(
    door: &Door,
    who: &Credentials,
    key: &str,
    grantee: &str,
    operations: &[&str],
    more: &Value,
) -> Response {
    let mut input = json!({ "KeyId": key, "GranteePrincipal": grantee, "Operations": operations });
    for (name, value) in more.as_object().unwrap() {
        input[name] = value.clone();
    }
    door.call_as(who, "CreateGrant", &input)
}

fn subset(context: &Value) -> Value {
    json!({ "Constraints": { "EncryptionContextSubset": context } })
}

fn equals(context: &Value) -> Value {
    json!({ "Constraints": { "EncryptionContextEquals": context } })
}

/// The code of an Encrypt in this context; empty for success.
fn encrypt(door: &Door, who: &Credentials, key: &str, context: &Value) -> String {
    let input = json!({ "KeyId": key, "Plaintext": "eA==", "EncryptionContext": context });
    door.call_as(who, "Encrypt", &input).code()
}

fn retire(door: &Door, who: &Credentials, key: &str, made: &Value) -> String {
    let input = json!({ "KeyId": arn(key), "GrantId": made["GrantId"] });
    door.call_as(who, "RetireGrant", &input).code()
}

fn new_role(server: &Server, name: &str, policy: &str) {
    server.rest("POST", "/v1/roles", &json!({ "roleName": name })).ok();
    if !policy.is_empty() {
        let path = format!("/v1/roles/{name}/policies/p");
        server.rest("PUT", &path, &json!({ "policy": policy })).ok();
    }
}

fn session(server: &Server, role: &str, name: &str) -> Credentials {
    let path = format!("/v1/roles/{role}/sessions");
    Credentials::of(&server.rest("POST", &path, &json!({ "sessionName": name })).ok())
}

#[test]
fn a_grantee_may_what_was_granted_and_no_more() {
    let server = Server::start();
    let (key, other) = (server.new_key(), server.new_key());
    let (ada, bob) = (server.new_user("ada", ""), server.new_user("bob", ""));
    let none = json!({});
    assert_eq!(encrypt(&server, &ada, &key, &none), DENIED);
    let made = grant(&server, &key, &user("ada"), &["Encrypt", "Decrypt"], &none);
    let input = json!({ "KeyId": key, "Plaintext": "eA==" });
    let answer = server.call_as(&ada, "Encrypt", &input);
    let blob = answer.ok()["CiphertextBlob"].clone();
    // The book says by which grant.
    let record = server.records_of(answer.request_id()).remove(0);
    let determining = json!([{ "source": "grant", "policy": made["GrantId"] }]);
    assert_eq!(record["wardbook"]["decisions"][0]["determining"], determining);
    let decrypt = |who: &Credentials| {
        server.call_as(who, "Decrypt", &json!({ "CiphertextBlob": blob })).code()
    };
    assert_eq!(decrypt(&ada), "");
    assert_eq!(
        (decrypt(&bob), encrypt(&server, &bob, &key, &none)),
        (DENIED.into(), DENIED.into())
    );
    assert_eq!(encrypt(&server, &ada, &other, &none), DENIED);
    for operation in ["DescribeKey", "GetKeyPolicy", "ListGrants", "DisableKey"] {
        let answer = server.call_as(&ada, operation, &json!({ "KeyId": key }));
        assert_eq!(answer.code(), DENIED, "{operation}");
    }
    let generate = json!({ "KeyId": key, "KeySpec": "AES_256" });
    assert_eq!(server.call_as(&ada, "GenerateDataKey", &generate).code(), DENIED);

    server.call("RevokeGrant", &json!({ "KeyId": key, "GrantId": made["GrantId"] })).ok();
    assert_eq!(
        (decrypt(&ada), encrypt(&server, &ada, &key, &none)),
        (DENIED.into(), DENIED.into())
    );
}

#[test]
fn constraints_are_held_against_the_encryption_context() {
    let server = Server::start();
    let ada = server.new_user("ada", "");
    let check = |key: &str, context: Value, allowed: bool| {
        let code = encrypt(&server, &ada, key, &context);
        assert_eq!(code, if allowed { "" } else { DENIED }, "{context}");
    };
    let (one, two) = (json!({ "a": "1" }), json!({ "a": "1", "b": "2" }));
    let key = server.new_key();
    grant(&server, &key, &user("ada"), &["Encrypt", "DescribeKey"], &subset(&one));
    check(&key, json!({}), false);
    check(&key, one.clone(), true);
    check(&key, two.clone(), true);
    for context in [json!({ "a": "2" }), json!({ "A": "1" }), json!({ "b": "2" })] {
        check(&key, context, false);
    }
    // DescribeKey has no encryption context.
    server.call_as(&ada, "DescribeKey", &json!({ "KeyId": key })).ok();

    let key = server.new_key();
    grant(&server, &key, &user("ada"), &["Encrypt"], &equals(&one));
    check(&key, json!({}), false);
    check(&key, one, true);
    check(&key, two, false);

    // No service calls here, so what is bound to a resource allows nothing.
    let key = server.new_key();
    let source = json!({ "SourceArn": format!("arn:aws:rds:eu-central-1:{ACCOUNT}:db:x") });
    let more = json!({ "Constraints": source, "RetiringPrincipal": user("ada") });
    let made = grant(&server, &key, &user("ada"), &["Encrypt"], &more);
    check(&key, json!({}), false);
    assert_eq!(retire(&server, &ada, &key, &made), "");
}

#[test]
fn a_role_is_its_sessions_and_a_session_itself() {
    let server = Server::start();
    let (key, other) = (server.new_key(), server.new_key());
    new_role(&server, "app", "");
    let (one, two) = (session(&server, "app", "one"), session(&server, "app", "two"));
    let none = json!({});
    let role = format!("arn:aws:iam::{ACCOUNT}:role/app");
    grant(&server, &key, &role, &["Encrypt"], &none);
    let of_session = format!("arn:aws:sts::{ACCOUNT}:assumed-role/app/one");
    grant(&server, &other, &of_session, &["Encrypt"], &none);
    for (who, key, code) in
        [(&one, &key, ""), (&two, &key, ""), (&one, &other, ""), (&two, &other, DENIED)]
    {
        assert_eq!(encrypt(&server, who, key, &none), code);
    }
    // A role of the same name is another one, and so is a user.
    server.rest("DELETE", "/v1/roles/app", &Value::Null).ok();
    new_role(&server, "app", "");
    let again = session(&server, "app", "one");
    assert_eq!(encrypt(&server, &again, &key, &none), DENIED);
    assert_eq!(encrypt(&server, &again, &other, &none), DENIED);
    server.new_user("ada", "");
    grant(&server, &key, &user("ada"), &["Encrypt"], &none);
    server.rest("DELETE", "/v1/users/ada", &Value::Null).ok();
    let ada = server.new_user("ada", "");
    assert_eq!(encrypt(&server, &ada, &key, &none), DENIED);
    // The grants are still there, and can be seen.
    let listed = server.call("ListGrants", &json!({ "KeyId": key })).ok();
    assert_eq!(listed["Grants"].as_array().unwrap().len(), 2);
}

#[test]
fn a_grant_to_the_account_is_for_its_policies_to_hand_on() {
    let server = Server::start();
    let key = server.new_key();
    let policy = json!({ "KeyId": key, "Policy": only_the_administrator(), "BypassPolicyLockoutSafetyCheck": true });
    server.call("PutKeyPolicy", &policy).ok();
    let (with, without) = (server.new_user("with", ALLOW), server.new_user("without", ""));
    let none = json!({});
    assert_eq!(encrypt(&server, &with, &key, &none), DENIED);
    grant(&server, &key, &format!("arn:aws:iam::{ACCOUNT}:root"), &["Encrypt"], &none);
    assert_eq!(encrypt(&server, &with, &key, &none), "");
    assert_eq!(encrypt(&server, &without, &key, &none), DENIED);
}

/// A key policy that does not delegate to the account.
fn only_the_administrator() -> String {
    json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "AWS": user("admin") }, "Action": "kms:*",
        "Resource": "*",
    }] })
    .to_string()
}

#[test]
fn what_is_denied_no_grant_allows() {
    let server = Server::start();
    let key = server.new_key();
    let forbid = r#"forbid (principal, action == Action::"kms:Encrypt", resource);"#;
    let (ada, bob) = (server.new_user("ada", forbid), server.new_user("bob", ""));
    let none = json!({});
    for name in ["ada", "bob"] {
        grant(&server, &key, &user(name), &["Encrypt", "DescribeKey"], &none);
    }
    let input = json!({ "KeyId": key, "Plaintext": "eA==" });
    let answer = server.call_as(&ada, "Encrypt", &input);
    assert_eq!(answer.code(), DENIED);
    assert!(answer.message().ends_with("with an explicit deny in an identity-based policy"));
    server.call_as(&ada, "DescribeKey", &json!({ "KeyId": key })).ok();
    assert_eq!(encrypt(&server, &bob, &key, &none), "");
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": { "AWS": ACCOUNT }, "Action": "kms:*", "Resource": "*" },
        { "Effect": "Deny", "Principal": { "AWS": user("bob") }, "Action": "kms:Encrypt", "Resource": "*" },
    ] });
    server.call("PutKeyPolicy", &json!({ "KeyId": key, "Policy": policy.to_string() })).ok();
    let answer = server.call_as(&bob, "Encrypt", &input);
    assert!(answer.message().ends_with("with an explicit deny in a resource-based policy"));
}

#[test]
fn a_grant_is_handed_on_no_wider_than_it_is() {
    let server = Server::start();
    let (ada, bob) = (server.new_user("ada", ""), server.new_user("bob", ""));
    let one = json!({ "a": "1" });
    let key = server.new_key();
    let hand_on = |operations: &[&str], more: &Value| {
        grant_as(&server, &ada, &key, &user("bob"), operations, more).code()
    };
    assert_eq!(hand_on(&["Encrypt"], &subset(&one)), DENIED);
    grant(&server, &key, &user("ada"), &["CreateGrant", "Encrypt"], &subset(&one));
    for more in [json!({}), subset(&json!({ "a": "2" })), equals(&json!({ "b": "2" }))] {
        assert_eq!(hand_on(&["Encrypt"], &more), DENIED, "{more}");
    }
    for operations in [&["Decrypt"][..], &["Encrypt", "Decrypt"], &["Encrypt", "RetireGrant"]] {
        assert_eq!(hand_on(operations, &subset(&one)), DENIED);
    }
    assert_eq!(encrypt(&server, &bob, &key, &one), DENIED);
    assert_eq!(hand_on(&["CreateGrant", "Encrypt"], &equals(&one)), "");
    assert_eq!(encrypt(&server, &bob, &key, &one), "");
    let wider = json!({ "a": "1", "b": "2" });
    assert_eq!(encrypt(&server, &bob, &key, &wider), DENIED);
    // Two parents are not one.
    grant(&server, &key, &user("ada"), &["CreateGrant", "Decrypt"], &json!({}));
    assert_eq!(hand_on(&["Encrypt", "Decrypt"], &subset(&one)), DENIED);
    assert_eq!(hand_on(&["Decrypt"], &json!({})), "");
    // Nor does the grantee of a parent without CreateGrant hand anything on.
    let code = grant_as(&server, &bob, &key, &user("ada"), &["Decrypt"], &json!({})).code();
    assert_eq!(code, DENIED);
    // Whom a policy allows may grant what he may not do himself.
    let only = r#"permit (principal, action == Action::"kms:CreateGrant", resource);"#;
    let carl = server.new_user("carl", only);
    let answer = grant_as(&server, &carl, &key, &user("bob"), &["GenerateDataKey"], &json!({}));
    answer.ok();
    let generate = json!({ "KeyId": key, "KeySpec": "AES_256" });
    server.call_as(&bob, "GenerateDataKey", &generate).ok();
    assert_eq!(server.call_as(&carl, "GenerateDataKey", &generate).code(), DENIED);
}

/// The grantee if the grant says so, the retiring principal, and the account; a
/// policy of the key lets nobody.
#[test]
fn each_party_may_retire() {
    let server = Server::start();
    let key = server.new_key();
    let ada = server.new_user("ada", "");
    let (bob, eve) = (server.new_user("bob", ""), server.new_user("eve", ""));
    let allowed = server.new_user("allowed", ALLOW);
    new_role(&server, "app", "");
    let app = session(&server, "app", "s");
    let make = |operations: &[&str], retiring: Option<&str>| {
        let more = retiring.map_or(json!({}), |name| json!({ "RetiringPrincipal": name }));
        grant(&server, &key, &user("ada"), operations, &more)
    };
    let made = make(&["Encrypt", "RetireGrant"], Some(&user("bob")));
    assert_eq!(retire(&server, &eve, &key, &made), DENIED);
    assert_eq!(retire(&server, &ada, &key, &made), "");
    let made = make(&["Encrypt"], Some(&user("bob")));
    assert_eq!(retire(&server, &ada, &key, &made), DENIED);
    assert_eq!(encrypt(&server, &ada, &key, &json!({})), "");
    assert_eq!(retire(&server, &bob, &key, &made), "");
    assert_eq!(encrypt(&server, &ada, &key, &json!({})), DENIED);
    let made = make(&["Encrypt"], Some(&format!("arn:aws:iam::{ACCOUNT}:role/app")));
    assert_eq!(retire(&server, &app, &key, &made), "");
    let made = make(&["Encrypt"], None);
    assert_eq!(retire(&server, &bob, &key, &made), DENIED);
    assert_eq!(retire(&server, &allowed, &key, &made), "", "the account made it");

    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": { "AWS": [ACCOUNT, user("eve")] }, "Action": "kms:*", "Resource": "*" },
        { "Effect": "Deny", "Principal": { "AWS": user("bob") }, "Action": "kms:RetireGrant", "Resource": "*" },
    ] });
    server.call("PutKeyPolicy", &json!({ "KeyId": key, "Policy": policy.to_string() })).ok();
    let made = make(&["Encrypt"], Some(&user("bob")));
    assert_eq!(retire(&server, &eve, &key, &made), DENIED, "a key policy lets nobody retire");
    assert_eq!(retire(&server, &bob, &key, &made), DENIED, "but it can forbid");
    // By the token as by the id.
    let token = json!({ "GrantToken": made["GrantToken"] });
    assert_eq!(server.call_as(&eve, "RetireGrant", &token).code(), DENIED);
    server.call_as(&allowed, "RetireGrant", &token).ok();
    // RevokeGrant is a matter of policies alone.
    let made = make(&["Encrypt", "RetireGrant"], None);
    let input = json!({ "KeyId": key, "GrantId": made["GrantId"] });
    assert_eq!(server.call_as(&ada, "RevokeGrant", &input).code(), DENIED);
    server.call_as(&eve, "RevokeGrant", &input).ok();
}

#[test]
fn retiring_and_revoking_work_in_every_state() {
    let server = Server::start();
    let key = server.new_key();
    let made: Vec<Value> =
        (0..4).map(|_| grant(&server, &key, &user("admin"), &["Decrypt"], &json!({}))).collect();
    let end = |at: usize| {
        let by_id = json!({ "KeyId": key, "GrantId": made[at]["GrantId"] });
        server.call("RevokeGrant", &by_id).ok();
        server.call("RetireGrant", &json!({ "GrantToken": made[at + 1]["GrantToken"] })).ok();
    };
    let mine = json!({ "KeyId": key });
    server.call("DisableKey", &mine).ok();
    end(0);
    server.call("ScheduleKeyDeletion", &json!({ "KeyId": key, "PendingWindowInDays": 7 })).ok();
    assert_eq!(server.call("ListGrants", &mine).ok()["Grants"].as_array().unwrap().len(), 2);
    end(2);
    assert_eq!(server.call("ListGrants", &mine).ok()["Grants"], json!([]));
}

#[test]
fn a_replica_has_grants_of_its_own() {
    let server = Server::start();
    let key = server.new_multi_region_key(&[OTHER_REGION]);
    let ada = server.new_user("ada", "");
    let elsewhere = server.in_region(OTHER_REGION);
    let none = json!({});
    let made = grant(&server, &key, &user("ada"), &["Encrypt"], &none);
    assert_eq!(encrypt(&server, &ada, &key, &none), "");
    assert_eq!(encrypt(&elsewhere, &ada, &key, &none), DENIED);
    assert_eq!(elsewhere.call("ListGrants", &json!({ "KeyId": key })).ok()["Grants"], json!([]));
    let token = json!({ "GrantToken": made["GrantToken"] });
    let answer = elsewhere.call("RetireGrant", &token);
    assert_eq!(answer.code(), "InvalidGrantTokenException");
    grant(&elsewhere, &key, &user("ada"), &["Encrypt"], &none);
    assert_eq!(encrypt(&elsewhere, &ada, &key, &none), "");
}

#[test]
fn grants_are_there_after_a_restart() {
    let server = Server::start();
    let key = server.new_key();
    let ada = server.new_user("ada", "");
    let one = json!({ "a": "1" });
    let more = json!({
        "Name": "mine", "RetiringPrincipal": user("ada"),
        "Constraints": { "EncryptionContextEquals": one },
    });
    let make = |server: &Server| grant(server, &key, &user("ada"), &["Encrypt"], &more);
    let kept = make(&server);
    let gone = grant(&server, &key, &user("ada"), &["Decrypt"], &json!({}));
    server.call("RevokeGrant", &json!({ "KeyId": key, "GrantId": gone["GrantId"] })).ok();
    let mine = json!({ "KeyId": key });
    let before = server.call("ListGrants", &mine).ok();
    let server = server.restart(Options::default());
    assert_eq!(server.call("ListGrants", &mine).ok(), before);
    assert_eq!(encrypt(&server, &ada, &key, &one), "");
    assert_eq!(encrypt(&server, &ada, &key, &json!({})), DENIED);
    assert_eq!(make(&server)["GrantId"], kept["GrantId"]);
    server.call_as(&ada, "RetireGrant", &json!({ "GrantToken": kept["GrantToken"] })).ok();
    assert_eq!(server.call("ListGrants", &mine).ok()["Grants"], json!([]));
}

/// The other account's administrator and a user without a policy.
fn abroad(home: &Home) -> (Program, Credentials, Credentials) {
    let seed = format!(
        r#"
account = "{OTHER}"
[[users]]
name = "b"
policies = {{ Admin = "permit (principal, action, resource);" }}
access-keys = [{{ id = "AKIAOFTHEOTHERONE", secret = "secret-of-b" }}]
[[users]]
name = "poor"
access-keys = [{{ id = "AKIAOFTHEPOORONE", secret = "secret-of-poor" }}]
"#
    );
    let path = home.data().with_file_name("seed.toml");
    std::fs::write(&path, seed).unwrap();
    let program = home.serve(&["--seed", path.to_str().unwrap()]);
    let who = |id: &str, secret: &str| Credentials {
        access_key_id: id.to_owned(),
        secret: secret.to_owned(),
        session_token: None,
    };
    let b = who("AKIAOFTHEOTHERONE", "secret-of-b");
    (program, b, who("AKIAOFTHEPOORONE", "secret-of-poor"))
}

/// A grant is the consent of both sides; after kill -9 too.
#[test]
fn a_grant_reaches_into_another_account() {
    let home = Home::new();
    let (mut program, b, poor) = abroad(&home);
    let (id, none) = (program.new_key(), json!({}));
    let key = arn(&id);
    assert_eq!(encrypt(&program, &b, &key, &none), DENIED);
    assert_eq!(encrypt(&program, &poor, &key, &none), DENIED);
    let other_user = format!("arn:aws:iam::{OTHER}:user/poor");
    let more = json!({ "RetiringPrincipal": format!("arn:aws:iam::{OTHER}:root") });
    let made = grant(&program, &id, &other_user, &["Encrypt", "CreateGrant"], &more);
    program.kill();
    let program = home.serve(&[]);
    let input = json!({ "KeyId": key, "Plaintext": "eA==" });
    let answer = program.call_as(&poor, "Encrypt", &input);
    answer.ok();
    assert_eq!(encrypt(&program, &b, &key, &none), DENIED);
    // The owner's book has a copy.
    let copy = program.records_of(answer.request_id());
    assert_eq!(copy.len(), 1);
    assert_eq!(copy[0]["userIdentity"]["accountId"], OTHER);

    // Handed on within that account; the new grant's issuer is that account.
    let handed_on = grant_as(
        &program,
        &poor,
        &key,
        &format!("arn:aws:iam::{OTHER}:user/b"),
        &["Encrypt"],
        &none,
    );
    let handed_on = handed_on.ok();
    assert_eq!(encrypt(&program, &b, &key, &none), "");
    let mine = json!({ "RetiringPrincipal": format!("arn:aws:iam::{OTHER}:root") });
    let listed = program.call_as(&b, "ListRetirableGrants", &mine).ok();
    assert_eq!(listed["Grants"][0]["KeyId"], key);
    assert_eq!(listed["Grants"].as_array().unwrap().len(), 1);
    assert_eq!(program.call_as(&poor, "ListRetirableGrants", &mine).code(), DENIED);
    // What is not his to retire is as if it was not there.
    let by_id = |made: &Value| json!({ "KeyId": key, "GrantId": made["GrantId"] });
    let no_grant = json!({ "GrantId": "ab".repeat(32) });
    let hidden = program.call_as(&poor, "RetireGrant", &by_id(&handed_on));
    let unknown = program.call_as(&poor, "RetireGrant", &by_id(&no_grant));
    assert_eq!((hidden.code(), hidden.message()), (unknown.code(), unknown.message()));
    program.call_as(&b, "RetireGrant", &by_id(&handed_on)).ok();
    program.call_as(&b, "RetireGrant", &json!({ "GrantToken": made["GrantToken"] })).ok();
    assert_eq!(encrypt(&program, &poor, &key, &none), DENIED);
}
