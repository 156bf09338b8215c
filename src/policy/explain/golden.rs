//! Typical answers, in files that a reviewer can see change:
//! `tests/golden/policy/explain/`.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::{KnownGrant, Names};
use crate::base::arn::KeyArn;
use crate::base::caller::Principal;
use crate::base::context::EncryptionContext;
use crate::base::grant::{GrantId, GrantOperation, GrantTerms};
use crate::policy::actions::Action;
use crate::policy::builtin::default_key_policy;
use crate::policy::decision::Source;
use crate::policy::document::Document;
use crate::policy::fixture::*;
use crate::policy::grant::{Candidate, GrantQuery, Grants, NoGrants, Party, Reach};
use crate::policy::question::{Question, RequestFacts, Resource, Standing};

/// One case: everything is as in most cases unless it says otherwise.
struct Case {
    principal: Principal,
    action: Action,
    key_policy: Arc<Document>,
    standing: Standing,
    context: &'static [(&'static str, &'static str)],
    grants: Vec<(Candidate, &'static str)>,
}

struct Held<'a>(&'a [(Candidate, &'static str)]);

impl Grants for Held<'_> {
    fn candidates(&self, _query: &GrantQuery<'_>) -> Vec<Candidate> {
        self.0
            .iter()
            .filter(|(_, grantee)| grantee.ends_with("alice"))
            .map(|(c, _)| c.clone())
            .collect()
    }
}

fn case(policy: &str) -> Case {
    Case {
        principal: user(HOME, "alice"),
        action: Action::DECRYPT,
        key_policy: key_policy(policy),
        standing: Standing::default(),
        context: &[],
        grants: Vec::new(),
    }
}

fn with(policies: &[&str]) -> Standing {
    Standing::with_policies(policies.iter().map(|text| identity_policy(text)).collect())
}

fn context(pairs: &[(&str, &str)]) -> EncryptionContext {
    EncryptionContext::new(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
}

fn grant(byte: u8, operations: &[GrantOperation], subset: &[(&str, &str)]) -> Candidate {
    let terms = GrantTerms {
        id: GrantId::from_random([byte; 32]),
        operations: operations.iter().copied().collect(),
        subset: context(subset),
        equals: context(&[]),
        source_arn: None,
    };
    Candidate { terms: Arc::new(terms), party: Party::Grantee, reach: Reach::Itself }
}

#[track_caller]
fn check(name: &str, case: &Case) {
    let (caller, arn) = (caller(case.principal.clone()), KeyArn::parse(KEY_ARN).unwrap());
    let pairs = context(case.context);
    let request = RequestFacts {
        encryption_context: (!pairs.is_empty()).then_some(&pairs),
        now_ms: 1_795_339_800_000,
        ..RequestFacts::default()
    };
    let question = Question {
        caller: &caller,
        action: case.action,
        resource: key(&arn, &case.key_policy),
        standing: &case.standing,
        grants: &Held(&case.grants),
        request: &request,
    };
    let mut names = Names::default();
    for (at, policy) in case.standing.policies.iter().enumerate() {
        let name = format!("policy `p{at}` of user alice");
        names.documents.insert((Source::Identity, policy.id().to_owned()), vec![name]);
    }
    names.grants = case
        .grants
        .iter()
        .map(|(candidate, grantee)| KnownGrant {
            terms: Arc::clone(&candidate.terms),
            name: None,
            grantee: (*grantee).to_owned(),
            caller_is: grantee.ends_with("alice").then_some((Party::Grantee, Reach::Itself)),
        })
        .collect();
    let story = ENGINE.explain(&question, &names);
    compare(name, &story.to_string());
}

#[track_caller]
fn compare(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/policy/explain")
        .join(format!("{name}.txt"));
    let want = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, want, "{}:\n{text}", path.display());
}

/// The account is trusted, `alice` may encrypt, sessions of `Admin` may all.
fn team_policy() -> String {
    format!(
        r#"{{"Version": "2012-10-17", "Statement": [
            {{"Sid": "Enable IAM User Permissions", "Effect": "Allow",
              "Principal": {{"AWS": "arn:aws:iam::{HOME}:root"}},
              "Action": "kms:*", "Resource": "*"}},
            {{"Sid": "Writers", "Effect": "Allow",
              "Principal": {{"AWS": ["arn:aws:iam::{HOME}:user/alice", "arn:aws:iam::{ABROAD}:user/alice"]}},
              "Action": ["kms:Encrypt", "kms:GenerateDataKey*"], "Resource": "*"}},
            {{"Sid": "Readers", "Effect": "Allow",
              "Principal": {{"AWS": "arn:aws:iam::{HOME}:role/Admin"}},
              "Action": "kms:Decrypt", "Resource": "*"}},
            {{"Sid": "NobodyDeletes", "Effect": "Deny", "Principal": "*",
              "Action": "kms:ScheduleKeyDeletion", "Resource": "*"}}
        ]}}"#
    )
}

const TENANT: &str = r#"
@sid("TenantOnly")
permit (principal is User, action in [Action::"kms:Decrypt", Action::"kms:Encrypt"], resource)
when {
    context.encryptionContext.hasTag("tenant") &&
    context.encryptionContext.getTag("tenant") == "acme" &&
    context.secureTransport
};
"#;

#[test]
fn denied_by_nobody_allowing() {
    check("default_policy_no_identity_policy", &case(&default_key_policy(&account(HOME))));
    let reader = r#"{"Version": "2012-10-17", "Statement": [
        {"Sid": "Look", "Effect": "Allow", "Action": ["kms:Describe*", "kms:List*"], "Resource": "*"}]}"#;
    let mut looks = case(&default_key_policy(&account(HOME)));
    looks.standing = with(&[reader]);
    check("identity_policy_for_other_actions", &looks);
    check("key_policy_names_others", &case(&team_policy()));
    let mut abroad = case(&team_policy());
    (abroad.principal, abroad.action) = (user(ABROAD, "alice"), Action::ENCRYPT);
    check("foreign_caller_without_consent_at_home", &abroad);
    abroad.principal = user(ABROAD, "bob");
    check("foreign_caller_who_is_not_named", &abroad);
    abroad.action = Action::PUT_KEY_POLICY;
    check("foreign_caller_of_a_home_action", &abroad);
}

#[test]
fn denied_by_a_condition() {
    let mut wrong = case(TENANT);
    wrong.context = &[("tenant", "other")];
    check("condition_with_another_value", &wrong);
    wrong.context = &[];
    check("condition_on_an_absent_value", &wrong);
    wrong.context = &[("tenant", "acme")];
    check("condition_that_holds", &wrong);
    check(
        "condition_that_cannot_be_evaluated",
        &case(
            "permit (principal, action, resource) when { context.epochTime + 9223372036854775807 > 0 };",
        ),
    );
}

/// Conditions of JSON are shown by their own names.
#[test]
fn denied_by_a_condition_in_json() {
    let policy = format!(
        r#"{{"Version": "2012-10-17", "Statement": [
            {{"Sid": "ThroughItems", "Effect": "Allow",
              "Principal": {{"AWS": "arn:aws:iam::{HOME}:user/alice"}},
              "Action": "kms:Decrypt", "Resource": "*",
              "Condition": {{
                "StringEquals": {{"kms:ViaService": "items.wardbook"}},
                "StringLike": {{"kms:EncryptionContext:tenant": "acme-?"}},
                "Bool": {{"aws:SecureTransport": "true"}}
              }}}}
        ]}}"#
    );
    let mut denied = case(&policy);
    denied.context = &[("tenant", "acme-north")];
    check("conditions_of_json", &denied);
}

/// Both sides are shown where a condition compares with a variable.
#[test]
fn denied_by_a_condition_on_a_variable() {
    let by_team = r#"{"Version": "2012-10-17", "Statement": [
        {"Sid": "OwnTeam", "Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*",
         "Condition": {"StringEquals": {
            "kms:EncryptionContext:team": "${aws:PrincipalTag/team}",
            "aws:RequestedRegion": ["eu-north-1", "eu-south-1"]}}}]}"#;
    let mut untagged = case(&default_key_policy(&account(HOME)));
    untagged.standing = with(&[by_team]);
    untagged.context = &[("team", "red")];
    check("condition_on_an_absent_variable", &untagged);
    untagged.standing.tags.insert("team".to_owned(), "blue".to_owned());
    check("condition_on_a_variable", &untagged);
}

#[test]
fn denied_by_a_key_policy_that_trusts_nobody() {
    let policy = format!(
        r#"{{"Version": "2012-10-17", "Statement": [
            {{"Sid": "Owner", "Effect": "Allow",
              "Principal": {{"AWS": "arn:aws:iam::{HOME}:role/Admin"}},
              "Action": "kms:*", "Resource": "*"}}]}}"#
    );
    let mut silent = case(&policy);
    check("key_policy_trusts_nobody", &silent);
    silent.standing = with(&["permit (principal, action, resource);"]);
    check("key_policy_does_not_delegate", &silent);
}

#[test]
fn denied_explicitly_or_by_limits() {
    let mut deletes = case(&team_policy());
    deletes.action = Action::SCHEDULE_KEY_DELETION;
    deletes.standing = with(&["permit (principal, action, resource);"]);
    check("explicit_deny_in_the_key_policy", &deletes);
    let mut stopped = case(&team_policy());
    stopped.standing = with(&[
        "permit (principal, action, resource);",
        "@sid(\"Stop\") forbid (principal, action == Action::\"kms:Decrypt\", resource);",
    ]);
    check("explicit_deny_in_an_identity_policy", &stopped);
    let mut bounded = case(&team_policy());
    bounded.standing = with(&["permit (principal, action, resource);"]);
    bounded.standing.boundary =
        Some(identity_policy("permit (principal, action in Action::\"kms:read\", resource);"));
    check("boundary", &bounded);
}

#[test]
fn allowed() {
    let mut delegated = case(&team_policy());
    delegated.standing = with(&["@sid(\"All\") permit (principal, action, resource);"]);
    check("allowed_by_delegation", &delegated);
    let mut named = case(&team_policy());
    named.action = Action::ENCRYPT;
    check("allowed_by_name", &named);
    let mut root_caller = case(&default_key_policy(&account(HOME)));
    root_caller.principal = root(HOME);
    check("allowed_to_the_root_principal", &root_caller);
    let mut session_caller = case(&team_policy());
    session_caller.principal = session(HOME, "jo");
    check("allowed_to_a_session", &session_caller);
}

#[test]
fn grants() {
    use GrantOperation as G;
    let mut granted = case(&default_key_policy(&account(HOME)));
    granted.context = &[("tenant", "acme")];
    let alice = "arn:aws:iam::111122223333:user/alice";
    granted.grants = vec![
        (grant(1, &[G::Encrypt], &[]), alice),
        (grant(2, &[G::Decrypt], &[("tenant", "other")]), alice),
        (grant(3, &[G::Decrypt], &[]), "arn:aws:iam::111122223333:user/bob"),
    ];
    check("grants_that_do_not_cover_it", &granted);
    let constrained = granted.grants.remove(1);
    check("grant_of_other_operations", &granted);
    granted.grants.insert(1, constrained);
    granted.grants.push((grant(4, &[G::Decrypt, G::Encrypt], &[("tenant", "acme")]), alice));
    check("allowed_by_a_grant", &granted);
}

#[test]
fn without_a_key() {
    let (caller, home) = (caller(user(HOME, "alice")), account(HOME));
    let region = crate::base::ids::Region::parse("eu-central-1").unwrap();
    let standing =
        with(&["@sid(\"Look\") permit (principal, action in Action::\"kms:read\", resource);"]);
    let request = RequestFacts { now_ms: 1_795_339_800_000, ..RequestFacts::default() };
    let question = Question {
        caller: &caller,
        action: Action::CREATE_KEY,
        resource: Resource::Account { account: &home, region: &region },
        standing: &standing,
        grants: &NoGrants,
        request: &request,
    };
    compare("the_account_itself", &ENGINE.explain(&question, &Names::default()).to_string());
}

#[test]
fn a_role() {
    let (caller, home) = (caller(user(HOME, "alice")), account(HOME));
    let trust = r#"{"Version": "2012-10-17", "Statement": [
        {"Sid": "Alice", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:user/alice"},
         "Action": "sts:AssumeRole", "Condition": {"StringEquals": {"sts:ExternalId": "7"}}},
        {"Sid": "Admins", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/Admin"},
         "Action": "sts:AssumeRole"}]}"#;
    let trust = ENGINE.compile_trust_policy(trust, &directory()).unwrap();
    let standing =
        with(&["@sid(\"Look\") permit (principal, action in Action::\"kms:read\", resource);"]);
    let request = RequestFacts { now_ms: 1_795_339_800_000, ..RequestFacts::default() };
    let question = Question {
        caller: &caller,
        action: Action::ASSUME_ROLE,
        resource: Resource::Role {
            account: &home,
            unique_id: "AROAX",
            name: "app",
            tags: &crate::policy::question::NO_TAGS,
            trust: Some(&trust),
        },
        standing: &standing,
        grants: &NoGrants,
        request: &request,
    };
    compare("trust_policy_of_a_role", &ENGINE.explain(&question, &Names::default()).to_string());
}

#[test]
fn a_guardrail() {
    let engine = crate::policy::engine::Engine::new().unwrap();
    let guardrail = r#"@id("only-by-tls")
        forbid (principal, action in Action::"kms:read", resource) unless { context.secureTransport };
        @id("nothing-is-deleted")
        forbid (principal, action == Action::"kms:ScheduleKeyDeletion", resource);"#;
    let guardrail = engine.compile_guardrail(guardrail).unwrap();
    engine.set_guardrails(vec![("company.cedar".to_owned(), guardrail)]);
    let (caller, arn) = (caller(user(HOME, "alice")), KeyArn::parse(KEY_ARN).unwrap());
    let policy = key_policy(&default_key_policy(&account(HOME)));
    let request = RequestFacts { now_ms: 1_795_339_800_000, ..RequestFacts::default() };
    let question = Question {
        caller: &caller,
        action: Action::SCHEDULE_KEY_DELETION,
        resource: key(&arn, &policy),
        standing: &with(&["@sid(\"All\") permit (principal, action, resource);"]),
        grants: &NoGrants,
        request: &request,
    };
    compare("guardrail", &engine.explain(&question, &Names::default()).to_string());
}
