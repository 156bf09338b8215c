use serde_json::{Value, json};

use super::{Error, Outcome, Trials};
use crate::base::arn::KeyArn;
use crate::policy::fixture::*;
use crate::policy::stand_in::{AnyPrincipal, StandInKey};

const ALICE: &str = "arn:aws:iam::111122223333:user/alice";

/// Account trusted; alice decrypts for the tenant, in JSON; names are ARNs.
fn policy() -> String {
    json!({ "Version": "2012-10-17", "Statement": [
        { "Sid": "Account", "Effect": "Allow", "Principal": { "AWS": HOME },
          "Action": "kms:*", "Resource": "*" },
        { "Sid": "Tenant", "Effect": "Allow", "Principal": { "AWS": ALICE },
          "Action": "kms:Decrypt", "Resource": "*",
          "Condition": { "StringEquals": { "kms:EncryptionContext:tenant": "acme" } } },
        { "Sid": "Outside", "Effect": "Deny", "Principal": "*",
          "Action": "kms:Decrypt", "Resource": "*",
          "Condition": { "NotIpAddress": { "aws:SourceIp": "192.0.2.0/24" } } },
    ]})
    .to_string()
}

fn run(test: &Value) -> Result<Outcome, Error> {
    let policy = ENGINE.compile_key_policy(&policy(), &AnyPrincipal).unwrap();
    let key = StandInKey::new(KeyArn::parse(KEY_ARN).unwrap());
    let trials = Trials::parse(&json!([test]).to_string())?;
    let outcomes = trials.run(&ENGINE, key.with(&policy), &AnyPrincipal, 1_000)?;
    assert_eq!(outcomes.len(), 1);
    Ok(outcomes.into_iter().next().unwrap())
}

/// A test of alice's decryption, with members added.
fn test(decision: &str, more: Value) -> Value {
    let mut test = json!({
        "name": "t", "decision": decision,
        "request": { "principal": ALICE, "action": "kms:Decrypt",
                     "context": { "sourceIp": "192.0.2.7" } },
    });
    let Value::Object(more) = more else { panic!("{more}") };
    for (name, value) in more {
        test[name] = value;
    }
    test
}

#[track_caller]
fn check(decision: &str, more: Value, failure: &str) {
    let outcome = run(&test(decision, more)).unwrap();
    assert_eq!(outcome.passed, failure.is_empty(), "{outcome:?}");
    assert!(outcome.failure.contains(failure), "{outcome:?}");
}

#[test]
fn decisions_and_reasons() {
    let tenant = json!({ "tenant": "acme" });
    check("allow", json!({ "encryptionContext": tenant, "reason": ["Tenant"] }), "");
    check("allow", json!({ "encryptionContext": tenant, "reason": ["policy1"] }), "");
    check(
        "allow",
        json!({ "encryptionContext": tenant, "reason": ["Account"] }),
        "\"Account\" was wanted as a reason",
    );
    check("deny", json!({}), "");
    check("allow", json!({}), "allow was wanted: Denied: ");
    check("deny", json!({ "encryptionContext": tenant }), "deny was wanted: Allowed: ");
    check("deny", json!({ "num_errors": 1 }), "1 errors were wanted");
}

#[test]
fn requests_in_all_their_forms() {
    let tenant = json!({ "tenant": "acme" });
    let request = |principal: &str, context: Value| {
        json!({ "encryptionContext": tenant, "request": {
            "principal": principal, "action": "Action::\"kms:Decrypt\"",
            "resource": format!("Key::\"{KEY_ARN}\""), "context": context,
        }})
    };
    let here = json!({ "sourceIp": { "__extn": { "fn": "ip", "arg": "192.0.2.9" } } });
    check("allow", request(ALICE, here.clone()), "");
    check("allow", request(&format!("User::\"{ALICE}\""), here.clone()), "");
    check("allow", request(&format!("Root::\"{HOME}\""), here.clone()), "");
    check("deny", request(ALICE, json!({ "aws:SourceIp": "198.51.100.1" })), "");
    let bob = "arn:aws:iam::111122223333:user/bob";
    check("deny", request(bob, here.clone()), "");
    let trusted = json!({ "aws:SourceIp": "192.0.2.1", "iamAllows": true });
    check("allow", request(bob, trusted), "");
    let mut granted = request(bob, here);
    granted["grants"] = json!([{ "operations": ["Decrypt"] }]);
    check("allow", granted.clone(), "");
    granted["grants"] =
        json!([{ "operations": ["Decrypt"], "encryptionContextEquals": { "a": "b" } }]);
    check("deny", granted, "");
}

#[test]
fn what_cannot_be_asked_is_said() {
    for (more, reason) in [
        (json!({ "decision": "maybe" }), "not JSON of the form"),
        (json!({ "desicion": "deny" }), "not JSON of the form"),
        (json!({ "request": { "principal": "bob", "action": "kms:Decrypt" } }), "principal: "),
        (json!({ "request": { "principal": ALICE, "action": "kms:Decypt" } }), "action: "),
        (json!({ "request": { "principal": ALICE, "action": "kms:CreateKey" } }), "action: "),
        (
            json!({ "request": { "principal": ALICE, "action": "kms:Decrypt", "resource": "x" } }),
            "resource: ",
        ),
        (
            json!({ "request": { "principal": ALICE, "action": "kms:Decrypt",
                                 "context": { "sourceAddress": "x" } } }),
            "context: \"sourceAddress\"",
        ),
        (
            json!({ "request": { "principal": ALICE, "action": "kms:Decrypt",
                                 "context": { "sourceIp": "x" } } }),
            "wants an IP address",
        ),
    ] {
        let error = run(&test("deny", more)).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
    assert!(matches!(Trials::parse("{}"), Err(Error::Form(_))));
    assert!(matches!(Trials::parse(&"[".repeat(100_000)), Err(Error::TooLong)));
    assert!(Trials::parse(&"[".repeat(10_000)).is_err());
}
