//! A copy of the book as it is at one moment, while it is written on: SQLite's
//! backup over one read transaction. The copy is a file without a name, so that
//! nothing of it is left when it is closed, or when the process ends.
//!
//! The write-ahead log cannot begin anew before the copy is made. So it is made
//! as quickly as the disk allows, without waiting for whoever reads it, and given
//! up when the log becomes too long. What the log has then is moved into the
//! database from here, and not by the writer, behind whom calls wait.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use rustix::fs::statvfs;

use super::checkpoint::{self, Mode};
use super::connect;
use super::shared::Shared;
use super::tx::{SqliteTx, classify};
use crate::base::limits::{SNAPSHOT_FREE_BYTES, SNAPSHOT_WAL_BYTES};
use crate::store::{Error, Query, Tx};

/// The copy, until it has lost its name.
const FILE: &str = "snapshot.draft";

/// Pages of 4 KiB that are copied between two looks at the disk.
const STEP_PAGES: i32 = 1_024;

/// A copy of the book.
#[derive(Debug)]
pub struct Snapshot {
    file: File,
    bytes: u64,
}

impl Snapshot {
    /// The length of the database.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl io::Read for Snapshot {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.file.read(into)
    }
}

/// Removes what a crash has left in a folder that nobody else serves.
pub(super) fn clear(folder: &Path) -> io::Result<()> {
    match fs::remove_file(folder.join(FILE)) {
        Err(cause) if cause.kind() != ErrorKind::NotFound => Err(cause),
        _ => Ok(()),
    }
}

/// Copies the book of a folder, and answers what `f` reads in the same moment.
pub(super) fn take<T>(
    folder: &Path,
    shared: &Shared,
    f: impl FnOnce(&mut dyn Tx) -> Result<T, Error>,
) -> Result<(Snapshot, T), Error> {
    let book = folder.join("wardbook.db");
    let _copying = Copying::begin(shared);
    let draft = Draft(folder.join(FILE));
    let copied = copy(&book, &draft, shared, f);
    // The transaction is over, so that the log can be worked off.
    let checkpointing = connect::writing(&book, super::BOOK);
    if let Err(Error::Poisoned) = checkpointing.and_then(|to| checkpoint::run(&to, Mode::Passive)) {
        shared.fail(Error::Poisoned);
    }
    copied
}

fn copy<T>(
    book: &Path,
    draft: &Draft,
    shared: &Shared,
    f: impl FnOnce(&mut dyn Tx) -> Result<T, Error>,
) -> Result<(Snapshot, T), Error> {
    check_on(shared, &draft.0)?;
    let from = connect::reading(book)?;
    let mut tx = SqliteTx(&from);
    tx.run(&BEGIN, &[])?;
    let read = f(&mut tx)?;
    let rows = tx.rows(&SIZE, &[])?;
    let pages_bytes = rows.first().ok_or(Error::Column(0))?.int(0)?;
    let needed = u64::try_from(pages_bytes).unwrap_or(u64::MAX);
    check_room(&draft.0, needed)?;
    let mut file = draft.create()?;
    let mut to = destination(&draft.0).map_err(|cause| classify("snapshot.open", cause))?;
    {
        let backup =
            Backup::new(&from, &mut to).map_err(|cause| classify("snapshot.begin", cause))?;
        loop {
            let step = backup.step(STEP_PAGES).map_err(|cause| classify("snapshot.step", cause))?;
            match step {
                StepResult::Done => break,
                StepResult::More => {}
                // Nobody else knows the copy, and the book is only read.
                _ => return Err(Error::Busy),
            }
            check_on(shared, &draft.0)?;
            // Else a commit would have to wait until all of it is on the disk.
            file.sync_data()?;
        }
    }
    to.close().map_err(|(_kept, cause)| classify("snapshot.close", cause))?;
    fs::remove_file(&draft.0)?;
    let bytes = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(0))?;
    Ok((Snapshot { file, bytes }, read))
}

/// Whether the copy can go on.
fn check_on(shared: &Shared, draft: &Path) -> Result<(), Error> {
    let health = shared.health();
    if let Err(over @ (Error::Closed | Error::Poisoned)) = health.writer {
        return Err(over);
    }
    if health.wal_bytes > SNAPSHOT_WAL_BYTES {
        return Err(Error::Outwritten(SNAPSHOT_WAL_BYTES));
    }
    check_room(draft, 0)
}

/// Whether there is room for so many bytes, and for the calls meanwhile.
fn check_room(draft: &Path, bytes: u64) -> Result<(), Error> {
    let disk = statvfs(draft.parent().unwrap_or(draft)).map_err(io::Error::from)?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let needed = bytes.saturating_add(SNAPSHOT_FREE_BYTES);
    if free < needed { Err(Error::NoRoom { needed, free }) } else { Ok(()) }
}

/// A connection that writes a new file and cares for no crash.
fn destination(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.pragma_update(None, "locking_mode", "exclusive")?;
    connection.pragma_update(None, "journal_mode", "off")?;
    connection.pragma_update(None, "synchronous", "off")?;
    Ok(connection)
}

/// The file of the copy while it has a name.
struct Draft(PathBuf);

impl Draft {
    fn create(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true).mode(0o600).open(&self.0)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // When all went well, it is gone.
        drop(fs::remove_file(&self.0));
    }
}

/// Says that a copy is being made for as long as it lives.
struct Copying<'s>(&'s Shared);

impl<'s> Copying<'s> {
    fn begin(shared: &'s Shared) -> Self {
        shared.set_copying(true);
        Self(shared)
    }
}

impl Drop for Copying<'_> {
    fn drop(&mut self) {
        self.0.set_copying(false);
    }
}

const BEGIN: Query = Query { name: "snapshot.begin", sql: "begin deferred" };
const SIZE: Query = Query {
    name: "snapshot.size",
    sql: "select page_count * page_size from pragma_page_count, pragma_page_size",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_crash_left_is_removed() {
        let folder = tempfile::TempDir::new().unwrap();
        clear(folder.path()).unwrap();
        fs::write(folder.path().join(FILE), "x").unwrap();
        clear(folder.path()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn more_than_the_disk_has_is_refused() {
        let folder = tempfile::TempDir::new().unwrap();
        let draft = folder.path().join(FILE);
        check_room(&draft, 1).unwrap();
        assert!(matches!(check_room(&draft, u64::MAX), Err(Error::NoRoom { .. })));
    }
}
