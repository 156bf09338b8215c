//! A third opinion: the crate `iam-rs`, which others wrote. Where it does what
//! AWS documents, single conditions have to come out as they do there.
//!
//! Left out, because iam-rs 0.8 does otherwise:
//! - ARN operators: `ArnEquals` compares whole texts without wildcards, and one
//!   `*` of `ArnLike` spans several parts.
//! - Policy variables: one that is missing is replaced by nothing, and the
//!   statement stays.
//! - Prefixes with `IfExists`, and prefixes of other operators than strings: it
//!   has none.
//! - Numeric operators on dates, `StringEquals` on booleans: never true.
//! - Keys in other cases: it tells them apart.
//! - `Null` with several values: it takes one.
//!
//! (`scratchstack-aspen` 0.3 is no help: its negative operators hold of any one
//! value instead of none and not of absent keys, and it has no prefixes.)

use iam_rs::{
    Arn, Context, ContextValue, Decision, IAMPolicy, IAMRequest, Principal, PrincipalId,
    evaluate_policy,
};
use serde_json::{Value, json};

use super::generate::{Dice, condition_alone};
use super::world::World;
use crate::policy::fixture::{KEY_ARN, denied, identity_policy, key_policy};

fn is_comparable(operator: &str, key: &str, values: &Value) -> bool {
    let text = values.to_string();
    let prefixed = operator.contains(':');
    let is_boolean = text.contains("true") || text.contains("false");
    let several_nulls =
        operator == "Null" && values.as_array().is_some_and(|values| values.len() > 1);
    !operator.contains("Arn")
        && !several_nulls
        && !text.contains("${")
        && !(prefixed && (operator.ends_with("IfExists") || !operator.contains(":String")))
        && !(operator.starts_with("Numeric") && (key.contains("Time") || key.contains("ValidTo")))
        && !(operator.contains("String") && is_boolean)
}

fn context(world: &World) -> Context {
    let mut context = Context::new();
    for (key, held) in &world.request().context {
        let lists = ["kms:grantoperations", "kms:encryptioncontextkeys", "kms:resourcealiases"];
        let value = match held.as_slice() {
            [] => continue,
            _ if lists.contains(&key.as_str()) => ContextValue::StringList(held.clone()),
            [flag] if flag == "true" || flag == "false" => ContextValue::Boolean(flag == "true"),
            [one] => ContextValue::String(one.clone()),
            _ => ContextValue::StringList(held.clone()),
        };
        context.insert(key.clone(), value);
    }
    context
}

#[test]
fn another_crate_agrees() {
    let open = key_policy(
        r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS":
        ["111122223333", "444455556666"]}, "Action": "kms:*", "Resource": "*"}}"#,
    );
    let mut compared = 0;
    for seed in 0..300 {
        let dice = &mut Dice(seed);
        let (operator, key, values) = condition_alone(dice);
        if !is_comparable(&operator, &key, &values) {
            continue;
        }
        let policy = |key: &str| {
            json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*",
                "Resource": "*", "Condition": {&operator: {key: &values}}}]})
        };
        let ours = identity_policy(&policy(&key).to_string());
        let Ok(theirs) = serde_json::from_value::<IAMPolicy>(policy(&key.to_lowercase())) else {
            continue;
        };
        for _ in 0..20 {
            let world = World::draw(dice);
            if !world.needs_identity_policy() {
                continue;
            }
            let alice = "arn:aws:iam::111122223333:user/alice".to_owned();
            let request = IAMRequest::new_with_context(
                Principal::Aws(PrincipalId::String(alice)),
                "kms:Decrypt",
                Arn::parse(KEY_ARN).unwrap(),
                context(&world),
            );
            let Ok(want) = evaluate_policy(&theirs, &request) else { continue };
            let got = world.ask(&open, std::slice::from_ref(&ours));
            assert_eq!(
                denied(&got).is_none(),
                want == Decision::Allow,
                "{seed}: {operator} {key} {values}\n{:?}",
                request.context
            );
            compared += 1;
        }
    }
    assert!(compared > 1_000, "{compared}");
}
