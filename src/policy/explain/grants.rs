//! The grants of the key, and why each does or does not allow the call.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::base::context::EncryptionContext;
use crate::base::grant::GrantTerms;
use crate::policy::engine::{CallerSide, Engine};
use crate::policy::grant::{Candidate, GrantQuery, Party, Reach, Term};
use crate::policy::question::{Question, Resource};

/// One grant of the key, with the names of its parties.
#[derive(Clone, Debug)]
pub struct KnownGrant {
    pub terms: Arc<GrantTerms>,
    /// What its maker called it.
    pub name: Option<String>,
    pub grantee: String,
    /// What the caller is to it, and by which of its names; `None` if nothing.
    pub caller_is: Option<(Party, Reach)>,
}

/// One grant and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GrantStory {
    pub grant_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub grantee: String,
    #[serde(flatten)]
    pub outcome: GrantOutcome,
}

/// Whether a grant allows the call, and if not, why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "camelCase")]
pub enum GrantOutcome {
    Allows,
    /// The caller is not its grantee; to retire it, none of those who may.
    IsForSomebodyElse,
    #[serde(rename_all = "camelCase")]
    HasOtherOperations {
        operations: Vec<String>,
    },
    /// Of the constraints, this one does not hold.
    #[serde(rename_all = "camelCase")]
    IsConstrained {
        constraint: String,
        /// What the call has instead.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        has: Option<String>,
    },
    /// It is for the caller's role or account, and the caller's own policies,
    /// or their limits, do not let the call pass.
    IsLimited,
    #[serde(rename_all = "camelCase")]
    CannotBeEvaluated {
        error: String,
    },
}

impl KnownGrant {
    /// The grant as the engine would be told of it.
    fn candidate(&self) -> Option<Candidate> {
        let (party, reach) = self.caller_is?;
        Some(Candidate { terms: Arc::clone(&self.terms), party, reach })
    }
}

impl Engine {
    /// What became of every grant of the key. `side` is the caller's own side;
    /// `None` if it forbids, and no grant is looked at.
    pub(super) fn grant_stories(
        &self,
        question: &Question<'_>,
        side: Option<CallerSide>,
        known: &[KnownGrant],
    ) -> Vec<GrantStory> {
        let (Resource::Key(key), Some(operation)) =
            (question.resource, question.action.grant_operation())
        else {
            return Vec::new();
        };
        let query = GrantQuery {
            key: key.arn,
            principal: &question.caller.principal,
            operation,
            context: question.request.encryption_context,
        };
        let story = |grant: &KnownGrant| {
            let outcome = match grant.candidate() {
                Some(candidate) => self.grant_outcome(&query, &candidate, side),
                None => GrantOutcome::IsForSomebodyElse,
            };
            let (grant_id, grantee) = (grant.terms.id.to_string(), grant.grantee.clone());
            GrantStory { grant_id, name: grant.name.clone(), grantee, outcome }
        };
        known.iter().map(story).collect()
    }

    fn grant_outcome(
        &self,
        query: &GrantQuery<'_>,
        candidate: &Candidate,
        side: Option<CallerSide>,
    ) -> GrantOutcome {
        let reached = match candidate.reach {
            Reach::Itself => true,
            Reach::Role => side.is_some_and(|side| side.is_within_limits().is_ok()),
            Reach::Account => side.is_some_and(|side| side.allows().is_ok()),
        };
        match self.grant_policy.allows(&self.authorizer, query, candidate) {
            Err(error) => GrantOutcome::CannotBeEvaluated { error },
            Ok(true) if reached => GrantOutcome::Allows,
            Ok(true) => GrantOutcome::IsLimited,
            Ok(false) => refusal(query, candidate),
        }
    }
}

fn refusal(query: &GrantQuery<'_>, candidate: &Candidate) -> GrantOutcome {
    let terms = &candidate.terms;
    let fails = |term: Term| !term.holds(query, candidate);
    if fails(Term::AllowsAction) {
        return other_operations(terms);
    }
    let missing: Vec<String> = terms
        .subset
        .iter()
        .filter(|pair| !query.context.is_some_and(|context| context.iter().any(|had| had == *pair)))
        .map(|(key, _)| match query.context.and_then(|context| context.find(key)) {
            Some(value) => format!("{key}={value}"),
            None => format!("no {key}"),
        })
        .collect();
    let (constraint, has) = if fails(Term::ContextSubset) {
        (shown(&terms.subset), Some(missing.join(", ")))
    } else if fails(Term::ContextEquals) {
        let held = query.context.filter(|context| !context.is_empty());
        let held = held.map_or_else(|| "no encryption context".to_owned(), shown);
        (format!("{} and no more", shown(&terms.equals)), Some(held))
    } else if let Some(arn) = &terms.source_arn {
        (format!("the call must be about {arn}"), None)
    } else {
        ("it is not known which".to_owned(), None)
    };
    GrantOutcome::IsConstrained { constraint, has }
}

impl GrantStory {
    /// The grant as the subject of a sentence.
    pub(super) fn subject(&self) -> String {
        match &self.name {
            Some(name) => format!("grant {name:?}"),
            None => format!("grant {}", self.grant_id),
        }
    }
}

fn other_operations(terms: &GrantTerms) -> GrantOutcome {
    let operations = terms.operations.iter().map(|operation| operation.to_string()).collect();
    GrantOutcome::HasOtherOperations { operations }
}

pub(super) fn shown(context: &EncryptionContext) -> String {
    let pairs = context.iter().map(|(key, value)| format!("{key}={value}"));
    pairs.collect::<Vec<_>>().join(", ")
}
