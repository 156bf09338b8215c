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
    assert_eq!(story["action"], "kms:Encrypt");
    assert_eq!(story["request"]["encryption context tenant"], "8");
    assert!(story["verdict"].as_str().unwrap().contains("statement 1 (\"Tenant\")"), "{story}");

    // The policy changes; the book knows the one of then.
    put_policy(&server, &key, &tenant_policy("8"));
    assert_eq!(ask(&server, "explain", &replay)["story"]["allowed"], true);
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
    assert_eq!(answer.code(), "NotFoundException");
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
