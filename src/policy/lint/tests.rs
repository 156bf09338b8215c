use serde_json::json;

use crate::policy::fixture::*;
use crate::policy::stand_in::AnyPrincipal;

/// The rules that find something, each once.
#[track_caller]
fn check(policy: &str, want: &[&str]) {
    let document = ENGINE.compile_key_policy(policy, &AnyPrincipal).unwrap();
    let mut found: Vec<_> = document.lint().into_iter().map(|finding| finding.rule).collect();
    found.sort_unstable();
    found.dedup();
    assert_eq!(found, want, "{:#?}", document.lint());
    assert!(found.iter().all(|rule| super::rules().contains(rule)));
}

fn with_account(statement: &serde_json::Value) -> String {
    json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": { "AWS": HOME }, "Action": "kms:*", "Resource": "*" },
        statement,
    ]})
    .to_string()
}

#[test]
fn what_is_seldom_meant_is_found() {
    let alice = "arn:aws:iam::111122223333:user/alice";
    let statement = |principal: serde_json::Value, action: &str| json!({ "Effect": "Allow", "Principal": principal, "Action": action, "Resource": "*" });
    check(&with_account(&statement(json!({ "AWS": alice }), "kms:Decrypt")), &[]);
    check(&with_account(&statement(json!("*"), "kms:Decrypt")), &["everybody"]);
    check(&with_account(&statement(json!({ "AWS": alice }), "kms:*")), &["all-actions"]);
    let mut not_action = statement(json!({ "AWS": alice }), "kms:Sign");
    not_action.as_object_mut().unwrap().remove("Action");
    not_action["NotAction"] = json!("kms:Decrypt");
    check(&with_account(&not_action), &["allow-not"]);
    let mut quantified = statement(json!({ "AWS": alice }), "kms:Decrypt");
    quantified["Condition"] =
        json!({ "ForAllValues:StringEquals": { "kms:EncryptionContextKeys": "a" } });
    check(&with_account(&quantified), &["quantifier"]);
    let deny = json!({ "Effect": "Deny", "Principal": "*", "Action": "kms:Sign", "Resource": "*" });
    let both = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": { "AWS": HOME }, "Action": "kms:*", "Resource": "*" },
        statement(json!({ "AWS": alice }), "kms:Sign"), deny,
    ]});
    check(&both.to_string(), &["shadowed"]);
    check(
        "permit (principal == User::\"a\", action == Action::\"kms:Sign\", resource);",
        &["no-delegation"],
    );
    let absent = json!({ "StringEquals": { "aws:SourceVpce": "vpce-1" } });
    let mut never = statement(json!({ "AWS": alice }), "kms:Sign");
    never["Condition"] = absent;
    check(&with_account(&never), &["no-effect"]);
}
