//! What a statement's `Resource` means.

use std::sync::Arc;

use cedar_policy::pst::{BinaryOp, Expr, Literal, ResourceConstraint, Var};

use super::atom::{Atom, Test};
use super::compile::{entity, entity_type, uid};
use super::condition::{Meaning, pattern};
use super::expr::{Truth, attribute, binary, like};
use super::text::{Piece, Reading, Text};
use crate::base::arn::PARTITION;
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
    /// As the policy has it.
    given: String,
    /// With a last part for this kind alone.
    parts: Box<[Text; 6]>,
}

/// A resource in Cedar's terms.
pub(super) struct Constraint {
    pub(super) scope: ResourceConstraint,
    /// What has to hold beyond it.
    pub(super) parts: Vec<Expr>,
    pub(super) atom: Option<Arc<Atom>>,
}

impl Target {
    /// The targets that `text` stands for; none if it is accepted without
    /// effect. `variables` says whether it may have any.
    pub(super) fn parse(text: &str, usage: Usage, variables: bool) -> Result<Vec<Self>, String> {
        if text == "*" {
            return Ok(vec![match usage {
                Usage::Identity | Usage::Trust | Usage::Guardrail => Self::Anything,
                Usage::KeyPolicy => Self::AnyKey,
            }]);
        }
        let refuse = |reason: &str| format!("{text:?} {reason}");
        let read = Text::parse(text, Reading { wildcards: true, variables })?;
        let shapes = match read.arn_parts() {
            Some(parts) => match parts.get(2).and_then(Text::literal) {
                Some(service) if service != "kms" => {
                    if is_known_service(&service) && usage != Usage::KeyPolicy {
                        return Err(refuse("cannot be a resource: only \"*\" and ARNs of KMS can"));
                    }
                    Vec::new()
                }
                _ => Shape::parse(text, &parts).map_err(refuse)?,
            },
            None if usage == Usage::KeyPolicy => Vec::new(),
            None => return Err(refuse("is neither \"*\" nor an ARN")),
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

    /// As the policy has it.
    pub(super) fn given(&self) -> &str {
        match self {
            Self::Anything | Self::AnyKey => "*",
            Self::Matching(shape) => &shape.given,
        }
    }

    pub(super) fn constraint(&self) -> Result<Constraint, CompileError> {
        let scope = match self {
            Self::Anything => ResourceConstraint::Any,
            Self::AnyKey => ResourceConstraint::Is(entity_type("Key")?),
            Self::Matching(shape) => return shape.constraint(),
        };
        Ok(Constraint { scope, parts: Vec::new(), atom: None })
    }
}

impl Shape {
    fn parse(given: &str, parts: &[Text; 6]) -> Result<Vec<Self>, &'static str> {
        let [arn, partition, service, region, account, resource] = parts;
        if partition.literal().is_some_and(|literal| literal != PARTITION) {
            return Ok(Vec::new());
        }
        if account.literal().is_some_and(|id| AccountId::parse(&id).is_none()) {
            return Err("has neither an account id nor `*` as its account");
        }
        let shape = |kind, resource: &Text| {
            let parts = [arn, partition, service, region, account, resource].map(Clone::clone);
            Self { kind, given: given.to_owned(), parts: Box::new(parts) }
        };
        if resource.starts_with("key/") {
            return Ok(vec![shape(ResourceKind::Key, resource)]);
        }
        if resource.starts_with("alias/") {
            return Ok(vec![shape(ResourceKind::Alias, resource)]);
        }
        if resource.0 == [Piece::Many] {
            let kinds = [(ResourceKind::Key, "key/"), (ResourceKind::Alias, "alias/")];
            let shapes = kinds.map(|(kind, prefix)| {
                let prefix = prefix.chars().map(Piece::Char);
                shape(kind, &Text(prefix.chain([Piece::Many]).collect()))
            });
            return Ok(shapes.into());
        }
        Err("names neither a key nor an alias")
    }

    fn constraint(&self) -> Result<Constraint, CompileError> {
        let literals: Vec<_> = self.parts.iter().map_while(Text::literal).collect();
        if literals.len() == self.parts.len() {
            let scope = ResourceConstraint::Eq(entity(self.kind.as_str(), &literals.join(":"))?);
            return Ok(Constraint { scope, parts: Vec::new(), atom: None });
        }
        let scope = ResourceConstraint::Is(entity_type(self.kind.as_str())?);
        if let Some(parts) = self.in_cedar()? {
            return Ok(Constraint { scope, parts, atom: None });
        }
        let name = format!("Resource {:?}", self.given);
        let meaning = Meaning::from(Atom { name, test: Test::Resource(self.parts.clone()) });
        let Truth::When(holds) = meaning.truth else {
            return Ok(Constraint { scope, parts: Vec::new(), atom: meaning.atom });
        };
        Ok(Constraint { scope, parts: vec![holds], atom: meaning.atom })
    }

    /// What has to hold; `None` where Cedar has no words for it.
    fn in_cedar(&self) -> Result<Option<Vec<Expr>>, CompileError> {
        let [_, partition, service, region, account, resource] = &*self.parts;
        let anything = [Piece::Many];
        let fixed = [partition, service].into_iter();
        if !fixed.into_iter().all(|part| part.literal().is_some() || part.0 == anything) {
            return Ok(None);
        }
        let (Some(region), Some(resource)) = (pattern(region), pattern(resource)) else {
            return Ok(None);
        };
        // Keys know their id without, aliases their name with what stands before.
        let (name, resource) = match self.kind {
            ResourceKind::Alias => ("name", resource),
            _ => ("keyId", resource.into_iter().skip("key/".len()).collect()),
        };
        let mut parts = Vec::new();
        parts.extend(like(of_resource("region"), region));
        match account.literal() {
            Some(id) => {
                let id = Expr::Literal(Literal::EntityUID(uid("Account", &id)?));
                parts.push(binary(BinaryOp::Eq, of_resource("account"), id));
            }
            None if account.0 == anything => {}
            None => return Ok(None),
        }
        parts.extend(like(of_resource(name), resource));
        Ok(Some(parts))
    }
}

fn of_resource(name: &str) -> Expr {
    attribute(Expr::Var(Var::Resource), name)
}

fn is_known_service(service: &str) -> bool {
    Action::ALL.iter().any(|action| action.service() == service)
}
