//! Cryptography with a KMS key, under a permit for exactly that key.
//!
//! The order of checks is AWS's: usage, then state, then the algorithm against
//! the spec, then the message, then the cryptography itself.
//!
//! Deliberately absent: who asks and how it is answered (`ops`), and how it is
//! computed (`hsm`).

mod agreement;
mod encapsulation;
mod encryption;
mod mac;
mod public_key;
mod signing;

pub use agreement::derive_shared_secret;
pub use encapsulation::{Encapsulated, decapsulate, encapsulate};
pub(super) use encryption::{DECRYPTING, ENCRYPTING, check_no_context, check_rsa_plaintext};
pub use encryption::{Decrypted, Encrypted, check_wrapping, decrypt, encrypt};
pub use mac::{generate_mac, verify_mac};
pub use public_key::public_key;
pub use signing::{Message, sign, verify};

use std::fmt;

use super::backend::remote::Failure;
use super::key::Key;
use super::state::{StateError, StateRule};
use crate::base::algorithm::{
    EncapsulationAlgorithm, EncryptionAlgorithm, KeyAgreementAlgorithm, MacAlgorithm, MessageType,
    SigningAlgorithm,
};
use crate::base::arn::KeyArn;
use crate::base::spec::{KeySpec, KeyUsage};
use crate::hsm::{self, ExportedKeyToken, KeyBinding};
use crate::policy::actions::Action;
use crate::policy::decision::Permit;

/// Why a key was not used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `InvalidKeyUsageException`.
    #[error("{arn} key usage is {usage} which is not valid for {operation}.")]
    Usage { arn: KeyArn, usage: KeyUsage, operation: &'static str },
    /// `InvalidKeyUsageException`.
    #[error("Algorithm {algorithm} is incompatible with key spec {spec}.")]
    Algorithm { algorithm: String, spec: KeySpec },
    /// `InvalidKeyUsageException`; AWS's text ends without a full stop.
    #[error("You cannot generate a data key with an asymmetric CMK")]
    AsymmetricDataKey,
    #[error(transparent)]
    State(#[from] StateError),
    /// `UnsupportedOperationException`: a symmetric or HMAC key.
    #[error("the key has no public key")]
    NoPublicKey,
    /// `ValidationException`.
    #[error("Message type {message_type} is incompatible with key spec {spec}.")]
    MessageTypeOfSpec { message_type: MessageType, spec: KeySpec },
    /// `ValidationException`.
    #[error("Message type {message_type} is incompatible with algorithm {algorithm}.")]
    MessageTypeOfAlgorithm { message_type: MessageType, algorithm: SigningAlgorithm },
    /// `ValidationException`.
    #[error("Digest is invalid length for algorithm {0}.")]
    DigestLength(SigningAlgorithm),
    /// `ValidationException`: RSA binds no encryption context.
    #[error("EncryptionContext is not supported with key spec {0}.")]
    Context(KeySpec),
    /// `ValidationException`.
    #[error(
        "Algorithm {algorithm} and key spec {spec} cannot encrypt data larger than {max} bytes."
    )]
    PlaintextTooLong { algorithm: EncryptionAlgorithm, spec: KeySpec, max: usize },
    /// `InvalidCiphertextException`: not a ciphertext, not of this key, changed,
    /// or another encryption context.
    #[error("the ciphertext is not valid")]
    Ciphertext,
    /// `KMSInvalidSignatureException`, whatever is wrong with it.
    #[error("the signature is not valid")]
    Signature,
    /// `KMSInvalidMacException`, whatever is wrong with it.
    #[error("the mac is not valid")]
    Mac,
    /// `ValidationException`: no public key, or not on the curve of the key.
    #[error("the public key of the peer is not valid")]
    PeerPublicKey,
    /// The permit is for something else: a fault of the server.
    #[error("the permit does not cover this use of the key")]
    Permit,
    /// The key has no material: a fault of the server in any state that the
    /// state table lets pass.
    #[error("the key has no material")]
    NoMaterial,
    #[error("the software HSM failed")]
    Hsm(#[source] hsm::Error),
    /// The custom key store's key was asked and did not do it.
    #[error(transparent)]
    Remote(#[from] Failure),
    /// `KeyUnavailableException`: the custom key store of the key or its remote is
    /// not there any more.
    #[error("the custom key store of the key has no remote")]
    NoRemote,
    /// `ValidationException`: sealed once, it does not fit into what a remote seals.
    #[error("KMS keys that are sealed twice cannot encrypt data larger than {0} bytes.")]
    DoubleTooLong(usize),
    /// `ValidationException`: what a remote key opens with this context are root keys.
    #[error("The encryption context {0}={1} is reserved for the root keys of wardbook.")]
    ReservedContext(&'static str, &'static str),
}

/// What a caller's bytes can cause gets a variant of its own; the rest is a
/// fault of the server.
impl From<hsm::Error> for Error {
    fn from(error: hsm::Error) -> Self {
        match error {
            hsm::Error::InvalidCiphertext => Self::Ciphertext,
            hsm::Error::InvalidSignature => Self::Signature,
            hsm::Error::InvalidMac => Self::Mac,
            hsm::Error::PeerPublicKey => Self::PeerPublicKey,
            other => Self::Hsm(other),
        }
    }
}

/// An algorithm, of the one key usage that it is for.
pub trait Algorithm: Copy + fmt::Display {
    /// What a key must be for to be used by such an algorithm.
    const USAGE: KeyUsage;

    /// Whether keys of this spec are used by it.
    fn fits(self, spec: KeySpec) -> bool;
}

impl Algorithm for EncryptionAlgorithm {
    const USAGE: KeyUsage = KeyUsage::EncryptDecrypt;

    fn fits(self, spec: KeySpec) -> bool {
        spec.encryption_algorithms().contains(&self)
    }
}

impl Algorithm for SigningAlgorithm {
    const USAGE: KeyUsage = KeyUsage::SignVerify;

    fn fits(self, spec: KeySpec) -> bool {
        spec.signing_algorithms().contains(&self)
    }
}

impl Algorithm for MacAlgorithm {
    const USAGE: KeyUsage = KeyUsage::GenerateVerifyMac;

    fn fits(self, spec: KeySpec) -> bool {
        spec.mac_algorithms().contains(&self)
    }
}

impl Algorithm for KeyAgreementAlgorithm {
    const USAGE: KeyUsage = KeyUsage::KeyAgreement;

    fn fits(self, spec: KeySpec) -> bool {
        spec.key_agreement_algorithms().contains(&self)
    }
}

impl Algorithm for EncapsulationAlgorithm {
    const USAGE: KeyUsage = KeyUsage::EncapsulateDecapsulate;

    fn fits(self, spec: KeySpec) -> bool {
        spec.encapsulation_algorithms().contains(&self)
    }
}

/// Checks that a key may be used by `operation` with this algorithm: usage,
/// state, algorithm.
///
/// # Errors
/// The first check that fails.
pub fn check<A: Algorithm>(key: &Key, operation: &'static str, algorithm: A) -> Result<(), Error> {
    check_usable(key, operation, A::USAGE)?;
    if !algorithm.fits(key.spec) {
        return Err(Error::Algorithm { algorithm: algorithm.to_string(), spec: key.spec });
    }
    Ok(())
}

/// The first two checks: that the key is for `usage`, and in a state in which
/// it is used.
///
/// # Errors
/// The first check that fails.
pub fn check_usable(key: &Key, operation: &'static str, usage: KeyUsage) -> Result<(), Error> {
    if key.usage != usage {
        return Err(Error::Usage { arn: key.arn.clone(), usage: key.usage, operation });
    }
    Ok(StateRule::Use.check(key.state, &key.arn)?)
}

/// The material to work with now, for one of these uses, still sealed.
fn current<'k>(
    permit: &Permit,
    key: &'k Key,
    uses: &[Action],
) -> Result<(&'k ExportedKeyToken, KeyBinding<'k>), Error> {
    check_permit(permit, key, uses)?;
    let material = key.current_material().ok_or(Error::NoMaterial)?;
    let token = material.token.as_ref().ok_or(Error::NoMaterial)?;
    Ok((token, key.binding(material.id)))
}

pub(super) fn check_permit(permit: &Permit, key: &Key, uses: &[Action]) -> Result<(), Error> {
    if permit.is_for(&key.arn, uses) { Ok(()) } else { Err(Error::Permit) }
}

#[cfg(test)]
mod tests;
