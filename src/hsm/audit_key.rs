//! The key that signs the heads of the audit log: Ed25519 (RFC 8032), made and
//! kept like the server's other secrets, and out of reach of the KMS API.

use super::hazmat::ed25519::{self, Ed25519Key};
use super::key::Key;
use super::{Error, Hsm, Purpose};

/// An opened signing key. Not clonable, comparable or printable; wiped by the
/// library that holds it when it is dropped.
pub struct AuditKey {
    key: Ed25519Key,
    public_key: [u8; 32],
}

impl AuditKey {
    fn from_seed(seed: &[u8]) -> Result<Self, Error> {
        let key = Ed25519Key::from_seed(seed).ok_or(Error::DamagedSecret)?;
        let public_key = *key.public_key().last_chunk().ok_or(Error::DamagedSecret)?;
        Ok(Self { key, public_key })
    }

    /// The public key as RFC 8032 encodes it.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        self.public_key
    }

    /// Signs.
    ///
    /// # Errors
    /// [`Error::Failed`].
    pub fn sign(&self, message: &[u8]) -> Result<[u8; 64], Error> {
        let signature = self.key.sign(message).ok_or(Error::Failed)?;
        signature.try_into().ok().ok_or(Error::Failed)
    }
}

impl Hsm {
    /// A new signing key, sealed and bound to `aad`.
    ///
    /// # Errors
    /// [`Error::Entropy`].
    pub fn generate_audit_key(&self, aad: &[u8]) -> Result<(Vec<u8>, AuditKey), Error> {
        let mut seed = Key::zero();
        self.fill_random(seed.expose_mut())?;
        let sealed = self.seal(Purpose::AuditKey, aad, seed.expose())?;
        Ok((sealed, AuditKey::from_seed(seed.expose())?))
    }

    /// Opens what [`Self::generate_audit_key`] sealed.
    ///
    /// # Errors
    /// [`Error::DamagedSecret`], [`Error::UnknownDomainKey`].
    pub fn open_audit_key(&self, aad: &[u8], sealed: &[u8]) -> Result<AuditKey, Error> {
        AuditKey::from_seed(self.unseal(Purpose::AuditKey, aad, sealed)?.expose())
    }
}

/// Whether a signature is that of an audit key over the message. Needs no HSM:
/// whoever has the public key can tell.
#[must_use]
pub fn is_signed_by_audit_key(public_key: &[u8; 32], message: &[u8], signature: &[u8]) -> bool {
    ed25519::verify(public_key, message, signature).is_some()
}
