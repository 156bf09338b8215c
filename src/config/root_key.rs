//! Which key file or passphrase opens the root key.

use std::path::{Path, PathBuf};

use super::layer::Layer;
use super::{Error, passphrase};
use crate::app::RootKeySource;

/// Where what opens the root key is found.
#[derive(Debug, PartialEq, Eq)]
pub enum RootKeySetting {
    KeyFile(PathBuf),
    PassphraseFile(PathBuf),
    PassphraseDescriptor(u32),
    /// Asked for on the terminal.
    PassphraseTerminal,
}

impl RootKeySetting {
    pub(super) fn of(settings: &Layer, data: &Path) -> Result<Self, Error> {
        let by_descriptor = settings.passphrase_fd.map(Self::PassphraseDescriptor);
        let by_file = || settings.passphrase_file.clone().map(Self::PassphraseFile);
        let passphrase = by_descriptor.or_else(by_file);
        let key_file = settings.key_file.clone();
        match (settings.root_key.as_deref(), passphrase, key_file) {
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
                expected: "key-file or passphrase",
            }),
        }
    }

    /// Reads the passphrase, if it is one. `is_new` asks twice on a terminal.
    ///
    /// # Errors
    /// If there is no passphrase to be had.
    pub fn open(self, is_new: bool) -> Result<RootKeySource, Error> {
        let passphrase = match self {
            Self::KeyFile(path) => return Ok(RootKeySource::KeyFile(path)),
            Self::PassphraseFile(path) => passphrase::from_file(&path)?,
            // Opening the descriptor by its name needs no unsafe code.
            Self::PassphraseDescriptor(number) => {
                passphrase::from_file(Path::new(&format!("/dev/fd/{number}")))?
            }
            Self::PassphraseTerminal => passphrase::from_terminal(is_new)?,
        };
        Ok(RootKeySource::Passphrase(passphrase))
    }
}
