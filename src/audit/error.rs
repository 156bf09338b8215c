//! What can go wrong with records.

use crate::base::limits;
use crate::store;

/// One enum for the whole module.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The record could not be written as JSON.
    #[error("the record cannot be written as JSON")]
    Encode(#[source] serde_json::Error),
    /// The record could not be compressed.
    #[error("the record cannot be compressed")]
    Compress(#[source] std::io::Error),
    /// A stored record is not what was written: its body does not open, or
    /// does not hash to its leaf.
    #[error("record {seq} of the log is damaged")]
    Corrupt { seq: i64 },
    /// A page was asked for with no rows or too many.
    #[error("a page has 1 to {} rows", limits::AUDIT_PAGE_ROWS)]
    PageRows,
    /// The cursor is not one that a query with this filter gave.
    #[error("the cursor does not belong to this query")]
    Cursor,
    /// No record of the account has this event id.
    #[error("there is no such event")]
    UnknownEvent,
    /// A proof was asked for in a tree that the log has not, or that the record
    /// is not in.
    #[error("a proof is for {from} to {has} records, not for {size}")]
    TreeSize { size: u64, from: u64, has: u64 },
    /// The log has no head.
    #[error("the log is not signed yet")]
    Unsigned,
    /// The store failed.
    #[error("the book cannot be read")]
    Store(#[from] store::Error),
}
