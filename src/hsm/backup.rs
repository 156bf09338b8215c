//! The key of one backup, and the chunks that it seals: the STREAM construction
//! (Hoang, Reyhanitabar, Rogaway, Vizár, CRYPTO 2015) over AES-256-GCM, so that
//! chunks cannot be changed, moved, left out or cut off at the end.
//!
//! Deliberately absent: the file around them; `crate::backup` knows.

use super::envelope::{self, OVERHEAD_LEN};
use super::hazmat::aead;
use super::key::Key;
use super::labels::Label;
use super::{Error, Hsm, RootKey};

/// Bytes of a sealed backup key: the envelope of 32.
pub const SEALED_BACKUP_KEY_LEN: usize = OVERHEAD_LEN + 32;

/// Bytes that sealing adds to a chunk: its tag.
pub const CHUNK_OVERHEAD_LEN: usize = 16;

/// 256 random bits that seal one backup and nothing else.
///
/// INVARIANT: whoever has one that was just made seals each number once, so that
/// no IV comes twice under it.
pub struct BackupKey(Key);

impl Hsm {
    /// A new key, and its sealed form: under the root key, bound to `bound`.
    ///
    /// # Errors
    /// [`Error::Entropy`].
    pub fn generate_backup_key(&self, bound: &[u8]) -> Result<(BackupKey, Vec<u8>), Error> {
        let mut key = Key::zero();
        self.fill_random(key.expose_mut())?;
        let (root, fresh) = (self.root.key(), self.draw_fresh()?);
        let sealed = envelope::seal(root, Label::BACKUP_KEY, fresh, &[], bound, key.expose())?;
        Ok((BackupKey(key), sealed))
    }
}

impl RootKey {
    /// Opens a backup's key.
    ///
    /// # Errors
    /// [`Error::DamagedSecret`] if it was sealed under another root key, or bound
    /// to something else, or changed.
    pub fn open_backup_key(&self, bound: &[u8], sealed: &[u8]) -> Result<BackupKey, Error> {
        envelope::open(self.key(), Label::BACKUP_KEY, &[], bound, sealed)
            .and_then(|key| Key::try_from_slice(key.expose()))
            .map(BackupKey)
            .ok_or(Error::DamagedSecret)
    }
}

impl BackupKey {
    /// Seals the chunk with this number in place, and adds its tag.
    ///
    /// # Errors
    /// [`Error::PlaintextTooLong`] above 64 GiB.
    pub fn seal_chunk(&self, number: u64, is_last: bool, chunk: &mut Vec<u8>) -> Result<(), Error> {
        let tag = aead::seal(&self.0, &iv(number, is_last), &[], chunk);
        chunk.extend(tag.ok_or(Error::PlaintextTooLong)?);
        Ok(())
    }

    /// Opens the chunk in place, and takes its tag off. `None` if it is another
    /// one, or changed.
    #[must_use]
    pub fn open_chunk(&self, number: u64, is_last: bool, chunk: &mut Vec<u8>) -> Option<()> {
        let (content, tag) = chunk.split_last_chunk_mut::<CHUNK_OVERHEAD_LEN>()?;
        aead::open(&self.0, &iv(number, is_last), &[], content, tag)?;
        let length = content.len();
        chunk.truncate(length);
        Some(())
    }
}

/// `number || 0 0 0 || 1 for the last, else 0`.
fn iv(number: u64, is_last: bool) -> [u8; 12] {
    let mut iv = [0; 12];
    let end = [0, 0, 0, u8::from(is_last)];
    for (to, from) in iv.iter_mut().zip(number.to_be_bytes().into_iter().chain(end)) {
        *to = from;
    }
    iv
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::hex;
    use crate::hsm::testing::{CountingEntropy, bit_flips};

    fn hsm() -> Hsm {
        let root = RootKey::generate(&mut CountingEntropy::default()).unwrap();
        Hsm::initialize(root, CountingEntropy::default()).unwrap().0
    }

    #[test]
    fn a_chunk_opens_only_as_it_is_and_in_its_place() {
        let (key, _) = hsm().generate_backup_key(b"header").unwrap();
        let mut sealed = b"content".to_vec();
        key.seal_chunk(7, false, &mut sealed).unwrap();
        assert_eq!(sealed.len(), 7 + CHUNK_OVERHEAD_LEN);
        let open = |number, is_last, chunk: &[u8]| {
            let mut chunk = chunk.to_vec();
            key.open_chunk(number, is_last, &mut chunk).map(|()| chunk)
        };
        assert_eq!(open(7, false, &sealed).as_deref(), Some(&b"content"[..]));
        assert_eq!(open(7, true, &sealed), None);
        assert_eq!(open(6, false, &sealed), None);
        assert_eq!(open(7 << 8, false, &sealed), None);
        for flipped in bit_flips(&sealed) {
            assert_eq!(open(7, false, &flipped), None);
        }
        for length in 0..sealed.len() {
            assert_eq!(open(7, false, &sealed[..length]), None);
        }
    }

    #[test]
    fn ivs_differ_by_number_and_end() {
        assert_eq!(iv(1, false), [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
        assert_eq!(iv(u64::MAX, true), [255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 1]);
    }

    #[test]
    fn a_key_opens_under_its_root_and_header_only() {
        let hsm = hsm();
        let (key, sealed) = hsm.generate_backup_key(b"header").unwrap();
        assert_eq!(sealed.len(), SEALED_BACKUP_KEY_LEN);
        let opened = hsm.root.open_backup_key(b"header", &sealed).unwrap();
        assert_eq!(opened.0.expose(), key.0.expose());
        let open = |root: &RootKey, bound: &[u8], sealed: &[u8]| {
            root.open_backup_key(bound, sealed).map(drop)
        };
        assert_eq!(open(&hsm.root, b"heades", &sealed), Err(Error::DamagedSecret));
        for flipped in bit_flips(&sealed) {
            assert_eq!(open(&hsm.root, b"header", &flipped), Err(Error::DamagedSecret));
        }
        let other = RootKey::generate(&mut crate::hsm::OsEntropy).unwrap();
        assert_eq!(open(&other, b"header", &sealed), Err(Error::DamagedSecret));
    }

    /// What a release has written, every later one opens. Computed by another
    /// implementation of AES-GCM.
    #[test]
    fn never_changes() {
        let key = BackupKey(Key::try_from_slice(&[7; 32]).unwrap());
        let seal = |number, is_last| {
            let mut chunk = b"wardbook".to_vec();
            key.seal_chunk(number, is_last, &mut chunk).unwrap();
            hex::encode(&chunk)
        };
        assert_eq!([seal(0, false), seal(1, true)], KNOWN);
    }

    const KNOWN: [&str; 2] = [
        "16b9d6d699fd648337576756d44a11e69e1df44730235f79",
        "2ddeb39cf2611a6392225c872bd6fd76606091ed102f307c",
    ];
}
