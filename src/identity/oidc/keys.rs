//! The keys of an issuer: a file that may be replaced while the server runs.

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use jsonwebtoken::jwk::{
    AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyOperations, PublicKeyUse,
};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind};

use crate::base::limits;
use crate::wire::error::chain;

/// The RSA keys that are taken, bytes of the modulus.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=1_024;
const RSA: &[Algorithm] = &[
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
];

/// A file of keys that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the file cannot be read")]
    Read(#[from] io::Error),
    #[error("the file is larger than {0} bytes")]
    Large(usize),
    #[error("the file is no JSON Web Key Set")]
    Syntax(#[source] serde_json::Error),
    #[error("the file holds more than {0} keys")]
    Number(usize),
    #[error("key {0} of the file, counted from 0, is not valid")]
    Key(usize),
    #[error("two keys of the file have the same kid")]
    Twice,
    #[error("no key of the file can verify a token")]
    None,
}

/// One key, and the algorithms that it may be used with.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) key: DecodingKey,
    pub(super) algorithms: Vec<Algorithm>,
}

/// Keys by `kid`; one without has the empty name.
#[derive(Debug)]
pub(super) struct Keys(BTreeMap<String, Key>);

impl Keys {
    /// The key with this id. A token that names none is of the only key.
    pub(super) fn find(&self, kid: Option<&str>) -> Option<&Key> {
        match kid {
            Some(kid) => self.0.get(kid),
            None if self.0.len() == 1 => self.0.values().next(),
            None => None,
        }
    }

    /// Reads a JSON Web Key Set. Keys for another use and of kinds that are not
    /// known are left out (RFC 7517, section 5); one that is damaged is not.
    pub(super) fn parse(json: &[u8]) -> Result<Self, Error> {
        let set: JwkSet = serde_json::from_slice(json).map_err(Error::Syntax)?;
        if set.keys.len() > limits::JWKS_KEYS {
            return Err(Error::Number(limits::JWKS_KEYS));
        }
        let mut keys = BTreeMap::new();
        for (index, jwk) in set.keys.iter().enumerate() {
            let algorithms = algorithms(jwk);
            if algorithms.is_empty() {
                continue;
            }
            let key =
                DecodingKey::from_jwk(jwk).ok().filter(|key| has_right_size(key, &algorithms));
            let key = key.ok_or(Error::Key(index))?;
            let kid = jwk.common.key_id.clone().unwrap_or_default();
            if keys.insert(kid, Key { key, algorithms }).is_some() {
                return Err(Error::Twice);
            }
        }
        if keys.is_empty() { Err(Error::None) } else { Ok(Self(keys)) }
    }
}

/// What a key can be used with: its kind says so, and its `alg`, if it has one.
/// Symmetric keys are never taken: whoever can verify with one can sign.
fn algorithms(jwk: &Jwk) -> Vec<Algorithm> {
    let common = &jwk.common;
    let is_for_signatures =
        common.public_key_use.as_ref().is_none_or(|of| *of == PublicKeyUse::Signature)
            && common.key_operations.as_ref().is_none_or(|of| of.contains(&KeyOperations::Verify));
    if !is_for_signatures {
        return Vec::new();
    }
    let of_kind: &[Algorithm] = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => RSA,
        AlgorithmParameters::EllipticCurve(of) => match of.curve {
            EllipticCurve::P256 => &[Algorithm::ES256],
            EllipticCurve::P384 => &[Algorithm::ES384],
            _ => &[],
        },
        AlgorithmParameters::OctetKeyPair(of) => match of.curve {
            EllipticCurve::Ed25519 => &[Algorithm::EdDSA],
            _ => &[],
        },
        _ => &[],
    };
    let named = common.key_algorithm.map(Algorithm::try_from);
    let fits =
        |of: &&Algorithm| named.as_ref().is_none_or(|named| named.as_ref().ok() == Some(*of));
    of_kind.iter().filter(fits).copied().collect()
}

/// Whether the key is as long as its kind says, so that no other is meant.
fn has_right_size(key: &DecodingKey, algorithms: &[Algorithm]) -> bool {
    match key.kind() {
        DecodingKeyKind::RsaModulusExponent { n, e } => {
            let zeros = n.iter().take_while(|byte| **byte == 0).count();
            RSA_BYTES.contains(&n.len().saturating_sub(zeros)) && (1..=8).contains(&e.len())
        }
        DecodingKeyKind::SecretOrDer(point) => match algorithms.first() {
            Some(Algorithm::ES256) => point.len() == 65,
            Some(Algorithm::ES384) => point.len() == 97,
            Some(Algorithm::EdDSA) => point.len() == 32,
            _ => false,
        },
    }
}

/// A file of keys, and what was last read from it.
#[derive(Debug)]
pub(super) struct KeyFile {
    path: PathBuf,
    state: RwLock<State>,
}

#[derive(Debug)]
struct State {
    /// When the file was last looked at, epoch milliseconds.
    looked_ms: i64,
    stamp: Option<Stamp>,
    keys: Arc<Keys>,
}

/// What differs when a file has changed, or another has taken its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl KeyFile {
    pub(super) fn open(path: PathBuf, now_ms: i64) -> Result<Self, Error> {
        let (stamp, keys) = read(&path)?;
        let state = State { looked_ms: now_ms, stamp: Some(stamp), keys: Arc::new(keys) };
        Ok(Self { path, state: RwLock::new(state) })
    }

    /// The keys in force. Looks at the file if that was not done of late; one
    /// that cannot be used changes nothing.
    pub(super) fn current(&self, now_ms: i64) -> Arc<Keys> {
        let is_fresh = |state: &State| now_ms.abs_diff(state.looked_ms) < limits::JWKS_LOOK_MS;
        {
            let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
            if is_fresh(&state) {
                return Arc::clone(&state.keys);
            }
        }
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        // Somebody else may have looked meanwhile.
        if !is_fresh(&state) {
            state.looked_ms = now_ms;
            self.look(&mut state);
        }
        Arc::clone(&state.keys)
    }

    fn look(&self, state: &mut State) {
        let stamp = std::fs::metadata(&self.path).ok().as_ref().map(Stamp::of);
        if stamp == state.stamp {
            return;
        }
        // What cannot be used is said once, not at every look.
        state.stamp = stamp;
        match read(&self.path) {
            Ok((stamp, keys)) => {
                (state.stamp, state.keys) = (Some(stamp), Arc::new(keys));
                tracing::info!(path = %self.path.display(), "the keys of an issuer were read again");
            }
            Err(error) => tracing::warn!(
                path = %self.path.display(),
                cause = chain(&error),
                "the keys of an issuer cannot be used: those before stay in force"
            ),
        }
    }
}

impl Stamp {
    fn of(file: &Metadata) -> Self {
        Self {
            device: file.dev(),
            inode: file.ino(),
            size: file.size(),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
        }
    }
}

fn read(path: &PathBuf) -> Result<(Stamp, Keys), Error> {
    let file = File::open(path)?;
    let stamp = Stamp::of(&file.metadata()?);
    let mut json = Vec::new();
    let most = u64::try_from(limits::JWKS_BYTES).unwrap_or(u64::MAX);
    file.take(most.saturating_add(1)).read_to_end(&mut json)?;
    if json.len() > limits::JWKS_BYTES {
        return Err(Error::Large(limits::JWKS_BYTES));
    }
    Ok((stamp, Keys::parse(&json)?))
}
