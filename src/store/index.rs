//! The search index: its rows. It is derived from the log alone; what fills it
//! is `filling`, and when and where is the engine's matter.

use super::cells::{self, Column};
use super::entry::Field;
use super::places::{self, BLOCK, Bits, WINDOW};
use super::{Error, Query, Tx, Value};

/// How far the index is, and of which log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) log_id: String,
    /// The last record taken in.
    pub(super) seq: i64,
    /// That record's leaf; empty while there is none.
    pub(super) leaf: Vec<u8>,
}

/// Reads the progress; `None` in a new index.
pub(super) fn progress(tx: &mut dyn Tx) -> Result<Option<Progress>, Error> {
    let rows = tx.rows(&PROGRESS, &[])?;
    let read = |row: &super::Row| {
        Ok(Progress {
            log_id: row.text(0)?.to_owned(),
            seq: row.int(1)?,
            leaf: row.blob(2)?.to_vec(),
        })
    };
    rows.first().map(read).transpose()
}

/// Writes the progress, in the transaction of the records it counts.
pub(super) fn set_progress(tx: &mut dyn Tx, progress: &Progress) -> Result<(), Error> {
    let args =
        [Value::from(&progress.log_id), Value::from(progress.seq), Value::from(&progress.leaf)];
    tx.run(&SET_PROGRESS, &args).map(drop)
}

/// One window, and between which times its records were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) number: i64,
    pub(super) earliest_ms: i64,
    pub(super) latest_ms: i64,
}

/// Values that stand for "any": they are no ids.
pub(super) const ANY: i64 = 0;

/// The windows up to `last` that may have records of a time, newest first.
pub(super) fn windows(
    tx: &mut dyn Tx,
    from_ms: i64,
    to_ms: i64,
    last: i64,
    limit: usize,
) -> Result<Vec<Window>, Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = tx.rows(&WINDOWS, &[from_ms.into(), to_ms.into(), last.into(), limit.into()])?;
    let read = |row: &super::Row| {
        Ok(Window { number: row.int(0)?, earliest_ms: row.int(1)?, latest_ms: row.int(2)? })
    };
    rows.iter().map(read).collect()
}

pub(super) fn set_window(tx: &mut dyn Tx, window: &Window) -> Result<(), Error> {
    let args = [window.number.into(), window.earliest_ms.into(), window.latest_ms.into()];
    tx.run(&SET_WINDOW, &args).map(drop)
}

/// Which records of a window have the value.
pub(super) fn places(
    tx: &mut dyn Tx,
    window: i64,
    field: Field,
    value: i64,
) -> Result<Option<Bits>, Error> {
    let rows = tx.rows(&PLACES, &[window.into(), field.number().into(), value.into()])?;
    rows.first().map(|row| places::offsets(row.blob(0)?)).transpose()
}

pub(super) fn set_places(
    tx: &mut dyn Tx,
    window: i64,
    (field, value): (i64, i64),
    places: &[u8],
) -> Result<(), Error> {
    let args = [window.into(), field.into(), value.into(), places.into()];
    tx.run(&SET_PLACES, &args).map(drop)
}

/// The values of a field that records of the window have.
pub(super) fn values(tx: &mut dyn Tx, window: i64, field: Field) -> Result<Vec<i64>, Error> {
    let rows = tx.rows(&VALUES, &[window.into(), field.number().into()])?;
    rows.iter().map(|row| row.int(0)).collect()
}

/// Whether any record has the value.
pub(super) fn is_used(tx: &mut dyn Tx, field: Field, value: i64) -> Result<bool, Error> {
    Ok(!tx.rows(&IS_USED, &[field.number().into(), value.into()])?.is_empty())
}

/// No record of the window has the value any more.
pub(super) fn drop_places(
    tx: &mut dyn Tx,
    window: i64,
    field: Field,
    value: i64,
) -> Result<(), Error> {
    tx.run(&DROP_PLACES, &[window.into(), field.number().into(), value.into()]).map(drop)
}

/// The ids of a bucket of a window, as they are stored.
pub(super) fn bucket(tx: &mut dyn Tx, window: i64, bucket: u8) -> Result<Vec<u8>, Error> {
    let rows = tx.rows(&BUCKET, &[window.into(), i64::from(bucket).into()])?;
    rows.first().map_or_else(|| Ok(Vec::new()), |row| Ok(row.blob(0)?.to_vec()))
}

pub(super) fn set_bucket(
    tx: &mut dyn Tx,
    window: i64,
    bucket: u8,
    entries: &[u8],
) -> Result<(), Error> {
    tx.run(&SET_BUCKET, &[window.into(), i64::from(bucket).into(), entries.into()]).map(drop)
}

/// The numbers of a column, of the block of a window. Fewer than a block has
/// only the newest.
pub(super) fn cells(
    tx: &mut dyn Tx,
    window: i64,
    block: u16,
    column: Column,
) -> Result<Vec<i64>, Error> {
    let rows = tx.rows(&CELLS, &[place(window, block, column).into()])?;
    rows.first().map_or_else(|| Ok(Vec::new()), |row| cells::read(row.blob(0)?))
}

pub(super) fn set_cells(
    tx: &mut dyn Tx,
    window: i64,
    block: u16,
    column: Column,
    numbers: &[i64],
) -> Result<(), Error> {
    let bytes = cells::write(numbers);
    tx.run(&SET_CELLS, &[place(window, block, column).into(), (&bytes).into()]).map(drop)
}

fn place(window: i64, block: u16, column: Column) -> i64 {
    let blocks = i64::from(WINDOW / BLOCK);
    let block = window.saturating_mul(blocks).saturating_add(i64::from(block));
    block.saturating_mul(8).saturating_add(column.number())
}

/// What reads, for the test of its plans.
#[cfg(test)]
pub(super) const READS: &[Query] = &[PROGRESS, WINDOWS, PLACES, VALUES, BUCKET, CELLS];

const PROGRESS: Query =
    Query { name: "index.progress", sql: "select log_id, seq, leaf from progress where id = 1" };
const SET_PROGRESS: Query = Query {
    name: "index.set_progress",
    sql: "insert into progress (id, log_id, seq, leaf) values (1, ?1, ?2, ?3) \
          on conflict (id) do update set log_id = excluded.log_id, seq = excluded.seq, \
          leaf = excluded.leaf",
};
const WINDOWS: Query = Query {
    name: "index.windows",
    sql: "select window, earliest_ms, latest_ms from windows \
          where window <= ?3 and latest_ms >= ?1 and earliest_ms < ?2 \
          order by window desc limit ?4",
};
const SET_WINDOW: Query = Query {
    name: "index.set_window",
    sql: "insert into windows (window, earliest_ms, latest_ms) values (?1, ?2, ?3) \
          on conflict (window) do update set earliest_ms = excluded.earliest_ms, \
          latest_ms = excluded.latest_ms",
};
const PLACES: Query = Query {
    name: "index.places",
    sql: "select places from postings where window = ?1 and field = ?2 and value = ?3",
};
const VALUES: Query = Query {
    name: "index.values",
    sql: "select value from postings where window = ?1 and field = ?2 order by value",
};
const IS_USED: Query = Query {
    name: "index.is_used",
    sql: "select 1 from windows w join postings p on p.window = w.window \
          where p.field = ?1 and p.value = ?2 limit 1",
};
const DROP_PLACES: Query = Query {
    name: "index.drop_places",
    sql: "delete from postings where window = ?1 and field = ?2 and value = ?3",
};
const SET_PLACES: Query = Query {
    name: "index.set_places",
    sql: "insert into postings (window, field, value, places) values (?1, ?2, ?3, ?4) \
          on conflict (window, field, value) do update set places = excluded.places",
};
const BUCKET: Query = Query {
    name: "index.bucket",
    sql: "select entries from ids where window = ?1 and bucket = ?2",
};
const SET_BUCKET: Query = Query {
    name: "index.set_bucket",
    sql: "insert into ids (window, bucket, entries) values (?1, ?2, ?3) \
          on conflict (window, bucket) do update set entries = excluded.entries",
};
const CELLS: Query = Query { name: "index.cells", sql: "select cells from cells where place = ?1" };
const SET_CELLS: Query = Query {
    name: "index.set_cells",
    sql: "insert into cells (place, cells) values (?1, ?2) \
          on conflict (place) do update set cells = excluded.cells",
};
