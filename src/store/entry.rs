//! The searchable fields of one record, as ids.

use super::{Error, Row};

/// A place in the order of pages: newest first by time, then by place in the
/// log. Times are the callers' and may go back; places never do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Epoch milliseconds.
    pub time_ms: i64,
    pub seq: i64,
}

/// The columns that `log` and `index` both have, in one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) position: Position,
    pub(super) account: i64,
    pub(super) event_name: i64,
    pub(super) principal: i64,
    pub(super) key: Option<i64>,
    pub(super) second_key: Option<i64>,
    pub(super) error: Option<i64>,
    pub(super) source_ip: Option<i64>,
    pub(super) read_only: bool,
    pub(super) request_id: Option<[u8; 16]>,
}

impl Entry {
    /// Reads `seq, time_ms, account, event_name, principal, key, second_key,
    /// error, source_ip, read_only, request_id`.
    pub(super) fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            position: Position { seq: row.int(0)?, time_ms: row.int(1)? },
            account: row.int(2)?,
            event_name: row.int(3)?,
            principal: row.int(4)?,
            key: row.opt_int(5)?,
            second_key: row.opt_int(6)?,
            error: row.opt_int(7)?,
            source_ip: row.opt_int(8)?,
            read_only: row.bool(9)?,
            request_id: row.opt_blob(10)?.map(|_| row.array(10)).transpose()?,
        })
    }
}
