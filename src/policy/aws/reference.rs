//! A second evaluator of JSON policies: slow, obvious, without Cedar, straight
//! from the text of AWS's documentation. Random policies and requests have to
//! come out as they do in the engine.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::base::arn::{Arn, KeyArn};
use crate::base::caller::Principal;
use crate::policy::actions::{Action, ResourceKind};
use crate::policy::decision::DenialKind;
use crate::policy::fixture::*;
use crate::policy::principal::{PrincipalDirectory, PrincipalId};
use crate::policy::question::RequestFacts;

/// How a statement's `Principal` fits the caller.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    No,
    /// By its account.
    Account,
    /// By itself.
    Itself,
}

struct Request<'a> {
    caller: &'a Principal,
    action: &'a str,
    key: &'a str,
    directory: &'a BTreeMap<String, PrincipalId>,
}

impl Request<'_> {
    /// Whether the call is allowed; `Err` names the side that forbids it.
    fn decide(&self, key_policy: &Value, identity: &[Value]) -> Result<bool, DenialKind> {
        let identity: Vec<&Value> = identity.iter().flat_map(statements).collect();
        let fits = |s: &&&Value| self.action_fits(s) && self.resource_fits(s);
        let identity: Vec<_> = identity.iter().filter(fits).collect();
        if identity.iter().any(|s| s["Effect"] == "Deny") {
            return Err(DenialKind::ExplicitIdentity);
        }
        let root = matches!(self.caller, Principal::Root { .. });
        let identity_allows = root || !identity.is_empty();

        let (mut itself, mut account) = (false, false);
        for statement in statements(key_policy) {
            let fit = self.principal_fits(&statement["Principal"]);
            if fit == Fit::No || !self.action_fits(statement) || !self.resource_fits(statement) {
                continue;
            }
            if statement["Effect"] == "Deny" {
                return Err(DenialKind::ExplicitResourcePolicy);
            }
            itself |= fit == Fit::Itself;
            account |= fit == Fit::Account;
        }
        let foreign = self.caller.account() != &KeyArn::parse(self.key).unwrap().account;
        if foreign && !Action::find(self.action).unwrap().crosses_accounts() {
            return Ok(false);
        }
        Ok(if foreign || !itself { (itself || account) && identity_allows } else { true })
    }

    fn principal_fits(&self, principal: &Value) -> Fit {
        if principal == "*" {
            return Fit::Itself;
        }
        let named = texts(&principal["AWS"]);
        named.map(|named| self.one_principal_fits(named)).max().unwrap_or(Fit::No)
    }

    fn one_principal_fits(&self, named: &str) -> Fit {
        let account = self.caller.account().as_str();
        if named == "*" {
            return Fit::Itself;
        }
        if named == account || named == format!("arn:aws:iam::{account}:root") {
            let root = matches!(self.caller, Principal::Root { .. });
            return if root { Fit::Itself } else { Fit::Account };
        }
        let itself = match self.caller {
            Principal::User { unique_id, .. } => {
                self.directory.resolve(named) == Some(PrincipalId::User(unique_id.clone()))
            }
            Principal::RoleSession { role_id, .. } => {
                named == self.caller.to_string()
                    || self.directory.resolve(named) == Some(PrincipalId::Role(role_id.clone()))
            }
            _ => false,
        };
        if itself { Fit::Itself } else { Fit::No }
    }

    fn action_fits(&self, statement: &Value) -> bool {
        let action = self.action.to_lowercase();
        texts(&statement["Action"]).any(|pattern| glob(&pattern.to_lowercase(), &action))
    }

    fn resource_fits(&self, statement: &Value) -> bool {
        let key = Arn::parse(self.key).unwrap();
        texts(&statement["Resource"]).any(|pattern| {
            pattern == "*"
                || Arn::parse(pattern).is_some_and(|arn| {
                    glob(arn.partition, key.partition)
                        && glob(arn.service, key.service)
                        && glob(arn.region, key.region)
                        && glob(arn.account, key.account)
                        && glob(arn.resource, key.resource)
                })
        })
    }
}

fn statements(policy: &Value) -> impl Iterator<Item = &Value> {
    policy["Statement"].as_array().unwrap().iter()
}

/// A string, or a list of strings, or nothing.
fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let list = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    list.iter().filter_map(Value::as_str)
}

fn glob(pattern: &str, text: &str) -> bool {
    fn fits(pattern: &[u8], text: &[u8]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((b'*', rest)) => (0..=text.len()).any(|at| fits(rest, &text[at..])),
            Some((c, rest)) => {
                text.first().is_some_and(|t| *c == b'?' || c == t) && fits(rest, &text[1..])
            }
        }
    }
    fits(pattern.as_bytes(), text.as_bytes())
}

fn one_of(texts: &[&str]) -> impl Strategy<Value = String> + use<> {
    prop::sample::select(texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
}

/// One string, or a list of them.
fn some_of(texts: &[&str]) -> impl Strategy<Value = Value> + use<> {
    let (one, list) = (one_of(texts), prop::collection::vec(one_of(texts), 1..3));
    prop_oneof![one.prop_map(Value::String), list.prop_map(|list| json!(list))]
}

fn principal() -> impl Strategy<Value = Value> {
    let named = some_of(&[
        "*",
        HOME,
        ABROAD,
        "arn:aws:iam::111122223333:root",
        "arn:aws:iam::111122223333:user/alice",
        "arn:aws:iam::111122223333:user/bob",
        "arn:aws:iam::111122223333:role/Admin",
        "arn:aws:iam::444455556666:role/Admin",
        "arn:aws:iam::444455556666:user/alice",
        "arn:aws:sts::111122223333:assumed-role/Admin/a",
    ]);
    prop_oneof![1 => Just(json!("*")), 6 => named.prop_map(|named| json!({"AWS": named}))]
}

fn statement(principal: impl Strategy<Value = Option<Value>>) -> impl Strategy<Value = Value> {
    let effect = prop_oneof![3 => Just("Allow"), 1 => Just("Deny")];
    let action = some_of(&[
        "*",
        "kms:*",
        "kms:Decrypt",
        "KMS:de*",
        "kms:*crypt",
        "kms:?ncrypt",
        "kms:ListKeys",
        "kms:CreateGrant",
        "kms:*Alias",
        "kms:ReEncrypt*",
    ]);
    let resource = some_of(&[
        "*",
        KEY_ARN,
        "arn:aws:kms:*:111122223333:key/*",
        "arn:aws:kms:eu-*:*:key/*ab",
        "arn:aws:kms:us-east-1:111122223333:key/*",
        "arn:aws:kms:*:444455556666:*",
        "arn:aws:kms:*:*:*",
        "arn:aws:kms:eu-central-1:111122223333:alias/x",
        "arn:aws:s3:::bucket",
    ]);
    let parts = (
        effect,
        principal,
        prop::option::weighted(0.9, action),
        prop::option::weighted(0.9, resource),
    );
    parts.prop_map(|(effect, principal, action, resource)| {
        let mut statement = json!({"Effect": effect});
        let optional = [("Principal", principal), ("Action", action), ("Resource", resource)];
        for (name, value) in optional {
            if let Some(value) = value {
                statement[name] = value;
            }
        }
        statement
    })
}

fn policy(statement: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    prop::collection::vec(statement, 1..4)
        .prop_map(|list| json!({"Version": "2012-10-17", "Statement": list}))
}

fn caller() -> impl Strategy<Value = Principal> {
    prop::sample::select(vec![
        root(HOME),
        root(ABROAD),
        user(HOME, "alice"),
        user(HOME, "bob"),
        user(ABROAD, "alice"),
        session(HOME, "a"),
        session(HOME, "b"),
        session(ABROAD, "a"),
    ])
}

fn key_action() -> impl Strategy<Value = Action> {
    let mut actions: Vec<_> = Action::ALL.into_iter().collect();
    actions.retain(|action| action.applies_to(ResourceKind::Key) && action.service() == "kms");
    // Only a grant lets anybody retire it.
    actions.retain(|action| *action != Action::RETIRE_GRANT);
    let often = vec![Action::DECRYPT, Action::ENCRYPT, Action::CREATE_GRANT, Action::CREATE_ALIAS];
    prop_oneof![prop::sample::select(often), prop::sample::select(actions)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn cedar_and_the_obvious_evaluator_agree(
        key in policy(statement(principal().prop_map(Some))),
        identity in prop::collection::vec(policy(statement(Just(None))), 0..3),
        caller in caller(),
        action in key_action(),
    ) {
        let directory = directory();
        let request = Request { caller: &caller, action: action.as_str(), key: KEY_ARN, directory: &directory };
        let want = request.decide(&key, &identity);
        let documents: Vec<_> = identity.iter().map(|policy| identity_policy(&policy.to_string())).collect();
        let decision = ask(caller.clone(), action, &key_policy(&key.to_string()), &documents, &RequestFacts::default());
        let got = match denied(&decision) {
            None => Ok(true),
            Some(kind @ (DenialKind::ExplicitIdentity | DenialKind::ExplicitResourcePolicy)) => Err(kind),
            Some(DenialKind::FailedClosed) => panic!("{:?}", decision.explanation),
            Some(_) => Ok(false),
        };
        prop_assert_eq!(got, want);
    }
}
