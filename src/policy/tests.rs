//! The decision rules, as tables.

use std::sync::Arc;

use super::actions::{Action, ResourceKind};
use super::builtin::{default_key_policy, managed_key_policy};
use super::decision::{DenialKind, Source};
use super::document::{Document, Form};
use super::error::CompileError;
use super::fixture::*;
use super::grant::NoGrants;
use super::question::{Question, RequestFacts, Standing};
use super::vocabulary::SCHEMA;
use crate::base::arn::KeyArn;
use crate::base::caller::{Caller, Principal};
use crate::base::context::EncryptionContext;
use crate::base::ids::Region;
use crate::base::managed::ManagedService;

use DenialKind::{
    ExplicitIdentity, ExplicitResourcePolicy, FailedClosed, ImplicitIdentity,
    ImplicitResourcePolicy,
};

const ALLOW_ALL: &str = "permit (principal, action, resource);";
const DENY_DECRYPT: &str = r#"forbid (principal, action == Action::"kms:Decrypt", resource);"#;

fn statement(effect: &str, principal: &str, action: &str) -> String {
    format!(
        r#"{{"Sid": "{effect}", "Effect": "{effect}", "Principal": {principal}, "Action": "{action}", "Resource": "*"}}"#
    )
}

fn policy(statements: &[String]) -> Arc<Document> {
    let list = statements.join(",");
    key_policy(&format!(r#"{{"Version": "2012-10-17", "Statement": [{list}]}}"#))
}

fn aws(arn: &str) -> String {
    format!(r#"{{"AWS": "{arn}"}}"#)
}

#[track_caller]
fn check(
    principal: &Principal,
    policy: &Arc<Document>,
    identity: &[&str],
    want: Option<DenialKind>,
) {
    let identity: Vec<_> = identity.iter().map(|text| identity_policy(text)).collect();
    let facts = RequestFacts::default();
    let decision = ask(principal.clone(), Action::DECRYPT, policy, &identity, &facts);
    assert_eq!(denied(&decision), want, "{principal}: {:?}", decision.explanation);
}

#[test]
fn one_engine_for_all_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&*ENGINE);
}

#[test]
fn the_default_policy_delegates_to_the_account() {
    let policy = key_policy(&default_key_policy(&account(HOME)));
    check(&root(HOME), &policy, &[], None);
    check(&user(HOME, "alice"), &policy, &[], Some(ImplicitIdentity));
    check(&user(HOME, "alice"), &policy, &[ALLOW_ALL], None);
    check(&session(HOME, "s"), &policy, &[ALLOW_ALL], None);
    check(&user(HOME, "alice"), &policy, &[ALLOW_ALL, DENY_DECRYPT], Some(ExplicitIdentity));
    check(&user(ABROAD, "alice"), &policy, &[ALLOW_ALL], Some(ImplicitResourcePolicy));
    check(&root(ABROAD), &policy, &[], Some(ImplicitResourcePolicy));
    let nobody = Principal::Anonymous { account: account(HOME) };
    check(&nobody, &policy, &[ALLOW_ALL], Some(ImplicitIdentity));
}

#[test]
fn a_direct_statement_needs_no_identity_policy_at_home() {
    let alice =
        policy(&[statement("Allow", &aws("arn:aws:iam::111122223333:user/alice"), "kms:*")]);
    check(&user(HOME, "alice"), &alice, &[], None);
    check(&user(HOME, "alice"), &alice, &[DENY_DECRYPT], Some(ExplicitIdentity));
    check(&user(HOME, "bob"), &alice, &[ALLOW_ALL], Some(ImplicitResourcePolicy));
    check(&root(HOME), &alice, &[], Some(ImplicitResourcePolicy));

    let role = policy(&[statement("Allow", &aws("arn:aws:iam::111122223333:role/Admin"), "kms:*")]);
    check(&session(HOME, "a"), &role, &[], None);
    check(&session(ABROAD, "a"), &role, &[ALLOW_ALL], Some(ImplicitResourcePolicy));

    let one = aws("arn:aws:sts::111122223333:assumed-role/Admin/a");
    let one = policy(&[statement("Allow", &one, "kms:*")]);
    check(&session(HOME, "a"), &one, &[], None);
    check(&session(HOME, "b"), &one, &[], Some(ImplicitResourcePolicy));
}

#[test]
fn a_foreign_caller_needs_both_sides() {
    for principal in [aws("arn:aws:iam::444455556666:user/alice"), aws(ABROAD), "\"*\"".to_owned()]
    {
        let open = policy(&[statement("Allow", &principal, "kms:*")]);
        check(&user(ABROAD, "alice"), &open, &[], Some(ImplicitIdentity));
        check(&user(ABROAD, "alice"), &open, &[ALLOW_ALL], None);
    }
    let open = policy(&[statement("Allow", "\"*\"", "kms:*")]);
    check(&user(HOME, "alice"), &open, &[], None);
    check(&root(ABROAD), &open, &[], None);
    let cedar = key_policy(ALLOW_ALL);
    check(&user(ABROAD, "alice"), &cedar, &[], Some(ImplicitIdentity));
    check(&user(HOME, "alice"), &cedar, &[], None);
}

#[test]
fn an_explicit_deny_wins() {
    let everyone = statement("Allow", "\"*\"", "kms:*");
    let account = policy(&[everyone.clone(), statement("Deny", &aws(HOME), "kms:De*")]);
    check(&root(HOME), &account, &[], Some(ExplicitResourcePolicy));
    check(&user(HOME, "alice"), &account, &[ALLOW_ALL], Some(ExplicitResourcePolicy));
    check(&session(HOME, "a"), &account, &[ALLOW_ALL], Some(ExplicitResourcePolicy));
    check(&user(ABROAD, "alice"), &account, &[ALLOW_ALL], None);
    let other = policy(&[everyone, statement("Deny", "\"*\"", "kms:Encrypt")]);
    check(&user(HOME, "alice"), &other, &[], None);
}

#[test]
fn services_are_accepted_and_match_nobody() {
    let service = policy(&[statement("Allow", r#"{"Service": "logs.amazonaws.com"}"#, "kms:*")]);
    check(&user(HOME, "alice"), &service, &[ALLOW_ALL], Some(ImplicitResourcePolicy));
}

#[test]
fn what_has_no_action_or_resource_has_no_effect() {
    let text = r#"{"Statement": [
        {"Effect": "Deny", "Principal": "*", "Resource": "*"},
        {"Sid": "x", "Effect": "Deny", "Principal": "*", "Action": "kms:*"},
        {"Effect": "Deny", "Principal": "*", "Action": "kms:*", "Resource": "arn:aws:s3:::bucket"},
        {"Effect": "Deny", "Principal": "*", "Action": "kms:ListKeys", "Resource": "*"},
        {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}]}"#;
    let document = key_policy(text);
    check(&user(HOME, "alice"), &document, &[], None);
    let warned: Vec<_> = document.warnings().iter().map(|warning| warning.statement).collect();
    assert_eq!(warned, [0, 1, 2, 3]);
    assert_eq!(document.warnings()[1].sid.as_deref(), Some("x"));
}

#[test]
fn resources_of_a_key_policy() {
    #[track_caller]
    fn check_resource(resource: &str, want: Option<DenialKind>) {
        let text = format!(
            r#"{{"Statement": {{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "{resource}"}}}}"#
        );
        check(&user(HOME, "alice"), &key_policy(&text), &[], want);
    }
    check_resource(KEY_ARN, None);
    check_resource("arn:aws:kms:*:111122223333:key/*", None);
    check_resource("arn:aws:kms:eu-*:*:key/1234abcd-*", None);
    check_resource("arn:aws:kms:us-*:111122223333:key/*", Some(ImplicitResourcePolicy));
    check_resource("arn:aws:kms:*:444455556666:key/*", Some(ImplicitResourcePolicy));
    check_resource("arn:aws:kms:eu-central-1:111122223333:alias/x", Some(ImplicitResourcePolicy));
}

#[test]
fn json_identity_policies() {
    let key = policy(&[statement("Allow", &aws(HOME), "kms:*")]);
    let allow = format!(
        r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Action": ["kms:Decrypt", "s3:*"], "Resource": "{KEY_ARN}"}}]}}"#
    );
    check(&user(HOME, "alice"), &key, &[&allow], None);
    let elsewhere = allow.replace("eu-central-1", "us-*");
    check(&user(HOME, "alice"), &key, &[&elsewhere], Some(ImplicitIdentity));
    let deny = allow.replace("Allow", "Deny");
    check(&user(HOME, "alice"), &key, &[&allow, &deny], Some(ExplicitIdentity));
}

#[test]
fn only_timers_do_what_timers_do() {
    let locked = policy(&[statement("Deny", "\"*\"", "*")]);
    let facts = RequestFacts::default();
    let system = Principal::System { account: account(HOME) };
    for action in Action::ALL.into_iter().filter(|action| action.applies_to(ResourceKind::Key)) {
        let decision = ask(system.clone(), action, &locked, &[], &facts);
        let allowed = action.service() == "system";
        assert_eq!(denied(&decision), (!allowed).then_some(ImplicitIdentity), "{action}");
        if allowed {
            assert_eq!(decision.explanation.determining[0].source, Source::Builtin);
        }
    }
    let open = key_policy(ALLOW_ALL);
    let people = [identity_policy(r#"permit (principal, action in Action::"kms:*", resource);"#)];
    let decision = ask(user(HOME, "alice"), Action::SYSTEM_DELETE_KEY, &locked, &people, &facts);
    assert_eq!(denied(&decision), Some(ExplicitResourcePolicy));
    let abroad = Principal::System { account: account(ABROAD) };
    let decision = ask(abroad, Action::SYSTEM_DELETE_KEY, &open, &[], &facts);
    assert_eq!(denied(&decision), Some(ImplicitIdentity));
}

#[test]
fn hand_written_cedar_reads_the_request() {
    let pairs = [("tenant".to_owned(), "acme".to_owned())];
    let context = EncryptionContext::new(pairs.into_iter().collect());
    let facts = RequestFacts {
        encryption_context: Some(&context),
        request_alias: Some("alias/app"),
        now_ms: 1_793_614_272_000,
        ..RequestFacts::default()
    };
    #[track_caller]
    fn check(facts: &RequestFacts<'_>, condition: &str, want: bool) {
        let text = format!(
            "permit (principal in Role::\"AROA{HOME}\", action in Action::\"kms:crypto\", resource is Key) when {{ {condition} }};"
        );
        let decision = ask(session(HOME, "jo"), Action::DECRYPT, &key_policy(&text), &[], facts);
        assert_eq!(denied(&decision), (!want).then_some(ImplicitResourcePolicy), "{condition}");
    }
    let tenant = r#"context.encryptionContext.hasTag("tenant") && context.encryptionContext.getTag("tenant") == "acme""#;
    check(&facts, tenant, true);
    check(&RequestFacts::default(), tenant, false);
    check(&facts, r#"context has requestAlias && context.requestAlias == "alias/app""#, true);
    check(&RequestFacts::default(), "context has requestAlias", false);
    check(
        &facts,
        r#"context has sourceIp && context.sourceIp.isInRange(ip("192.0.2.0/24"))"#,
        true,
    );
    check(&facts, r#"context.currentTime < datetime("2026-11-03")"#, true);
    check(&facts, "context.epochTime == 1793614272", true);
    check(&facts, "context.secureTransport && !(context has viaService)", true);
    check(&facts, r#"principal.name == "jo" && principal.roleName == "Admin""#, true);
    check(&facts, r#"principal in Account::"444455556666""#, false);
    check(&facts, "principal.account == resource.account", true);
    check(
        &facts,
        r#"resource.keySpec == "SYMMETRIC_DEFAULT" && resource.keyOrigin == "AWS_KMS""#,
        true,
    );
    check(&facts, r#"action in Action::"kms:crypto""#, true);
    check(&facts, r#"action in [Action::"kms:grants", Action::"kms:Encrypt"]"#, false);
}

#[test]
fn what_cannot_be_evaluated_is_denied() {
    let text = r#"permit (principal, action, resource is Key);
        forbid (principal, action, resource is Key)
        when { context.epochTime + 9223372036854775807 > 0 };"#;
    let facts = RequestFacts { now_ms: 1_000, ..RequestFacts::default() };
    let decision = ask(user(HOME, "alice"), Action::DECRYPT, &key_policy(text), &[], &facts);
    assert_eq!(denied(&decision), Some(FailedClosed));
    assert!(decision.explanation.errors[0].contains("overflow"), "{:?}", decision.explanation);
    // The same in an identity policy, where the key policy alone would do.
    let open = key_policy(ALLOW_ALL);
    let decision =
        ask(user(HOME, "alice"), Action::DECRYPT, &open, &[identity_policy(text)], &facts);
    assert_eq!(denied(&decision), Some(FailedClosed));
}

#[test]
fn lockout() {
    let arn = KeyArn::parse(KEY_ARN).unwrap();
    let request = RequestFacts::default();
    let check = |principal: Principal, policy: &Arc<Document>, identity: &[&str]| {
        let caller = caller(principal);
        let identity: Vec<_> = identity.iter().map(|text| identity_policy(text)).collect();
        let question = Question {
            caller: &caller,
            action: Action::CREATE_KEY,
            resource: key(&arn, policy),
            standing: &Standing::with_policies(identity),
            grants: &NoGrants,
            request: &request,
        };
        ENGINE.check_lockout(&question)
    };
    let default = key_policy(&default_key_policy(&account(HOME)));
    assert_eq!(check(root(HOME), &default, &[]), Ok(()));
    assert_eq!(check(user(HOME, "alice"), &default, &[]), Err(CompileError::Lockout));
    assert_eq!(check(user(HOME, "alice"), &default, &[ALLOW_ALL]), Ok(()));
    let bob = policy(&[statement("Allow", &aws("arn:aws:iam::111122223333:user/bob"), "kms:*")]);
    assert_eq!(check(user(HOME, "alice"), &bob, &[ALLOW_ALL]), Err(CompileError::Lockout));
    assert_eq!(check(user(HOME, "bob"), &bob, &[]), Ok(()));
}

#[test]
fn decisions_explain_themselves() {
    let policy = key_policy(&default_key_policy(&account(HOME)));
    let identity = [identity_policy("@sid(\"All\") permit (principal, action, resource);")];
    let decision =
        ask(user(HOME, "alice"), Action::DECRYPT, &policy, &identity, &RequestFacts::default());
    let permit = decision.outcome.unwrap();
    let key = KeyArn::parse(KEY_ARN).unwrap();
    let other = KeyArn { account: account(ABROAD), ..key.clone() };
    assert!(permit.is_for(&key, &[Action::ENCRYPT, Action::DECRYPT]));
    assert!(!permit.is_for(&key, &[Action::ENCRYPT]));
    assert!(!permit.is_for(&other, &[Action::DECRYPT]));
    let want = serde_json::json!({
        "action": "kms:Decrypt",
        "resource": KEY_ARN,
        "determining": [
            {"source": "identity", "policy": format!("{}/0/0", identity[0].id()), "sid": "All"},
            {"source": "keyPolicy", "policy": format!("{}/0/1", policy.id()), "sid": "Enable IAM User Permissions"},
        ],
        "documents": [identity[0].id(), policy.id()],
    });
    assert_eq!(serde_json::to_value(&decision.explanation).unwrap(), want);
    let decision =
        ask(user(HOME, "alice"), Action::DECRYPT, &policy, &[], &RequestFacts::default());
    let want = serde_json::json!({
        "action": "kms:Decrypt", "resource": KEY_ARN,
        "denied": "implicitIdentity", "documents": [policy.id()],
    });
    assert_eq!(serde_json::to_value(&decision.explanation).unwrap(), want);
}

/// A call can be about keys of several accounts: no book names those of others.
#[test]
fn a_decision_is_for_the_books_of_two_accounts_at_most() {
    let text = statement("Allow", &aws(ABROAD), "kms:*");
    let policy = key_policy(&format!(r#"{{"Statement": {text}}}"#));
    let identity = [identity_policy("permit (principal, action, resource);")];
    let ask = |who| ask(who, Action::DECRYPT, &policy, &identity, &RequestFacts::default());
    let foreign = ask(user(ABROAD, "alice")).explanation;
    let sources = |account_id, caller| {
        let seen = foreign.seen_by(&account(account_id), caller)?;
        assert!(seen.documents.is_empty() && seen.resource == KEY_ARN);
        Some(seen.determining.iter().map(|one| one.source).collect::<Vec<_>>())
    };
    assert_eq!(sources(ABROAD, true), Some(vec![Source::Identity]));
    assert_eq!(sources(HOME, false), Some(vec![Source::KeyPolicy]));
    assert_eq!(sources("777788889999", false), None);
    let own = ask(user(HOME, "alice")).explanation;
    assert_eq!(own.seen_by(&account(HOME), true).as_deref(), Some(&own));
    assert_eq!(own.seen_by(&account(ABROAD), false), None);
}

#[test]
fn equal_documents_are_one() {
    let text = default_key_policy(&account(HOME));
    let first = key_policy(&text);
    assert!(Arc::ptr_eq(&first, &key_policy(&text)));
    assert!(!Arc::ptr_eq(&first, &key_policy(&format!("{text} "))));
    assert_eq!((first.form(), first.text()), (Form::Json, text.as_str()));

    // A name that now stands for somebody else is another document.
    let text = format!(
        r#"{{"Statement": {}}}"#,
        statement("Allow", &aws("arn:aws:iam::111122223333:user/alice"), "kms:*")
    );
    let before = key_policy(&text);
    let mut directory = directory();
    for id in directory.values_mut() {
        *id = super::principal::PrincipalId::User("AIDANEW".to_owned());
    }
    let after = ENGINE.compile_key_policy(&text, &directory).unwrap();
    assert_ne!(before.hash(), after.hash());
    let reloaded = ENGINE.compile_key_policy(&text, before.resolved()).unwrap();
    assert!(Arc::ptr_eq(&before, &reloaded));
}

/// The schema and the table of actions say the same.
#[test]
fn schema_and_actions_agree() {
    let (schema, warnings) = cedar_policy::Schema::from_cedarschema_str(SCHEMA).unwrap();
    assert_eq!(warnings.count(), 0);
    let groups: Vec<_> = schema.action_groups().cloned().collect();
    let names: std::collections::BTreeSet<_> = schema
        .actions()
        .filter(|uid| schema.resources_for_action(uid).is_some_and(|types| types.count() > 0))
        .map(|uid| AsRef::<str>::as_ref(uid.id()).to_owned())
        .collect();
    let want = Action::ALL.iter().map(|action| action.as_str().to_owned()).collect();
    assert_eq!(names, want);
    for action in Action::ALL {
        let uid = format!("Action::\"{action}\"").parse().unwrap();
        let kinds = schema.resources_for_action(&uid).unwrap();
        let kinds: std::collections::BTreeSet<_> = kinds.map(ToString::to_string).collect();
        let want = action.resource_kinds().iter().map(|kind| kind.as_str().to_owned()).collect();
        assert_eq!(kinds, want, "{action}");
        let group = format!("Action::\"{}:*\"", action.service());
        let entities = schema.action_entities().unwrap();
        let ancestors: Vec<_> =
            entities.ancestors(&uid).unwrap().map(ToString::to_string).collect();
        assert!(ancestors.contains(&group), "{action}");
        if action.service() == "kms" {
            assert_eq!(ancestors.len(), 2, "{action} is in one group beside {group}");
        }
    }
    assert_eq!(groups.len(), 13);
}

/// For every service: its own users reach the data, everybody else in the
/// account no more than the account's policies let them read.
#[test]
fn managed_keys_serve_their_service_alone() {
    let (home, region) = (account(HOME), Region::parse("eu-central-1").unwrap());
    for service in ManagedService::ALL {
        let text = managed_key_policy(*service, &home, &region);
        let policy = ENGINE.managed_key_policy(&text).unwrap();
        assert_eq!((policy.form(), policy.text()), (Form::Managed, text.as_str()));
        check(&user(HOME, "alice"), &policy, &[ALLOW_ALL], Some(ImplicitResourcePolicy));
        check(&root(HOME), &policy, &[], Some(ImplicitResourcePolicy));
        let decide = |principal: Principal, via: Option<&str>, action, identity: &[Arc<_>]| {
            let via_service = via.map(|via| via.to_owned().into());
            let caller = Caller { via_service, ..caller(principal) };
            let arn = KeyArn::parse(KEY_ARN).unwrap();
            let request = RequestFacts::default();
            denied(&ENGINE.decide(&Question {
                caller: &caller,
                action,
                resource: key(&arn, &policy),
                standing: &Standing::with_policies(identity.to_vec()),
                grants: &NoGrants,
                request: &request,
            }))
        };
        let items = Some("items.wardbook");
        let own = (*service != ManagedService::DynamoDb).then_some(ImplicitResourcePolicy);
        // The service alone is not enough: the caller's own policies must allow it.
        let alone = decide(user(HOME, "alice"), items, Action::GENERATE_DATA_KEY, &[]);
        assert_eq!(alone, Some(own.unwrap_or(ImplicitIdentity)));
        let both = [identity_policy(ALLOW_ALL)];
        assert_eq!(decide(user(HOME, "alice"), items, Action::GENERATE_DATA_KEY, &both), own);
        assert_eq!(decide(root(HOME), items, Action::DECRYPT, &[]), own);
        let all = [identity_policy(ALLOW_ALL)];
        for action in Action::ALL.into_iter().filter(|action| action.applies_to(ResourceKind::Key))
        {
            let read = [
                Action::DESCRIBE_KEY,
                Action::GET_KEY_LAST_USAGE,
                Action::GET_KEY_POLICY,
                Action::GET_KEY_ROTATION_STATUS,
                Action::GET_PUBLIC_KEY,
                Action::LIST_GRANTS,
                Action::LIST_KEY_POLICIES,
                Action::LIST_KEY_ROTATIONS,
                Action::LIST_RESOURCE_TAGS,
                Action::REVOKE_GRANT,
            ]
            .contains(&action);
            let got = decide(user(HOME, "alice"), None, action, &all);
            assert_eq!(got.is_none(), read, "{action}: {got:?}");
            let without = decide(user(HOME, "alice"), None, action, &[]);
            let want = if read { ImplicitIdentity } else { ImplicitResourcePolicy };
            assert_eq!(without, Some(want), "{action}");
            assert!(decide(user(ABROAD, "alice"), items, action, &all).is_some(), "{action}");
        }
    }
    assert!(ENGINE.managed_key_policy("{}").is_err());
    assert!(ENGINE.managed_key_policy(r#"{"Id":"auto-other-1"}"#).is_err());
}
