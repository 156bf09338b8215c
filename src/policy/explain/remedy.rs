//! What to change so that a denied call is allowed, in one sentence.

use super::verdict::{About, resource_only, subject};
use super::{Effect, GrantOutcome, Says, Story};
use crate::base::caller::Principal;
use crate::policy::actions::Action;
use crate::policy::decision::{Decision, DenialKind, Source};
use crate::policy::engine::resource_policy;
use crate::policy::question::Question;

/// `None` of a call that is allowed.
pub(super) fn sentence(
    question: &Question<'_>,
    decision: &Decision,
    story: &Story,
) -> Option<String> {
    let kind = decision.explanation.denied?;
    let change = About::new(question, story).change(kind);
    Some(format!("To allow it: {change}."))
}

impl About<'_> {
    fn change(&self, kind: DenialKind) -> String {
        let action = self.question.action;
        match kind {
            DenialKind::ExplicitGuardrail => match self.forbidding(Source::Guardrail) {
                places if places.is_empty() => "ask the operator".to_owned(),
                places => format!("ask the operator about {}", places.join(" and ")),
            },
            DenialKind::ExplicitIdentity => self.without(&[Source::Identity, Source::Builtin]),
            DenialKind::ExplicitBoundary => self.without(&[Source::Boundary]),
            DenialKind::ExplicitSessionPolicy => self.without(&[Source::SessionPolicy]),
            DenialKind::ExplicitResourcePolicy => {
                self.without(&[Source::KeyPolicy, Source::TrustPolicy])
            }
            DenialKind::ImplicitIdentity => self.identity(),
            DenialKind::ImplicitBoundary => {
                self.conditions(|source| source == Source::Boundary).unwrap_or_else(|| {
                    let boundary = self.name_of(Source::Boundary);
                    format!("a statement of {boundary} that allows {action}")
                })
            }
            DenialKind::ImplicitSessionPolicy => {
                self.conditions(|source| source == Source::SessionPolicy).unwrap_or_else(|| {
                    format!("a session of {} whose session policy allows {action}", self.holder())
                })
            }
            DenialKind::ImplicitResourcePolicy => self.resource(),
            DenialKind::FailedClosed => match self.broken() {
                Some(place) => format!("rewrite {place}, or take it out"),
                None => "rewrite the policy that cannot be evaluated".to_owned(),
            },
        }
    }

    fn forbidding(&self, source: Source) -> Vec<String> {
        self.applying(Effect::Deny, |other| other == source)
    }

    /// Takes out what forbids the call, and says so if nothing would allow it.
    fn without(&self, sources: &[Source]) -> String {
        let denies = self.statements().filter(|(story, statement)| {
            sources.contains(&story.source) && statement.applies(Effect::Deny)
        });
        let denies: Vec<String> = denies
            .map(|(story, statement)| match &statement.sid {
                Some(sid) => {
                    let at = statement.statement;
                    format!("statement {at} ({sid:?}) out of {}", subject(story))
                }
                None => format!("statement {} out of {}", statement.statement, subject(story)),
            })
            .collect();
        let taken = match denies.as_slice() {
            [] => "take out what forbids it".to_owned(),
            [one] => format!("take {one}, or except this call from it"),
            all => format!("take {}, or except this call from them", all.join(" and ")),
        };
        let is_own = |source| matches!(source, Source::Identity | Source::Builtin);
        let allowing =
            self.applying(Effect::Allow, |source| is_own(source) || resource_only(source));
        let by_grant = self.story.grants.iter().any(|one| one.outcome == GrantOutcome::Allows);
        match allowing.is_empty() && !by_grant {
            true => format!("{taken}; something must allow it, too, and nothing does"),
            false => taken,
        }
    }

    fn identity(&self) -> String {
        let is_own =
            |source| source == Source::Identity || (resource_only(source) && !self.foreign);
        if let Some(conditions) = self.conditions(is_own) {
            return conditions + &self.limits();
        }
        let own = self.own_policy();
        let change = match (resource_policy(self.question), self.foreign) {
            (None, true) => self.home_caller(),
            (Some(_), true) | (None, false) => own,
            (Some(_), false) => self.or_grant(format!("{own}, or {}", self.statement())),
        };
        change + &self.limits()
    }

    fn resource(&self) -> String {
        let account = self.question.caller.principal.account();
        if self.foreign && !self.question.action.crosses_accounts() {
            return self.home_caller();
        }
        if self.question.action == Action::RETIRE_GRANT {
            return format!("a grant that names {} as its retiring principal", self.named());
        }
        let needs_own = self.foreign && !self.story.iam_allows;
        if let Some(conditions) = self.conditions(resource_only) {
            return match needs_own {
                true => format!("{conditions}; and {}", self.own_policy()),
                false => conditions,
            };
        }
        let has_policies = matches!(
            self.question.caller.principal,
            Principal::User { .. } | Principal::RoleSession { .. }
        );
        let statement = self.statement();
        self.or_grant(match (has_policies, self.foreign, self.story.iam_allows) {
            (false, ..) => statement,
            (true, true, true) => format!("{statement} or account {account}"),
            (true, true, false) => {
                format!("{statement} or account {account}, and {}", self.own_policy())
            }
            (true, false, true) => format!("{statement} or delegates to account {account}"),
            (true, false, false) => {
                let own = self.own_policy();
                format!("{statement}, or one that delegates to account {account} and {own}")
            }
        })
    }

    fn own_policy(&self) -> String {
        format!("an identity policy of {} that allows {}", self.holder(), self.question.action)
    }

    fn statement(&self) -> String {
        format!("a statement of {} that allows it to {}", self.resource_policy_name(), self.named())
    }

    /// The change, or another call where the caller has a grant for such.
    fn or_grant(&self, change: String) -> String {
        match self.constrained_grant() {
            Some(_) => format!("{change}, or a call that meets the constraint of the grant"),
            None => change,
        }
    }

    /// The way out where only conditions are in the way.
    fn conditions(&self, fits: impl Fn(Source) -> bool) -> Option<String> {
        let places = self.conditional(fits);
        places.first().map(|place| format!("meet the conditions of {place}, or change them"))
    }

    fn home_caller(&self) -> String {
        format!("call as a principal of account {}", self.question.resource.account())
    }

    /// The limits that would stop the call next.
    fn limits(&self) -> String {
        let limits = self.story.policies.iter().filter(|story| {
            matches!(story.source, Source::Boundary | Source::SessionPolicy)
                && story.says != Says::Allows
        });
        let names: Vec<String> = limits.map(subject).collect();
        match names.is_empty() {
            true => String::new(),
            false => format!("; {} must allow it, too", names.join(" and ")),
        }
    }

    fn name_of(&self, source: Source) -> String {
        let found = self.story.policies.iter().find(|story| story.source == source);
        found.map_or_else(|| format!("the permissions boundary of {}", self.caller), subject)
    }

    /// Who has the caller's identity policies.
    fn holder(&self) -> String {
        let name = match &self.question.caller.principal {
            Principal::RoleSession { role_name, .. } => format!("role {role_name}"),
            _ => self.caller.clone(),
        };
        match self.foreign {
            true => format!("{name} in account {}", self.question.caller.principal.account()),
            false => name,
        }
    }

    /// Whom a statement has to name.
    fn named(&self) -> String {
        match &self.question.caller.principal {
            Principal::RoleSession { role_name, .. } => format!("role {role_name}"),
            Principal::WebIdentity { provider, .. } => format!("the provider {provider}"),
            _ => self.caller.clone(),
        }
    }
}
