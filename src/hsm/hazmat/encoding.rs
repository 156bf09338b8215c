//! What the encodings of several primitives have in common.

use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::signature::ParsedPublicKey;

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

/// Verifies with a key that was parsed for `algorithm`; `None` if the signature
/// is not valid.
pub(super) fn verify(
    key: &ParsedPublicKey,
    algorithm: SigningAlgorithm,
    message_type: MessageType,
    message: &[u8],
    signature: &[u8],
) -> Option<()> {
    let digest = digest(algorithm, message_type, message)?;
    key.verify_digest_sig(&digest, signature).ok()
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

/// Whether `bytes` are one DER element with nothing behind it; the libraries
/// read one element and ignore what follows.
pub(in crate::hsm) fn is_one_element(bytes: &[u8]) -> bool {
    split_element(bytes).is_some_and(|(_, rest)| rest.is_empty())
}

/// The AlgorithmIdentifier of a SubjectPublicKeyInfo, without its own header.
pub(super) fn spki_algorithm(spki: &[u8]) -> Option<&[u8]> {
    let (content, rest) = split_element(spki)?;
    rest.is_empty().then_some(())?;
    Some(split_element(content)?.0)
}

/// The content of the DER element at the front (ITU-T X.690, section 8.1) and
/// what follows it. Longer ones than 65,535 bytes are none here.
fn split_element(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (len, rest) = match *first {
        short @ 0..=0x7f => (usize::from(short), rest),
        0x81 => rest.split_first().map(|(len, rest)| (usize::from(*len), rest))?,
        0x82 => {
            let (len, rest) = rest.split_first_chunk()?;
            (usize::from(u16::from_be_bytes(*len)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(len)
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn the_algorithm_comes_first() {
        assert_eq!(spki_algorithm(&[0x30, 5, 0x30, 1, 9, 3, 0]), Some(&[9][..]));
        assert_eq!(spki_algorithm(&[0x30, 5, 0x30, 1, 9, 3, 0, 0]), None);
        assert_eq!(spki_algorithm(&[0x30, 2, 0x30, 1, 9]), None);
    }
}
