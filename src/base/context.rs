//! The encryption context: string pairs bound to a ciphertext as additional
//! authenticated data. Public by definition: it stands in every audit record.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Pairs in ascending byte order of their keys, so that equal contexts have
/// equal bytes whatever order the caller sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EncryptionContext(BTreeMap<String, String>);

impl EncryptionContext {
    /// The context with these pairs.
    #[must_use]
    pub fn new(pairs: BTreeMap<String, String>) -> Self {
        Self(pairs)
    }

    /// The pairs in canonical order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The value under `key`, compared exactly.
    #[must_use]
    pub fn find(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// Whether there are no pairs; the same as no context at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bytes of all keys and values together, the size that AWS limits.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.iter().map(|(key, value)| key.len().saturating_add(value.len())).sum()
    }

    /// The canonical bytes that are authenticated: for each pair in order, key
    /// and value, each preceded by its length in bytes as a big-endian `u32`.
    /// Injective, and empty for the empty context.
    #[must_use]
    pub fn canonical_bytes(&self) -> Vec<u8> {
        let mut bytes =
            Vec::with_capacity(self.size().saturating_add(self.0.len().saturating_mul(8)));
        for text in self.0.iter().flat_map(|(key, value)| [key, value]) {
            // A context is far below 4 GiB: its size is limited at the door.
            let len = u32::try_from(text.len()).unwrap_or(u32::MAX);
            bytes.extend_from_slice(&len.to_be_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes
    }

    /// The context with these canonical bytes; `None` for what is no context.
    #[must_use]
    pub fn from_canonical_bytes(bytes: &[u8]) -> Option<Self> {
        let (mut pairs, mut rest) = (BTreeMap::new(), bytes);
        while !rest.is_empty() {
            let (key, after) = split_text(rest)?;
            let (value, after) = split_text(after)?;
            pairs.insert(key.to_owned(), value.to_owned());
            rest = after;
        }
        Some(Self(pairs))
    }

    /// Whether every pair of `other` is in this one, compared exactly.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        other.iter().all(|(key, value)| self.find(key) == Some(value))
    }
}

/// The pairs of a context, each as its canonical bytes, out of `bytes`, which are
/// those of the whole. What follows the first that is no pair is left out.
pub fn canonical_pairs(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (_, after_key) = split_text(rest)?;
        let (_, after_value) = split_text(after_key)?;
        let (pair, _) = rest.split_at_checked(rest.len().checked_sub(after_value.len())?)?;
        rest = after_value;
        Some(pair)
    })
}

/// The length-prefixed text that canonical bytes begin with, and what follows.
fn split_text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    let len = usize::try_from(u32::from_be_bytes(*len)).ok()?;
    let (text, rest) = rest.split_at_checked(len)?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::{EncryptionContext, canonical_pairs};

    fn context(pairs: &[(&str, &str)]) -> EncryptionContext {
        EncryptionContext::new(
            pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        )
    }

    #[test]
    fn order_does_not_matter_and_boundaries_do() {
        assert_eq!(
            context(&[("a", "1"), ("b", "2")]).canonical_bytes(),
            context(&[("b", "2"), ("a", "1")]).canonical_bytes()
        );
        assert_ne!(
            context(&[("ab", "c")]).canonical_bytes(),
            context(&[("a", "bc")]).canonical_bytes()
        );
        assert!(context(&[]).canonical_bytes().is_empty());
    }

    #[test]
    fn canonical_bytes_are_read_back() {
        for pairs in [&[][..], &[("", "")], &[("a", "1"), ("b", "\u{e9}")]] {
            let context = context(pairs);
            let bytes = context.canonical_bytes();
            let each = pairs.iter().map(|pair| self::context(&[*pair]).canonical_bytes());
            assert!(canonical_pairs(&bytes).eq(each));
            assert_eq!(EncryptionContext::from_canonical_bytes(&bytes), Some(context));
            for cut in 1..bytes.len() {
                let rest = EncryptionContext::from_canonical_bytes(&bytes[..cut]);
                assert!(rest.is_none_or(|rest| rest.canonical_bytes() == bytes[..cut]));
            }
        }
        assert_eq!(EncryptionContext::from_canonical_bytes(b"\0\0\0\x01\xff\0\0\0\0"), None);
    }

    #[test]
    fn containing_is_exact() {
        let whole = context(&[("a", "1"), ("b", "2")]);
        assert!(whole.contains(&context(&[])) && whole.contains(&whole));
        assert!(whole.contains(&context(&[("b", "2")])));
        for other in [&[("A", "1")], &[("a", "2")], &[("c", "1")]] {
            assert!(!whole.contains(&context(other)));
        }
    }
}
