//! References to items: what the audit book knows an item by, without having
//! its key, which may be personal data. A digest would not do: there are few
//! customer numbers, and all of them can be tried.

use super::hazmat::{kdf, mac};
use super::key::Key;
use super::labels::Label;
use super::{Error, Hsm};
use crate::base::algorithm::MacAlgorithm;

/// Bytes of a reference: two items of one table meet after some 2^64 of them.
const REFERENCE_BYTES: usize = 16;

/// Makes the references to the items of one table. Wiped when it is dropped.
pub struct ReferenceKey(Key);

impl ReferenceKey {
    /// The reference to the item with this key, as the caller serializes it:
    /// HMAC-SHA-256, the first 16 bytes.
    ///
    /// # Errors
    /// [`Error::Failed`]; does not happen.
    pub fn reference(&self, item_key: &[u8]) -> Result<[u8; REFERENCE_BYTES], Error> {
        let mac = mac::mac(MacAlgorithm::HmacSha256, self.0.expose(), item_key);
        mac.and_then(|mac| mac.first_chunk().copied()).ok_or(Error::Failed)
    }
}

impl Hsm {
    /// The key of a table's references. It comes from the naming key, which never
    /// changes: so an item has one reference for ever. `account` has no zero byte.
    #[must_use]
    pub fn reference_key(&self, account: &str, table: &str) -> ReferenceKey {
        let context = [account.as_bytes(), &[0], table.as_bytes()].concat();
        ReferenceKey(kdf::derive(&self.names, Label::ITEM_REFERENCE.as_bytes(), &context))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hsm::testing::root_as_naming_key;
    use crate::hsm::{OsEntropy, RootKey};

    fn hsm(root: [u8; 32]) -> Hsm {
        let root = || RootKey::from_key(Key::try_from_slice(&root).unwrap());
        let (_, first) = Hsm::initialize(root(), OsEntropy).unwrap();
        let names = root_as_naming_key(&root());
        Hsm::start(root(), &[first], Some(&names), OsEntropy).unwrap()
    }

    /// Golden: what the book knows items by must stay.
    #[test]
    fn one_item_has_one_reference() {
        let of = |root: u8, account, table, key: &[u8]| {
            crate::base::hex::encode(
                &hsm([root; 32]).reference_key(account, table).reference(key).unwrap(),
            )
        };
        let golden = of(7, "111122223333", "People", b"key");
        assert_eq!(golden, "cbd52f733c33a72dcc0483179c097ae2");
        for other in [
            of(8, "111122223333", "People", b"key"),
            of(7, "111122223334", "People", b"key"),
            of(7, "111122223333", "Peopl", b"ekey"),
            of(7, "111122223333", "People", b"kez"),
        ] {
            assert_ne!(other, golden);
        }
    }
}
