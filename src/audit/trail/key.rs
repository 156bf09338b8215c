//! The keys that sign digests, as rows.

use crate::store::trail::{self as rows, KeyRow};
use crate::store::{self, Change, Tx};

/// How long one key signs, milliseconds: a year.
pub const KEY_LIFETIME_MS: i64 = 365 * 86_400_000;

/// A new key.
#[derive(Debug)]
pub struct InsertKey(pub KeyRow);

impl Change for InsertKey {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), store::Error> {
        rows::insert_key(tx, &self.0)
    }

    fn publish(&self) {}
}

/// The same key under another domain key.
#[derive(Debug)]
pub struct ResealKey {
    pub fingerprint: String,
    pub sealed: Vec<u8>,
}

impl Change for ResealKey {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), store::Error> {
        rows::reseal_key(tx, &self.fingerprint, &self.sealed)
    }

    fn publish(&self) {}
}
