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
