//! What becomes of each statement of a document.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::Effect as CedarEffect;

use super::clause::{self, Conditions};
use super::{Effect, Outcome, ScopePart, StatementStory, naming};
use crate::policy::document::{Document, Rule};
use crate::policy::engine::Engine;
use crate::policy::facts::Facts;

/// A statement is one policy or several, one for each of its principals and
/// resources. The best outcome among them is the statement's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    kind: u8,
    /// Of two that fail alike, the one that fails in fewer places is nearer.
    nearness: usize,
}

impl Engine {
    /// One story a statement, in their order.
    pub(super) fn statement_stories(
        &self,
        document: &Document,
        facts: &Facts<'_>,
        iam_allows: bool,
    ) -> Vec<StatementStory> {
        let mut statements: BTreeMap<usize, Vec<&Rule>> = BTreeMap::new();
        for rule in document.rules() {
            statements.entry(rule.statement).or_default().push(rule);
        }
        let mut stories: BTreeMap<usize, StatementStory> = document
            .warnings()
            .iter()
            .map(|warning| {
                let outcome = Outcome::HasNoEffect { reason: warning.text.clone() };
                let (statement, sid) = (warning.statement, warning.sid.clone());
                (statement, StatementStory { statement, sid, effect: None, outcome })
            })
            .collect();
        for (statement, rules) in statements {
            if let Some(story) = self.statement_story(document, &rules, facts, iam_allows) {
                stories.insert(statement, story);
            }
        }
        stories.into_values().collect()
    }

    fn statement_story(
        &self,
        document: &Document,
        rules: &[&Rule],
        facts: &Facts<'_>,
        iam_allows: bool,
    ) -> Option<StatementStory> {
        let told = rules.iter().map(|rule| {
            let outcome = self.rule_outcome(document, rule, facts, iam_allows);
            (rank(&outcome, rule, facts), *rule, outcome)
        });
        // The first of equals: `max_by_key` would take the last.
        let (_, rule, mut outcome) = told.reduce(|a, b| if b.0 > a.0 { b } else { a })?;
        if let Outcome::OutOfScope { part, names } = &mut outcome {
            let all = rules.iter().flat_map(|rule| naming::scope(document, rule, *part));
            // Each once, in their order.
            let mut seen = BTreeSet::new();
            *names = all.filter(|name| seen.insert(name.clone())).collect();
        }
        Some(StatementStory {
            statement: rule.statement,
            sid: rule.sid.clone(),
            effect: Some(effect(rule)),
            outcome,
        })
    }

    fn rule_outcome(
        &self,
        document: &Document,
        rule: &Rule,
        facts: &Facts<'_>,
        iam_allows: bool,
    ) -> Outcome {
        let misfits = rule.scope.misfits(facts.action(), &facts.principal, &facts.resource);
        if let Some(part) = misfits.first() {
            return Outcome::OutOfScope { part: *part, names: Vec::new() };
        }
        let built = facts
            .request(&rule.reads, iam_allows)
            .and_then(|request| Ok((request, facts.entities(&rule.reads)?)));
        let (request, entities) = match built {
            Ok(built) => built,
            Err(error) => return Outcome::CannotBeEvaluated { clause: String::new(), error },
        };
        match clause::check(&self.authorizer, rule, facts, (&request, &entities)) {
            Conditions::Hold => Outcome::Applies,
            Conditions::Error { clause, error } => Outcome::CannotBeEvaluated { clause, error },
            Conditions::Fail(failed) if failed.iter().all(|failed| failed.is_delegation) => {
                let names = naming::scope(document, rule, ScopePart::Principal);
                Outcome::Delegates { to: names.join(", "), stopped_by: None }
            }
            Conditions::Fail(failed) => Outcome::ConditionIsFalse {
                clauses: failed.into_iter().map(|failed| failed.story).collect(),
            },
        }
    }
}

pub(super) fn effect(rule: &Rule) -> Effect {
    match rule.policy.effect() {
        CedarEffect::Permit => Effect::Allow,
        CedarEffect::Forbid => Effect::Deny,
    }
}

fn rank(outcome: &Outcome, rule: &Rule, facts: &Facts<'_>) -> Rank {
    let (kind, misses) = match outcome {
        // What fails to evaluate denies, whatever else the statement says.
        Outcome::CannotBeEvaluated { .. } => (5, 0),
        Outcome::Applies => (4, 0),
        Outcome::Delegates { .. } => (3, 0),
        Outcome::ConditionIsFalse { clauses } => (2, clauses.len()),
        Outcome::OutOfScope { .. } => {
            (1, rule.scope.misfits(facts.action(), &facts.principal, &facts.resource).len())
        }
        Outcome::HasNoEffect { .. } => (0, 0),
    };
    Rank { kind, nearness: usize::MAX.saturating_sub(misses) }
}
