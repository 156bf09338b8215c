//! The book from its beginning: records in the order of the log.

use std::sync::Arc;

use super::Error;
use super::body::Opener;
use crate::store::{Position, Store};

/// A record, and where it stands.
#[derive(Clone, Debug)]
pub struct Placed {
    /// `recipientAccountId`.
    pub account: Arc<str>,
    /// `awsRegion`.
    pub region: Arc<str>,
    pub position: Position,
    /// The canonical JSON.
    pub record: String,
}

/// Reads records in the order of the log.
#[derive(Default)]
pub struct Records {
    opener: Opener,
}

impl Records {
    /// At most `limit` records behind the place `seq`; none at the end. Blocks.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for a record that is not what was written;
    /// [`Error::Store`].
    pub fn after(&mut self, store: &Store, seq: i64, limit: usize) -> Result<Vec<Placed>, Error> {
        let mut placed = Vec::new();
        for found in store.records_after(seq, limit)? {
            let record = self.opener.open(&found)?.record()?;
            let (account, region) = (found.columns.account, found.columns.region);
            placed.push(Placed { account, region, position: found.position, record });
        }
        Ok(placed)
    }
}
