//! Brings an input into the types of its member table, as AWS's front end does
//! before it looks at any constraint. The first value that cannot be brought
//! there ends it; the texts are those of AWS's JSON reader.

use serde_json::{Map, Value};

use super::blob;
use super::shape::{Member, Shape};
use crate::base::timestamp;

/// What the texts call a JSON number.
const NUMBER: &str = "class com.amazon.coral.value.json.numbers.TruncatingBigNumber";

/// Leaves in `input` nothing but members of the table, of their types: what is
/// unknown or null is removed, a number with a fraction is truncated where an
/// integer is wanted. Nulls inside of lists and maps stay, for the constraints.
pub(super) fn structure(input: &mut Map<String, Value>, members: &[Member]) -> Result<(), String> {
    input.retain(|name, value| {
        !value.is_null() && members.iter().any(|member| member.name == name.as_str())
    });
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
        | (Shape::Document, _)
        | (_, Value::Null) => Ok(()),
        // Not even the value of a public blob is shown: a ciphertext that came
        // mangled is still one, and the book keeps this text.
        (Shape::Blob { .. }, Value::String(text)) => match blob::decoded_len(text) {
            Ok(_) => Ok(()),
            Err(fault) => Err(format!("The value can not be converted to a Blob: {fault}")),
        },
        (Shape::Integer { .. }, Value::Number(number)) => {
            if number.as_i64().is_none() {
                *value = Value::from(truncate(number.as_f64().unwrap_or_default()));
            }
            Ok(())
        }
        (Shape::Timestamp, Value::Number(seconds)) => {
            match seconds.as_f64().and_then(timestamp::from_epoch_seconds) {
                Some(_) => Ok(()),
                None => Err(wrong_class(NUMBER, shape)),
            }
        }
        (Shape::List { of, .. }, Value::Array(entries)) => {
            entries.iter_mut().try_for_each(|entry| conform(entry, of))
        }
        (Shape::Map, Value::Object(pairs)) => {
            pairs.values_mut().try_for_each(|value| conform(value, &ANY_TEXT))
        }
        (Shape::Structure(members), Value::Object(fields)) => structure(fields, members),
        (_, other) => Err(wrong_type(other, shape)),
    }
}

/// A value of a map.
const ANY_TEXT: Shape = super::shape::text(0, usize::MAX);

/// Cuts the fraction off; what no `i64` holds becomes the nearest one.
#[expect(clippy::as_conversions, reason = "a float-to-integer cast saturates, as wanted")]
#[expect(clippy::cast_possible_truncation, reason = "truncation is the purpose")]
fn truncate(number: f64) -> i64 {
    number as i64
}

fn wrong_type(found: &Value, shape: &Shape) -> String {
    match (shape, found) {
        (_, Value::Object(_)) => "Start of structure or map found where not expected.".to_owned(),
        (_, Value::Array(_)) => "Start of list found where not expected".to_owned(),
        (Shape::List { .. }, _) => "Expected list or null".to_owned(),
        (Shape::Map, _) => "Expected map or null".to_owned(),
        (Shape::Structure(_), _) => "Expected null".to_owned(),
        (_, Value::String(_)) => wrong_class("class java.lang.String", shape),
        (_, Value::Bool(_)) => wrong_class("class java.lang.Boolean", shape),
        (_, Value::Number(_) | Value::Null) => wrong_class(NUMBER, shape),
    }
}

fn wrong_class(class: &str, shape: &Shape) -> String {
    let wanted = match shape {
        Shape::Blob { .. } => "a Blob",
        Shape::Integer { .. } => "an Integer",
        Shape::Boolean => "an Boolean",
        Shape::Timestamp => "an Date",
        _ => "an String",
    };
    format!("{class} can not be converted to {wanted}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::wire::shape::text;

    const MEMBERS: &[Member] = &[
        Member::optional("Text", text(1, 2)),
        Member::optional("Blob", Shape::Blob { min: 1, max: 4, sensitive: false }),
        Member::optional("Integer", Shape::Integer { min: 1, max: 9 }),
        Member::optional("Boolean", Shape::Boolean),
        Member::optional("Timestamp", Shape::Timestamp),
        Member::optional("List", Shape::List { of: &text(1, 2), min: 0, max: 2 }),
        Member::optional("Map", Shape::Map),
        Member::optional("Structure", Shape::Structure(&[Member::optional("In", text(1, 2))])),
    ];

    #[track_caller]
    fn check(input: Value, want: Result<Value, &str>) {
        let Value::Object(mut input) = input else { panic!("an object") };
        let got = structure(&mut input, MEMBERS).map(|()| Value::Object(input));
        assert_eq!(got, want.map_err(str::to_owned));
    }

    #[test]
    fn what_stays() {
        for (sent, left) in [
            (json!({ "Text": null, "Other": 1, "text": "x" }), json!({})),
            (json!({ "Integer": 2.9 }), json!({ "Integer": 2 })),
            (json!({ "Integer": -2.9 }), json!({ "Integer": -2 })),
            (json!({ "Integer": 1e30 }), json!({ "Integer": i64::MAX })),
            (json!({ "Integer": u64::MAX }), json!({ "Integer": i64::MAX })),
            (json!({ "Timestamp": 1.5 }), json!({ "Timestamp": 1.5 })),
            (
                json!({ "Structure": { "In": "x", "Out": 1 } }),
                json!({ "Structure": { "In": "x" } }),
            ),
            (json!({ "Structure": { "In": null } }), json!({ "Structure": {} })),
            (json!({ "List": [null, "x"] }), json!({ "List": [null, "x"] })),
            (json!({ "Map": { "a": null } }), json!({ "Map": { "a": null } })),
        ] {
            check(sent, Ok(left));
        }
    }

    #[test]
    fn texts() {
        let number = "class com.amazon.coral.value.json.numbers.TruncatingBigNumber";
        let convert = |class: &str, to: &str| format!("{class} can not be converted to {to}");
        for (member, wanted) in
            [("Text", "an String"), ("Blob", "a Blob"), ("Boolean", "an Boolean")]
        {
            check(json!({ member: 1 }), Err(&convert(number, wanted)));
        }
        for (member, wanted) in
            [("Integer", "an Integer"), ("Boolean", "an Boolean"), ("Timestamp", "an Date")]
        {
            check(json!({ member: "true" }), Err(&convert("class java.lang.String", wanted)));
        }
        check(json!({ "Text": true }), Err(&convert("class java.lang.Boolean", "an String")));
        check(json!({ "Timestamp": 1e300 }), Err(&convert(number, "an Date")));
        check(json!({ "List": ["x", 1] }), Err(&convert(number, "an String")));
        check(json!({ "Map": { "a": 1 } }), Err(&convert(number, "an String")));
        for (member, found, text) in [
            ("Text", json!({}), "Start of structure or map found where not expected."),
            ("List", json!({}), "Start of structure or map found where not expected."),
            ("Structure", json!([]), "Start of list found where not expected"),
            ("Integer", json!([]), "Start of list found where not expected"),
            ("List", json!("x"), "Expected list or null"),
            ("Map", json!("x"), "Expected map or null"),
            ("Structure", json!("x"), "Expected null"),
        ] {
            check(json!({ member: found }), Err(text));
        }
        check(
            json!({ "Blob": "secret!" }),
            Err(
                "The value can not be converted to a Blob: Base64 encoded length is expected a multiple of 4 bytes but found: 7",
            ),
        );
    }
}
