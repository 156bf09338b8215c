//! The bodies of requests: JSON that says one thing only. A member that is
//! given twice is refused, because two readers could take different ones for
//! the true one; so is what no text is (lone surrogates, a byte order mark) and
//! a number that no double holds.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::codes::Code;
use super::error::ApiError;
use crate::base::limits;

/// Reads a body: one JSON object, or nothing at all for an empty one.
///
/// # Errors
/// `SerializationException`, as AWS's front end without any text.
pub fn object(body: &[u8]) -> Result<Map<String, Value>, ApiError> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    check_depth(body)?;
    match serde_json::from_slice(body) {
        Ok(Strict(Value::Object(members))) => Ok(members),
        Ok(_) | Err(_) => Err(ApiError::bare(Code::SerializationException)),
    }
}

/// Refuses a body that is nested too deep for any parser.
///
/// # Errors
/// `SerializationException`.
pub fn check_depth(body: &[u8]) -> Result<(), ApiError> {
    if depth(body) > limits::JSON_DEPTH {
        return Err(ApiError::bare(Code::SerializationException));
    }
    Ok(())
}

/// How deep the objects and arrays of a JSON text are nested, at most; brackets
/// inside of strings do not count.
fn depth(json: &[u8]) -> usize {
    let (mut deepest, mut level) = (0_usize, 0_usize);
    let (mut in_string, mut escaped) = (false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                level = level.saturating_add(1);
                deepest = deepest.max(level);
            }
            b'}' | b']' if !in_string => level = level.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// A JSON value without members that are given twice. It is not read through
/// `Value` itself: that gives some names of members a meaning of their own.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(Strict(entry)) = from.next_element()? {
            entries.push(entry);
        }
        Ok(Value::Array(entries))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some((name, Strict(value))) = from.next_entry::<String, _>()? {
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("a member is given twice"));
            }
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn depth_counts_brackets_outside_of_strings() {
        assert_eq!(depth(br#"{"a":[{"b":"[[[\"{"}]}"#), 3);
        assert_eq!(depth(b"]]]{"), 1);
        assert_eq!(depth(b""), 0);
    }

    #[test]
    fn only_objects_are_inputs() {
        assert!(object(b"").unwrap().is_empty());
        assert_eq!(object(b" {\"a\":1}\n").unwrap().len(), 1);
        for bad in ["[]", "1", "{", "null", "{}{}", "\"{}\"", " ", "{} x", "\u{feff}{}", "{'a':1}"]
        {
            assert!(object(bad.as_bytes()).is_err(), "{bad}");
        }
        let deep = format!("{}{}", "{\"a\":".repeat(5_000), "1");
        assert!(object(deep.as_bytes()).is_err());
    }

    #[test]
    fn text_is_unicode_and_numbers_are_doubles() {
        assert_eq!(object(br#"{"a":"\ud83d\ude00\u0000"}"#).unwrap()["a"], json!("\u{1f600}\0"));
        for bad in [
            &br#"{"a":"\ud800"}"#[..],
            br#"{"a":"\udc00\ud800"}"#,
            br#"{"\ud800":1}"#,
            b"{\"a\":\"\xff\"}",
            b"{\"a\":\"\xed\xa0\x80\"}",
            b"{\"a\":\"\n\"}",
            b"{\"a\":1e400}",
            b"{\"a\":NaN}",
            b"{\"a\":01}",
        ] {
            assert!(object(bad).is_err(), "{}", bad.escape_ascii());
        }
        let large = object(b"{\"a\":99999999999999999999,\"b\":-0,\"c\":1e308}").unwrap();
        assert_eq!(large["a"].as_f64(), Some(1e20));
    }

    #[test]
    fn nothing_is_given_twice() {
        for bad in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":null,"\u0061":1}"#,
            r#"{"a":[{"b":1,"c":2,"b":3}]}"#,
            r#"{"a":{"":1,"":1}}"#,
        ] {
            assert!(object(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(object(br#"{"a":{"a":1},"A":1}"#).is_ok());
    }

    /// A name by which serde_json marks its own raw values.
    #[test]
    fn no_name_has_a_meaning() {
        let body = json!({ "$serde_json::private::RawValue": "{\"a\":1}" });
        assert_eq!(Value::Object(object(body.to_string().as_bytes()).unwrap()), body);
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..4)
                    .prop_map(|members| Value::from(Map::from_iter(members))),
            ]
        })
    }

    proptest! {
        #[test]
        fn reads_what_was_written(value in value()) {
            let body = json!({ "member": value });
            prop_assert_eq!(Value::Object(object(body.to_string().as_bytes()).unwrap()), body);
        }

        #[test]
        fn takes_nothing_but_json(body in prop::collection::vec(any::<u8>(), 1..64)) {
            let json = serde_json::from_slice::<Map<String, Value>>(&body);
            prop_assert!(object(&body).is_err() || json.is_ok());
        }
    }
}
