//! The field-read book: one row for each item that a call opened, beside the
//! record of the call and in its transaction.
//!
//! Deliberately absent: what the bits mean; `audit` knows.

use std::sync::Arc;

use super::names::{Kind, Names};
use super::{Error, Query, Row, Tx};

/// Places that belong to one record: so many items a call can have at most.
pub(super) const PLACES: i64 = 65_536;

/// The rows of one record, to be written with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldReads {
    /// What the rows have in common, as `audit` writes it. Stored once.
    pub shared: String,
    pub rows: Vec<FieldRead>,
}

/// What a call opened of one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldRead {
    /// The item's number in the call, counted from 0.
    pub item: u16,
    /// Keyed digest of the item's table and key.
    pub reference: [u8; 16],
    /// Attributes that were given as they are: one bit each.
    pub plain: Vec<u8>,
    /// Those of which something was given.
    pub masked: Vec<u8>,
    /// Those that were asked for and not given.
    pub withheld: Vec<u8>,
}

/// A row as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFieldRead {
    pub shared: Arc<str>,
    pub read: FieldRead,
}

/// Writes the rows of the record at `seq`.
pub(super) fn append(
    tx: &mut dyn Tx,
    names: &mut Names,
    seq: i64,
    reads: &FieldReads,
) -> Result<(), Error> {
    let shared = names.id(tx, Kind::FIELD_READS, &reads.shared)?;
    for read in &reads.rows {
        let args = [
            place(seq, i64::from(read.item)).into(),
            shared.into(),
            (&read.reference).into(),
            (&read.plain).into(),
            (&read.masked).into(),
            (&read.withheld).into(),
        ];
        tx.run(&APPEND, &args)?;
    }
    Ok(())
}

/// The rows of the record at `seq`, with the id of what each shares.
pub(super) fn rows(tx: &mut dyn Tx, seq: i64) -> Result<Vec<(i64, FieldRead)>, Error> {
    let rows = tx.rows(&OF_RECORD, &[place(seq, 0).into(), place(seq, PLACES).into()])?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<(i64, FieldRead), Error> {
    let item = row.int(0)?.rem_euclid(PLACES);
    let read = FieldRead {
        item: u16::try_from(item).ok().ok_or(Error::Column(0))?,
        reference: row.array(2)?,
        plain: row.blob(3)?.to_vec(),
        masked: row.blob(4)?.to_vec(),
        withheld: row.blob(5)?.to_vec(),
    };
    Ok((row.int(1)?, read))
}

/// The place of an item's row.
pub(super) fn place(seq: i64, item: i64) -> i64 {
    seq.saturating_mul(PLACES).saturating_add(item)
}

/// How many rows there are of the records from `first` up to `last`.
pub(super) fn count(tx: &mut dyn Tx, first: i64, last: i64) -> Result<i64, Error> {
    let last_item = PLACES.saturating_sub(1);
    let args = [place(first, 0).into(), place(last, last_item).into()];
    tx.rows(&COUNT, &args)?.first().ok_or(Error::Column(0))?.int(0)
}

const APPEND: Query = Query {
    name: "field_reads.append",
    sql: "insert into event_field_reads (place, shared, reference, plain, masked, withheld) \
          values (?1, ?2, ?3, ?4, ?5, ?6)",
};
const OF_RECORD: Query = Query {
    name: "field_reads.of_record",
    sql: "select place, shared, reference, plain, masked, withheld from event_field_reads \
          where place >= ?1 and place < ?2 order by place",
};
const COUNT: Query = Query {
    name: "field_reads.count",
    sql: "select count(*) from event_field_reads where place >= ?1 and place <= ?2",
};
