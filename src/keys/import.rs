//! Imported key material: the token that an import starts with, and what an
//! import makes of a key (AWS KMS Developer Guide, "Importing key material").
//!
//! A token is stateless: the private wrapping key is inside of it, sealed by the
//! HSM and bound to the key, so that nothing has to be stored for an import
//! that may never come.

use std::sync::Arc;

use super::changes::UpdateKey;
use super::key::{Key, Material};
use super::multi_region::others;
use super::registry::Registry;
use crate::base::algorithm::WrappingAlgorithm;
use crate::base::arn::KeyArn;
use crate::base::ids::{KeyId, MaterialId};
use crate::base::secret::SecretBytes;
use crate::base::spec::{ImportType, KeySpec, KeyState, MaterialState, MultiRegionRole};
use crate::base::timestamp::DAY_MS;
use crate::hsm::{self, GeneratedKey, Hsm, Purpose};
use crate::policy::actions::Action;
use crate::policy::decision::Permit;
use crate::store::Change;

/// How long a token can be used, milliseconds. Old domain keys are kept for as
/// long, so that every token opens until its end.
pub const TOKEN_LIFETIME_MS: i64 = DAY_MS;
/// The furthest end of imported material, milliseconds from its import.
pub const EXPIRY_MAX_MS: i64 = 365 * DAY_MS;

/// Format of what a token carries: this version 1, expiry in epoch milliseconds
/// 8, wrapping algorithm 1, private wrapping key as PKCS#8.
const TOKEN_FORMAT: u8 = 1;
/// The algorithms by their number in a token. Numbers are added, never changed.
const ALGORITHMS: &[(u8, WrappingAlgorithm)] = &[
    (1, WrappingAlgorithm::RsaesOaepSha1),
    (2, WrappingAlgorithm::RsaesOaepSha256),
    (3, WrappingAlgorithm::RsaAesKeyWrapSha1),
    (4, WrappingAlgorithm::RsaAesKeyWrapSha256),
];

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `UnsupportedOperationException`.
    #[error("Wrapping algorithm {0} is not supported.")]
    Algorithm(WrappingAlgorithm),
    /// `UnsupportedOperationException`.
    #[error("Wrapping key spec {0} is not supported.")]
    WrappingSpec(KeySpec),
    /// `UnsupportedOperationException`: what the algorithm can wrap under this
    /// key is too short for material of this spec.
    #[error(
        "{algorithm} under a wrapping key of {wrapping_spec} cannot wrap key material of {spec}."
    )]
    DoesNotFit { algorithm: WrappingAlgorithm, wrapping_spec: KeySpec, spec: KeySpec },
    /// `InvalidImportTokenException`: altered, or of another key.
    #[error("the import token is not valid for this key")]
    InvalidToken,
    /// `ExpiredImportTokenException`.
    #[error("the import token has expired")]
    ExpiredToken,
    /// `InvalidCiphertextException`.
    #[error("the wrapped key material does not open")]
    Ciphertext,
    /// `IncorrectKeyMaterialException`: another length, curve or modulus.
    #[error("The key material is not valid for key spec {0}.")]
    Kind(KeySpec),
    /// `IncorrectKeyMaterialException`.
    #[error("The key material is not the key material that was imported into this KMS key before.")]
    OtherMaterial,
    /// `IncorrectKeyMaterialException`.
    #[error("The key material does not have the key material ID {0}.")]
    OtherId(MaterialId),
    /// `IncorrectKeyMaterialException`: asked to be new, and is not.
    #[error("The key material was imported into this KMS key before.")]
    NotNew,
    /// `UnsupportedOperationException`: new material comes in by the primary
    /// key.
    #[error("{0} is not a multi-region primary key.")]
    NotPrimary(KeyArn),
    /// `KMSInvalidStateException`.
    #[error(
        "New key material (id: {new}) cannot be imported into KMS key {key_id}, because another \
         key material (id: {pending}) is pending rotation."
    )]
    Pending { new: MaterialId, key_id: KeyId, pending: MaterialId },
    /// The permit is for something else: a fault of the server.
    #[error("the permit does not cover an import into the key")]
    Permit,
    #[error("the software HSM failed")]
    Hsm(#[from] hsm::Error),
}

/// Checks that material for a key of `spec` can be wrapped in this way.
///
/// # Errors
/// [`Error::WrappingSpec`], [`Error::Algorithm`], [`Error::DoesNotFit`].
pub fn check_wrapping(
    algorithm: WrappingAlgorithm,
    wrapping_spec: KeySpec,
    spec: KeySpec,
) -> Result<(), Error> {
    if wrapping_spec == KeySpec::Sm2 {
        return Err(Error::WrappingSpec(wrapping_spec));
    }
    let fits = match algorithm {
        WrappingAlgorithm::RsaesPkcs1V15 | WrappingAlgorithm::Sm2pke => {
            return Err(Error::Algorithm(algorithm));
        }
        WrappingAlgorithm::RsaAesKeyWrapSha1 | WrappingAlgorithm::RsaAesKeyWrapSha256 => true,
        WrappingAlgorithm::RsaesOaepSha1 | WrappingAlgorithm::RsaesOaepSha256 => match spec {
            KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096 => false,
            KeySpec::EccNistP521 => wrapping_spec != KeySpec::Rsa2048,
            _ => true,
        },
    };
    if fits { Ok(()) } else { Err(Error::DoesNotFit { algorithm, wrapping_spec, spec }) }
}

/// The token that goes with a wrapping key. The permit is for asking for
/// one.
///
/// # Errors
/// [`Error::Permit`], [`Error::Algorithm`]; else as the HSM answers.
pub fn seal_token(
    hsm: &Hsm,
    permit: &Permit,
    key: &Key,
    algorithm: WrappingAlgorithm,
    private: &SecretBytes,
    expires_ms: i64,
) -> Result<Vec<u8>, Error> {
    check_permit(permit, key, Action::GET_PARAMETERS_FOR_IMPORT)?;
    let number = ALGORITHMS.iter().find(|(_, known)| *known == algorithm);
    let (number, _) = number.ok_or(Error::Algorithm(algorithm))?;
    let mut content = vec![TOKEN_FORMAT];
    content.extend_from_slice(&expires_ms.to_be_bytes());
    content.push(*number);
    // Reserved at once: a buffer that grows leaves copies behind.
    let mut secret = Vec::with_capacity(content.len().saturating_add(private.len()));
    secret.extend_from_slice(&content);
    secret.extend_from_slice(private.expose());
    let secret = SecretBytes::new(secret);
    Ok(hsm.seal(Purpose::ImportToken, key.arn.to_string().as_bytes(), secret.expose())?)
}

/// Opens wrapped material with the token that goes with its wrapping key, and
/// makes it a material of `key`, which does not have it yet.
///
/// # Errors
/// [`Error::InvalidToken`], [`Error::ExpiredToken`], [`Error::Ciphertext`],
/// [`Error::Kind`], [`Error::Permit`]; else as the HSM answers.
pub fn unwrap(
    hsm: &Hsm,
    permit: &Permit,
    key: &Key,
    token: &[u8],
    wrapped: &[u8],
    now_ms: i64,
) -> Result<GeneratedKey, Error> {
    check_permit(permit, key, Action::IMPORT_KEY_MATERIAL)?;
    let (algorithm, private) = open_token(hsm, key, token, now_ms)?;
    let material =
        hsm.unwrap_material(&private, algorithm, wrapped).map_err(|error| match error {
            hsm::Error::InvalidCiphertext => Error::Ciphertext,
            other => Error::Hsm(other),
        })?;
    let arn = &key.arn;
    let imported = hsm.import_key(&arn.region, &arn.account, arn.id, key.spec, &material);
    imported.map_err(|error| match error {
        hsm::Error::KeyMaterial => Error::Kind(key.spec),
        other => Error::Hsm(other),
    })
}

fn open_token(
    hsm: &Hsm,
    key: &Key,
    token: &[u8],
    now_ms: i64,
) -> Result<(WrappingAlgorithm, SecretBytes), Error> {
    let aad = key.arn.to_string();
    let content = match hsm.unseal(Purpose::ImportToken, aad.as_bytes(), token) {
        Ok(content) => content,
        // Whatever a forgotten domain key sealed is older than any valid token.
        Err(hsm::Error::UnknownDomainKey(version)) if version < hsm.current_domain_version()? => {
            return Err(Error::ExpiredToken);
        }
        Err(hsm::Error::DamagedSecret | hsm::Error::UnknownDomainKey(_)) => {
            return Err(Error::InvalidToken);
        }
        Err(other) => return Err(Error::Hsm(other)),
    };
    let (expires_ms, algorithm, private) =
        parse_token(content.expose()).ok_or(Error::InvalidToken)?;
    if now_ms >= expires_ms {
        return Err(Error::ExpiredToken);
    }
    Ok((algorithm, SecretBytes::new(private.to_vec())))
}

fn parse_token(content: &[u8]) -> Option<(i64, WrappingAlgorithm, &[u8])> {
    let (format, rest) = content.split_first()?;
    let (expires_ms, rest) = rest.split_first_chunk()?;
    let (number, private) = rest.split_first()?;
    let (_, algorithm) = ALGORITHMS.iter().find(|(known, _)| known == number)?;
    (*format == TOKEN_FORMAT).then_some((i64::from_be_bytes(*expires_ms), *algorithm, private))
}

fn check_permit(permit: &Permit, key: &Key, action: Action) -> Result<(), Error> {
    if permit.is_for(&key.arn, &[action]) { Ok(()) } else { Err(Error::Permit) }
}

/// What the caller says of the material.
#[derive(Debug)]
pub struct Import {
    /// New material for a key that has none yet, else one it had before, if
    /// left out.
    pub kind: Option<ImportType>,
    /// Which one it must be.
    pub material_id: Option<MaterialId>,
    /// `None` keeps what is known of the material.
    pub description: Option<String>,
    /// Epoch milliseconds; `None` for never.
    pub expires_ms: Option<i64>,
}

/// Puts unwrapped material into its key. Of a multi-Region key, every related
/// key learns which materials it must have, and which have all of them.
///
/// # Errors
/// [`Error::OtherMaterial`], [`Error::OtherId`], [`Error::NotNew`],
/// [`Error::NotPrimary`], [`Error::Pending`].
pub fn import(
    registry: &Arc<Registry>,
    key: &Arc<Key>,
    imported: GeneratedKey,
    import: Import,
    now_ms: i64,
) -> Result<Vec<Box<dyn Change>>, Error> {
    let id = imported.material_id;
    let is_new = check(key, id, &import)?;
    let others = others(registry, key);
    let state = match key.find_material(id) {
        Some(known) if !known.is_pending() => known.state,
        _ if is_new && key.current_material().is_none() => MaterialState::Current,
        _ if others.iter().all(|other| other.holds(id)) => MaterialState::PendingRotation,
        _ => MaterialState::PendingMultiRegionImportAndRotation,
    };
    let row = Material {
        id,
        token: Some(imported.token),
        created_ms: now_ms,
        state,
        description: import.description,
        expires_ms: import.expires_ms,
        rotated: None,
    };
    let known = Material { token: None, description: None, expires_ms: None, ..row };
    let before = key.state;
    let mut changes: Vec<Box<dyn Change>> = vec![UpdateKey::new(registry, key, |key| {
        // What has expired counts as gone, whether or not the timer was here.
        key.state = before;
        if is_new {
            forget_pending(key);
        }
        put(key, row);
        if key.state == KeyState::PendingImport {
            key.state = key.usable_state();
        }
    })];
    for other in others {
        let held = other.find_material(id).map(|held| held.state);
        if held != Some(state) {
            changes.push(UpdateKey::new(registry, &other, |other| {
                if is_new {
                    forget_pending(other);
                }
                expect(other, known.clone());
            }));
        }
    }
    Ok(changes)
}

/// Whether the material is new to the key; refuses what may not be imported.
fn check(key: &Key, id: MaterialId, import: &Import) -> Result<bool, Error> {
    if let Some(wanted) = import.material_id.filter(|wanted| *wanted != id) {
        return Err(Error::OtherId(wanted));
    }
    let is_first = key.materials.is_empty();
    let is_replica = key.multi_region == Some(MultiRegionRole::Replica);
    let kind = import.kind.unwrap_or(match is_first && !is_replica {
        true => ImportType::New,
        false => ImportType::Existing,
    });
    match (kind, key.find_material(id)) {
        (ImportType::Existing, Some(_)) => Ok(false),
        (ImportType::Existing, None) => Err(Error::OtherMaterial),
        (ImportType::New, _) if is_replica => Err(Error::NotPrimary(key.arn.clone())),
        (ImportType::New, Some(_)) => Err(Error::NotNew),
        // A key pair and a MAC key are what they are for ever.
        (ImportType::New, None) if !is_first && key.spec != KeySpec::SymmetricDefault => {
            Err(Error::OtherMaterial)
        }
        (ImportType::New, None) => match key.pending_material() {
            None => Ok(true),
            Some(pending) => Err(Error::Pending { new: id, key_id: key.id(), pending: pending.id }),
        },
    }
}

/// New material takes the place of what waited for its rotation: that has expired, or
/// there would be no room. It has encrypted nothing.
fn forget_pending(key: &mut Key) {
    if key.pending_material().is_some() {
        key.materials.retain(|held| !held.is_pending());
        key.on_demand_ms = None;
    }
}

/// Material that is here, in place of what was known of it.
fn put(key: &mut Key, material: Material) {
    match key.materials.iter_mut().find(|held| held.id == material.id) {
        None => key.materials.push(material),
        Some(held) => {
            held.token = material.token;
            held.state = material.state;
            held.expires_ms = material.expires_ms;
            held.description = material.description.or(held.description.take());
        }
    }
}

/// Material that is somewhere else: the key must have it too, or has it already
/// and learns its state.
fn expect(key: &mut Key, material: Material) {
    match key.materials.iter_mut().find(|held| held.id == material.id) {
        None => key.materials.push(material),
        Some(held) => held.state = material.state,
    }
}

/// Deletes imported material: the key goes on knowing it, unless it only waited
/// for its rotation. Then a primary key takes it from its replicas too, and no
/// related key can rotate to what a replica lost. Nothing to delete is no change.
#[must_use]
pub fn delete(
    registry: &Arc<Registry>,
    key: &Arc<Key>,
    is_gone: impl Fn(&Material) -> bool,
) -> Vec<Box<dyn Change>> {
    let is_replica = key.multi_region == Some(MultiRegionRole::Replica);
    let here = |held: &&Material| held.token.is_some() || (held.is_pending() && !is_replica);
    let gone: Vec<&Material> =
        key.materials.iter().filter(|held| is_gone(held)).filter(here).collect();
    if gone.is_empty() {
        return Vec::new();
    }
    let is_one = |held: &Material| gone.iter().any(|gone| gone.id == held.id);
    let mut changes: Vec<Box<dyn Change>> =
        vec![UpdateKey::new(registry, key, |key| key.destroy_materials(is_one))];
    if gone.iter().any(|gone| gone.is_pending()) {
        for other in others(registry, key) {
            changes.push(UpdateKey::new(registry, &other, |other| match is_replica {
                true => other.wait_for_related_keys(is_one),
                false => {
                    other.materials.retain(|held| !held.is_pending() || !is_one(held));
                    other.on_demand_ms = None;
                }
            }));
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_algorithm_that_wraps_has_a_number_of_its_own() {
        for algorithm in WrappingAlgorithm::ALL {
            let wraps =
                check_wrapping(*algorithm, KeySpec::Rsa4096, KeySpec::SymmetricDefault).is_ok();
            assert_eq!(ALGORITHMS.iter().any(|(_, known)| known == algorithm), wraps);
        }
        let numbers: BTreeSet<u8> = ALGORITHMS.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers.len(), ALGORITHMS.len());
    }

    /// What is put in each place, byte by byte: tokens outlive an upgrade.
    #[test]
    fn the_format_of_a_token_stays() {
        let content = [1, 0, 0, 0, 0, 0, 0, 3, 232, 4, 48, 49];
        let parsed = parse_token(&content);
        let expected: &[u8] = &[48, 49];
        assert_eq!(parsed, Some((1_000, WrappingAlgorithm::RsaAesKeyWrapSha256, expected)));
        for (at, byte) in [(0, 2), (9, 0), (9, 5)] {
            let mut other = content;
            other[at] = byte;
            assert_eq!(parse_token(&other), None);
        }
    }

    proptest! {
        #[test]
        fn no_content_panics(content: Vec<u8>) {
            if let Some((expires_ms, algorithm, private)) = parse_token(&content) {
                prop_assert!(ALGORITHMS.iter().any(|(_, known)| *known == algorithm));
                prop_assert_eq!(&content[1..9], &expires_ms.to_be_bytes());
                prop_assert_eq!(&content[10..], private);
            }
        }
    }
}
