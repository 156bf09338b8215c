//! Asymmetric keys as they compute: parsed, checked, and with their public half
//! derived from the private one.
//!
//! Deliberately absent: a stored public key. Whoever can write the database
//! could swap it.

use crate::base::algorithm::{MessageType, SigningAlgorithm};
use crate::base::spec::KeySpec;

use super::hazmat::ecc::EccKey;
use super::hazmat::ed25519::Ed25519Key;
use super::hazmat::ml_dsa::MlDsaKey;
use super::hazmat::ml_kem::MlKemKey;
use super::hazmat::rsa::RsaKey;

/// An opened key. Not clonable, comparable or printable; wiped by the library
/// that holds it when it is dropped.
pub(super) enum OpenedKey {
    Rsa(RsaKey),
    Ecc(EccKey),
    Ed25519(Ed25519Key),
    MlDsa(MlDsaKey),
    MlKem(MlKemKey),
}

impl OpenedKey {
    /// The key of stored material; `None` if that is not a key of this spec, or
    /// the spec is not asymmetric.
    pub(super) fn from_material(spec: KeySpec, material: &[u8]) -> Option<Self> {
        match spec {
            KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096 => {
                RsaKey::from_pkcs8(spec, material).map(Self::Rsa)
            }
            KeySpec::EccNistP256
            | KeySpec::EccNistP384
            | KeySpec::EccNistP521
            | KeySpec::EccSecgP256k1 => EccKey::from_pkcs8(spec, material).map(Self::Ecc),
            KeySpec::EccNistEdwards25519 => Ed25519Key::from_seed(material).map(Self::Ed25519),
            KeySpec::MlDsa44 | KeySpec::MlDsa65 | KeySpec::MlDsa87 => {
                MlDsaKey::from_seed(spec, material).map(Self::MlDsa)
            }
            KeySpec::MlKem512 | KeySpec::MlKem768 | KeySpec::MlKem1024 => {
                MlKemKey::from_seed(spec, material).map(Self::MlKem)
            }
            KeySpec::SymmetricDefault
            | KeySpec::Hmac224
            | KeySpec::Hmac256
            | KeySpec::Hmac384
            | KeySpec::Hmac512
            | KeySpec::Sm2 => None,
        }
    }

    /// SubjectPublicKeyInfo.
    pub(super) fn public_key(&self) -> &[u8] {
        match self {
            Self::Rsa(key) => key.public_key(),
            Self::Ecc(key) => key.public_key(),
            Self::Ed25519(key) => key.public_key(),
            Self::MlDsa(key) => key.public_key(),
            Self::MlKem(key) => key.public_key(),
        }
    }

    /// `None` if the key does not sign like this.
    pub(super) fn sign(
        &self,
        algorithm: SigningAlgorithm,
        message_type: MessageType,
        message: &[u8],
    ) -> Option<Vec<u8>> {
        match self {
            Self::Rsa(key) => key.sign(algorithm, message_type, message),
            Self::Ecc(key) => key.sign(algorithm, message_type, message),
            Self::Ed25519(key) => match algorithm {
                SigningAlgorithm::Ed25519PhSha512 => key.sign_prehashed(message),
                _ => key.sign(message),
            },
            Self::MlDsa(key) => match message_type {
                MessageType::ExternalMu => key.sign_mu(message),
                MessageType::Raw | MessageType::Digest => key.sign(message),
            },
            Self::MlKem(_) => None,
        }
    }

    /// `None` if the signature is not valid, or the key does not sign like this.
    pub(super) fn verify(
        &self,
        algorithm: SigningAlgorithm,
        message_type: MessageType,
        message: &[u8],
        signature: &[u8],
    ) -> Option<()> {
        match self {
            Self::Rsa(key) => key.verify(algorithm, message_type, message, signature),
            Self::Ecc(key) => key.verify(algorithm, message_type, message, signature),
            Self::Ed25519(key) => match algorithm {
                SigningAlgorithm::Ed25519PhSha512 => key.verify_prehashed(message, signature),
                _ => key.verify(message, signature),
            },
            Self::MlDsa(key) => match message_type {
                MessageType::ExternalMu => key.verify_mu(message, signature),
                MessageType::Raw | MessageType::Digest => key.verify(message, signature),
            },
            Self::MlKem(_) => None,
        }
    }
}
