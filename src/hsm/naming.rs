//! The naming key: what references to items and pseudonyms come from. It is made
//! once and never changes, whatever becomes of the root key, since the book is
//! asked by these names for as long as it lives.

use super::envelope::{self, Fresh};
use super::key::Key;
use super::labels::Label;
use super::random::Random;
use super::root::RootKey;
use super::{Error, Hsm};

/// Format version of a sealed naming key.
const FORMAT: u8 = 1;
/// Format 1, check id of the root key 16.
const HEADER_LEN: usize = 17;

impl Hsm {
    /// The naming key under the root key, in the form to store.
    ///
    /// # Errors
    /// [`Error::Entropy`].
    pub fn seal_naming_key(&self) -> Result<Vec<u8>, Error> {
        seal(&self.root, &mut *self.random_source()?, &self.names)
    }
}

pub(super) fn seal(root: &RootKey, random: &mut Random<'_>, names: &Key) -> Result<Vec<u8>, Error> {
    let header = header(root);
    let fresh = Fresh::draw(random)?;
    envelope::seal(root.key(), Label::NAMING_KEY, fresh, &header, &[], names.expose())
}

/// Opens a stored naming key. Every data folder has one: where it is gone, somebody
/// took it away, and nothing else may stand in for it.
pub(super) fn open(root: &RootKey, sealed: Option<&[u8]>) -> Result<Key, Error> {
    let sealed = sealed.ok_or(Error::NoNamingKey)?;
    let wanted = header(root);
    let (header, envelope) = sealed.split_at_checked(HEADER_LEN).ok_or(Error::DamagedNamingKey)?;
    if header.first() != wanted.first() {
        return Err(Error::DamagedNamingKey);
    }
    if header != wanted {
        return Err(Error::WrongRootKey);
    }
    envelope::open(root.key(), Label::NAMING_KEY, header, &[], envelope)
        .and_then(|secret| Key::try_from_slice(secret.expose()))
        .ok_or(Error::DamagedNamingKey)
}

fn header(root: &RootKey) -> Vec<u8> {
    [&[FORMAT][..], &root.check_id()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hsm::testing::{CountingEntropy, bit_flips};

    #[test]
    fn opens_under_its_root_key_only_and_unaltered() {
        let mut entropy = CountingEntropy::default();
        let (root, other) =
            (RootKey::generate(&mut entropy).unwrap(), RootKey::generate(&mut entropy).unwrap());
        let names = Key::try_from_slice(&[5; 32]).unwrap();
        let sealed = seal(&root, &mut Random::new(&mut entropy).unwrap(), &names).unwrap();
        assert_eq!(open(&root, Some(&sealed)).unwrap().expose(), names.expose());
        assert_eq!(open(&other, Some(&sealed)).err(), Some(Error::WrongRootKey));
        for flipped in bit_flips(&sealed) {
            assert!(open(&root, Some(&flipped)).is_err());
        }
        for len in 0..sealed.len() {
            assert_eq!(open(&root, Some(&sealed[..len])).err(), Some(Error::DamagedNamingKey));
        }
        assert_eq!(open(&root, None).err(), Some(Error::NoNamingKey));
    }
}
