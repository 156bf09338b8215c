//! The ciphertext blob that callers hold: opaque to them, self-describing to us.
//!
//! Deliberately absent: keys. Anybody may parse a blob; it says which key it
//! needs and nothing about what is inside.

use crate::base::ids::{KeyId, MaterialId};
use crate::base::limits::PLAINTEXT_BYTES;

use super::envelope::OVERHEAD_LEN;
use super::error::Error;

/// `77 62` ("wb"), then the format version.
const MAGIC: [u8; 3] = [b'w', b'b', 1];
/// Magic 3, flags 1, key id 16, material id 32.
pub(super) const HEADER_LEN: usize = 52;
/// The only flag of version 1: the key id is that of a multi-Region key.
const MULTI_REGION: u8 = 1;

/// A well-formed blob. Whether it is authentic only decryption can tell.
#[derive(Clone, Copy, Debug)]
pub struct Blob<'a> {
    header: &'a [u8; HEADER_LEN],
    envelope: &'a [u8],
    key_id: KeyId,
    material_id: MaterialId,
}

impl<'a> Blob<'a> {
    /// Reads a blob of exactly these bytes.
    ///
    /// # Errors
    /// [`Error::InvalidCiphertext`] for an unknown version or flag, and for a
    /// length that no plaintext of 0 to [`PLAINTEXT_BYTES`] bytes leads to.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        Self::find_parts(bytes).ok_or(Error::InvalidCiphertext)
    }

    fn find_parts(bytes: &'a [u8]) -> Option<Self> {
        let (header, envelope) = bytes.split_first_chunk::<HEADER_LEN>()?;
        let content_len = envelope.len().checked_sub(OVERHEAD_LEN)?;
        let ([magic @ .., flags], rest) = header.split_first_chunk::<4>()?;
        let (key_id, material_id) = rest.split_first_chunk::<16>()?;
        if content_len > PLAINTEXT_BYTES || *magic != MAGIC || *flags & !MULTI_REGION != 0 {
            return None;
        }
        Some(Self {
            header,
            envelope,
            key_id: KeyId::from_bytes(*key_id, *flags == MULTI_REGION),
            material_id: MaterialId::from_bytes(material_id.try_into().ok()?),
        })
    }

    /// The key that the blob says it was made with.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// The material of that key.
    #[must_use]
    pub fn material_id(&self) -> MaterialId {
        self.material_id
    }

    pub(super) fn header(&self) -> &'a [u8; HEADER_LEN] {
        self.header
    }

    pub(super) fn envelope(&self) -> &'a [u8] {
        self.envelope
    }
}

/// The header of a blob made with this key and material.
pub(super) fn header(key_id: KeyId, material_id: MaterialId) -> Vec<u8> {
    let flags = if key_id.is_multi_region() { MULTI_REGION } else { 0 };
    [&MAGIC[..], &[flags], key_id.as_bytes(), material_id.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn blob_of(flags: u8, content_len: usize) -> Vec<u8> {
        let mut bytes = header(KeyId::from_bytes([3; 16], false), MaterialId::from_bytes([4; 32]));
        bytes[3] = flags;
        bytes.extend([5; OVERHEAD_LEN]);
        bytes.extend(vec![6; content_len]);
        bytes
    }

    #[test]
    fn names_its_key() {
        for multi_region in [false, true] {
            let bytes = blob_of(multi_region.into(), 1);
            let blob = Blob::parse(&bytes).unwrap();
            assert_eq!(blob.key_id(), KeyId::from_bytes([3; 16], multi_region));
            assert_eq!(blob.material_id(), MaterialId::from_bytes([4; 32]));
            assert_eq!(header(blob.key_id(), blob.material_id()), blob.header());
        }
    }

    #[test]
    fn is_strict() {
        let refused = |bytes: &[u8]| Blob::parse(bytes).is_err();
        assert!(!refused(&blob_of(0, 0)));
        assert!(!refused(&blob_of(0, PLAINTEXT_BYTES)));
        assert!(refused(&blob_of(0, PLAINTEXT_BYTES + 1)));
        assert!(refused(&blob_of(0, 0)[..95]));
        assert!(refused(&[]));
        assert!(refused(&blob_of(2, 0)));
        for i in 0..3 {
            let mut bytes = blob_of(0, 0);
            bytes[i] ^= 2;
            assert!(refused(&bytes));
        }
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(Blob::parse(&bytes).is_err());
            let mut named = blob_of(0, 0);
            named.truncate(HEADER_LEN);
            named.extend(&bytes);
            prop_assert_eq!(Blob::parse(&named).is_ok(), bytes.len() >= OVERHEAD_LEN);
        }
    }
}
