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
}

#[cfg(test)]
mod tests {
    use super::EncryptionContext;

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
}
