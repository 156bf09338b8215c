//! Answers about policies, over the socket.

use serde_json::{Value, json};

use crate::fixture::door::Door;
use crate::fixture::raw::Response;
use crate::fixture::server::Options;
use crate::fixture::{ACCOUNT, Server};

const ADA: &str = "arn:aws:iam::111122223333:user/ada";

#[track_caller]
fn ask(server: &Door, what: &str, input: &Value) -> Value {
    server.rest("POST", &format!("/v1/policy/{what}"), input).ok()
}

/// The server and a key of it, which `ada` may only look at.
fn start() -> (Server, String) {
    let server = Server::start();
    let key = server.new_key();
    server.new_user("ada", "permit (principal, action in Action::\"kms:read\", resource);");
    (server, key)
}

fn put_policy(server: &Door, key: &str, policy: &str) {
    server.call("PutKeyPolicy", &json!({ "KeyId": key, "Policy": policy })).ok();
}

/// The account is trusted, and `ada` may decrypt for the tenant.
fn tenant_policy(tenant: &str) -> String {
    json!({ "Version": "2012-10-17", "Statement": [
        { "Sid": "Account", "Effect": "Allow", "Principal": { "AWS": ACCOUNT },
          "Action": "kms:*", "Resource": "*" },
        { "Sid": "Tenant", "Effect": "Allow", "Principal": { "AWS": ADA },
          "Action": ["kms:Decrypt", "kms:Encrypt"], "Resource": "*",
          "Condition": { "StringEquals": { "kms:EncryptionContext:tenant": tenant } } },
    ]})
    .to_string()
}

#[test]
fn a_request_that_nobody_made_is_explained() {
    let (server, key) = start();
    let request = json!({ "principal": ADA, "action": "kms:Decrypt", "keyId": key });
    let story = &ask(&server, "explain", &request)["story"];
    assert_eq!(story["verdict"], "Denied: no identity policy of user ada allows kms:Decrypt.");
    assert_eq!(
        story["remedy"],
        "To allow it: an identity policy of user ada that allows kms:Decrypt, or a statement of \
         the key policy that allows it to user ada."
    );
    assert_eq!((&story["allowed"], &story["denied"]), (&json!(false), &json!("implicitIdentity")));
    let policies = story["policies"].as_array().unwrap();
    assert_eq!(policies[0]["name"], "policy `p` of user ada");
    assert_eq!(policies[0]["statements"][0]["outcome"], "outOfScope");
    assert_eq!(policies[1]["statements"][0]["outcome"], "delegates");

    put_policy(&server, &key, &tenant_policy("7"));
    let with = |context: Value| {
        let mut request = request.clone();
        request["encryptionContext"] = context;
        ask(&server, "explain", &request)["story"].clone()
    };
    assert_eq!(with(json!({ "tenant": "7" }))["allowed"], true);
    let wrong = with(json!({ "tenant": "8" }));
    let clause = &wrong["policies"][1]["statements"][1]["clauses"][0];
    assert!(clause["text"].as_str().unwrap().contains("kms:EncryptionContext:tenant"), "{wrong}");
    assert!(clause["values"]["kms:EncryptionContext:tenant"] == "\"8\"", "{wrong}");

    for (member, value, code) in [
        ("principal", json!("arn:aws:iam::111122223333:user/nobody"), "NotFoundException"),
        ("principal", json!("arn:aws:iam::444455556666:root"), "NotFoundException"),
        ("action", json!("kms:Decypt"), "ValidationException"),
        ("action", json!("kms:CreateKey"), "ValidationException"),
        ("keyId", json!("alias/none"), "NotFoundException"),
        ("sourceIp", json!("here"), "ValidationException"),
        ("conditions", json!({ "kms:ViaServic": "x" }), "ValidationException"),
        ("conditions", json!({ "kms:KeySpec": "RSA_2048" }), "ValidationException"),
        ("conditions", json!({ "kms:RotationPeriodInDays": "x" }), "ValidationException"),
    ] {
        let mut request = request.clone();
        request[member] = value;
        let answer = server.rest("POST", "/v1/policy/explain", &request);
        assert_eq!(answer.code(), code, "{request}: {}", answer.text());
    }
}

#[test]
fn a_recorded_denial_is_explained_and_replayed() {
    let (server, key) = start();
    let ada = {
        let path = "/v1/users/ada/access-keys";
        crate::fixture::Credentials::of(&server.rest("POST", path, &Value::Null).ok())
    };
    put_policy(&server, &key, &tenant_policy("7"));
    let context = json!({ "tenant": "8" });
    let input = json!({ "KeyId": key, "Plaintext": "eA==", "EncryptionContext": context });
    let denied: Response = server.call_as(&ada, "Encrypt", &input);
    assert_eq!(denied.code(), "AccessDeniedException");
    let replay = json!({ "requestId": denied.request_id() });
    let story = ask(&server, "explain", &replay)["story"].clone();
    let event = server.records_of(denied.request_id())[0]["eventID"].clone();
    assert_eq!(ask(&server, "explain", &json!({ "eventId": event }))["story"], story);
    let both = json!({ "eventId": event, "requestId": denied.request_id() });
    let both = server.rest("POST", "/v1/policy/explain", &both);
    assert_eq!(both.message(), "Specify either requestId or eventId.");
    assert_eq!(story["action"], "kms:Encrypt");
    assert_eq!(story["request"]["encryption context tenant"], "8");
    assert!(story["verdict"].as_str().unwrap().contains("statement 1 (\"Tenant\")"), "{story}");

    // The policy changes; the book knows the one of then.
    put_policy(&server, &key, &tenant_policy("8"));
    let now = ask(&server, "explain", &replay)["story"].clone();
    assert_eq!(now["allowed"], true);
    let verdict = now["verdict"].as_str().unwrap();
    assert!(verdict.starts_with("Recorded: denied (implicitIdentity) at "), "{verdict}");
    assert!(verdict.contains("This does not agree with the record"), "{verdict}");
    let then = ask(&server, "simulate", &replay);
    let allowed =
        |answer: &Value| (answer["now"]["allowed"].clone(), answer["simulated"]["allowed"].clone());
    assert_eq!(allowed(&then), (json!(true), json!(false)));
    assert_eq!(then["changed"], true);
    let notes = then["simulated"]["notes"].to_string();
    assert!(notes.contains("the key policy is the one of then"), "{notes}");
    assert!(notes.contains("did not change since"), "{notes}");

    // And one that is only proposed.
    let mut proposed = replay.clone();
    proposed["policy"] = json!(tenant_policy("9"));
    let answer = ask(&server, "simulate", &proposed);
    assert_eq!(allowed(&answer), (json!(true), json!(false)));
    proposed["policy"] = json!("permit");
    let malformed = server.rest("POST", "/v1/policy/simulate", &proposed);
    assert_eq!(malformed.code(), "MalformedPolicyDocumentException");

    // What was attached meanwhile is told.
    server.new_user("bob", "permit (principal, action, resource);");
    let then = ask(&server, "simulate", &replay);
    assert!(then["simulated"]["notes"].to_string().contains("some of which changed since"));
    let unknown = json!({ "requestId": "00000000-0000-4000-8000-000000000000" });
    let answer = server.rest("POST", "/v1/policy/explain", &unknown);
    assert_eq!(answer.code(), "NotFoundException");
    assert!(answer.message().contains("only in the caller's own"), "{}", answer.message());
}

/// The call is in the book as denied; the story of it, which must say the same.
#[track_caller]
fn explained(server: &Door, denied: &Response, kind: &str) -> Value {
    assert_eq!(denied.code(), "AccessDeniedException", "{}", denied.text());
    let replay = json!({ "requestId": denied.request_id() });
    let story = ask(server, "explain", &replay)["story"].clone();
    let verdict = story["verdict"].as_str().unwrap();
    assert!(verdict.starts_with(&format!("Recorded: denied ({kind}) at ")), "{verdict}");
    assert!(verdict.contains(". By the policies of now: Denied: "), "{verdict}");
    assert!(!verdict.contains("does not agree"), "{verdict}");
    assert_eq!((&story["allowed"], &story["denied"]), (&json!(false), &json!(kind)), "{story}");
    story
}

/// Ada may do everything, but for `action` on this condition.
fn all_but(action: &str, condition: &Value) -> String {
    json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": { "AWS": ACCOUNT }, "Action": "kms:*", "Resource": "*" },
        { "Effect": "Allow", "Principal": { "AWS": ADA }, "Action": "kms:*", "Resource": "*" },
        { "Effect": "Deny", "Principal": { "AWS": ADA }, "Action": action, "Resource": "*",
          "Condition": condition },
    ]})
    .to_string()
}

/// What the operation said to the policies is said again: without it, each of
/// these calls would be allowed.
#[track_caller]
fn check_said(
    server: &Door,
    ada: &crate::fixture::Credentials,
    rows: &[(&str, &str, Value, Value)],
) {
    for (key, operation, input, condition) in rows {
        put_policy(server, key, &all_but(&format!("kms:{operation}"), condition));
        let mut input = input.clone();
        input["KeyId"] = json!(key);
        let denied = server.call_as(ada, operation, &input);
        let story = explained(server, &denied, "explicitResourcePolicy");
        assert_eq!(story["action"], format!("kms:{operation}"));
    }
}

#[test]
fn a_recorded_use_says_what_it_said() {
    let server = Server::start();
    let ada = server.new_user("ada", "");
    let key = server.new_key();
    let signing = server.new_key_of("ECC_NIST_P256", "SIGN_VERIFY");
    let grant = json!({ "GranteePrincipal": ADA, "Operations": ["Decrypt", "Encrypt"],
        "Constraints": { "EncryptionContextSubset": { "tenant": "8" } } });
    let by_hand = json!({ "StringEquals": { "aws:UserAgent": "by-hand/1.0" } });
    let algorithm = json!({ "StringEquals": { "kms:EncryptionAlgorithm": "SYMMETRIC_DEFAULT" } });
    let rows = [
        (key.as_str(), "Encrypt", json!({ "Plaintext": "eA==" }), by_hand),
        (key.as_str(), "Encrypt", json!({ "Plaintext": "eA==" }), algorithm.clone()),
        (key.as_str(), "GenerateDataKey", json!({ "KeySpec": "AES_256" }), algorithm),
        (
            key.as_str(),
            "GenerateDataKeyPair",
            json!({ "KeyPairSpec": "ECC_NIST_P256" }),
            json!({ "StringEquals": { "kms:DataKeyPairSpec": "ECC_NIST_P256" } }),
        ),
        (
            signing.as_str(),
            "Sign",
            json!({ "Message": "eA==", "SigningAlgorithm": "ECDSA_SHA_256" }),
            json!({ "StringEquals": {
                "kms:SigningAlgorithm": "ECDSA_SHA_256", "kms:MessageType": "RAW" } }),
        ),
        (
            key.as_str(),
            "CreateGrant",
            grant.clone(),
            json!({ "ForAnyValue:StringEquals": { "kms:GrantOperations": "Decrypt" } }),
        ),
        (
            key.as_str(),
            "CreateGrant",
            grant,
            json!({
                "StringEquals": {
                    "kms:GrantConstraintType": "EncryptionContextSubset",
                    "kms:EncryptionContext:tenant": "8",
                },
                "ArnEquals": { "kms:GranteePrincipal": ADA },
                "Bool": { "kms:GrantIsForAWSResource": false },
            }),
        ),
    ];
    check_said(&server, &ada, &rows);
}

#[test]
fn recorded_administration_says_what_it_said() {
    let server = Server::start();
    let ada = server.new_user("ada", "");
    let key = server.new_key();
    let rows = [
        (
            key.as_str(),
            "ScheduleKeyDeletion",
            json!({ "PendingWindowInDays": 7 }),
            json!({ "NumericLessThan": { "kms:ScheduleKeyDeletionPendingWindowInDays": 10 } }),
        ),
        (
            key.as_str(),
            "ScheduleKeyDeletion",
            json!({}),
            json!({ "NumericEquals": { "kms:ScheduleKeyDeletionPendingWindowInDays": 30 } }),
        ),
        (
            key.as_str(),
            "EnableKeyRotation",
            json!({}),
            json!({ "NumericEquals": { "kms:RotationPeriodInDays": 365 } }),
        ),
        (
            key.as_str(),
            "TagResource",
            json!({ "Tags": [{ "TagKey": "team", "TagValue": "blue" }] }),
            json!({ "StringEquals": { "aws:RequestTag/team": "blue" },
                "ForAnyValue:StringEquals": { "aws:TagKeys": "team" } }),
        ),
        (
            key.as_str(),
            "GetKeyPolicy",
            json!({}),
            json!({ "StringEquals": { "kms:PolicyName": "default" } }),
        ),
    ];
    check_said(&server, &ada, &rows);
}

#[test]
fn the_decision_that_denied_is_explained() {
    let server = Server::start();
    let ada = server.new_user("ada", "");
    let (from, to) = (server.new_key(), server.new_key());
    let tenant = |tenant: &str| {
        json!({ "StringEquals": { "kms:EncryptionContext:tenant": tenant,
            "kms:ReEncryptOnSameKey": false } })
    };
    put_policy(&server, &from, &all_but("kms:ReEncryptFrom", &tenant("8")));
    put_policy(&server, &to, &all_but("kms:ReEncryptTo", &tenant("8")));
    for (source, destination, action, key) in
        [("7", "8", "kms:ReEncryptTo", &to), ("8", "7", "kms:ReEncryptFrom", &from)]
    {
        let context = json!({ "tenant": source });
        let input = json!({ "KeyId": from, "Plaintext": "eA==", "EncryptionContext": context });
        let made = server.call("Encrypt", &input).ok();
        let input = json!({
            "CiphertextBlob": made["CiphertextBlob"], "SourceEncryptionContext": context,
            "DestinationKeyId": to, "DestinationEncryptionContext": { "tenant": destination },
        });
        let denied = server.call_as(&ada, "ReEncrypt", &input);
        let story = explained(&server, &denied, "explicitResourcePolicy");
        assert_eq!(story["action"], action);
        assert!(story["resource"].as_str().unwrap().ends_with(key.as_str()), "{story}");
    }
}

#[test]
fn a_session_is_found_in_the_book() {
    let server = Server::start();
    let key = server.new_key();
    server.rest("POST", "/v1/roles", &json!({ "roleName": "app" })).ok();
    let policy = json!({ "policy": "permit (principal, action, resource);" });
    server.rest("PUT", "/v1/roles/app/policies/p", &policy).ok();
    let assume = |more: Value| {
        let mut input = json!({ "sessionName": "blue" });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = server.rest("POST", "/v1/roles/app/sessions", &input).ok();
        crate::fixture::Credentials::of(&answer)
    };
    let input = json!({ "KeyId": key, "Plaintext": "eA==" });
    let look = r#"permit (principal, action == Action::"kms:DescribeKey", resource);"#;
    let limited = assume(json!({ "policy": look }));
    let free = assume(json!({}));
    explained(&server, &server.call_as(&limited, "Encrypt", &input), "implicitSessionPolicy");

    let allowed = server.call_as(&free, "Encrypt", &input);
    let replay = json!({ "requestId": allowed.request_id() });
    let verdict = ask(&server, "explain", &replay)["story"]["verdict"].clone();
    let verdict = verdict.as_str().unwrap();
    assert!(verdict.starts_with("Recorded: allowed at "), "{verdict}");
    assert!(verdict.contains("By the policies of now: Allowed: "), "{verdict}");
    assert!(!verdict.contains("does not agree"), "{verdict}");

    let tagged = assume(json!({ "tags": [{ "key": "team", "value": "red" }] }));
    let deny = r#"permit (principal, action, resource);
        forbid (principal, action == Action::"kms:Encrypt", resource)
        when { context.principalTags.hasTag("team") };"#;
    let bypass = json!({ "KeyId": key, "Policy": deny });
    server.call("PutKeyPolicy", &bypass).ok();
    explained(&server, &server.call_as(&tagged, "Encrypt", &input), "explicitResourcePolicy");
}

#[test]
fn what_cannot_be_explained_is_told() {
    let server = Server::start();
    let ada = server.new_user("ada", "permit (principal, action, resource);");
    let untold = |call: &Response, what: &str| {
        let replay = json!({ "requestId": call.request_id() });
        let answer = server.rest("POST", "/v1/policy/explain", &replay);
        assert_eq!(answer.code(), "ValidationException", "{}", answer.text());
        let message = answer.message();
        assert!(message.starts_with("Recorded: denied (implicitResourcePolicy) at "), "{message}");
        assert!(message.ends_with(what), "{message}");
    };
    let foreign = "arn:aws:kms:eu-central-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let denied = server.call_as(&ada, "DescribeKey", &json!({ "KeyId": foreign }));
    untold(&denied, "The key belongs to account 444455556666, whose policies are not shown here.");

    let role = "arn:aws:iam::444455556666:role/app";
    let form = format!("Action=AssumeRole&Version=2011-06-15&RoleArn={role}&RoleSessionName=blue");
    let request = crate::fixture::raw::Request::new("POST", "/", form)
        .with("content-type", "application/x-www-form-urlencoded");
    let denied = server.send_as(&ada, "sts", &request);
    untold(&denied, "The role belongs to account 444455556666, whose policies are not shown here.");
}

#[test]
fn who_can_and_what_can() {
    let (server, key) = start();
    put_policy(&server, &key, &tenant_policy("7"));
    server.rest("POST", "/v1/roles", &json!({ "roleName": "reader" })).ok();
    let grant = json!({
        "KeyId": key, "GranteePrincipal": "arn:aws:iam::111122223333:role/reader",
        "Operations": ["Decrypt"], "Constraints": { "EncryptionContextEquals": { "a": "b" } },
    });
    server.call("CreateGrant", &grant).ok();
    let who = ask(&server, "who-can", &json!({ "keyId": key, "action": "kms:Decrypt" }));
    let of = |name: &str| {
        let mut found = who["principals"].as_array().unwrap().iter();
        found.find(|one| one["principal"].as_str().unwrap().ends_with(name)).cloned()
    };
    assert_eq!(of(":root").unwrap()["access"], "always");
    assert_eq!(of("user/admin").unwrap()["access"], "always");
    let ada = of("user/ada").unwrap();
    assert_eq!(ada["access"], "conditional");
    assert!(ada["ways"][0]["by"][0].as_str().unwrap().contains("\"Tenant\""), "{ada}");
    let reader = of("role/reader").unwrap();
    assert_eq!(reader["ways"][0]["conditions"], json!(["the encryption context is a=b"]));

    let what = ask(&server, "what-can", &json!({ "principal": ADA, "keyId": key }));
    let of_key = &what["keys"][0];
    assert!(of_key["key_arn"].is_null() && of_key["keyArn"].as_str().unwrap().ends_with(&key));
    assert!(of_key["always"].as_array().unwrap().contains(&json!("kms:DescribeKey")), "{what}");
    assert_eq!(of_key["conditional"], json!(["kms:Decrypt", "kms:Encrypt"]));
    let all = ask(&server, "what-can", &json!({ "principal": ADA }));
    assert!(all["account"]["always"].as_array().unwrap().contains(&json!("kms:ListKeys")));
    assert_eq!(all["auditLog"]["always"], json!([]));

    // Everybody, and another account.
    let open = r#"@sid("Open") permit (principal, action == Action::"kms:Decrypt", resource)
        when { context.secureTransport };
        @sid("Partner") permit (principal in Account::"444455556666", action, resource);"#;
    let bypass = json!({ "KeyId": key, "Policy": open, "BypassPolicyLockoutSafetyCheck": true });
    server.call("PutKeyPolicy", &bypass).ok();
    let who = ask(&server, "who-can", &json!({ "keyId": key, "action": "kms:Decrypt" }));
    let others = who["others"].as_array().unwrap();
    assert_eq!(others[0]["who"], "everybody");
    assert_eq!(others[0]["conditions"], json!(["context.secureTransport"]));
    assert_eq!(others[1]["who"], "account 444455556666");
}

/// The key of another account is not there, whoever asks.
#[test]
fn only_the_own_account_is_asked_about() {
    let (server, _) = start();
    let key = "arn:aws:kms:eu-central-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let request = json!({ "principal": ADA, "action": "kms:Decrypt", "keyId": key });
    let answer = server.rest("POST", "/v1/policy/explain", &request);
    let message = "The key belongs to account 444455556666, whose policies are not shown here.";
    assert_eq!(answer.message(), message);
}

/// The account administers, and ada decrypts for nobody's tenant.
fn tests_of(decision: &str) -> Value {
    json!([{ "name": "ada decrypts for 7", "decision": decision,
        "request": { "principal": ADA, "action": "kms:Decrypt" },
        "encryptionContext": { "tenant": "7" } }])
}

#[test]
fn tests_stay_with_a_key() {
    let (server, key) = start();
    let path = format!("/v1/keys/{key}/policy");
    let put = |policy: &str, more: Value| {
        let mut input = json!({ "policy": policy });
        for (name, value) in more.as_object().unwrap() {
            input[name] = value.clone();
        }
        server.rest("PUT", &path, &input)
    };
    let failing = put(&tenant_policy("7"), json!({ "tests": tests_of("deny") }));
    assert_eq!(failing.code(), "MalformedPolicyDocumentException");
    assert!(failing.message().contains("\"ada decrypts for 7\""), "{}", failing.message());
    assert_eq!(put(&tenant_policy("7"), json!({ "tests": tests_of("allow") })).ok()["tests"], 1);
    let held = server.rest("GET", &path, &Value::Null).ok();
    assert_eq!(held["tests"], tests_of("allow"));
    assert_eq!(held["policy"], tenant_policy("7"));

    // Through AWS's own API as well.
    let changed = |tenant: &str| json!({ "KeyId": key, "Policy": tenant_policy(tenant) });
    let refused = server.call("PutKeyPolicy", &changed("8"));
    assert_eq!(refused.code(), "MalformedPolicyDocumentException");
    assert!(refused.message().contains("fails the test \"ada decrypts for 7\""));
    server.call("PutKeyPolicy", &changed("7")).ok();
    assert_eq!(put(&tenant_policy("8"), json!({})).code(), "MalformedPolicyDocumentException");

    // They hold after a restart, and go when they are taken away.
    let server = server.restart(Options::default());
    let refused = server.call("PutKeyPolicy", &changed("8"));
    assert_eq!(refused.code(), "MalformedPolicyDocumentException");
    let input = json!({ "policy": tenant_policy("8"), "tests": [] });
    assert_eq!(server.rest("PUT", &path, &input).ok()["tests"], 0);
    server.call("PutKeyPolicy", &changed("9")).ok();

    // What is no list of tests is refused, and so is whoever may not put.
    let input = json!({ "policy": tenant_policy("9"), "tests": { "a": 1 } });
    let answer = server.rest("PUT", &path, &input);
    assert_eq!(answer.code(), "MalformedPolicyDocumentException");
}

/// What is taken away fills the list of differences before what is given is found.
#[test]
fn a_policy_that_was_not_compared_to_the_end_may_be_wider() {
    let (server, key) = start();
    let users: Vec<String> = (0..24).map(|number| format!("user{number:02}")).collect();
    users.iter().for_each(|name| drop(server.new_user(name, "")));
    let policy = |users: &[String], action: &str| {
        let arns = users.iter().map(|name| format!("arn:aws:iam::{ACCOUNT}:user/{name}"));
        json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Principal": { "AWS": ACCOUNT }, "Action": "kms:*",
              "Resource": "*" },
            { "Effect": "Allow", "Principal": { "AWS": arns.collect::<Vec<_>>() },
              "Action": action, "Resource": "*" }]})
        .to_string()
    };
    put_policy(&server, &key, &policy(&users[..23], "kms:Decrypt"));
    let input = json!({ "policy": policy(&users[23..], "kms:Encrypt"), "noWider": true });
    let refused = server.rest("PUT", &format!("/v1/keys/{key}/policy"), &input);
    assert_eq!(refused.code(), "MalformedPolicyDocumentException");
}

#[test]
fn a_wider_policy_is_refused_if_so_wished() {
    let (server, key) = start();
    put_policy(&server, &key, &tenant_policy("7"));
    let put = |policy: String| {
        let input = json!({ "policy": policy, "noWider": true });
        server.rest("PUT", &format!("/v1/keys/{key}/policy"), &input)
    };
    let same = put(tenant_policy("7")).ok();
    assert!(same["requestsCompared"].as_u64().unwrap() > 0);
    let wider = put(tenant_policy("8"));
    assert_eq!(wider.code(), "MalformedPolicyDocumentException");
    assert!(wider.message().contains("encryption context tenant=8"), "{}", wider.message());
    let diff = json!({ "keyId": key, "new": tenant_policy("8") });
    let found = ask(&server, "diff", &diff);
    let examples = found["examples"].as_array().unwrap();
    assert_eq!(examples.len(), 2, "{found}");
    // Each example is a request that can be explained.
    for example in examples {
        let request = json!({
            "principal": example["principal"], "action": example["action"], "keyId": key,
            "encryptionContext": example["encryptionContext"], "policy": tenant_policy("8"),
        });
        let answer = ask(&server, "simulate", &request);
        assert_eq!(answer["simulated"]["allowed"], example["becomesAllowed"], "{answer}");
    }
}
