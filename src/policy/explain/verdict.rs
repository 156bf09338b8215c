//! The answer in one sentence. What decided comes from the decision; the story
//! lends the names.

use super::{Effect, GrantOutcome, Outcome, PolicyStory, StatementStory, Story, naming};
use crate::base::caller::Principal;
use crate::policy::actions::Action;
use crate::policy::decision::{Decision, DenialKind, Source};
use crate::policy::engine::resource_policy;
use crate::policy::question::Question;

/// What the sentences are about.
struct About<'a> {
    question: &'a Question<'a>,
    story: &'a Story,
    caller: String,
    foreign: bool,
}

pub(super) fn sentence(question: &Question<'_>, decision: &Decision, story: &Story) -> String {
    let principal = &question.caller.principal;
    let about = About {
        question,
        story,
        caller: naming::principal(principal),
        foreign: principal.account() != question.resource.account(),
    };
    match decision.explanation.denied {
        None => format!("Allowed: {}.", about.allowed(decision)),
        Some(kind) => format!("Denied: {}.", about.denied(kind, decision)),
    }
}

impl About<'_> {
    fn allowed(&self, decision: &Decision) -> String {
        let grant = |story: &&super::GrantStory| story.outcome == GrantOutcome::Allows;
        let applying = self.applying(Effect::Allow, resource_only);
        let caller_side = self
            .applying(Effect::Allow, |source| matches!(source, Source::Identity | Source::Builtin));
        let action = self.question.action;
        let by_grant =
            decision.explanation.determining.iter().any(|one| one.source == Source::Grant);
        let applying = if by_grant { None } else { applying.first() };
        let caller_side = if by_grant { None } else { caller_side.first() };
        match (applying, caller_side, self.story.grants.iter().find(grant)) {
            (Some(by), Some(side), _) if self.foreign => {
                format!("{by} allows {action} to {}, and so does {side}", self.caller)
            }
            (Some(by), Some(side), _) if self.trusts_account() => {
                format!("{side} allows {action}, and {by} trusts the account of {}", self.caller)
            }
            (Some(by), _, _) => format!("{by} allows {action} to {}", self.caller),
            (None, _, Some(grant)) => {
                format!("grant {} allows {action} to {}", grant.grant_id, grant.grantee)
            }
            (None, Some(side), None) => format!("{side} allows {action} to {}", self.caller),
            (None, None, None) => match self.story.grants.is_empty() {
                true => format!("a grant of the key allows {action} to {}", self.caller),
                false => format!("{} may perform {action}", self.caller),
            },
        }
    }

    fn denied(&self, kind: DenialKind, decision: &Decision) -> String {
        let (action, caller) = (self.question.action, &self.caller);
        let policy = self.resource_policy_name();
        match kind {
            DenialKind::ExplicitGuardrail => self.forbidden(Source::Guardrail),
            DenialKind::ExplicitIdentity => self.forbidden(Source::Identity),
            DenialKind::ExplicitBoundary => self.forbidden(Source::Boundary),
            DenialKind::ExplicitSessionPolicy => self.forbidden(Source::SessionPolicy),
            DenialKind::ExplicitResourcePolicy => match self.story_of_resource() {
                Some(story) => self.forbidden(story.source),
                None => format!("{policy} forbids {action}"),
            },
            DenialKind::ImplicitIdentity => {
                format!("{}{}{}", self.no_identity(), self.nearest(), self.without_grants())
            }
            DenialKind::ImplicitBoundary => format!(
                "the permissions boundary of {caller} does not let {action} pass{}",
                self.nearest_in(|source| source == Source::Boundary)
            ),
            DenialKind::ImplicitSessionPolicy => format!(
                "the session policy of {caller} does not let {action} pass{}",
                self.nearest_in(|source| source == Source::SessionPolicy)
            ),
            DenialKind::ImplicitResourcePolicy => self.no_resource_policy(&policy),
            DenialKind::FailedClosed => {
                let failed = self.statements().find_map(|(story, statement)| {
                    let Outcome::CannotBeEvaluated { error, .. } = &statement.outcome else {
                        return None;
                    };
                    Some(format!("{}: {error}", place(story, statement)))
                });
                let reason = failed.or_else(|| decision.explanation.errors.first().cloned());
                format!(
                    "a policy cannot be evaluated, and what cannot be evaluated is denied: {}",
                    reason.unwrap_or_default()
                )
            }
        }
    }

    fn no_identity(&self) -> String {
        let (action, caller) = (self.question.action, &self.caller);
        let owner = self.question.resource.account();
        let Some((_, _)) = resource_policy(self.question) else {
            return match self.foreign {
                true => format!(
                    "{} belongs to account {owner}, and {action} is not possible from another one",
                    self.story.resource
                ),
                false => format!("no identity policy of {caller} allows {action}"),
            };
        };
        let policy = self.resource_policy_name();
        if self.foreign {
            let account = self.question.caller.principal.account();
            return format!(
                "{policy} may allow {action}, but no identity policy of {caller} in account \
                 {account} does, and a call from another account needs both"
            );
        }
        let delegation = self.delegation();
        format!("no identity policy of {caller} allows {action}; {delegation}")
    }

    /// The statement by which the resource's policy trusts the account.
    fn delegation(&self) -> String {
        let found = self.statements().find_map(|(story, statement)| match &statement.outcome {
            Outcome::Delegates { to } => {
                Some(format!("{} delegates to {to}", place(story, statement)))
            }
            _ => None,
        });
        found.unwrap_or_else(|| format!("{} leaves it to them", self.resource_policy_name()))
    }

    fn no_resource_policy(&self, policy: &str) -> String {
        let (action, caller) = (self.question.action, &self.caller);
        if self.foreign && !action.crosses_accounts() {
            return format!(
                "{action} is not possible from another account, whatever {policy} says"
            );
        }
        if action == Action::RETIRE_GRANT {
            return format!("no grant says that {caller} may retire it{}", self.without_grants());
        }
        let delegated = match self.story.iam_allows {
            true => format!(
                ", though identity policies of {caller} do: {policy} does not trust them with it"
            ),
            false => String::new(),
        };
        format!(
            "{policy} does not allow {action} to {caller}{delegated}{}{}",
            self.nearest(),
            self.without_grants()
        )
    }

    /// What forbids it, in one of the policies of this source.
    fn forbidden(&self, source: Source) -> String {
        let by = self.applying(Effect::Deny, |other| {
            other == source || (source == Source::Identity && other == Source::Builtin)
        });
        let by = by.first().cloned().unwrap_or_else(|| "a policy".to_owned());
        let (action, caller) = (self.question.action, &self.caller);
        format!("{by} forbids {action} to {caller}")
    }

    fn without_grants(&self) -> String {
        match self.story.grants.len() {
            0 => String::new(),
            1 => "; the one grant on the key does not cover it".to_owned(),
            number => format!("; none of the {number} grants on the key covers it"),
        }
    }

    /// The statement that would allow the call if one condition held.
    fn nearest(&self) -> String {
        self.nearest_in(|source| matches!(source, Source::Identity) || resource_only(source))
    }

    fn nearest_in(&self, fits: impl Fn(Source) -> bool) -> String {
        let found = self.statements().filter(|(story, _)| fits(story.source)).find_map(
            |(story, statement)| match &statement.outcome {
                Outcome::ConditionIsFalse { clauses }
                    if statement.effect == Some(Effect::Allow) =>
                {
                    Some((place(story, statement), clauses.first()?.clone()))
                }
                _ => None,
            },
        );
        match found {
            Some((place, clause)) => format!("; {place} would, but {clause}"),
            None => String::new(),
        }
    }

    /// Whether what the resource's policy says is no more than that the account
    /// may decide.
    fn trusts_account(&self) -> bool {
        if let Principal::Root { .. } = self.question.caller.principal {
            return false;
        }
        let Some((_, policy)) = resource_policy(self.question) else { return false };
        let applying: Vec<usize> = self
            .story_of_resource()
            .into_iter()
            .flat_map(|story| &story.statements)
            .filter(|statement| statement.applies(Effect::Allow))
            .map(|statement| statement.statement)
            .collect();
        let reads = |rule: &crate::policy::document::Rule| {
            applying.contains(&rule.statement)
                && super::clause::conjuncts(rule)
                    .iter()
                    .any(|one| super::clause::is_delegation(&one.clause))
        };
        policy.rules().iter().any(reads)
    }

    fn resource_policy_name(&self) -> String {
        self.story_of_resource().map_or("the policy of the resource".to_owned(), subject)
    }

    fn story_of_resource(&self) -> Option<&PolicyStory> {
        self.story.policies.iter().find(|story| resource_only(story.source))
    }

    fn statements(&self) -> impl Iterator<Item = (&PolicyStory, &StatementStory)> {
        let policies = self.story.policies.iter();
        policies.flat_map(|story| story.statements.iter().map(move |one| (story, one)))
    }

    /// The statements that apply with this effect, by their place.
    fn applying(&self, effect: Effect, fits: impl Fn(Source) -> bool) -> Vec<String> {
        self.statements()
            .filter(|(story, statement)| fits(story.source) && statement.applies(effect))
            .map(|(story, statement)| place(story, statement))
            .collect()
    }
}

const fn resource_only(source: Source) -> bool {
    super::resource_source(source)
}

/// A document as the subject of a sentence.
fn subject(story: &PolicyStory) -> String {
    match story.name.starts_with("policy ") || story.name.starts_with("what ") {
        true => story.name.clone(),
        false => format!("the {}", story.name),
    }
}

/// Where a statement stands.
fn place(story: &PolicyStory, statement: &StatementStory) -> String {
    naming::place(&story.name, statement.statement, statement.sid.as_deref())
}
