//! The search index: its rows. It is derived from the log alone; what fills it
//! is `filling`, and when and where is the engine's matter.

use std::collections::BTreeMap;

use super::cells::{self, Column};
use super::entry::Field;
use super::inspect::in_order;
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
    /// The last of the log's erasures that was followed.
    pub(super) erasure: i64,
}

/// Reads the progress; `None` in a new index.
pub(super) fn progress(tx: &mut dyn Tx) -> Result<Option<Progress>, Error> {
    let rows = tx.rows(&PROGRESS, &[])?;
    let read = |row: &super::Row| {
        Ok(Progress {
            log_id: row.text(0)?.to_owned(),
            seq: row.int(1)?,
            leaf: row.blob(2)?.to_vec(),
            erasure: row.int(3)?,
        })
    };
    rows.first().map(read).transpose()
}

/// Writes the progress, in the transaction of the records it counts.
pub(super) fn set_progress(tx: &mut dyn Tx, progress: &Progress) -> Result<(), Error> {
    let Progress { log_id, seq, leaf, erasure } = progress;
    let args = [Value::from(log_id), (*seq).into(), leaf.into(), (*erasure).into()];
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

/// The block, and the number of the column, of a row of cells.
pub(super) fn cells_at(place: i64) -> (i64, i64) {
    let blocks = i64::from(WINDOW / BLOCK);
    let (block, column) = (place.div_euclid(8), place.rem_euclid(8));
    (block.rem_euclid(blocks), column)
}

/// A row of a window: its key beside the window, and its bytes.
pub(super) type Stored = ((i64, i64), Vec<u8>);

/// At most `limit` rows of the postings of a window behind a field and value, in
/// order.
pub(super) fn stored_places(
    tx: &mut dyn Tx,
    window: i64,
    behind: (i64, i64),
    limit: usize,
) -> Result<Vec<Stored>, Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let args = [window.into(), behind.0.into(), behind.1.into(), limit.into()];
    let rows = tx.rows(&STORED_PLACES, &args)?.into_iter();
    let read = |mut row: super::Row| Ok(((row.int(0)?, row.int(1)?), taken(&mut row, 2)?));
    let page: Vec<Stored> = rows.map(read).collect::<Result<_, Error>>()?;
    in_order(behind, page.iter().map(|(key, _)| *key))?;
    Ok(page)
}

/// The buckets of a window, by their numbers.
pub(super) fn stored_buckets(
    tx: &mut dyn Tx,
    window: i64,
) -> Result<BTreeMap<i64, Vec<u8>>, Error> {
    let rows = tx.rows(&STORED_BUCKETS, &[window.into()])?.into_iter();
    rows.map(|mut row| Ok((row.int(0)?, taken(&mut row, 1)?))).collect()
}

/// The numbers of a window, by their places.
pub(super) fn stored_cells(tx: &mut dyn Tx, window: i64) -> Result<BTreeMap<i64, Vec<u8>>, Error> {
    let (from, to) = (places_from(window), places_from(window.saturating_add(1)));
    let rows = tx.rows(&STORED_CELLS, &[from.into(), to.into()])?.into_iter();
    rows.map(|mut row| Ok((row.int(0)?, taken(&mut row, 1)?))).collect()
}

fn taken(row: &mut super::Row, column: usize) -> Result<Vec<u8>, Error> {
    row.take_opt_blob(column)?.ok_or(Error::Column(column))
}

/// The place of the first numbers of a window.
fn places_from(window: i64) -> i64 {
    window.saturating_mul(i64::from(WINDOW / BLOCK)).saturating_mul(8)
}

/// Windows before the first or behind `last` of which there are rows, at most
/// `limit`.
pub(super) fn windows_beside(tx: &mut dyn Tx, last: i64, limit: usize) -> Result<Vec<i64>, Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let end = places_from(last.saturating_add(1));
    let args = [last.into(), end.into(), places_from(1).into(), limit.into()];
    tx.rows(&WINDOWS_BESIDE, &args)?.iter().map(|row| row.int(0)).collect()
}

/// What reads, for the test of its plans.
#[cfg(test)]
pub(super) const READS: &[Query] = &[
    PROGRESS,
    WINDOWS,
    PLACES,
    VALUES,
    BUCKET,
    CELLS,
    STORED_PLACES,
    STORED_BUCKETS,
    STORED_CELLS,
];

const PROGRESS: Query = Query {
    name: "index.progress",
    sql: "select log_id, seq, leaf, erasure from progress where id = 1",
};
const SET_PROGRESS: Query = Query {
    name: "index.set_progress",
    sql: "insert into progress (id, log_id, seq, leaf, erasure) values (1, ?1, ?2, ?3, ?4) \
          on conflict (id) do update set log_id = excluded.log_id, seq = excluded.seq, \
          leaf = excluded.leaf, erasure = excluded.erasure",
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
const STORED_PLACES: Query = Query {
    name: "index.stored_places",
    sql: "select field, value, places from postings \
          where window = ?1 and (field, value) > (?2, ?3) order by field, value limit ?4",
};
const STORED_BUCKETS: Query = Query {
    name: "index.stored_buckets",
    sql: "select bucket, entries from ids where window = ?1 order by bucket",
};
const STORED_CELLS: Query = Query {
    name: "index.stored_cells",
    sql: "select place, cells from cells where place >= ?1 and place < ?2 order by place",
};
const WINDOWS_BESIDE: Query = Query {
    name: "index.windows_beside",
    sql: "select window from windows where window < 0 or window > ?1 \
          union select window from postings where window < 0 or window > ?1 \
          union select window from ids where window < 0 or window > ?1 \
          union select place / ?3 from cells where place < 0 or place >= ?2 \
          limit ?4",
};
const CELLS: Query = Query { name: "index.cells", sql: "select cells from cells where place = ?1" };
const SET_CELLS: Query = Query {
    name: "index.set_cells",
    sql: "insert into cells (place, cells) values (?1, ?2) \
          on conflict (place) do update set cells = excluded.cells",
};
