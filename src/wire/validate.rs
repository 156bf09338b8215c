//! Checks an input against its member table, in the order and with the texts of
//! AWS's front end: first every type (`SerializationException`, the first fault
//! only), then every constraint (`ValidationException`, all faults counted and
//! joined, in the order of the table). Sensitive values are never echoed.

use std::fmt;

use serde_json::{Map, Value};

use super::blob;
use super::codes::Code;
use super::conform;
use super::error::ApiError;
use super::shape::{Member, Pattern, Shape};
use crate::base::limits::ECHOED_CHARS;

/// How many faults one answer tells; AWS's front end stops at as many.
const FAULTS: usize = 10;
const NOT_NULL: &str = "not be null";

/// Checks `input` against `members`, and leaves in it only what was checked:
/// unknown members and those that are null are removed, and a number with a
/// fraction is truncated where an integer is wanted, as AWS does.
///
/// # Errors
/// `SerializationException` or `ValidationException`.
pub fn check(input: &mut Map<String, Value>, members: &[Member]) -> Result<(), ApiError> {
    conform::structure(input, members)
        .map_err(|text| ApiError::new(Code::SerializationException, text))?;
    let mut faults = Vec::new();
    check_structure(input, members, "", &mut faults);
    faults.truncate(FAULTS);
    if faults.is_empty() {
        return Ok(());
    }
    let noun = if faults.len() == 1 { "error" } else { "errors" };
    Err(ApiError::validation(format!(
        "{} validation {noun} detected: {}",
        faults.len(),
        faults.join("; ")
    )))
}

fn check_structure(
    input: &Map<String, Value>,
    members: &[Member],
    path: &str,
    faults: &mut Vec<String>,
) {
    for member in members {
        let at = join(path, &lower_camel(member.name));
        match input.get(member.name) {
            Some(value) => check_value(value, &member.shape, &at, faults),
            None if member.required => {
                let shown = if member.shape.is_sensitive() { "" } else { " null" };
                faults.push(fault(shown, &at, NOT_NULL));
            }
            None => {}
        }
    }
}

/// The types are right by now. Stops when there is enough to tell.
fn check_value(value: &Value, shape: &Shape, at: &str, faults: &mut Vec<String>) {
    if faults.len() >= FAULTS {
        return;
    }
    let broken = rules(shape).into_iter().filter(|rule| !rule.holds(value, shape));
    let mut broken = broken.peekable();
    if broken.peek().is_some() {
        let shown = shown(value, shape);
        faults.extend(broken.map(|rule| fault(&shown, at, rule)));
    }
    match (shape, value) {
        (Shape::List { of, .. }, Value::Array(entries)) => {
            check_list(value, entries, of, at, faults);
        }
        (Shape::Structure(members), Value::Object(fields)) => {
            check_structure(fields, members, at, faults);
        }
        (Shape::Map, Value::Object(pairs)) => {
            for (key, _) in pairs.iter().filter(|(_, value)| value.is_null()) {
                faults.push(fault(" null", &format!("{at}.{}.member", echo(key)), NOT_NULL));
            }
        }
        _ => {}
    }
}

/// Structures in a list are told one by one. Of plain values the list itself is
/// told, with all that AWS asks of each.
fn check_list(list: &Value, entries: &[Value], of: &Shape, at: &str, faults: &mut Vec<String>) {
    let rules = rules(of);
    let all_hold =
        |entry: &Value| entry.is_null() || rules.iter().all(|rule| rule.holds(entry, of));
    if !entries.iter().all(all_hold) {
        let texts: Vec<String> = rules.iter().map(|rule| format!("Member must {rule}")).collect();
        let rule = format!("satisfy constraint: [{}]", texts.join(", "));
        faults.push(fault(&shown(list, of), at, rule));
    }
    for (index, entry) in entries.iter().enumerate() {
        let at = format!("{at}.{}.member", index.saturating_add(1));
        match (of, entry) {
            (Shape::Document, _) => {}
            (_, Value::Null) => faults.push(fault(" null", &at, NOT_NULL)),
            (Shape::Structure(_) | Shape::List { .. }, _) => check_value(entry, of, &at, faults),
            _ => {}
        }
        if faults.len() >= FAULTS {
            return;
        }
    }
}

/// One constraint, as the texts put it after `Member must `.
enum Rule {
    MaxLength(usize),
    MinLength(usize),
    MaxValue(i64),
    MinValue(i64),
    OneOf { listed: &'static [&'static str], also: &'static [&'static str] },
    Pattern(Pattern),
}

/// The constraints of a shape, in AWS's order.
fn rules(shape: &Shape) -> Vec<Rule> {
    let lengths = |min: usize, max: usize| {
        let max = (max < usize::MAX).then_some(Rule::MaxLength(max));
        let min = (min > 0).then_some(Rule::MinLength(min));
        max.into_iter().chain(min).collect::<Vec<Rule>>()
    };
    match shape {
        Shape::Text { min, max, pattern, .. } => {
            let mut rules = lengths(*min, *max);
            rules.extend(pattern.map(Rule::Pattern));
            rules
        }
        Shape::Blob { min, max, .. } | Shape::List { min, max, .. } => lengths(*min, *max),
        Shape::Integer { min, max } => vec![Rule::MaxValue(*max), Rule::MinValue(*min)],
        Shape::Enum(listed) => vec![Rule::OneOf { listed, also: &[] }],
        Shape::OpenEnum { listed, also } => vec![Rule::OneOf { listed, also }],
        Shape::Boolean | Shape::Timestamp | Shape::Map | Shape::Structure(_) | Shape::Document => {
            Vec::new()
        }
    }
}

impl Rule {
    fn holds(&self, value: &Value, shape: &Shape) -> bool {
        let text = || value.as_str().unwrap_or_default();
        let length = || match (shape, value) {
            (Shape::Blob { .. }, Value::String(text)) => blob::decoded_len(text).unwrap_or(0),
            (_, Value::String(text)) => text.chars().count(),
            (_, Value::Array(entries)) => entries.len(),
            _ => 0,
        };
        let number = || value.as_i64().unwrap_or_default();
        match self {
            Self::MaxLength(max) => length() <= *max,
            Self::MinLength(min) => length() >= *min,
            Self::MaxValue(max) => number() <= *max,
            Self::MinValue(min) => number() >= *min,
            Self::OneOf { listed, also } => listed.contains(&text()) || also.contains(&text()),
            Self::Pattern(pattern) => (pattern.matches)(text()),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MaxLength(max) => write!(f, "have length less than or equal to {max}"),
            Self::MinLength(min) => write!(f, "have length greater than or equal to {min}"),
            Self::MaxValue(max) => write!(f, "have value less than or equal to {max}"),
            Self::MinValue(min) => write!(f, "have value greater than or equal to {min}"),
            Self::OneOf { listed, .. } => {
                write!(f, "satisfy enum value set: [{}]", listed.join(", "))
            }
            Self::Pattern(pattern) => {
                write!(f, "satisfy regular expression pattern: {}", pattern.text)
            }
        }
    }
}

fn fault(shown: &str, at: &str, rule: impl fmt::Display) -> String {
    format!("Value{shown} at '{at}' failed to satisfy constraint: Member must {rule}")
}

/// The value as a text shows it; nothing of blobs and of what is sensitive.
fn shown(value: &Value, shape: &Shape) -> String {
    if shape.is_sensitive() || matches!(shape, Shape::Blob { .. }) {
        return String::new();
    }
    format!(" '{}'", echo(&plain(value)))
}

/// A value in the form of Java, in which AWS shows lists.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(entries) => {
            let entries: Vec<String> = entries.iter().map(plain).collect();
            format!("[{}]", entries.join(", "))
        }
        Value::Object(members) => {
            let members: Vec<String> =
                members.iter().map(|(name, value)| format!("{name}={}", plain(value))).collect();
            format!("{{{}}}", members.join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// As much of a value as a text shows.
#[must_use]
pub fn echo(text: &str) -> String {
    match text.char_indices().nth(ECHOED_CHARS) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// `KeyId` as AWS's texts and CloudTrail spell it: `keyId`.
#[must_use]
pub fn lower_camel(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map_or_else(String::new, |first| {
        let mut out = String::with_capacity(name.len());
        out.push(first.to_ascii_lowercase());
        out.push_str(chars.as_str());
        out
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::wire::shape::{ASCII, matching, secret, text};

    const TAG: Shape = Shape::Structure(&[
        Member::required("TagKey", text(1, 4)),
        Member::required("TagValue", text(0, 4)),
    ]);
    const MEMBERS: &[Member] = &[
        Member::required("KeyId", matching(1, 8, ASCII)),
        Member::optional("Plaintext", Shape::Blob { min: 1, max: 4, sensitive: true }),
        Member::optional("Mac", Shape::Blob { min: 1, max: 4, sensitive: false }),
        Member::optional("Limit", Shape::Integer { min: 1, max: 9 }),
        Member::optional("Mode", Shape::Enum(&["A", "B"])),
        Member::optional("Tags", Shape::List { of: &TAG, min: 0, max: 2 }),
        Member::optional("Context", Shape::Map),
        Member::optional("DryRun", Shape::Boolean),
        Member::optional("Modes", Shape::List { of: &Shape::Enum(&["A", "B"]), min: 1, max: 2 }),
        Member::optional("Names", Shape::List { of: &matching(1, 2, ASCII), min: 0, max: 99 }),
        Member::optional("Tokens", Shape::List { of: &secret(1, 2, None), min: 0, max: 1 }),
    ];

    #[track_caller]
    fn check_text(input: Value, want: &str) {
        let Value::Object(mut input) = input else { panic!("an object") };
        let got = check(&mut input, MEMBERS).map_err(|error| error.to_string());
        match got {
            Ok(()) => assert_eq!("ok", want),
            Err(text) => assert_eq!(text, want),
        }
    }

    /// The input, otherwise good, has exactly these faults.
    #[track_caller]
    fn check_faults(mut input: Value, faults: &[&str]) {
        input["KeyId"] = json!("k");
        let one = if faults.len() == 1 { "error" } else { "errors" };
        let want = faults.join("; ");
        check_text(
            input,
            &format!("ValidationException: {} validation {one} detected: {want}", faults.len()),
        );
    }

    #[test]
    fn accepts() {
        check_text(json!({ "KeyId": "k", "Limit": 2.9, "Extra": [1], "Mode": null }), "ok");
        check_text(json!({ "KeyId": "k", "Plaintext": "AAAA", "Context": { "a": "b" } }), "ok");
    }

    #[test]
    fn leaves_nothing_unchecked() {
        let mut input = Map::new();
        input.insert("KeyId".into(), json!("k"));
        input.insert("Other".into(), json!("o"));
        check(&mut input, MEMBERS).unwrap();
        assert_eq!(Value::Object(input), json!({ "KeyId": "k" }));
    }

    #[test]
    fn constraint_texts() {
        check_text(
            json!({ "KeyId": "" }),
            r"ValidationException: 2 validation errors detected: Value '' at 'keyId' failed to satisfy constraint: Member must have length greater than or equal to 1; Value '' at 'keyId' failed to satisfy constraint: Member must satisfy regular expression pattern: ^\p{ASCII}+$",
        );
        check_text(
            json!({}),
            "ValidationException: 1 validation error detected: Value null at 'keyId' failed to satisfy constraint: Member must not be null",
        );
        check_faults(
            json!({ "Plaintext": "AAAAAAAA", "Mac": "" }),
            &[
                "Value at 'plaintext' failed to satisfy constraint: Member must have length less than or equal to 4",
                "Value at 'mac' failed to satisfy constraint: Member must have length greater than or equal to 1",
            ],
        );
        check_faults(
            json!({ "Limit": 0, "Mode": "C" }),
            &[
                "Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1",
                "Value 'C' at 'mode' failed to satisfy constraint: Member must satisfy enum value set: [A, B]",
            ],
        );
        check_text(
            json!({ "KeyId": 1 }),
            "SerializationException: class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to an String",
        );
    }

    #[test]
    fn what_is_inside() {
        check_faults(
            json!({ "Tags": [{ "TagKey": "a", "TagValue": "" }, { "TagKey": "toolong" }] }),
            &[
                "Value 'toolong' at 'tags.2.member.tagKey' failed to satisfy constraint: Member must have length less than or equal to 4",
                "Value null at 'tags.2.member.tagValue' failed to satisfy constraint: Member must not be null",
            ],
        );
        check_faults(
            json!({ "Tags": [null] }),
            &[
                "Value null at 'tags.1.member' failed to satisfy constraint: Member must not be null",
            ],
        );
        check_faults(
            json!({ "Context": { "a": null } }),
            &[
                "Value null at 'context.a.member' failed to satisfy constraint: Member must not be null",
            ],
        );
        check_faults(
            json!({ "Tags": vec![json!({ "TagKey": "a", "TagValue": "b" }); 3] }),
            &[
                "Value '[{TagKey=a, TagValue=b}, {TagKey=a, TagValue=b}, {TagKey=a, TagValue=b}]' at 'tags' failed to satisfy constraint: Member must have length less than or equal to 2",
            ],
        );
    }

    #[test]
    fn plain_values_in_lists() {
        check_faults(
            json!({ "Modes": ["A", "C", "D"] }),
            &[
                "Value '[A, C, D]' at 'modes' failed to satisfy constraint: Member must have length less than or equal to 2",
                "Value '[A, C, D]' at 'modes' failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [A, B]]",
            ],
        );
        check_faults(
            json!({ "Modes": [] }),
            &[
                "Value '[]' at 'modes' failed to satisfy constraint: Member must have length greater than or equal to 1",
            ],
        );
        check_faults(
            json!({ "Names": ["", "ok", null] }),
            &[
                r"Value '[, ok, null]' at 'names' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 2, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: ^\p{ASCII}+$]",
                "Value null at 'names.3.member' failed to satisfy constraint: Member must not be null",
            ],
        );
        check_faults(
            json!({ "Tokens": ["secret", ""] }),
            &[
                "Value at 'tokens' failed to satisfy constraint: Member must have length less than or equal to 1",
                "Value at 'tokens' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 2, Member must have length greater than or equal to 1]",
            ],
        );
    }

    #[test]
    fn an_answer_does_not_grow_with_its_call() {
        let mut input = Map::new();
        input.insert("KeyId".into(), json!("k"));
        input.insert("Names".into(), Value::Array(vec![Value::Null; 50_000]));
        let text = check(&mut input, MEMBERS).unwrap_err().to_string();
        assert!(text.starts_with("ValidationException: 10 validation errors detected: "));
        assert!(text.len() < 2_000);
    }

    #[test]
    fn long_values_are_cut_in_texts() {
        let mut input = Map::new();
        input.insert("KeyId".into(), Value::from("x".repeat(100_000)));
        let text = check(&mut input, MEMBERS).unwrap_err().to_string();
        assert!(text.len() < 600);
    }
}
