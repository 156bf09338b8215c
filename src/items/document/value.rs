//! A JSON value with everything that text says: members in their order, numbers
//! in their digits.

use std::fmt;
use std::io;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use zeroize::{Zeroize, Zeroizing};

use crate::base::limits;
use crate::items::attribute::AttributeValue;
use crate::items::error::{ItemError, ItemErrorCode};
use crate::items::json::{Kind, Reader};

/// A JSON value.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    Null,
    Bool(bool),
    /// A number as it is written.
    Number(String),
    String(String),
    List(Vec<Self>),
    /// Members in their order, each name once.
    Object(Vec<(String, Self)>),
}

impl Value {
    /// Reads a document, which is an object, of at most so many bytes and values.
    ///
    /// # Errors
    /// `ItemTooLarge`, `MalformedJson`, `MalformedAttribute`, `TooDeep`.
    pub(super) fn parse_document(
        text: &str,
        (bytes_max, values_max): (usize, usize),
    ) -> Result<Self, ItemError> {
        if text.len() > bytes_max {
            return Err(too_large(&format!("has at most {bytes_max} bytes of JSON text")));
        }
        let mut reader = Reader::new(text);
        if reader.kind()? != Kind::Object {
            return Err(reader.unexpected("an object"));
        }
        Parser { values: 0, values_max }.only(reader, 0)
    }

    /// Reads what stands inside of a document at `depth`.
    pub(super) fn parse_part(text: &str, depth: usize) -> Result<Self, ItemError> {
        let values_max = limits::DOCUMENT_VALUES;
        Parser { values: 0, values_max }.only(Reader::new(text), depth)
    }

    /// A string or a number as an attribute of an item, by whose rules masks are
    /// made; null for everything else.
    #[must_use]
    pub fn to_attribute(&self) -> AttributeValue {
        match self {
            Self::String(text) => AttributeValue::S(text.clone()),
            Self::Number(text) => AttributeValue::N(text.clone()),
            _ => AttributeValue::Null,
        }
    }

    /// The value that these member names, or indexes, lead to.
    pub(super) fn find(&self, names: &[String]) -> Option<&Self> {
        names.iter().try_fold(self, |value, name| match value {
            Self::Object(members) => {
                members.iter().find(|(member, _)| member == name).map(|(_, value)| value)
            }
            Self::List(elements) => {
                let index: usize = name.parse().ok()?;
                // `01` and `+1` are no indexes.
                if index.to_string() == *name { elements.get(index) } else { None }
            }
            _ => None,
        })
    }

    /// The value at a place: the number of the child at each level.
    pub(super) fn at(&self, place: &[usize]) -> Option<&Self> {
        place.iter().try_fold(self, |value, index| match value {
            Self::Object(members) => members.get(*index).map(|(_, value)| value),
            Self::List(elements) => elements.get(*index),
            _ => None,
        })
    }

    /// As [`Self::at`], to change it.
    pub(super) fn at_mut(&mut self, place: &[usize]) -> Option<&mut Self> {
        place.iter().try_fold(self, |value, index| match value {
            Self::Object(members) => members.get_mut(*index).map(|(_, value)| value),
            Self::List(elements) => elements.get_mut(*index),
            _ => None,
        })
    }

    /// The value's text without white space, in a buffer that does not grow, with
    /// `room` bytes beside it.
    pub(super) fn append_text(
        &self,
        room: usize,
        head: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, ItemError> {
        let mut counter = Counter(0);
        serde_json::to_writer(&mut counter, self).map_err(unprintable)?;
        let room = counter.0.saturating_add(head.len()).saturating_add(room);
        let mut out = Zeroizing::new(Vec::with_capacity(room));
        out.extend_from_slice(head);
        serde_json::to_writer(&mut *out, self).map_err(unprintable)?;
        Ok(out)
    }
}

/// Shows the type only.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Number(_) => "number",
            Self::String(_) => "string",
            Self::List(_) => "list",
            Self::Object(_) => "object",
        })
    }
}

/// Wipes every value in place; names of members and lengths stay.
impl Zeroize for Value {
    fn zeroize(&mut self) {
        match self {
            Self::Null => {}
            Self::Bool(flag) => flag.zeroize(),
            Self::Number(text) | Self::String(text) => text.zeroize(),
            Self::List(elements) => elements.iter_mut().for_each(Zeroize::zeroize),
            Self::Object(members) => members.iter_mut().for_each(|(_, value)| value.zeroize()),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(flag) => serializer.serialize_bool(*flag),
            // The text was read as a number of JSON.
            Self::Number(text) => RawValue::from_string(text.clone())
                .map_err(serde::ser::Error::custom)?
                .serialize(serializer),
            Self::String(text) => serializer.serialize_str(text),
            Self::List(elements) => serializer.collect_seq(elements),
            Self::Object(members) => {
                serializer.collect_map(members.iter().map(|(name, value)| (name, value)))
            }
        }
    }
}

/// A document: serializes as it was, with white space left out. Use
/// `serde_json::to_string` or `to_raw_value`: `to_value` would round numbers.
#[derive(Debug, PartialEq, Eq)]
pub struct Document(pub(super) Value);

impl Document {
    /// Reads a document.
    ///
    /// # Errors
    /// `ItemTooLarge` above [`limits::DOCUMENT_BYTES`], `MalformedJson`,
    /// `MalformedAttribute` if it is no object or has a member twice, `TooDeep`.
    pub fn parse(text: &str) -> Result<Self, ItemError> {
        let most = (limits::DOCUMENT_BYTES, limits::DOCUMENT_VALUES);
        Value::parse_document(text, most).map(Self)
    }

    /// Reads a document that is encrypted, which is larger.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_encrypted(text: &str) -> Result<Self, ItemError> {
        let most = (limits::ENCRYPTED_DOCUMENT_BYTES, limits::ENCRYPTED_DOCUMENT_VALUES);
        Value::parse_document(text, most).map(Self)
    }
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// Counts the values of a document as it reads them.
struct Parser {
    values: usize,
    values_max: usize,
}

impl Parser {
    /// The value and nothing behind it.
    fn only(&mut self, mut reader: Reader<'_>, depth: usize) -> Result<Value, ItemError> {
        let value = self.value(&mut reader, depth)?;
        reader.end()?;
        Ok(value)
    }

    fn value(&mut self, reader: &mut Reader<'_>, depth: usize) -> Result<Value, ItemError> {
        if depth > limits::ITEM_DEPTH {
            return Err(ItemError::new(
                ItemErrorCode::TooDeep,
                format!("a document has at most {} levels: flatten it", limits::ITEM_DEPTH),
            ));
        }
        self.values = self.values.saturating_add(1);
        if self.values > self.values_max {
            return Err(too_large(&format!("has at most {} values", self.values_max)));
        }
        let deeper = depth.saturating_add(1);
        Ok(match reader.kind()? {
            Kind::Null => {
                reader.null()?;
                Value::Null
            }
            Kind::Bool => Value::Bool(reader.bool()?),
            Kind::Number => Value::Number(reader.number()?.to_owned()),
            Kind::String => Value::String(reader.string()?.into_owned()),
            Kind::Array => {
                let mut elements = Vec::new();
                reader.array(|reader| {
                    elements.push(self.value(reader, deeper)?);
                    Ok(())
                })?;
                Value::List(elements)
            }
            Kind::Object => {
                let mut members = Vec::new();
                reader.object(|reader, name| {
                    if name.len() > limits::DOCUMENT_NAME_BYTES {
                        let bytes = limits::DOCUMENT_NAME_BYTES;
                        return Err(too_large(&format!(
                            "has member names of at most {bytes} bytes"
                        )));
                    }
                    members.push((name.into_owned(), self.value(reader, deeper)?));
                    Ok(())
                })?;
                check_unique(&members)?;
                Value::Object(members)
            }
        })
    }
}

/// A store keeps one of two members of the same name, and which one is for it
/// to choose.
fn check_unique(members: &[(String, Value)]) -> Result<(), ItemError> {
    let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    match names.iter().zip(names.iter().skip(1)).find(|(one, next)| one == next) {
        None => Ok(()),
        Some((name, _)) => Err(ItemError::new(
            ItemErrorCode::MalformedAttribute,
            format!("an object has the member `{name}` twice: leave one out"),
        )),
    }
}

fn too_large(rule: &str) -> ItemError {
    ItemError::new(ItemErrorCode::ItemTooLarge, format!("a document {rule}"))
}

fn unprintable(_: serde_json::Error) -> ItemError {
    ItemError::new(ItemErrorCode::CryptoFailed, "a value cannot be written as JSON")
}

/// Counts what is written to it.
struct Counter(usize);

impl io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroize;

    use super::{Document, Value};
    use crate::base::limits;
    use crate::items::error::ItemErrorCode;

    fn value(text: &str) -> Value {
        Value::parse_part(text, 1).unwrap()
    }

    #[test]
    fn comes_back_exactly() {
        for text in [
            "{}",
            r#"{"b":1.0,"a":1e400,"c":[-0,123456789012345678901234567890.10,[],{},null,true]}"#,
            r#"{"":"é\n\u0001\"","/":{"~":false}}"#,
        ] {
            let document = Document::parse(text).unwrap();
            assert_eq!(serde_json::to_string(&document).unwrap(), text);
            let out = document.0.append_text(3, b"x").unwrap();
            assert_eq!(&out[1..], text.as_bytes());
            assert_eq!(out.capacity(), text.len() + 4, "the buffer is as large as it must be");
        }
    }

    #[test]
    fn refuses() {
        let deep =
            |levels: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
        Document::parse(&deep(32)).unwrap();
        let many = format!(r#"{{"a":[{}0]}}"#, "0,".repeat(limits::DOCUMENT_VALUES));
        let name = format!(r#"{{"{}":0}}"#, "x".repeat(limits::DOCUMENT_NAME_BYTES + 1));
        let large = format!(r#"{{"a":"{}"}}"#, "x".repeat(limits::DOCUMENT_BYTES));
        for (text, want) in [
            ("[]", ItemErrorCode::MalformedAttribute),
            ("", ItemErrorCode::MalformedJson),
            ("{} x", ItemErrorCode::MalformedJson),
            (r#"{"a":{"k":1,"j":2,"k":1}}"#, ItemErrorCode::MalformedAttribute),
            (r#"{"a":1,"\u0061":1}"#, ItemErrorCode::MalformedAttribute),
            (r#"{"a":"\ud800"}"#, ItemErrorCode::MalformedJson),
            (&deep(33), ItemErrorCode::TooDeep),
            (&many, ItemErrorCode::ItemTooLarge),
            (&name, ItemErrorCode::ItemTooLarge),
            (&large, ItemErrorCode::ItemTooLarge),
        ] {
            assert_eq!(Document::parse(text).unwrap_err().code, want);
        }
        Document::parse_encrypted(&large).unwrap();
    }

    #[test]
    fn places_and_names() {
        let root = value(r#"{"a":[1,{"0":"x"}],"01":2}"#);
        let names =
            |path: &[&str]| -> Vec<String> { path.iter().map(|name| (*name).into()).collect() };
        assert_eq!(root.find(&names(&["a", "1", "0"])), root.at(&[0, 1, 0]));
        assert!(root.at(&[0, 1, 0]).is_some_and(|value| *value == Value::String("x".into())));
        for path in [&["a", "01"][..], &["a", "+1"], &["a", "2"], &["01", "0"], &["b"]] {
            assert!(root.find(&names(path)).is_none(), "{path:?}");
        }
    }

    #[test]
    fn values_are_wiped_and_not_shown() {
        let mut root = value(r#"{"a":["secret",12,true,null]}"#);
        assert_eq!(format!("{root:?}"), "object");
        root.zeroize();
        let Value::Object(members) = &root else { panic!("an object") };
        assert!(
            members[0].1
                == Value::List(vec![
                    Value::String(String::new()),
                    Value::Number(String::new()),
                    Value::Bool(false),
                    Value::Null,
                ])
        );
    }
}
