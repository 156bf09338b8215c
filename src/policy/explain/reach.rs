//! Who could: whether somebody may do something always, under conditions, or
//! not at all, whatever a request says. The same documents as for a decision,
//! in three values: what hangs on the request stays a condition, in words.
//!
//! Always means: in every request that evaluates. A condition that fails to be
//! evaluated denies, and strict validation leaves few that can.

use cedar_policy::Effect as CedarEffect;
use cedar_policy::pst::Clause;
use serde::{Deserialize, Serialize};

use super::{Names, ScopePart, clause, naming, resource_source};
use crate::base::caller::Principal;
use crate::base::grant::GrantTerms;
use crate::base::limits::WAYS_SHOWN;
use crate::policy::actions::Action;
use crate::policy::decision::Source;
use crate::policy::document::Rule;
use crate::policy::engine::{Engine, resource_policy};
use crate::policy::fact::Fact;
use crate::policy::facts::Facts;
use crate::policy::grant::{Party, Reach};
use crate::policy::question::{Question, Resource};
use crate::policy::reads::Reads;
use crate::policy::scenario::is_of_new_key;

/// Whether somebody may do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Access {
    /// Nothing allows it.
    Never,
    /// Something would allow it, but something else forbids it.
    Denied,
    Conditional,
    Always,
}

/// Whether, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reached {
    pub access: Access,
    /// What allows it; one of them is enough.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ways: Vec<Way>,
    /// What forbids it, if its conditions hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unless: Vec<Way>,
}

/// One way to be allowed, or forbidden.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Way {
    /// The statements or the grant by which; all of them are needed.
    pub by: Vec<String>,
    /// What must hold of the request; empty for nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<String>,
}

/// One statement that fits as far as the request does not matter.
struct Fit {
    way: Way,
    forbids: bool,
    by_name: bool,
    /// Whether the caller's own policies have to allow it too.
    delegates: bool,
}

impl Engine {
    /// Whether the caller of `question` may do what it asks for, whatever else
    /// the request says; its own facts do not matter. Of a role's session, its
    /// name and tags are not taken as known.
    #[must_use]
    pub fn reach(&self, question: &Question<'_>, names: &Names) -> Reached {
        let Some(facts) = Facts::new(question, &self.compiler.vocabulary) else {
            return Reached::never();
        };
        if !question.action.applies_to(question.resource.kind()) {
            return Reached::never();
        }
        let asked = Asked { engine: self, question, facts: &facts, names };
        let all = asked.fits();
        let of = |sources: &[Source], forbids: bool| {
            let fits = all.iter().filter(|(source, _)| sources.contains(source));
            fits.map(|(_, fit)| fit).filter(|fit| fit.forbids == forbids).collect::<Vec<_>>()
        };
        let unless: Vec<Way> =
            all.iter().filter(|(_, fit)| fit.forbids).map(|(_, fit)| fit.way.clone()).collect();
        let side = Side {
            identity: ways(&of(&[Source::Builtin, Source::Identity], false)),
            limits: both(
                &limit(question.standing.boundary.is_some(), &of(&[Source::Boundary], false)),
                &limit(
                    question.standing.session_policy.is_some(),
                    &of(&[Source::SessionPolicy], false),
                ),
            ),
        };
        let mut found = match resource_policy(question) {
            None if asked.is_foreign() => Vec::new(),
            None => side.allows(),
            Some((source, _)) => asked.through_resource(&of(&[source], false), &side),
        };
        found.extend(asked.through_grants(&side));
        Reached::new(found, unless)
    }
}

/// What the caller's own side has to offer.
struct Side {
    identity: Vec<Way>,
    /// Ways through the permissions boundary and the session policy.
    limits: Vec<Way>,
}

impl Side {
    fn allows(&self) -> Vec<Way> {
        both(&self.identity, &self.limits)
    }
}

/// Of whom it is asked whether a statement applies.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whom {
    Caller,
    /// Whomever the statement names.
    Anybody,
}

struct Asked<'a> {
    engine: &'a Engine,
    question: &'a Question<'a>,
    facts: &'a Facts<'a>,
    names: &'a Names,
}

impl Asked<'_> {
    fn is_foreign(&self) -> bool {
        self.question.caller.principal.account() != self.question.resource.account()
    }

    /// Every statement of every document that is asked.
    fn fits(&self) -> Vec<(Source, Fit)> {
        let mut fits = Vec::new();
        for (source, document) in self.engine.documents_for(self.question) {
            // The session policy of a session that is not there yet is unknown.
            let name = naming::document(self.engine, source, &document, self.question, self.names);
            for rule in document.rules() {
                fits.extend(self.fit(source, &name, rule, Whom::Caller).map(|fit| (source, fit)));
            }
        }
        fits
    }

    /// `None` for a statement that cannot apply, whatever the request says.
    fn fit(&self, source: Source, name: &str, rule: &Rule, whom: Whom) -> Option<Fit> {
        let (principal, resource) = (&self.facts.principal, &self.facts.resource);
        let misfits = rule.scope.misfits(self.facts.action(), principal, resource);
        let matters = |part: &ScopePart| whom == Whom::Caller || *part != ScopePart::Principal;
        if misfits.iter().any(matters) {
            return None;
        }
        let mut conditions = Vec::new();
        let mut delegates = false;
        // What forbids does not delegate: there it is a condition like others.
        let may_delegate = resource_source(source) && rule.policy.effect() == CedarEffect::Permit;
        for one in clause::conjuncts(rule) {
            if may_delegate && clause::is_delegation(&one.clause) {
                delegates = true;
                continue;
            }
            match self.holds(&one.clause, whom) {
                Some(Ok(true)) => {}
                Some(Ok(false)) => return None,
                _ => conditions.push(one.text()),
            }
        }
        let by = vec![naming::place(name, rule.statement, rule.sid.as_deref())];
        Some(Fit {
            way: Way { by, conditions },
            forbids: rule.policy.effect() == CedarEffect::Forbid,
            by_name: rule.scope.names_principal(),
            delegates,
        })
    }

    /// Whether a condition holds; `None` if that hangs on the request.
    fn holds(&self, clause: &Clause, whom: Whom) -> Option<Result<bool, String>> {
        let reads = Reads::of_clause(clause);
        let of_nobody = whom == Whom::Anybody;
        let session = matches!(self.question.caller.principal, Principal::RoleSession { .. });
        // A key that is not there yet is what the call says.
        let is_new = self.question.action == Action::CREATE_KEY;
        let is_known = |fact: &Fact| {
            (is_of_resource(*fact) && !(is_new && is_of_new_key(*fact)))
                || (!of_nobody && is_of_principal(*fact))
                || (!of_nobody && !session && is_of_user(*fact))
        };
        if ((session || of_nobody) && reads.principal) || !reads.context.iter().all(is_known) {
            return None;
        }
        let request = self.facts.request(&reads, false);
        let answer = request.and_then(|request| {
            let entities = self.facts.entities(&reads)?;
            clause::holds(&self.engine.authorizer, clause, &request, &entities)
        });
        Some(answer)
    }

    /// The ways that the policy of the resource opens.
    fn through_resource(&self, permits: &[&Fit], side: &Side) -> Vec<Way> {
        let (action, foreign) = (self.question.action, self.is_foreign());
        if (foreign && !action.crosses_accounts()) || action == Action::RETIRE_GRANT {
            return Vec::new();
        }
        let (mut found, allows) = (Vec::new(), side.allows());
        for fit in permits {
            let own = [fit.way.clone()];
            found.extend(match (fit.delegates || foreign, fit.by_name) {
                (true, _) => both(&own, &allows),
                (false, true) => own.to_vec(),
                (false, false) => both(&own, &side.limits),
            });
        }
        found
    }

    /// The ways that grants open.
    fn through_grants(&self, side: &Side) -> Vec<Way> {
        let (Resource::Key(_), Some(operation)) =
            (self.question.resource, self.question.action.grant_operation())
        else {
            return Vec::new();
        };
        let (mut found, allows) = (Vec::new(), side.allows());
        for grant in &self.names.grants {
            let Some((party, reach)) = grant.caller_is else { continue };
            let is_granted = match party {
                Party::Grantee => grant.terms.operations.contains(operation),
                Party::Retiring => self.question.action == Action::RETIRE_GRANT,
            };
            if !is_granted {
                continue;
            }
            let own = [of_terms(&grant.terms)];
            found.extend(match reach {
                Reach::Itself => own.to_vec(),
                Reach::Role => both(&own, &side.limits),
                Reach::Account => both(&own, &allows),
            });
        }
        found
    }
}

impl Way {
    /// The way that a grant opens, its constraints in words.
    #[must_use]
    pub fn through_grant(terms: &GrantTerms) -> Self {
        of_terms(terms)
    }
}

fn of_terms(terms: &GrantTerms) -> Way {
    let mut conditions = Vec::new();
    if !terms.subset.is_empty() {
        let pairs = super::grants::shown(&terms.subset);
        conditions.push(format!("the encryption context contains {pairs}"));
    }
    if !terms.equals.is_empty() {
        let pairs = super::grants::shown(&terms.equals);
        conditions.push(format!("the encryption context is {pairs}"));
    }
    if let Some(arn) = &terms.source_arn {
        conditions.push(format!("the call is about {arn}"));
    }
    Way { by: vec![format!("grant {}", terms.id)], conditions }
}

/// Whether a fact is known of the resource alone.
pub(super) const fn is_of_resource(fact: Fact) -> bool {
    matches!(
        fact,
        Fact::AttributeLabels
            | Fact::KeyOrigin
            | Fact::KeySpec
            | Fact::KeyUsage
            | Fact::MultiRegion
            | Fact::MultiRegionKeyType
            | Fact::RequestedRegion
            | Fact::ResourceAccount
            | Fact::ResourceAliases
            | Fact::ResourceTags
    )
}

/// Whether a fact is known of the principal, be it any session of a role.
pub(super) const fn is_of_principal(fact: Fact) -> bool {
    matches!(
        fact,
        Fact::PrincipalAccount
            | Fact::PrincipalArn
            | Fact::PrincipalArnParts
            | Fact::PrincipalIsAwsService
            | Fact::PrincipalType
            | Fact::UserName
    )
}

/// Whether a fact is known of a user, and of a session only while it lasts.
const fn is_of_user(fact: Fact) -> bool {
    matches!(fact, Fact::PrincipalTags | Fact::UserId)
}

fn ways(fits: &[&Fit]) -> Vec<Way> {
    fits.iter().map(|fit| fit.way.clone()).collect()
}

/// The ways through a policy that limits. Without one, everything passes.
fn limit(is_there: bool, permits: &[&Fit]) -> Vec<Way> {
    match is_there {
        false => vec![Way { by: Vec::new(), conditions: Vec::new() }],
        true => ways(permits),
    }
}

/// The ways with the fewest conditions, as many as are shown.
fn best(ways: &[Way]) -> Vec<&Way> {
    let mut best: Vec<&Way> = ways.iter().collect();
    best.sort_by_key(|way| way.conditions.len());
    best.truncate(WAYS_SHOWN);
    best
}

/// Every way that takes one of each.
fn both(one: &[Way], other: &[Way]) -> Vec<Way> {
    // What is cut of one side would be cut of what is joined.
    let (one, other) = (best(one), best(other));
    let joined = one.iter().flat_map(|one| {
        other.iter().map(|other| Way {
            by: [one.by.clone(), other.by.clone()].concat(),
            conditions: [one.conditions.clone(), other.conditions.clone()].concat(),
        })
    });
    // What is shown is cut; what is always open comes first and is kept.
    let mut joined: Vec<Way> = joined.collect();
    joined.sort_by_key(|way| way.conditions.len());
    joined.truncate(WAYS_SHOWN);
    joined
}

/// As many ways as are shown, those with the fewest conditions, without those that need
/// all that another one does, and more.
fn without_detours(mut ways: Vec<Way>) -> Vec<Way> {
    ways.sort_by_key(|way| (way.conditions.len(), way.by.len()));
    let mut kept: Vec<Way> = Vec::new();
    for way in ways {
        if kept.len() == WAYS_SHOWN {
            break;
        }
        let all_in = |few: &[String], many: &[String]| few.iter().all(|one| many.contains(one));
        let is_detour =
            |other: &Way| all_in(&other.by, &way.by) && all_in(&other.conditions, &way.conditions);
        if !kept.iter().any(is_detour) {
            kept.push(way);
        }
    }
    kept
}

impl Reached {
    const fn never() -> Self {
        Self { access: Access::Never, ways: Vec::new(), unless: Vec::new() }
    }

    fn new(ways: Vec<Way>, unless: Vec<Way>) -> Self {
        let ways = without_detours(ways);
        let is_open = |way: &Way| way.conditions.is_empty();
        let access = if ways.is_empty() {
            return Self::never();
        } else if unless.iter().any(is_open) {
            Access::Denied
        } else if unless.is_empty() && ways.iter().any(is_open) {
            Access::Always
        } else {
            Access::Conditional
        };
        Self { access, ways, unless }
    }
}

/// A principal that the policy of a resource lets in and that is not one of
/// those known here: everybody, another account, or somebody in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stranger {
    pub who: String,
    #[serde(flatten)]
    pub way: Way,
}

impl Engine {
    /// Whom beyond its own account the policy of the resource lets in. Their
    /// own accounts must allow it too.
    #[must_use]
    pub fn strangers(&self, question: &Question<'_>, names: &Names) -> Vec<Stranger> {
        let Some((source, policy)) = resource_policy(question) else { return Vec::new() };
        let Some(facts) = Facts::new(question, &self.compiler.vocabulary) else {
            return Vec::new();
        };
        if !question.action.crosses_accounts() {
            return Vec::new();
        }
        let asked = Asked { engine: self, question, facts: &facts, names };
        let name = naming::document(self, source, policy, question, names);
        let home = question.resource.account().as_str();
        let mut strangers = Vec::new();
        for rule in policy.rules() {
            let who = naming::scope(policy, rule, ScopePart::Principal).join(", ");
            let is_known = naming::account_in(&who).is_some_and(|account| account == home);
            if is_known && !who.starts_with("session ")
                || rule.policy.effect() == CedarEffect::Forbid
            {
                continue;
            }
            if let Some(fit) = asked.fit(source, &name, rule, Whom::Anybody) {
                strangers.push(Stranger { who, way: fit.way });
            }
        }
        strangers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ways(conditions: &[usize]) -> Vec<Way> {
        let way = |(at, number): (usize, &usize)| Way {
            by: vec![at.to_string()],
            conditions: (0..*number).map(|one| one.to_string()).collect(),
        };
        conditions.iter().enumerate().map(way).collect()
    }

    /// The product of two long lists is not made, and its best are the same.
    #[test]
    fn of_many_ways_the_simplest_are_joined() {
        let few = |from: usize| (0..40).map(|n| (n * 7 + from) % 11).collect::<Vec<_>>();
        let (one, other) = (few(3), few(5));
        let mut sums: Vec<usize> =
            one.iter().flat_map(|one| other.iter().map(move |other| one + other)).collect();
        sums.sort_unstable();
        sums.truncate(WAYS_SHOWN);
        let joined = both(&ways(&one), &ways(&other));
        assert_eq!(joined.iter().map(|way| way.conditions.len()).collect::<Vec<_>>(), sums);
        let million = vec![1; 1_000_000];
        assert_eq!(both(&ways(&million), &ways(&[0, 2])).len(), WAYS_SHOWN);
    }

    #[test]
    fn a_detour_is_no_way() {
        let way = |by: &str, conditions: &[&str]| Way {
            by: vec![by.to_owned()],
            conditions: conditions.iter().map(|one| (*one).to_owned()).collect(),
        };
        let all = vec![way("a", &["x", "y"]), way("b", &["x"]), way("a", &["x"]), way("a", &["y"])];
        let kept = vec![way("b", &["x"]), way("a", &["x"]), way("a", &["y"])];
        assert_eq!(without_detours(all), kept);
    }
}
