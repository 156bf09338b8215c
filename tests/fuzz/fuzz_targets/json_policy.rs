//! A policy in AWS's JSON, in all the places where one can stand.
#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use wardbook::policy::document::Usage;
use wardbook_fuzz::policy::check;

fuzz_target!(|text: &str| -> Corpus {
    // What does not begin so is Cedar, and another target's.
    if !text.trim_start().starts_with('{') {
        return Corpus::Reject;
    }
    for usage in [Usage::KeyPolicy, Usage::Identity, Usage::Trust] {
        check(usage, text);
    }
    Corpus::Keep
});
