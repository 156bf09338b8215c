//! What is worth asking about some documents: whom they name, and which values
//! their conditions look for.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::pst::{BinaryOp, Clause, Expr, Literal, PatternElem, UnaryOp, Var};
use cedar_policy::{EntityUid, PrincipalConstraint};
use serde_json::Value as Json;

use super::condition_key::{ConditionKey, FAMILIES, KEYS};
use super::document::{Document, Form};
use super::explain::clause::conjuncts;
use super::expression::children;
use super::fact::{Fact, Kind};
use super::scenario::Scenario;
use super::stand_in;
use crate::base::caller::Principal;
use crate::base::context::EncryptionContext;
use crate::base::ids::AccountId;
use crate::base::limits::COMPARED_VALUES;
use crate::base::timestamp;

/// Something that a request can have, and the values worth trying.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// A pair of the encryption context.
    Context { key: String, values: BTreeSet<String> },
    /// A condition key of AWS.
    Key { name: String, values: BTreeSet<String> },
}

impl Wish {
    /// The values worth trying, beside none.
    pub(super) fn values(&self) -> impl Iterator<Item = &str> {
        let (Self::Context { values, .. } | Self::Key { values, .. }) = self;
        values.iter().map(String::as_str)
    }

    /// The condition key.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Context { key, .. } => format!("kms:EncryptionContext:{key}"),
            Self::Key { name, .. } => name.clone(),
        }
    }

    /// Says it of a request.
    pub(super) fn say(&self, scenario: &mut Scenario, value: &str) {
        match self {
            Self::Context { key, .. } => {
                let held = scenario.encryption_context.iter();
                let held = held.map(|(key, value)| (key.to_owned(), value.to_owned()));
                let pairs = held.chain([(key.clone(), value.to_owned())]).collect();
                scenario.encryption_context = EncryptionContext::new(pairs);
            }
            // Only what can be said is wished for.
            Self::Key { name, .. } => drop(scenario.say(name, value)),
        }
    }
}

/// Principals that the documents tell apart: those they name, and in each
/// account its root and somebody whom they do not.
pub(super) fn principals(documents: &[&Document], home: &AccountId) -> Vec<Principal> {
    let mut found: BTreeMap<String, Principal> = BTreeMap::new();
    let mut add = |principal: Principal| {
        found.insert(principal.to_string(), principal);
    };
    let mut accounts = BTreeSet::from([home.clone()]);
    for document in documents {
        for rule in document.rules() {
            let uid = match rule.policy.principal_constraint() {
                PrincipalConstraint::Eq(uid)
                | PrincipalConstraint::In(uid)
                | PrincipalConstraint::IsIn(_, uid) => uid,
                PrincipalConstraint::Any | PrincipalConstraint::Is(_) => {
                    accounts.extend(stranger(home));
                    continue;
                }
            };
            accounts.extend(account_of(&uid));
            if let Some(principal) = named(document, &uid, home) {
                accounts.insert(principal.account().clone());
                add(principal);
            }
        }
    }
    for account in accounts {
        add(Principal::Root { account: account.clone() });
        let unique_id = format!("AIDASOMEBODY{account}");
        add(Principal::User { account, unique_id, name: "somebody".to_owned() });
    }
    found.into_values().collect()
}

/// An account that is not this one.
fn stranger(home: &AccountId) -> Option<AccountId> {
    let others = ["999999999999", "888888888888"].into_iter().filter_map(AccountId::parse);
    others.into_iter().find(|other| other != home)
}

fn account_of(uid: &EntityUid) -> Option<AccountId> {
    match uid.type_name().basename() {
        "Account" | "Root" => AccountId::parse(uid.id().unescaped()),
        _ => None,
    }
}

/// The user or session that a policy names by its unique id. One of whom only
/// the id is known is taken to be at home.
fn named(document: &Document, uid: &EntityUid, home: &AccountId) -> Option<Principal> {
    let id = uid.id().unescaped();
    let resolved = document.resolved();
    let by_arn = |wanted: &str| {
        let arn = resolved.iter().find(|(_, id)| id.as_str() == wanted)?.0;
        stand_in::principal(arn, resolved)
    };
    let role = |role_id: &str, name: &str| match by_arn(role_id) {
        Some(Principal::RoleSession { account, role_id, role_name, .. }) => {
            Principal::RoleSession { account, role_id, role_name, name: name.to_owned() }
        }
        _ => Principal::RoleSession {
            account: home.clone(),
            role_id: role_id.to_owned(),
            role_name: role_id.to_owned(),
            name: name.to_owned(),
        },
    };
    match uid.type_name().basename() {
        "User" => Some(by_arn(id).unwrap_or_else(|| Principal::User {
            account: home.clone(),
            unique_id: id.to_owned(),
            name: id.to_owned(),
        })),
        "Role" => Some(role(id, "session")),
        "RoleSession" => id.split_once(':').map(|(id, name)| role(id, name)),
        _ => None,
    }
}

impl Document {
    /// The account that the document is most likely about: the first that it
    /// trusts.
    #[must_use]
    pub fn trusted_account(&self) -> Option<AccountId> {
        self.rules().iter().find_map(|rule| match rule.policy.principal_constraint() {
            PrincipalConstraint::Eq(uid) | PrincipalConstraint::In(uid) => account_of(&uid),
            _ => None,
        })
    }
}

/// What the conditions of the documents look for.
pub(super) fn wishes(documents: &[&Document]) -> Vec<Wish> {
    let mut wanted = Wanted::default();
    for document in documents {
        if document.form() == Form::Json
            && let Ok(json) = serde_json::from_str::<Json>(document.text())
        {
            wanted.note_json(&json);
            continue;
        }
        for rule in document.rules() {
            for one in conjuncts(rule) {
                let (Clause::When(expr) | Clause::Unless(expr)) = &one.clause;
                wanted.note_expr(expr);
            }
        }
    }
    wanted.into_wishes()
}

/// A value that is none of those looked for.
const OTHER: &str = "something-else";

/// Values by condition key, and by key of the encryption context.
#[derive(Default)]
struct Wanted {
    keys: BTreeMap<String, BTreeSet<String>>,
    context: BTreeMap<String, BTreeSet<String>>,
}

impl Wanted {
    fn into_wishes(self) -> Vec<Wish> {
        let bounded = |mut values: BTreeSet<String>| {
            while values.len() > COMPARED_VALUES {
                values.pop_last();
            }
            values
        };
        let context = self.context.into_iter().map(|(key, mut values)| {
            values = bounded(values);
            values.insert(OTHER.to_owned());
            Wish::Context { key, values }
        });
        let keys = self.keys.into_iter().map(|(name, values)| {
            let mut values = bounded(values);
            values.extend(others(&name));
            Wish::Key { name, values }
        });
        context.chain(keys).collect()
    }

    fn note_json(&mut self, policy: &Json) {
        let statements = match policy.get("Statement") {
            Some(Json::Array(list)) => list.iter().collect(),
            Some(one) => vec![one],
            None => Vec::new(),
        };
        let conditions = statements.into_iter().filter_map(|one| one.get("Condition")?.as_object());
        for (_, keys) in conditions.flatten() {
            for (key, values) in keys.as_object().into_iter().flatten() {
                let values: Vec<String> = match values {
                    Json::Array(list) => list.iter().filter_map(text).collect(),
                    one => text(one).into_iter().collect(),
                };
                self.note_key(key, &values);
            }
        }
    }

    fn note_key(&mut self, key: &str, values: &[String]) {
        let Some(parsed) = ConditionKey::parse(key) else { return };
        let texts = match &parsed {
            ConditionKey::Member { fact: Fact::FoldedEncryptionContext, family, .. } => {
                let member = key.get(family.len()..).unwrap_or_default();
                self.context.entry(member.to_owned()).or_default()
            }
            ConditionKey::Absent { .. } => return,
            known => self.keys.entry(known.name()).or_default(),
        };
        let kind = kind_of(&parsed);
        texts.extend(values.iter().flat_map(|value| instances(value, kind)));
    }

    /// Recurses as deep as the expression, which the compiler has bounded.
    fn note_expr(&mut self, expr: &Expr) {
        if let Expr::BinaryOp { left, right, .. } = expr {
            for (path, literals) in [(left, right), (right, left)] {
                self.note_path(path, &values_in(literals));
            }
        }
        match expr {
            Expr::Like { expr, pattern } => {
                let element = |element: &PatternElem| match element {
                    PatternElem::Char(c) => *c,
                    PatternElem::Wildcard => '*',
                };
                let pattern: String = pattern.iter().map(element).collect();
                self.note_path(expr, &[pattern]);
            }
            // What is only asked for being there.
            _ => self.note_path(expr, &[]),
        }
        let children = children(expr).unwrap_or_default();
        children.into_iter().for_each(|child| self.note_expr(child));
    }

    fn note_path(&mut self, expr: &Expr, values: &[String]) {
        let of_context = |expr: &Expr| match expr {
            Expr::GetAttr { expr, attr } if **expr == Expr::Var(Var::Context) => {
                Fact::ALL.iter().copied().find(|fact| fact.as_str() == attr.as_str())
            }
            _ => None,
        };
        match expr {
            Expr::BinaryOp { op: BinaryOp::GetTag | BinaryOp::HasTag, left, right } => {
                let (Some(fact), Expr::Literal(Literal::String(tag))) =
                    (of_context(left), &**right)
                else {
                    return;
                };
                if fact == Fact::EncryptionContext {
                    let texts = self.context.entry(tag.to_string()).or_default();
                    texts.extend(values.iter().flat_map(|value| instances(value, Kind::Text)));
                } else if let Some((family, _)) = FAMILIES.iter().find(|(_, of)| *of == fact) {
                    self.note_key(&format!("{family}{tag}"), values);
                }
            }
            Expr::HasAttr { expr, attrs } if **expr == Expr::Var(Var::Context) => {
                let fact = Fact::ALL.iter().copied().find(|f| f.as_str() == attrs.head.as_str());
                self.note_fact(fact, values);
            }
            other => self.note_fact(of_context(other), values),
        }
    }

    fn note_fact(&mut self, fact: Option<Fact>, values: &[String]) {
        let found = fact
            .and_then(|fact| KEYS.iter().find(|(_, of)| *of == fact || of.twin() == Some(fact)));
        if let Some((name, _)) = found {
            self.note_key(name, values);
        }
    }
}

fn kind_of(key: &ConditionKey) -> Kind {
    match key {
        ConditionKey::One { fact, .. } => fact.kind(),
        ConditionKey::Member { .. } | ConditionKey::Absent { .. } => Kind::Text,
    }
}

/// Values that a condition key may have beside those that are looked for.
fn others(name: &str) -> Vec<String> {
    let kind = ConditionKey::parse(name).map_or(Kind::Text, |key| kind_of(&key));
    match kind {
        Kind::Bool => vec!["true".to_owned(), "false".to_owned()],
        Kind::Ip => vec!["198.51.100.77".to_owned()],
        Kind::Text | Kind::Texts | Kind::Arn | Kind::Tags => vec![OTHER.to_owned()],
        Kind::Number | Kind::Date => Vec::new(),
    }
}

/// Values that fit what is looked for: the text itself, an instance of a
/// pattern, the first address of a range, a number or time and its neighbours.
fn instances(text: &str, kind: Kind) -> Vec<String> {
    // A variable has the value that the request has elsewhere.
    if text.contains("${") {
        return Vec::new();
    }
    match kind {
        Kind::Bool => vec![text.to_owned()],
        Kind::Ip => text.split('/').next().map(str::to_owned).into_iter().collect(),
        Kind::Number => match text.parse::<i64>() {
            Ok(number) => around(number, 1).map(|number| number.to_string()).to_vec(),
            Err(_) => Vec::new(),
        },
        Kind::Date => {
            let seconds = text.parse::<i64>().map(|seconds| seconds.saturating_mul(1_000));
            match seconds.ok().or_else(|| timestamp::parse_rfc3339(text)) {
                Some(ms) => around(ms, 1_000).map(timestamp::event_time).to_vec(),
                None => Vec::new(),
            }
        }
        Kind::Text | Kind::Texts | Kind::Arn | Kind::Tags => {
            vec![text.replace(['*', '?'], "x")]
        }
    }
}

const fn around(number: i64, step: i64) -> [i64; 3] {
    [number.saturating_sub(step), number, number.saturating_add(step)]
}

fn text(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Bool(_) | Json::Number(_) => Some(value.to_string()),
        _ => None,
    }
}

/// The literal values in an expression.
fn values_in(expr: &Expr) -> Vec<String> {
    match expr {
        Expr::Literal(Literal::String(text)) => vec![text.to_string()],
        Expr::Literal(Literal::Long(number)) => vec![number.to_string()],
        Expr::Literal(Literal::Bool(value)) => vec![value.to_string()],
        Expr::UnaryOp { op: UnaryOp::Ip | UnaryOp::Datetime, expr } => values_in(expr),
        Expr::Set(items) => items.iter().flat_map(|item| values_in(item)).collect(),
        _ => Vec::new(),
    }
}
