//! GetKeyPolicy, PutKeyPolicy, ListKeyPolicies.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::{Value, json};

use super::arn;
use crate::fixture::{ACCOUNT, Server, refused};

/// A policy of statements; `who` is a principal, `action` an action.
fn policy(statements: &[(&str, &str)]) -> String {
    let statements: Vec<Value> = statements
        .iter()
        .map(|(who, action)| {
            json!({
                "Effect": "Allow", "Principal": { "AWS": who }, "Action": action, "Resource": "*"
            })
        })
        .collect();
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

/// A policy under which the account's policies decide, and nobody does this on
/// this condition.
pub(super) fn allow_all_but(action: &str, condition: &Value) -> String {
    json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": { "AWS": ACCOUNT }, "Action": "kms:*", "Resource": "*" },
        {
            "Effect": "Deny", "Principal": "*", "Action": action, "Resource": "*",
            "Condition": condition,
        },
    ] })
    .to_string()
}

fn user(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:user/{name}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_has_the_default_policy_until_it_gets_another() {
    let server = Server::start();
    let kms = server.kms();
    let id = server.new_key();
    let names = kms.list_key_policies().key_id(&id).send().await.unwrap();
    assert_eq!(names.policy_names(), ["default"]);
    assert!(!names.truncated());
    let got = kms.get_key_policy().key_id(&id).send().await.unwrap();
    assert_eq!(got.policy_name(), Some("default"));
    let text = got.policy().unwrap();
    assert!(text.starts_with("{\n  \"Version\" : \"2012-10-17\","), "{text}");
    assert_eq!(
        serde_json::from_str::<Value>(text).unwrap(),
        json!({
            "Version": "2012-10-17",
            "Id": "key-default-1",
            "Statement": [{
                "Sid": "Enable IAM User Permissions",
                "Effect": "Allow",
                "Principal": { "AWS": format!("arn:aws:iam::{ACCOUNT}:root") },
                "Action": "kms:*",
                "Resource": "*",
            }],
        })
    );
    let new = policy(&[(&user("admin"), "kms:*")]);
    kms.put_key_policy().key_id(&id).policy(&new).send().await.unwrap();
    let got = kms.get_key_policy().key_id(&id).policy_name("default").send().await.unwrap();
    assert_eq!(got.policy(), Some(new.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_decides_the_next_call() {
    let server = Server::start();
    let (kms, ada) = (server.kms(), server.kms_of(&server.new_user("ada", "")));
    let id = server.new_key();
    let encrypt = || ada.encrypt().key_id(&id).plaintext(b"x".as_slice().into()).send();
    refused(
        encrypt().await,
        "AccessDeniedException",
        &format!(
            "User: {} is not authorized to perform: kms:Encrypt on resource: {} because no \
             identity-based policy allows the kms:Encrypt action",
            user("ada"),
            arn(&id)
        ),
    );
    let new = policy(&[(&user("admin"), "kms:*"), (&user("ada"), "kms:Encrypt")]);
    kms.put_key_policy().key_id(&id).policy(&new).send().await.unwrap();
    encrypt().await.unwrap();
    let new = policy(&[(&user("admin"), "kms:*")]);
    kms.put_key_policy().key_id(&id).policy(&new).send().await.unwrap();
    refused(
        encrypt().await,
        "AccessDeniedException",
        &format!(
            "User: {} is not authorized to perform: kms:Encrypt on resource: {} because no \
             resource-based policy allows the kms:Encrypt action",
            user("ada"),
            arn(&id)
        ),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_that_cannot_be_are_refused() {
    let server = Server::start();
    let kms = server.kms();
    let id = server.new_key();
    let put = |text: &str| kms.put_key_policy().key_id(&id).policy(text).send();
    let malformed = "MalformedPolicyDocumentException";
    let lockout = "The new key policy will not allow you to update the key policy in the future.";
    server.new_user("ada", "");
    refused(put(&policy(&[(&user("ada"), "kms:*")])).await, malformed, lockout);
    refused(put(&policy(&[(&user("admin"), "kms:Encrypt")])).await, malformed, lockout);
    refused(
        put(&policy(&[(&user("nobody"), "kms:*")])).await,
        malformed,
        "Policy contains a statement with one or more invalid principals.",
    );
    let not_json = put("{").await.unwrap_err().into_service_error();
    assert!(not_json.is_malformed_policy_document_exception(), "{not_json:?}");
    let mut long = policy(&[(&user("admin"), "kms:*")]);
    long.extend(std::iter::repeat_n(' ', 32_768));
    let long = put(&long).await.unwrap_err().into_service_error();
    assert!(long.is_limit_exceeded_exception(), "{long:?}");

    for name in ["other", "AWS_RAM"] {
        refused(
            kms.get_key_policy().key_id(&id).policy_name(name).send().await,
            "NotFoundException",
            "No such policy exists",
        );
    }
    let good = policy(&[(&user("admin"), "kms:*")]);
    refused(
        kms.put_key_policy().key_id(&id).policy_name("AWS_RAM").policy(&good).send().await,
        "ValidationException",
        "The AWS_RAM policy can only be managed by the RAM service",
    );
    // Whoever insists may lock himself out.
    let bypassed = kms
        .put_key_policy()
        .key_id(&id)
        .policy(policy(&[(&user("ada"), "kms:*")]))
        .bypass_policy_lockout_safety_check(true);
    bypassed.send().await.unwrap();
    let denied = put(&good).await.unwrap_err();
    refused(
        Err::<(), _>(denied),
        "AccessDeniedException",
        &format!(
            "User: {} is not authorized to perform: kms:PutKeyPolicy on resource: {} because no \
         resource-based policy allows the kms:PutKeyPolicy action",
            user("admin"),
            arn(&id)
        ),
    );
}

/// A policy that takes long to compile, by which these users may do anything.
fn long_policy(users: &[&str]) -> String {
    let statement = |n: usize| {
        json!({
            "Effect": "Allow", "Action": "kms:*", "Resource": "*",
            "Principal": { "AWS": users.iter().map(|name| user(name)).collect::<Vec<_>>() },
            "Condition": { "StringNotEquals": { "aws:PrincipalTag/team": format!("team-{n}") } },
        })
    };
    let statements: Vec<Value> = (0..100).map(statement).collect();
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

/// While a policy is compiled, the key changes again and again.
#[test]
fn a_key_that_is_always_changing_gets_its_policy() {
    let server = Server::start();
    let id = server.new_key();
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        let changing = || {
            for n in 0_u64.. {
                if is_done.load(Ordering::Relaxed) {
                    return;
                }
                let input = json!({ "KeyId": id, "Description": n.to_string() });
                server.call("UpdateKeyDescription", &input).ok();
            }
        };
        scope.spawn(changing);
        scope.spawn(changing);
        let input = json!({ "KeyId": id, "Policy": long_policy(&["admin"]) });
        let codes: Vec<String> =
            (0..4).map(|_| server.call("PutKeyPolicy", &input).code()).collect();
        is_done.store(true, Ordering::Relaxed);
        assert_eq!(codes, [""; 4]);
    });
    // None of the others was lost with it.
    let path = "/v1/audit/events?eventName=UpdateKeyDescription&limit=1";
    let last = server.rest("GET", path, &Value::Null).ok()["events"][0].clone();
    let key = server.call("DescribeKey", &json!({ "KeyId": id })).ok();
    assert_eq!(key["KeyMetadata"]["Description"], last["requestParameters"]["description"]);
}

/// Who lost the right to put a policy while his was compiled does not put it.
#[test]
fn a_policy_that_takes_long_is_not_put_by_who_may_no_more() {
    let server = Server::start();
    let eve = server.new_user("eve", "");
    let id = server.new_key();
    let put = |policy: &str| json!({ "KeyId": id, "Policy": policy });
    let (with_eve, without_eve) =
        (long_policy(&["admin", "eve"]), policy(&[(&user("admin"), "kms:*")]));
    for _ in 0..5 {
        server.call("PutKeyPolicy", &put(&with_eve)).ok();
        let code = thread::scope(|scope| {
            let late = scope.spawn(|| server.call_as(&eve, "PutKeyPolicy", &put(&with_eve)).code());
            server.call("PutKeyPolicy", &put(&without_eve)).ok();
            late.join().unwrap()
        });
        assert!(["", "AccessDeniedException"].contains(&code.as_str()), "{code}");
        let held = server.call("GetKeyPolicy", &json!({ "KeyId": id })).ok();
        assert_eq!(held["Policy"], without_eve);
    }
}

/// Each is compiled once, so that nobody waits for longer than all compiling together.
#[test]
fn policies_that_are_put_at_the_same_time_come_one_after_the_other() {
    let server = Server::start();
    let id = server.new_key();
    let input = json!({ "KeyId": id, "Policy": long_policy(&["admin"]) });
    let put = || server.call("PutKeyPolicy", &input).code();
    thread::scope(|scope| {
        let putting: Vec<_> = (0..20).map(|_| scope.spawn(put)).collect();
        for code in putting.into_iter().map(|one| one.join().unwrap()) {
            assert_eq!(code, "");
        }
    });
    let events = server.events("eventName=PutKeyPolicy");
    assert_eq!(events.len(), 20);
    for event in events {
        let decisions = event["wardbook"]["decisions"].as_array().unwrap();
        assert_eq!((decisions.len(), event["resources"].as_array().unwrap().len()), (1, 1));
    }
}
