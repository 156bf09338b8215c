//! ECDSA with DER signatures (FIPS 186-5) on P-256, P-384, P-521 and secp256k1,
//! and ECDH (NIST SP 800-56A) on the first three.

use aws_lc_rs::agreement::{self, ParsedPublicKeyFormat, UnparsedPublicKey};
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm, KeyPair, ParsedPublicKey,
};

use crate::base::algorithm::{MessageType, SigningAlgorithm};
use crate::base::secret::SecretBytes;
use crate::base::spec::KeySpec;

use super::encoding;

/// What the library calls the parts of one curve.
struct Curve {
    signing: &'static EcdsaSigningAlgorithm,
    verification: &'static EcdsaVerificationAlgorithm,
    agreement: Option<&'static agreement::Algorithm>,
}

impl Curve {
    const fn of(spec: KeySpec) -> Option<Self> {
        Some(match spec {
            KeySpec::EccNistP256 => Self {
                signing: &signature::ECDSA_P256_SHA256_ASN1_SIGNING,
                verification: &signature::ECDSA_P256_SHA256_ASN1,
                agreement: Some(&agreement::ECDH_P256),
            },
            KeySpec::EccNistP384 => Self {
                signing: &signature::ECDSA_P384_SHA384_ASN1_SIGNING,
                verification: &signature::ECDSA_P384_SHA384_ASN1,
                agreement: Some(&agreement::ECDH_P384),
            },
            KeySpec::EccNistP521 => Self {
                signing: &signature::ECDSA_P521_SHA512_ASN1_SIGNING,
                verification: &signature::ECDSA_P521_SHA512_ASN1,
                agreement: Some(&agreement::ECDH_P521),
            },
            KeySpec::EccSecgP256k1 => Self {
                signing: &signature::ECDSA_P256K1_SHA256_ASN1_SIGNING,
                verification: &signature::ECDSA_P256K1_SHA256_ASN1,
                agreement: None,
            },
            _ => return None,
        })
    }
}

/// A private key, with everything parsed that any use of it needs.
pub(in crate::hsm) struct EccKey {
    signer: EcdsaKeyPair,
    verifier: ParsedPublicKey,
    agreement: Option<agreement::PrivateKey>,
    public_key: Vec<u8>,
}

/// A new private key as PKCS#8, from the library's own generator: it takes no
/// other. `None` if the spec is no such curve or the generator fails.
pub(in crate::hsm) fn generate(spec: KeySpec) -> Option<SecretBytes> {
    let key = EcdsaKeyPair::generate(Curve::of(spec)?.signing).ok()?;
    Some(encoding::secret(key.to_pkcs8v1().ok()?))
}

/// The same key in the library's own encoding; `None` if it is not a key of
/// this spec.
pub(in crate::hsm) fn normalize(spec: KeySpec, pkcs8: &[u8]) -> Option<SecretBytes> {
    let key = EcdsaKeyPair::from_pkcs8(Curve::of(spec)?.signing, pkcs8).ok()?;
    Some(encoding::secret(key.to_pkcs8v1().ok()?))
}

impl EccKey {
    /// The key of a PKCS#8 document; `None` if it is not a key of this spec.
    pub(in crate::hsm) fn from_pkcs8(spec: KeySpec, pkcs8: &[u8]) -> Option<Self> {
        let curve = Curve::of(spec)?;
        let signer = EcdsaKeyPair::from_pkcs8(curve.signing, pkcs8).ok()?;
        let public_key = encoding::spki(signer.public_key())?;
        let verifier = ParsedPublicKey::new(curve.verification, &public_key).ok()?;
        let agreement = match curve.agreement {
            Some(curve) => Some(agreement::PrivateKey::from_private_key_der(curve, pkcs8).ok()?),
            None => None,
        };
        Some(Self { signer, verifier, agreement, public_key })
    }

    /// SubjectPublicKeyInfo with a named curve.
    pub(in crate::hsm) fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    /// A signature as DER; `s` may be in either half.
    pub(in crate::hsm) fn sign(
        &self,
        algorithm: SigningAlgorithm,
        message_type: MessageType,
        message: &[u8],
    ) -> Option<Vec<u8>> {
        let digest = encoding::digest(algorithm, message_type, message)?;
        Some(self.signer.sign_digest(&digest).ok()?.as_ref().to_vec())
    }

    /// `None` if the signature is not valid.
    pub(in crate::hsm) fn verify(
        &self,
        algorithm: SigningAlgorithm,
        message_type: MessageType,
        message: &[u8],
        signature: &[u8],
    ) -> Option<()> {
        let digest = encoding::digest(algorithm, message_type, message)?;
        self.verifier.verify_digest_sig(&digest, signature).ok()
    }

    /// Whether the curve is one for key agreement.
    pub(in crate::hsm) fn can_agree(&self) -> bool {
        self.agreement.is_some()
    }

    /// The x-coordinate of the shared point, as long as the curve's field.
    /// `None` if the peer's key is not a SubjectPublicKeyInfo of a point on the
    /// same curve.
    pub(in crate::hsm) fn agree(&self, peer: &[u8]) -> Option<SecretBytes> {
        let key = self.agreement.as_ref()?;
        encoding::is_one_element(peer).then_some(())?;
        let peer = UnparsedPublicKey::new(key.algorithm(), peer);
        let peer = agreement::ParsedPublicKey::try_from(peer).ok()?;
        // The library takes a bare point as well.
        (peer.format() == ParsedPublicKeyFormat::X509).then_some(())?;
        agreement::agree(key, peer, (), |shared| Ok(encoding::secret(shared))).ok()
    }
}
