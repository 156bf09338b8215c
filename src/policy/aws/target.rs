//! What a statement's `Resource` means.

use cedar_policy::pst::{BinaryOp, Expr, Literal, PatternElem, ResourceConstraint, SmolStr, Var};

use super::compile::{entity, entity_type, uid};
use super::pattern;
use crate::base::arn::{Arn, PARTITION};
use crate::base::ids::AccountId;
use crate::policy::actions::{Action, ResourceKind};
use crate::policy::document::Usage;
use crate::policy::error::CompileError;

/// One resource of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// `*` in an identity policy.
    Anything,
    /// `*` in a key policy.
    AnyKey,
    /// Keys or aliases whose ARN matches, part by part.
    Matching(Shape),
}

/// An ARN of KMS; each part may have wildcards, and none spans two parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    kind: ResourceKind,
    arn: String,
    region: String,
    account: Option<AccountId>,
    /// The id of a key, the name of an alias with its `alias/`.
    name: String,
}

impl Target {
    /// The targets that `text` stands for; none if it is accepted without
    /// effect.
    pub(super) fn parse(text: &str, usage: Usage) -> Result<Vec<Self>, &'static str> {
        if text == "*" {
            return Ok(vec![match usage {
                Usage::Identity | Usage::Trust | Usage::Guardrail => Self::Anything,
                Usage::KeyPolicy => Self::AnyKey,
            }]);
        }
        if text.contains("${") {
            return Err("has a policy variable, which is not supported");
        }
        let shapes = match Arn::parse(text) {
            Some(arn) if arn.service == "kms" => Shape::parse(text, &arn)?,
            Some(arn) if !is_known_service(arn.service) => Vec::new(),
            _ if usage == Usage::KeyPolicy => Vec::new(),
            Some(_) => return Err("cannot be a resource: only \"*\" and ARNs of KMS can"),
            None => return Err("is neither \"*\" nor an ARN"),
        };
        let relevant = |shape: &Shape| usage == Usage::Identity || shape.kind == ResourceKind::Key;
        Ok(shapes.into_iter().filter(relevant).map(Self::Matching).collect())
    }

    /// The kind of resource, if there can only be one.
    pub(super) fn kind(&self) -> Option<ResourceKind> {
        match self {
            Self::Anything => None,
            Self::AnyKey => Some(ResourceKind::Key),
            Self::Matching(shape) => Some(shape.kind),
        }
    }

    /// The scope, and what has to hold beyond it.
    pub(super) fn constraint(&self) -> Result<(ResourceConstraint, Vec<Expr>), CompileError> {
        match self {
            Self::Anything => Ok((ResourceConstraint::Any, Vec::new())),
            Self::AnyKey => Ok((ResourceConstraint::Is(entity_type("Key")?), Vec::new())),
            Self::Matching(shape) => shape.constraint(),
        }
    }
}

impl Shape {
    fn parse(text: &str, arn: &Arn<'_>) -> Result<Vec<Self>, &'static str> {
        if text.contains('?') {
            return Err("has a `?`, which is not supported in resources");
        }
        if arn.partition != PARTITION && arn.partition != "*" {
            return Ok(Vec::new());
        }
        let account = match (arn.account, AccountId::parse(arn.account)) {
            ("*", _) => None,
            (_, Some(account)) => Some(account),
            _ => return Err("has neither an account id nor `*` as its account"),
        };
        let shape = |kind, name: &str| Self {
            kind,
            arn: text.to_owned(),
            region: arn.region.to_owned(),
            account: account.clone(),
            name: name.to_owned(),
        };
        if let Some(id) = arn.resource.strip_prefix("key/") {
            return Ok(vec![shape(ResourceKind::Key, id)]);
        }
        if arn.resource.starts_with("alias/") {
            return Ok(vec![shape(ResourceKind::Alias, arn.resource)]);
        }
        if arn.resource == "*" {
            return Ok(vec![shape(ResourceKind::Key, "*"), shape(ResourceKind::Alias, "alias/*")]);
        }
        Err("names neither a key nor an alias")
    }

    fn constraint(&self) -> Result<(ResourceConstraint, Vec<Expr>), CompileError> {
        if !pattern::is_pattern(&self.arn) {
            let uid = entity(self.kind.as_str(), &self.arn)?;
            return Ok((ResourceConstraint::Eq(uid), Vec::new()));
        }
        let name = match self.kind {
            ResourceKind::Alias => "name",
            _ => "keyId",
        };
        let mut parts = Vec::new();
        parts.extend(matching("region", &self.region));
        if let Some(account) = &self.account {
            let account = uid("Account", account.as_str())?;
            parts.push(equal("account", Literal::EntityUID(account)));
        }
        parts.extend(matching(name, &self.name));
        Ok((ResourceConstraint::Is(entity_type(self.kind.as_str())?), parts))
    }
}

/// `context.name`
pub(super) fn context(name: &str) -> Expr {
    Expr::GetAttr { expr: Expr::Var(Var::Context).into(), attr: SmolStr::from(name) }
}

/// `resource.name` equals or is like `text`; nothing if it may be anything.
fn matching(name: &str, text: &str) -> Option<Expr> {
    if text == "*" {
        return None;
    }
    if !pattern::is_pattern(text) {
        return Some(equal(name, Literal::String(SmolStr::from(text))));
    }
    let element = |c| if c == '*' { PatternElem::Wildcard } else { PatternElem::Char(c) };
    let pattern = text.chars().map(element).collect();
    Some(Expr::Like { expr: resource(name).into(), pattern })
}

/// `resource.name == value`
fn equal(name: &str, value: Literal) -> Expr {
    let (left, right) = (resource(name).into(), Expr::Literal(value).into());
    Expr::BinaryOp { op: BinaryOp::Eq, left, right }
}

fn resource(name: &str) -> Expr {
    Expr::GetAttr { expr: Expr::Var(Var::Resource).into(), attr: SmolStr::from(name) }
}

fn is_known_service(service: &str) -> bool {
    Action::ALL.iter().any(|action| action.service() == service)
}
