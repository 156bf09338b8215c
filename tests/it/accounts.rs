//! Several accounts in one server: what one may do with the keys of another, and
//! what each finds in its book.

use std::fs;

use serde_json::{Value, json};

use crate::calls::ALLOW;
use crate::fixture::door::Door;
use crate::fixture::program::{Home, Program};
use crate::fixture::raw::{Request, Response};
use crate::fixture::{ACCOUNT, Credentials, REGION, Server};

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

/// Nor are aliases, which a question about policies names as well.
#[test]
fn which_aliases_another_account_has_is_not_told() {
    let home = Home::new();
    let (program, b) = start(&home);
    let made = json!({ "AliasName": "alias/there", "TargetKeyId": CLOSED });
    program.call("CreateAlias", &made).ok();
    let refusals = ["alias/there", "alias/none"].map(|alias| {
        let key = format!("arn:aws:kms:{REGION}:{ACCOUNT}:{alias}");
        let body = json!({ "keyId": key, "action": "kms:Decrypt" }).to_string();
        let request = Request::new("POST", "/v1/policy/who-can", body);
        program.send_as(&b, "wardbook", &request)
    });
    for refusal in &refusals {
        assert_eq!(
            refusal.message(),
            format!("The key belongs to account {ACCOUNT}, whose policies are not shown here.")
        );
        let record = &program.records_of(refusal.request_id());
        assert!(!json!(record).to_string().contains(CLOSED), "{record:?}");
    }
}

/// Accounts are made in the first one alone.
#[test]
fn an_administrator_of_another_account_makes_no_accounts() {
    let home = Home::new();
    let (program, b) = start(&home);
    let ask = |who: &Credentials, principal: String| {
        let body = json!({ "principal": principal }).to_string();
        let request = Request::new("POST", "/v1/policy/what-can", body);
        program.send_as(who, "wardbook", &request).ok()["account"]["always"].clone()
    };
    let has = |list: Value, action: &str| list.as_array().unwrap().contains(&json!(action));
    let of_b = ask(&b, format!("arn:aws:iam::{OTHER}:user/b"));
    assert!(has(of_b.clone(), "iam:CreateUser") && !has(of_b, "iam:CreateAccount"));
    let of_first = ask(&program.admin, format!("arn:aws:iam::{ACCOUNT}:user/admin"));
    assert!(has(of_first, "iam:CreateAccount"));
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

/// An account made by the API, its administrator, and a user there without any
/// policy.
pub(crate) fn new_account(door: &Door) -> (Credentials, Credentials) {
    let body = json!({ "accountId": OTHER, "accountName": "Payments" });
    let made = door.rest("POST", "/v1/accounts", &body).ok();
    assert_eq!((&made["accountId"], &made["userName"]), (&json!(OTHER), &json!("admin")));
    assert_eq!(made["arn"], format!("arn:aws:iam::{OTHER}:user/admin"));
    let admin = Credentials::of(&made);
    let request = Request::new("POST", "/v1/users", json!({ "userName": "b" }).to_string());
    let user = door.send_as(&admin, "wardbook", &request).ok();
    assert_eq!(user["arn"], format!("arn:aws:iam::{OTHER}:user/b"));
    (admin, Credentials::of(&user))
}

#[test]
fn the_first_account_makes_others() {
    let server = Server::start();
    let (admin, _) = new_account(&server);
    let again = server.rest("POST", "/v1/accounts", &json!({ "accountId": OTHER }));
    assert_eq!((again.status, again.code().as_str()), (409, "AlreadyExistsException"));
    let random = server.rest("POST", "/v1/accounts", &json!({})).ok();
    assert_eq!(random["accountId"].as_str().unwrap().len(), 12);
    let listed = server.rest("GET", "/v1/accounts", &Value::Null).ok();
    assert_eq!(listed["accounts"].as_array().unwrap().len(), 3);
    for (given, code) in [
        (json!({ "accountId": "44445555666" }), "ValidationException"),
        (json!({ "accountId": "44445555666x" }), "ValidationException"),
        (json!({ "accountName": "" }), "ValidationException"),
        (json!({ "accountName": "a\u{7}" }), "ValidationException"),
    ] {
        assert_eq!(server.rest("POST", "/v1/accounts", &given).code(), code, "{given}");
    }

    // The others make none, whatever their policies say, and see none.
    for (method, body) in [("POST", "{}"), ("GET", "")] {
        let request = Request::new(method, "/v1/accounts", body);
        let answer = server.send_as(&admin, "wardbook", &request);
        assert_eq!((answer.status, answer.code().as_str()), (403, "AccessDeniedException"));
    }
    // In the first one it takes a policy.
    let ada = server.new_user("ada", "");
    let request = Request::new("POST", "/v1/accounts", "{}");
    assert_eq!(server.send_as(&ada, "wardbook", &request).status, 403);
}

/// A key of one account is used by a user of another when both sides say so.
#[test]
fn both_accounts_must_consent() {
    let server = Server::start();
    let (admin, b) = new_account(&server);
    let key = server.new_key();
    let encrypt = || {
        let input = json!({ "KeyId": arn(&key), "Plaintext": "eA==" });
        server.call_as(&b, "Encrypt", &input)
    };
    let key_policy = |principals: &[&str]| {
        let policy = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow", "Principal": { "AWS": principals }, "Action": "kms:*",
                "Resource": "*",
            }],
        });
        let input = json!({ "KeyId": key, "Policy": policy.to_string() });
        server.call("PutKeyPolicy", &input).ok();
    };
    let own = |method, policy: &str| {
        let body = match policy {
            "" => String::new(),
            policy => json!({ "policy": policy }).to_string(),
        };
        let request = Request::new(method, "/v1/users/b/policies/p", body);
        server.send_as(&admin, "wardbook", &request).ok();
    };
    let denied = |answer: Response| {
        assert_eq!((answer.status, answer.code().as_str()), (400, "AccessDeniedException"));
    };
    denied(encrypt());
    // Nor does the foreigner's own book tell whether there is such a key.
    let recorded = |id: &str| {
        let input = json!({ "KeyId": arn(id), "Plaintext": "eA==" });
        let answer = server.call_as(&b, "Encrypt", &input);
        let path = format!("/v1/audit/events?requestId={}", answer.request_id());
        let page = server.send_as(&admin, "wardbook", &Request::new("GET", &path, "")).ok();
        let record = page["events"][0].clone();
        assert_eq!(record["errorCode"], "AccessDenied");
        let decisions = record["wardbook"]["decisions"].to_string().replace(id, "ID");
        (record.get("resources").cloned(), decisions)
    };
    assert_eq!(recorded(&key), recorded("0d7a2d8e-93bd-4b4f-8a5c-6e9a3f0c1b2d"));
    // The owner of the key alone does not let a foreigner in,
    let user = format!("arn:aws:iam::{OTHER}:user/b");
    key_policy(&[ACCOUNT, &user]);
    let missing_at_home = encrypt();
    let text = |side: &str, id: &str| {
        format!(
            "User: {user} is not authorized to perform: kms:Encrypt on resource: {} because no \
             {side} policy allows the kms:Encrypt action",
            arn(id)
        )
    };
    assert_eq!(missing_at_home.message(), text("identity-based", &key));
    denied(missing_at_home);
    // The text says no more of a key that is not there.
    let none = "0d7a2d8e-93bd-4b4f-8a5c-6e9a3f0c1b2d";
    let absent = server.call_as(&b, "Encrypt", &json!({ "KeyId": arn(none), "Plaintext": "eA==" }));
    assert_eq!(absent.message(), text("identity-based", none));
    // nor does the other account alone,
    key_policy(&[ACCOUNT]);
    own("PUT", ALLOW);
    assert_eq!(encrypt().message(), text("resource-based", &key));
    let absent = server.call_as(&b, "Encrypt", &json!({ "KeyId": arn(none), "Plaintext": "eA==" }));
    assert_eq!(absent.message(), text("resource-based", none));
    // but both together do.
    key_policy(&[ACCOUNT, OTHER]);
    encrypt().ok();
    own("DELETE", "");
    denied(encrypt());
    // What an account has of its own, the other does not see.
    let request = Request::new("GET", "/v1/users/admin", "");
    let theirs = server.send_as(&admin, "wardbook", &request).ok();
    assert_eq!(theirs["arn"], format!("arn:aws:iam::{OTHER}:user/admin"));
}
