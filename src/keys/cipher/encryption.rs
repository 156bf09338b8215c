//! Encryption and decryption, with symmetric keys and with RSA.

use super::{Error, check_permit, check_usable, current};
use crate::base::algorithm::EncryptionAlgorithm;
use crate::base::context::EncryptionContext;
use crate::base::ids::MaterialId;
use crate::base::secret::SecretBytes;
use crate::base::spec::{KeySpec, KeyUsage};
use crate::hsm::blob::Blob;
use crate::hsm::{self, Hsm};
use crate::keys::key::Key;
use crate::policy::actions::Action;
use crate::policy::decision::Permit;

/// What an encryption made.
#[derive(Debug)]
pub struct Encrypted {
    /// The self-describing ciphertext blob, or RSA's bare ciphertext.
    pub blob: Vec<u8>,
    /// The material it was made with; `None` for an asymmetric key, of which
    /// AWS tells no material, and for one that has none here.
    pub material_id: Option<MaterialId>,
}

/// Encrypts `plaintext` under the key's current material.
///
/// # Errors
/// [`Error::Permit`] for a permit of another key or use; for RSA,
/// [`Error::Context`] and [`Error::PlaintextTooLong`]; else as the HSM answers.
pub fn encrypt(
    hsm: &Hsm,
    permit: &Permit,
    key: &Key,
    algorithm: EncryptionAlgorithm,
    plaintext: &[u8],
    context: &EncryptionContext,
) -> Result<Encrypted, Error> {
    if algorithm == EncryptionAlgorithm::SymmetricDefault {
        let (blob, material_id) = seal(hsm, permit, key, plaintext, context)?;
        return Ok(Encrypted { blob, material_id: Some(material_id) });
    }
    let (token, binding) = current(permit, key, ENCRYPTING)?;
    check_rsa_plaintext(key, algorithm, plaintext, context)?;
    let blob = hsm.encrypt_rsa(token, &binding, algorithm, plaintext)?;
    Ok(Encrypted { blob, material_id: None })
}

/// What a decryption gave.
#[derive(Debug)]
pub struct Decrypted {
    pub plaintext: SecretBytes,
    /// The material the ciphertext was made with; `None` for an asymmetric key.
    pub material_id: Option<MaterialId>,
}

/// Decrypts a blob that was made with any material of a symmetric key, or what
/// anybody encrypted with an RSA key's public half.
///
/// # Errors
/// [`Error::Ciphertext`] if the blob is not this key's, was changed, or is
/// bound to another context; [`Error::Context`] for any context with RSA;
/// [`Error::Permit`] for a permit of another key or use.
pub fn decrypt(
    hsm: &Hsm,
    permit: &Permit,
    key: &Key,
    algorithm: EncryptionAlgorithm,
    blob: &[u8],
    context: &EncryptionContext,
) -> Result<Decrypted, Error> {
    if algorithm != EncryptionAlgorithm::SymmetricDefault {
        let (token, binding) = current(permit, key, DECRYPTING)?;
        check_no_context(key, context)?;
        let plaintext = hsm.decrypt_rsa(token, &binding, algorithm, blob)?;
        return Ok(Decrypted { plaintext, material_id: None });
    }
    check_permit(permit, key, DECRYPTING)?;
    let blob = Blob::parse(blob)?;
    let material = key.find_material(blob.material_id()).ok_or(Error::Ciphertext)?;
    let token = material.token.as_ref().ok_or(Error::NoMaterial)?;
    let plaintext = hsm.decrypt(token, &key.binding(material.id), &blob, context)?;
    Ok(Decrypted { plaintext, material_id: Some(material.id) })
}

/// Checks that `operation` may make data keys under a key: usage, state, and
/// that the key is symmetric.
///
/// # Errors
/// The first check that fails.
pub fn check_wrapping(key: &Key, operation: &'static str) -> Result<(), Error> {
    check_usable(key, operation, KeyUsage::EncryptDecrypt)?;
    match key.spec {
        KeySpec::SymmetricDefault => Ok(()),
        _ => Err(Error::AsymmetricDataKey),
    }
}

fn seal(
    hsm: &Hsm,
    permit: &Permit,
    key: &Key,
    plaintext: &[u8],
    context: &EncryptionContext,
) -> Result<(Vec<u8>, MaterialId), Error> {
    let (token, binding) = current(permit, key, ENCRYPTING)?;
    let blob = hsm.encrypt(token, &binding, plaintext, context)?;
    Ok((blob, binding.material_id))
}

/// Checks what is to be encrypted with an RSA key.
pub(in crate::keys) fn check_rsa_plaintext(
    key: &Key,
    algorithm: EncryptionAlgorithm,
    plaintext: &[u8],
    context: &EncryptionContext,
) -> Result<(), Error> {
    check_no_context(key, context)?;
    let spec = key.spec;
    let max = hsm::rsa_plaintext_max(spec, algorithm)
        .ok_or_else(|| Error::Algorithm { algorithm: algorithm.to_string(), spec })?;
    match plaintext.len() > max {
        true => Err(Error::PlaintextTooLong { algorithm, spec, max }),
        false => Ok(()),
    }
}

pub(in crate::keys) fn check_no_context(
    key: &Key,
    context: &EncryptionContext,
) -> Result<(), Error> {
    if context.is_empty() { Ok(()) } else { Err(Error::Context(key.spec)) }
}

/// The actions that encrypt under a key.
pub(in crate::keys) const ENCRYPTING: &[Action] = &[
    Action::ENCRYPT,
    Action::GENERATE_DATA_KEY,
    Action::GENERATE_DATA_KEY_PAIR,
    Action::GENERATE_DATA_KEY_PAIR_WITHOUT_PLAINTEXT,
    Action::GENERATE_DATA_KEY_WITHOUT_PLAINTEXT,
    Action::RE_ENCRYPT_TO,
];
/// The actions that open a key's ciphertexts.
pub(in crate::keys) const DECRYPTING: &[Action] = &[Action::DECRYPT, Action::RE_ENCRYPT_FROM];
