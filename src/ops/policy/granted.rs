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
    let grants = own_first(index, &key.arn, principal, EXPLAINED_GRANTS);
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

/// The grants of a key that are looked at for what `principal` can do: those to it,
/// then others, which it may retire. And whether those are all.
pub(super) fn to_search_for(
    index: &GrantIndex,
    key: &KeyArn,
    principal: &Principal,
) -> (Vec<Grant>, bool) {
    let grants = own_first(index, key, principal, GRANTS_SEARCHED);
    let complete = index.count(key) <= grants.len();
    (grants, complete)
}

/// Up to `limit` grants of a key: those to `principal`, then others.
fn own_first(index: &GrantIndex, key: &KeyArn, principal: &Principal, limit: usize) -> Vec<Grant> {
    let names = GrantPrincipal::names_of(principal);
    let list = |own: bool, limit| {
        let is_own = |grantee: &GrantPrincipal| names.iter().any(|(name, _)| name == grantee);
        index.list(key, |_, grantee| is_own(&grantee.id) == own, None, limit)
    };
    let mut grants = list(true, limit);
    grants.extend(list(false, limit.saturating_sub(grants.len())));
    grants
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::grant::{GrantId, GrantOperation, GrantTerms};
    use crate::base::ids::{KeyId, Region};
    use crate::keys::grants::principal::NamedPrincipal;

    /// However many others there are: grants are listed by id, which is random.
    #[test]
    fn the_grants_to_the_principal_come_first() {
        let account = AccountId::parse("111122223333").unwrap();
        let region = Region::parse("eu-central-1").unwrap();
        let key = KeyArn { region, account: account.clone(), id: KeyId::from_random([1; 16]) };
        let eve = Principal::User {
            account: account.clone(),
            unique_id: "AIDAEVE".to_owned(),
            name: "eve".to_owned(),
        };
        let last = u64::try_from(GRANTS_SEARCHED).unwrap();
        let grants = (0..=last).map(|number| {
            let mut id = [0; 32];
            id[..8].copy_from_slice(&number.to_be_bytes());
            let grantee = if number == last { "user/AIDAEVE" } else { "user/AIDAADA" };
            let terms = GrantTerms {
                id: GrantId::from_random(id),
                operations: [GrantOperation::Decrypt].into_iter().collect(),
                subset: Default::default(),
                equals: Default::default(),
                source_arn: None,
            };
            let grantee = GrantPrincipal::parse(grantee).unwrap();
            Ok::<_, ()>(Grant {
                terms,
                key: key.clone(),
                name: None,
                grantee: NamedPrincipal { name: grantee.to_string().into(), id: grantee },
                retiring: None,
                issuing_account: account.clone(),
                created_ms: 0,
            })
        });
        let index = GrantIndex::default();
        index.put_all(grants).unwrap();
        let (found, complete) = to_search_for(&index, &key, &eve);
        assert_eq!((found.len(), complete), (GRANTS_SEARCHED, false));
        assert_eq!(known_to(&found, &eve, Action::DECRYPT).len(), 1);
        let (found, _) = to_search(&index, &key);
        assert!(known_to(&found, &eve, Action::DECRYPT).is_empty());
    }
}
