//! Why a call is allowed or denied: the same question as the engine's, answered
//! with everything that was looked at. The verdict is [`Engine::decide`]'s own;
//! the story beside it evaluates every statement by the same authorizer.
//!
//! Deliberately absent: any influence on decisions. Nothing here makes a permit.

pub(super) mod clause;
mod grants;
pub(super) mod naming;
mod reach;
mod remedy;
mod statement;
mod text;
mod verdict;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::decision::{DenialKind, Source};
use super::document::Document;
use super::engine::{Engine, Trail, resource_policy};
use super::facts::Facts;
use super::question::Question;
pub use super::scope::ScopePart;
use crate::base::caller::Principal;
pub use grants::{GrantOutcome, GrantStory, KnownGrant};
pub use reach::{Access, Reached, Stranger, Way};

/// What people call the documents and grants that a question is about.
#[derive(Debug, Default)]
pub struct Names {
    /// By source and id of the document: ``policy `p` of user alice``.
    pub documents: BTreeMap<(Source, String), Vec<String>>,
    /// Every grant of the key.
    pub grants: Vec<KnownGrant>,
}

/// The whole story of one decision. `Display` is the form for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Story {
    /// The answer and its reason in one sentence.
    pub verdict: String,
    /// What to change so that the call is allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    pub allowed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denied: Option<DenialKind>,
    pub principal: String,
    pub action: String,
    pub resource: String,
    /// What else the request says, by name.
    pub request: BTreeMap<String, String>,
    /// `context.iamAllows`: whether the caller's own side allows the call.
    pub iam_allows: bool,
    pub policies: Vec<PolicyStory>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<GrantStory>,
    /// What could not be known, and what was taken instead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One policy document and what it says to the question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyStory {
    pub source: Source,
    pub name: String,
    /// The first 12 hex digits of its hash.
    pub document: String,
    pub says: Says,
    pub statements: Vec<StatementStory>,
}

/// What a document says as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Says {
    Allows,
    Denies,
    Nothing,
    /// It could not be evaluated, which denies.
    Fails,
}

/// One statement and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatementStory {
    /// Counted from 0.
    pub statement: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// `None` for a statement without effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<Effect>,
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What a statement does when it applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    Allow,
    Deny,
}

/// Whether a statement applies, and if not, why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "camelCase")]
pub enum Outcome {
    Applies,
    /// It is about somebody, or something, else.
    #[serde(rename_all = "camelCase")]
    OutOfScope {
        part: ScopePart,
        names: Vec<String>,
    },
    /// It trusts the account, whose own policies do not allow the call.
    #[serde(rename_all = "camelCase")]
    Delegates {
        to: String,
        /// What stops the call although one of their policies allows it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stopped_by: Option<String>,
    },
    #[serde(rename_all = "camelCase")]
    ConditionIsFalse {
        clauses: Vec<ClauseStory>,
    },
    #[serde(rename_all = "camelCase")]
    CannotBeEvaluated {
        clause: String,
        error: String,
    },
    #[serde(rename_all = "camelCase")]
    HasNoEffect {
        reason: String,
    },
}

/// A condition that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClauseStory {
    pub text: String,
    /// What the request had where the condition looks, by name.
    pub values: BTreeMap<String, String>,
    /// The same in words; `None` of a condition in Cedar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub has: Option<String>,
}

impl Engine {
    /// Tells everything that bears on one question, and the decision itself.
    #[must_use]
    pub fn explain(&self, question: &Question<'_>, names: &Names) -> Story {
        let decision = self.decide(question);
        let denied = decision.explanation.denied;
        let mut story = Story {
            verdict: String::new(),
            remedy: None,
            allowed: denied.is_none(),
            denied,
            principal: question.caller.principal.to_string(),
            action: question.action.to_string(),
            resource: question.resource.label(),
            request: naming::request(question),
            iam_allows: false,
            policies: Vec::new(),
            grants: Vec::new(),
            notes: Vec::new(),
        };
        if let Some(facts) = Facts::new(question, &self.compiler.vocabulary) {
            let side = self.judge_caller(question, &facts, &mut Trail::default());
            story.iam_allows = side.is_ok_and(|side| side.allows().is_ok());
            for (source, document) in self.documents_for(question) {
                // Only the policy of the resource hears of the caller's side.
                let iam_allows = resource_source(source) && story.iam_allows;
                let name = naming::document(self, source, &document, question, names);
                let statements = self.statement_stories(&document, &facts, iam_allows);
                let says = Says::of(&statements);
                let document = document.id().to_owned();
                story.policies.push(PolicyStory { source, name, document, says, statements });
            }
            story.grants = self.grant_stories(question, side.ok(), &names.grants);
        }
        story.note_what_stops();
        story.verdict = verdict::sentence(question, &decision, &story);
        story.remedy = remedy::sentence(question, &decision, &story);
        story
    }

    /// Every document that is asked, in the order in which it is.
    fn documents_for(&self, question: &Question<'_>) -> Vec<(Source, Arc<Document>)> {
        let mut documents = Vec::new();
        let mut add = |source, document: &Arc<Document>| {
            documents.push((source, Arc::clone(document)));
        };
        match question.caller.principal {
            Principal::System { .. } => add(Source::Builtin, &self.system),
            _ => {
                self.guardrails().iter().for_each(|guardrail| add(Source::Guardrail, guardrail));
                if let Principal::Root { .. } = question.caller.principal {
                    add(Source::Builtin, &self.root);
                }
                question.standing.policies.iter().for_each(|policy| add(Source::Identity, policy));
            }
        }
        let standing = question.standing;
        standing.boundary.iter().for_each(|policy| add(Source::Boundary, policy));
        standing.session_policy.iter().for_each(|policy| add(Source::SessionPolicy, policy));
        if let Some((source, policy)) = resource_policy(question) {
            add(source, policy);
        }
        documents
    }
}

impl Story {
    /// Says, where the account is trusted and one of its policies allows the
    /// call, which other one stops it.
    fn note_what_stops(&mut self) {
        let on_side =
            |story: &PolicyStory| matches!(story.source, Source::Identity | Source::Builtin);
        let allowing = |one: &StatementStory| one.applies(Effect::Allow);
        let mut own = self.policies.iter().filter(|story| on_side(story));
        if self.iam_allows || !own.any(|story| story.statements.iter().any(allowing)) {
            return;
        }
        let stopping = self.policies.iter().find_map(|story| match (story.source, story.says) {
            (_, Says::Allows) | (Source::KeyPolicy | Source::TrustPolicy | Source::Grant, _) => {
                None
            }
            (Source::Guardrail, Says::Nothing) => None,
            (Source::Guardrail, _) => Some("a guardrail"),
            (Source::Boundary, _) => Some("the boundary"),
            (Source::SessionPolicy, _) => Some("the session policy"),
            (Source::Identity | Source::Builtin, Says::Denies) => Some("a Deny"),
            (Source::Identity | Source::Builtin, _) => None,
        });
        let statements = self.policies.iter_mut().flat_map(|story| &mut story.statements);
        for statement in statements {
            if let Outcome::Delegates { stopped_by, .. } = &mut statement.outcome {
                *stopped_by = stopping.map(str::to_owned);
            }
        }
    }
}

/// Whether policies of this source belong to a resource.
const fn resource_source(source: Source) -> bool {
    matches!(source, Source::KeyPolicy | Source::TrustPolicy)
}

impl Says {
    fn of(statements: &[StatementStory]) -> Self {
        let failed =
            |story: &StatementStory| matches!(story.outcome, Outcome::CannotBeEvaluated { .. });
        if statements.iter().any(failed) {
            Self::Fails
        } else if statements.iter().any(|story| story.applies(Effect::Deny)) {
            Self::Denies
        } else if statements.iter().any(|story| story.applies(Effect::Allow)) {
            Self::Allows
        } else {
            Self::Nothing
        }
    }
}

impl StatementStory {
    /// Whether it applies, and has this effect.
    #[must_use]
    pub fn applies(&self, effect: Effect) -> bool {
        self.outcome == Outcome::Applies && self.effect == Some(effect)
    }
}
