//! What is allowed in a policy and yet seldom meant.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use cedar_policy::{ActionConstraint, Effect, PrincipalConstraint};
use serde::Serialize;
use serde_json::Value;

use super::condition_key::ConditionKey;
use super::document::{Document, Form, Rule, Usage};
use super::explain::ScopePart;
use super::explain::{clause, naming};
use super::fact::Kind;

/// Something to look at again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// Position of the statement, counted from 0; `None` for the whole policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// Which rule finds it, in a word.
    pub rule: &'static str,
    pub text: String,
}

impl Document {
    /// What the document says that is seldom meant, by statement.
    #[must_use]
    pub fn lint(&self) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self
            .warnings()
            .iter()
            .map(|warning| Finding {
                statement: Some(warning.statement),
                sid: warning.sid.clone(),
                rule: "no-effect",
                text: warning.text.clone(),
            })
            .collect();
        for rule in self.rules() {
            findings.extend(everybody(self.usage(), rule));
            findings.extend(administrator(self, rule));
            findings.extend(shadowed(self, rule));
        }
        findings.extend(no_delegation(self));
        if self.form() == Form::Json
            && let Ok(json) = serde_json::from_str(self.text())
        {
            findings.extend(in_json(&json));
        }
        findings.sort();
        findings.dedup();
        findings
    }
}

fn finding(of: &Rule, rule: &'static str, text: String) -> Finding {
    Finding { statement: Some(of.statement), sid: of.sid.clone(), rule, text }
}

/// A statement that allows whoever asks, in any account.
fn everybody(usage: Usage, rule: &Rule) -> Option<Finding> {
    let allows = rule.policy.effect() == Effect::Permit;
    let any = rule.policy.principal_constraint() == PrincipalConstraint::Any;
    let free = clause::conjuncts(rule).is_empty();
    (allows && any && free && usage != Usage::Identity).then(|| {
        let text = "allows everybody, of every account, without any condition";
        finding(rule, "everybody", text.to_owned())
    })
}

/// Everything with the key, for somebody who is not the account.
fn administrator(document: &Document, rule: &Rule) -> Option<Finding> {
    let all = match rule.policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(uid) => uid.id().unescaped() == "kms:*",
        ActionConstraint::In(uids) => uids.iter().any(|uid| uid.id().unescaped() == "kms:*"),
    };
    let allows = rule.policy.effect() == Effect::Permit && document.usage() == Usage::KeyPolicy;
    let who = match rule.policy.principal_constraint() {
        PrincipalConstraint::Eq(uid) => {
            Some(uid).filter(|uid| uid.type_name().basename() != "Root")
        }
        PrincipalConstraint::In(uid) => Some(uid).filter(|uid| {
            let trusts =
                clause::conjuncts(rule).iter().any(|one| clause::is_delegation(&one.clause));
            uid.type_name().basename() != "Account" || !trusts
        }),
        _ => None,
    };
    (allows && all && who.is_some()).then(|| {
        let who = naming::scope(document, rule, ScopePart::Principal).join(", ");
        let text = format!("allows every action on the key, its policy included, to {who}");
        finding(rule, "all-actions", text)
    })
}

/// An allowance of what another statement forbids to everybody.
fn shadowed(document: &Document, rule: &Rule) -> Option<Finding> {
    if rule.policy.effect() != Effect::Permit {
        return None;
    }
    let covers = |other: &&Rule| {
        other.policy.effect() == Effect::Forbid
            && other.policy.principal_constraint() == PrincipalConstraint::Any
            && clause::conjuncts(other).is_empty()
            && other.policy.resource_constraint() == rule.policy.resource_constraint()
            && rule.scope.actions.is_subset(&other.scope.actions)
    };
    let by = document.rules().iter().find(covers)?;
    let text = format!("never has an effect: statement {} forbids it to everybody", by.statement);
    Some(finding(rule, "shadowed", text))
}

/// A key policy that trusts no account with its administration: when those whom
/// it names are gone, nobody can change it.
fn no_delegation(document: &Document) -> Option<Finding> {
    let trusts = |rule: &Rule| {
        rule.policy.effect() == Effect::Permit
            && rule.scope.actions.contains(&super::actions::Action::PUT_KEY_POLICY)
            && match rule.policy.principal_constraint() {
                PrincipalConstraint::Eq(uid) => uid.type_name().basename() == "Root",
                PrincipalConstraint::Is(_) | PrincipalConstraint::Any => true,
                _ => clause::conjuncts(rule).iter().any(|one| clause::is_delegation(&one.clause)),
            }
    };
    let is_key_policy = document.usage() == Usage::KeyPolicy && document.form() != Form::Managed;
    (is_key_policy && !document.rules().iter().any(trusts)).then(|| Finding {
        statement: None,
        sid: None,
        rule: "no-delegation",
        text: "no statement trusts the account: identity policies give nobody access, and when \
               those named here are gone nobody can change the policy"
            .to_owned(),
    })
}

/// What is seen in the JSON alone.
fn in_json(policy: &Value) -> Vec<Finding> {
    let statements = match policy.get("Statement") {
        Some(Value::Array(list)) => list.iter().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    };
    let mut findings = Vec::new();
    for (at, statement) in statements.into_iter().enumerate() {
        let sid = statement.get("Sid").and_then(Value::as_str).map(str::to_owned);
        let mut note = |rule, text: String| {
            findings.push(Finding { statement: Some(at), sid: sid.clone(), rule, text });
        };
        let allows = statement.get("Effect").and_then(Value::as_str) == Some("Allow");
        for element in ["NotPrincipal", "NotAction", "NotResource"] {
            if allows && statement.get(element).is_some() {
                let text = format!("allows all but what {element} names, now and later");
                note("allow-not", text);
            }
        }
        let conditions = statement.get("Condition").and_then(Value::as_object);
        for (operator, keys) in conditions.into_iter().flatten() {
            for key in keys.as_object().into_iter().flat_map(|keys| keys.keys()) {
                if let Some(text) = quantified(operator, key, allows) {
                    note("quantifier", text);
                }
            }
        }
    }
    findings
}

/// A quantifier on a key that has one value, or one that holds of nothing.
fn quantified(operator: &str, key: &str, allows: bool) -> Option<String> {
    let quantifier = operator.split_once(':')?.0;
    let many = match ConditionKey::parse(key)? {
        ConditionKey::One { fact, .. } => fact.kind() == Kind::Texts,
        ConditionKey::Member { .. } => false,
        ConditionKey::Absent { .. } => return None,
    };
    if !many {
        return Some(format!("{quantifier} is for keys of several values, and {key} has one"));
    }
    (allows && quantifier.eq_ignore_ascii_case("ForAllValues"))
        .then(|| format!("ForAllValues on {key} also holds when the request has no such value"))
}

/// The names of all rules.
#[must_use]
pub fn rules() -> BTreeSet<&'static str> {
    [
        "all-actions",
        "allow-not",
        "everybody",
        "no-delegation",
        "no-effect",
        "quantifier",
        "shadowed",
    ]
    .into()
}
