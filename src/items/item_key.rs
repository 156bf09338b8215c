//! The key of an item as the audit book knows it: a reference that only this
//! server can make, and a text, where a schema lets the book have one.
//!
//! A text says the type where it is no string: `S:42` is the string, `N:42` the number,
//! `B:KgA=` bytes in Base64. The book writes a string as it is; who asks for `42` may
//! mean the string or the number.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::attribute::AttributeValue;
use super::error::{ItemError, ItemErrorCode};
use super::number;
use super::serialize::{self, serialize};
use crate::hsm::{self, ReferenceKey};

/// The values of an item's key attributes, partition key first, each with its
/// type id as in the canonical form that is signed: so one number has one spelling.
#[derive(Clone, PartialEq, Eq)]
pub struct ItemKey(Vec<Vec<u8>>);

impl ItemKey {
    /// The key with these serialized values.
    pub(super) fn of<'a>(values: impl Iterator<Item = &'a [u8]>) -> Self {
        Self(values.map(<[u8]>::to_vec).collect())
    }

    /// Reads a key that somebody wrote: every key that he may mean, strings first.
    ///
    /// # Errors
    /// `MalformedAttribute`, `NumberOutOfRange` for what is no value of its type.
    pub fn parse(partition: &str, sort: Option<&str>) -> Result<Vec<Self>, ItemError> {
        let mut keys = vec![Self(Vec::new())];
        for text in [Some(partition), sort].into_iter().flatten() {
            let mut longer = Vec::new();
            for value in values(text)? {
                let bytes = serialize(&value, 0)?;
                longer.extend(keys.iter().map(|key| {
                    Self(
                        key.0
                            .iter()
                            .map(Vec::as_slice)
                            .chain([bytes.as_slice()])
                            .map(<[u8]>::to_vec)
                            .collect(),
                    )
                }));
            }
            keys = longer;
        }
        Ok(keys)
    }

    /// What the book knows the item by: over each value after its length in four
    /// bytes, big-endian.
    ///
    /// # Errors
    /// [`hsm::Error::Failed`]; does not happen.
    pub fn reference(&self, key: &ReferenceKey) -> Result<[u8; 16], hsm::Error> {
        let mut bytes = Vec::with_capacity(64);
        for value in &self.0 {
            // A request is never longer.
            let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(value);
        }
        key.reference(&bytes)
    }

    /// The values as texts that [`Self::parse`] reads; `None` for values that
    /// no DynamoDB key has.
    #[must_use]
    pub fn texts(&self) -> Option<Vec<String>> {
        let text = |bytes: &Vec<u8>| match serialize::parse(bytes).ok()? {
            AttributeValue::S(text) => {
                let is_plain = !["S:", "N:", "B:"].iter().any(|of| text.starts_with(of));
                Some(if is_plain { text } else { format!("S:{text}") })
            }
            AttributeValue::N(number) => Some(format!("N:{number}")),
            AttributeValue::B(bytes) => Some(format!("B:{}", STANDARD.encode(bytes))),
            _ => None,
        };
        self.0.iter().map(text).collect()
    }

    /// The values as records of KMS show them, from the encryption context of
    /// the item: without their types.
    #[must_use]
    pub fn untyped(&self) -> Option<Vec<String>> {
        let text = |bytes: &Vec<u8>| match serialize::parse(bytes).ok()? {
            AttributeValue::S(text) | AttributeValue::N(text) => Some(text),
            AttributeValue::B(bytes) => Some(STANDARD.encode(bytes)),
            _ => None,
        };
        self.0.iter().map(text).collect()
    }
}

/// What a text can mean.
fn values(text: &str) -> Result<Vec<AttributeValue>, ItemError> {
    Ok(match text.split_at_checked(2) {
        Some(("S:", rest)) => vec![AttributeValue::S(rest.to_owned())],
        Some(("N:", rest)) => vec![AttributeValue::N(number::normalize(rest)?)],
        Some(("B:", rest)) => {
            let wrong = |_bad| {
                ItemError::new(ItemErrorCode::MalformedAttribute, "a key of bytes is B: and Base64")
            };
            vec![AttributeValue::B(STANDARD.decode(rest).map_err(wrong)?)]
        }
        _ => {
            let number = number::normalize(text).ok().map(AttributeValue::N);
            [AttributeValue::S(text.to_owned())].into_iter().chain(number).collect()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(partition: &str, sort: Option<&str>, texts: &[&str], untyped: &[&str]) {
        let key = ItemKey::parse(partition, sort).unwrap().remove(0);
        assert_eq!(key.texts().unwrap(), texts);
        assert_eq!(key.untyped().unwrap(), untyped);
        assert!(key == ItemKey::parse(texts[0], texts.get(1).copied()).unwrap()[0]);
    }

    #[test]
    fn keys_are_written_with_their_types() {
        check("42", None, &["42"], &["42"]);
        check("S:42", Some("N:+1.50e1"), &["42", "N:15"], &["42", "15"]);
        check("S:N:42", None, &["S:N:42"], &["N:42"]);
        check("B:KgA=", None, &["B:KgA="], &["KgA="]);
        check("", Some("S:"), &["", ""], &["", ""]);
        check("ä", None, &["ä"], &["ä"]);
        for bad in ["N:x", "N:", "B:?", "N:1e999"] {
            assert!(ItemKey::parse(bad, None).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_number_may_be_a_text() {
        let texts = |partition: &str, sort: Option<&str>| -> Vec<String> {
            let keys = ItemKey::parse(partition, sort).unwrap();
            keys.iter().map(|key| key.texts().unwrap().join(" ")).collect()
        };
        assert_eq!(texts("42.0", None), ["42.0", "N:42"]);
        assert_eq!(texts("x", Some("7")), ["x 7", "x N:7"]);
        assert_eq!(texts("1", Some("2")), ["1 2", "N:1 2", "1 N:2", "N:1 N:2"]);
        assert_eq!(texts("S:1", Some("N:2")), ["1 N:2"]);
        assert_eq!(texts("1e999", None), ["1e999"]);
    }
}
