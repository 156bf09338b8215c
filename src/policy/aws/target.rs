//! What a statement's `Resource` means.

use std::sync::Arc;

use cedar_policy::pst::{
    ActionConstraint, BinaryOp, Clause, Expr, Literal, ResourceConstraint, Var,
};

use super::atom::{Atom, Test};
use super::compile::{entity, entity_type, uid};
use super::condition::{Meaning, pattern};
use super::expr::{Truth, attribute, binary, like};
use super::text::{Piece, Reading, Text};
use crate::base::arn::PARTITION;
use crate::base::ids::AccountId;
use crate::policy::actions::ResourceKind;
use crate::policy::document::Usage;
use crate::policy::error::CompileError;
use crate::policy::label::Label;

/// One resource of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// `*` in an identity policy.
    Anything,
    /// `*` in a key policy.
    AnyKey,
    /// Resources of one kind whose ARN matches, part by part.
    Matching(Shape),
}

/// What a statement's actions are about, one of its resources, in Cedar's terms: the
/// same for all of its principals.
pub(super) struct Subject {
    pub(super) actions: ActionConstraint,
    pub(super) resource: ResourceConstraint,
    /// What has to hold of the resource, each with its label.
    pub(super) parts: Vec<(Label, Clause)>,
    pub(super) atom: Option<Arc<Atom>>,
}

impl Subject {
    pub(super) fn of(target: &Target, actions: ActionConstraint) -> Result<Self, CompileError> {
        let Constraint { scope: resource, parts, atom } = target.constraint()?;
        let label = Label::plain(format!("Resource {}", target.given()));
        let parts = parts.into_iter().map(|part| (label.clone(), Clause::When(part.into())));
        Ok(Self { actions, resource, parts: parts.collect(), atom })
    }
}

/// How the ARNs of a kind of resource are made.
#[derive(Debug, PartialEq, Eq)]
struct Form {
    kind: ResourceKind,
    service: &'static str,
    /// How the last part begins.
    prefix: &'static str,
    /// The attribute that holds the rest of the last part, or for aliases all of
    /// it; nothing where the last part is `prefix`.
    attribute: Option<&'static str>,
    /// Whether the ARN has a Region.
    regional: bool,
}

/// An ARN; each part may have wildcards, and none spans two parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    form: &'static Form,
    /// As the policy has it.
    given: String,
    /// With a last part for this kind alone.
    parts: Box<[Text; 6]>,
}

/// A resource in Cedar's terms.
struct Constraint {
    scope: ResourceConstraint,
    /// What has to hold beyond it.
    parts: Vec<Expr>,
    atom: Option<Arc<Atom>>,
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
                Some(service) if FORMS.iter().all(|form| form.service != service) => Vec::new(),
                _ => Shape::parse(text, &parts).map_err(refuse)?,
            },
            None if usage == Usage::KeyPolicy => Vec::new(),
            None => return Err(refuse("is neither \"*\" nor an ARN")),
        };
        let relevant =
            |shape: &Shape| usage == Usage::Identity || shape.form.kind == ResourceKind::Key;
        Ok(shapes.into_iter().filter(relevant).map(Self::Matching).collect())
    }

    /// The kind of resource, if there can only be one.
    pub(super) fn kind(&self) -> Option<ResourceKind> {
        match self {
            Self::Anything => None,
            Self::AnyKey => Some(ResourceKind::Key),
            Self::Matching(shape) => Some(shape.form.kind),
        }
    }

    /// As the policy has it.
    pub(super) fn given(&self) -> &str {
        match self {
            Self::Anything | Self::AnyKey => "*",
            Self::Matching(shape) => &shape.given,
        }
    }

    fn constraint(&self) -> Result<Constraint, CompileError> {
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
        let shape = |form, resource: &Text| {
            let parts = [arn, partition, service, region, account, resource].map(Clone::clone);
            Self { form, given: given.to_owned(), parts: Box::new(parts) }
        };
        let service_literal = service.literal();
        let of_service = FORMS.iter().filter(|form| {
            service_literal.as_deref().is_none_or(|literal| literal == form.service)
        });
        let shapes: Vec<_> = of_service
            .filter(|form| form.regional || region.0.is_empty() || region.0 == [Piece::Many])
            .filter_map(|form| Some(shape(form, &form.narrow(resource)?)))
            .collect();
        match (shapes.is_empty(), service_literal.as_deref()) {
            (false, _) => Ok(shapes),
            (true, Some("kms")) => Err("names neither a key nor an alias"),
            (true, Some("iam")) => Err("names neither a user nor a role nor a group"),
            (true, Some("items")) => Err("names neither a schema nor an attribute of one"),
            (true, Some("audit")) => Err("does not name the log"),
            // Of whatever service, and of nothing that is here.
            (true, _) => Ok(Vec::new()),
        }
    }

    fn constraint(&self) -> Result<Constraint, CompileError> {
        let literals: Vec<_> = self.parts.iter().map_while(Text::literal).collect();
        let kind = self.form.kind;
        // Only these are known by their ARNs.
        if literals.len() == self.parts.len() && self.form.service == "kms" {
            let scope = ResourceConstraint::Eq(entity(kind.as_str(), &literals.join(":"))?);
            return Ok(Constraint { scope, parts: Vec::new(), atom: None });
        }
        let scope = ResourceConstraint::Is(entity_type(kind.as_str())?);
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
        let mut parts = Vec::new();
        if self.form.regional {
            parts.extend(like(of_resource("region"), region));
        }
        match account.literal() {
            Some(id) => {
                let id = Expr::Literal(Literal::EntityUID(uid("Account", &id)?));
                parts.push(binary(BinaryOp::Eq, of_resource("account"), id));
            }
            None if account.0 == anything => {}
            None => return Ok(None),
        }
        if let Some(attribute) = self.form.attribute {
            // Aliases know their name with what stands before it.
            let skipped = match self.form.kind {
                ResourceKind::Alias => 0,
                _ => self.form.prefix.len(),
            };
            let name = resource.into_iter().skip(skipped).collect();
            parts.extend(like(of_resource(attribute), name));
        }
        Ok(Some(parts))
    }
}

fn of_resource(name: &str) -> Expr {
    attribute(Expr::Var(Var::Resource), name)
}

impl Form {
    /// What `resource`, the last part of an ARN, says of this form; `None` if it
    /// is of another one.
    fn narrow(&self, resource: &Text) -> Option<Text> {
        if resource.0 == [Piece::Many] {
            let prefix = self.prefix.chars().map(Piece::Char);
            return Some(Text(prefix.chain(self.attribute.map(|_| Piece::Many)).collect()));
        }
        let fits = match self.attribute {
            Some(_) => resource.starts_with(self.prefix) && self.may_be(resource),
            None => resource.literal().as_deref() == Some(self.prefix),
        };
        fits.then(|| resource.clone())
    }

    /// Whether `resource`, which begins as ARNs of this form do, can be one of it:
    /// schemas and their attributes begin alike, and no name of a schema has a slash.
    fn may_be(&self, resource: &Text) -> bool {
        let mut rest = resource.0.iter().skip(self.prefix.len());
        match self.kind {
            ResourceKind::ItemSchema => rest.all(|piece| *piece != Piece::Char('/')),
            ResourceKind::Attribute => rest.any(|piece| {
                matches!(piece, Piece::Char('/') | Piece::Many | Piece::One)
                    || matches!(piece, Piece::Variable(_))
            }),
            _ => true,
        }
    }
}

/// What has ARNs here.
const FORMS: &[Form] = &[
    form(ResourceKind::Key, "kms", "key/", Some("keyId"), true),
    form(ResourceKind::Alias, "kms", "alias/", Some("name"), true),
    form(ResourceKind::User, "iam", "user/", Some("name"), false),
    form(ResourceKind::Role, "iam", "role/", Some("name"), false),
    form(ResourceKind::Group, "iam", "group/", Some("name"), false),
    form(ResourceKind::ItemSchema, "items", "schema/", Some("name"), false),
    form(ResourceKind::Attribute, "items", "schema/", Some("path"), false),
    form(ResourceKind::AuditLog, "audit", "log", None, false),
];

const fn form(
    kind: ResourceKind,
    service: &'static str,
    prefix: &'static str,
    attribute: Option<&'static str>,
    regional: bool,
) -> Form {
    Form { kind, service, prefix, attribute, regional }
}
