//! Who may assume a role: what trust policies in JSON mean, together with the
//! caller's side. And who may take a permissions boundary away.

use std::sync::Arc;

use super::actions::Action;
use super::builtin::default_trust_policy;
use super::decision::DenialKind::{self, ExplicitIdentity, ExplicitResourcePolicy};
use super::decision::DenialKind::{ImplicitIdentity, ImplicitResourcePolicy};
use super::document::Document;
use super::error::CompileError;
use super::fixture::{
    ABROAD, ENGINE, HOME, account, caller, denied, directory, identity_policy, root, session, user,
};
use super::grant::NoGrants;
use super::question::{NO_TAGS, Question, RequestFacts, Resource, Standing};
use crate::base::caller::Principal;

const ALLOW_ALL: &str = "permit (principal, action, resource);";

fn trust(principal: &str, effect: &str) -> Arc<Document> {
    let text = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{HOME}"}},
        "Action":"sts:AssumeRole"}},{{"Effect":"{effect}","Principal":{{"AWS":"{principal}"}},
        "Action":"sts:AssumeRole"}}]}}"#
    );
    ENGINE.compile_trust_policy(&text, &directory()).unwrap()
}

/// Why `principal` with these policies may not perform the action on a role of
/// the account [`HOME`].
fn ask(
    principal: Principal,
    action: Action,
    trust: &Arc<Document>,
    policies: &[&str],
) -> Option<DenialKind> {
    let home = account(HOME);
    let policies = policies.iter().map(|text| identity_policy(text)).collect();
    let resource = Resource::Role {
        account: &home,
        unique_id: "AROAX",
        name: "app",
        tags: &NO_TAGS,
        trust: Some(trust),
    };
    denied(&ENGINE.decide(&Question {
        caller: &caller(principal),
        action,
        resource,
        standing: &Standing::with_policies(policies),
        grants: &NoGrants,
        request: &RequestFacts::default(),
    }))
}

#[test]
fn the_default_trusts_the_account_and_so_its_policies() {
    let default = default_trust_policy(&account(HOME));
    let default = ENGINE.compile_trust_policy(&default, &directory()).unwrap();
    for action in [Action::ASSUME_ROLE, Action::TAG_SESSION] {
        let ask = |principal, policies: &[&str]| ask(principal, action, &default, policies);
        assert_eq!(ask(user(HOME, "alice"), &[ALLOW_ALL]), None);
        assert_eq!(ask(session(HOME, "s"), &[ALLOW_ALL]), None);
        assert_eq!(ask(root(HOME), &[]), None);
        assert_eq!(ask(user(HOME, "alice"), &[]), Some(ImplicitIdentity));
        let forbid = "forbid (principal, action, resource is Role);";
        assert_eq!(ask(user(HOME, "alice"), &[ALLOW_ALL, forbid]), Some(ExplicitIdentity));
        assert_eq!(ask(user(ABROAD, "alice"), &[ALLOW_ALL]), Some(ImplicitResourcePolicy));
    }
    // It is about sessions and nothing else of the role.
    assert_eq!(ask(user(HOME, "alice"), Action::DELETE_ROLE, &default, &[ALLOW_ALL]), None);
    assert!(ask(user(HOME, "alice"), Action::DELETE_ROLE, &default, &[]).is_some());
}

#[test]
fn who_is_named_needs_no_policy_at_home_and_one_abroad() {
    let assume = |who, trust: &Arc<Document>, policies: &[&str]| {
        ask(who, Action::ASSUME_ROLE, trust, policies)
    };
    let alice = trust(&format!("arn:aws:iam::{HOME}:user/alice"), "Allow");
    assert_eq!(assume(user(HOME, "alice"), &alice, &[]), None);
    assert_eq!(assume(user(HOME, "bob"), &alice, &[]), Some(ImplicitIdentity));
    let abroad = trust(&format!("arn:aws:iam::{ABROAD}:user/alice"), "Allow");
    assert_eq!(assume(user(ABROAD, "alice"), &abroad, &[]), Some(ImplicitIdentity));
    assert_eq!(assume(user(ABROAD, "alice"), &abroad, &[ALLOW_ALL]), None);
    assert_eq!(assume(user(ABROAD, "bob"), &abroad, &[ALLOW_ALL]), Some(ImplicitResourcePolicy));
    let denied = trust(&format!("arn:aws:iam::{HOME}:role/Admin"), "Deny");
    assert_eq!(assume(session(HOME, "s"), &denied, &[ALLOW_ALL]), Some(ExplicitResourcePolicy));
    assert_eq!(assume(user(HOME, "alice"), &denied, &[ALLOW_ALL]), None);
}

#[test]
fn a_trust_policy_has_no_resource_and_names_who_is_there() {
    let compile = |principal: &str, more: &str| {
        let text = format!(
            r#"{{"Statement":{{"Effect":"Allow","Principal":{{"AWS":"{principal}"}},"Action":"sts:AssumeRole"{more}}}}}"#
        );
        ENGINE.compile_trust_policy(&text, &directory()).map(drop)
    };
    compile(HOME, "").unwrap();
    let refused = "Statement[0]: Resource: a trust policy has none: it is about its role";
    let with_resource = compile(HOME, r#","Resource":"*""#);
    assert_eq!(with_resource, Err(CompileError::Malformed(refused.to_owned())));
    let unknown = format!("arn:aws:iam::{HOME}:user/nobody");
    assert!(matches!(compile(&unknown, ""), Err(CompileError::InvalidPrincipal { .. })));
}

/// The boundary has actions of its own, so that whoever may do everything else
/// can be kept from loosening the own one.
#[test]
fn taking_away_the_own_boundary_can_be_forbidden() {
    let forbid = r#"forbid (principal, action in [Action::"iam:PutPermissionsBoundary",
        Action::"iam:DeletePermissionsBoundary"], resource) when { principal in resource };"#;
    let home = account(HOME);
    let ask = |principal: Principal, action, resource| {
        let standing =
            Standing::with_policies(vec![identity_policy(ALLOW_ALL), identity_policy(forbid)]);
        denied(&ENGINE.decide(&Question {
            caller: &caller(principal),
            action,
            resource,
            standing: &standing,
            grants: &NoGrants,
            request: &RequestFacts::default(),
        }))
    };
    let alice = user(HOME, "alice");
    let own_id = alice.principal_id();
    let own = Resource::User { account: &home, unique_id: &own_id, name: "alice", tags: &NO_TAGS };
    let other = Resource::User { account: &home, unique_id: "AIDAX", name: "x", tags: &NO_TAGS };
    let role_id = session(HOME, "s").principal_id().replace(":s", "");
    let role = Resource::Role {
        account: &home,
        unique_id: &role_id,
        name: "Admin",
        tags: &NO_TAGS,
        trust: None,
    };
    for action in [Action::PUT_PERMISSIONS_BOUNDARY, Action::DELETE_PERMISSIONS_BOUNDARY] {
        assert_eq!(ask(alice.clone(), action, own), Some(ExplicitIdentity));
        assert_eq!(ask(session(HOME, "s"), action, role), Some(ExplicitIdentity));
        assert_eq!(ask(alice.clone(), action, other), None);
    }
    assert_eq!(ask(alice, Action::TAG_PRINCIPAL, own), None);
}
