//! Cryptography with a KMS key, under a permit for exactly that key.
//!
//! The order of checks is AWS's: usage, then state, then the algorithm against
//! the spec, then the cryptography itself.

use super::key::Key;
use super::state::{StateError, StateRule};
use crate::base::arn::KeyArn;
use crate::base::context::EncryptionContext;
use crate::base::ids::MaterialId;
use crate::base::secret::SecretBytes;
use crate::base::spec::{KeySpec, KeyUsage};
use crate::hsm::blob::Blob;
use crate::hsm::{self, Hsm};
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
    #[error(transparent)]
    State(#[from] StateError),
    /// `InvalidCiphertextException`: not a ciphertext, not of this key, changed,
    /// or another encryption context.
    #[error("the ciphertext is not valid")]
    Ciphertext,
    /// The permit is for something else: a fault of the server.
    #[error("the permit does not cover this use of the key")]
    Permit,
    /// The key has no material: a fault of the server in any state that the
    /// state table lets pass.
    #[error("the key has no material")]
    NoMaterial,
    #[error("the software HSM failed")]
    Hsm(#[source] hsm::Error),
}

/// Checks that a key may be used to encrypt or decrypt by `operation`: usage,
/// state, algorithm.
///
/// # Errors
/// The first check that fails.
pub fn check_encrypt_decrypt(
    key: &Key,
    operation: &'static str,
    algorithm: &str,
) -> Result<(), Error> {
    if key.usage != KeyUsage::EncryptDecrypt {
        return Err(Error::Usage { arn: key.arn.clone(), usage: key.usage, operation });
    }
    StateRule::Use.check(key.state, &key.arn)?;
    if key.spec != KeySpec::SymmetricDefault || algorithm != SYMMETRIC_DEFAULT {
        return Err(Error::Algorithm { algorithm: algorithm.to_owned(), spec: key.spec });
    }
    Ok(())
}

/// The one encryption algorithm of symmetric keys.
pub const SYMMETRIC_DEFAULT: &str = "SYMMETRIC_DEFAULT";

/// What an encryption made.
#[derive(Debug)]
pub struct Encrypted {
    /// The self-describing ciphertext blob.
    pub blob: Vec<u8>,
    /// The material it was made with.
    pub material_id: MaterialId,
}

/// Encrypts `plaintext` under the key's current material.
///
/// # Errors
/// [`Error::Permit`] for a permit of another key or use; else as the HSM answers.
pub fn encrypt(
    hsm: &Hsm,
    permit: &Permit,
    key: &Key,
    plaintext: &[u8],
    context: &EncryptionContext,
) -> Result<Encrypted, Error> {
    check_permit(permit, key, ENCRYPTING)?;
    let material = key.current_material().ok_or(Error::NoMaterial)?;
    let token = material.token.as_ref().ok_or(Error::NoMaterial)?;
    let blob =
        hsm.encrypt(token, &key.binding(material.id), plaintext, context).map_err(Error::Hsm)?;
    Ok(Encrypted { blob, material_id: material.id })
}

/// What a decryption gave.
#[derive(Debug)]
pub struct Decrypted {
    pub plaintext: SecretBytes,
    /// The material the ciphertext was made with.
    pub material_id: MaterialId,
}

/// Decrypts a blob that was made with any material of the key.
///
/// # Errors
/// [`Error::Ciphertext`] if the blob is not this key's, was changed, or is
/// bound to another context; [`Error::Permit`] for a permit of another key or use.
pub fn decrypt(
    hsm: &Hsm,
    permit: &Permit,
    key: &Key,
    blob: &[u8],
    context: &EncryptionContext,
) -> Result<Decrypted, Error> {
    check_permit(permit, key, DECRYPTING)?;
    let blob = Blob::parse(blob).map_err(|_bad| Error::Ciphertext)?;
    let material = key.find_material(blob.material_id()).ok_or(Error::Ciphertext)?;
    let token = material.token.as_ref().ok_or(Error::NoMaterial)?;
    match hsm.decrypt(token, &key.binding(material.id), &blob, context) {
        Ok(plaintext) => Ok(Decrypted { plaintext, material_id: material.id }),
        Err(hsm::Error::InvalidCiphertext) => Err(Error::Ciphertext),
        Err(other) => Err(Error::Hsm(other)),
    }
}

/// The actions that encrypt under a key.
const ENCRYPTING: &[Action] = &[
    Action::ENCRYPT,
    Action::GENERATE_DATA_KEY,
    Action::GENERATE_DATA_KEY_WITHOUT_PLAINTEXT,
    Action::RE_ENCRYPT_TO,
];
/// The actions that open a key's ciphertexts.
const DECRYPTING: &[Action] = &[Action::DECRYPT, Action::RE_ENCRYPT_FROM];

// INVARIANT: a permit is the only road to a key: one for this key and this use.
pub(super) fn check_permit(permit: &Permit, key: &Key, uses: &[Action]) -> Result<(), Error> {
    let covered =
        permit.key() == Some(&key.arn) && uses.iter().any(|action| permit.covers(*action));
    if covered { Ok(()) } else { Err(Error::Permit) }
}
