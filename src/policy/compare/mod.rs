//! Two policies of one key: requests that one allows and the other denies.
//!
//! It is a search, not a proof: it asks about the principals and actions that
//! either document speaks of, and about the values that their conditions name,
//! with each value there, another, and none. What it finds is so; what it does
//! not find may be.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::actions::{Action, ResourceKind};
use super::document::Document;
use super::engine::Engine;
use super::error::CompileError;
use super::explain::Names;
use super::grant::NoGrants;
use super::question::{KeyResource, Question, Resource, Standing};
use super::scenario::Scenario;
use super::search::{Wish, principals, wishes};
use crate::base::caller::Principal;
use crate::base::clock::Deadline;
use crate::base::limits::{
    COMPARED_EXAMPLES, COMPARED_REQUESTS, COMPARED_RULES, COMPARED_SCENARIOS, COMPARED_WISHES,
};

/// What differs, as far as was looked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// Examples, at most [`COMPARED_EXAMPLES`].
    pub examples: Vec<Example>,
    /// How many requests were asked about.
    pub requests: usize,
    /// Whether everything that was to be asked was asked.
    pub complete: bool,
    /// Condition keys that the documents read and that were not varied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_varied: Vec<String>,
}

/// A request whose outcome changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Example {
    /// Whether the new policy allows it, and the old one does not.
    pub becomes_allowed: bool,
    pub principal: String,
    /// Whether the caller's identity policies are taken to allow it.
    pub identity_allows: bool,
    pub action: String,
    /// Other actions of which the documents say the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    pub resource: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub encryption_context: BTreeMap<String, String>,
    /// By the names of AWS's condition keys.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub conditions: BTreeMap<String, String>,
    /// What the new policy says to it, in a sentence.
    pub verdict: String,
}

/// The example in a sentence.
impl Display for Example {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let becomes = if self.becomes_allowed { "allowed" } else { "denied" };
        write!(f, "{} to {} becomes {becomes}", self.action, self.principal)?;
        match self.identity_allows {
            true => f.write_str(", whose own policies allow it")?,
            false => f.write_str(", whose own policies say nothing")?,
        }
        for (key, value) in &self.encryption_context {
            write!(f, "; encryption context {key}={value}")?;
        }
        for (name, value) in &self.conditions {
            write!(f, "; {name}={value}")?;
        }
        Ok(())
    }
}

/// Actions of which all documents say the same.
type Alike = Vec<Action>;

impl Engine {
    /// Looks for requests to `key` whose outcome is not the same under the old
    /// and the new policy; the policy that it has now does not matter. What was
    /// not asked about before `deadline` is not, and the answer not complete.
    ///
    /// # Errors
    ///
    /// [`CompileError`] only if this program is broken.
    pub fn compare(
        &self,
        old: &Arc<Document>,
        new: &Arc<Document>,
        key: KeyResource<'_>,
        now_ms: i64,
        deadline: Deadline<'_>,
    ) -> Result<Difference, CompileError> {
        let permit_all = self.compile_identity_policy("permit (principal, action, resource);")?;
        let documents = [old.as_ref(), new.as_ref()];
        let everybody = principals(&documents, &key.arn.account);
        let alike = alike(&documents);
        let (wishes, not_varied, all_said) = sayable(wishes(&documents), now_ms);
        let mut found =
            Difference { examples: Vec::new(), requests: 0, complete: true, not_varied };
        // Large policies get fewer requests.
        let rules = old.size().saturating_add(new.size()).max(1);
        let affordable = COMPARED_RULES.div_euclid(rules).clamp(1, COMPARED_REQUESTS);
        let (scenarios, all) = combinations(&wishes);
        found.complete &= all && all_said;
        let mut seen = BTreeSet::new();
        for chosen in &scenarios {
            for principal in &everybody {
                for identity_allows in [true, false] {
                    let policies = identity_allows.then(|| Arc::clone(&permit_all));
                    let standing = Standing::with_policies(policies.into_iter().collect());
                    let mut scenario = Scenario::of(principal.clone(), standing, now_ms);
                    chosen.iter().for_each(|(wish, value)| wish.say(&mut scenario, value));
                    for actions in &alike {
                        let Some(action) = actions.first() else { continue };
                        if found.requests >= affordable || deadline.is_over() {
                            found.complete = false;
                            return Ok(found);
                        }
                        found.requests = found.requests.saturating_add(1);
                        let asked = Asked { scenario: &scenario, action: *action, key };
                        let (before, after) = (asked.allows(self, old), asked.allows(self, new));
                        // The simplest example of its kind comes first.
                        let kind = (principal.to_string(), *action, after);
                        if before == after || !seen.insert(kind) {
                            continue;
                        }
                        if found.examples.len() >= COMPARED_EXAMPLES {
                            found.complete = false;
                            return Ok(found);
                        }
                        let side = (identity_allows, after);
                        found.examples.push(asked.example(self, new, side, actions, chosen));
                    }
                }
            }
        }
        Ok(found)
    }
}

/// One request.
struct Asked<'a> {
    scenario: &'a Scenario,
    action: Action,
    key: KeyResource<'a>,
}

impl Asked<'_> {
    fn put<T>(&self, policy: &Arc<Document>, put: impl FnOnce(&Question<'_>) -> T) -> T {
        put(&Question {
            caller: &self.scenario.caller,
            action: self.action,
            resource: Resource::Key(KeyResource { policy, ..self.key }),
            standing: &self.scenario.standing,
            grants: &NoGrants,
            request: &self.scenario.request(),
        })
    }

    fn allows(&self, engine: &Engine, policy: &Arc<Document>) -> bool {
        self.put(policy, |question| engine.decide(question).outcome.is_ok())
    }

    fn example(
        &self,
        engine: &Engine,
        new: &Arc<Document>,
        (identity_allows, becomes_allowed): (bool, bool),
        alike: &[Action],
        chosen: &[(&Wish, &str)],
    ) -> Example {
        let verdict = self.put(new, |question| engine.explain(question, &Names::default()).verdict);
        let mut example = Example {
            becomes_allowed,
            principal: self.scenario.caller.principal.to_string(),
            identity_allows: identity_allows || self.is_root(),
            action: self.action.to_string(),
            also: alike.iter().skip(1).map(ToString::to_string).collect(),
            resource: self.key.arn.to_string(),
            encryption_context: BTreeMap::new(),
            conditions: BTreeMap::new(),
            verdict,
        };
        for (wish, value) in chosen {
            let (into, name) = match wish {
                Wish::Context { key, .. } => (&mut example.encryption_context, key),
                Wish::Key { name, .. } => (&mut example.conditions, name),
            };
            into.insert(name.clone(), (*value).to_owned());
        }
        example
    }

    fn is_root(&self) -> bool {
        matches!(self.scenario.caller.principal, Principal::Root { .. })
    }
}

/// The actions on keys, those together of which all documents say the same.
fn alike(documents: &[&Document]) -> Vec<Alike> {
    let mut groups: BTreeMap<Vec<bool>, Alike> = BTreeMap::new();
    let on_keys = |action: &Action| {
        action.applies_to(ResourceKind::Key) && !matches!(action.service(), "system")
    };
    for action in Action::ALL.into_iter().filter(on_keys) {
        let rules = documents.iter().flat_map(|document| document.rules());
        let mut says: Vec<bool> = rules.map(|rule| rule.scope.actions.contains(&action)).collect();
        says.extend([action.crosses_accounts(), action == Action::RETIRE_GRANT]);
        groups.entry(says).or_default().push(action);
    }
    groups.into_values().collect()
}

/// The wishes that a request can say, as far as there is room, the names of the others,
/// and whether there was room for all.
fn sayable(wishes: Vec<Wish>, now_ms: i64) -> (Vec<Wish>, Vec<String>, bool) {
    let account = crate::base::ids::AccountId::parse("000000000000");
    let Some(account) = account else { return (wishes, Vec::new(), true) };
    let nobody = Principal::Root { account };
    let mut not_varied = BTreeSet::new();
    let mut kept = Vec::new();
    for mut wish in wishes {
        let mut scenario = Scenario::of(nobody.clone(), Standing::default(), now_ms);
        if let Wish::Key { name, values } = &mut wish {
            values.retain(|value| scenario.say(name, value).is_ok());
            if values.is_empty() {
                not_varied.insert(name.clone());
                continue;
            }
        }
        kept.push(wish);
    }
    let cut = kept.split_off(kept.len().min(COMPARED_WISHES));
    not_varied.extend(cut.iter().map(Wish::name));
    (kept, not_varied.into_iter().collect(), cut.is_empty())
}

/// Which values a request has.
type Chosen<'a> = Vec<(&'a Wish, &'a str)>;

/// The combinations of values, those with few of them first, and whether they
/// are all there are.
fn combinations(wishes: &[Wish]) -> (Vec<Chosen<'_>>, bool) {
    let choices: Vec<Vec<Option<&str>>> = wishes
        .iter()
        .map(|wish| std::iter::once(None).chain(wish.values().map(Some)).collect())
        .collect();
    let sizes = choices.iter().map(Vec::len);
    let number = sizes.fold(1_usize, usize::saturating_mul);
    let mut all: Vec<Chosen<'_>> = if number <= COMPARED_SCENARIOS {
        let mut all = vec![Vec::new()];
        for (wish, values) in wishes.iter().zip(&choices) {
            all = all
                .into_iter()
                .flat_map(|chosen: Chosen<'_>| {
                    values.iter().map(move |value| with(&chosen, wish, *value))
                })
                .collect();
        }
        all
    } else {
        few(wishes)
    };
    all.sort_by_key(Vec::len);
    (all, number <= COMPARED_SCENARIOS)
}

fn with<'a>(chosen: &Chosen<'a>, wish: &'a Wish, value: Option<&'a str>) -> Chosen<'a> {
    let added = value.map(|value| (wish, value));
    chosen.iter().copied().chain(added).collect()
}

/// Of too many combinations: none, each value alone, each pair, and for every
/// wish the first value, with one other or missing, as far as there is room.
fn few(wishes: &[Wish]) -> Vec<Chosen<'_>> {
    let singles: Vec<(&Wish, &str)> =
        wishes.iter().flat_map(|wish| wish.values().map(move |value| (wish, value))).collect();
    let firsts: Chosen<'_> =
        wishes.iter().filter_map(|wish| Some((wish, wish.values().next()?))).collect();
    let alone = singles.iter().map(|single| vec![*single]);
    let without = firsts.iter().map(|skipped| {
        let rest = firsts.iter().filter(|first| !std::ptr::eq(first.0, skipped.0));
        rest.copied().collect()
    });
    let swapped = singles.iter().map(|(wish, value)| {
        let swapped = firsts.iter().map(|first| match std::ptr::eq(first.0, *wish) {
            true => (*wish, *value),
            false => *first,
        });
        swapped.collect()
    });
    let pairs = singles.iter().enumerate().flat_map(|(at, one)| {
        let others = singles.iter().skip(at.saturating_add(1));
        others.filter(|other| !std::ptr::eq(other.0, one.0)).map(|other| vec![*one, *other])
    });
    let all = [Vec::new(), firsts.clone()].into_iter().chain(alone);
    // There can be millions of pairs: none is made that has no room.
    all.chain(without).chain(swapped).chain(pairs).take(COMPARED_SCENARIOS).collect()
}
