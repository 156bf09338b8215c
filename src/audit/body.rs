//! The record as stored: compressed with a dictionary, tied to its leaf hash.

use std::cell::RefCell;

use sha2::{Digest, Sha256};
use zstd::bulk::{Compressor, Decompressor};

use super::{Error, RECORD_BYTES};
use crate::store::StoredRecord;

/// Version of the canonical form. It is the first byte of the leaf data, so a
/// record cannot be passed off as one of another form.
pub const LEAF_FORMAT: u8 = 1;

/// The dictionary that new records are compressed with.
pub(super) const CURRENT_DICTIONARY: u32 = 1;

/// Every dictionary there ever was, by number. None may change or go: stored
/// records need them.
const DICTIONARIES: &[(u32, &[u8])] = &[(1, include_bytes!("dictionaries/1.zdict"))];

/// zstd's level. With a dictionary, 3 is no smaller on records of a kilobyte
/// and takes longer (see `benches/dictionary.rs`).
const LEVEL: i32 = 1;

/// The leaf of a record in the log's Merkle tree: RFC 6962, section 2.1,
/// `SHA-256(0x00 || d)`, where the leaf data `d` is the format's number as one
/// byte and then the canonical form.
#[must_use]
pub fn leaf(format: u8, canonical: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update([0x00, format]);
    hash.update(canonical);
    hash.finalize().into()
}

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

/// Compresses a canonical record with the current dictionary.
pub(super) fn compress(canonical: &[u8]) -> Result<Vec<u8>, Error> {
    let compress = |slot: &mut Option<Press>| {
        let press = match slot {
            Some(press) => press,
            None => slot.insert(Press::new()?),
        };
        press.room.clear();
        press.compressor.compress_to_buffer(canonical, &mut press.room)?;
        Ok(press.room.clone())
    };
    PRESS.with_borrow_mut(compress).map_err(Error::Compress)
}

/// Opens stored records; keeps the dictionary at hand from one to the next.
#[derive(Default)]
pub(super) struct Opener {
    ready: Option<(u32, Decompressor<'static>)>,
}

impl Opener {
    /// The canonical form of a stored record, checked against its leaf.
    pub(super) fn open(&mut self, record: &StoredRecord) -> Result<String, Error> {
        let damaged = || Error::Corrupt { seq: record.position.seq };
        let canonical = self.decompress(record).ok_or_else(damaged)?;
        if leaf(record.format, &canonical) != record.leaf {
            return Err(damaged());
        }
        String::from_utf8(canonical).ok().ok_or_else(damaged)
    }

    /// Writes the canonical form of a stored record into `room`, unchecked;
    /// `None` if it does not open.
    pub(super) fn read(&mut self, record: &StoredRecord, room: &mut Vec<u8>) -> Option<()> {
        room.clear();
        room.reserve(RECORD_BYTES);
        let opener = self.opener(record.dictionary)?;
        opener.decompress_to_buffer(&record.body, room).ok().map(drop)
    }

    fn decompress(&mut self, record: &StoredRecord) -> Option<Vec<u8>> {
        self.opener(record.dictionary)?.decompress(&record.body, RECORD_BYTES).ok()
    }

    fn opener(&mut self, number: u32) -> Option<&mut Decompressor<'static>> {
        if self.ready.as_ref().is_none_or(|(ready, _)| *ready != number) {
            let opener = Decompressor::with_dictionary(dictionary(number)?).ok()?;
            self.ready = Some((number, opener));
        }
        self.ready.as_mut().map(|(_, opener)| opener)
    }
}

fn dictionary(number: u32) -> Option<&'static [u8]> {
    DICTIONARIES.iter().find(|(known, _)| *known == number).map(|(_, bytes)| *bytes)
}
