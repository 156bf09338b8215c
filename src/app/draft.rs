//! A folder beside the one that it becomes: whoever looks for that finds it
//! whole or not at all.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::error::Error;

/// Who works in the folder holds it locked. It says, too, that the folder is a
/// draft: nothing else is ever emptied.
const LOCK: &str = "draft.lock";

/// The folder while it is not finished. Removed when it is dropped.
pub(super) struct Draft {
    path: PathBuf,
    _lock: File,
    finished: bool,
}

impl Draft {
    /// Makes the draft of a folder that is empty or not there. What a crash has
    /// left of an earlier one is removed.
    pub(super) fn of(becomes: &Path) -> Result<Self, Error> {
        let failed = |cause| Error::File { path: becomes.to_owned(), cause };
        if !is_empty(becomes).map_err(failed)? {
            return Err(Error::NotEmpty(becomes.to_owned()));
        }
        let name = becomes.file_name().ok_or(ErrorKind::InvalidFilename.into()).map_err(failed)?;
        let mut name = name.to_owned();
        name.push(".draft");
        Self::at(becomes.with_file_name(name))
    }

    /// Makes a draft that becomes nothing.
    pub(super) fn at(path: PathBuf) -> Result<Self, Error> {
        let failed = |cause| Error::File { path: path.clone(), cause };
        let lock = path.join(LOCK);
        if !is_empty(&path).map_err(failed)? && !lock.exists() {
            return Err(Error::NotEmpty(path));
        }
        DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(failed)?;
        let lock = private(&lock).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::DraftInUse(path)),
            Err(TryLockError::Error(cause)) => return Err(failed(cause)),
        }
        empty(&path).map_err(failed)?;
        Ok(Self { path, _lock: lock, finished: false })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it its name, durably.
    pub(super) fn finish(mut self, becomes: &Path) -> Result<(), Error> {
        let finish = || {
            File::open(&self.path)?.sync_all()?;
            fs::rename(&self.path, becomes)?;
            let parent = becomes.parent().filter(|parent| !parent.as_os_str().is_empty());
            File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?;
            fs::remove_file(becomes.join(LOCK))
        };
        finish().map_err(|cause| Error::File { path: becomes.to_owned(), cause })?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.finished {
            // The next one empties what cannot be removed.
            drop(fs::remove_dir_all(&self.path));
        }
    }
}

/// A new file that only its owner may read.
pub(super) fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

fn is_empty(path: &Path) -> io::Result<bool> {
    match fs::read_dir(path) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(true),
        Err(cause) => Err(cause),
    }
}

/// Removes everything but the lock.
fn empty(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_name() == LOCK {
            continue;
        }
        match entry.file_type()?.is_dir() {
            true => fs::remove_dir_all(entry.path())?,
            false => fs::remove_file(entry.path())?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string();
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| name(entry).unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn it_is_there_whole_or_not_at_all() {
        let folder = tempfile::TempDir::new().unwrap();
        let data = folder.path().join("data");
        let draft = Draft::of(&data).unwrap();
        fs::write(draft.path().join("x"), "x").unwrap();
        assert_eq!(names(folder.path()), ["data.draft"]);
        assert!(matches!(Draft::of(&data), Err(Error::DraftInUse(_))));
        drop(draft);
        assert!(names(folder.path()).is_empty());

        // A crash in it, and an empty folder of the name.
        let draft = Draft::of(&data).unwrap();
        fs::create_dir_all(draft.path().join("y/z")).unwrap();
        fs::create_dir(&data).unwrap();
        let Draft { path, .. } = &draft;
        fs::rename(path, folder.path().join("kept")).unwrap();
        drop(draft);
        fs::rename(folder.path().join("kept"), folder.path().join("data.draft")).unwrap();
        let draft = Draft::of(&data).unwrap();
        assert_eq!(names(draft.path()), [LOCK]);
        fs::write(draft.path().join("x"), "x").unwrap();
        draft.finish(&data).unwrap();
        assert_eq!((names(folder.path()), names(&data)), (vec!["data".into()], vec!["x".into()]));
        // Nothing that was there is ever touched.
        assert!(matches!(Draft::of(&data), Err(Error::NotEmpty(_))));
        assert!(matches!(Draft::at(data.clone()), Err(Error::NotEmpty(_))));
        assert_eq!(names(&data), ["x"]);
    }
}
