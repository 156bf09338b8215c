//! Decisions by a grant among 1,000,000, and what those take in memory. Times are
//! those that the thread was on a CPU.
//!
//! 1,000 keys with 1,000 grants each, to 100 roles, each of them for one purpose: of
//! four roles one has grants that are bound to a whole encryption context, one to a
//! pair of it, one to none, and one to none but with names; two have a retiring
//! principal. A second measurement of memory has a role of its own for each grant.

#![expect(clippy::unwrap_used, reason = "a benchmark may stop at anything unexpected")]
#![expect(clippy::print_stdout, reason = "memory is no measurement of criterion's")]

use std::alloc::System;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use wardbook::base::arn::KeyArn;
use wardbook::base::caller::{Caller, Principal};
use wardbook::base::context::EncryptionContext;
use wardbook::base::grant::{GrantId, GrantOperation, GrantOperations, GrantTerms};
use wardbook::base::ids::{AccountId, KeyId, Region, RequestId};
use wardbook::base::spec::{KeySpec, KeyUsage, Origin};
use wardbook::keys::grants::Grant;
use wardbook::keys::grants::index::GrantIndex;
use wardbook::keys::grants::principal::{GrantPrincipal, NamedPrincipal};
use wardbook::policy::actions::Action;
use wardbook::policy::builtin::default_key_policy;
use wardbook::policy::document::Document;
use wardbook::policy::engine::Engine;
use wardbook::policy::grant::{Candidate, GrantQuery, Grants};
use wardbook::policy::principal::PrincipalId;
use wardbook::policy::question::{
    KeyResource, NO_TAGS, NoAliases, Question, RequestFacts, Resource, Standing,
};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const KEYS: u32 = 1_000;
const GRANTS_OF_KEY: u32 = 1_000;
const ROLES: u32 = 100;

/// Bytes that are allocated and not freed.
fn live_bytes() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated.saturating_sub(stats.bytes_deallocated)
}

fn account() -> AccountId {
    AccountId::parse("111122223333").unwrap()
}

fn key(n: u32) -> KeyArn {
    let mut bytes = [0; 16];
    let (head, _) = bytes.split_first_chunk_mut::<4>().unwrap();
    *head = n.wrapping_mul(0x9e37_79b9).to_be_bytes();
    let region = Region::parse("eu-central-1").unwrap();
    KeyArn { region, account: account(), id: KeyId::from_random(bytes) }
}

fn role_id(n: u32) -> String {
    format!("AROA{n:017}")
}

fn role(n: u32) -> NamedPrincipal {
    NamedPrincipal {
        id: GrantPrincipal::Role(role_id(n).into()),
        name: format!("arn:aws:iam::111122223333:role/application-{n}").into(),
    }
}

fn session(role: u32) -> Caller {
    Caller {
        principal: Principal::RoleSession {
            account: account(),
            role_id: role_id(role),
            role_name: format!("application-{role}"),
            name: "session".to_owned(),
        },
        access_key_id: None,
        session: None,
        source_ip: Some([192, 0, 2, 7].into()),
        user_agent: None,
        secure_transport: true,
        request_id: RequestId::from_random([0; 16]),
        via_service: None,
    }
}

fn volume(n: u32) -> EncryptionContext {
    let pair = ("aws:ebs:id".to_owned(), format!("vol-{n:017x}"));
    EncryptionContext::new(BTreeMap::from([pair]))
}

fn grant(key: &KeyArn, key_n: u32, n: u32, to: u32) -> Grant {
    let mut id = [0; 32];
    let (head, rest) = id.split_first_chunk_mut::<4>().unwrap();
    *head = n.wrapping_mul(0x9e37_79b9).to_be_bytes();
    *rest.first_chunk_mut::<4>().unwrap() = key_n.to_be_bytes();
    let kind = to & 3;
    let none = EncryptionContext::default;
    Grant {
        terms: GrantTerms {
            id: GrantId::from_random(id),
            operations: GrantOperations::from_iter([match kind {
                1 => GrantOperation::Encrypt,
                2 => GrantOperation::GenerateDataKey,
                _ => GrantOperation::Decrypt,
            }]),
            subset: if kind == 1 { volume(n) } else { none() },
            equals: if kind == 2 { volume(n) } else { none() },
            source_arn: None,
        },
        key: key.clone(),
        name: (kind == 3).then(|| format!("attachment-{n}")),
        grantee: role(to),
        retiring: (kind & 1 == 0).then(|| role(0)),
        issuing_account: account(),
        created_ms: i64::from(n),
    }
}

/// The index with all grants to the roles that `role_of` says by key and grant, and
/// what one of them takes, in bytes.
fn filled(role_of: impl Fn(u32, u32) -> u32 + Copy) -> (GrantIndex, usize) {
    let before = live_bytes();
    let index = GrantIndex::default();
    let keys = (0..KEYS).map(|n| (n, key(n)));
    let grants = keys.flat_map(|(key_n, key)| {
        let grant = move |n| grant(&key, key_n, n, role_of(key_n, n));
        (0..GRANTS_OF_KEY).map(move |n| Ok::<_, Infallible>(grant(n)))
    });
    index.put_all(grants).unwrap();
    let all = usize::try_from(KEYS.saturating_mul(GRANTS_OF_KEY)).unwrap();
    let each = live_bytes().saturating_sub(before).checked_div(all).unwrap();
    (index, each)
}

struct Fixture {
    engine: Engine,
    policy: Arc<Document>,
    index: GrantIndex,
    nothing: Standing,
}

impl Fixture {
    /// Whether a session of this role may use this key so.
    fn decide(
        &self,
        role: u32,
        key: &KeyArn,
        action: Action,
        context: Option<&EncryptionContext>,
        grants: &dyn Grants,
    ) -> bool {
        let caller = session(role);
        let request = RequestFacts { encryption_context: context, ..RequestFacts::default() };
        let question = Question {
            caller: &caller,
            action,
            resource: Resource::Key(KeyResource {
                arn: key,
                spec: KeySpec::SymmetricDefault,
                usage: KeyUsage::EncryptDecrypt,
                origin: Origin::AwsKms,
                multi_region: None,
                tags: &NO_TAGS,
                policy: &self.policy,
                aliases: &NoAliases,
            }),
            standing: &self.nothing,
            grants,
            request: &request,
        };
        self.engine.decide(black_box(&question)).outcome.is_ok()
    }
}

/// What the index finds, after as many grants that do not allow the call: each of
/// them costs one more question to the grant policy.
struct After<'a> {
    index: &'a GrantIndex,
    others: usize,
}

impl Grants for After<'_> {
    fn candidates(&self, query: &GrantQuery<'_>) -> Vec<Candidate> {
        let found = self.index.candidates(query);
        let other = found.iter().map(|found| {
            let terms = GrantTerms { equals: volume(u32::MAX), ..GrantTerms::clone(&found.terms) };
            Candidate { terms: Arc::new(terms), ..found.clone() }
        });
        let Some(other) = other.clone().next().filter(|_| self.others > 0) else { return found };
        std::iter::repeat_n(other, self.others).chain(found).collect()
    }
}

/// How long this thread has been on a CPU, by the scheduler's count, which it brings
/// up to date when the thread steps aside.
fn cpu() -> Duration {
    std::thread::yield_now();
    let stat = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(stat.split(' ').next().unwrap().parse().unwrap())
}

/// Runs `work` as often as criterion asks.
fn measure(criterion: &mut Criterion, name: &str, mut work: impl FnMut()) {
    criterion.bench_function(name, |bencher| {
        bencher.iter_custom(|rounds| {
            let before = cpu();
            (0..rounds).for_each(|_| work());
            cpu().saturating_sub(before)
        });
    });
}

fn decisions(criterion: &mut Criterion) {
    let (_, alone) = filled(|key, n| key.wrapping_mul(GRANTS_OF_KEY).wrapping_add(n));
    let (index, each) = filled(|_, n| n.checked_rem(ROLES).unwrap());
    println!("bytes a grant, of 1,000,000: {each}; with a grantee of its own: {alone}");
    let engine = Engine::new().unwrap();
    let nobody = BTreeMap::<String, PrincipalId>::new();
    let policy = engine.compile_key_policy(&default_key_policy(&account()), &nobody).unwrap();
    let fixture = Fixture { engine, policy, index, nothing: Standing::default() };
    let keys: Vec<KeyArn> = (0..KEYS).map(key).collect();
    let mut run = |name: &str, role: u32, action: Action, context: Option<EncryptionContext>| {
        let mut next = keys.iter().cycle();
        for (suffix, others) in [("", 0), ("_after_ten", 10)] {
            let grants = After { index: &fixture.index, others };
            measure(criterion, &format!("grants/{name}{suffix}"), || {
                let key = next.next().unwrap();
                let allowed = fixture.decide(role, key, action, context.as_ref(), &grants);
                assert_eq!(allowed, role < ROLES);
            });
        }
        let principal = session(role).principal;
        measure(criterion, &format!("grants/{name}_found"), || {
            let query = GrantQuery {
                key: next.next().unwrap(),
                principal: &principal,
                operation: action.grant_operation().unwrap(),
                context: context.as_ref(),
            };
            let found = fixture.index.candidates(black_box(&query));
            assert_eq!(found.is_empty(), role == ROLES);
        });
    };
    run("without_constraint", 4, Action::DECRYPT, None);
    run("with_a_pair", 5, Action::ENCRYPT, Some(volume(505)));
    run("with_a_whole_context", 6, Action::GENERATE_DATA_KEY, Some(volume(506)));
    run("without_a_grant", ROLES, Action::DECRYPT, None);
}

criterion_group!(benches, decisions);
criterion_main!(benches);
