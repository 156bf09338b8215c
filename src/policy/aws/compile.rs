//! From statements to Cedar policies: one for each principal and resource of a
//! statement.
//!
//! | AWS | Cedar |
//! |---|---|
//! | `"Principal": "*"` | `principal` |
//! | account, Allow | `principal == Root::"…"`, and `principal in Account::"…"` when `context.iamAllows`: the account is trusted, its users are not |
//! | account, Deny | `principal in Account::"…"` |
//! | user; role; session | `principal == User::"AIDA…"`; `principal in Role::"AROA…"`; `principal == RoleSession::"AROA…:name"` |
//! | `"Action": "*"`, `"kms:*"` | `action`, `action in [Action::"kms:*"]` |
//! | any other actions | the list of those that apply to the resource |
//! | `"Resource": "*"` in a key policy | `resource is Key`: the key that the policy is attached to |
//! | a key ARN | `resource == Key::"…"` |
//! | a key ARN with wildcards | `resource is Key`, each part with `==` or `like` |

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::pst::{
    ActionConstraint, Clause, Effect as CedarEffect, EntityOrSlot, EntityType, EntityUID, Name,
    PrincipalConstraint, PstConstructionError, SmolStr, Template,
};

use super::pattern;
use super::policy::{Effect, Named, Policy, Statement};
use super::target::Target;
use crate::base::limits::POLICY_RULES;
use crate::policy::actions::{Action, ResourceKind};
use crate::policy::compile::Compiled;
use crate::policy::document::{Draft, Usage, Warning};
use crate::policy::error::CompileError;
use crate::policy::principal::PrincipalId;

/// The actions of a statement.
enum Actions {
    All,
    Some { services: BTreeSet<&'static str>, single: BTreeSet<Action> },
}

/// A principal in Cedar's terms.
struct Who {
    scope: PrincipalConstraint,
    /// Whether the caller's identity policies have to allow the call too.
    delegated: bool,
}

impl Policy {
    /// The Cedar policies that this policy means. `resolved` has all users and
    /// roles that it names.
    pub(in crate::policy) fn compile(
        &self,
        resolved: &BTreeMap<String, PrincipalId>,
    ) -> Result<Compiled, CompileError> {
        let mut compiled = Compiled { drafts: Vec::new(), warnings: Vec::new() };
        for statement in &self.statements {
            statement.compile(self.usage, resolved, &mut compiled)?;
        }
        Ok(compiled)
    }
}

impl Statement {
    fn compile(
        &self,
        usage: Usage,
        resolved: &BTreeMap<String, PrincipalId>,
        compiled: &mut Compiled,
    ) -> Result<(), CompileError> {
        let warn = |text: String, warnings: &mut Vec<Warning>| {
            warnings.push(Warning { statement: self.index, sid: self.sid.clone(), text });
        };
        let (Some(actions), Some(resources)) = (&self.actions, &self.resources) else {
            let missing = if self.actions.is_none() { "Action" } else { "Resource" };
            warn(
                format!("{missing} is missing: the statement has no effect"),
                &mut compiled.warnings,
            );
            return Ok(());
        };
        let (actions, ignored) = self.read_actions(actions, usage)?;
        for text in ignored {
            warn(
                format!("Action: {text:?} is of a service that is not here"),
                &mut compiled.warnings,
            );
        }
        let mut targets = Vec::new();
        for text in resources {
            let found = Target::parse(text, usage)
                .map_err(|reason| self.refuse("Resource", &format!("{text:?} {reason}")))?;
            if found.is_empty() {
                warn(format!("Resource: {text:?} has no effect here"), &mut compiled.warnings);
            }
            targets.extend(found);
        }
        let who = self.principals(usage, resolved)?;
        let mut part = 0_usize;
        for target in &targets {
            let Some(scope) = actions.constraint(target.kind())? else {
                let kind = target.kind().map_or("", ResourceKind::as_str);
                warn(format!("Action: none applies to {kind}"), &mut compiled.warnings);
                continue;
            };
            for who in &who {
                if compiled.drafts.len() >= POLICY_RULES {
                    return Err(CompileError::TooLarge {
                        limit: POLICY_RULES,
                        unit: "pairs of principals and resources",
                    });
                }
                let template = self.template(who, scope.clone(), target)?;
                let sid = self.sid.clone();
                compiled.drafts.push(Draft { statement: self.index, part, sid, template });
                part = part.saturating_add(1);
            }
        }
        Ok(())
    }

    fn template(
        &self,
        who: &Who,
        actions: ActionConstraint,
        target: &Target,
    ) -> Result<Template, CompileError> {
        let effect = match self.effect {
            Effect::Allow => CedarEffect::Permit,
            Effect::Deny => CedarEffect::Forbid,
        };
        let (resource, parts) = target.constraint()?;
        let delegation = who.delegated.then(|| super::target::context("iamAllows"));
        let clauses = delegation.into_iter().chain(parts).map(|expr| Clause::When(expr.into()));
        Template::new("", effect, who.scope.clone(), actions, resource)
            .try_with_clauses(clauses)
            .map_err(|error| internal(&error))
    }

    /// The principals in Cedar's terms.
    fn principals(
        &self,
        usage: Usage,
        resolved: &BTreeMap<String, PrincipalId>,
    ) -> Result<Vec<Who>, CompileError> {
        if usage == Usage::Identity {
            return Ok(vec![Who { scope: PrincipalConstraint::Any, delegated: false }]);
        }
        let mut list = Vec::new();
        let mut add = |scope, delegated| list.push(Who { scope, delegated });
        for named in &self.principals {
            match named {
                Named::Everyone => add(PrincipalConstraint::Any, false),
                Named::Account(account) => {
                    let inside = PrincipalConstraint::In(entity("Account", account.as_str())?);
                    if self.effect == Effect::Allow {
                        add(PrincipalConstraint::Eq(entity("Root", account.as_str())?), false);
                        add(inside, true);
                    } else {
                        add(inside, false);
                    }
                }
                Named::Entity(arn) => match find(resolved, arn)? {
                    PrincipalId::User(id) => {
                        add(PrincipalConstraint::Eq(entity("User", id)?), false)
                    }
                    PrincipalId::Role(id) => {
                        add(PrincipalConstraint::In(entity("Role", id)?), false)
                    }
                },
                Named::Session { role, name } => {
                    let id = format!("{}:{name}", find(resolved, role)?.as_str());
                    add(PrincipalConstraint::Eq(entity("RoleSession", &id)?), false);
                }
                Named::Service(name) => {
                    add(PrincipalConstraint::Eq(entity("Service", name)?), false)
                }
            }
        }
        Ok(list)
    }

    /// The actions that the texts mean, and the texts that mean none because
    /// their service is not here.
    fn read_actions<'a>(
        &self,
        texts: &'a [String],
        usage: Usage,
    ) -> Result<(Actions, Vec<&'a str>), CompileError> {
        let (mut services, mut single) = (BTreeSet::new(), BTreeSet::new());
        let mut ignored = Vec::new();
        for text in texts {
            if text == "*" {
                return Ok((Actions::All, Vec::new()));
            }
            let refuse = |reason| Err(self.refuse("Action", &format!("{text:?} {reason}")));
            let lower = text.to_ascii_lowercase();
            let Some((service, name)) = lower.split_once(':') else {
                return refuse("is not of the form service:Action");
            };
            if pattern::is_pattern(service) {
                return refuse("has a wildcard in the name of the service");
            }
            let of_service: Vec<Action> =
                known_actions().filter(|a| a.service() == service).collect();
            let Some(first) = of_service.first() else {
                if usage == Usage::KeyPolicy {
                    return refuse("is of a service that is not here");
                }
                ignored.push(text.as_str());
                continue;
            };
            if name == "*" {
                services.insert(first.service());
                continue;
            }
            let before = single.len();
            let fits = |a: &Action| pattern::matches(&lower, &a.as_str().to_ascii_lowercase());
            let found: Vec<Action> = of_service.into_iter().filter(fits).collect();
            single.extend(&found);
            if found.is_empty() && single.len() == before {
                return refuse("matches no action");
            }
        }
        Ok((Actions::Some { services, single }, ignored))
    }

    fn refuse(&self, element: &str, reason: &str) -> CompileError {
        CompileError::Malformed(format!("{}: {element}: {reason}", self.place()))
    }
}

impl Actions {
    /// The actions that apply to resources of this kind, or of any kind;
    /// `None` if there are none.
    fn constraint(
        &self,
        kind: Option<ResourceKind>,
    ) -> Result<Option<ActionConstraint>, CompileError> {
        let applies = |action: &Action| kind.is_none_or(|kind| action.applies_to(kind));
        let Self::Some { services, single } = self else {
            return Ok(Some(ActionConstraint::Any));
        };
        let groups = services
            .iter()
            .filter(|service| {
                known_actions().any(|action| action.service() == **service && applies(&action))
            })
            .map(|service| format!("{service}:*"));
        let rest = single
            .iter()
            .filter(|action| applies(action) && !services.contains(action.service()))
            .map(|action| action.as_str().to_owned());
        let uids =
            groups.chain(rest).map(|name| uid("Action", &name)).collect::<Result<Vec<_>, _>>()?;
        Ok((!uids.is_empty()).then_some(ActionConstraint::In(uids)))
    }
}

/// The actions that people can be allowed or denied.
fn known_actions() -> impl Iterator<Item = Action> {
    Action::ALL.into_iter().filter(|action| action.service() != "system")
}

fn find<'a>(
    resolved: &'a BTreeMap<String, PrincipalId>,
    arn: &str,
) -> Result<&'a PrincipalId, CompileError> {
    resolved.get(arn).ok_or_else(|| CompileError::InvalidPrincipal { principal: arn.to_owned() })
}

pub(super) fn entity(kind: &str, id: &str) -> Result<EntityOrSlot, CompileError> {
    uid(kind, id).map(EntityOrSlot::Entity)
}

pub(super) fn uid(kind: &str, id: &str) -> Result<EntityUID, CompileError> {
    Ok(EntityUID { ty: entity_type(kind)?, eid: SmolStr::from(id) })
}

pub(super) fn entity_type(kind: &str) -> Result<EntityType, CompileError> {
    Name::unqualified(kind).map(EntityType::from_name).map_err(|error| internal(&error))
}

fn internal(error: &PstConstructionError) -> CompileError {
    CompileError::Malformed(error.to_string())
}
