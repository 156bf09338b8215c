//! A new root key: everything that is sealed under the old one, sealed under it.

use super::domain::{self, SealedDomainKey};
use super::naming;
use super::root::RootKey;
use super::{Error, Hsm};

/// All that a root key seals, in the forms to store.
pub struct UnderRootKey {
    /// The domain keys that there were, oldest first, and a new one behind them.
    pub domain_keys: Vec<SealedDomainKey>,
    pub naming_key: Vec<u8>,
}

impl Hsm {
    /// Seals the domain keys and the naming key under `new`, and makes one more
    /// domain key: whoever had the old root key may have opened those that there
    /// are, so what they sealed is to be resealed, and tokens under them open no
    /// more. This HSM is left as it is.
    ///
    /// # Errors
    /// [`Error::Entropy`].
    pub fn seal_under(&self, new: &RootKey) -> Result<UnderRootKey, Error> {
        let mut random = self.random_source()?;
        let domain = self.domain()?;
        let mut domain_keys = domain.seal_under(new, &mut random)?;
        let next = domain::prepare(new, &mut random, domain.current_version())?;
        domain_keys.push(next.sealed().clone());
        let naming_key = naming::seal(new, &mut random, &self.names)?;
        Ok(UnderRootKey { domain_keys, naming_key })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hsm::Purpose;
    use crate::hsm::testing::CountingEntropy;

    #[test]
    fn all_opens_under_the_new_root_key_and_nothing_under_the_old() {
        let mut entropy = CountingEntropy::default();
        let mut root = || RootKey::generate(&mut entropy).unwrap();
        let (old, new) = (root(), root());
        let (old_again, new_again) = (RootKey::from_key(copy(&old)), RootKey::from_key(copy(&new)));
        let third_root = RootKey::from_key(copy(&new));
        let (hsm, _) = Hsm::initialize(old, CountingEntropy::default()).unwrap();
        let first = hsm.seal(Purpose::AccessKey, b"", b"first").unwrap();
        hsm.activate(hsm.prepare_domain_key().unwrap()).unwrap();
        let second = hsm.seal(Purpose::AccessKey, b"", b"second").unwrap();
        let tokens = [Purpose::SessionToken, Purpose::ImportToken, Purpose::GrantToken];
        // The domain keys of before are known to whoever had the old root key.
        let forged = tokens.map(|purpose| (purpose, hsm.seal(purpose, b"", b"token").unwrap()));
        let names = |hsm: &Hsm| {
            let reference = hsm.reference_key("111122223333", "People").reference(b"key").unwrap();
            (reference, hsm.pseudonym(b"context", b"value").unwrap())
        };

        let UnderRootKey { domain_keys, naming_key } = hsm.seal_under(&new).unwrap();
        assert_eq!(domain_keys.iter().map(|key| key.version).collect::<Vec<_>>(), [1, 2, 3]);
        let start = |root, naming_key| {
            Hsm::start(root, &domain_keys, Some(naming_key), CountingEntropy::default())
        };
        assert_eq!(start(old_again, &naming_key).err(), Some(Error::WrongRootKey));
        let after = start(new, &naming_key).unwrap();
        assert_eq!(after.current_domain_version(), Ok(3));
        for (sealed, secret) in [(first, &b"first"[..]), (second, b"second")] {
            assert_eq!(after.unseal(Purpose::AccessKey, b"", &sealed).unwrap().expose(), secret);
        }
        for (purpose, token) in &forged {
            let opened = after.unseal(*purpose, b"", token);
            assert_eq!(opened.err(), Some(Error::UnknownDomainKey(2)), "{purpose:?}");
        }
        // Those of now do, and go on when domain keys rotate; so does the bar.
        let token = after.seal(Purpose::SessionToken, b"", b"token").unwrap();
        let pending = after.prepare_domain_key().unwrap();
        let mut later = domain_keys.clone();
        later.push(pending.sealed().clone());
        after.activate(pending).unwrap();
        let again =
            Hsm::start(third_root, &later, Some(&naming_key), CountingEntropy::default()).unwrap();
        for hsm in [&after, &again] {
            assert!(hsm.unseal(Purpose::SessionToken, b"", &token).is_ok());
            assert!(hsm.unseal(forged[0].0, b"", &forged[0].1).is_err());
        }
        assert_eq!(names(&after), names(&hsm));
        // The naming key of before is of the old root key.
        let stale = hsm.seal_naming_key().unwrap();
        assert_eq!(start(new_again, &stale).err(), Some(Error::WrongRootKey));
    }

    fn copy(root: &RootKey) -> crate::hsm::key::Key {
        crate::hsm::key::Key::try_from_slice(root.key().expose()).unwrap()
    }
}
