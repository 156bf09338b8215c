#![doc = include_str!("README.md")]

pub mod blob;
pub mod protector;

mod asymmetric;
mod audit_key;
mod backing;
mod backup;
mod cache;
mod domain;
mod envelope;
mod error;
mod hazmat;
mod key;
mod labels;
mod lines;
mod material;
mod naming;
mod opened;
mod pseudonym;
mod random;
mod reference;
mod root;
mod root_rotation;
mod self_test;
#[cfg(test)]
mod testing;
mod token;
mod trail;
mod wrapping;

pub use asymmetric::{DataKeyPair, rsa_plaintext_max};
pub use audit_key::{AuditKey, is_signed_by_audit_key};
pub use backup::{BackupKey, CHUNK_OVERHEAD_LEN, SEALED_BACKUP_KEY_LEN};
pub use domain::{PendingDomainKey, SealedDomainKey};
pub use error::Error;
pub use random::{EntropyError, EntropySource, OsEntropy};
pub use reference::ReferenceKey;
pub use root::RootKey;
pub use root_rotation::UnderRootKey;
pub use token::{ExportedKeyToken, GeneratedKey, KeyBinding};
pub use trail::TrailKey;
pub use wrapping::WrappingKey;

use std::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard};

use crate::base::context::EncryptionContext;
use crate::base::limits::PLAINTEXT_BYTES;
use crate::base::secret::SecretBytes;
use crate::base::spec::KeySpec;

use blob::Blob;
use cache::OpenedKeys;
use domain::{DomainKeys, Header};
use envelope::Fresh;
use key::Key;
use labels::Label;
use random::Random;

/// What a secret of the server's own is for. A secret sealed for one purpose
/// does not open for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A secret access key, which SigV4 needs in the clear.
    AccessKey,
    /// What a session token carries.
    SessionToken,
    /// A private key that signs the audit log.
    AuditKey,
    /// What an import token carries: a private wrapping key.
    ImportToken,
    /// What a grant token names: a key and a grant.
    GrantToken,
    /// A private key that signs digests of the trail.
    TrailKey,
}

impl Purpose {
    const fn label(self) -> Label {
        match self {
            Self::AccessKey => Label::ACCESS_KEY,
            Self::SessionToken => Label::SESSION_TOKEN,
            Self::AuditKey => Label::AUDIT_KEY,
            Self::ImportToken => Label::IMPORT_TOKEN,
            Self::GrantToken => Label::GRANT_TOKEN,
            Self::TrailKey => Label::TRAIL_KEY,
        }
    }

    /// Whether it is handed out and comes back, instead of being stored.
    const fn is_token(self) -> bool {
        match self {
            Self::SessionToken | Self::ImportToken | Self::GrantToken => true,
            Self::AccessKey | Self::AuditKey | Self::TrailKey => false,
        }
    }
}

/// The software HSM: the root key, the domain keys, the naming key, the random bit
/// generator, and the asymmetric keys used last. Everything else passes through, sealed on
/// one side.
///
/// Shared by reference between threads. The generator and the opened keys are
/// behind a mutex each, for about a microsecond a draw or a lookup.
pub struct Hsm {
    root: RootKey,
    domain: RwLock<DomainKeys>,
    names: Key,
    random: Mutex<Random<'static>>,
    opened: Mutex<OpenedKeys>,
}

/// Checked by the compiler: the server shares one `Hsm` between its threads.
const _: () = {
    const fn shared<T: Send + Sync>() {}
    shared::<Hsm>();
};

impl Hsm {
    /// A new HSM with its first domain key, number 1, which the caller stores, as
    /// it does the naming key ([`Self::seal_naming_key`]).
    ///
    /// # Errors
    /// [`Error::SelfTest`] if a primitive does not answer as it must,
    /// [`Error::Entropy`] if there is no randomness.
    pub fn initialize(
        root: RootKey,
        entropy: impl EntropySource + 'static,
    ) -> Result<(Self, SealedDomainKey), Error> {
        Self::self_test()?;
        let mut random = Random::new(entropy)?;
        let first = domain::prepare(&root, &mut random, 0)?.sealed().clone();
        let domain = DomainKeys::open(&root, std::slice::from_ref(&first))?;
        let mut names = Key::zero();
        random.fill(names.expose_mut())?;
        Ok((Self::assemble(root, domain, names, random), first))
    }

    /// The HSM with stored domain keys, in any order; the highest version
    /// becomes the current one.
    ///
    /// # Errors
    /// Those of [`Self::initialize`], and [`Error::NoDomainKey`],
    /// [`Error::WrongRootKey`], [`Error::DamagedDomainKey`], [`Error::NoNamingKey`],
    /// [`Error::DamagedNamingKey`], or [`Error::DomainKeyOutOfSequence`] if a
    /// version comes twice.
    pub fn start(
        root: RootKey,
        sealed: &[SealedDomainKey],
        naming_key: Option<&[u8]>,
        entropy: impl EntropySource + 'static,
    ) -> Result<Self, Error> {
        Self::self_test()?;
        let random = Random::new(entropy)?;
        let domain = DomainKeys::open(&root, sealed)?;
        let names = naming::open(&root, naming_key)?;
        Ok(Self::assemble(root, domain, names, random))
    }

    fn assemble(root: RootKey, domain: DomainKeys, names: Key, random: Random<'static>) -> Self {
        let (domain, random) = (RwLock::new(domain), Mutex::new(random));
        Self { root, domain, names, random, opened: Mutex::default() }
    }

    /// Known-answer tests of every primitive, a few milliseconds.
    ///
    /// # Errors
    /// [`Error::SelfTest`] naming the first that fails.
    pub fn self_test() -> Result<(), Error> {
        self_test::run()
    }

    /// The domain key version that new things are sealed under.
    ///
    /// # Errors
    /// [`Error::Poisoned`], as every method that takes a lock.
    pub fn current_domain_version(&self) -> Result<u32, Error> {
        Ok(self.domain()?.current_version())
    }

    /// Makes the next domain key without using it yet.
    ///
    /// # Errors
    /// [`Error::Entropy`].
    pub fn prepare_domain_key(&self) -> Result<PendingDomainKey, Error> {
        let current = self.current_domain_version()?;
        domain::prepare(&self.root, &mut *self.random_source()?, current)
    }

    /// Makes a prepared domain key the current one. Older ones stay, to open
    /// what they sealed.
    ///
    /// # Errors
    /// [`Error::DomainKeyOutOfSequence`] if another one was activated since it
    /// was prepared.
    pub fn activate(&self, pending: PendingDomainKey) -> Result<(), Error> {
        let Ok(mut domain) = self.domain.write() else { return Err(Error::Poisoned) };
        domain.activate(pending)
    }

    /// Drops an old domain key. What is still sealed under it can be opened
    /// only after a start that is given the key again.
    ///
    /// # Errors
    /// [`Error::DomainKeyInUse`] for the current one,
    /// [`Error::UnknownDomainKey`] if it is not loaded.
    pub fn forget_domain_key(&self, version: u32) -> Result<(), Error> {
        let Ok(mut domain) = self.domain.write() else { return Err(Error::Poisoned) };
        domain.forget(version)?;
        drop(domain);
        // Some of the opened keys may be sealed under it.
        let gone = self.opened_keys()?.clear();
        drop(gone);
        Ok(())
    }

    /// Encrypts for a caller: the answer is a [`Blob`] that names key and
    /// material, and opens only with an equal encryption context.
    ///
    /// # Errors
    /// [`Error::PlaintextTooLong`] above [`PLAINTEXT_BYTES`],
    /// [`Error::UnsupportedSpec`], [`Error::DamagedToken`],
    /// [`Error::UnknownDomainKey`], [`Error::Entropy`].
    pub fn encrypt(
        &self,
        token: &ExportedKeyToken,
        binding: &KeyBinding<'_>,
        plaintext: &[u8],
        context: &EncryptionContext,
    ) -> Result<Vec<u8>, Error> {
        if plaintext.len() > PLAINTEXT_BYTES {
            return Err(Error::PlaintextTooLong);
        }
        let key = self.open_backing_key(token, binding)?;
        let header = blob::header(binding.key_id, binding.material_id);
        let bound = context.canonical_bytes();
        envelope::seal(&key, Label::ENCRYPT, self.draw_fresh()?, &header, &bound, plaintext)
    }

    /// Decrypts what [`Self::encrypt`] made with the same key, material and
    /// encryption context.
    ///
    /// # Errors
    /// [`Error::InvalidCiphertext`] if the blob is altered, belongs to another
    /// key or material, or the context differs; which of them is not said.
    /// [`Error::UnsupportedSpec`], [`Error::DamagedToken`],
    /// [`Error::UnknownDomainKey`].
    pub fn decrypt(
        &self,
        token: &ExportedKeyToken,
        binding: &KeyBinding<'_>,
        blob: &Blob<'_>,
        context: &EncryptionContext,
    ) -> Result<SecretBytes, Error> {
        if (blob.key_id(), blob.material_id()) != (binding.key_id, binding.material_id) {
            return Err(Error::InvalidCiphertext);
        }
        let key = self.open_backing_key(token, binding)?;
        let bound = context.canonical_bytes();
        envelope::open(&key, Label::ENCRYPT, blob.header(), &bound, blob.envelope())
            .ok_or(Error::InvalidCiphertext)
    }

    /// `len` random bytes.
    ///
    /// # Errors
    /// [`Error::Entropy`].
    pub fn random(&self, len: usize) -> Result<SecretBytes, Error> {
        SecretBytes::try_fill(len, |bytes| self.fill_random(bytes))
    }

    /// Fills `out` with random bytes. On an error its content must not be used.
    ///
    /// # Errors
    /// [`Error::Entropy`].
    pub fn fill_random(&self, out: &mut [u8]) -> Result<(), Error> {
        Ok(self.random_source()?.fill(out)?)
    }

    /// Seals a secret of the server's own for one purpose, bound to `aad`.
    ///
    /// # Errors
    /// [`Error::Entropy`].
    pub fn seal(&self, purpose: Purpose, aad: &[u8], secret: &[u8]) -> Result<Vec<u8>, Error> {
        let fresh = self.draw_fresh()?;
        seal_secret(&*self.domain()?, fresh, purpose, aad, secret)
    }

    /// Opens what [`Self::seal`] made for the same purpose and `aad`.
    ///
    /// # Errors
    /// [`Error::DamagedSecret`]; [`Error::UnknownDomainKey`], also for a token from
    /// before the root key was replaced.
    pub fn unseal(
        &self,
        purpose: Purpose,
        aad: &[u8],
        sealed: &[u8],
    ) -> Result<SecretBytes, Error> {
        open_secret(&*self.domain()?, purpose, aad, sealed)
    }

    /// The same secret under the current domain key; `None` if it is there
    /// already.
    ///
    /// # Errors
    /// Those of [`Self::seal`] and [`Self::unseal`].
    pub fn reseal(
        &self,
        purpose: Purpose,
        aad: &[u8],
        sealed: &[u8],
    ) -> Result<Option<Vec<u8>>, Error> {
        let domain = self.domain()?;
        if is_current(&domain, sealed) {
            return Ok(None);
        }
        let secret = open_secret(&domain, purpose, aad, sealed)?;
        seal_secret(&domain, self.draw_fresh()?, purpose, aad, secret.expose()).map(Some)
    }

    /// The backing key for the length of one call.
    fn open_backing_key(
        &self,
        token: &ExportedKeyToken,
        binding: &KeyBinding<'_>,
    ) -> Result<Key, Error> {
        check_symmetric(binding.spec)?;
        let material = token::open(&*self.domain()?, token, binding)?;
        Key::try_from_slice(material.expose()).ok_or(Error::DamagedToken)
    }

    fn draw_fresh(&self) -> Result<Fresh, Error> {
        Ok(Fresh::draw(&mut *self.random_source()?)?)
    }

    fn domain(&self) -> Result<RwLockReadGuard<'_, DomainKeys>, Error> {
        self.domain.read().ok().ok_or(Error::Poisoned)
    }

    fn random_source(&self) -> Result<MutexGuard<'_, Random<'static>>, Error> {
        self.random.lock().ok().ok_or(Error::Poisoned)
    }
}

fn check_symmetric(spec: KeySpec) -> Result<(), Error> {
    match spec {
        KeySpec::SymmetricDefault => Ok(()),
        other => Err(Error::UnsupportedSpec(other)),
    }
}

fn is_current(domain: &DomainKeys, sealed: &[u8]) -> bool {
    Header::parse(sealed).is_some_and(|(header, _)| domain.is_current(header))
}

fn seal_secret(
    domain: &DomainKeys,
    fresh: Fresh,
    purpose: Purpose,
    aad: &[u8],
    secret: &[u8],
) -> Result<Vec<u8>, Error> {
    let (header, key) = domain.current();
    envelope::seal(key, purpose.label(), fresh, &header.to_bytes(), aad, secret)
}

fn open_secret(
    domain: &DomainKeys,
    purpose: Purpose,
    aad: &[u8],
    sealed: &[u8],
) -> Result<SecretBytes, Error> {
    let (header, envelope) = Header::parse(sealed).ok_or(Error::DamagedSecret)?;
    let key = match purpose.is_token() {
        true => domain.load_for_token(header)?,
        false => domain.load(header)?,
    };
    envelope::open(key, purpose.label(), &header.to_bytes(), aad, envelope)
        .ok_or(Error::DamagedSecret)
}

#[cfg(test)]
mod tests;
