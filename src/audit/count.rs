//! How many records, by what they have in common.

use super::{Error, Selection};
use crate::base::limits;
use crate::store::{Census, Counts, Dimension, Store};

/// A minute, an hour and a day, milliseconds.
const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// By what can be counted, by the name that callers use.
pub const GROUPINGS: [(&str, Dimension); 8] = [
    ("minute", Dimension::Time(MINUTE_MS)),
    ("hour", Dimension::Time(HOUR_MS)),
    ("day", Dimension::Time(DAY_MS)),
    ("principal", Dimension::Principal),
    ("key", Dimension::Key),
    ("eventName", Dimension::EventName),
    ("errorCode", Dimension::Error),
    ("sourceIp", Dimension::SourceIp),
];

/// Counts the records of a selection, those of the last moment included. Days
/// and hours are those of UTC. Blocks.
///
/// # Errors
/// [`Error::PageRows`]; [`Error::Store`].
pub fn count(
    store: &Store,
    selection: &Selection,
    by: [Option<Dimension>; 2],
    rows: usize,
) -> Result<Counts, Error> {
    if rows == 0 || rows > limits::AUDIT_PAGE_ROWS {
        return Err(Error::PageRows);
    }
    let all = selection.all();
    let conditions = selection.conditions(&all);
    Ok(store.count(&Census { conditions, by, groups: limits::AUDIT_COUNTED_GROUPS, rows })?)
}
