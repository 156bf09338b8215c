//! How the root key is made and opened: files, passphrases and remote keys
//! outside, the HSM inside. Any one of its protectors opens it.
//!
//! Deliberately absent: what the protectors are called by whoever runs the
//! program (`config`), and what is sealed under the root key (`hsm`).

mod change;
mod key_file;
mod remote;

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::error::Error;
use crate::base::ids::AccountId;
use crate::base::secret::SecretBytes;
use crate::hsm::protector::{
    ProtectorKind, SealedRootKey, protect_with_key_file, protect_with_passphrase,
};
use crate::hsm::{Hsm, OsEntropy, RootKey, SealedDomainKey};
use crate::store::sealed::{self, ProtectorRow};
use crate::store::{self, Tx};
use crate::wire::error::chain;

pub use change::{ListedProtector, RootKeyFolder, list};
pub use remote::{NewRemoteKey, RemoteKeys};

/// What opens the root key.
#[derive(Debug)]
pub enum RootKeySource {
    /// A key file, readable by its owner only.
    KeyFile(PathBuf),
    Passphrase(SecretBytes),
    /// Keys of AWS KMS; a sealed root key says which one.
    AwsKms(RemoteKeys),
}

impl RootKeySource {
    /// The kind of protector that it opens.
    #[must_use]
    pub const fn kind(&self) -> ProtectorKind {
        match self {
            Self::KeyFile(_) => ProtectorKind::KeyFile,
            Self::Passphrase(_) => ProtectorKind::Passphrase,
            Self::AwsKms(_) => ProtectorKind::AwsKms,
        }
    }
}

/// The protector by which the root key was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedBy {
    pub name: String,
    pub kind: ProtectorKind,
}

/// Which data folder a root key is of: remote keys are told.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) account: &'a AccountId,
    /// Of the log; each folder has its own.
    pub(super) log_id: &'a str,
}

/// What a data folder holds of the root key and under it.
pub(super) struct SealedKeys {
    pub(super) protectors: Vec<ProtectorRow>,
    domain_keys: Vec<sealed::DomainKeyRow>,
    naming_key: Option<Vec<u8>>,
}

impl SealedKeys {
    pub(super) fn load(tx: &mut dyn Tx) -> Result<Self, store::Error> {
        Ok(Self {
            protectors: sealed::list_protectors(tx)?,
            domain_keys: sealed::list_domain_keys(tx)?,
            naming_key: sealed::find_naming_key(tx)?,
        })
    }

    /// Starts the HSM with everything that the root key opens.
    pub(super) fn start(&self, root: RootKey) -> Result<Hsm, Error> {
        let domain_key = |row: &sealed::DomainKeyRow| -> Result<SealedDomainKey, Error> {
            let version = u32::try_from(row.version).map_err(|_bad| Error::Meta("domain key"))?;
            Ok(SealedDomainKey { version, bytes: row.sealed.clone() })
        };
        let domain_keys = self.domain_keys.iter().map(domain_key).collect::<Result<Vec<_>, _>>()?;
        Ok(Hsm::start(root, &domain_keys, self.naming_key.as_deref(), OsEntropy)?)
    }
}

/// A new root key under its first protector, which is named after its kind.
pub(super) async fn create(
    source: &RootKeySource,
    place: &Place<'_>,
    added_ms: i64,
) -> Result<(RootKey, ProtectorRow), Error> {
    let root = RootKey::generate(&mut OsEntropy)?;
    let name = source.kind().as_str().to_owned();
    let row = protect(&root, source, place, name, added_ms).await?;
    Ok((root, row))
}

/// Seals `root` so that `source` opens it, and opens it once: whatever is going to
/// be relied on has worked. A key file that is there already is used; a new one is
/// durable before this answers.
async fn protect(
    root: &RootKey,
    source: &RootKeySource,
    place: &Place<'_>,
    name: String,
    added_ms: i64,
) -> Result<ProtectorRow, Error> {
    let entropy = &mut OsEntropy;
    let sealed = match source {
        RootKeySource::KeyFile(path) => {
            protect_with_key_file(root, &key_file::read_or_write(path)?, entropy)?
        }
        RootKeySource::Passphrase(passphrase) => {
            protect_with_passphrase(root, passphrase, entropy)?
        }
        RootKeySource::AwsKms(keys) => keys.protect(root, place).await?,
    };
    let row = ProtectorRow { name, sealed: sealed.encode().into_bytes(), added_ms: Some(added_ms) };
    open(source, std::slice::from_ref(&row), place).await?;
    Ok(row)
}

/// Opens the root key by the first protector that `source` fits.
///
/// # Errors
/// Why the last of its kind is not opened, one that could be asked before one that
/// could not; [`Error::NoSuchProtector`] if there is none of its kind.
pub(super) async fn open(
    source: &RootKeySource,
    protectors: &[ProtectorRow],
    place: &Place<'_>,
) -> Result<(RootKey, OpenedBy), Error> {
    let mut refused = None;
    let mut others = BTreeSet::new();
    for row in protectors {
        let sealed = match SealedRootKey::decode(&row.sealed) {
            Ok(sealed) => sealed,
            // Another one may open it all the same.
            Err(cause) => {
                refused = refused.or(Some(Error::RootKey(cause)));
                continue;
            }
        };
        if sealed.kind() != source.kind() {
            others.insert(sealed.kind().as_str());
            continue;
        }
        match open_one(source, &sealed, place).await {
            Ok(root) => {
                return Ok((root, OpenedBy { name: row.name.clone(), kind: sealed.kind() }));
            }
            Err(error) => {
                tracing::debug!(protector = row.name, error = chain(&error), "not opened by it");
                refused = match error {
                    Error::NoRemote(_) => refused.or(Some(error)),
                    other => Some(other),
                };
            }
        }
    }
    Err(refused.unwrap_or_else(|| {
        Error::NoSuchProtector(others.into_iter().collect::<Vec<_>>().join(" or "))
    }))
}

async fn open_one(
    source: &RootKeySource,
    sealed: &SealedRootKey,
    place: &Place<'_>,
) -> Result<RootKey, Error> {
    match source {
        RootKeySource::KeyFile(path) => sealed
            .open_with_key_file(&key_file::read(path)?)
            .map_err(|cause| Error::KeyFile { path: path.clone(), cause }),
        RootKeySource::Passphrase(passphrase) => {
            sealed.open_with_passphrase(passphrase).map_err(Error::RootKey)
        }
        RootKeySource::AwsKms(keys) => keys.open(sealed, place).await,
    }
}
