//! Which key file, passphrase or remote key opens the root key.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::flags::NewProtectorFlags;
use super::layer::Layer;
use super::{Error, passphrase};
use crate::app::{NewRemoteKey, RemoteKeys, RootKeySource};
use crate::base::arn::Arn;
use crate::keys::backend::remote::{RemoteName, Remotes};

/// Where what opens the root key is found.
#[derive(Debug, PartialEq, Eq)]
pub enum RootKeySetting {
    KeyFile(PathBuf),
    PassphraseFile(PathBuf),
    PassphraseDescriptor(u32),
    /// Asked for on the terminal.
    PassphraseTerminal,
    /// The remote keys that the folder names; the one that protects a new root key,
    /// if it is said.
    AwsKms(Option<NewRemoteKey>),
}

impl RootKeySetting {
    pub(super) fn of(settings: &Layer, data: &Path) -> Result<Self, Error> {
        let by_descriptor = settings.passphrase_fd.map(Self::PassphraseDescriptor);
        let by_file = || settings.passphrase_file.clone().map(Self::PassphraseFile);
        let passphrase = by_descriptor.or_else(by_file);
        let key_file = settings.key_file.clone();
        let remote_key = || {
            let (remote, id) = (settings.root_key_remote.clone(), settings.root_key_id.clone());
            new_remote_key(["root-key-remote", "root-key-id"], remote, id).map(Self::AwsKms)
        };
        let says_remote = settings.root_key_remote.is_some() || settings.root_key_id.is_some();
        match (settings.root_key.as_deref(), passphrase, key_file) {
            (Some("aws-kms"), _, _) => remote_key(),
            (None, None, None) if says_remote => remote_key(),
            (None, _, _) if says_remote => Err(Error::TwoRootKeys),
            (Some("passphrase"), passphrase, _) => {
                Ok(passphrase.unwrap_or(Self::PassphraseTerminal))
            }
            (Some("key-file"), _, path) | (None, None, path) => {
                Ok(Self::KeyFile(path.unwrap_or_else(|| data.join("root.key"))))
            }
            (None, Some(passphrase), None) => Ok(passphrase),
            (None, Some(_), Some(_)) => Err(Error::TwoRootKeys),
            (Some(other), _, _) => Err(Error::Value {
                name: "root-key",
                value: other.to_owned(),
                expected: "key-file, passphrase or aws-kms",
            }),
        }
    }

    /// What a new protector is made with. Its key file has no default: one that
    /// lies beside the database protects nothing that the first does not.
    ///
    /// # Errors
    /// [`Error::Half`] if a part is missing.
    pub fn of_new(flags: NewProtectorFlags) -> Result<Self, Error> {
        let NewProtectorFlags { kind, name: _, new_key_file, .. } = flags;
        let (file, descriptor) = (flags.new_passphrase_file, flags.new_passphrase_fd);
        let missing = |set, missing| Error::Half { set, missing };
        match kind.as_str() {
            "key-file" => new_key_file
                .map(Self::KeyFile)
                .ok_or_else(|| missing("--kind key-file", "--new-key-file")),
            "aws-kms" => {
                let names = ["--new-remote", "--new-key-id"];
                let new = new_remote_key(names, flags.new_remote, flags.new_key_id)?;
                let named = new.ok_or_else(|| missing("--kind aws-kms", "--new-remote"))?;
                Ok(Self::AwsKms(Some(named)))
            }
            _ => Ok(descriptor
                .map(Self::PassphraseDescriptor)
                .or(file.map(Self::PassphraseFile))
                .unwrap_or(Self::PassphraseTerminal)),
        }
    }

    /// Reads the passphrase, if it is one. `is_new` asks twice on a terminal.
    ///
    /// # Errors
    /// If there is no passphrase to be had.
    pub fn open(self, is_new: bool, remotes: &Arc<Remotes>) -> Result<RootKeySource, Error> {
        let passphrase = match self {
            Self::AwsKms(new) => {
                let remotes = Arc::clone(remotes);
                return Ok(RootKeySource::AwsKms(RemoteKeys { remotes, new }));
            }
            Self::KeyFile(path) => return Ok(RootKeySource::KeyFile(path)),
            Self::PassphraseFile(path) => passphrase::from_file(&path)?,
            Self::PassphraseDescriptor(number) => passphrase::from_descriptor(number)?,
            Self::PassphraseTerminal => passphrase::from_terminal(is_new)?,
        };
        Ok(RootKeySource::Passphrase(passphrase))
    }
}

/// The remote key that two settings of these names say; `None` if neither is there.
fn new_remote_key(
    [remote_name, id_name]: [&'static str; 2],
    remote: Option<String>,
    id: Option<String>,
) -> Result<Option<NewRemoteKey>, Error> {
    let (remote, key_arn) = match (remote, id) {
        (None, None) => return Ok(None),
        (Some(remote), Some(id)) => (remote, id),
        (Some(_), None) => return Err(Error::Half { set: remote_name, missing: id_name }),
        (None, Some(_)) => return Err(Error::Half { set: id_name, missing: remote_name }),
    };
    let Some(remote) = RemoteName::parse(&remote) else {
        let expected = "a name of 1 to 64 lower-case letters, digits and hyphens";
        return Err(Error::Value { name: remote_name, value: remote, expected });
    };
    // An alias could be pointed to another key, which would open nothing.
    let is_key = Arn::parse(&key_arn)
        .is_some_and(|arn| arn.service == "kms" && arn.resource.starts_with("key/"));
    if !is_key {
        let expected = "the ARN of a key of AWS KMS, arn:aws:kms:REGION:ACCOUNT:key/ID";
        return Err(Error::Value { name: id_name, value: key_arn, expected });
    }
    Ok(Some(NewRemoteKey { remote, key_arn }))
}
