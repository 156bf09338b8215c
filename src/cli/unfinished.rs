//! Files that are there whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::error::Error;
use crate::base::hex;
use crate::hsm::{EntropySource, OsEntropy};

/// A file beside the one that it becomes: whoever looks for that finds it whole
/// or not at all. Only its owner may read it.
pub(super) struct Unfinished {
    pub(super) file: File,
    path: PathBuf,
    becomes: PathBuf,
}

impl Unfinished {
    pub(super) fn create(becomes: &Path) -> Result<Self, Error> {
        let error = |cause| Error::Write { path: becomes.to_owned(), cause };
        let Some(name) = becomes.file_name().filter(|_| !becomes.is_dir()) else {
            return Err(error(io::ErrorKind::IsADirectory.into()));
        };
        // Such as /dev/stdout, which to replace takes from everybody.
        if fs::metadata(becomes).is_ok_and(|found| !found.is_file()) {
            return Err(error(io::Error::other("it is there, and no file")));
        }
        let mut name = name.to_owned();
        // One that a crash has left must not be in the way: in a container every
        // process may have the same number.
        let mut random = [0; 8];
        OsEntropy.fill(&mut random).map_err(|cause| error(io::Error::other(cause)))?;
        name.push(format!(".{}.part", hex::encode(&random)));
        let path = becomes.with_file_name(name);
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(&path).map_err(error)?;
        Ok(Self { file, path, becomes: becomes.to_owned() })
    }

    /// Where it is until it is finished.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn error(&self, cause: io::Error) -> Error {
        Error::Write { path: self.becomes.clone(), cause }
    }

    /// Makes it durable under its name.
    pub(super) fn finish(&self) -> Result<(), Error> {
        let finish = || {
            self.file.sync_all()?;
            fs::rename(&self.path, &self.becomes)?;
            let folder = self.becomes.parent().filter(|folder| !folder.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
        };
        finish().map_err(|cause| self.error(cause))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // After it was renamed there is nothing to remove.
        drop(fs::remove_file(&self.path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_finished_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let one = Unfinished::create(&folder.path().join("x")).unwrap();
        // Nobody is in the way of anybody.
        drop(Unfinished::create(&folder.path().join("x")).unwrap());
        drop(one);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(Unfinished::create(folder.path()).is_err());
        assert!(Unfinished::create(Path::new("/none/there/x")).is_err());
        assert!(Unfinished::create(Path::new("/dev/null")).is_err());
    }
}
