//! The key that signs digests of the trail, as CloudTrail signs them:
//! RSASSA-PKCS1-v1_5 with SHA-256 and a modulus of 2,048 bits.

use crate::base::algorithm::{MessageType, SigningAlgorithm};
use crate::base::hex;
use crate::base::secret::SecretBytes;
use crate::base::spec::KeySpec;

use super::hazmat::hash;
use super::hazmat::rsa::{self, RsaKey};
use super::{Error, Hsm, Purpose};

const SPEC: KeySpec = KeySpec::Rsa2048;

/// A new key of the trail.
#[derive(Clone, Debug)]
pub struct TrailKey {
    /// MD5 of `public`, hex: what CloudTrail calls the key.
    pub fingerprint: String,
    /// RSAPublicKey (RFC 8017, appendix A.1.1) as DER.
    pub public: Vec<u8>,
    /// The private key, sealed and bound to `public`.
    pub sealed: Vec<u8>,
}

impl Hsm {
    /// Makes a key, which takes up to a second. It comes from the generator of
    /// its library, as all RSA keys.
    ///
    /// # Errors
    /// [`Error::Failed`], [`Error::Entropy`].
    pub fn generate_trail_key(&self) -> Result<TrailKey, Error> {
        let private = rsa::generate(SPEC).ok_or(Error::Failed)?;
        let key = open(&private).ok_or(Error::Failed)?;
        let public = key.pkcs1_public_key().to_vec();
        let sealed = self.seal(Purpose::TrailKey, &public, private.expose())?;
        Ok(TrailKey { fingerprint: hex::encode(&hash::md5(&public)), public, sealed })
    }

    /// Signs the text of a digest; the same text gives the same signature.
    ///
    /// # Errors
    /// [`Error::DamagedSecret`] if `sealed` is not the key of `public`,
    /// [`Error::UnknownDomainKey`], [`Error::Failed`].
    pub fn sign_digest(&self, public: &[u8], sealed: &[u8], text: &[u8]) -> Result<Vec<u8>, Error> {
        let private = self.unseal(Purpose::TrailKey, public, sealed)?;
        let key = open(&private).ok_or(Error::DamagedSecret)?;
        let algorithm = SigningAlgorithm::RsassaPkcs1V15Sha256;
        key.sign(algorithm, MessageType::Raw, text).ok_or(Error::Failed)
    }
}

fn open(private: &SecretBytes) -> Option<RsaKey> {
    RsaKey::from_pkcs8(SPEC, private.expose())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hsm::{OsEntropy, RootKey};

    fn hsm() -> Hsm {
        let root = RootKey::generate(&mut OsEntropy).unwrap();
        Hsm::initialize(root, OsEntropy).unwrap().0
    }

    #[test]
    fn signs_the_same_for_the_same_and_only_with_its_own_public_key() {
        let hsm = hsm();
        let key = hsm.generate_trail_key().unwrap();
        assert_eq!(key.public.len(), 270);
        assert_eq!(key.fingerprint, hex::encode(&hash::md5(&key.public)));
        let sign = |public: &[u8]| hsm.sign_digest(public, &key.sealed, b"text");
        let signature = sign(&key.public).unwrap();
        assert_eq!((signature.len(), &signature), (256, &sign(&key.public).unwrap()));
        let other = hsm.generate_trail_key().unwrap();
        assert!(matches!(sign(&other.public), Err(Error::DamagedSecret)));
        let private = hsm.unseal(Purpose::TrailKey, &key.public, &key.sealed).unwrap();
        let key = open(&private).unwrap();
        let algorithm = SigningAlgorithm::RsassaPkcs1V15Sha256;
        assert!(key.verify(algorithm, MessageType::Raw, b"text", &signature).is_some());
        assert!(key.verify(algorithm, MessageType::Raw, b"test", &signature).is_none());
    }
}
