//! The one construction that every sealed thing of this module is made of.
//!
//! A fresh 256-bit key is derived for each envelope from the parent key and a
//! random 128-bit nonce, and used for one AES-256-GCM encryption with a random
//! 96-bit IV. So the birthday limit of GCM under one key never comes near,
//! however often the parent is used.

use crate::base::secret::SecretBytes;

use super::error::Error;
use super::hazmat::{aead, kdf};
use super::key::Key;
use super::labels::Label;
use super::random::{EntropyError, Random};

/// Bytes that an envelope adds to its content: nonce 16, IV 12, tag 16.
pub(super) const OVERHEAD_LEN: usize = 44;

/// Nonce and IV of one envelope, not yet used.
pub(super) struct Fresh {
    nonce: [u8; 16],
    iv: [u8; 12],
}

impl Fresh {
    /// Draws both in one request.
    pub(super) fn draw(random: &mut Random<'_>) -> Result<Self, EntropyError> {
        let mut bytes = [0; 28];
        random.fill(&mut bytes)?;
        let mut fresh = Self { nonce: [0; 16], iv: [0; 12] };
        for (to, from) in fresh.nonce.iter_mut().chain(&mut fresh.iv).zip(bytes) {
            *to = from;
        }
        Ok(fresh)
    }
}

/// `header || nonce || IV || ciphertext || tag`. The header is readable and
/// authenticated; `bound` is authenticated but not written.
///
/// INVARIANT: for one label the header has one length, so that
/// `header || bound` can be read in one way only.
#[expect(clippy::needless_pass_by_value, reason = "taking it by value is what makes it used once")]
pub(super) fn seal(
    parent: &Key,
    label: Label,
    fresh: Fresh,
    header: &[u8],
    bound: &[u8],
    content: &[u8],
) -> Result<Vec<u8>, Error> {
    let key = kdf::derive(parent, label.as_bytes(), &fresh.nonce);
    let mut buffer = content.to_vec();
    let aad = [header, bound].concat();
    let tag = aead::seal(&key, &fresh.iv, &aad, &mut buffer).ok_or(Error::PlaintextTooLong)?;
    Ok([header, &fresh.nonce, &fresh.iv, &buffer, &tag].concat())
}

/// The content of an envelope whose header has been split off already; `None`
/// if anything differs from what was sealed.
pub(super) fn open(
    parent: &Key,
    label: Label,
    header: &[u8],
    bound: &[u8],
    envelope: &[u8],
) -> Option<SecretBytes> {
    let (nonce, rest) = envelope.split_first_chunk::<16>()?;
    let (iv, rest) = rest.split_first_chunk::<12>()?;
    let (ciphertext, tag) = rest.split_last_chunk::<16>()?;
    let key = kdf::derive(parent, label.as_bytes(), nonce);
    let aad = [header, bound].concat();
    SecretBytes::try_fill(ciphertext.len(), |buffer| {
        buffer.copy_from_slice(ciphertext);
        aead::open(&key, iv, &aad, buffer, tag).ok_or(())
    })
    .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hsm::testing::{CountingEntropy, bit_flips};

    #[test]
    fn everything_is_bound() {
        let mut random = Random::new(CountingEntropy::default()).unwrap();
        let key = Key::try_from_slice(&[1; 32]).unwrap();
        let fresh = Fresh::draw(&mut random).unwrap();
        let sealed = seal(&key, Label::ENCRYPT, fresh, b"head", b"bound", b"content").unwrap();
        let (head, body) = sealed.split_at(4);
        assert_eq!(head, b"head");
        assert_eq!(body.len(), OVERHEAD_LEN + 7);

        let open = |label, head: &[u8], bound: &[u8], body: &[u8]| {
            open(&key, label, head, bound, body).map(|secret| secret.expose().to_vec())
        };
        assert_eq!(open(Label::ENCRYPT, head, b"bound", body).as_deref(), Some(&b"content"[..]));
        assert_eq!(open(Label::BACKING_KEY, head, b"bound", body), None);
        assert_eq!(open(Label::ENCRYPT, b"Head", b"bound", body), None);
        assert_eq!(open(Label::ENCRYPT, head, b"other", body), None);
        for flipped in bit_flips(body) {
            assert_eq!(open(Label::ENCRYPT, head, b"bound", &flipped), None);
        }
        for len in 0..body.len() {
            assert_eq!(open(Label::ENCRYPT, head, b"bound", &body[..len]), None);
        }
        let other = Key::try_from_slice(&[2; 32]).unwrap();
        assert!(super::open(&other, Label::ENCRYPT, head, b"bound", body).is_none());
    }
}
