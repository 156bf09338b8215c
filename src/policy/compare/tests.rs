use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Difference, Example};
use crate::base::arn::KeyArn;
use crate::base::clock::{Clock, Deadline, ManualClock};
use crate::base::limits::COMPARED_WISHES;
use crate::policy::document::Document;
use crate::policy::fixture::*;
use crate::policy::stand_in::{AnyPrincipal, StandInKey};

const ALICE: &str = "arn:aws:iam::111122223333:user/alice";

fn document(text: &str) -> Arc<Document> {
    ENGINE.compile_key_policy(text, &AnyPrincipal).unwrap()
}

fn json_policy(statements: Value) -> String {
    let mut policy = json!({ "Version": "2012-10-17" });
    policy["Statement"] = statements;
    policy.to_string()
}

fn compare(old: &str, new: &str) -> Difference {
    let key = StandInKey::new(KeyArn::parse(KEY_ARN).unwrap());
    let (old, new) = (document(old), document(new));
    within(&old, &new, &key, Duration::from_secs(1))
}

fn within(
    old: &Arc<Document>,
    new: &Arc<Document>,
    key: &StandInKey,
    time: Duration,
) -> Difference {
    let clock = ManualClock::at(1_000);
    let deadline = Deadline::after(&clock, time);
    ENGINE.compare(old, new, key.with(old), clock.now_ms(), deadline).unwrap()
}

#[test]
fn no_time_is_no_answer() {
    let key = StandInKey::new(KeyArn::parse(KEY_ARN).unwrap());
    let (old, new) = (
        document("permit (principal, action, resource);"),
        document("forbid (principal, action, resource);"),
    );
    assert!(!within(&old, &new, &key, Duration::from_secs(1)).examples.is_empty());
    let found = within(&old, &new, &key, Duration::ZERO);
    assert!(found.examples.is_empty() && !found.complete, "{found:?}");
}

/// The only example.
#[track_caller]
fn one(old: &str, new: &str) -> Example {
    let found = compare(old, new);
    assert_eq!(found.examples.len(), 1, "{found:?}");
    found.examples.into_iter().next().unwrap()
}

fn allow(who: &str, action: &str, condition: Value) -> Value {
    let mut statement = json!({
        "Effect": "Allow", "Principal": { "AWS": who }, "Action": action, "Resource": "*",
    });
    if !condition.is_null() {
        statement["Condition"] = condition;
    }
    statement
}

#[test]
fn equal_policies_do_not_differ() {
    let policy = json_policy(json!([allow(HOME, "kms:*", Value::Null)]));
    let cedar = document(&policy).to_cedar();
    let found = compare(&policy, &cedar);
    assert!(found.examples.is_empty() && found.complete && found.requests > 10, "{found:?}");
}

#[test]
fn another_principal_or_action_is_found() {
    let account = allow(HOME, "kms:*", Value::Null);
    let old = json_policy(json!([account]));
    let new = json_policy(json!([account, allow(ALICE, "kms:Sign", Value::Null)]));
    let wider = one(&old, &new);
    assert!(wider.becomes_allowed && !wider.identity_allows);
    assert_eq!((wider.principal.as_str(), wider.action.as_str()), (ALICE, "kms:Sign"));
    assert!(!one(&new, &old).becomes_allowed);

    // Nobody is named, and somebody abroad is found.
    let open = json_policy(json!([account, allow("*", "kms:Verify", Value::Null)]));
    let found = compare(&old, &open);
    assert!(found.examples.iter().any(|example| example.principal.contains("999999999999")));
}

#[test]
fn another_condition_is_found() {
    let tenant = |tenant: &str| {
        let condition = json!({ "StringLike": { "kms:EncryptionContext:Tenant": tenant } });
        json_policy(json!([allow(ALICE, "kms:Decrypt", condition)]))
    };
    let wider = one(&tenant("acme"), &tenant("acme*"));
    assert_eq!(wider.encryption_context["Tenant"], "acmex");
    let near = |cidr: &str| {
        let condition = json!({ "IpAddress": { "aws:SourceIp": cidr } });
        json_policy(json!([allow(ALICE, "kms:Decrypt", condition)]))
    };
    let wider = one(&near("192.0.2.0/24"), &near("192.0.0.0/16"));
    assert_eq!(wider.conditions["aws:SourceIp"], "192.0.0.0");
    let in_cedar = |condition: &str| {
        format!("permit (principal, action == Action::\"kms:Sign\", resource) {condition};")
    };
    let via = "when { context has viaService && context.viaService == \"a\" }";
    let found = compare(&in_cedar(via), &in_cedar(""));
    assert!(found.examples.iter().all(|example| example.becomes_allowed));
    assert!(!found.examples.is_empty());
    let found = compare(&in_cedar(""), &in_cedar(via));
    assert!(found.examples.iter().all(|example| !example.becomes_allowed));
}

#[test]
fn a_search_has_an_end_and_says_so() {
    let many: Vec<String> = (0..40)
        .map(|n| {
            format!(
                "permit (principal, action == Action::\"kms:Sign\", resource) when {{ \
                 context.encryptionContext.hasTag(\"k{n}\") && \
                 context.encryptionContext.getTag(\"k{n}\") == \"v\" }};"
            )
        })
        .collect();
    let found = compare(&many.join("\n"), &many[..39].join("\n"));
    assert!(!found.complete);
    let example = &found.examples[0];
    assert_eq!(example.encryption_context["k39"], "v");
}

/// What the principal or the key says by itself is not varied, and said to be so.
#[test]
fn what_is_not_varied_is_said() {
    let condition = json!({ "StringEquals": { "kms:KeySpec": "RSA_2048" } });
    let policy = json_policy(json!([allow(ALICE, "kms:Sign", condition)]));
    assert_eq!(compare(&policy, &policy).not_varied, ["kms:KeySpec"]);
}

/// A thousand condition keys: what is looked at is bounded before any time is taken.
#[test]
fn thousands_of_keys_are_not_combined() {
    let policy = |value: &str| {
        let conditions: serde_json::Map<_, _> =
            (0..700).map(|n| (format!("kms:EncryptionContext:{n}"), json!(value))).collect();
        json_policy(json!([{
            "Effect": "Allow", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*",
            "Condition": { "StringEquals": conditions },
        }]))
    };
    let found = compare(&policy("a"), &policy("b"));
    assert!(!found.complete);
    assert_eq!(found.not_varied.len(), 700 - COMPARED_WISHES);
}
