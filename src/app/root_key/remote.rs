//! Keys of AWS KMS as protectors: a remote key wraps the key-encryption key, bound
//! to the data folder, and unwraps it when the server starts.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Place;
use crate::app::error::Error;
use crate::base::algorithm::EncryptionAlgorithm;
use crate::base::context::EncryptionContext;
use crate::hsm::protector::{SealedRootKey, Wrapped, generate_kek, protect_with_remote_key};
use crate::hsm::{self, OsEntropy, RootKey};
use crate::keys::backend::OF_ROOT_KEY;
use crate::keys::backend::remote::{Failure, Remote, RemoteName, Remotes};

/// The algorithm of a symmetric key.
const ALGORITHM: EncryptionAlgorithm = EncryptionAlgorithm::SymmetricDefault;

/// The remote keys that can be asked.
#[derive(Clone, Debug)]
pub struct RemoteKeys {
    pub remotes: Arc<Remotes>,
    /// The one that a new protector is to be; not needed to open one.
    pub new: Option<NewRemoteKey>,
}

/// A remote key that is to protect the root key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRemoteKey {
    pub remote: RemoteName,
    /// The ARN of a symmetric key.
    pub key_arn: String,
}

impl RemoteKeys {
    /// Seals `root` under a key-encryption key that the remote key wraps.
    pub(super) async fn protect(
        &self,
        root: &RootKey,
        place: &Place<'_>,
    ) -> Result<SealedRootKey, Error> {
        let Some(NewRemoteKey { remote: name, key_arn }) = &self.new else {
            return Err(Error::NoRemoteKey);
        };
        let remote = self.find(name.as_str())?;
        let kek = generate_kek(&mut OsEntropy)?;
        let context = context(place);
        let asked = remote.encrypt(key_arn, ALGORITHM, kek.expose(), &context).await;
        let ciphertext = asked.map_err(|cause| failed(remote, cause))?.value;
        let wrapped = Wrapped { remote: name.to_string(), key_arn: key_arn.clone(), ciphertext };
        Ok(protect_with_remote_key(root, &kek, wrapped, &mut OsEntropy)?)
    }

    /// Opens a root key that a remote key protects.
    pub(super) async fn open(
        &self,
        sealed: &SealedRootKey,
        place: &Place<'_>,
    ) -> Result<RootKey, Error> {
        let wrapped = sealed.wrapped().ok_or(Error::RootKey(hsm::Error::WrongProtector))?;
        let Wrapped { remote: name, key_arn, ciphertext } = wrapped;
        let remote = self.find(name)?;
        let asked = remote.decrypt(key_arn, ALGORITHM, ciphertext, &context(place)).await;
        let kek = asked.map_err(|cause| failed(remote, cause))?.value;
        sealed.open_with_kek(&kek).map_err(Error::RootKey)
    }

    /// Whether these keys may open a file that somebody brings: only the key that the
    /// settings name, if they name one. A forged file names a key of who forged it.
    pub(in crate::app) fn may_open(&self, sealed: &[u8]) -> bool {
        let Some(named) = &self.new else { return true };
        let sealed = SealedRootKey::decode(sealed).ok();
        let wrapped = sealed.as_ref().and_then(SealedRootKey::wrapped);
        wrapped.is_none_or(|wrapped| wrapped.key_arn == named.key_arn)
    }

    /// The same remotes, for a new protector under the remote key of an old one.
    pub(super) fn again(&self, sealed: &SealedRootKey) -> Option<Self> {
        let wrapped = sealed.wrapped()?;
        let remote = RemoteName::parse(&wrapped.remote)?;
        let new = Some(NewRemoteKey { remote, key_arn: wrapped.key_arn.clone() });
        Some(Self { remotes: Arc::clone(&self.remotes), new })
    }

    fn find(&self, name: &str) -> Result<&Arc<Remote>, Error> {
        let found = RemoteName::parse(name).and_then(|name| self.remotes.find(&name));
        found.ok_or_else(|| Error::NoRemote(name.to_owned()))
    }
}

fn failed(remote: &Remote, failure: Failure) -> Error {
    let kind = remote.trouble(&failure);
    Error::RemoteKey { remote: remote.name().to_string(), kind, cause: failure.cause }
}

/// What the remote key is told, and its policy can ask for: `kms:EncryptionContext:`
/// and one of these names. It stands in the remote's own record of each use.
fn context(place: &Place<'_>) -> EncryptionContext {
    let pairs =
        [OF_ROOT_KEY, ("wardbook:account", place.account.as_str()), ("wardbook:log", place.log_id)];
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    EncryptionContext::new(BTreeMap::from(pairs))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::{Clock, ManualClock};

    #[test]
    fn a_file_that_somebody_brings_does_not_choose_its_key() {
        let sealed = |key_arn: &str| {
            let root = RootKey::generate(&mut OsEntropy).unwrap();
            let kek = generate_kek(&mut OsEntropy).unwrap();
            let (remote, key_arn) = ("eu".to_owned(), key_arn.to_owned());
            let wrapped = Wrapped { remote, key_arn, ciphertext: vec![1] };
            let sealed = protect_with_remote_key(&root, &kek, wrapped, &mut OsEntropy).unwrap();
            sealed.encode().into_bytes()
        };
        let ours = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        let foreign =
            "arn:aws:kms:eu-central-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(0));
        let remotes = Arc::new(Remotes::new(Vec::new(), &clock));
        let remote = RemoteName::parse("eu").unwrap();
        let new = Some(NewRemoteKey { remote, key_arn: ours.to_owned() });
        let keys = RemoteKeys { remotes: Arc::clone(&remotes), new };
        assert!(keys.may_open(&sealed(ours)));
        assert!(!keys.may_open(&sealed(foreign)));
        let keys = RemoteKeys { remotes, new: None };
        assert!(keys.may_open(&sealed(foreign)));
    }
}
