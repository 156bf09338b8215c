//! How key material comes in: wrapped under an RSA key that was made for it
//! (AWS KMS Developer Guide, "Importing key material").
//!
//! Deliberately absent: the import token. The caller seals the private wrapping
//! key into it ([`Purpose::ImportToken`](super::Purpose::ImportToken)), so that
//! nothing of an import is stored here.

use crate::base::algorithm::WrappingAlgorithm;
use crate::base::secret::SecretBytes;
use crate::base::spec::KeySpec;

use super::hazmat::key_wrap;
use super::hazmat::rsa::{self, Decrypter, OaepHash, RsaKey};
use super::{Error, Hsm};

/// An RSA key pair that wraps key material on its way here.
#[derive(Debug)]
pub struct WrappingKey {
    /// SubjectPublicKeyInfo as DER, for whoever imports.
    pub public: Vec<u8>,
    /// PrivateKeyInfo as DER, up to 2.4 KB.
    pub private: SecretBytes,
}

impl Hsm {
    /// A new wrapping key. RSA keys come from the generator of their library.
    ///
    /// # Errors
    /// [`Error::UnsupportedSpec`] if `spec` is not one of RSA,
    /// [`Error::Failed`].
    pub fn generate_wrapping_key(&self, spec: KeySpec) -> Result<WrappingKey, Error> {
        if rsa::modulus_len(spec).is_none() {
            return Err(Error::UnsupportedSpec(spec));
        }
        let private = rsa::generate(spec).ok_or(Error::Failed)?;
        let key = RsaKey::from_pkcs8(spec, private.expose()).ok_or(Error::Failed)?;
        Ok(WrappingKey { public: key.public_key().to_vec(), private })
    }

    /// The material that was wrapped under a wrapping key.
    ///
    /// # Errors
    /// [`Error::InvalidCiphertext`] whatever is wrong with it,
    /// [`Error::DamagedSecret`] if `private` is not a private wrapping key,
    /// [`Error::UnsupportedAlgorithm`] for `RSAES_PKCS1_V1_5` and `SM2PKE`.
    pub fn unwrap_material(
        &self,
        private: &SecretBytes,
        algorithm: WrappingAlgorithm,
        wrapped: &[u8],
    ) -> Result<SecretBytes, Error> {
        let key = Decrypter::from_pkcs8(private.expose()).ok_or(Error::DamagedSecret)?;
        let material = match algorithm {
            WrappingAlgorithm::RsaesOaepSha1 => key.decrypt(OaepHash::Sha1, wrapped),
            WrappingAlgorithm::RsaesOaepSha256 => key.decrypt(OaepHash::Sha256, wrapped),
            WrappingAlgorithm::RsaAesKeyWrapSha1 => unwrap_twice(&key, OaepHash::Sha1, wrapped),
            WrappingAlgorithm::RsaAesKeyWrapSha256 => unwrap_twice(&key, OaepHash::Sha256, wrapped),
            WrappingAlgorithm::RsaesPkcs1V15 | WrappingAlgorithm::Sm2pke => {
                return Err(Error::UnsupportedAlgorithm);
            }
        };
        material.ok_or(Error::InvalidCiphertext)
    }
}

/// `RSA_AES_KEY_WRAP`: an AES-256 key by OAEP, then the material by that key.
fn unwrap_twice(key: &Decrypter, hash: OaepHash, wrapped: &[u8]) -> Option<SecretBytes> {
    let (aes_key, material) = wrapped.split_at_checked(key.modulus_len())?;
    key_wrap::unwrap(key.decrypt(hash, aes_key)?.expose(), material)
}
