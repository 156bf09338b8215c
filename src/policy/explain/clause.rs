//! The conditions of one policy, one by one.

use std::collections::BTreeMap;
use std::sync::Arc;

use cedar_policy::pst::{
    self, ActionConstraint, BinaryOp, Clause, Effect, Expr, Literal, PolicyID, PrincipalConstraint,
    ResourceConstraint, StaticPolicy, Template, Var,
};
use cedar_policy::{Authorizer, Decision, Entities, EvalResult, Policy, PolicySet, Request};

use super::ClauseStory;
use super::reach::{is_of_principal, is_of_resource};
use crate::base::limits::{ECHOED_CHARS, EXPLAINED_VALUES};
use crate::base::timestamp;
use crate::policy::condition_key::ConditionKey;
use crate::policy::document::Rule;
use crate::policy::expression::children;
use crate::policy::fact::{Fact, Value};
use crate::policy::facts::Facts;
use crate::policy::label::Label;

/// What came out of all conditions of a policy.
pub(super) enum Conditions {
    Hold,
    /// Those that do not; never empty.
    Fail(Vec<Failed>),
    Error {
        clause: String,
        error: String,
    },
}

/// A condition that does not hold.
pub(super) struct Failed {
    pub(super) story: ClauseStory,
    /// Whether it is `context.iamAllows` alone.
    pub(super) is_delegation: bool,
}

/// One condition of a policy.
pub(in crate::policy) struct Conjunct {
    /// What it says in the words of the document, if that is not Cedar.
    label: Option<Label>,
    pub(in crate::policy) clause: Clause,
}

/// The conditions of a policy, each of which must hold: those of JSON as they
/// are written, those of Cedar with chains of `&&` taken apart.
pub(in crate::policy) fn conjuncts(rule: &Rule) -> Vec<Conjunct> {
    let Ok(pst::Policy::Static(policy)) = rule.policy.to_pst() else { return Vec::new() };
    let mut conjuncts = Vec::new();
    for (at, clause) in policy.body().clauses().iter().enumerate() {
        match (rule.label(at), clause) {
            (None, Clause::When(expr)) => flatten(expr, &mut conjuncts),
            (label, clause) => {
                let label = label.cloned();
                conjuncts.push(Conjunct { label, clause: clause.clone() });
            }
        }
    }
    conjuncts
}

impl Conjunct {
    /// The condition in words, or in Cedar.
    pub(in crate::policy) fn text(&self) -> String {
        match (&self.label, &self.clause) {
            (Some(label), _) => cut(label.to_string()),
            (None, Clause::When(expr)) => expr.to_string(),
            (None, Clause::Unless(expr)) => format!("!({expr})"),
        }
    }

    /// Why it does not hold.
    fn story(&self, facts: &Facts<'_>, (request, entities): (&Request, &Entities)) -> ClauseStory {
        let text = self.text();
        let Some(label) = &self.label else {
            let values = values(&self.clause, request, entities);
            return ClauseStory { text, values, has: None };
        };
        if let Some(key) = label.key() {
            let mut asked = label.variables();
            asked.retain(|variable| *variable != key);
            let of_key = value_of_key(facts, &key);
            let mut has = vec![match &of_key {
                Some(value) => format!("{} has {value}", holder(&key)),
                None => format!("{} has none", holder(&key)),
            }];
            let mut values = BTreeMap::from([(key.name(), or_absent(of_key))]);
            for variable in asked.into_iter().take(EXPLAINED_VALUES) {
                let (name, value) = (variable.name(), or_absent(value_of_key(facts, &variable)));
                has.push(format!("{name} is {value}"));
                values.insert(name, value);
            }
            return ClauseStory { text, values, has: Some(has.join(", ")) };
        }
        let has = if is_delegation(&self.clause) {
            Some("they do not allow the call".to_owned())
        } else if label.text.starts_with("Resource ") {
            Some(format!("the call is about {}", facts.question.resource.label()))
        } else if &*label.text == "NotPrincipal" {
            Some("the caller is one of them".to_owned())
        } else {
            None
        };
        ClauseStory { text, values: values(&self.clause, request, entities), has }
    }
}

/// Who has the value of a condition key, or has none.
const fn holder(key: &ConditionKey) -> &'static str {
    let (ConditionKey::One { fact, .. } | ConditionKey::Member { fact, .. }) = key else {
        return "the call";
    };
    match fact {
        Fact::PrincipalTags => "the caller",
        fact if is_of_principal(*fact) => "the caller",
        Fact::RequestedRegion => "the call",
        fact if is_of_resource(*fact) => "the resource",
        _ => "the call",
    }
}

fn or_absent(value: Option<String>) -> String {
    value.unwrap_or_else(|| "absent".to_owned())
}

/// What the request says of a condition key.
fn value_of_key(facts: &Facts<'_>, key: &ConditionKey) -> Option<String> {
    let value = match key {
        ConditionKey::One { fact, .. } => facts.value(*fact).map(|value| shown(&value)),
        ConditionKey::Member { fact, member, .. } => {
            facts.folded(*fact).ok()?.get(member).map(|value| format!("{value:?}"))
        }
        ConditionKey::Absent { .. } => None,
    };
    value.map(cut)
}

fn shown(value: &Value<'_>) -> String {
    match value {
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Date(ms) => timestamp::event_time(*ms),
        Value::Ip(address) => address.to_string(),
        Value::Text(text) => format!("{text:?}"),
        Value::Texts(list) => format!("{list:?}"),
        Value::Tags(tags) => format!("{tags:?}"),
    }
}

/// Recurses as deep as the expression, which the compiler has bounded.
fn flatten(expr: &Arc<Expr>, into: &mut Vec<Conjunct>) {
    match &**expr {
        Expr::BinaryOp { op: BinaryOp::And, left, right } => {
            flatten(left, into);
            flatten(right, into);
        }
        _ => into.push(Conjunct { label: None, clause: Clause::When(Arc::clone(expr)) }),
    }
}

/// Asks Cedar about each condition. One behind a false one may fail to be
/// evaluated only because the false one guards it; then it says nothing.
pub(super) fn check(
    authorizer: &Authorizer,
    rule: &Rule,
    facts: &Facts<'_>,
    (request, entities): (&Request, &Entities),
) -> Conditions {
    let mut failed = Vec::new();
    for one in conjuncts(rule) {
        match holds(authorizer, &one.clause, request, entities) {
            Ok(true) => {}
            Ok(false) => failed.push(Failed {
                is_delegation: is_delegation(&one.clause),
                story: one.story(facts, (request, entities)),
            }),
            Err(error) if failed.is_empty() => {
                return Conditions::Error { clause: one.text(), error };
            }
            Err(_guarded) => {}
        }
    }
    if failed.is_empty() { Conditions::Hold } else { Conditions::Fail(failed) }
}

/// Whether one condition holds: the answer of a policy that has no other.
pub(in crate::policy) fn holds(
    authorizer: &Authorizer,
    clause: &Clause,
    request: &Request,
    entities: &Entities,
) -> Result<bool, String> {
    let policy = alone(clause).map_err(|error| error.to_string())?;
    let set = PolicySet::from_policies([policy]).map_err(|error| error.to_string())?;
    let response = authorizer.is_authorized(request, &set, entities);
    match response.diagnostics().errors().next() {
        Some(error) => Err(without_policy(&error.to_string())),
        None => Ok(response.decision() == Decision::Allow),
    }
}

fn alone(clause: &Clause) -> Result<Policy, pst::PstConstructionError> {
    let template = Template::new(
        PolicyID::from("clause"),
        Effect::Permit,
        PrincipalConstraint::Any,
        ActionConstraint::Any,
        ResourceConstraint::Any,
    );
    let template = template.try_with_clauses([clause.clone()])?;
    Policy::from_pst(StaticPolicy::try_from(template)?.into())
}

/// What an error says beside the name of the policy, which is not the reader's.
fn without_policy(text: &str) -> String {
    text.split_once("`: ").map_or(text, |(_, reason)| reason).to_owned()
}

/// Whether it says no more than that the caller's own policies must allow too.
pub(in crate::policy) fn is_delegation(clause: &Clause) -> bool {
    let Clause::When(expr) = clause else { return false };
    matches!(&**expr, Expr::GetAttr { expr, attr }
        if **expr == Expr::Var(Var::Context) && attr == "iamAllows")
}

/// One step from a variable of the request to a value.
#[derive(Clone)]
enum Step {
    Attribute(String),
    Tag(String),
}

/// What the request has where the condition looks.
fn values(clause: &Clause, request: &Request, entities: &Entities) -> BTreeMap<String, String> {
    let (Clause::When(expr) | Clause::Unless(expr)) = clause;
    let mut paths = Vec::new();
    note_paths(expr, &mut paths);
    let mut values = BTreeMap::new();
    for (var, steps) in paths {
        if values.len() >= EXPLAINED_VALUES {
            break;
        }
        let found = look_up(&var, &steps, request, entities);
        values.insert(name(&var, &steps), found.map_or("absent".to_owned(), |found| show(&found)));
    }
    values
}

/// The places that an expression reads. Recurses as deep as the expression.
fn note_paths(expr: &Expr, paths: &mut Vec<(Var, Vec<Step>)>) {
    if let Some((var, steps)) = path(expr) {
        if !steps.is_empty() {
            paths.push((var, steps));
        }
        return;
    }
    let asked = match expr {
        Expr::HasAttr { expr, attrs } => path(expr).map(|(var, mut steps)| {
            steps.extend(attrs.iter().map(|name| Step::Attribute(name.to_string())));
            (var, steps)
        }),
        Expr::BinaryOp { op: BinaryOp::HasTag, left, right } => tag(left, right),
        _ => None,
    };
    match asked {
        Some(asked) => paths.push(asked),
        None => {
            let children = children(expr).unwrap_or_default();
            children.into_iter().for_each(|child| note_paths(child, paths));
        }
    }
}

/// The place that an expression is, if it is nothing but one.
fn path(expr: &Expr) -> Option<(Var, Vec<Step>)> {
    match expr {
        Expr::Var(var) => Some((var.clone(), Vec::new())),
        Expr::GetAttr { expr, attr } => {
            let (var, mut steps) = path(expr)?;
            steps.push(Step::Attribute(attr.to_string()));
            Some((var, steps))
        }
        Expr::BinaryOp { op: BinaryOp::GetTag, left, right } => tag(left, right),
        _ => None,
    }
}

fn tag(of: &Expr, name: &Expr) -> Option<(Var, Vec<Step>)> {
    let (var, mut steps) = path(of)?;
    let Expr::Literal(Literal::String(name)) = name else { return None };
    steps.push(Step::Tag(name.to_string()));
    Some((var, steps))
}

fn look_up(
    var: &Var,
    steps: &[Step],
    request: &Request,
    entities: &Entities,
) -> Option<EvalResult> {
    let mut steps = steps.iter();
    let mut value = match var {
        Var::Principal => EvalResult::EntityUid(request.principal()?.clone()),
        Var::Action => EvalResult::EntityUid(request.action()?.clone()),
        Var::Resource => EvalResult::EntityUid(request.resource()?.clone()),
        Var::Context => match steps.next()? {
            Step::Attribute(name) => request.context()?.get(name)?,
            Step::Tag(_) => return None,
        },
    };
    for step in steps {
        value = match (&value, step) {
            (EvalResult::EntityUid(uid), Step::Attribute(name)) => {
                entities.get(uid)?.attr(name)?.ok()?
            }
            (EvalResult::EntityUid(uid), Step::Tag(name)) => entities.get(uid)?.tag(name)?.ok()?,
            (EvalResult::Record(record), Step::Attribute(name)) => record.get(name)?.clone(),
            _ => return None,
        };
    }
    Some(value)
}

fn name(var: &Var, steps: &[Step]) -> String {
    let mut name = match var {
        Var::Principal => "principal",
        Var::Action => "action",
        Var::Resource => "resource",
        Var::Context => "context",
    }
    .to_owned();
    for step in steps {
        match step {
            Step::Attribute(attribute) => name = format!("{name}.{attribute}"),
            Step::Tag(tag) => name = format!("{name}[{tag:?}]"),
        }
    }
    name
}

fn show(value: &EvalResult) -> String {
    cut(value.to_string())
}

/// The start of a text that is too long to be shown.
fn cut(text: String) -> String {
    match text.char_indices().nth(ECHOED_CHARS) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
