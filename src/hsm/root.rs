//! The root key: the one secret that opens all the others.

use super::error::Error;
use super::hazmat::kdf;
use super::key::Key;
use super::labels::Label;
use super::random::{EntropySource, Random};

/// 256 bits, opaque. It leaves this module only under a protector
/// ([`super::protector`]).
pub struct RootKey(Key);

impl RootKey {
    /// A new root key.
    ///
    /// # Errors
    /// [`Error::Entropy`] if there is no randomness.
    pub fn generate(entropy: &mut dyn EntropySource) -> Result<Self, Error> {
        let mut key = Key::zero();
        Random::new(entropy)?.fill(key.expose_mut())?;
        Ok(Self(key))
    }

    pub(super) fn from_key(key: Key) -> Self {
        Self(key)
    }

    pub(super) fn key(&self) -> &Key {
        &self.0
    }

    /// Tells root keys apart and tells nothing about them.
    pub(super) fn check_id(&self) -> [u8; 16] {
        check_id(&self.0, Label::ROOT_CHECK)
    }
}

/// The published half of a derivation that nothing else uses: equal for equal
/// keys, one-way, and independent of every other derived key.
pub(super) fn check_id(key: &Key, label: Label) -> [u8; 16] {
    let derived = kdf::derive(key, label.as_bytes(), &[]);
    let mut id = [0; 16];
    for (to, from) in id.iter_mut().zip(derived.expose()) {
        *to = *from;
    }
    id
}
