//! A policy in Cedar, in all the places where one can stand.
#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use wardbook::policy::document::Usage;
use wardbook_fuzz::policy::check;

fuzz_target!(|text: &str| -> Corpus {
    if text.trim_start().starts_with('{') {
        return Corpus::Reject;
    }
    // Whatever can stand elsewhere can stand at a key.
    if check(Usage::KeyPolicy, text) {
        check(Usage::Identity, text);
        check(Usage::Trust, text);
        check(Usage::Guardrail, text);
    }
    Corpus::Keep
});
