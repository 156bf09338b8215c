//! The records of one delivery, sorted into files.

use std::collections::BTreeMap;

use crate::audit::{self, Records};
use crate::base::ids::{AccountId, Region};
use crate::base::limits;
use crate::store::Store;
use crate::store::trail::Chain;

/// Records read at a time.
const CHUNK_RECORDS: usize = 500;

/// What a file begins with, between two records, and its end.
const OPEN: &[u8] = br#"{"Records":["#;
const CLOSE: &[u8] = b"]}";

/// The content of one file for each chain.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) chains: BTreeMap<Chain, Contents>,
    /// The last record in it.
    pub(super) last_seq: i64,
}

/// The records of one chain, as JSON that is not closed yet.
#[derive(Debug)]
pub(super) struct Contents {
    json: Vec<u8>,
    oldest_ms: i64,
    newest_ms: i64,
}

impl Batch {
    /// Reads the records behind `after_seq` up to `last_seq`. What `is_limited` has
    /// as many as one delivery may; else all: somebody has limited it before. Blocks.
    pub(super) fn read(
        store: &Store,
        after_seq: i64,
        last_seq: i64,
        is_limited: bool,
    ) -> Result<Self, audit::Error> {
        let mut batch = Self { last_seq: after_seq, ..Self::default() };
        let (mut records, mut bytes) = (0_usize, 0_usize);
        let mut source = Records::default();
        while batch.last_seq < last_seq {
            let read = source.after(store, batch.last_seq, CHUNK_RECORDS)?;
            if read.is_empty() {
                break;
            }
            for placed in read.into_iter().take_while(|placed| placed.position.seq <= last_seq) {
                records = records.saturating_add(1);
                bytes = bytes.saturating_add(placed.record.len());
                let is_full = records > limits::TRAIL_FILE_RECORDS
                    || (records > 1 && bytes > limits::TRAIL_DELIVERY_BYTES);
                if is_limited && is_full {
                    return Ok(batch);
                }
                batch.take(placed)?;
            }
        }
        Ok(batch)
    }

    fn take(&mut self, placed: audit::Placed) -> Result<(), audit::Error> {
        let audit::Placed { account, region, position, record } = placed;
        // They become parts of paths.
        if AccountId::parse(&account).is_none() || Region::parse(&region).is_none() {
            return Err(audit::Error::Corrupt { seq: position.seq });
        }
        let at_ms = position.time_ms;
        let chain = Chain { account: account.to_string(), region: region.to_string() };
        let contents = self.chains.entry(chain).or_insert_with(|| Contents {
            json: OPEN.to_vec(),
            oldest_ms: at_ms,
            newest_ms: at_ms,
        });
        if contents.json.len() > OPEN.len() {
            contents.json.push(b',');
        }
        contents.json.extend_from_slice(record.as_bytes());
        contents.oldest_ms = contents.oldest_ms.min(at_ms);
        contents.newest_ms = contents.newest_ms.max(at_ms);
        self.last_seq = position.seq;
        Ok(())
    }
}

impl Contents {
    /// The whole file, and the times of its oldest and its newest record.
    pub(super) fn finish(mut self) -> (Vec<u8>, i64, i64) {
        self.json.extend_from_slice(CLOSE);
        (self.json, self.oldest_ms, self.newest_ms)
    }
}
