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
    /// A filter has a value that it cannot have.
    #[error("{name} must be {expected}")]
    Value { name: &'static str, expected: &'static str },
    /// A record could not be written as the row of a table.
    #[error("a record cannot be written as a row")]
    Row(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store failed.
    #[error("the book cannot be read")]
    Store(#[from] store::Error),
}
