//! Checks an input against its member table, in the order and with the texts of
//! AWS's front end: first every type (`SerializationException`, the first fault
//! only), then every constraint (`ValidationException`, all faults counted and
//! joined). Sensitive values are never echoed.

use serde_json::{Map, Value};

use super::blob;
use super::codes::Code;
use super::error::ApiError;
use super::shape::{Member, Shape};

/// The longest value that a validation text echoes, in characters. AWS echoes
/// whole values; ours end in `...` so that an answer cannot grow with its call.
const ECHO_CHARS: usize = 256;

/// Checks `input` against `members`. Members that are null are removed, and a
/// number with a fraction is truncated where an integer is wanted, as AWS does;
/// unknown members are ignored.
///
/// # Errors
/// `SerializationException` or `ValidationException`.
pub fn check(input: &mut Map<String, Value>, members: &[Member]) -> Result<(), ApiError> {
    conform_structure(input, members)
        .map_err(|text| ApiError::new(Code::SerializationException, text))?;
    let mut faults = Vec::new();
    check_structure(input, members, "", &mut faults);
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

fn conform_structure(input: &mut Map<String, Value>, members: &[Member]) -> Result<(), String> {
    input.retain(|_, value| !value.is_null());
    for member in members {
        if let Some(value) = input.get_mut(member.name) {
            conform(value, &member.shape)?;
        }
    }
    Ok(())
}

fn conform(value: &mut Value, shape: &Shape) -> Result<(), String> {
    match (shape, &mut *value) {
        (Shape::Text { .. } | Shape::Enum(_) | Shape::OpenEnum { .. }, Value::String(_))
        | (Shape::Boolean, Value::Bool(_))
        | (Shape::Timestamp, Value::Number(_))
        | (Shape::Document, _) => Ok(()),
        (Shape::Blob { .. }, Value::String(text)) => match blob::decoded_len(text) {
            Some(_) => Ok(()),
            None => Err("The member can not be converted to a Blob: it is not Base64 with padding"
                .to_owned()),
        },
        (Shape::Integer { .. }, Value::Number(number)) => {
            if number.as_i64().is_none() {
                *value = Value::from(truncate(number.as_f64().unwrap_or_default()));
            }
            Ok(())
        }
        (Shape::List { of, .. }, Value::Array(entries)) => {
            entries.iter_mut().try_for_each(|entry| conform(entry, of))
        }
        (Shape::Map, Value::Object(pairs)) => {
            match pairs.values().find(|value| !value.is_string()) {
                None => Ok(()),
                Some(other) => Err(wrong_type(other, "String")),
            }
        }
        (Shape::Structure(members), Value::Object(fields)) => conform_structure(fields, members),
        (Shape::List { .. }, _) => Err("Expected list or null".to_owned()),
        (Shape::Map | Shape::Structure(_), _) => Err("Expected map or null".to_owned()),
        (Shape::Text { .. } | Shape::Enum(_) | Shape::OpenEnum { .. }, other) => {
            Err(wrong_type(other, "String"))
        }
        (Shape::Blob { .. }, other) => Err(wrong_type(other, "Blob")),
        (Shape::Integer { .. }, other) => Err(wrong_type(other, "Integer")),
        (Shape::Boolean, other) => Err(wrong_type(other, "Boolean")),
        (Shape::Timestamp, other) => Err(wrong_type(other, "Date")),
    }
}

/// Cuts the fraction off; what no `i64` holds becomes the nearest one.
#[expect(clippy::as_conversions, reason = "a float-to-integer cast saturates, as wanted")]
#[expect(clippy::cast_possible_truncation, reason = "truncation is the purpose")]
fn truncate(number: f64) -> i64 {
    number as i64
}

fn wrong_type(found: &Value, wanted: &str) -> String {
    let class = match found {
        Value::Object(_) => {
            return "Start of structure or map found where not expected.".to_owned();
        }
        Value::Array(_) => return "Start of list found where not expected.".to_owned(),
        Value::String(_) => "java.lang.String",
        Value::Bool(_) => "java.lang.Boolean",
        Value::Number(_) | Value::Null => "com.amazon.coral.value.json.numbers.TruncatingBigNumber",
    };
    format!("class {class} can not be converted to an {wanted}")
}

fn check_structure(
    input: &Map<String, Value>,
    members: &[Member],
    path: &str,
    faults: &mut Vec<String>,
) {
    for member in members {
        match input.get(member.name) {
            Some(value) => {
                check_value(value, &member.shape, &join(path, member.name), faults);
            }
            None if member.required => {
                let at = join(path, member.name);
                let value = match member.shape {
                    Shape::Blob { sensitive: true, .. } => "",
                    _ => " null",
                };
                faults.push(format!(
                    "Value{value} at '{at}' failed to satisfy constraint: Member must not be null"
                ));
            }
            None => {}
        }
    }
}

fn check_value(value: &Value, shape: &Shape, at: &str, faults: &mut Vec<String>) {
    match (shape, value) {
        (Shape::Text { min, max, pattern }, Value::String(text)) => {
            let shown = format!(" '{}'", echo(text));
            check_length(text.chars().count(), *min, *max, &shown, at, faults);
            if let Some(pattern) = pattern.filter(|pattern| !(pattern.matches)(text)) {
                faults.push(fault(
                    &shown,
                    at,
                    &format!("satisfy regular expression pattern: {}", pattern.text),
                ));
            }
        }
        (Shape::Blob { min, max, .. }, Value::String(text)) => {
            let len = blob::decoded_len(text).unwrap_or_default();
            check_length(len, *min, *max, "", at, faults);
        }
        (Shape::Integer { min, max }, Value::Number(number)) => {
            let number = number.as_i64().unwrap_or_default();
            let shown = format!(" '{number}'");
            if number < *min {
                let rule = format!("have value greater than or equal to {min}");
                faults.push(fault(&shown, at, &rule));
            }
            if number > *max {
                let rule = format!("have value less than or equal to {max}");
                faults.push(fault(&shown, at, &rule));
            }
        }
        (Shape::Enum(names), Value::String(text)) => check_name(text, names, &[], at, faults),
        (Shape::OpenEnum { listed, also }, Value::String(text)) => {
            check_name(text, listed, also, at, faults);
        }
        (Shape::List { of, min, max }, Value::Array(entries)) => {
            let shown = format!(" '{}'", echo(&value.to_string()));
            check_length(entries.len(), *min, *max, &shown, at, faults);
            for (index, entry) in entries.iter().enumerate().take(*max) {
                let at = format!("{at}.{}.member", index.saturating_add(1));
                check_value(entry, of, &at, faults);
            }
        }
        (Shape::Structure(members), Value::Object(fields)) => {
            check_structure(fields, members, at, faults);
        }
        // The types are right by now, and these have no constraints.
        _ => {}
    }
}

fn check_name(text: &str, listed: &[&str], also: &[&str], at: &str, faults: &mut Vec<String>) {
    if !listed.contains(&text) && !also.contains(&text) {
        let rule = format!("satisfy enum value set: [{}]", listed.join(", "));
        faults.push(fault(&format!(" '{}'", echo(text)), at, &rule));
    }
}

fn check_length(
    len: usize,
    min: usize,
    max: usize,
    shown: &str,
    at: &str,
    faults: &mut Vec<String>,
) {
    if len < min {
        faults.push(fault(shown, at, &format!("have length greater than or equal to {min}")));
    }
    if len > max {
        faults.push(fault(shown, at, &format!("have length less than or equal to {max}")));
    }
}

fn fault(shown: &str, at: &str, rule: &str) -> String {
    format!("Value{shown} at '{at}' failed to satisfy constraint: Member must {rule}")
}

fn echo(text: &str) -> String {
    match text.char_indices().nth(ECHO_CHARS) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn join(path: &str, name: &str) -> String {
    let name = lower_camel(name);
    if path.is_empty() { name } else { format!("{path}.{name}") }
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
    use crate::wire::shape::{ASCII, matching, text};

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

    #[test]
    fn accepts() {
        check_text(json!({ "KeyId": "k", "Limit": 2.9, "Extra": [1], "Mode": null }), "ok");
        check_text(json!({ "KeyId": "k", "Plaintext": "AAAA", "Context": { "a": "b" } }), "ok");
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
        check_text(
            json!({ "KeyId": "k", "Plaintext": "AAAAAAAA" }),
            "ValidationException: 1 validation error detected: Value at 'plaintext' failed to satisfy constraint: Member must have length less than or equal to 4",
        );
        check_text(
            json!({ "KeyId": "k", "Limit": 0, "Mode": "C" }),
            "ValidationException: 2 validation errors detected: Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1; Value 'C' at 'mode' failed to satisfy constraint: Member must satisfy enum value set: [A, B]",
        );
        check_text(
            json!({ "KeyId": "k", "Tags": [{ "TagKey": "toolong", "TagValue": "" }] }),
            "ValidationException: 1 validation error detected: Value 'toolong' at 'tags.1.member.tagKey' failed to satisfy constraint: Member must have length less than or equal to 4",
        );
    }

    #[test]
    fn type_texts() {
        check_text(
            json!({ "KeyId": 1 }),
            "SerializationException: class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to an String",
        );
        check_text(
            json!({ "KeyId": {} }),
            "SerializationException: Start of structure or map found where not expected.",
        );
        check_text(
            json!({ "KeyId": "k", "Tags": 1 }),
            "SerializationException: Expected list or null",
        );
        check_text(
            json!({ "KeyId": "k", "Plaintext": "secret!" }),
            "SerializationException: The member can not be converted to a Blob: it is not Base64 with padding",
        );
    }

    #[test]
    fn long_values_are_cut_in_texts() {
        let mut input = Map::new();
        input.insert("KeyId".into(), Value::from("x".repeat(100_000)));
        let text = check(&mut input, MEMBERS).unwrap_err().to_string();
        assert!(text.len() < 600);
    }
}
