//! The answer in one sentence. What decided comes from the decision; the story
//! lends the names.

use super::{
    Effect, GrantOutcome, GrantStory, Outcome, PolicyStory, StatementStory, Story, naming,
};
use crate::base::caller::Principal;
use crate::policy::actions::Action;
use crate::policy::decision::{Decision, DenialKind, Source};
use crate::policy::engine::resource_policy;
use crate::policy::question::{Question, Resource};

/// What the sentences are about.
pub(super) struct About<'a> {
    pub(super) question: &'a Question<'a>,
    pub(super) story: &'a Story,
    pub(super) caller: String,
    pub(super) foreign: bool,
}

pub(super) fn sentence(question: &Question<'_>, decision: &Decision, story: &Story) -> String {
    let about = About::new(question, story);
    match decision.explanation.denied {
        None => format!("Allowed: {}.", about.allowed(decision)),
        Some(kind) => format!("Denied: {}.", about.denied(kind, decision)),
    }
}

impl<'a> About<'a> {
    pub(super) fn new(question: &'a Question<'a>, story: &'a Story) -> Self {
        let principal = &question.caller.principal;
        let foreign = principal.account() != question.resource.account();
        Self { question, story, caller: naming::principal(principal), foreign }
    }

    fn allowed(&self, decision: &Decision) -> String {
        let grant = |story: &&GrantStory| story.outcome == GrantOutcome::Allows;
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
                format!("{} allows {action} to {}", grant.subject(), grant.grantee)
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
            DenialKind::ImplicitIdentity => self.no_identity(),
            DenialKind::ImplicitBoundary => {
                self.nearest(|source| source == Source::Boundary).unwrap_or_else(|| {
                    format!("the permissions boundary of {caller} does not let {action} pass")
                })
            }
            DenialKind::ImplicitSessionPolicy => {
                self.nearest(|source| source == Source::SessionPolicy).unwrap_or_else(|| {
                    format!("the session policy of {caller} does not let {action} pass")
                })
            }
            DenialKind::ImplicitResourcePolicy => self.no_resource_policy(&policy),
            DenialKind::FailedClosed => match self.broken() {
                Some(place) => format!("{place} cannot be evaluated, and that denies"),
                None => format!(
                    "a policy cannot be evaluated, and that denies: {}",
                    decision.explanation.errors.first().cloned().unwrap_or_default()
                ),
            },
        }
    }

    /// The statement that cannot be evaluated.
    pub(super) fn broken(&self) -> Option<String> {
        let mut all = self.statements();
        all.find_map(|(story, one)| match one.outcome {
            Outcome::CannotBeEvaluated { .. } => Some(place(story, one)),
            _ => None,
        })
    }

    fn no_identity(&self) -> String {
        let (action, caller) = (self.question.action, &self.caller);
        let owner = self.question.resource.account();
        if resource_policy(self.question).is_none() && self.foreign {
            return format!(
                "{} belongs to account {owner}, and {action} is not possible from another one",
                self.story.resource
            );
        }
        let is_own =
            |source| source == Source::Identity || (resource_only(source) && !self.foreign);
        if let Some(near) = self.nearest(is_own) {
            return near;
        }
        if self.foreign {
            let policy = self.resource_policy_name();
            let account = self.question.caller.principal.account();
            return format!(
                "{policy} may allow {action}, but no identity policy of {caller} in account \
                 {account} does"
            );
        }
        format!("no identity policy of {caller} allows {action}{}", self.nearest_grant())
    }

    fn no_resource_policy(&self, policy: &str) -> String {
        let (action, caller) = (self.question.action, &self.caller);
        if self.foreign && !action.crosses_accounts() {
            return format!(
                "{action} is not possible from another account, whatever {policy} says"
            );
        }
        if action == Action::RETIRE_GRANT {
            return format!("no grant says that {caller} may retire it");
        }
        if let Some(near) = self.nearest(resource_only) {
            return near;
        }
        let account = self.question.caller.principal.account();
        match self.question.resource {
            Resource::Key(_) => format!(
                "no statement of {policy} allows {action} to {caller} or delegates it to account \
                 {account}{}",
                self.nearest_grant()
            ),
            _ => format!("{policy} does not allow {action} to {caller}"),
        }
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

    /// What a grant of the caller's lacks; empty if there is none.
    fn nearest_grant(&self) -> String {
        let narrow =
            |story: &&GrantStory| matches!(story.outcome, GrantOutcome::HasOtherOperations { .. });
        match (self.constrained_grant(), self.story.grants.iter().find(narrow)) {
            (Some(grant), _) => format!(", and the constraint of {} is not met", grant.subject()),
            (None, Some(grant)) => format!(", and {} is for other operations", grant.subject()),
            (None, None) => String::new(),
        }
    }

    /// The grant that would allow the call if its constraint held.
    pub(super) fn constrained_grant(&self) -> Option<&GrantStory> {
        let mut grants = self.story.grants.iter();
        grants.find(|story| matches!(story.outcome, GrantOutcome::IsConstrained { .. }))
    }

    /// Where the condition stands that alone keeps a statement of such a policy
    /// from allowing the call.
    fn nearest(&self, fits: impl Fn(Source) -> bool) -> Option<String> {
        let places = self.conditional(fits);
        places.first().map(|place| format!("a condition of {place} is false"))
    }

    /// The statements that would allow the call if their conditions held.
    pub(super) fn conditional(&self, fits: impl Fn(Source) -> bool) -> Vec<String> {
        let would = self.statements().filter(|(story, statement)| {
            fits(story.source)
                && statement.effect == Some(Effect::Allow)
                && matches!(statement.outcome, Outcome::ConditionIsFalse { .. })
        });
        would.map(|(story, statement)| place(story, statement)).collect()
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

    pub(super) fn resource_policy_name(&self) -> String {
        self.story_of_resource().map_or("the policy of the resource".to_owned(), subject)
    }

    fn story_of_resource(&self) -> Option<&PolicyStory> {
        self.story.policies.iter().find(|story| resource_only(story.source))
    }

    pub(super) fn statements(&self) -> impl Iterator<Item = (&PolicyStory, &StatementStory)> {
        let policies = self.story.policies.iter();
        policies.flat_map(|story| story.statements.iter().map(move |one| (story, one)))
    }

    /// The statements that apply with this effect, by their place.
    pub(super) fn applying(&self, effect: Effect, fits: impl Fn(Source) -> bool) -> Vec<String> {
        self.statements()
            .filter(|(story, statement)| fits(story.source) && statement.applies(effect))
            .map(|(story, statement)| place(story, statement))
            .collect()
    }
}

pub(super) const fn resource_only(source: Source) -> bool {
    super::resource_source(source)
}

/// A document as the subject of a sentence.
pub(super) fn subject(story: &PolicyStory) -> String {
    match story.name.starts_with("policy ") || story.name.starts_with("what ") {
        true => story.name.clone(),
        false => format!("the {}", story.name),
    }
}

/// Where a statement stands.
fn place(story: &PolicyStory, statement: &StatementStory) -> String {
    naming::place(&story.name, statement.statement, statement.sid.as_deref())
}
