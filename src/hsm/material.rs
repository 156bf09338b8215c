//! Key material: the content of an exported key token.
//!
//! | spec | material |
//! |---|---|
//! | `SYMMETRIC_DEFAULT` | 32 bytes |
//! | `HMAC_*` | as many bytes as the hash has |
//! | RSA, ECC on a Weierstrass curve | PKCS#8 (RFC 5208) |
//! | `ECC_NIST_EDWARDS25519`, `ML_DSA_*` | seed, 32 bytes |
//! | `ML_KEM_*` | seed, 64 bytes |

use crate::base::secret::SecretBytes;
use crate::base::spec::KeySpec;

use super::error::Error;
use super::hazmat::{ecc, ed25519, encoding, ml_dsa, ml_kem, rsa};

/// Where material comes from.
enum Kind {
    /// Any bytes of this length are a key.
    Bytes(usize),
    /// A seed of this length, which any bytes are; it travels as PKCS#8.
    Seed(usize),
    Rsa,
    Ecc,
}

impl Kind {
    fn of(spec: KeySpec) -> Result<Self, Error> {
        Ok(match spec {
            KeySpec::SymmetricDefault | KeySpec::Hmac256 => Self::Bytes(32),
            KeySpec::Hmac224 => Self::Bytes(28),
            KeySpec::Hmac384 => Self::Bytes(48),
            KeySpec::Hmac512 => Self::Bytes(64),
            KeySpec::EccNistEdwards25519
            | KeySpec::MlDsa44
            | KeySpec::MlDsa65
            | KeySpec::MlDsa87 => Self::Seed(32),
            KeySpec::MlKem512 | KeySpec::MlKem768 | KeySpec::MlKem1024 => {
                Self::Seed(ml_kem::SEED_LEN)
            }
            KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096 => Self::Rsa,
            KeySpec::EccNistP256
            | KeySpec::EccNistP384
            | KeySpec::EccNistP521
            | KeySpec::EccSecgP256k1 => Self::Ecc,
            KeySpec::Sm2 => return Err(Error::UnsupportedSpec(spec)),
        })
    }
}

/// New material. Bytes and seeds come from `random`; the library that makes
/// RSA and ECC keys takes no generator but its own.
pub(super) fn generate(
    spec: KeySpec,
    random: impl FnOnce(&mut [u8]) -> Result<(), Error>,
) -> Result<SecretBytes, Error> {
    match Kind::of(spec)? {
        Kind::Bytes(len) | Kind::Seed(len) => SecretBytes::try_fill(len, random),
        Kind::Rsa => rsa::generate(spec).ok_or(Error::Failed),
        Kind::Ecc => ecc::generate(spec).ok_or(Error::Failed),
    }
}

/// The material of what somebody imports: raw bytes for a symmetric or HMAC
/// key, PKCS#8 for all others. Equal keys lead to equal material, except that an
/// RSA key has private keys that differ and do the same.
pub(super) fn import(spec: KeySpec, imported: &[u8]) -> Result<SecretBytes, Error> {
    let kind = Kind::of(spec)?;
    if !matches!(kind, Kind::Bytes(_)) && !encoding::is_one_element(imported) {
        return Err(Error::KeyMaterial);
    }
    let material = match kind {
        Kind::Bytes(len) => (imported.len() == len).then(|| SecretBytes::new(imported.to_vec())),
        Kind::Seed(_) => seed_from_pkcs8(spec, imported),
        Kind::Rsa => rsa::normalize(spec, imported),
        Kind::Ecc => ecc::normalize(spec, imported),
    };
    material.ok_or(Error::KeyMaterial)
}

fn seed_from_pkcs8(spec: KeySpec, pkcs8: &[u8]) -> Option<SecretBytes> {
    let key = match spec {
        KeySpec::EccNistEdwards25519 => ed25519::seed_from_pkcs8(pkcs8)?,
        KeySpec::MlDsa44 | KeySpec::MlDsa65 | KeySpec::MlDsa87 => {
            ml_dsa::seed_from_pkcs8(spec, pkcs8)?
        }
        _ => return ml_kem::seed_from_pkcs8(spec, pkcs8),
    };
    Some(SecretBytes::new(key.expose().to_vec()))
}

/// The PKCS#8 of the material of a data key pair.
pub(super) fn into_pkcs8(spec: KeySpec, material: SecretBytes) -> Result<SecretBytes, Error> {
    let document = match Kind::of(spec)? {
        Kind::Rsa | Kind::Ecc => Some(material),
        Kind::Seed(ml_kem::SEED_LEN) => ml_kem::seed_to_pkcs8(spec, material.expose()),
        Kind::Seed(_) => ed25519::seed_to_pkcs8(material.expose()),
        Kind::Bytes(_) => None,
    };
    document.ok_or(Error::UnsupportedSpec(spec))
}
