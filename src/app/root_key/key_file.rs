//! Key files: read if nobody else can read them, and written so that a crash
//! leaves a whole one or none.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use crate::app::error::Error;
use crate::base::secret::SecretBytes;
use crate::hsm::OsEntropy;
use crate::hsm::protector::KeyFile;

pub(super) fn read(path: &Path) -> Result<KeyFile, Error> {
    let file_error = |cause| Error::File { path: path.to_owned(), cause };
    let mode = fs::metadata(path).map_err(file_error)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(Error::KeyFileMode(path.to_owned()));
    }
    let bytes = fs::read(path).map_err(file_error)?;
    let bytes = SecretBytes::new(bytes);
    KeyFile::parse(bytes.expose()).map_err(|cause| Error::KeyFile { path: path.to_owned(), cause })
}

pub(super) fn write(path: &Path) -> Result<KeyFile, Error> {
    let file = KeyFile::generate(&mut OsEntropy)?;
    // Whole under its name or not there at all: half a key file would stop
    // every later start.
    let draft = path.with_extension("draft");
    let write_out = || {
        let mut options = fs::OpenOptions::new();
        let mut out = options.write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        out.write_all(file.to_text().as_bytes())?;
        out.sync_all()?;
        fs::rename(&draft, path)?;
        // The name must survive a power failure as well as the content.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        fs::File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()
    };
    write_out().map_err(|cause| Error::File { path: path.to_owned(), cause })?;
    Ok(file)
}
