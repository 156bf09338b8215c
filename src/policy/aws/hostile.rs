//! Documents that mean harm: each is refused in words, or decides alike on
//! every thread.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;

use proptest::prelude::*;
use serde_json::json;

use crate::base::context::EncryptionContext;
use crate::base::limits::{POLICY_BYTES, POLICY_TERMS};
use crate::policy::actions::Action;
use crate::policy::decision::DenialKind;
use crate::policy::document::Document;
use crate::policy::error::CompileError;
use crate::policy::fixture::{ENGINE, HOME, ask, directory, key_policy, user};
use crate::policy::question::RequestFacts;

/// A key policy of one statement for everybody, with these conditions.
fn with(conditions: &serde_json::Value) -> String {
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Principal": "*", "Action": "kms:*", "Resource": "*",
        "Condition": conditions,
    }, {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}]})
    .to_string()
}

/// Whether alice may decrypt, on a thread with a stack of this size.
fn decide(document: &Arc<Document>, stack: usize) -> bool {
    let document = Arc::clone(document);
    let decide = move || {
        let alice = user(HOME, "alice");
        let request = RequestFacts { request_alias: Some("alias/x"), ..RequestFacts::default() };
        let decision = ask(alice, Action::DECRYPT, &document, &[], &request);
        assert_eq!(decision.explanation.errors, Vec::<String>::new());
        decision.outcome.is_ok()
    };
    thread::Builder::new().stack_size(stack).spawn(decide).unwrap().join().unwrap()
}

/// The same on small stacks and large ones.
#[track_caller]
fn check(text: &str, want: bool) {
    assert!(text.len() <= POLICY_BYTES, "{}", text.len());
    let document = key_policy(text);
    for stack in [2_usize, 8, 64].map(|mib| mib << 20) {
        assert_eq!(decide(&document, stack), want);
    }
}

#[test]
fn thousands_of_values() {
    let many = |form: &dyn Fn(usize) -> String| (0..1_500).map(form).collect::<Vec<_>>();
    let short: Vec<_> = (0..3_500).map(|n| format!("{n:x}")).collect();
    let with_one = |mut list: Vec<String>, one: &str| {
        list.push(one.to_owned());
        list
    };
    for (operator, list) in [
        ("StringEquals", short.clone()),
        ("StringLike", many(&|n| format!("*-{n}"))),
        ("StringLike", many(&|n| format!("?-{n}"))),
        ("StringEqualsIgnoreCase", short),
    ] {
        let of = |list: &[String]| with(&json!({operator: {"kms:RequestAlias": list}}));
        check(&of(&list), true);
        check(&of(&with_one(list, "alias/x")), false);
    }
    let ranges = many(&|n| format!("10.{}.{}.0/24", n / 250, n % 250));
    check(&with(&json!({"IpAddress": {"aws:SourceIp": ranges}})), true);
    check(&with(&json!({"IpAddress": {"aws:SourceIp": with_one(ranges, "192.0.2.7")}})), false);
    let numbers: Vec<_> = (0..3_000).collect();
    check(&with(&json!({"NumericLessThan": {"kms:RotationPeriodInDays": numbers}})), true);
    let arns: Vec<_> = (0..500).map(|n| format!("arn:aws:iam::{HOME}:user/*{n}")).collect();
    check(&with(&json!({"ArnLike": {"aws:PrincipalArn": arns}})), true);
    check(&with(&json!({"ArnNotLike": {"aws:PrincipalArn": arns}})), false);
}

/// A key policy of one statement, with these members beside its effect.
fn of_one(members: &serde_json::Value) -> String {
    let mut statement =
        json!({"Effect": "Allow", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"});
    let given = members.as_object().unwrap().clone();
    statement.as_object_mut().unwrap().extend(given);
    json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
}

/// What alice is told who decrypts with this encryption context.
fn denied_with(document: &Arc<Document>, context: Vec<(String, String)>) -> Option<DenialKind> {
    let context = EncryptionContext::new(context.into_iter().collect());
    let request = RequestFacts { encryption_context: Some(&context), ..RequestFacts::default() };
    let decision = ask(user(HOME, "alice"), Action::DECRYPT, document, &[], &request);
    decision.outcome.err().map(|denial| denial.kind())
}

#[test]
fn what_stands_there_twice_is_one_rule() {
    let everybody = vec!["*"; 2_000];
    let text = of_one(&json!({"Resource": vec!["*"; 2_000], "Principal": {"AWS": everybody}}));
    assert_eq!(key_policy(&text).size(), 1);
}

/// Many keys to ask about, each of which matches any key.
fn resources(number: usize) -> Vec<String> {
    (0..number).map(|n| format!("arn:aws:kms:*:*:key/{}*", "*".repeat(n))).collect()
}

/// One pattern, which goes back a long way at every character of a text, in a hundred
/// rules; and so many at once that each alone would do.
#[test]
fn patterns_are_not_multiplied() {
    let slow = |end: char| format!("*{}{end}", "a".repeat(4_096));
    let patterns: Vec<_> = ['b', 'c', 'd'].into_iter().map(slow).collect();
    let like = json!({"StringLike": {"kms:EncryptionContext:y": patterns}});
    let text = of_one(&json!({"Resource": resources(100), "Condition": like}));
    let document = key_policy(&text);
    assert_eq!(document.size(), 100);
    assert_eq!(document.atoms().len(), 1, "left to Cedar");
    let held = |text: &str| denied_with(&document, vec![("y".to_owned(), text.to_owned())]);
    assert_eq!(held(&"a".repeat(8_190)), Some(DenialKind::FailedClosed));
    assert_eq!(held("aaab"), Some(DenialKind::ImplicitResourcePolicy));
    assert_eq!(held(&format!("{}b", "a".repeat(4_096))), None);
    // What is short stays Cedar's, and means the same.
    let short = of_one(&json!({"Condition": {"StringLike": {"kms:EncryptionContext:y": "a*b"}}}));
    let short = key_policy(&short);
    assert!(short.atoms().is_empty());
    assert_eq!(denied_with(&short, vec![("y".to_owned(), "a-b".to_owned())]), None);
}

/// A thousand variables, each looked up among thousands of pairs, in a hundred rules.
#[test]
fn variables_are_looked_up_at_once() {
    let values = vec!["${kms:EncryptionContext:a}"; 900];
    let condition = json!({"StringEqualsIgnoreCase": {"kms:ViaService": values}});
    let document = key_policy(&of_one(&json!({"Resource": resources(50), "Condition": condition})));
    let pairs = (0..3_000).map(|n| (format!("{n:x}"), String::new()));
    let context = pairs.chain([("a".to_owned(), String::new())]).collect();
    assert_eq!(denied_with(&document, context), Some(DenialKind::ImplicitResourcePolicy));
}

/// A rule has its own copy of a pattern for its resource.
#[test]
fn long_patterns_are_terms() {
    let long = format!("arn:aws:kms:*:*:key/{}*", "a".repeat(15_000));
    let accounts: Vec<_> = (0..500).map(|n| format!("{n:012}")).collect();
    let text = of_one(&json!({"Resource": long, "Principal": {"AWS": accounts}}));
    assert!(text.len() < POLICY_BYTES);
    match ENGINE.compile_key_policy(&text, &directory()) {
        Err(CompileError::TooLarge { limit, .. }) => assert_eq!(limit, POLICY_TERMS),
        other => panic!("{other:?}"),
    }
}

#[test]
fn many_conditions() {
    let tags = |value: &str| -> serde_json::Map<_, _> {
        (0..60).map(|n| (format!("aws:PrincipalTag/{n}"), json!(value))).collect()
    };
    // All must hold, and none does.
    check(&with(&json!({"StringEquals": tags("x")})), true);
    check(&with(&json!({"StringNotEquals": tags("x")})), false);
    let document = key_policy(&with(&json!({"StringNotEquals": tags("x")})));
    assert_eq!(document.clauses().next().unwrap().1.len(), 1);
}

#[test]
fn the_product_of_lists_is_bounded() {
    let tags: serde_json::Map<_, _> =
        (0..200).map(|n| (format!("aws:PrincipalTag/{n}"), json!("x"))).collect();
    let accounts: Vec<_> = (0..20).map(|n| format!("{n:012}")).collect();
    let text = json!({"Version": "2012-10-17", "Statement": {"Effect": "Deny",
        "Principal": {"AWS": accounts}, "Action": "*", "Resource": "*",
        "Condition": {"StringEquals": tags}}});
    let error = ENGINE.compile_key_policy(&text.to_string(), &directory()).unwrap_err();
    let unit = "terms in the conditions of all its rules";
    assert_eq!(error, CompileError::TooLarge { limit: POLICY_TERMS, unit });
}

#[test]
fn twice_the_same() {
    let refused = |conditions: &str| {
        let text = format!(
            r#"{{"Statement": {{"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*",
            "Condition": {conditions}}}}}"#
        );
        let error = ENGINE.compile_key_policy(&text, &directory()).unwrap_err().to_string();
        assert!(error.contains("appears twice"), "{error}");
    };
    refused(r#"{"Bool": {"aws:SecureTransport": "true", "aws:SecureTransport": "false"}}"#);
    refused(r#"{"Bool": {}, "Bool": {}}"#);
}

#[test]
fn wildcards_do_not_blow_up() {
    let stars = format!("{}b", "*a".repeat(200));
    let conditions =
        json!({"StringLike": {"kms:EncryptionContext:x": [stars, format!("{stars}?")]}});
    let document = key_policy(&with(&conditions));
    let pairs = [("x".to_owned(), "a".repeat(4_000))];
    let context = EncryptionContext::new(pairs.into());
    let request = RequestFacts { encryption_context: Some(&context), ..RequestFacts::default() };
    assert!(ask(user(HOME, "alice"), Action::DECRYPT, &document, &[], &request).outcome.is_ok());
}

/// Bytes of the examples, some of them changed.
fn mangled() -> impl Strategy<Value = String> {
    const TEXTS: &[&str] = &[
        include_str!("../../../tests/golden/policy/key/attributes.json"),
        include_str!("../../../tests/golden/policy/key/in-rust.json"),
        include_str!("../../../tests/golden/policy/key/everybody-but.json"),
        include_str!("../../../tests/golden/policy/key/numbers-and-dates.json"),
        include_str!("../../../tests/golden/policy/key/encryption-context.cedar"),
        include_str!("../../../tests/golden/policy/key/transport.cedar"),
        include_str!("../../../tests/golden/policy/trust/roles.json"),
    ];
    const PIECES: &[&str] = &[
        "",
        "\"",
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        ",",
        ":",
        "${",
        "}",
        "*",
        "?",
        "\\",
        "null",
        "true",
        "-1",
        "1e9",
        "\u{0}",
        "\u{e9}",
        "${*}",
        "!",
        "&&",
        "||",
        "arn:aws:",
        "NotAction",
        "if ",
        " then ",
        " else ",
        ".x",
        "@sid",
        "ip(\"",
        "\\u0000",
        "\u{feff}",
    ];
    let change = (any::<prop::sample::Index>(), 0..12_usize, prop::sample::select(PIECES));
    let changes = prop::collection::vec(change, 1..6);
    (prop::sample::select(TEXTS), changes).prop_map(|(text, changes)| {
        let mut chars: Vec<char> = text.chars().collect();
        for (at, taken, piece) in changes {
            let at = at.index(chars.len().max(1)).min(chars.len());
            let end = at.saturating_add(taken).min(chars.len());
            chars.splice(at..end, piece.chars());
        }
        chars.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Refused in words, or it decides.
    #[test]
    fn no_change_is_too_much(text in mangled()) {
        match ENGINE.compile_key_policy(&text, &directory()) {
            Ok(document) => {
                let facts = RequestFacts::default();
                ask(user(HOME, "alice"), Action::DECRYPT, &document, &[], &facts);
            }
            Err(CompileError::Malformed(reason)) => prop_assert!(!reason.is_empty()),
            Err(_) => {}
        }
        drop(ENGINE.compile_trust_policy(&text, &directory()));
        drop(ENGINE.compile_identity_policy(&text));
        drop(ENGINE.compile_key_policy(&text, &BTreeMap::new()));
    }
}
