//! Everybody who has a say beside the two policies: boundaries, session
//! policies, guardrails, trust policies and grants.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::actions::Action;
use super::decision::{Decision, DenialKind, Source};
use super::document::Document;
use super::engine::Engine;
use super::fixture::*;
use super::grant::{Candidate, GrantQuery, Grants, NoGrants, Party, Reach};
use super::question::{NO_TAGS, Question, RequestFacts, Resource, Standing};
use crate::base::arn::KeyArn;
use crate::base::caller::Principal;
use crate::base::context::EncryptionContext;
use crate::base::grant::{GrantId, GrantOperation, GrantTerms};

const ALLOW_ALL: &str = "permit (principal, action, resource);";
const DENY_ALL: &str = "forbid (principal, action, resource);";
const ALLOW_SIGN: &str = r#"permit (principal, action == Action::"kms:Sign", resource);"#;
const SILENT: &str = r#"permit (principal, action == Action::"kms:ListKeys", resource);"#;

fn naming(principal: &str) -> Arc<Document> {
    key_policy(&format!(
        r#"{{"Statement": {{"Effect": "Allow", "Principal": {{"AWS": "{principal}"}},
            "Action": "kms:*", "Resource": "*"}}}}"#
    ))
}

fn standing(policies: &[&str], boundary: Option<&str>, session_policy: Option<&str>) -> Standing {
    Standing {
        policies: policies.iter().map(|text| identity_policy(text)).collect(),
        boundary: boundary.map(identity_policy),
        session_policy: session_policy.map(identity_policy),
        tags: BTreeMap::new(),
    }
}

struct Asked<'a> {
    engine: &'a Engine,
    principal: Principal,
    action: Action,
    policy: &'a Arc<Document>,
    standing: Standing,
    grants: &'a dyn Grants,
    context: EncryptionContext,
}

impl Asked<'_> {
    fn decide(&self) -> Decision {
        let (caller, arn) = (caller(self.principal.clone()), KeyArn::parse(KEY_ARN).unwrap());
        let request =
            RequestFacts { encryption_context: Some(&self.context), ..RequestFacts::default() };
        self.engine.decide(&Question {
            caller: &caller,
            action: self.action,
            resource: key(&arn, self.policy),
            standing: &self.standing,
            grants: self.grants,
            request: &request,
        })
    }
}

fn decrypt<'a>(principal: Principal, policy: &'a Arc<Document>, standing: Standing) -> Asked<'a> {
    Asked {
        engine: &ENGINE,
        principal,
        action: Action::DECRYPT,
        policy,
        standing,
        grants: &NoGrants,
        context: EncryptionContext::default(),
    }
}

#[test]
fn boundaries_and_session_policies_limit() {
    use DenialKind::*;
    let delegating = naming(HOME);
    let alice = naming("arn:aws:iam::111122223333:user/alice");
    let role = naming("arn:aws:iam::111122223333:role/Admin");
    let session_a = naming("arn:aws:sts::111122223333:assumed-role/Admin/a");
    let everybody = naming("*");
    let check = |who: &Principal, policy, boundary, session_policy, want| {
        let standing = standing(&[ALLOW_ALL], boundary, session_policy);
        let decision = decrypt(who.clone(), policy, standing).decide();
        assert_eq!(denied(&decision), want, "{who} {boundary:?} {session_policy:?}");
    };
    let (user, role_session) = (user(HOME, "alice"), session(HOME, "a"));
    for who in [&user, &role_session] {
        for policy in [&delegating, &everybody] {
            check(who, policy, Some(ALLOW_ALL), Some(ALLOW_ALL), None);
            check(who, policy, Some(ALLOW_SIGN), None, Some(ImplicitBoundary));
            check(who, policy, None, Some(ALLOW_SIGN), Some(ImplicitSessionPolicy));
            check(who, policy, Some(DENY_ALL), Some(ALLOW_ALL), Some(ExplicitBoundary));
            check(who, policy, Some(ALLOW_ALL), Some(DENY_ALL), Some(ExplicitSessionPolicy));
        }
    }
    // Who is named by the key policy itself is not limited, only denied.
    check(&user, &alice, Some(SILENT), None, None);
    check(&role_session, &session_a, Some(SILENT), Some(SILENT), None);
    check(&user, &alice, Some(DENY_ALL), None, Some(ExplicitBoundary));
    // A role that is named is: the session may do what all of them allow.
    check(&role_session, &role, Some(SILENT), None, Some(ImplicitBoundary));
    check(&role_session, &role, None, Some(SILENT), Some(ImplicitSessionPolicy));
    check(&role_session, &role, Some(ALLOW_ALL), Some(ALLOW_ALL), None);
}

#[test]
fn guardrails_are_above_everybody() {
    let engine = Engine::new().unwrap();
    let policy = naming(HOME);
    let ask = |principal: Principal, action| {
        let asked = Asked {
            engine: &engine,
            action,
            ..decrypt(principal, &policy, standing(&[ALLOW_ALL], None, None))
        };
        denied(&asked.decide())
    };
    let forbid = r#"forbid (principal, action == Action::"kms:Decrypt", resource)
        unless { context.secureTransport };"#;
    let never = r#"forbid (principal, action == Action::"kms:Encrypt", resource);"#;
    let compile = |text| engine.compile_guardrail(text).unwrap();
    let named = |name: &str, text| (name.to_owned(), compile(text));
    engine.set_guardrails(vec![named("tls.cedar", forbid), named("never.cedar", never)]);
    for who in [root(HOME), user(HOME, "alice"), session(HOME, "a")] {
        assert_eq!(ask(who.clone(), Action::DECRYPT), None);
        assert_eq!(ask(who, Action::ENCRYPT), Some(DenialKind::ExplicitGuardrail));
    }
    // The timers go on.
    let system = Principal::System { account: account(HOME) };
    assert_eq!(ask(system, Action::SYSTEM_DELETE_KEY), None);
    engine.set_guardrails(Vec::new());
    assert_eq!(ask(root(HOME), Action::ENCRYPT), None);

    let refusal = |text| engine.compile_guardrail(text).unwrap_err().to_string();
    assert_eq!(refusal(ALLOW_ALL), "Statement[0]: a guardrail can only forbid");
    assert_eq!(refusal("{}"), "a guardrail is written in Cedar");
    assert_eq!(
        refusal("forbid (principal, action, resource) when { context.iamAllows };"),
        "Statement[0]: only the policy of a resource can read context.iamAllows"
    );
}

#[test]
fn trust_policies_decide_who_assumes_a_role() {
    let trust = ENGINE
        .compile_trust_policy(
            r#"permit (principal == User::"AIDA111122223333alice", action == Action::"sts:AssumeRole", resource);
            permit (principal in Account::"444455556666", action == Action::"sts:AssumeRole", resource)
            when { context.iamAllows };
            permit (principal in OidcProvider::"arn:aws:iam::111122223333:oidc-provider/id.example.com",
                    action == Action::"sts:AssumeRoleWithWebIdentity", resource)
            when { principal.audience == "wardbook" };"#,
            &directory(),
        )
        .unwrap();
    let home = account(HOME);
    let ask = |principal: Principal, action, policies: &[&str]| {
        let (caller, request) = (caller(principal), RequestFacts::default());
        let standing = standing(policies, None, None);
        let (trust, account, name) = (Some(&trust), &home, "Admin");
        let resource =
            Resource::Role { account, unique_id: "AROA111122223333", name, tags: &NO_TAGS, trust };
        let (standing, grants, request) = (&standing, &NoGrants, &request);
        let question = Question { caller: &caller, action, resource, standing, grants, request };
        denied(&ENGINE.decide(&question))
    };
    let assume = Action::ASSUME_ROLE;
    assert_eq!(ask(user(HOME, "alice"), assume, &[]), None);
    let silent = Some(DenialKind::ImplicitResourcePolicy);
    assert_eq!(ask(user(HOME, "bob"), assume, &[ALLOW_ALL]), silent);
    assert_eq!(ask(user(ABROAD, "alice"), assume, &[ALLOW_ALL]), None);
    assert_eq!(ask(user(ABROAD, "alice"), assume, &[]), Some(DenialKind::ImplicitIdentity));
    assert_eq!(ask(user(HOME, "alice"), assume, &[DENY_ALL]), Some(DenialKind::ExplicitIdentity));
    let web = |provider: &str, audience: &str| Principal::WebIdentity {
        account: home.clone(),
        provider: provider.to_owned(),
        audience: audience.to_owned(),
        subject: "ci".to_owned(),
    };
    let federated = Action::ASSUME_ROLE_WITH_WEB_IDENTITY;
    assert_eq!(ask(web("id.example.com", "wardbook"), federated, &[]), None);
    assert_eq!(ask(web("id.example.com", "other"), federated, &[]), silent);
    assert_eq!(ask(web("evil.example.com", "wardbook"), federated, &[]), silent);
    assert_eq!(ask(web("id.example.com", "wardbook"), assume, &[]), silent);
}

/// One grant, for whoever asks.
struct OneGrant(Candidate);

impl Grants for OneGrant {
    fn candidates(&self, query: &GrantQuery<'_>) -> Vec<Candidate> {
        assert_eq!(query.key.to_string(), KEY_ARN);
        vec![self.0.clone()]
    }
}

fn context(pairs: &[(&str, &str)]) -> EncryptionContext {
    let owned = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    EncryptionContext::new(owned.collect())
}

fn grant(operations: &[GrantOperation]) -> GrantTerms {
    GrantTerms {
        id: GrantId::from_random([7; 32]),
        operations: operations.iter().copied().collect(),
        subset: EncryptionContext::default(),
        equals: EncryptionContext::default(),
        source_arn: None,
    }
}

fn given(terms: &GrantTerms, party: Party, reach: Reach) -> OneGrant {
    OneGrant(Candidate { terms: Arc::new(terms.clone()), party, reach })
}

#[test]
fn grants_allow_what_policies_leave_open() {
    let policy = naming(ABROAD);
    let terms = grant(&[GrantOperation::Decrypt]);
    let itself = given(&terms, Party::Grantee, Reach::Itself);
    let ask = |principal: Principal, action, standing, policy, grants: &dyn Grants| {
        let asked = Asked { action, grants, ..decrypt(principal, policy, standing) };
        asked.decide()
    };
    let none = || standing(&[], None, None);
    let decision = ask(user(HOME, "alice"), Action::DECRYPT, none(), &policy, &itself);
    assert_eq!(denied(&decision), None);
    let [determining] = decision.explanation.determining.as_slice() else { panic!("one") };
    assert_eq!((determining.source, &determining.policy), (Source::Grant, &"07".repeat(32)));
    // Across accounts a grant is enough.
    let abroad = ask(user("777788889999", "x"), Action::DECRYPT, none(), &policy, &itself);
    assert_eq!(denied(&abroad), None);
    let other = ask(user(HOME, "alice"), Action::ENCRYPT, none(), &policy, &itself);
    assert_eq!(denied(&other), Some(DenialKind::ImplicitResourcePolicy));
    // Whatever forbids wins.
    let denying = standing(&[DENY_ALL], None, None);
    let decision = ask(user(HOME, "alice"), Action::DECRYPT, denying, &policy, &itself);
    assert_eq!(denied(&decision), Some(DenialKind::ExplicitIdentity));
    let forbid = key_policy(DENY_ALL);
    let decision = ask(user(HOME, "alice"), Action::DECRYPT, none(), &forbid, &itself);
    assert_eq!(denied(&decision), Some(DenialKind::ExplicitResourcePolicy));
    // A grant to the role ends where the session's limits do; one to the account
    // needs an identity policy.
    for (reach, limited) in [(Reach::Itself, false), (Reach::Role, true)] {
        let grants = given(&terms, Party::Grantee, reach);
        let standing = standing(&[], None, Some(SILENT));
        let decision = ask(session(HOME, "a"), Action::DECRYPT, standing, &policy, &grants);
        assert_eq!(denied(&decision).is_some(), limited);
    }
    let account = given(&terms, Party::Grantee, Reach::Account);
    for (policies, allowed) in [(&[][..], false), (&[ALLOW_ALL][..], true)] {
        let standing = standing(policies, None, None);
        let decision = ask(user(HOME, "alice"), Action::DECRYPT, standing, &policy, &account);
        assert_eq!(denied(&decision).is_none(), allowed);
    }
}

#[test]
fn only_grants_let_anybody_retire_them() {
    let policy = key_policy(ALLOW_ALL);
    let retire = |terms: &GrantTerms, party, policies: &[&str]| {
        let grants = given(terms, party, Reach::Itself);
        let action = Action::RETIRE_GRANT;
        let standing = standing(policies, None, None);
        let asked =
            Asked { action, grants: &grants, ..decrypt(user(HOME, "alice"), &policy, standing) };
        denied(&asked.decide())
    };
    let plain = grant(&[GrantOperation::Decrypt]);
    let own = grant(&[GrantOperation::Decrypt, GrantOperation::RetireGrant]);
    assert_eq!(retire(&plain, Party::Retiring, &[]), None);
    assert_eq!(retire(&own, Party::Grantee, &[]), None);
    let refused = Some(DenialKind::ImplicitResourcePolicy);
    assert_eq!(retire(&plain, Party::Grantee, &[ALLOW_ALL]), refused);
    let denied = Some(DenialKind::ExplicitIdentity);
    assert_eq!(retire(&plain, Party::Retiring, &[DENY_ALL]), denied);
}

#[test]
fn constraints_of_grants() {
    let policy = naming(ABROAD);
    let check = |terms: &GrantTerms, operation: Action, pairs: &[(&str, &str)], allowed: bool| {
        let grants = given(terms, Party::Grantee, Reach::Itself);
        let asked = Asked {
            action: operation,
            grants: &grants,
            context: context(pairs),
            ..decrypt(user(HOME, "alice"), &policy, Standing::default())
        };
        assert_eq!(denied(&asked.decide()).is_none(), allowed, "{operation} {pairs:?}");
    };
    use GrantOperation::{Decrypt, DescribeKey};
    let pairs = context(&[("a", "1"), ("b", "2")]);
    let subset = GrantTerms { subset: pairs.clone(), ..grant(&[Decrypt, DescribeKey]) };
    let equals = GrantTerms { equals: pairs, ..grant(&[Decrypt, DescribeKey]) };
    for (given, in_subset, equal) in [
        (&[("a", "1"), ("b", "2")][..], true, true),
        (&[("a", "1"), ("b", "2"), ("c", "3")][..], true, false),
        (&[("a", "1")][..], false, false),
        (&[("a", "1"), ("B", "2")][..], false, false),
        (&[][..], false, false),
    ] {
        check(&subset, Action::DECRYPT, given, in_subset);
        check(&equals, Action::DECRYPT, given, equal);
        check(&equals, Action::DESCRIBE_KEY, given, true);
    }
    // Only calls that a service makes have a source ARN.
    let source_arn = Some("arn:aws:rds:eu-central-1:111122223333:db:x".to_owned());
    let bound = GrantTerms { source_arn, ..grant(&[Decrypt, DescribeKey]) };
    check(&bound, Action::DECRYPT, &[], false);
    check(&bound, Action::DESCRIBE_KEY, &[], false);
}
