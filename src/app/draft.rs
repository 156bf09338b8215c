//! A folder that is not finished. A file in it says so until it is: nobody serves
//! such a folder, and whoever begins anew may empty it.
//!
//! The folder has its name from the beginning, since it may be where a file system
//! is mounted, which nobody can rename. It is finished by the removal of that file.
//! Only what a restore makes is ever removed: between two attempts somebody may have
//! put the key file into it, or settings.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::error::Error;
use super::init::{DATABASE, GUARDRAILS};
use super::serve::told_to_stop;
use crate::http::server;

/// Says that the folder is a draft: nothing else is ever emptied. Who works in the
/// folder holds it locked.
const MARK: &str = "draft.lock";

/// The search index.
const INDEX: &str = "index.db";

/// What a restore makes beside the files of SQLite: the lock, the disk reserve, the
/// copy for a backup.
const MADE: [&str; 4] = [GUARDRAILS, "lock", "reserve", "snapshot.draft"];

/// What every new file system of Linux's own has.
const LOST_AND_FOUND: &str = "lost+found";

/// What a shell answers for a command that SIGINT has ended.
const INTERRUPTED: i32 = 130;

/// The folder while it is not finished. What is in it is removed when this is
/// dropped.
pub(super) struct Draft {
    path: PathBuf,
    /// `None` once somebody finishes or removes it.
    unfinished: Arc<Mutex<Option<Unfinished>>>,
}

struct Unfinished {
    path: PathBuf,
    /// Whether the folder was made for this.
    is_new: bool,
    _lock: File,
}

/// Refuses a folder that is a draft.
///
/// # Errors
/// [`Error::Unfinished`].
pub(super) fn refuse(folder: &Path) -> Result<(), Error> {
    match folder.join(MARK).exists() {
        true => Err(Error::Unfinished(folder.to_owned())),
        false => Ok(()),
    }
}

impl Draft {
    /// Makes the folder, or takes one that is empty. What a crash has left of an
    /// earlier draft is removed.
    pub(super) fn at(path: PathBuf) -> Result<Self, Error> {
        let failed = |cause| Error::File { path: path.clone(), cause };
        let is_new = !path.exists();
        let mark = path.join(MARK);
        DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(failed)?;
        if !mark.exists() && !is_empty(&path).map_err(failed)? {
            return Err(Error::NotEmpty(path));
        }
        let mut options = OpenOptions::new();
        let lock = options.write(true).create(true).truncate(false).mode(0o600).open(&mark);
        let lock = lock.map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::DraftInUse(path)),
            Err(TryLockError::Error(cause)) => return Err(failed(cause)),
        }
        // Whoever had it locked may have finished the folder meanwhile.
        let inode = |file: io::Result<fs::Metadata>| file.map(|file| file.ino()).ok();
        if inode(lock.metadata()) != inode(fs::symlink_metadata(&mark)) {
            return Err(Error::NotEmpty(path));
        }
        empty(&path).map_err(failed)?;
        let unfinished = Unfinished { path: path.clone(), is_new, _lock: lock };
        Ok(Self { path, unfinished: Arc::new(Mutex::new(Some(unfinished))) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// From now on SIGINT and SIGTERM remove what is there before they end the
    /// process: it is in clear.
    pub(super) fn remove_when_stopped(&self) {
        let unfinished = Arc::clone(&self.unfinished);
        let (listening, wait) = channel::<()>();
        thread::spawn(move || {
            server::block_on(async {
                let stopped = told_to_stop();
                drop(listening);
                stopped.await;
            });
            if let Some(unfinished) = take(&unfinished) {
                unfinished.remove();
            }
            process::exit(INTERRUPTED);
        });
        // Ends when the other side is dropped.
        wait.recv().ok();
    }

    /// Makes it a folder like every other, durably.
    pub(super) fn finish(self) -> Result<(), Error> {
        let Some(Unfinished { path, is_new, _lock }) = take(&self.unfinished) else {
            return Err(Error::Unfinished(self.path.clone()));
        };
        let finish = || {
            // What is in it first: without the mark it counts as whole.
            sync(&path)?;
            if is_new {
                sync(path.parent().unwrap_or(Path::new("")))?;
            }
            fs::remove_file(path.join(MARK))?;
            sync(&path)
        };
        finish().map_err(|cause| Error::File { path: path.clone(), cause })
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(unfinished) = take(&self.unfinished) {
            unfinished.remove();
        }
    }
}

impl Unfinished {
    /// Removes what is there, and at last the mark. What cannot be removed is left to
    /// the next one.
    fn remove(self) {
        let Self { path, is_new, _lock } = self;
        if empty(&path).and_then(|()| fs::remove_file(path.join(MARK))).is_ok() && is_new {
            drop(fs::remove_dir(&path));
        }
    }
}

fn take(unfinished: &Mutex<Option<Unfinished>>) -> Option<Unfinished> {
    unfinished.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// A new file that only its owner may read.
pub(super) fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn sync(folder: &Path) -> io::Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    File::open(folder)?.sync_all()
}

fn is_empty(path: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(path)? {
        if entry?.file_name() != LOST_AND_FOUND {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether a restore makes what has this name; SQLite has files beside its own.
fn is_made(name: &OsStr) -> bool {
    let is_database =
        |name: &str| [DATABASE, INDEX].iter().any(|database| name.starts_with(database));
    name.to_str().is_some_and(|name| MADE.contains(&name) || is_database(name))
}

/// Removes what a restore has made, but the mark.
fn empty(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if !is_made(&entry.file_name()) {
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
    fn it_is_whole_or_marked() {
        let folder = tempfile::TempDir::new().unwrap();
        let data = folder.path().join("data");
        refuse(&data).unwrap();
        let draft = Draft::at(data.clone()).unwrap();
        fs::write(draft.path().join("wardbook.db-wal"), "x").unwrap();
        assert!(matches!(refuse(&data), Err(Error::Unfinished(_))));
        assert!(matches!(Draft::at(data.clone()), Err(Error::DraftInUse(_))));
        drop(draft);
        assert!(names(folder.path()).is_empty());

        // A folder that was there is left, empty.
        fs::create_dir(&data).unwrap();
        let draft = Draft::at(data.clone()).unwrap();
        fs::create_dir_all(draft.path().join("policies/z")).unwrap();
        drop(draft);
        assert!(names(&data).is_empty());

        // A crash in it.
        let draft = Draft::at(data.clone()).unwrap();
        fs::create_dir_all(draft.path().join("policies/z")).unwrap();
        drop(take(&draft.unfinished));
        drop(draft);
        assert_eq!(names(&data), [MARK, "policies"]);
        assert!(matches!(refuse(&data), Err(Error::Unfinished(_))));
        fs::write(data.join("root.key"), "of the operator").unwrap();
        let draft = Draft::at(data.clone()).unwrap();
        assert_eq!(names(draft.path()), [MARK, "root.key"]);
        fs::write(draft.path().join(DATABASE), "x").unwrap();
        draft.finish().unwrap();
        refuse(&data).unwrap();
        // Nothing that was there is ever touched.
        assert!(matches!(Draft::at(data.clone()), Err(Error::NotEmpty(_))));
        assert_eq!(names(&data), ["root.key", DATABASE]);
    }

    #[test]
    fn a_new_file_system_is_empty() {
        let folder = tempfile::TempDir::new().unwrap();
        fs::create_dir(folder.path().join(LOST_AND_FOUND)).unwrap();
        drop(Draft::at(folder.path().to_owned()).unwrap());
        assert_eq!(names(folder.path()), [LOST_AND_FOUND]);
        Draft::at(folder.path().to_owned()).unwrap().finish().unwrap();
        assert_eq!(names(folder.path()), [LOST_AND_FOUND]);
    }
}
