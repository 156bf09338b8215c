//! Ed25519 and Ed25519ph (RFC 8032, FIPS 186-5). The library of the first does
//! not have the second.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, ParsedPublicKey};
use ed25519_dalek::{Signature, SigningKey};
use sha2::{Digest, Sha512};

use crate::base::secret::SecretBytes;
use crate::hsm::key::Key;

use super::encoding;

/// A private key, with everything parsed that any use of it needs.
pub(in crate::hsm) struct Ed25519Key {
    signer: Ed25519KeyPair,
    verifier: ParsedPublicKey,
    prehash_signer: Box<SigningKey>,
    public_key: Vec<u8>,
}

/// The seed of a PKCS#8 document (RFC 8410); `None` if there is none.
pub(in crate::hsm) fn seed_from_pkcs8(pkcs8: &[u8]) -> Option<Key> {
    let key = Ed25519KeyPair::from_pkcs8(pkcs8).ok()?;
    let seed = encoding::seed_at_end(key.to_pkcs8v1().ok()?)?;
    let again = Ed25519KeyPair::from_seed_unchecked(seed.expose()).ok()?;
    (again.public_key().as_ref() == key.public_key().as_ref()).then_some(seed)
}

/// PrivateKeyInfo (RFC 8410); `None` unless the seed has 32 bytes.
pub(in crate::hsm) fn seed_to_pkcs8(seed: &[u8]) -> Option<SecretBytes> {
    let seed = Key::try_from_slice(seed)?;
    let key = Ed25519KeyPair::from_seed_unchecked(seed.expose()).ok()?;
    Some(encoding::secret(key.to_pkcs8v1().ok()?))
}

impl Ed25519Key {
    /// The key of a seed; `None` unless it has 32 bytes.
    pub(in crate::hsm) fn from_seed(seed: &[u8]) -> Option<Self> {
        let seed = Key::try_from_slice(seed)?;
        let signer = Ed25519KeyPair::from_seed_unchecked(seed.expose()).ok()?;
        let public_key = encoding::spki(signer.public_key())?;
        let verifier = ParsedPublicKey::new(&ED25519, &public_key).ok()?;
        let prehash_signer = Box::new(SigningKey::from_bytes(seed.expose()));
        Some(Self { signer, verifier, prehash_signer, public_key })
    }

    /// SubjectPublicKeyInfo (RFC 8410).
    pub(in crate::hsm) fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    /// Ed25519 of the message.
    pub(in crate::hsm) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        Some(self.signer.try_sign(message).ok()?.as_ref().to_vec())
    }

    /// `None` if the signature is not valid.
    pub(in crate::hsm) fn verify(&self, message: &[u8], signature: &[u8]) -> Option<()> {
        self.verifier.verify_sig(message, signature).ok()
    }

    /// Ed25519ph of the message, which is hashed here, with an empty context.
    pub(in crate::hsm) fn sign_prehashed(&self, message: &[u8]) -> Option<Vec<u8>> {
        let hash = Sha512::new_with_prefix(message);
        Some(self.prehash_signer.sign_prehashed(hash, None).ok()?.to_bytes().to_vec())
    }

    /// `None` if the signature is not valid.
    pub(in crate::hsm) fn verify_prehashed(&self, message: &[u8], signature: &[u8]) -> Option<()> {
        let hash = Sha512::new_with_prefix(message);
        let signature = Signature::from_slice(signature).ok()?;
        self.prehash_signer.verifying_key().verify_prehashed_strict(hash, None, &signature).ok()
    }
}
