//! The tests beside a policy: read or refused, and run with one outcome.
#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use wardbook::policy::document::Document;
use wardbook::policy::stand_in::AnyPrincipal;
use wardbook::policy::trial::Trials;
use wardbook_fuzz::policy::{ENGINE, KEY, NOW_MS};
use wardbook_fuzz::{WORKER_STACK_BYTES, on_stack};

static POLICY: LazyLock<Arc<Document>> = LazyLock::new(|| {
    let text = include_str!("../../golden/policy/key/encryption-context.json");
    ENGINE.compile_key_policy(text, &AnyPrincipal).expect("a policy")
});

fuzz_target!(|text: &str| {
    let run = || {
        let trials = Trials::parse(text).ok()?;
        let outcomes = trials.run(&ENGINE, KEY.with(&POLICY), &AnyPrincipal, NOW_MS);
        Some(outcomes.map_err(|error| error.to_string()))
    };
    let first = on_stack(WORKER_STACK_BYTES, run);
    assert_eq!(first, on_stack(WORKER_STACK_BYTES, run));
    for outcome in first.and_then(Result::ok).into_iter().flatten() {
        assert_eq!(outcome.passed, outcome.failure.is_empty());
    }
});
