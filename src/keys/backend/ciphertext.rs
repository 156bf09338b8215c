//! The ciphertext blobs of symmetric keys: those of our HSM, and those that hold the
//! ciphertext of a remote.

use crate::base::ids::KeyId;
use crate::base::limits::CIPHERTEXT_BYTES;
use crate::hsm::blob::Blob;

/// `77 62` ("wb"), then the format version: 1 is the HSM's own.
const MAGIC: [u8; 3] = [b'w', b'b', 2];
/// Magic 3, flags 1, key id 16.
const HEADER_LEN: usize = 20;
/// Flag: what the remote sealed is a blob of our HSM.
const DOUBLE: u8 = 1;

/// A well-formed blob that says which key of ours it was made with.
#[derive(Clone, Copy, Debug)]
pub enum Ciphertext<'a> {
    /// Of a key in our HSM.
    Local(Blob<'a>),
    /// Of a key of a custom key store.
    Remote(RemoteBlob<'a>),
}

/// The ciphertext of a remote with our header. The header is not authenticated by
/// itself: the remote opens the ciphertext with the one key that the header's key
/// stands for, or not at all.
#[derive(Clone, Copy, Debug)]
pub struct RemoteBlob<'a> {
    /// Which key of ours it is of.
    pub key_id: KeyId,
    /// Whether our HSM sealed the plaintext before the remote did.
    pub is_double: bool,
    /// As the remote made it.
    pub content: &'a [u8],
}

impl<'a> Ciphertext<'a> {
    /// Reads a blob of exactly these bytes; `None` for anything else, such as the
    /// bare ciphertext of a remote.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        match RemoteBlob::parse(bytes) {
            Some(remote) => Some(Self::Remote(remote)),
            None => Blob::parse(bytes).ok().map(Self::Local),
        }
    }

    /// The key that the blob says it was made with.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        match self {
            Self::Local(blob) => blob.key_id(),
            Self::Remote(blob) => blob.key_id,
        }
    }
}

impl<'a> RemoteBlob<'a> {
    /// What a remote may make at most, bytes.
    pub const CONTENT_BYTES: usize = CIPHERTEXT_BYTES - HEADER_LEN;

    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (header, content) = bytes.split_first_chunk::<HEADER_LEN>()?;
        let ([magic @ .., flags], key_id) = header.split_first_chunk::<4>()?;
        let fits = *magic == MAGIC && *flags & !DOUBLE == 0 && content.len() <= Self::CONTENT_BYTES;
        (fits && !content.is_empty()).then_some(())?;
        // No key of a custom key store is a multi-Region key.
        let key_id = KeyId::from_bytes(key_id.try_into().ok()?, false);
        Some(Self { key_id, is_double: *flags == DOUBLE, content })
    }

    /// The bytes of a blob.
    #[must_use]
    pub fn encode(key_id: KeyId, is_double: bool, content: &[u8]) -> Vec<u8> {
        let flags = if is_double { DOUBLE } else { 0 };
        [&MAGIC[..], &[flags], key_id.as_bytes(), content].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key() -> KeyId {
        KeyId::from_bytes([3; 16], false)
    }

    #[test]
    fn every_byte_is_as_documented() {
        let bytes = RemoteBlob::encode(key(), false, b"x");
        assert_eq!(bytes, [&b"wb\x02\x00"[..], &[3; 16], b"x"].concat());
        assert_eq!(RemoteBlob::encode(key(), true, b"x")[3], 1);
    }

    #[test]
    fn is_strict() {
        let bytes = RemoteBlob::encode(key(), false, b"x");
        assert!(Ciphertext::parse(&bytes[..HEADER_LEN]).is_none());
        for at in 0..4 {
            let mut changed = bytes.clone();
            changed[at] ^= 0x42;
            assert!(Ciphertext::parse(&changed).is_none(), "{at}");
        }
        let long = vec![1; RemoteBlob::CONTENT_BYTES];
        let blob = RemoteBlob::encode(key(), false, &long);
        assert_eq!(blob.len(), CIPHERTEXT_BYTES);
        assert!(Ciphertext::parse(&blob).is_some());
        let long = vec![1; RemoteBlob::CONTENT_BYTES + 1];
        assert!(Ciphertext::parse(&RemoteBlob::encode(key(), false, &long)).is_none());
    }

    proptest! {
        #[test]
        fn gives_back_what_it_was_made_of(
            content in proptest::collection::vec(any::<u8>(), 1..500),
            is_double: bool,
        ) {
            let bytes = RemoteBlob::encode(key(), is_double, &content);
            let Some(Ciphertext::Remote(blob)) = Ciphertext::parse(&bytes) else {
                return Err(TestCaseError::fail("not read"));
            };
            prop_assert_eq!((blob.key_id, blob.is_double, blob.content), (key(), is_double, &*content));
        }

        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(Ciphertext::parse(&bytes).is_none());
        }
    }
}
