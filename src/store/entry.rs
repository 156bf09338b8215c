//! The searchable fields of one record.

use super::{Error, Row};

/// A place in the order of pages: newest first by time, then by place in the
/// log. Times are the callers' and may go back; places never do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Epoch milliseconds.
    pub time_ms: i64,
    pub seq: i64,
}

/// What records are found by; numbers are ids of names. The texts are personal:
/// they are `None` once erased, and whatever is derived from them has to follow
/// (see `log::erasures`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) position: Position,
    pub(super) account: i64,
    pub(super) event_name: i64,
    /// The user, or the role of a session. In records of format 1: the session.
    pub(super) principal: i64,
    pub(super) key: Option<i64>,
    pub(super) second_key: Option<i64>,
    pub(super) error: Option<i64>,
    pub(super) read_only: bool,
    pub(super) request_id: Option<[u8; 16]>,
    pub(super) source_ip: Option<String>,
    /// Name of the session, or the subject of a web identity.
    pub(super) session: Option<String>,
}

impl Entry {
    /// Reads `seq, time_ms, account, event_name, principal, key, second_key,
    /// error, read_only, request_id, source_ip, session`.
    pub(super) fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            position: Position { seq: row.int(0)?, time_ms: row.int(1)? },
            account: row.int(2)?,
            event_name: row.int(3)?,
            principal: row.int(4)?,
            key: row.opt_int(5)?,
            second_key: row.opt_int(6)?,
            error: row.opt_int(7)?,
            read_only: row.bool(8)?,
            request_id: row.opt_blob(9)?.map(|_| row.array(9)).transpose()?,
            source_ip: row.opt_text(10)?.map(str::to_owned),
            session: row.opt_text(11)?.map(str::to_owned),
        })
    }
}

/// Reads an event id: no bytes stand for the request id's.
pub(super) fn event_id(
    row: &Row,
    column: usize,
    request_id: Option<[u8; 16]>,
) -> Result<[u8; 16], Error> {
    match request_id {
        Some(id) if row.blob(column)?.is_empty() => Ok(id),
        _ => row.array(column),
    }
}
