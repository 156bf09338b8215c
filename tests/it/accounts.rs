//! Several accounts in one server: what one may do with the keys of another, and
//! what each finds in its book.

use std::fs;

use serde_json::json;

use crate::fixture::program::{Home, Program};
use crate::fixture::raw::Request;
use crate::fixture::{ACCOUNT, Credentials, REGION};

const OTHER: &str = "444455556666";
const KEY: &str = "0d7a2d8e-93bd-4b4f-8a5c-6e9a3f0c1b2d";
/// Its policy lets in the own account alone.
const CLOSED: &str = "5c3f6f3e-2b7b-4a55-9d1c-0e4f5a6b7c8d";

/// The other account's administrator, and a key whose policy lets him in to do
/// everything.
fn start(home: &Home) -> (Program, Credentials) {
    let seed = format!(
        r#"
[[users]]
account = "{OTHER}"
name = "b"
policies = {{ Admin = "permit (principal, action, resource);" }}
access-keys = [{{ id = "AKIAOFTHEOTHERONE", secret = "secret-of-b" }}]

[[keys]]
id = "{CLOSED}"

[[keys]]
id = "{KEY}"
policy = '''{{ "Version": "2012-10-17", "Statement": [{{ "Effect": "Allow", "Principal":
  {{ "AWS": ["{ACCOUNT}", "{OTHER}"] }}, "Action": "kms:*", "Resource": "*" }}] }}'''
"#
    );
    let path = home.data().with_file_name("seed.toml");
    fs::write(&path, seed).unwrap();
    let program = home.serve(&["--seed", path.to_str().unwrap()]);
    let b = Credentials {
        access_key_id: "AKIAOFTHEOTHERONE".to_owned(),
        secret: "secret-of-b".to_owned(),
        session_token: None,
    };
    (program, b)
}

fn arn(id: &str) -> String {
    format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/{id}")
}

#[test]
fn a_key_of_another_account_is_used_and_not_administered() {
    let home = Home::new();
    let (program, b) = start(&home);
    let key = arn(KEY);
    program.call_as(&b, "DescribeKey", &json!({ "KeyId": key })).ok();
    program.call_as(&b, "Encrypt", &json!({ "KeyId": key, "Plaintext": "eA==" })).ok();
    for (operation, input) in [
        ("CancelKeyDeletion", json!({ "KeyId": key })),
        ("CreateAlias", json!({ "AliasName": "alias/f", "TargetKeyId": key })),
        ("DisableKey", json!({ "KeyId": key })),
        ("GetKeyLastUsage", json!({ "KeyId": key })),
        ("GetKeyPolicy", json!({ "KeyId": key })),
        ("ListKeyRotations", json!({ "KeyId": key })),
        ("ListResourceTags", json!({ "KeyId": key })),
        ("PutKeyPolicy", json!({ "KeyId": key, "Policy": "{}" })),
        ("ScheduleKeyDeletion", json!({ "KeyId": key })),
        ("TagResource", json!({ "KeyId": key, "Tags": [{ "TagKey": "a", "TagValue": "b" }] })),
        ("UpdateKeyDescription", json!({ "KeyId": key, "Description": "taken" })),
    ] {
        let answer = program.call_as(&b, operation, &input);
        assert_eq!(answer.code(), "AccessDeniedException", "{operation}: {}", answer.text());
    }
    let listed = program.call_as(&b, "ListAliases", &json!({ "KeyId": key }));
    assert_eq!(listed.code(), "NotFoundException");
}

#[test]
fn which_keys_another_account_has_is_not_told() {
    let home = Home::new();
    let (program, b) = start(&home);
    let unknown = KEY.replace('0', "1");
    let refusals = [CLOSED, &unknown].map(|id| {
        let input = json!({ "KeyId": arn(id), "Plaintext": "eA==" });
        let answer = program.call_as(&b, "Encrypt", &input);
        (answer.code(), answer.message().replace(id, "<id>"))
    });
    assert_eq!(refusals[0], refusals[1]);
    assert_eq!(refusals[0].0, "AccessDeniedException");
}

#[test]
fn the_owner_finds_the_use_by_others_in_the_own_book() {
    let home = Home::new();
    let (program, b) = start(&home);
    let made =
        program.call_as(&b, "Encrypt", &json!({ "KeyId": arn(KEY), "Plaintext": "eA==" })).ok();
    let denied = json!({ "KeyId": arn(CLOSED), "Plaintext": "eA==" });
    assert_eq!(program.call_as(&b, "Encrypt", &denied).status, 400);
    assert!(made["CiphertextBlob"].is_string());

    let own = program.door().events("eventName=Encrypt");
    let [record] = own.as_slice() else { panic!("{own:?}") };
    assert_eq!(
        record["userIdentity"].as_object().unwrap().keys().collect::<Vec<_>>(),
        ["type", "principalId", "accountId"]
    );
    assert_eq!(record["userIdentity"]["type"], "AWSAccount");
    assert_eq!(record["userIdentity"]["accountId"], OTHER);
    assert_eq!(record["recipientAccountId"], ACCOUNT);

    let query = Request::new("GET", "/v1/audit/events?eventName=Encrypt", "");
    let theirs = program.send_as(&b, "wardbook", &query);
    let theirs = theirs.ok()["events"].as_array().unwrap().clone();
    assert_eq!(theirs.len(), 2);
    let used = theirs.iter().find(|event| event.get("errorCode").is_none()).unwrap();
    assert_eq!(used["userIdentity"]["userName"], "b");
    assert_eq!(used["sharedEventID"], record["sharedEventID"]);
    assert!(used["sharedEventID"].is_string());
    assert_ne!(used["eventID"], record["eventID"]);
    assert!(theirs.iter().any(|event| event.get("sharedEventID").is_none()));
}
