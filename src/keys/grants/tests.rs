//! The index against a look at every grant, and rows against what they hold.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::Grant;
use super::index::GrantIndex;
use super::principal::{GrantPrincipal, NamedPrincipal};
use super::rows::{grant_row, load_grant};
use super::sources::{Parents, Retired};
use crate::base::arn::KeyArn;
use crate::base::caller::Principal;
use crate::base::context::EncryptionContext;
use crate::base::grant::{GrantId, GrantOperation, GrantTerms};
use crate::base::ids::{AccountId, KeyId, Region};
use crate::policy::grant::{Candidate, GrantQuery, Grants, Party, Reach};

const ACCOUNTS: [&str; 2] = ["111122223333", "444455556666"];
const OPERATIONS: [GrantOperation; 5] = [
    GrantOperation::Decrypt,
    GrantOperation::Encrypt,
    GrantOperation::CreateGrant,
    GrantOperation::RetireGrant,
    GrantOperation::DescribeKey,
];

fn account(id: &str) -> AccountId {
    AccountId::parse(id).unwrap()
}

fn key(n: u8) -> KeyArn {
    let region = Region::parse(if n.is_multiple_of(2) { "eu-central-1" } else { "eu-west-1" });
    KeyArn {
        region: region.unwrap(),
        account: account(ACCOUNTS[0]),
        id: KeyId::from_random([n; 16]),
    }
}

fn context() -> impl Strategy<Value = EncryptionContext> {
    let pair = (select(vec!["a", "b", "c"]), select(vec!["1", "2"]));
    vec(pair, 0..3).prop_map(|pairs| {
        let owned = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        EncryptionContext::new(pairs.into_iter().map(owned).collect())
    })
}

fn principal() -> impl Strategy<Value = GrantPrincipal> {
    select(vec![
        "user/AIDA1",
        "user/AIDA2",
        "role/AROA1",
        "role/AROA2",
        "session/AROA1/x",
        "session/AROA2/y",
        "account/111122223333",
        "account/444455556666",
        "service/rds.amazonaws.com",
    ])
    .prop_map(|text| GrantPrincipal::parse(text).unwrap())
}

fn named() -> impl Strategy<Value = NamedPrincipal> {
    principal().prop_map(|id| NamedPrincipal { name: format!("arn of {id}").into(), id })
}

fn operations() -> impl Strategy<Value = Vec<GrantOperation>> {
    subsequence(OPERATIONS.to_vec(), 1..=OPERATIONS.len())
}

fn terms() -> impl Strategy<Value = GrantTerms> {
    let source_arn = prop::option::weighted(0.1, Just("arn:aws:s3:::x".to_owned()));
    (any::<[u8; 32]>(), operations(), context(), context(), source_arn).prop_map(
        |(id, operations, subset, equals, source_arn)| GrantTerms {
            id: GrantId::from_random(id),
            operations: operations.into_iter().collect(),
            subset,
            equals,
            source_arn,
        },
    )
}

fn grant() -> impl Strategy<Value = Grant> {
    let name = prop::option::of(select(vec!["one".to_owned(), "two".to_owned()]));
    let retiring = prop::option::of(named());
    (terms(), 0_u8..3, name, named(), retiring, select(ACCOUNTS.to_vec()), 0_i64..9).prop_map(
        |(terms, n, name, grantee, retiring, issuer, created_ms)| Grant {
            terms,
            key: key(n),
            name,
            grantee,
            retiring,
            issuing_account: account(issuer),
            created_ms,
        },
    )
}

fn callers() -> Vec<Principal> {
    let user = |id: &str, home| Principal::User {
        account: account(home),
        unique_id: id.to_owned(),
        name: "n".to_owned(),
    };
    let session = |role: &str, name: &str, home| Principal::RoleSession {
        account: account(home),
        role_id: role.to_owned(),
        role_name: "n".to_owned(),
        name: name.to_owned(),
    };
    vec![
        Principal::Root { account: account(ACCOUNTS[0]) },
        user("AIDA1", ACCOUNTS[0]),
        user("AIDA2", ACCOUNTS[1]),
        user("AIDA3", ACCOUNTS[1]),
        session("AROA1", "x", ACCOUNTS[0]),
        session("AROA1", "y", ACCOUNTS[0]),
        session("AROA2", "y", ACCOUNTS[1]),
        Principal::Anonymous { account: account(ACCOUNTS[0]) },
        Principal::System { account: account(ACCOUNTS[0]) },
    ]
}

/// Whether the terms hold, said as simply as it can be.
fn holds(terms: &GrantTerms, operation: GrantOperation, context: &EncryptionContext) -> bool {
    let pairs: BTreeMap<&str, &str> = context.iter().collect();
    terms.operations.contains(operation)
        && terms.source_arn.is_none()
        && (!operation.is_constrained()
            || terms.subset.iter().all(|(key, value)| pairs.get(key) == Some(&value))
                && (terms.equals.is_empty() || terms.equals == *context))
}

/// The candidates that a look at every grant finds: ids by reach.
fn scan(
    grants: &[Grant],
    query: &GrantQuery<'_>,
    wanted: impl Fn(&GrantTerms) -> bool,
) -> BTreeMap<Reach, Vec<GrantId>> {
    let mut found: BTreeMap<Reach, Vec<GrantId>> = BTreeMap::new();
    let context = query.context.cloned().unwrap_or_default();
    for (name, reach) in GrantPrincipal::names_of(query.principal) {
        for grant in grants.iter().filter(|grant| grant.key == *query.key) {
            if grant.grantee.id == name
                && holds(&grant.terms, query.operation, &context)
                && wanted(&grant.terms)
            {
                found.entry(reach).or_default().push(grant.terms.id);
            }
        }
    }
    found
}

/// One candidate for each reach that a scan finds, and of those that it finds.
#[track_caller]
fn check(candidates: &[Candidate], grants: &[Grant], scanned: &BTreeMap<Reach, Vec<GrantId>>) {
    let reaches: Vec<Reach> = candidates.iter().map(|candidate| candidate.reach).collect();
    assert_eq!(reaches, scanned.keys().copied().collect::<Vec<_>>());
    for candidate in candidates {
        assert_eq!(candidate.party, Party::Grantee);
        assert!(scanned[&candidate.reach].contains(&candidate.terms.id));
        assert!(grants.iter().any(|grant| grant.terms == *candidate.terms));
    }
}

fn filled(grants: &[Grant]) -> Arc<GrantIndex> {
    let index = GrantIndex::default();
    grants.iter().for_each(|grant| index.put(grant));
    Arc::new(index)
}

/// Every grant of a key, by pages of two.
fn pages(index: &GrantIndex, key: &KeyArn) -> Vec<Grant> {
    let mut all: Vec<Grant> = Vec::new();
    loop {
        let after = all.last().map(|grant| grant.terms.id);
        let page = index.list(key, |_, _| true, after.as_ref(), 2);
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

fn sorted(grants: impl Iterator<Item = Grant>) -> Vec<Grant> {
    let mut grants: Vec<Grant> = grants.collect();
    grants.sort_by_key(|grant| (grant.key.id, grant.terms.id));
    grants
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn the_index_finds_what_a_scan_finds(
        grants in vec(grant(), 0..60),
        contexts in vec(context(), 4),
        new in terms(),
    ) {
        let (index, callers) = (filled(&grants), callers());
        let parents = Parents { grants: Arc::clone(&index), new };
        let contexts: Vec<_> = contexts.iter().map(Some).chain([None]).collect();
        for key in &[key(0), key(1), key(9)] {
            for principal in &callers {
                for (operation, context) in
                    OPERATIONS.iter().flat_map(|one| contexts.iter().map(move |two| (*one, *two)))
                {
                    let query = GrantQuery { key, principal, operation, context };
                    // These two are about one certain grant.
                    let is_use = !matches!(
                        operation,
                        GrantOperation::RetireGrant | GrantOperation::CreateGrant
                    );
                    let scanned =
                        if is_use { scan(&grants, &query, |_| true) } else { BTreeMap::new() };
                    check(&index.candidates(&query), &grants, &scanned);
                }
                let operation = GrantOperation::CreateGrant;
                let query = GrantQuery { key, principal, operation, context: None };
                let scanned = scan(&grants, &query, |terms| terms.covers(&parents.new));
                check(&parents.candidates(&query), &grants, &scanned);
            }
        }
    }

    #[test]
    fn lists_show_each_grant_once(
        grants in vec(grant(), 0..40),
        removed in vec(any::<prop::sample::Index>(), 0..20),
        deleted in 0_u8..8,
        retiring in principal(),
    ) {
        let index = filled(&grants);
        let at_once = GrantIndex::default();
        let all = grants.iter().cloned().map(Ok::<_, ()>);
        at_once.put_all(all).unwrap();
        let mut left = grants.clone();
        for at in removed.into_iter().filter(|_| !grants.is_empty()) {
            let gone = at.get(&grants);
            for index in [&*index, &at_once] {
                index.remove(&gone.key, &gone.terms.id);
            }
            left.retain(|grant| grant.terms.id != gone.terms.id);
        }
        index.remove_all(&key(deleted));
        at_once.remove_all(&key(deleted));
        left.retain(|grant| grant.key != key(deleted));
        for index in [&*index, &at_once] {
            for key in (0..5).map(key) {
                let of_key = sorted(left.iter().filter(|grant| grant.key == key).cloned());
                prop_assert_eq!(index.count(&key), of_key.len());
                prop_assert_eq!(pages(index, &key), of_key);
            }
            for grant in &left {
                let found = index.find(&grant.key, &grant.terms.id);
                prop_assert_eq!(found.as_ref(), Some(grant));
                let again = GrantTerms { id: GrantId::from_random([0; 32]), ..grant.terms.clone() };
                let again = Grant { terms: again, created_ms: 99, ..grant.clone() };
                prop_assert!(index.find_same(&again).unwrap().says_the_same(grant));
                let other = Grant { name: Some("other".to_owned()), ..again };
                prop_assert_eq!(index.find_same(&other), None);
            }
            // What is gone is not found by what it said either.
            for gone in &grants {
                let is_there = left.iter().any(|left| left.key == gone.key && left.says_the_same(gone));
                prop_assert_eq!(index.find_same(gone).is_some(), is_there);
            }
            let (region, own) = (key(0).region, account(ACCOUNTS[0]));
            let is_service = matches!(retiring, GrantPrincipal::Service(_));
            let expected = sorted(left.iter().filter(|grant| {
                grant.key.region == region
                    && grant.retiring.as_ref().is_some_and(|named| named.id == retiring)
                    && (!is_service || grant.issuing_account == own)
            }).cloned());
            let mut shown: Vec<Grant> = Vec::new();
            loop {
                let after = shown.last().map(|grant| (grant.key.id, grant.terms.id));
                let page = index.list_retirable(&region, &retiring, &own, after, 2);
                if page.is_empty() {
                    break;
                }
                shown.extend(page);
            }
            prop_assert_eq!(shown, expected);
            // What was shared is let go with the last that shared it.
            left.iter().for_each(|grant| index.remove(&grant.key, &grant.terms.id));
            prop_assert!(index.is_empty());
        }
    }

    #[test]
    fn rows_are_read_back(grant in grant()) {
        prop_assert_eq!(load_grant(&grant_row(&grant).unwrap()), Some(grant));
    }

    #[test]
    fn who_may_retire(grant in grant(), caller in select(callers())) {
        let query = GrantQuery {
            key: &grant.key,
            principal: &caller,
            operation: GrantOperation::RetireGrant,
            context: None,
        };
        let names = GrantPrincipal::names_of(&caller);
        let found = Retired(grant.clone()).candidates(&query);
        let has = |party| found.iter().any(|candidate| candidate.party == party);
        let is = |name: &GrantPrincipal| names.iter().any(|(of_caller, _)| of_caller == name);
        prop_assert_eq!(has(Party::Grantee), is(&grant.grantee.id));
        let retiring = grant.retiring.as_ref().is_some_and(|retiring| is(&retiring.id));
        let issuer = is(&GrantPrincipal::Account(grant.issuing_account.clone()));
        prop_assert_eq!(has(Party::Retiring), retiring || issuer);
        for other in [
            GrantQuery { operation: GrantOperation::Decrypt, ..query },
            GrantQuery { key: &key(7), ..query },
        ] {
            prop_assert!(Retired(grant.clone()).candidates(&other).is_empty());
        }
    }
}
