//! The same comparison for attributes of items, whose ARNs hold slashes, and whose
//! condition keys are our own.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::evaluator::{Context, Request};
use super::generate::Dice;
use crate::policy::actions::Action;
use crate::policy::decision::DenialKind;
use crate::policy::fact::{Fact, Said};
use crate::policy::fixture::{ENGINE, HOME, account, caller, denied, user};
use crate::policy::grant::NoGrants;
use crate::policy::question::{Question, RequestFacts, Resource, Standing};

const ACTIONS: &[&str] = &[
    "*",
    "items:*",
    "items:DecryptAttribute",
    "items:decryptattribute*",
    "items:DecryptAttributeMasked",
    "items:Decrypt*",
    "items:DecryptItem",
];
const RESOURCES: &[&str] = &[
    "*",
    "arn:aws:items::111122223333:schema/*",
    "arn:aws:items::111122223333:schema/people",
    "arn:aws:items::111122223333:schema/people*",
    "arn:aws:items::111122223333:schema/people/*",
    "arn:aws:items::111122223333:schema/people/attribute/*",
    "arn:aws:items::111122223333:schema/people/attribute/ssn",
    "arn:aws:items::111122223333:schema/people/attribute/s?n",
    "arn:aws:items::111122223333:schema/people/attribute/attribute/ssn",
    "arn:aws:items::111122223333:schema/*/attribute/ssn",
    "arn:aws:items::111122223333:schema/*ssn",
    "arn:aws:items::111122223333:schema/${aws:username}/attribute/*",
    "arn:aws:items::111122223333:schema/people${*}",
    "arn:aws:items::111122223333:*",
    "arn:aws:items::444455556666:schema/*",
    "arn:aws:items:*:*:schema/people/attribute/*",
    "arn:aws:*:*:*:*",
    "arn:aws:iam::111122223333:user/*",
];
const SCHEMAS: &[&str] = &["people", "people2", "alice"];
const NAMES: &[&str] = &["ssn", "SSN", "sin", "attribute/ssn", "x/attribute/ssn", "s?n", "a*"];
const LABELS: &[&str] = &["pii", "PII", "finance"];
const PURPOSES: &[&str] = &["fraud-review", "Fraud-Review", "support"];
const WANTED: &[&str] = &["pii", "p*", "finance", "fraud-review", "fraud*", "", "${aws:username}"];
const OPERATORS: &[&str] = &["StringEquals", "StringNotEquals", "StringLike", "StringNotLike"];

fn conditions(dice: &mut Dice) -> Map<String, Value> {
    let mut operators = Map::new();
    for _ in 0..dice.below(3) {
        let of_labels = dice.one_in(2);
        let key = if of_labels { "items:AttributeLabels" } else { "items:Purpose" };
        let operator = match (dice.one_in(8), of_labels) {
            (true, _) => "Null".to_owned(),
            (_, false) => dice.pick(OPERATORS).to_owned(),
            (_, true) => {
                let quantifier = dice.pick(&["ForAnyValue", "ForAllValues"]);
                format!("{quantifier}:{}", dice.pick(OPERATORS))
            }
        };
        let values: Value = match operator.as_str() {
            "Null" => json!(dice.pick(&["true", "false"])),
            _ => (0..=dice.below(2)).map(|_| json!(dice.pick(WANTED))).collect(),
        };
        let suffix = if operator != "Null" && dice.one_in(6) { "IfExists" } else { "" };
        operators.insert(format!("{operator}{suffix}"), json!({ key: values }));
    }
    operators
}

fn policy(dice: &mut Dice) -> Value {
    let statements: Vec<Value> = (0..=dice.below(3))
        .map(|_| {
            let resources: Value =
                (0..=dice.below(2)).map(|_| json!(dice.pick(RESOURCES))).collect();
            let mut statement = json!({
                "Effect": if dice.one_in(3) { "Deny" } else { "Allow" },
                "Action": dice.pick(ACTIONS), "Resource": resources,
            });
            let conditions = conditions(dice);
            if !conditions.is_empty() {
                statement["Condition"] = conditions.into();
            }
            statement
        })
        .collect();
    json!({ "Version": "2012-10-17", "Statement": statements })
}

#[test]
fn the_obvious_evaluator_agrees_on_attributes() {
    let home = account(HOME);
    let trusts = json!({ "Statement": [
        { "Effect": "Allow", "Principal": { "AWS": HOME }, "Action": "*", "Resource": "*" } ] });
    let (mut refused, mut allowed) = (0, 0);
    for seed in 0..80 {
        let dice = &mut Dice(seed);
        let identity = policy(dice);
        let Ok(document) = ENGINE.compile_identity_policy(&identity.to_string()) else {
            refused += 1;
            continue;
        };
        let standing = Standing::with_policies(vec![document]);
        for _ in 0..50 {
            let (schema, name) = (dice.pick(SCHEMAS), dice.pick(NAMES));
            let labels: BTreeSet<String> =
                LABELS.iter().filter(|_| dice.one_in(3)).map(|one| (*one).to_owned()).collect();
            let action = dice.pick(&[Action::DECRYPT_ATTRIBUTE, Action::DECRYPT_ATTRIBUTE_MASKED]);
            let purpose = dice.maybe(PURPOSES);
            let mut context = Context::from([
                ("aws:username".to_owned(), vec!["alice".to_owned()]),
                ("items:attributelabels".to_owned(), labels.iter().cloned().collect()),
            ]);
            let mut said = Said::new();
            if let Some(purpose) = purpose {
                context.insert("items:purpose".to_owned(), vec![purpose.to_owned()]);
                said.say(Fact::Purpose, purpose.into());
            }
            let resource = Resource::Attribute { account: &home, schema, name, labels: &labels };
            let request = Request {
                itself: vec!["arn:aws:iam::111122223333:user/alice".to_owned()],
                account: HOME.to_owned(),
                is_root: false,
                action: action.as_str(),
                resource: resource.label(),
                context,
            };
            let want = request.decide(&trusts, std::slice::from_ref(&identity));
            let decision = ENGINE.decide(&Question {
                caller: &caller(user(HOME, "alice")),
                action,
                resource,
                standing: &standing,
                grants: &NoGrants,
                request: &RequestFacts { said: &said, ..RequestFacts::default() },
            });
            let got = match denied(&decision) {
                None => Ok(true),
                Some(kind @ DenialKind::ExplicitIdentity) => Err(kind),
                Some(DenialKind::FailedClosed) => panic!("{seed}: {:?}", decision.explanation),
                Some(_) => Ok(false),
            };
            assert_eq!(
                got, want,
                "seed {seed}\n{identity:#}\n{} {action} {:?}",
                request.resource, request.context
            );
            allowed += usize::from(got == Ok(true));
        }
    }
    assert!(refused < 8, "{refused} policies were refused");
    assert!(allowed > 200, "{allowed}");
}
