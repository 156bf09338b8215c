//! How the root key is made and opened: files and passphrases outside, the HSM
//! inside.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::error::Error;
use crate::base::secret::SecretBytes;
use crate::hsm::protector::{
    KeyFile, ProtectorKind, SealedRootKey, protect_with_key_file, protect_with_passphrase,
};
use crate::hsm::{OsEntropy, RootKey};
use crate::store::sealed::ProtectorRow;

/// What opens the root key.
#[derive(Debug)]
pub enum RootKeySource {
    /// A key file, readable by its owner only.
    KeyFile(PathBuf),
    Passphrase(SecretBytes),
}

/// A new root key under a protector of this kind. A key file that is there
/// already is used; a new one is durable before this answers.
pub(super) fn create(source: &RootKeySource) -> Result<(RootKey, ProtectorRow), Error> {
    let mut entropy = OsEntropy;
    let root = RootKey::generate(&mut entropy)?;
    let sealed = match source {
        RootKeySource::KeyFile(path) => {
            let file = if path.exists() { read_key_file(path)? } else { write_key_file(path)? };
            protect_with_key_file(&root, &file, &mut entropy)?
        }
        RootKeySource::Passphrase(passphrase) => {
            protect_with_passphrase(&root, passphrase, &mut entropy)?
        }
    };
    let name = kind_name(sealed.kind()).to_owned();
    Ok((root, ProtectorRow { name, sealed: sealed.encode().into_bytes() }))
}

/// Opens the root key by the protector that fits `source`.
pub(super) fn open(source: &RootKeySource, protectors: &[ProtectorRow]) -> Result<RootKey, Error> {
    let wanted = match source {
        RootKeySource::KeyFile(_) => ProtectorKind::KeyFile,
        RootKeySource::Passphrase(_) => ProtectorKind::Passphrase,
    };
    let mut other = "nothing that this program knows";
    for row in protectors {
        let sealed = SealedRootKey::decode(&row.sealed).map_err(Error::RootKey)?;
        if sealed.kind() != wanted {
            other = kind_name(sealed.kind());
            continue;
        }
        return match source {
            RootKeySource::KeyFile(path) => sealed
                .open_with_key_file(&read_key_file(path)?)
                .map_err(|cause| Error::KeyFile { path: path.clone(), cause }),
            RootKeySource::Passphrase(passphrase) => {
                sealed.open_with_passphrase(passphrase).map_err(Error::RootKey)
            }
        };
    }
    Err(Error::NoSuchProtector(other))
}

const fn kind_name(kind: ProtectorKind) -> &'static str {
    match kind {
        ProtectorKind::KeyFile => "key file",
        ProtectorKind::Passphrase => "passphrase",
    }
}

fn read_key_file(path: &Path) -> Result<KeyFile, Error> {
    let file_error = |cause| Error::File { path: path.to_owned(), cause };
    let mode = fs::metadata(path).map_err(file_error)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(Error::KeyFileMode(path.to_owned()));
    }
    let bytes = fs::read(path).map_err(file_error)?;
    let bytes = SecretBytes::new(bytes);
    KeyFile::parse(bytes.expose()).map_err(|cause| Error::KeyFile { path: path.to_owned(), cause })
}

fn write_key_file(path: &Path) -> Result<KeyFile, Error> {
    let file = KeyFile::generate(&mut OsEntropy)?;
    // Whole under its name or not there at all: half a key file would stop
    // every later start.
    let draft = path.with_extension("draft");
    let write = || {
        let mut options = fs::OpenOptions::new();
        let mut out = options.write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        out.write_all(file.to_text().as_bytes())?;
        out.sync_all()?;
        fs::rename(&draft, path)?;
        // The name must survive a power failure as well as the content.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        fs::File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()
    };
    write().map_err(|cause| Error::File { path: path.to_owned(), cause })?;
    Ok(file)
}
