//! The grants of a key, and what somebody is to each.

use std::sync::Arc;

use super::hypothesis::Hypothesis;
use crate::base::arn::KeyArn;
use crate::base::caller::Principal;
use crate::base::ids::AccountId;
use crate::base::limits::{EXPLAINED_GRANTS, GRANTS_SEARCHED};
use crate::keys::grants::Grant;
use crate::keys::grants::index::GrantIndex;
use crate::keys::grants::principal::GrantPrincipal;
use crate::policy::actions::Action;
use crate::policy::explain::{KnownGrant, Way};
use crate::policy::grant::{Party, Reach};

/// The grants that an explanation shows: those of the caller, then others.
pub(super) fn to_explain(index: &GrantIndex, asked: &Hypothesis) -> Vec<KnownGrant> {
    let Some(key) = asked.target.key() else { return Vec::new() };
    if is_about_one_grant(asked.action) || asked.action.grant_operation().is_none() {
        return Vec::new();
    }
    let principal = asked.subject.principal();
    let names = GrantPrincipal::names_of(principal);
    let list = |mine: bool, limit| {
        let is_mine = |grantee: &GrantPrincipal| names.iter().any(|(name, _)| name == grantee);
        index.list(&key.arn, |_, grantee| is_mine(&grantee.id) == mine, None, limit)
    };
    let mut grants = list(true, EXPLAINED_GRANTS);
    grants.extend(list(false, EXPLAINED_GRANTS.saturating_sub(grants.len())));
    grants.iter().map(|grant| known(grant, principal, asked.action)).collect()
}

/// Whether the call itself says which grant it is about, so that only that one
/// could allow it.
pub(super) fn is_about_one_grant(action: Action) -> bool {
    action == Action::CREATE_GRANT || action == Action::RETIRE_GRANT
}

/// The grants of a key that are looked at for who could do something, and
/// whether those are all.
pub(super) fn to_search(index: &GrantIndex, key: &KeyArn) -> (Vec<Grant>, bool) {
    let grants = index.list(key, |_, _| true, None, GRANTS_SEARCHED);
    let complete = index.count(key) <= grants.len();
    (grants, complete)
}

/// The grants, as they are to `principal`.
pub(super) fn known_to(grants: &[Grant], principal: &Principal, action: Action) -> Vec<KnownGrant> {
    let known = grants.iter().map(|grant| known(grant, principal, action));
    known.filter(|grant| grant.caller_is.is_some()).collect()
}

fn known(grant: &Grant, principal: &Principal, action: Action) -> KnownGrant {
    KnownGrant {
        terms: Arc::new(grant.terms.clone()),
        name: grant.name.clone(),
        grantee: grant.grantee.name.to_string(),
        caller_is: caller_is(grant, principal, action),
    }
}

/// What a principal is to a grant, and by which of its names.
fn caller_is(grant: &Grant, principal: &Principal, action: Action) -> Option<(Party, Reach)> {
    let issuer = GrantPrincipal::Account(grant.issuing_account.clone());
    let is_party = |name: &GrantPrincipal, party| match party {
        Party::Grantee => grant.grantee.id == *name,
        Party::Retiring => {
            issuer == *name || grant.retiring.as_ref().is_some_and(|other| other.id == *name)
        }
    };
    let names = GrantPrincipal::names_of(principal);
    let parties: &[Party] = match action == Action::RETIRE_GRANT {
        true => &[Party::Retiring, Party::Grantee],
        false => &[Party::Grantee],
    };
    let all = parties.iter().flat_map(|party| names.iter().map(move |name| (*party, name)));
    all.filter(|(party, (name, _))| is_party(name, *party))
        .map(|(party, (_, reach))| (party, *reach))
        .next()
}

/// The grantees that are no principals of the account, and how a grant lets each
/// do it.
pub(super) fn strangers(
    grants: &[Grant],
    account: &AccountId,
    action: Action,
) -> Vec<(String, Way)> {
    let Some(operation) = action.grant_operation() else { return Vec::new() };
    let home = format!(":iam::{account}:");
    let is_stranger = |grant: &&Grant| match &grant.grantee.id {
        GrantPrincipal::User(_) | GrantPrincipal::Role(_) => !grant.grantee.name.contains(&home),
        GrantPrincipal::Account(other) => other != account,
        GrantPrincipal::Session { .. } | GrantPrincipal::Service(_) => true,
    };
    let covers = |grant: &&Grant| grant.terms.operations.contains(operation);
    let told = |grant: &Grant| (grant.grantee.name.to_string(), Way::through_grant(&grant.terms));
    grants.iter().filter(is_stranger).filter(covers).map(told).collect()
}
