//! Items as DynamoDB JSON: every value is an object with one member that names
//! the type, `{"pk": {"S": "customer-1"}}`. Nothing is lost in either direction.
//!
//! Reading is strict: exactly one type key, strings where the API has strings
//! (numbers included), padded standard base64, `NULL` always true, no name twice.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine;
use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde::ser::SerializeMap;

use super::attribute::{AttributeValue, Item};
use super::error::{ItemError, ItemErrorCode};
use super::json::Reader;
use crate::base::limits::{self, ITEM_DEPTH};

/// How much an item may be.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    /// Of text.
    bytes: usize,
    values: usize,
}

impl Bounds {
    /// Of an item that is to be encrypted.
    pub(super) const PLAIN: Self = Self { bytes: limits::ITEM_BYTES, values: limits::ITEM_VALUES };
    /// Of one that is: whatever was encrypted is read back.
    pub(super) const ENCRYPTED: Self =
        Self { bytes: limits::ENCRYPTED_ITEM_BYTES, values: limits::ENCRYPTED_ITEM_VALUES };
}

/// Reads an item.
///
/// # Errors
/// `MalformedJson`, `MalformedAttribute`, `TooDeep` (more than 32 levels),
/// `ItemTooLarge` (more than [`limits::ITEM_BYTES`] of text or
/// [`limits::ITEM_VALUES`] values).
pub fn parse(text: &str) -> Result<Item, ItemError> {
    parse_with(text, Bounds::PLAIN, |reader| value(reader, 1))
}

/// Reads an item that is encrypted, which is larger.
///
/// # Errors
/// As [`parse`].
pub fn parse_encrypted(text: &str) -> Result<Item, ItemError> {
    parse_with(text, Bounds::ENCRYPTED, |reader| value(reader, 1))
}

/// Reads an item whose values `read` reads.
pub(super) fn parse_with<'a>(
    text: &'a str,
    bounds: Bounds,
    read: impl Fn(&mut Reader<'a>) -> Result<AttributeValue, ItemError>,
) -> Result<Item, ItemError> {
    if text.len() > bounds.bytes {
        return Err(ItemError::new(
            ItemErrorCode::ItemTooLarge,
            format!("an item has at most {} bytes of JSON text", bounds.bytes),
        ));
    }
    let mut item = Item::default();
    let mut reader = Reader::with_values(text, bounds.values);
    reader.object(|reader, name| {
        let value = read(reader).map_err(|error| error.of(&name))?;
        if item.0.insert(name.clone().into_owned(), value).is_some() {
            return Err(malformed("the item has this attribute twice").of(&name));
        }
        Ok(())
    })?;
    reader.end()?;
    Ok(item)
}

fn value(reader: &mut Reader<'_>, depth: usize) -> Result<AttributeValue, ItemError> {
    reader.count()?;
    if depth > ITEM_DEPTH {
        return Err(ItemError::new(
            ItemErrorCode::TooDeep,
            "a value is nested deeper than DynamoDB's 32 levels: flatten it",
        ));
    }
    let mut found = None;
    reader.object(|reader, key| {
        if found.is_some() {
            return Err(malformed("a value has exactly one type key, this one has more"));
        }
        found = Some(typed(reader, &key, depth)?);
        Ok(())
    })?;
    found.ok_or_else(|| malformed("a value has exactly one type key, this one has none"))
}

fn typed(reader: &mut Reader<'_>, key: &str, depth: usize) -> Result<AttributeValue, ItemError> {
    let deeper = depth.saturating_add(1);
    Ok(match key {
        "S" => AttributeValue::S(reader.string()?.into_owned()),
        "N" => AttributeValue::N(reader.string()?.into_owned()),
        "B" => AttributeValue::B(decode_binary(&reader.string()?)?),
        "BOOL" => AttributeValue::Bool(reader.bool()?),
        "NULL" => {
            if !reader.bool()? {
                return Err(malformed("NULL is always true"));
            }
            AttributeValue::Null
        }
        "SS" => AttributeValue::Ss(list(reader, |reader| Ok(member(reader)?.into_owned()))?),
        "NS" => AttributeValue::Ns(list(reader, |reader| Ok(member(reader)?.into_owned()))?),
        "BS" => AttributeValue::Bs(list(reader, |reader| decode_binary(&member(reader)?))?),
        "L" => AttributeValue::L(list(reader, |reader| value(reader, deeper))?),
        "M" => AttributeValue::M(map(reader, |reader| value(reader, deeper))?),
        _ => return Err(malformed("a type key is one of S, N, B, BOOL, NULL, SS, NS, BS, M, L")),
    })
}

/// A member of a set.
fn member<'a>(reader: &mut Reader<'a>) -> Result<Cow<'a, str>, ItemError> {
    reader.count()?;
    reader.string()
}

/// An array whose elements `read` reads.
pub(super) fn list<'a, T>(
    reader: &mut Reader<'a>,
    read: impl Fn(&mut Reader<'a>) -> Result<T, ItemError>,
) -> Result<Vec<T>, ItemError> {
    let mut elements = Vec::new();
    reader.array(|reader| {
        elements.push(read(reader)?);
        Ok(())
    })?;
    Ok(elements)
}

/// An object whose members `read` reads; no name twice.
pub(super) fn map<'a>(
    reader: &mut Reader<'a>,
    read: impl Fn(&mut Reader<'a>) -> Result<AttributeValue, ItemError>,
) -> Result<BTreeMap<String, AttributeValue>, ItemError> {
    let mut entries = BTreeMap::new();
    reader.object(|reader, name| {
        if entries.insert(name.into_owned(), read(reader)?).is_some() {
            return Err(malformed("a map has the same key twice"));
        }
        Ok(())
    })?;
    Ok(entries)
}

/// Bytes from standard base64 with padding, the one spelling they have.
pub(super) fn decode_binary(text: &str) -> Result<Vec<u8>, ItemError> {
    match STANDARD.decode(text) {
        Ok(bytes) => Ok(bytes),
        Err(_) => Err(malformed("binary is written in standard base64 with padding")),
    }
}

fn malformed(reason: &str) -> ItemError {
    ItemError::new(ItemErrorCode::MalformedAttribute, reason)
}

/// An item that serializes as DynamoDB JSON.
pub struct DynamoDbJson<'a>(pub &'a Item);

impl Serialize for DynamoDbJson<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Entries(&self.0.0).serialize(serializer)
    }
}

struct Entries<'a>(&'a BTreeMap<String, AttributeValue>);

impl Serialize for Entries<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, Typed(value))))
    }
}

struct Values<'a>(&'a [AttributeValue]);

impl Serialize for Values<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Typed))
    }
}

struct Binaries<'a>(&'a [Vec<u8>]);

impl Serialize for Binaries<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|bytes| Base64(bytes)))
    }
}

struct Typed<'a>(&'a AttributeValue);

impl Serialize for Typed<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_key(self.0.type_key())?;
        match self.0 {
            AttributeValue::S(text) | AttributeValue::N(text) => map.serialize_value(text)?,
            AttributeValue::B(bytes) => map.serialize_value(&Base64(bytes))?,
            AttributeValue::Bool(flag) => map.serialize_value(flag)?,
            AttributeValue::Null => map.serialize_value(&true)?,
            AttributeValue::Ss(texts) | AttributeValue::Ns(texts) => map.serialize_value(texts)?,
            AttributeValue::Bs(members) => map.serialize_value(&Binaries(members))?,
            AttributeValue::M(entries) => map.serialize_value(&Entries(entries))?,
            AttributeValue::L(values) => map.serialize_value(&Values(values))?,
        }
        map.end()
    }
}

/// Bytes that serialize as standard base64 with padding.
pub(super) struct Base64<'a>(pub(super) &'a [u8]);

impl Serialize for Base64<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Base64Display::new(self.0, &STANDARD))
    }
}

#[cfg(test)]
mod tests {
    use super::{DynamoDbJson, parse, parse_encrypted};
    use crate::base::limits::{ITEM_BYTES, ITEM_VALUES};
    use crate::items::error::ItemErrorCode;

    #[track_caller]
    fn check(text: &str) {
        let item = parse(text).unwrap();
        assert_eq!(serde_json::to_string(&DynamoDbJson(&item)).unwrap(), text);
    }

    #[track_caller]
    fn check_refused(value: &str, want: ItemErrorCode) {
        let error = parse(&format!(r#"{{"a":{value}}}"#)).unwrap_err();
        assert_eq!((error.code, error.attribute.as_deref()), (want, Some("a")), "{value}");
    }

    #[test]
    fn all_types_come_back() {
        check("{}");
        check(r#"{"b":{"BOOL":false},"n":{"N":"+1E+2"},"s":{"S":"a\"é"},"u":{"NULL":true}}"#);
        check(r#"{"B":{"B":"AAH+/w=="},"e":{"B":""},"x":{"BS":["AA==","/w=="]}}"#);
        check(
            r#"{"l":{"L":[{"S":""},{"L":[]},{"M":{"k":{"NS":["2","1"]}}}]},"s":{"SS":["b","a"]}}"#,
        );
    }

    #[test]
    fn strict() {
        use ItemErrorCode::{MalformedAttribute, MalformedJson, TooDeep};
        for value in [
            "{}",
            r#"{"S":"a","N":"1"}"#,
            r#"{"S":"a","S":"a"}"#,
            r#"{"X":"a"}"#,
            r#"{"s":"a"}"#,
            r#""a""#,
            "null",
            "[]",
            r#"{"S":1}"#,
            r#"{"N":1}"#,
            r#"{"BOOL":"true"}"#,
            r#"{"NULL":false}"#,
            r#"{"NULL":null}"#,
            r#"{"SS":"a"}"#,
            r#"{"SS":[1]}"#,
            r#"{"L":{}}"#,
            r#"{"M":[]}"#,
            r#"{"L":["a"]}"#,
            r#"{"M":{"k":{"S":"1"},"k":{"S":"2"}}}"#,
            r#"{"B":"AA"}"#,
            r#"{"B":"AB=="}"#,
            r#"{"B":"A A="}"#,
            r#"{"B":"-_8="}"#,
            r#"{"BS":["AA"]}"#,
        ] {
            check_refused(value, MalformedAttribute);
        }
        check_refused(r#"{"S":"a",}"#, MalformedJson);
        check_refused(&format!("{}{}", r#"{"L":["#.repeat(33), "]}".repeat(33)), TooDeep);
        check_refused(&r#"{"L":["#.repeat(100_000), TooDeep);
    }

    #[test]
    fn names_once_and_nothing_behind() {
        let error = parse(r#"{"a":{"S":"1"},"a":{"S":"1"}}"#).unwrap_err();
        assert_eq!(
            (error.code, error.attribute.as_deref()),
            (ItemErrorCode::MalformedAttribute, Some("a"))
        );
        for text in ["", "{} x", "{", "{\"a\"}"] {
            assert_eq!(parse(text).unwrap_err().code, ItemErrorCode::MalformedJson, "{text}");
        }
        assert_eq!(parse("[]").unwrap_err().code, ItemErrorCode::MalformedAttribute);
    }

    #[test]
    fn errors_do_not_quote_values() {
        for value in [
            r#"{"N":hunter2}"#,
            r#"{"S":"hunter2"#,
            r#"{"B":"hunter2"}"#,
            r#"{"hunter2":1}"#,
            r#""hunter2""#,
        ] {
            let error = parse(&format!(r#"{{"a":{value}}}"#)).unwrap_err();
            assert!(!error.message.contains("hunter2"), "{}", error.message);
        }
    }

    #[test]
    fn values_are_counted() {
        for (key, member) in
            [("L", r#"{"S":""}"#), ("SS", r#""""#), ("NS", r#""""#), ("BS", r#""""#)]
        {
            // The list is a value itself.
            let item = |values: usize| {
                let members = format!("{member},").repeat(values - 2);
                format!(r#"{{"a":{{"{key}":[{members}{member}]}}}}"#)
            };
            assert!(parse(&item(ITEM_VALUES)).is_ok(), "{key}");
            let error = parse(&item(ITEM_VALUES + 1)).unwrap_err();
            assert_eq!(error.code, ItemErrorCode::ItemTooLarge, "{key}");
            assert!(error.message.contains("at most 409600 values"), "{key}: {error}");
            // Header and footer stand beside what was encrypted.
            assert!(parse_encrypted(&item(ITEM_VALUES + 2)).is_ok(), "{key}");
        }
    }

    /// What a table of DynamoDB can hold at the most, 400 KB as it counts them, with
    /// little in each value.
    #[test]
    fn every_item_of_a_table_fits() {
        let list = |element: &str, bytes: usize| {
            let elements = vec![element; (400 * 1024 - 4) / bytes].join(",");
            format!(r#"{{"a":{{"L":[{elements}]}}}}"#)
        };
        let attributes: Vec<String> =
            (0..100_000).map(|n| format!(r#""{n:05}":{{"NULL":true}}"#)).collect();
        let text = "\\u0001".repeat(400 * 1024 - 1);
        for item in [
            list(r#"{"S":""}"#, 1),
            list(r#"{"NULL":true}"#, 2),
            list(r#"{"BOOL":false}"#, 2),
            list(r#"{"N":"0"}"#, 2),
            format!("{{{}}}", attributes.join(",")),
            format!(r#"{{"a":{{"S":"{text}"}}}}"#),
        ] {
            assert!(parse(&item).is_ok(), "{:?}", item.get(..40));
        }
        assert_eq!(
            parse(&" ".repeat(ITEM_BYTES + 1)).unwrap_err().code,
            ItemErrorCode::ItemTooLarge
        );
    }
}
