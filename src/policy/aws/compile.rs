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
use std::sync::Arc;

use cedar_policy::pst::{
    ActionConstraint, BinaryOp, Clause, Effect as CedarEffect, EntityOrSlot, EntityType, EntityUID,
    Expr, Literal, Name, PrincipalConstraint, PstConstructionError, SmolStr, Template, Var,
};

use super::atom::Atom;
use super::budget::PatternBudget;
use super::expr::{self, Truth};
use super::pattern;
use super::policy::{Effect, Named, Policy, Principals, Statement};
use super::target::{Subject, Target};
use crate::base::arn::Arn;
use crate::base::ids::AccountId;
use crate::base::limits::{
    POLICY_EVALUATION_DEPTH, POLICY_PATTERN_CHARS, POLICY_RULES, POLICY_TERMS,
};
use crate::policy::actions::{Action, ResourceKind};
use crate::policy::compile::Compiled;
use crate::policy::document::{Draft, Usage, Warning};
use crate::policy::error::CompileError;
use crate::policy::expression::{depth, size};
use crate::policy::fact::Fact;
use crate::policy::label::Label;
use crate::policy::principal::PrincipalId;

/// The actions of a statement.
enum Actions {
    All,
    Some { services: BTreeSet<&'static str>, single: BTreeSet<Action> },
}

/// What a statement's conditions become.
struct Conditions {
    /// With a label for each.
    clauses: Vec<(Label, Clause)>,
    atoms: Vec<Arc<Atom>>,
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
        let mut left = POLICY_PATTERN_CHARS;
        for statement in &self.statements {
            statement.compile(self, resolved, &mut left, &mut compiled)?;
        }
        let clauses = compiled.drafts.iter().flat_map(|draft| draft.template.clauses());
        let terms = clauses.map(|clause| {
            let (Clause::When(expr) | Clause::Unless(expr)) = clause;
            size(expr)
        });
        if terms.fold(0, usize::saturating_add) > POLICY_TERMS {
            return Err(CompileError::TooLarge {
                limit: POLICY_TERMS,
                unit: "terms in the conditions of all its rules",
            });
        }
        Ok(compiled)
    }
}

impl Statement {
    fn compile(
        &self,
        policy: &Policy,
        resolved: &BTreeMap<String, PrincipalId>,
        left: &mut usize,
        compiled: &mut Compiled,
    ) -> Result<(), CompileError> {
        let Policy { usage, variables, .. } = *policy;
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
        // What stands there twice would be decided twice.
        let mut seen = BTreeSet::new();
        for text in resources.iter().filter(|text| seen.insert(*text)) {
            let found = Target::parse(text, usage, variables)
                .map_err(|reason| self.refuse("Resource", &reason))?;
            if found.is_empty() {
                warn(format!("Resource: {text:?} has no effect here"), &mut compiled.warnings);
            }
            targets.extend(found);
        }
        let who = self.principals(resolved)?;
        let mut patterns = PatternBudget { rules: targets.len().saturating_mul(who.len()), left };
        let Some(mut conditions) = self.read_conditions(&mut patterns, &mut compiled.warnings)?
        else {
            return Ok(());
        };
        conditions.clauses.extend(self.exempt(resolved)?);
        let mut part = 0_usize;
        for target in &targets {
            let Some(scope) = actions.constraint(target.kind())? else {
                // What names a schema may name its attributes, too: one is enough.
                if actions.apply_to_another(target, &targets)? {
                    continue;
                }
                let kind = target.kind().map_or("", ResourceKind::as_str);
                warn(format!("Action: none applies to {kind}"), &mut compiled.warnings);
                continue;
            };
            let subject = Subject::of(target, scope)?;
            for who in &who {
                if compiled.drafts.len() >= POLICY_RULES {
                    return Err(CompileError::TooLarge {
                        limit: POLICY_RULES,
                        unit: "pairs of principals and resources",
                    });
                }
                compiled.drafts.push(self.draft(part, who, &subject, &conditions)?);
                part = part.saturating_add(1);
            }
        }
        Ok(())
    }

    fn draft(
        &self,
        part: usize,
        who: &Who,
        subject: &Subject,
        conditions: &Conditions,
    ) -> Result<Draft, CompileError> {
        let effect = match self.effect {
            Effect::Allow => CedarEffect::Permit,
            Effect::Deny => CedarEffect::Forbid,
        };
        let Subject { actions, resource, parts, atom } = subject;
        let mut clauses = Vec::new();
        if who.delegated {
            let allows = expr::context(Fact::IamAllows.as_str());
            let label = Label::plain("the caller's identity policies");
            clauses.push((label, Clause::When(allows.into())));
        }
        clauses.extend(parts.iter().cloned());
        clauses.extend(conditions.clauses.iter().cloned());
        let clauses = within_depth(clauses);
        let labels = clauses.iter().map(|(label, _)| label.clone()).collect();
        let atoms = conditions.atoms.iter().chain(atom).cloned().collect();
        let clauses = clauses.into_iter().map(|(_, clause)| clause);
        let (who, actions, resource) = (who.scope.clone(), actions.clone(), resource.clone());
        let template = Template::new("", effect, who, actions, resource)
            .try_with_clauses(clauses)
            .map_err(|error| internal(&error))?;
        let (statement, sid) = (self.index, self.sid.clone());
        Ok(Draft { statement, part, sid, template, labels, atoms })
    }

    /// The conditions in Cedar's terms; `None` if one of them never holds, so
    /// that the statement has no effect.
    fn read_conditions(
        &self,
        patterns: &mut PatternBudget<'_>,
        warnings: &mut Vec<Warning>,
    ) -> Result<Option<Conditions>, CompileError> {
        let mut read = Conditions { clauses: Vec::new(), atoms: Vec::new() };
        let mut holds = true;
        let mut warn = |text: String| {
            warnings.push(Warning { statement: self.index, sid: self.sid.clone(), text });
        };
        for condition in &self.conditions {
            let label = &condition.label;
            let element = format!("Condition: {label}");
            let meaning = condition.compile(patterns);
            let meaning = meaning.map_err(|reason| self.refuse(&element, &reason))?;
            if condition.is_of_absent_key() {
                warn(format!("{element}: no request here has this key"));
            }
            match meaning.truth {
                Truth::Always => {}
                Truth::Never => {
                    holds = false;
                    warn(format!("{element}: never holds: the statement has no effect"));
                }
                Truth::When(expr) => {
                    read.clauses.push((condition.words(), Clause::When(expr.into())));
                    read.atoms.extend(meaning.atom);
                }
            }
        }
        Ok(holds.then_some(read))
    }

    /// `NotPrincipal`: those whom the statement leaves alone. On AWS, whoever
    /// is to be left alone must be named with everything that it is part of: a
    /// user with its account, a session with its role and its account.
    fn exempt(
        &self,
        resolved: &BTreeMap<String, PrincipalId>,
    ) -> Result<Option<(Label, Clause)>, CompileError> {
        let Principals::NotThese(named) = &self.principals else { return Ok(None) };
        let refuse = |reason: &str| {
            let advice = "use \"Principal\": \"*\" with the condition ArnNotEquals \
                          aws:PrincipalArn instead";
            self.refuse("NotPrincipal", &format!("{reason}: {advice}"))
        };
        let account_of = |arn: &str| Arn::parse(arn).and_then(|arn| AccountId::parse(arn.account));
        let names_account = |arn: &str| {
            account_of(arn).is_some_and(|account| named.contains(&Named::Account(account)))
        };
        let is = |kind: &str, id: &str| -> Result<Expr, CompileError> {
            let uid = Expr::Literal(Literal::EntityUID(uid(kind, id)?));
            Ok(expr::binary(BinaryOp::Eq, Expr::Var(Var::Principal), uid))
        };
        let mut exempt = Vec::new();
        for one in named {
            match one {
                Named::Everyone | Named::Federated(_) => {
                    return Err(refuse("names more than single principals"));
                }
                Named::Account(account) => exempt.push(is("Root", account.as_str())?),
                Named::Service(name) => exempt.push(is("Service", name)?),
                Named::Entity(arn) if !names_account(arn) => {
                    return Err(refuse("names a user or role without its account"));
                }
                Named::Entity(arn) => match find(resolved, arn)? {
                    PrincipalId::User(id) => exempt.push(is("User", id)?),
                    PrincipalId::Role(_) => {
                        let of_it = |other: &Named| match other {
                            Named::Session { role, .. } => role == arn,
                            _ => false,
                        };
                        if !named.iter().any(of_it) {
                            return Err(refuse("names a role without a session of it"));
                        }
                    }
                },
                Named::Session { role, name } => {
                    if !named.contains(&Named::Entity(role.clone())) || !names_account(role) {
                        return Err(refuse("names a session without its role and its account"));
                    }
                    let id = format!("{}:{name}", find(resolved, role)?.as_str());
                    exempt.push(is("RoleSession", &id)?);
                }
            }
        }
        let any = expr::chain(BinaryOp::Or, exempt);
        Ok(any.map(|any| (Label::plain("NotPrincipal"), Clause::Unless(any.into()))))
    }

    /// The principals in Cedar's terms.
    fn principals(
        &self,
        resolved: &BTreeMap<String, PrincipalId>,
    ) -> Result<Vec<Who>, CompileError> {
        let Principals::These(named) = &self.principals else {
            return Ok(vec![Who { scope: PrincipalConstraint::Any, delegated: false }]);
        };
        let mut list = Vec::new();
        let mut add = |scope, delegated| list.push(Who { scope, delegated });
        let mut seen = BTreeSet::new();
        for named in named.iter().filter(|named| seen.insert(*named)) {
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
                Named::Federated(arn) => {
                    add(PrincipalConstraint::In(entity("OidcProvider", arn)?), false)
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
        let element = if self.not_action { "NotAction" } else { "Action" };
        let (mut services, mut single) = (BTreeSet::new(), BTreeSet::new());
        let mut ignored = Vec::new();
        for text in texts {
            let refuse = |reason| Err(self.refuse(element, &format!("{text:?} {reason}")));
            if text == "*" && usage != Usage::Trust {
                if self.not_action {
                    return refuse("leaves no action");
                }
                return Ok((Actions::All, Vec::new()));
            }
            let lower = text.to_ascii_lowercase();
            if usage == Usage::Trust && !lower.starts_with("sts:") {
                return refuse("is no action of STS, and the policy of a role knows no others");
            }
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
        if self.not_action {
            // What is not here is not among the others either.
            return Ok((Actions::all_but(&services, &single, usage), Vec::new()));
        }
        Ok((Actions::Some { services, single }, ignored))
    }

    fn refuse(&self, element: &str, reason: &str) -> CompileError {
        CompileError::Malformed(format!("{}: {element}: {reason}", self.place()))
    }
}

impl Actions {
    /// All actions but these; in the policy of a role, all of STS.
    fn all_but(services: &BTreeSet<&'static str>, single: &BTreeSet<Action>, usage: Usage) -> Self {
        let rest = known_actions().filter(|action| {
            let service = action.service();
            !services.contains(service)
                && !single.contains(action)
                && (usage != Usage::Trust || service == "sts")
        });
        let is_touched = |action: &Action| single.iter().any(|s| s.service() == action.service());
        let (touched, whole): (BTreeSet<_>, BTreeSet<_>) = rest.partition(is_touched);
        let services = whole.iter().map(|action| action.service()).collect();
        Self::Some { services, single: touched }
    }

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

    /// Whether they apply to another kind of resource that the same text names.
    fn apply_to_another(&self, target: &Target, all: &[Target]) -> Result<bool, CompileError> {
        let is_of_items = |one: &Target| {
            matches!(one.kind(), Some(ResourceKind::ItemSchema | ResourceKind::Attribute))
        };
        for other in all.iter().filter(|other| is_of_items(other) && is_of_items(target)) {
            if other.given() == target.given() && self.constraint(other.kind())?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
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

/// The clauses, or one of them all if they and their depth exceed what is
/// evaluated.
fn within_depth(clauses: Vec<(Label, Clause)>) -> Vec<(Label, Clause)> {
    let depth_of = |clause: &Clause| {
        let (Clause::When(expr) | Clause::Unless(expr)) = clause;
        depth(expr)
    };
    let deepest = clauses.iter().map(|(_, clause)| depth_of(clause)).max().unwrap_or(0);
    if deepest.saturating_add(clauses.len()) <= POLICY_EVALUATION_DEPTH {
        return clauses;
    }
    let labels: Vec<_> = clauses.iter().map(|(label, _)| label.to_string()).collect();
    let label = Label::plain(labels.join(", "));
    let exprs = clauses.into_iter().map(|(_, clause)| match clause {
        Clause::When(expr) => Arc::unwrap_or_clone(expr),
        Clause::Unless(expr) => expr::not(Arc::unwrap_or_clone(expr)),
    });
    let all = expr::chain(BinaryOp::And, exprs.collect());
    all.map(|all| (label, Clause::When(all.into()))).into_iter().collect()
}

fn internal(error: &PstConstructionError) -> CompileError {
    CompileError::Malformed(error.to_string())
}
