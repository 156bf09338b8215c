//! Signatures.

use super::{Error, current};
use crate::base::algorithm::{MessageType, SigningAlgorithm};
use crate::hsm::Hsm;
use crate::keys::key::Key;
use crate::policy::actions::Action;
use crate::policy::decision::Permit;

/// What is signed, and how.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    pub algorithm: SigningAlgorithm,
    pub kind: MessageType,
    pub bytes: &'a [u8],
}

/// Signs a message.
///
/// # Errors
/// [`Error::MessageTypeOfSpec`], [`Error::MessageTypeOfAlgorithm`] or
/// [`Error::DigestLength`] if the message is not one for the algorithm;
/// [`Error::Permit`] for a permit of another key or use.
pub fn sign(hsm: &Hsm, permit: &Permit, key: &Key, message: Message<'_>) -> Result<Vec<u8>, Error> {
    let (token, binding) = current(permit, key, &[Action::SIGN])?;
    message.check(key)?;
    let Message { algorithm, kind, bytes } = message;
    Ok(hsm.sign(token, &binding, algorithm, kind, bytes)?)
}

/// Verifies a signature.
///
/// # Errors
/// Those of [`sign`], and [`Error::Signature`].
pub fn verify(
    hsm: &Hsm,
    permit: &Permit,
    key: &Key,
    message: Message<'_>,
    signature: &[u8],
) -> Result<(), Error> {
    let (token, binding) = current(permit, key, &[Action::VERIFY])?;
    message.check(key)?;
    let Message { algorithm, kind, bytes } = message;
    Ok(hsm.verify(token, &binding, algorithm, kind, bytes, signature)?)
}

/// Bytes of ML-DSA's message representative mu (FIPS 204, section 6.2).
const MU_LEN: usize = 64;

impl Message<'_> {
    /// Checks the kind of the message against the algorithm, and the length of
    /// what was hashed already.
    pub(in crate::keys) fn check(&self, key: &Key) -> Result<(), Error> {
        use SigningAlgorithm::{Ed25519PhSha512, Ed25519Sha512, MlDsaShake256};
        let Self { algorithm, kind, bytes } = *self;
        let of_spec = Err(Error::MessageTypeOfSpec { message_type: kind, spec: key.spec });
        let of_algorithm = Err(Error::MessageTypeOfAlgorithm { message_type: kind, algorithm });
        let wanted = match (kind, algorithm) {
            (MessageType::Raw, Ed25519PhSha512) | (MessageType::Digest, Ed25519Sha512) => {
                return of_algorithm;
            }
            (MessageType::Raw, _) => return Ok(()),
            (MessageType::Digest, MlDsaShake256) => return of_spec,
            (MessageType::Digest, _) => algorithm.digest_len(),
            (MessageType::ExternalMu, MlDsaShake256) => Some(MU_LEN),
            (MessageType::ExternalMu, _) => return of_spec,
        };
        if wanted == Some(bytes.len()) { Ok(()) } else { Err(Error::DigestLength(algorithm)) }
    }
}
