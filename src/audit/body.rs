//! The record as stored: taken apart into what stays and what can be erased,
//! both compressed with a dictionary and tied to the leaf.

use std::cell::RefCell;
use std::sync::{Mutex, PoisonError};

use zstd::bulk::{Compressor, Decompressor};

use super::columns::{Columns, Row};
use super::leaf::{Salt, commitment, leaf_2, salt_of_value};
use super::opened::{Opened, Value};
use super::{Error, RECORD_BYTES};
use crate::store::{Personal, StoredRecord};

/// Version of the canonical form. It is the first byte of the leaf data, so a
/// record cannot be passed off as one of another form.
pub const LEAF_FORMAT: u8 = 2;

/// The dictionary that new records are compressed with.
pub(super) const CURRENT_DICTIONARY: u32 = 2;

/// Every dictionary there ever was, by number. None may change or go: stored
/// records need them.
const DICTIONARIES: &[(u32, &[u8])] =
    &[(1, include_bytes!("dictionaries/1.zdict")), (2, include_bytes!("dictionaries/2.zdict"))];

/// zstd's level. With a dictionary, 3 is no smaller on records of a kilobyte
/// and takes longer (see `benches/dictionary.rs`).
const LEVEL: i32 = 1;

/// What every zstd frame begins with (RFC 8878, section 3.1.1). From format 2
/// on it is not stored.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

thread_local! {
    // Making a context costs far more than compressing a record with it.
    static PRESS: RefCell<Option<Press>> = const { RefCell::new(None) };
}

/// A compression context with its dictionary, and the room it writes to.
struct Press {
    compressor: Compressor<'static>,
    room: Vec<u8>,
}

impl Press {
    fn new() -> std::io::Result<Self> {
        let dictionary = dictionary(CURRENT_DICTIONARY).unwrap_or_default();
        let mut compressor = Compressor::with_dictionary(LEVEL, dictionary)?;
        // The row says which dictionary; four bytes a record need not repeat it.
        compressor.include_dictid(false)?;
        let room = Vec::with_capacity(zstd::compress_bound(RECORD_BYTES));
        Ok(Self { compressor, room })
    }
}

/// Compresses with the current dictionary.
fn compress(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let compress = |slot: &mut Option<Press>| {
        let press = match slot {
            Some(press) => press,
            None => slot.insert(Press::new()?),
        };
        press.room.clear();
        press.compressor.compress_to_buffer(bytes, &mut press.room)?;
        Ok(press.room.get(MAGIC.len()..).unwrap_or_default().to_vec())
    };
    PRESS.with_borrow_mut(compress).map_err(Error::Compress)
}

/// A record as it goes into its row.
pub(super) struct Packed {
    pub(super) leaf: [u8; 32],
    pub(super) body: Vec<u8>,
    pub(super) personal: Personal,
}

/// Takes a canonical record apart.
pub(super) fn pack(
    canonical: &str,
    row: &Row<'_>,
    columns: &Columns<'_>,
    salt: Salt,
) -> Result<Packed, Error> {
    let mut commitments = Vec::with_capacity(8);
    let commit =
        |value| commitments.push(commitment(&salt_of_value(&salt, commitments.len()), value));
    let apart = columns.take_apart(canonical, commit).map_err(|_malformed| Error::NotARecord)?;
    Ok(Packed {
        leaf: leaf_2(apart.skeleton.as_bytes(), &commitments),
        body: compress(&apart.short)?,
        personal: Personal {
            salt: Some(salt),
            source_ip: row.source_ip.map(str::to_owned),
            session: row.session.map(str::to_owned),
            body: compress(&apart.values)?,
        },
    })
}

/// Decompression contexts that nobody uses now. Making one means reading the
/// dictionary, which costs as much as opening a hundred records.
static RESTING: Mutex<Vec<Ready>> = Mutex::new(Vec::new());

/// How many contexts rest at most; each takes some 300 KiB.
const RESTING_MOST: usize = 8;

/// A decompression context with its dictionary, and the room it writes to.
struct Ready {
    dictionary: u32,
    decompressor: Decompressor<'static>,
    /// A body as zstd has it.
    frame: Vec<u8>,
    /// What came out last.
    room: Vec<u8>,
}

impl Ready {
    fn new(dictionary: u32) -> Option<Self> {
        let decompressor = Decompressor::with_dictionary(self::dictionary(dictionary)?).ok()?;
        let (frame, room) = (Vec::new(), Vec::with_capacity(RECORD_BYTES));
        Some(Self { dictionary, decompressor, frame, room })
    }

    /// What the parts of a frame hold together.
    fn decompress(&mut self, parts: [&[u8]; 2]) -> Option<&[u8]> {
        self.frame.clear();
        parts.iter().for_each(|part| self.frame.extend_from_slice(part));
        self.room.clear();
        self.decompressor.decompress_to_buffer(&self.frame, &mut self.room).ok()?;
        Some(&self.room)
    }
}

/// Opens stored records; keeps the dictionary at hand from one to the next.
#[derive(Default)]
pub struct Opener {
    ready: Option<Ready>,
}

impl Drop for Opener {
    fn drop(&mut self) {
        let Some(ready) = self.ready.take() else { return };
        let mut resting = RESTING.lock().unwrap_or_else(PoisonError::into_inner);
        if resting.len() < RESTING_MOST {
            resting.push(ready);
        }
    }
}

impl Opener {
    /// A stored record, checked against its leaf.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for one that is not what was written.
    pub fn open(&mut self, record: &StoredRecord) -> Result<Opened, Error> {
        let damaged = || Error::Corrupt { seq: record.position.seq };
        let opened = self.read(record).filter(|opened| opened.leaf() == record.leaf);
        opened.ok_or_else(damaged)
    }

    /// A stored record, unchecked; `None` if it cannot be read.
    pub(super) fn read(&mut self, record: &StoredRecord) -> Option<Opened> {
        match record.format {
            1 => self.open_1(record),
            2 => self.open_2(record),
            _ => None,
        }
    }

    fn open_1(&mut self, record: &StoredRecord) -> Option<Opened> {
        let canonical = self.ready(record.dictionary)?.decompress([&[], &record.body])?;
        let canonical = str::from_utf8(canonical).ok()?;
        Some(Opened { format: 1, skeleton: canonical.to_owned(), values: Vec::new() })
    }

    fn open_2(&mut self, record: &StoredRecord) -> Option<Opened> {
        let columns = Columns::of(&Row::of(record));
        let skeleton = columns.restore(self.decompress_2(record.dictionary, &record.body)?)?;
        let personal = record.personal.as_ref()?;
        let values = match &personal.salt {
            Some(salt) => {
                let packed = self.decompress_2(record.dictionary, &personal.body)?;
                let values = (0..).zip(columns.unpack(packed)?);
                values
                    .map(|(i, value)| Value::Kept { salt: salt_of_value(salt, i), value })
                    .collect()
            }
            None => Value::read_all(&personal.body)?,
        };
        Some(Opened { format: 2, skeleton, values })
    }

    fn decompress_2(&mut self, dictionary: u32, body: &[u8]) -> Option<&[u8]> {
        self.ready(dictionary)?.decompress([&MAGIC, body])
    }

    /// The context with this dictionary.
    fn ready(&mut self, dictionary: u32) -> Option<&mut Ready> {
        if self.ready.as_ref().is_none_or(|ready| ready.dictionary != dictionary) {
            let mut resting = RESTING.lock().unwrap_or_else(PoisonError::into_inner);
            let at = resting.iter().position(|ready| ready.dictionary == dictionary);
            let rested = at.map(|at| resting.swap_remove(at));
            drop(resting);
            self.ready = rested.or_else(|| Ready::new(dictionary));
        }
        self.ready.as_mut()
    }
}

fn dictionary(number: u32) -> Option<&'static [u8]> {
    DICTIONARIES.iter().find(|(known, _)| *known == number).map(|(_, bytes)| *bytes)
}
