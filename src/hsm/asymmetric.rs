//! What asymmetric keys do, and HMAC keys, which go the same way.

use std::sync::{Arc, MutexGuard};

use crate::base::algorithm::{EncryptionAlgorithm, MacAlgorithm, MessageType, SigningAlgorithm};
use crate::base::ids::MaterialId;
use crate::base::secret::SecretBytes;
use crate::base::spec::{KeyPairSpec, KeySpec};

use super::cache::OpenedKeys;
use super::hazmat::mac;
use super::hazmat::rsa::{self, OaepHash};
use super::opened::OpenedKey;
use super::{Error, ExportedKeyToken, Hsm, KeyBinding, material, token};

/// Bytes of ML-DSA's message representative mu (FIPS 204, algorithm 7).
const MU_LEN: usize = 64;

/// A key pair for the caller, which is not stored here.
#[derive(Debug)]
pub struct DataKeyPair {
    /// PrivateKeyInfo as DER (PKCS#8, RFC 5208), ML-KEM in seed form.
    pub private: SecretBytes,
    /// SubjectPublicKeyInfo as DER (RFC 5280).
    pub public: Vec<u8>,
}

/// The longest plaintext in bytes that `algorithm` encrypts with a key of this
/// spec (RFC 8017, section 7.1.1); `None` if they do not go together, or the
/// algorithm is not one of RSA.
#[must_use]
pub const fn rsa_plaintext_max(spec: KeySpec, algorithm: EncryptionAlgorithm) -> Option<usize> {
    match (rsa::modulus_len(spec), oaep_hash(algorithm)) {
        (Some(modulus_len), Some(hash)) => Some(hash.plaintext_max(modulus_len)),
        _ => None,
    }
}

const fn oaep_hash(algorithm: EncryptionAlgorithm) -> Option<OaepHash> {
    match algorithm {
        EncryptionAlgorithm::RsaesOaepSha1 => Some(OaepHash::Sha1),
        EncryptionAlgorithm::RsaesOaepSha256 => Some(OaepHash::Sha256),
        EncryptionAlgorithm::Sm2pke | EncryptionAlgorithm::SymmetricDefault => None,
    }
}

/// Every method here can answer [`Error::DamagedToken`],
/// [`Error::UnknownDomainKey`], and [`Error::UnsupportedSpec`] if keys of the
/// binding's spec do not do such a thing.
impl Hsm {
    /// SubjectPublicKeyInfo as DER (RFC 5280), derived from the private key.
    ///
    /// # Errors
    /// Those of all methods here.
    pub fn public_key(
        &self,
        token: &ExportedKeyToken,
        binding: &KeyBinding<'_>,
    ) -> Result<Vec<u8>, Error> {
        Ok(self.open_asymmetric(token, binding)?.public_key().to_vec())
    }

    /// Encrypts by RSA-OAEP with MGF1 of the same hash and an empty label. The
    /// ciphertext is as long as the modulus and names no key.
    ///
    /// # Errors
    /// [`Error::PlaintextTooLong`] above [`rsa_plaintext_max`],
    /// [`Error::UnsupportedAlgorithm`], and those of all methods here.
    pub fn encrypt_rsa(
        &self,
        token: &ExportedKeyToken,
        binding: &KeyBinding<'_>,
        algorithm: EncryptionAlgorithm,
        plaintext: &[u8],
    ) -> Result<Vec<u8>, Error> {
        let hash = oaep_hash(algorithm).ok_or(Error::UnsupportedAlgorithm)?;
        let OpenedKey::Rsa(key) = &*self.open_asymmetric(token, binding)? else {
            return Err(Error::UnsupportedSpec(binding.spec));
        };
        if Some(plaintext.len()) > rsa_plaintext_max(binding.spec, algorithm) {
            return Err(Error::PlaintextTooLong);
        }
        key.encrypt(hash, plaintext).ok_or(Error::Failed)
    }

    /// Decrypts what [`Self::encrypt_rsa`] made, or anybody who has the public
    /// key.
    ///
    /// # Errors
    /// [`Error::InvalidCiphertext`] whatever is wrong with the ciphertext,
    /// [`Error::UnsupportedAlgorithm`], and those of all methods here.
    pub fn decrypt_rsa(
        &self,
        token: &ExportedKeyToken,
        binding: &KeyBinding<'_>,
        algorithm: EncryptionAlgorithm,
        ciphertext: &[u8],
    ) -> Result<SecretBytes, Error> {
        let hash = oaep_hash(algorithm).ok_or(Error::UnsupportedAlgorithm)?;
        let OpenedKey::Rsa(key) = &*self.open_asymmetric(token, binding)? else {
            return Err(Error::UnsupportedSpec(binding.spec));
        };
        key.decrypt(hash, ciphertext).ok_or(Error::InvalidCiphertext)
    }

    /// Signs. ECDSA signatures are DER with `s` in either half. A digest for
    /// `ED25519_PH_SHA_512` is the message of Ed25519ph, which hashes it once
    /// more. ML-DSA is hedged for a message and deterministic for an external mu.
    ///
    /// # Errors
    /// [`Error::UnsupportedAlgorithm`] if algorithm, message type or digest
    /// length do not go with the key, and those of all methods here.
    pub fn sign(
        &self,
        token: &ExportedKeyToken,
        binding: &KeyBinding<'_>,
        algorithm: SigningAlgorithm,
        message_type: MessageType,
        message: &[u8],
    ) -> Result<Vec<u8>, Error> {
        check_message(binding.spec, algorithm, message_type, message)?;
        let key = self.open_asymmetric(token, binding)?;
        key.sign(algorithm, message_type, message).ok_or(Error::Failed)
    }

    /// Verifies a signature of [`Self::sign`].
    ///
    /// # Errors
    /// [`Error::InvalidSignature`] whatever is wrong with it, and those of
    /// [`Self::sign`].
    pub fn verify(
        &self,
        token: &ExportedKeyToken,
        binding: &KeyBinding<'_>,
        algorithm: SigningAlgorithm,
        message_type: MessageType,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), Error> {
        check_message(binding.spec, algorithm, message_type, message)?;
        let key = self.open_asymmetric(token, binding)?;
        key.verify(algorithm, message_type, message, signature).ok_or(Error::InvalidSignature)
    }

    /// The HMAC of a message, as long as the hash.
    ///
    /// # Errors
    /// [`Error::UnsupportedAlgorithm`] if it is not the one of the key's spec,
    /// and those of all methods here.
    pub fn mac(
        &self,
        token: &ExportedKeyToken,
        binding: &KeyBinding<'_>,
        algorithm: MacAlgorithm,
        message: &[u8],
    ) -> Result<Vec<u8>, Error> {
        if !binding.spec.mac_algorithms().contains(&algorithm) {
            return Err(Error::UnsupportedAlgorithm);
        }
        let material = token::open(&*self.domain()?, token, binding)?;
        mac::mac(algorithm, material.expose(), message).ok_or(Error::Failed)
    }

    /// Verifies an HMAC in a time that depends on the lengths only.
    ///
    /// # Errors
    /// [`Error::InvalidMac`], and those of [`Self::mac`].
    pub fn verify_mac(
        &self,
        token: &ExportedKeyToken,
        binding: &KeyBinding<'_>,
        algorithm: MacAlgorithm,
        message: &[u8],
        mac: &[u8],
    ) -> Result<(), Error> {
        let computed = SecretBytes::new(self.mac(token, binding, algorithm, message)?);
        if computed.ct_eq(mac) { Ok(()) } else { Err(Error::InvalidMac) }
    }

    /// ECDH with the other side's SubjectPublicKeyInfo: the x-coordinate of the
    /// shared point, 32, 48 or 66 bytes.
    ///
    /// # Errors
    /// [`Error::PeerPublicKey`] if it is no point on the curve of the key, and
    /// those of all methods here.
    pub fn derive_shared_secret(
        &self,
        token: &ExportedKeyToken,
        binding: &KeyBinding<'_>,
        peer: &[u8],
    ) -> Result<SecretBytes, Error> {
        match &*self.open_asymmetric(token, binding)? {
            OpenedKey::Ecc(key) if key.can_agree() => key.agree(peer).ok_or(Error::PeerPublicKey),
            _ => Err(Error::UnsupportedSpec(binding.spec)),
        }
    }

    /// A new ML-KEM shared secret of 32 bytes, and the ciphertext that leads to
    /// it: 768, 1,088 or 1,568 bytes.
    ///
    /// # Errors
    /// Those of all methods here.
    pub fn encapsulate(
        &self,
        token: &ExportedKeyToken,
        binding: &KeyBinding<'_>,
    ) -> Result<(SecretBytes, Vec<u8>), Error> {
        let OpenedKey::MlKem(key) = &*self.open_asymmetric(token, binding)? else {
            return Err(Error::UnsupportedSpec(binding.spec));
        };
        key.encapsulate().ok_or(Error::Failed)
    }

    /// The shared secret of a ciphertext. For one that was not made with this
    /// key it is random, and always the same (implicit rejection, FIPS 203,
    /// section 6.3).
    ///
    /// # Errors
    /// [`Error::InvalidCiphertext`] for a wrong length, and those of all methods
    /// here.
    pub fn decapsulate(
        &self,
        token: &ExportedKeyToken,
        binding: &KeyBinding<'_>,
        ciphertext: &[u8],
    ) -> Result<SecretBytes, Error> {
        let OpenedKey::MlKem(key) = &*self.open_asymmetric(token, binding)? else {
            return Err(Error::UnsupportedSpec(binding.spec));
        };
        key.decapsulate(ciphertext).ok_or(Error::InvalidCiphertext)
    }

    /// A new key pair for the caller.
    ///
    /// # Errors
    /// [`Error::UnsupportedSpec`] for `SM2`, [`Error::Entropy`],
    /// [`Error::Failed`].
    pub fn generate_data_key_pair(&self, spec: KeyPairSpec) -> Result<DataKeyPair, Error> {
        let spec = spec.key_spec();
        let material = self.generate_material(spec)?;
        let key = OpenedKey::from_material(spec, material.expose()).ok_or(Error::Failed)?;
        let public = key.public_key().to_vec();
        Ok(DataKeyPair { private: material::into_pkcs8(spec, material)?, public })
    }

    /// Wipes what is held in memory of one material, under every Region that it
    /// was used in. Call it when the material is deleted.
    ///
    /// # Errors
    /// [`Error::Poisoned`].
    pub fn forget_key(&self, material_id: MaterialId) -> Result<(), Error> {
        let gone = self.opened_keys()?.forget(material_id);
        drop(gone);
        Ok(())
    }

    /// The key of a token, from memory if it is there. Neither lock is held
    /// while the key is parsed, nor when it is used.
    fn open_asymmetric(
        &self,
        token: &ExportedKeyToken,
        binding: &KeyBinding<'_>,
    ) -> Result<Arc<OpenedKey>, Error> {
        if !binding.spec.is_asymmetric() {
            return Err(Error::UnsupportedSpec(binding.spec));
        }
        let name = token::opened_name(token, binding);
        let found = self.opened_keys()?.find(&name);
        let since = match found {
            Ok(key) => return Ok(key),
            Err(since) => since,
        };
        let material = token::open(&*self.domain()?, token, binding)?;
        let key = OpenedKey::from_material(binding.spec, material.expose());
        let key = Arc::new(key.ok_or(Error::DamagedToken)?);
        let gone = self.opened_keys()?.keep(since, name, binding.material_id, Arc::clone(&key));
        drop(gone);
        Ok(key)
    }

    pub(super) fn opened_keys(&self) -> Result<MutexGuard<'_, OpenedKeys>, Error> {
        self.opened.lock().ok().ok_or(Error::Poisoned)
    }
}

/// Whether a key of `spec` signs such a message by `algorithm`.
fn check_message(
    spec: KeySpec,
    algorithm: SigningAlgorithm,
    message_type: MessageType,
    message: &[u8],
) -> Result<(), Error> {
    let fits = match message_type {
        MessageType::Raw => algorithm != SigningAlgorithm::Ed25519PhSha512,
        MessageType::Digest => algorithm.digest_len() == Some(message.len()),
        MessageType::ExternalMu => {
            algorithm == SigningAlgorithm::MlDsaShake256 && message.len() == MU_LEN
        }
    };
    if fits && spec.signing_algorithms().contains(&algorithm) {
        Ok(())
    } else {
        Err(Error::UnsupportedAlgorithm)
    }
}
