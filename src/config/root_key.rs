//! Which key file or passphrase opens the root key.

use std::path::{Path, PathBuf};

use super::flags::NewProtectorFlags;
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

    /// What a new protector is made with. Its key file has no default: one that
    /// lies beside the database protects nothing that the first does not.
    ///
    /// # Errors
    /// [`Error::Half`] if a part is missing.
    pub fn of_new(flags: NewProtectorFlags) -> Result<Self, Error> {
        let NewProtectorFlags { kind, name: _, new_key_file, .. } = flags;
        let (file, descriptor) = (flags.new_passphrase_file, flags.new_passphrase_fd);
        match kind.as_str() {
            "key-file" => new_key_file
                .map(Self::KeyFile)
                .ok_or(Error::Half { set: "--kind key-file", missing: "--new-key-file" }),
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
