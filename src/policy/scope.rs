//! The scope of one policy, matched before Cedar is asked.
//!
//! Cedar evaluates every policy it is given, so it is given only those whose
//! scope fits. That is sound: a scope cannot fail to evaluate, and a policy
//! whose scope does not fit is not satisfied (Cedar Policy Language Guide,
//! "Authorization"). A property test compares with Cedar's own answer.

use std::collections::BTreeSet;

use cedar_policy::{
    ActionConstraint, EntityTypeName, EntityUid, Policy, PrincipalConstraint, ResourceConstraint,
};
use serde::{Deserialize, Serialize};

use super::actions::Action;
use super::vocabulary::Vocabulary;

/// Principal, action and resource constraint of one policy.
#[derive(Debug)]
pub(super) struct Scope {
    principal: Bound,
    /// The actions, groups expanded.
    pub(super) actions: BTreeSet<Action>,
    resource: Bound,
}

/// What a constraint asks of an entity.
#[derive(Debug)]
enum Bound {
    Any,
    Is(EntityTypeName),
    Eq(EntityUid),
    In(EntityUid),
    IsIn(EntityTypeName, EntityUid),
}

/// One part of a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ScopePart {
    Principal,
    Action,
    Resource,
}

/// An entity and everything it is in.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    pub(super) uid: EntityUid,
    pub(super) ancestors: Vec<EntityUid>,
}

impl Scope {
    pub(super) fn of(policy: &Policy, vocabulary: &Vocabulary) -> Self {
        let actions = match policy.action_constraint() {
            ActionConstraint::Any => Action::ALL.into_iter().collect(),
            ActionConstraint::Eq(uid) => vocabulary
                .actions_in(&uid)
                .filter(|action| vocabulary.action_uid(*action) == Some(&uid))
                .collect(),
            ActionConstraint::In(uids) => {
                uids.iter().flat_map(|uid| vocabulary.actions_in(uid)).collect()
            }
        };
        let principal = match policy.principal_constraint() {
            PrincipalConstraint::Any => Bound::Any,
            PrincipalConstraint::In(uid) => Bound::In(uid),
            PrincipalConstraint::Eq(uid) => Bound::Eq(uid),
            PrincipalConstraint::Is(name) => Bound::Is(name),
            PrincipalConstraint::IsIn(name, uid) => Bound::IsIn(name, uid),
        };
        let resource = match policy.resource_constraint() {
            ResourceConstraint::Any => Bound::Any,
            ResourceConstraint::In(uid) => Bound::In(uid),
            ResourceConstraint::Eq(uid) => Bound::Eq(uid),
            ResourceConstraint::Is(name) => Bound::Is(name),
            ResourceConstraint::IsIn(name, uid) => Bound::IsIn(name, uid),
        };
        Self { principal, actions, resource }
    }

    /// Whether principal and resource fit; the action is looked up beforehand.
    pub(super) fn fits(&self, principal: &Chain, resource: &Chain) -> bool {
        self.principal.fits(principal) && self.resource.fits(resource)
    }

    /// The parts that do not fit, in the order in which they are written.
    pub(super) fn misfits(
        &self,
        action: Action,
        principal: &Chain,
        resource: &Chain,
    ) -> Vec<ScopePart> {
        [
            (ScopePart::Principal, self.principal.fits(principal)),
            (ScopePart::Action, self.actions.contains(&action)),
            (ScopePart::Resource, self.resource.fits(resource)),
        ]
        .into_iter()
        .filter_map(|(part, fits)| (!fits).then_some(part))
        .collect()
    }

    /// Whether it names one principal.
    pub(super) const fn names_principal(&self) -> bool {
        matches!(self.principal, Bound::Eq(_))
    }
}

impl Bound {
    fn fits(&self, chain: &Chain) -> bool {
        match self {
            Self::Any => true,
            Self::Is(name) => chain.uid.type_name() == name,
            Self::Eq(uid) => chain.uid == *uid,
            Self::In(uid) => chain.is_in(uid),
            Self::IsIn(name, uid) => chain.uid.type_name() == name && chain.is_in(uid),
        }
    }
}

impl Chain {
    fn is_in(&self, uid: &EntityUid) -> bool {
        self.uid == *uid || self.ancestors.contains(uid)
    }
}
