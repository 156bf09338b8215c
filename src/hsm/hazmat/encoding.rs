//! What the encodings of several primitives have in common.

use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};

use crate::base::algorithm::{MessageType, SigningAlgorithm};
use crate::base::secret::SecretBytes;
use crate::hsm::key::Key;

/// The digest that is signed: that of the message, or the message itself if it
/// is one. `None` if the algorithm signs no digest or the length is wrong.
pub(super) fn digest(
    algorithm: SigningAlgorithm,
    message_type: MessageType,
    message: &[u8],
) -> Option<Digest> {
    let hash = match algorithm.digest_len()? {
        32 => &digest::SHA256,
        48 => &digest::SHA384,
        64 => &digest::SHA512,
        _ => return None,
    };
    match message_type {
        MessageType::Raw => Some(digest::digest(hash, message)),
        MessageType::Digest => Digest::import_less_safe(message, hash).ok(),
        MessageType::ExternalMu => None,
    }
}

/// SubjectPublicKeyInfo (RFC 5280).
pub(super) fn spki(key: &impl AsDer<PublicKeyX509Der<'static>>) -> Option<Vec<u8>> {
    Some(key.as_der().ok()?.as_ref().to_vec())
}

/// A copy that is wiped; the libraries wipe theirs.
pub(super) fn secret(document: impl AsRef<[u8]>) -> SecretBytes {
    SecretBytes::new(document.as_ref().to_vec())
}

/// The seed of 32 bytes at the end of a PKCS#8 document, where the encodings of
/// Ed25519 (RFC 8410) and ML-DSA in seed form (RFC 9881) have it.
pub(super) fn seed_at_end(document: impl AsRef<[u8]>) -> Option<Key> {
    Key::try_from_slice(document.as_ref().last_chunk::<32>()?)
}

/// Whether `bytes` are one DER element with nothing behind it (X.690, 8.1.3 and
/// 10.1); the libraries read one element and ignore what follows.
pub(in crate::hsm) fn is_one_element(bytes: &[u8]) -> bool {
    let [_, first, rest @ ..] = bytes else { return false };
    let (len, content) = match *first {
        short @ 0..=0x7f => (usize::from(short), rest),
        0x81 => match rest {
            [a, content @ ..] => (usize::from(*a), content),
            [] => return false,
        },
        0x82 => match rest {
            [a, b, content @ ..] => (usize::from(u16::from_be_bytes([*a, *b])), content),
            _ => return false,
        },
        _ => return false,
    };
    content.len() == len
}

#[cfg(test)]
mod tests {
    use super::is_one_element;

    #[test]
    fn one_element_is_one_element() {
        let long = [&[0x30, 0x82, 1, 0][..], &[0; 256]].concat();
        for good in [&[0x30, 0][..], &[0x30, 1, 9], &[0x30, 0x81, 1, 9], &long] {
            assert!(is_one_element(good));
            assert!(!is_one_element(&[good, &[0]].concat()));
            assert!(!is_one_element(&good[..good.len() - 1]));
        }
        assert!(!is_one_element(&[]));
        assert!(!is_one_element(&[0x30, 0x80, 0, 0]));
        assert!(!is_one_element(&[0x30, 0x83, 0, 0, 0]));
    }
}
