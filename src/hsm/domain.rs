//! Domain keys: versioned, one current, the older ones open what they sealed.

use std::collections::BTreeMap;
use std::mem;

use super::envelope::{self, Fresh};
use super::error::Error;
use super::key::Key;
use super::labels::Label;
use super::random::Random;
use super::root::RootKey;

/// Format version of a sealed domain key, and of what domain keys seal.
const FORMAT: u8 = 1;
/// Format version of a sealed domain key that is older than the root key it is
/// sealed under: whoever had the one before may have opened it, too.
const OUTLIVED_FORMAT: u8 = 2;
/// Format 1, check id of the root key 16, version 4.
const SEALED_HEADER_LEN: usize = 21;

/// A domain key under the root key, in the form in which it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedDomainKey {
    /// Versions count up from 1; the highest is the current one.
    pub version: u32,
    /// Format 1, root key check id 16, version 4, envelope of 32 bytes.
    pub bytes: Vec<u8>,
}

/// A new domain key that seals nothing yet: store [`Self::sealed`] durably,
/// then hand it to `Hsm::activate`. In that order a crash can lose the new key
/// but nothing that was sealed under it.
pub struct PendingDomainKey {
    key: Key,
    sealed: SealedDomainKey,
}

impl PendingDomainKey {
    /// The key in the form to store.
    #[must_use]
    pub fn sealed(&self) -> &SealedDomainKey {
        &self.sealed
    }
}

/// The first bytes of everything that a domain key seals: format 1, version of
/// the domain key 4.
#[derive(Clone, Copy)]
pub(super) struct Header {
    version: u32,
}

impl Header {
    const LEN: usize = 5;

    pub(super) fn to_bytes(self) -> [u8; Self::LEN] {
        let [a, b, c, d] = self.version.to_be_bytes();
        [FORMAT, a, b, c, d]
    }

    /// The header, and the envelope behind it; `None` if there is none.
    pub(super) fn parse(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let ([format, version @ ..], envelope) = bytes.split_first_chunk::<{ Self::LEN }>()?;
        let version = u32::from_be_bytes(*version);
        (*format == FORMAT).then_some((Self { version }, envelope))
    }
}

/// The domain keys in memory.
pub(super) struct DomainKeys {
    version: u32,
    key: Key,
    older: BTreeMap<u32, Key>,
    /// The first version that is not older than the root key.
    first_safe: u32,
}

impl DomainKeys {
    /// Opens all of `sealed`, in any order.
    pub(super) fn open(root: &RootKey, sealed: &[SealedDomainKey]) -> Result<Self, Error> {
        let mut keys = BTreeMap::new();
        let mut first_safe = 0;
        for one in sealed {
            let (key, is_outlived) = open_one(root, one)?;
            if is_outlived {
                first_safe = one.version.saturating_add(1).max(first_safe);
            }
            if keys.insert(one.version, key).is_some() {
                return Err(Error::DomainKeyOutOfSequence(one.version));
            }
        }
        let (version, key) = keys.pop_last().ok_or(Error::NoDomainKey)?;
        Ok(Self { version, key, older: keys, first_safe })
    }

    /// What new things are sealed with.
    pub(super) fn current(&self) -> (Header, &Key) {
        (Header { version: self.version }, &self.key)
    }

    pub(super) fn current_version(&self) -> u32 {
        self.version
    }

    /// The key that a header names.
    pub(super) fn load(&self, header: Header) -> Result<&Key, Error> {
        if header.version == self.version {
            return Ok(&self.key);
        }
        self.older.get(&header.version).ok_or(Error::UnknownDomainKey(header.version))
    }

    /// The key that the header of a token names. What is stored is ours, whoever knows
    /// the key; a token that comes from outside could be made by them, if the key is
    /// older than the root key.
    pub(super) fn load_for_token(&self, header: Header) -> Result<&Key, Error> {
        match header.version < self.first_safe {
            true => Err(Error::UnknownDomainKey(header.version)),
            false => self.load(header),
        }
    }

    /// Whether a header names the current key.
    pub(super) fn is_current(&self, header: Header) -> bool {
        header.version == self.version
    }

    /// Seals all of them under another root key, which they are older than, oldest
    /// first.
    pub(super) fn seal_under(
        &self,
        root: &RootKey,
        random: &mut Random<'_>,
    ) -> Result<Vec<SealedDomainKey>, Error> {
        let current = std::iter::once((&self.version, &self.key));
        let all = self.older.iter().chain(current);
        all.map(|(version, key)| seal_one(root, random, OUTLIVED_FORMAT, *version, key)).collect()
    }

    pub(super) fn activate(&mut self, pending: PendingDomainKey) -> Result<(), Error> {
        let version = pending.sealed.version;
        if self.version.checked_add(1) != Some(version) {
            return Err(Error::DomainKeyOutOfSequence(version));
        }
        let old_version = mem::replace(&mut self.version, version);
        let old = mem::replace(&mut self.key, pending.key);
        self.older.insert(old_version, old);
        Ok(())
    }

    pub(super) fn forget(&mut self, version: u32) -> Result<(), Error> {
        if version == self.version {
            return Err(Error::DomainKeyInUse(version));
        }
        self.older.remove(&version).map(drop).ok_or(Error::UnknownDomainKey(version))
    }
}

/// A new domain key after `current`; the first one is 1.
pub(super) fn prepare(
    root: &RootKey,
    random: &mut Random<'_>,
    current: u32,
) -> Result<PendingDomainKey, Error> {
    let version = current.checked_add(1).ok_or(Error::DomainKeyOutOfSequence(current))?;
    let mut key = Key::zero();
    random.fill(key.expose_mut())?;
    let sealed = seal_one(root, random, FORMAT, version, &key)?;
    Ok(PendingDomainKey { key, sealed })
}

fn seal_one(
    root: &RootKey,
    random: &mut Random<'_>,
    format: u8,
    version: u32,
    key: &Key,
) -> Result<SealedDomainKey, Error> {
    let header = [&[format][..], &root.check_id(), &version.to_be_bytes()].concat();
    let fresh = Fresh::draw(random)?;
    let bytes = envelope::seal(root.key(), Label::DOMAIN_KEY, fresh, &header, &[], key.expose())?;
    Ok(SealedDomainKey { version, bytes })
}

/// The key, and whether it is older than the root key.
fn open_one(root: &RootKey, sealed: &SealedDomainKey) -> Result<(Key, bool), Error> {
    let damaged = Error::DamagedDomainKey(sealed.version);
    let (check_id, header, envelope) = split_sealed(sealed).ok_or(damaged.clone())?;
    if check_id != root.check_id() {
        return Err(Error::WrongRootKey);
    }
    envelope::open(root.key(), Label::DOMAIN_KEY, header, &[], envelope)
        .and_then(|secret| Key::try_from_slice(secret.expose()))
        .map(|key| (key, header.first() == Some(&OUTLIVED_FORMAT)))
        .ok_or(damaged)
}

/// Check id of the root key, whole header, envelope.
fn split_sealed(sealed: &SealedDomainKey) -> Option<([u8; 16], &[u8], &[u8])> {
    let (header, envelope) = sealed.bytes.split_at_checked(SEALED_HEADER_LEN)?;
    let (format, rest) = header.split_first()?;
    let (check_id, version) = rest.split_first_chunk::<16>()?;
    let known =
        matches!(*format, FORMAT | OUTLIVED_FORMAT) && version == sealed.version.to_be_bytes();
    known.then_some((*check_id, header, envelope))
}
