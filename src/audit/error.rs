//! What can go wrong with records.

use crate::base::ids::RequestId;
use crate::base::limits;
use crate::store;

/// One enum for the whole module.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The record could not be written as JSON.
    #[error("the record cannot be written as JSON")]
    Encode(#[source] serde_json::Error),
    /// The record could not be taken apart, or its parts do not fit together.
    #[error("the record is not the JSON of one")]
    NotARecord,
    /// The record could not be compressed.
    #[error("the record cannot be compressed")]
    Compress(#[source] std::io::Error),
    /// A stored record is not what was written: its body does not open, or
    /// does not hash to its leaf.
    #[error("record {seq} of the log is damaged")]
    Corrupt { seq: i64 },
    /// There is no such event in the book of the account.
    #[error("there is no event {0}")]
    NoSuchEvent(RequestId),
    /// A column of a stored record does not say what the record says.
    #[error("record {seq} of the log is filed wrongly: {column}")]
    Column { seq: i64, column: &'static str },
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
