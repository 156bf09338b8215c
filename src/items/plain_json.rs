//! Items as plain JSON: `{"pk": "customer-1", "age": 42}`.
//!
//! | plain JSON | attribute |
//! |---|---|
//! | string | S |
//! | number | N, with the exact text that was sent |
//! | true, false | BOOL |
//! | null | NULL |
//! | array | L |
//! | object | M |
//!
//! An item that is encrypted from plain JSON decrypts to equal plain JSON;
//! encrypted numbers come back in DynamoDB's normal form (`1.10` as `1.1`,
//! `1E2` as `100`), equal in value to the last of 38 digits.
//!
//! A number that is signed but not encrypted is stored as it was sent. A client
//! that keeps items as JSON must not round it on the way (a float holds about
//! 16 digits), or the item no longer verifies.
//!
//! Binary and sets have no plain form. Where an item came from DynamoDB, B is
//! printed as a base64 string and a set as an array; that is for reading only,
//! since it reads back as S and L. Such items belong in DynamoDB JSON.
//!
//! In an *encrypted* item `aws_dbe_head`, `aws_dbe_foot` and every attribute that
//! the header lists as encrypted are base64 strings. That cannot be confused
//! with a string of the caller: the header says which is which, and the header
//! is signed. [`parse_encrypted`] reads such an item back.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

use super::attribute::{AttributeValue, Item};
use super::decrypt;
use super::dynamodb_json::{Base64, Bounds, decode_binary, list, map, parse_with};
use super::error::{ItemError, ItemErrorCode};
use super::json::{Kind, Reader, is_number};
use super::number::normalize;
use super::schema::{FOOTER_NAME, HEADER_NAME, Schema};
use crate::base::limits::ITEM_DEPTH;

/// Reads an item that is not encrypted.
///
/// # Errors
/// As [`super::dynamodb_json::parse`].
pub fn parse(text: &str) -> Result<Item, ItemError> {
    parse_with(text, Bounds::PLAIN, |reader| value(reader, 1))
}

/// Reads an item that [`PlainJson`] printed after encryption.
///
/// # Errors
/// As [`parse`]; `NotEncrypted`, `HeaderMalformed` and `SchemaMismatch` as
/// [`decrypt::ParsedItem::parse`]; `MalformedAttribute` if an encrypted attribute is no base64.
pub fn parse_encrypted(text: &str, schema: &Schema) -> Result<Item, ItemError> {
    let mut item = parse_with(text, Bounds::ENCRYPTED, |reader| value(reader, 1))?;
    for name in [HEADER_NAME, FOOTER_NAME] {
        into_binary(&mut item, name)?;
    }
    for name in decrypt::encrypted_names(schema, &item)? {
        into_binary(&mut item, &name)?;
    }
    Ok(item)
}

/// Turns the base64 string under `name`, if there is one, into binary.
fn into_binary(item: &mut Item, name: &str) -> Result<(), ItemError> {
    if let Some(value) = item.0.get_mut(name)
        && let AttributeValue::S(text) = value
    {
        *value = AttributeValue::B(decode_binary(text).map_err(|error| error.of(name))?);
    }
    Ok(())
}

fn value(reader: &mut Reader<'_>, depth: usize) -> Result<AttributeValue, ItemError> {
    reader.count()?;
    if depth > ITEM_DEPTH {
        return Err(ItemError::new(
            ItemErrorCode::TooDeep,
            "a value is nested deeper than DynamoDB's 32 levels: flatten it",
        ));
    }
    let deeper = depth.saturating_add(1);
    Ok(match reader.kind()? {
        Kind::Null => {
            reader.null()?;
            AttributeValue::Null
        }
        Kind::Bool => AttributeValue::Bool(reader.bool()?),
        Kind::Number => AttributeValue::N(reader.number()?.to_owned()),
        Kind::String => AttributeValue::S(reader.string()?.into_owned()),
        Kind::Array => AttributeValue::L(list(reader, |reader| value(reader, deeper))?),
        Kind::Object => AttributeValue::M(map(reader, |reader| value(reader, deeper))?),
    })
}

/// An item that serializes as plain JSON. Use `serde_json::to_string` or
/// `to_vec`: `to_value` would round numbers.
pub struct PlainJson<'a>(pub &'a Item);

impl Serialize for PlainJson<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.0.iter().map(|(name, value)| (name, Plain(value))))
    }
}

struct Plain<'a>(&'a AttributeValue);

impl Serialize for Plain<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            AttributeValue::S(text) => serializer.serialize_str(text),
            AttributeValue::N(text) => Number(text).serialize(serializer),
            AttributeValue::B(bytes) => Base64(bytes).serialize(serializer),
            AttributeValue::Bool(flag) => serializer.serialize_bool(*flag),
            AttributeValue::Null => serializer.serialize_unit(),
            AttributeValue::Ss(members) => serializer.collect_seq(members),
            AttributeValue::Ns(members) => {
                serializer.collect_seq(members.iter().map(|text| Number(text)))
            }
            AttributeValue::Bs(members) => {
                serializer.collect_seq(members.iter().map(|bytes| Base64(bytes)))
            }
            AttributeValue::M(entries) => {
                serializer.collect_map(entries.iter().map(|(key, value)| (key, Self(value))))
            }
            AttributeValue::L(values) => serializer.collect_seq(values.iter().map(Self)),
        }
    }
}

/// A number that serializes as its own text if JSON allows that spelling, else
/// in normal form. What is no number at all, which only an unsigned attribute
/// can hold, becomes a string.
struct Number<'a>(&'a str);

impl Serialize for Number<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = if is_number(self.0) {
            Some(Cow::Borrowed(self.0))
        } else {
            normalize(self.0).ok().map(Cow::Owned)
        };
        match text.and_then(|text| RawValue::from_string(text.into_owned()).ok()) {
            Some(raw) => raw.serialize(serializer),
            None => serializer.serialize_str(self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{PlainJson, parse};
    use crate::base::limits::ITEM_VALUES;
    use crate::items::attribute::AttributeValue;
    use crate::items::dynamodb_json;
    use crate::items::error::ItemErrorCode;

    #[track_caller]
    fn check(text: &str) {
        assert_eq!(serde_json::to_string(&PlainJson(&parse(text).unwrap())).unwrap(), text);
    }

    #[test]
    fn comes_back_exactly() {
        check("{}");
        check(r#"{"a":"x\n","b":true,"c":null,"d":[1,[],{}],"e":{"f":"","g":{"h":[false]}}}"#);
        check(
            r#"{"big":12345678901234567890123456789012345678,"exp":1E+2,"fine":0.10,"minus":-0}"#,
        );
    }

    #[test]
    fn numbers_become_n_with_their_text() {
        let item = parse(r#"{"n":1.10}"#).unwrap();
        assert!(item.0["n"] == AttributeValue::N("1.10".into()));
    }

    #[test]
    fn refuses() {
        for (text, want) in [
            (r#"{"a":1.}"#, ItemErrorCode::MalformedJson),
            (r#"{"a":{"k":1,"k":1}}"#, ItemErrorCode::MalformedAttribute),
            (&format!(r#"{{"a":{}{}}}"#, "[".repeat(33), "]".repeat(33)), ItemErrorCode::TooDeep),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!((error.code, error.attribute.as_deref()), (want, Some("a")), "{text}");
        }
    }

    #[test]
    fn values_are_counted() {
        // The list is a value itself.
        let item = |values: usize| format!(r#"{{"a":[{}0]}}"#, "0,".repeat(values - 2));
        assert!(parse(&item(ITEM_VALUES)).is_ok());
        let objects = format!(r#"{{"a":1,"b":[{}{{}}]}}"#, "{},".repeat(ITEM_VALUES - 2));
        for text in [item(ITEM_VALUES + 1), objects] {
            let error = parse(&text).unwrap_err();
            assert_eq!(error.code, ItemErrorCode::ItemTooLarge);
            assert!(error.message.contains("at most 409600 values"), "{error}");
        }
    }

    #[test]
    fn types_without_a_plain_form_are_printed_for_reading() {
        let text = r#"{"b":{"B":"AAE="},"ns":{"NS":["+1","1e2"]},"odd":{"N":"zz"},"ss":{"SS":["a"]},"bs":{"BS":["AA=="]}}"#;
        let item = dynamodb_json::parse(text).unwrap();
        assert_eq!(
            serde_json::to_string(&PlainJson(&item)).unwrap(),
            r#"{"b":"AAE=","bs":["AA=="],"ns":[1,1e2],"odd":"zz","ss":["a"]}"#
        );
    }
}
