//! Key files: read if nobody else can read them, and written so that a crash
//! leaves a whole one or none. One that is there is never written over.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::app::error::Error;
use crate::app::private::is_private;
use crate::base::hex;
use crate::base::secret::SecretBytes;
use crate::hsm::protector::KeyFile;
use crate::hsm::{self, EntropySource, OsEntropy};

/// A key file is shorter, in bytes.
const BYTES_MAX: u64 = 1_024;

pub(super) fn read(path: &Path) -> Result<KeyFile, Error> {
    let file_error = |cause| Error::File { path: path.to_owned(), cause };
    let file = File::open(path).map_err(file_error)?;
    // Of what is open: the name could lead elsewhere by now.
    if !is_private(&file).map_err(file_error)? {
        return Err(Error::KeyFileMode(path.to_owned()));
    }
    // With room for everything that is read, the buffer never moves and so
    // leaves no copy behind.
    let mut bytes = Vec::with_capacity(usize::try_from(BYTES_MAX).unwrap_or_default());
    let read = file.take(BYTES_MAX).read_to_end(&mut bytes);
    let bytes = SecretBytes::new(bytes);
    read.map_err(file_error)?;
    KeyFile::parse(bytes.expose()).map_err(|cause| Error::KeyFile { path: path.to_owned(), cause })
}

/// Reads the key file, or writes a new one if there is none. Of two that write one
/// at a time, both have the first.
pub(super) fn read_or_write(path: &Path) -> Result<KeyFile, Error> {
    match read(path) {
        Err(Error::File { cause, .. }) if cause.kind() == ErrorKind::NotFound => {}
        known => return known,
    }
    let file = KeyFile::generate(&mut OsEntropy)?;
    match write(path, &file) {
        Ok(()) => Ok(file),
        Err(Error::File { cause, .. }) if cause.kind() == ErrorKind::AlreadyExists => read(path),
        Err(other) => Err(other),
    }
}

/// Writes a new key file: whole under its name or not there at all, for half a one
/// would stop every later start.
fn write(path: &Path, file: &KeyFile) -> Result<(), Error> {
    let part = Part::beside(path)?;
    let write_out = || {
        let mut options = OpenOptions::new();
        let mut out = options.write(true).create_new(true).mode(0o600).open(&part.0)?;
        out.write_all(file.to_text().as_bytes())?;
        out.sync_all()?;
        name_new(&part.0, path)?;
        // The name must survive a power failure as well as the content.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()
    };
    write_out().map_err(|cause| Error::File { path: path.to_owned(), cause })
}

/// Gives a file its name, unless the name is taken.
fn name_new(part: &Path, path: &Path) -> io::Result<()> {
    match renameat_with(CWD, part, CWD, path, RenameFlags::NOREPLACE) {
        // Some file systems have links only, such as NFS, and some only this.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => fs::hard_link(part, path),
        done => Ok(done?),
    }
}

/// A file of a name that nobody knew before, and that is gone in the end.
struct Part(PathBuf);

impl Part {
    fn beside(path: &Path) -> Result<Self, Error> {
        let mut random = [0; 8];
        OsEntropy.fill(&mut random).map_err(hsm::Error::from)?;
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.part", hex::encode(&random)));
        Ok(Self(path.with_file_name(name)))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // When all went well, it has another name.
        drop(fs::remove_file(&self.0));
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn text(file: &KeyFile) -> String {
        file.to_text().to_string()
    }

    #[test]
    fn one_that_is_there_stands() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("spare.key");
        fs::write(folder.path().join("spare.draft"), "of somebody else").unwrap();
        // Two that begin at once: both found none, and both have written theirs.
        let first = KeyFile::generate(&mut OsEntropy).unwrap();
        write(&path, &first).unwrap();
        let second = write(&path, &KeyFile::generate(&mut OsEntropy).unwrap());
        assert!(matches!(second, Err(Error::File { cause, .. })
            if cause.kind() == ErrorKind::AlreadyExists));
        assert_eq!(text(&read_or_write(&path).unwrap()), text(&first));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        // Nothing is left over, and nothing else was touched.
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        let draft = fs::read_to_string(folder.path().join("spare.draft")).unwrap();
        assert_eq!(draft, "of somebody else");
        // No key goes where a planted name leads.
        let (planted, target) = (folder.path().join("planted"), folder.path().join("target"));
        symlink(&target, &planted).unwrap();
        assert!(read_or_write(&planted).is_err());
        assert!(!target.exists());
    }

    #[test]
    fn others_must_not_be_able_to_read_it() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("root.key");
        let written = read_or_write(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(read(&path), Err(Error::KeyFileMode(_))));
        assert!(matches!(read_or_write(&path), Err(Error::KeyFileMode(_))));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        assert_eq!(text(&read(&path).unwrap()), text(&written));
    }
}
