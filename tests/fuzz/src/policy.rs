//! Policies: what is accepted means one thing, the same in every thread, in its
//! own words and in Cedar's.

use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use cedar_policy::{PolicySet, Schema, ValidationMode, Validator};
use wardbook::base::arn::KeyArn;
use wardbook::policy::actions::Action;
use wardbook::policy::builtin;
use wardbook::policy::decision::DenialKind;
use wardbook::policy::document::{Document, Form, Usage};
use wardbook::policy::engine::Engine;
use wardbook::policy::error::CompileError;
use wardbook::policy::explain::Names;
use wardbook::policy::grant::NoGrants;
use wardbook::policy::question::{NO_TAGS, Question, Resource, Standing};
use wardbook::policy::scenario::Scenario;
use wardbook::policy::stand_in::{self, AnyPrincipal, StandInKey};

use crate::{WORKER_STACK_BYTES, on_stack};

/// 2026-11-02T10:11:12Z.
pub const NOW_MS: i64 = 1_793_614_272_000;

/// Documents with more rules than this are not validated action by action, which
/// takes long; the compiler does not do it either.
const VALIDATED_RULES: usize = 8;

pub static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::new().expect("an engine"));

pub static KEY: LazyLock<StandInKey> = LazyLock::new(|| {
    let arn = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    StandInKey::new(KeyArn::parse(arn).expect("an ARN"))
});

static DEFAULT: LazyLock<Arc<Document>> = LazyLock::new(|| {
    let text = builtin::default_key_policy(&KEY.arn.account);
    ENGINE.compile_key_policy(&text, &AnyPrincipal).expect("a policy")
});

static PERMIT_ALL: LazyLock<Arc<Document>> = LazyLock::new(|| {
    ENGINE.compile_identity_policy("permit (principal, action, resource);").expect("a policy")
});

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
    let text = include_str!("../../../policies/wardbook.cedarschema");
    Validator::new(Schema::from_cedarschema_str(text).expect("a schema").0)
});

/// Callers, actions, and what their requests say.
type Ask = (&'static str, Action, &'static [(&'static str, &'static str)]);

const ASKED: &[Ask] = &[
    ("arn:aws:iam::111122223333:root", Action::PUT_KEY_POLICY, &[]),
    (
        "arn:aws:iam::111122223333:user/ada",
        Action::DECRYPT,
        &[
            ("kms:EncryptionContext:tenant", "acme"),
            ("kms:RequestAlias", "alias/x"),
            ("aws:SourceIp", "192.0.2.7"),
            ("aws:SecureTransport", "true"),
        ],
    ),
    (
        "arn:aws:sts::111122223333:assumed-role/Admin/blue",
        Action::CREATE_GRANT,
        &[("kms:GrantIsForAWSResource", "true"), ("kms:GrantOperations", "Decrypt,Encrypt")],
    ),
    (
        "arn:aws:iam::444455556666:role/Admin",
        Action::SCHEDULE_KEY_DELETION,
        &[("kms:ScheduleKeyDeletionPendingWindowInDays", "7"), ("aws:PrincipalTag/team", "blue")],
    ),
];

/// What was decided, and the whole account of it.
type Decided = Vec<(Option<DenialKind>, String)>;

/// Compiles the text; what is accepted keeps every promise there is.
pub fn check(usage: Usage, text: &str) -> bool {
    let Some(first) = compile(usage, text) else { return false };
    let facets = |document: &Document| {
        let clauses: Vec<_> = document.clauses().collect();
        let findings = document.lint();
        let atoms = document.atoms();
        let cedar = document.to_cedar();
        format!("{cedar}\n{clauses:?}\n{findings:?}\n{atoms:?}\n{:?}", document.warnings())
    };
    let (facets_of_first, decided) = (facets(&first), decide(&first));
    // The second is compiled anew: documents are forgotten with their last user.
    drop(first);
    let second = compile(usage, text).expect("accepted once, and not again");
    assert_eq!(facets_of_first, facets(&second));
    assert_eq!(decided, decide(&second), "{text}");

    if second.size() <= VALIDATED_RULES {
        on_stack(256 << 20, || validate(&second));
    }
    if second.form() == Form::Json {
        for (denied, account) in &decided {
            assert_ne!(*denied, Some(DenialKind::FailedClosed), "{account}\n{text}");
        }
        check_its_cedar(&second, &decided);
    }
    true
}

fn compile(usage: Usage, text: &str) -> Option<Arc<Document>> {
    let compiled = on_stack(WORKER_STACK_BYTES, || match usage {
        Usage::KeyPolicy => ENGINE.compile_key_policy(text, &AnyPrincipal),
        Usage::Identity => ENGINE.compile_identity_policy(text),
        Usage::Trust => ENGINE.compile_trust_policy(text, &AnyPrincipal),
        Usage::Guardrail => ENGINE.compile_guardrail(text),
    });
    if let Err(CompileError::Malformed(reason)) = &compiled {
        assert!(!reason.is_empty(), "refused without a word");
    }
    compiled.ok()
}

/// Strict validation for every action, where the compiler looks at one of each kind.
fn validate(document: &Document) {
    let cedar = document.to_cedar();
    let policies = PolicySet::from_str(&cedar).unwrap_or_else(|e| panic!("{e:?}\n{cedar}"));
    let result = VALIDATOR.validate(&policies, ValidationMode::Strict);
    assert!(result.validation_passed_without_warnings(), "{result}\n{cedar}\n{}", document.text());
}

/// The Cedar that is shown of a JSON policy is a policy too, and means the same;
/// unless it needs what is not for Cedar by hand, or is too long written out.
fn check_its_cedar(document: &Document, decided: &Decided) {
    let cedar = document.to_cedar();
    let compiled = on_stack(WORKER_STACK_BYTES, || match document.usage() {
        Usage::KeyPolicy => ENGINE.compile_key_policy(&cedar, &AnyPrincipal),
        Usage::Trust => ENGINE.compile_trust_policy(&cedar, &AnyPrincipal),
        Usage::Identity | Usage::Guardrail => ENGINE.compile_identity_policy(&cedar),
    });
    match compiled {
        Ok(again) => {
            let denials = |decided: &Decided| decided.iter().map(|(d, _)| *d).collect::<Vec<_>>();
            assert_eq!(denials(&decide(&again)), denials(decided), "{cedar}\n{}", document.text());
        }
        Err(CompileError::TooLarge { .. }) => {}
        Err(error) => {
            let text = error.to_string();
            assert!(!document.atoms().is_empty(), "{text}\n{cedar}\n{}", document.text());
        }
    }
}

/// The answers to all questions, the same on two threads with the stack of a
/// worker.
fn decide(document: &Arc<Document>) -> Decided {
    if document.usage() == Usage::Guardrail {
        return Vec::new();
    }
    let answer =
        || on_stack(WORKER_STACK_BYTES, || ASKED.iter().flat_map(|a| ask(document, a)).collect());
    let (one, other): (Decided, Decided) = std::thread::scope(|scope| {
        let other = scope.spawn(answer);
        (answer(), other.join().expect("an answer"))
    });
    assert_eq!(one, other, "{}", document.text());
    one
}

/// One question, with and without an identity policy that allows everything.
fn ask(document: &Arc<Document>, (arn, action, said): &Ask) -> Decided {
    let principal = stand_in::principal(arn, &AnyPrincipal).expect("somebody");
    let mut decided = Vec::new();
    for others in [vec![], vec![Arc::clone(&PERMIT_ALL)]] {
        let mut policies = others;
        let (mut action, mut policy) = (*action, document);
        let resource_of_trust = Resource::Role {
            account: &KEY.arn.account,
            unique_id: "AROA1",
            name: "Admin",
            tags: &NO_TAGS,
            trust: Some(document),
        };
        match document.usage() {
            Usage::Identity => {
                policies.push(Arc::clone(document));
                policy = &DEFAULT;
            }
            Usage::Trust => action = Action::ASSUME_ROLE,
            Usage::KeyPolicy | Usage::Guardrail => {}
        }
        let standing = Standing::with_policies(policies);
        let mut scenario = Scenario::of(principal.clone(), standing, NOW_MS);
        for (key, value) in *said {
            scenario.say(key, value).expect("it can be said");
        }
        let resource = match document.usage() {
            Usage::Trust => resource_of_trust,
            _ => Resource::Key(KEY.with(policy)),
        };
        let question = Question {
            caller: &scenario.caller,
            action,
            resource,
            standing: &scenario.standing,
            grants: &NoGrants,
            request: &scenario.request(),
        };
        let decision = ENGINE.decide(&question);
        let story = ENGINE.explain(&question, &Names::default());
        assert_eq!(story.denied, decision.explanation.denied);
        let account = format!("{:?} {:?}", decision.explanation, story.verdict);
        decided.push((decision.explanation.denied, account));
    }
    decided
}
