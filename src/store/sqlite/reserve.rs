//! The disk reserve: a file that does nothing but take room, until the disk is
//! full. Then it is emptied, so that there is room for the calls and records of
//! administrators, and filled again when the disk has room of its own.
//!
//! An empty file means that the reserve is used: a restart does not forget.

use std::fs::File;
use std::io::{self, ErrorKind, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use rustix::fs::{FallocateFlags, fallocate, statvfs};
use rustix::io::Errno;

use super::connect::private_file;
use super::shared::Shared;
use crate::store::{Error, Reserve};

const FILE: &str = "reserve";

/// How often a used reserve looks for room.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What must stay free beside a reserve when it is filled, so that the next call
/// does not use it up at once: its own size, this at most.
const MARGIN_BYTES: u64 = 16 * 1024 * 1024;

/// One piece of a reserve that is written out.
const PIECE_BYTES: usize = 64 * 1024;

/// The reserve of one data folder.
pub(super) struct DiskReserve {
    folder: PathBuf,
    path: PathBuf,
    bytes: u64,
    shared: Arc<Shared>,
}

impl DiskReserve {
    /// Makes the reserve, or finds it. `None` leaves the file as it is, 0 removes
    /// it.
    pub(super) fn open(
        folder: &Path,
        bytes: Option<u64>,
        shared: Arc<Shared>,
    ) -> Result<Self, Error> {
        let path = folder.join(FILE);
        let bytes_kept = bytes.unwrap_or(0);
        let reserve = Self { folder: folder.to_owned(), path, bytes: bytes_kept, shared };
        match bytes {
            None => {}
            Some(0) => remove(&reserve.path)?,
            Some(_) => reserve.find_or_make()?,
        }
        Ok(reserve)
    }

    fn find_or_make(&self) -> Result<(), Error> {
        let was_used = std::fs::metadata(&self.path).is_ok_and(|found| found.len() == 0);
        self.shared.set_reserve(match (self.is_made()?, was_used) {
            (true, _) => Reserve::Held { bytes: self.bytes },
            (false, true) => Reserve::Used,
            // Nobody is refused because of it, until the disk is full.
            (false, false) => {
                remove(&self.path)?;
                Reserve::Missing
            }
        });
        Ok(())
    }

    /// Gives the room to those who may use it. Called when the disk is full.
    pub(super) fn release(&self) {
        match self.shared.reserve() {
            Reserve::Off | Reserve::Used => {}
            Reserve::Held { .. } | Reserve::Missing => {
                self.shared.set_reserve(Reserve::Used);
                // What cannot be emptied gives no room; the state is right.
                self.file().and_then(|file| file.set_len(0)).ok();
            }
        }
    }

    /// Looks after the reserve until the engine closes.
    pub(super) fn run(&self, stop: &Receiver<()>) {
        while matches!(stop.recv_timeout(LOOK_AGAIN), Err(RecvTimeoutError::Timeout)) {
            if matches!(self.shared.reserve(), Reserve::Used | Reserve::Missing)
                && self.is_made().unwrap_or(false)
            {
                self.shared.set_reserve(Reserve::Held { bytes: self.bytes });
            }
        }
    }

    /// Finds the file filled, or fills it if there is room, with blocks that are
    /// really there. Where there is none, a file that was there is left empty.
    fn is_made(&self) -> io::Result<bool> {
        let was_there = self.path.exists();
        if was_there {
            let found = std::fs::metadata(&self.path)?;
            // Blocks are counted in 512 bytes wherever Unix is.
            if found.len() == self.bytes && found.blocks().saturating_mul(512) >= self.bytes {
                return Ok(true);
            }
            self.file()?.set_len(0)?;
        }
        // Asked first: an allocation that fails may take all there is before.
        if !self.has_room()? {
            return Ok(false);
        }
        match self.fill() {
            Ok(()) => Ok(true),
            Err(cause) => {
                match was_there {
                    true => self.file()?.set_len(0)?,
                    false => remove(&self.path)?,
                }
                if is_no_room(&cause) { Ok(false) } else { Err(cause) }
            }
        }
    }

    /// Whether there is room for the reserve and what must stay free beside it.
    fn has_room(&self) -> io::Result<bool> {
        let disk = statvfs(&self.folder)?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        Ok(free >= self.bytes.saturating_add(self.bytes.min(MARGIN_BYTES)))
    }

    fn fill(&self) -> io::Result<()> {
        let mut file = self.file()?;
        match fallocate(&file, FallocateFlags::empty(), 0, self.bytes) {
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => self.write_out(&mut file)?,
            allocated => allocated?,
        }
        file.sync_all()
    }

    /// Writes the file, for file systems that cannot allocate without. What is
    /// written cannot be compressed away: the numbers of a xorshift generator
    /// (Marsaglia, 2003).
    fn write_out(&self, file: &mut File) -> io::Result<()> {
        file.seek(SeekFrom::Start(0))?;
        let mut number: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut left = self.bytes;
        let mut piece = Vec::with_capacity(PIECE_BYTES);
        while left > 0 {
            piece.clear();
            while piece.len() < PIECE_BYTES {
                number ^= number << 13;
                number ^= number >> 7;
                number ^= number << 17;
                piece.extend_from_slice(&number.to_le_bytes());
            }
            let len = usize::try_from(left).map_or(PIECE_BYTES, |left| left.min(PIECE_BYTES));
            file.write_all(piece.get(..len).unwrap_or(&piece))?;
            left = left.saturating_sub(u64::try_from(len).unwrap_or(left));
        }
        Ok(())
    }

    fn file(&self) -> io::Result<File> {
        private_file(&self.path)
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(cause) if cause.kind() != ErrorKind::NotFound => Err(cause),
        _ => Ok(()),
    }
}

fn is_no_room(cause: &io::Error) -> bool {
    matches!(cause.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: u64 = 100_000;

    fn open(folder: &Path, bytes: Option<u64>) -> DiskReserve {
        DiskReserve::open(folder, bytes, Arc::default()).unwrap()
    }

    #[test]
    fn it_takes_room_until_it_is_released() {
        let folder = tempfile::TempDir::new().unwrap();
        let found = || std::fs::metadata(folder.path().join(FILE)).unwrap();
        let reserve = open(folder.path(), Some(BYTES));
        assert_eq!(reserve.shared.reserve(), Reserve::Held { bytes: BYTES });
        assert_eq!(found().len(), BYTES);
        assert!(found().blocks() * 512 >= BYTES);
        reserve.release();
        assert_eq!(reserve.shared.reserve(), Reserve::Used);
        assert_eq!((found().len(), found().blocks()), (0, 0));
        reserve.release();
        // Here there is room, so that the next start has its reserve again.
        assert_eq!(
            open(folder.path(), Some(BYTES)).shared.reserve(),
            Reserve::Held { bytes: BYTES }
        );
        // Another size, and others who open the folder.
        let larger = open(folder.path(), Some(BYTES * 2));
        assert_eq!(larger.shared.reserve(), Reserve::Held { bytes: BYTES * 2 });
        assert_eq!(open(folder.path(), None).shared.reserve(), Reserve::Off);
        assert_eq!(found().len(), BYTES * 2);
        assert_eq!(open(folder.path(), Some(0)).shared.reserve(), Reserve::Off);
        assert!(!folder.path().join(FILE).exists());
    }

    #[test]
    fn a_file_with_holes_is_no_reserve() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join(FILE);
        File::create(&path).unwrap().set_len(BYTES).unwrap();
        let reserve = open(folder.path(), Some(BYTES));
        assert!(std::fs::metadata(&path).unwrap().blocks() * 512 >= BYTES);
        // And where it has to be written, it is as long.
        let mut file = reserve.file().unwrap();
        file.set_len(0).unwrap();
        reserve.write_out(&mut file).unwrap();
        assert_eq!(file.metadata().unwrap().len(), BYTES);
    }

    #[test]
    fn more_than_the_disk_has_is_missing() {
        let folder = tempfile::TempDir::new().unwrap();
        for _again in 0..2 {
            let reserve = open(folder.path(), Some(1 << 60));
            assert_eq!(reserve.shared.reserve(), Reserve::Missing);
            assert!(!reserve.is_made().unwrap());
        }
        let reserve = open(folder.path(), Some(1 << 60));
        // A full disk refuses nevertheless, and so does the next start.
        reserve.release();
        assert_eq!(reserve.shared.reserve(), Reserve::Used);
        assert_eq!(open(folder.path(), Some(1 << 60)).shared.reserve(), Reserve::Used);
    }
}
