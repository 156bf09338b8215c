//! Decisions, as the pipeline asks for them.
//!
//! The same question twice: alone, and beside 1,000 other key policies, each
//! used once before.

#![expect(clippy::unwrap_used, reason = "a benchmark may stop at anything unexpected")]
#![expect(clippy::print_stdout, reason = "allocations are no measurement of criterion's")]

use std::alloc::System;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use wardbook::base::arn::KeyArn;
use wardbook::base::caller::{Caller, Principal};
use wardbook::base::context::EncryptionContext;
use wardbook::base::ids::{AccountId, KeyId, Region, RequestId};
use wardbook::base::spec::{KeySpec, KeyUsage, Origin};
use wardbook::policy::actions::Action;
use wardbook::policy::builtin::default_key_policy;
use wardbook::policy::document::Document;
use wardbook::policy::engine::Engine;
use wardbook::policy::grant::NoGrants;
use wardbook::policy::principal::PrincipalId;
use wardbook::policy::question::{
    KeyResource, NO_TAGS, NoAliases, Question, RequestFacts, Resource, Standing,
};
use wardbook::policy::stand_in::AnyPrincipal;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

struct Fixture {
    engine: Engine,
    caller: Caller,
    admin: Standing,
    arn: KeyArn,
    context: EncryptionContext,
}

impl Fixture {
    fn new() -> Self {
        let account = AccountId::parse("111122223333").unwrap();
        let engine = Engine::new().unwrap();
        let admin =
            engine.compile_identity_policy("permit (principal, action, resource);").unwrap();
        let region = Region::parse("eu-central-1").unwrap();
        let arn = KeyArn { region, account: account.clone(), id: KeyId::from_random([7; 16]) };
        let principal = Principal::User {
            account,
            unique_id: "AIDAEXAMPLE".to_owned(),
            name: "alice".to_owned(),
        };
        let caller = Caller {
            principal,
            access_key_id: None,
            session: None,
            source_ip: Some([192, 0, 2, 7].into()),
            user_agent: None,
            secure_transport: true,
            request_id: RequestId::from_random([0; 16]),
            via_service: None,
        };
        let pairs = [("tenant".to_owned(), "acme".to_owned()), ("id".to_owned(), "7".to_owned())];
        let context = EncryptionContext::new(pairs.into());
        Self { engine, caller, admin: Standing::with_policies(vec![admin]), arn, context }
    }

    fn compile(&self, text: &str) -> Arc<Document> {
        self.engine.compile_key_policy(text, &BTreeMap::<String, PrincipalId>::new()).unwrap()
    }

    /// Whether the caller may encrypt.
    fn decide(&self, policy: &Arc<Document>) -> bool {
        let resource = Resource::Key(KeyResource {
            arn: &self.arn,
            spec: KeySpec::SymmetricDefault,
            usage: KeyUsage::EncryptDecrypt,
            origin: Origin::AwsKms,
            multi_region: None,
            tags: &NO_TAGS,
            aliases: &NoAliases,
            policy,
        });
        let request =
            RequestFacts { encryption_context: Some(&self.context), ..RequestFacts::default() };
        let question = Question {
            caller: &self.caller,
            action: Action::ENCRYPT,
            resource,
            standing: &self.admin,
            grants: &NoGrants,
            request: &request,
        };
        self.engine.decide(black_box(&question)).outcome.is_ok()
    }
}

fn decisions(criterion: &mut Criterion) {
    let fixture = Fixture::new();
    let default = fixture.compile(&default_key_policy(fixture.caller.principal.account()));
    criterion.bench_function("policy/default_policy_admin", |bencher| {
        bencher.iter(|| assert!(fixture.decide(&default)));
    });
    let others: Vec<_> = (0..1_000)
        .map(|n| fixture.compile(&default.text().replace("key-default-1", &format!("key-{n}"))))
        .collect();
    assert!(others.iter().all(|other| fixture.decide(other)));
    criterion.bench_function("policy/default_policy_admin_beside_1000", |bencher| {
        bencher.iter(|| assert!(fixture.decide(&default)));
    });
    let mut next = others.iter().cycle();
    criterion.bench_function("policy/each_of_1000_in_turn", |bencher| {
        bencher.iter(|| assert!(next.next().is_some_and(|other| fixture.decide(other))));
    });
}

/// A policy of 85 statements for 5 roles each, with a condition, about 30 KB.
fn compiling(criterion: &mut Criterion) {
    let fixture = Fixture::new();
    let actions =
        ["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey*", "kms:DescribeKey", "kms:ReEncrypt*"];
    let statements = (0..85).zip(actions.iter().cycle()).map(|(n, action)| {
        let roles: Vec<String> = (0..5)
            .map(|role| format!(r#""arn:aws:iam::111122223333:role/r{n}x{role}""#))
            .collect();
        format!(
            r#"{{"Sid": "S{n}", "Effect": "Allow", "Principal": {{"AWS": [{}]}}, "Action": "{action}",
                "Resource": "*", "Condition": {{"StringEquals": {{"kms:EncryptionContext:tenant": "{n}"}}}}}}"#,
            roles.join(",")
        )
    });
    let statements: Vec<String> = statements.collect();
    let text = format!(r#"{{"Version": "2012-10-17", "Statement": [{}]}}"#, statements.join(","));
    let mut group = criterion.benchmark_group("policy/compile");
    group.sample_size(20);
    group.bench_function("85_statements_for_5_roles_each", |bencher| {
        bencher
            .iter(|| fixture.engine.compile_key_policy(black_box(&text), &AnyPrincipal).unwrap());
    });
    group.finish();
}

/// Five statements, two of them with conditions on the call.
const FIVE: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Sid": "Root", "Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "kms:*", "Resource": "*"},
    {"Sid": "Admins", "Effect": "Allow", "Principal": {"AWS": "444455556666"}, "Action": ["kms:Create*", "kms:Describe*", "kms:Put*"], "Resource": "*"},
    {"Sid": "Use", "Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": ["kms:Encrypt", "kms:Decrypt"], "Resource": "*",
     "Condition": {"StringEquals": {"kms:EncryptionContext:tenant": "acme"}}},
    {"Sid": "Grants", "Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "kms:CreateGrant", "Resource": "*",
     "Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"}}},
    {"Sid": "Tls", "Effect": "Deny", "Principal": "*", "Action": "kms:*", "Resource": "*",
     "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}"#;

/// One statement, whose condition is a test in Rust.
const ATOM: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "kms:*", "Resource": "*",
     "Condition": {"StringLike": {"kms:EncryptionContext:tenant": "acm?"}}}]}"#;

fn conditions(criterion: &mut Criterion) {
    let fixture = Fixture::new();
    for (name, text) in [("five_statements", FIVE), ("a_test_in_rust", ATOM)] {
        let policy = fixture.compile(text);
        assert!(fixture.decide(&policy));
        let before = ALLOCATOR.stats().allocations;
        assert!(fixture.decide(&policy));
        let made = ALLOCATOR.stats().allocations.wrapping_sub(before);
        println!("policy/{name}: {made} allocations");
        criterion.bench_function(&format!("policy/{name}"), |bencher| {
            bencher.iter(|| assert!(fixture.decide(&policy)));
        });
    }
}

criterion_group!(benches, compiling, decisions, conditions);
criterion_main!(benches);
