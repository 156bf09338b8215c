//! The append-only log: one row a record, read back by its place.

use super::entry::Position;
use super::names::{Kind, Names};
use super::{Error, NewEvent, Query, Row, Tx};

/// A record as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord {
    pub position: Position,
    /// ARN of the principal, or the fixed name of one that has no ARN.
    pub principal: String,
    /// Version of the canonical form.
    pub format: u8,
    /// Which dictionary `body` is compressed with.
    pub dictionary: u32,
    /// Leaf hash over the canonical form.
    pub leaf: [u8; 32],
    /// The canonical form, compressed.
    pub body: Vec<u8>,
}

/// Appends a record at `seq`.
pub(super) fn append(
    tx: &mut dyn Tx,
    names: &mut Names,
    seq: i64,
    event: &NewEvent,
) -> Result<(), Error> {
    let account = names.id(tx, Kind::ACCOUNT, &event.account)?;
    let region = names.id(tx, Kind::REGION, &event.region)?;
    let event_source = names.id(tx, Kind::EVENT_SOURCE, &event.event_source)?;
    let event_name = names.id(tx, Kind::EVENT_NAME, &event.event_name)?;
    let principal = names.id(tx, Kind::PRINCIPAL, &event.principal)?;
    let key = names.opt_id(tx, Kind::KEY, event.key.as_deref())?;
    let second_key = names.opt_id(tx, Kind::KEY, event.second_key.as_deref())?;
    let error = names.opt_id(tx, Kind::ERROR, event.error.as_deref())?;
    let source_ip = names.opt_id(tx, Kind::SOURCE_IP, event.source_ip.as_deref())?;
    let args = [
        seq.into(),
        event.time_ms.into(),
        account.into(),
        region.into(),
        event_source.into(),
        event_name.into(),
        principal.into(),
        key.into(),
        second_key.into(),
        error.into(),
        source_ip.into(),
        event.read_only.into(),
        i64::from(event.format).into(),
        i64::from(event.dictionary).into(),
        event.request_id.as_ref().into(),
        (&event.event_id).into(),
        (&event.leaf).into(),
        (&event.body).into(),
    ];
    tx.run(&APPEND, &args).map(drop)
}

/// The place of the last record, 0 while there is none.
pub(super) fn last_seq(tx: &mut dyn Tx) -> Result<i64, Error> {
    tx.rows(&LAST_SEQ, &[])?.first().ok_or(Error::Column(0))?.int(0)
}

/// When the last record was made, epoch milliseconds; `None` while there is none.
pub(super) fn last_time_ms(tx: &mut dyn Tx) -> Result<Option<i64>, Error> {
    tx.rows(&LAST_TIME, &[])?.first().map(|row| row.int(0)).transpose()
}

/// Reads the record at `seq`.
pub(super) fn find(tx: &mut dyn Tx, seq: i64) -> Result<Option<StoredRecord>, Error> {
    tx.rows(&FIND, &[seq.into()])?.first().map(stored).transpose()
}

/// Reads at most `limit` records behind `after_seq`, in the order of the log.
pub(super) fn records_after(
    tx: &mut dyn Tx,
    after_seq: i64,
    limit: usize,
) -> Result<Vec<StoredRecord>, Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    tx.rows(&AFTER, &[after_seq.into(), limit.into()])?.iter().map(stored).collect()
}

/// Reads at most `limit` records before `before_seq` and behind `after_seq`,
/// the newest first.
pub(super) fn records_before(
    tx: &mut dyn Tx,
    before_seq: i64,
    after_seq: i64,
    limit: usize,
) -> Result<Vec<StoredRecord>, Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let args = [before_seq.into(), after_seq.into(), limit.into()];
    tx.rows(&BEFORE, &args)?.iter().map(stored).collect()
}

fn stored(row: &Row) -> Result<StoredRecord, Error> {
    Ok(StoredRecord {
        position: Position { seq: row.int(0)?, time_ms: row.int(1)? },
        format: u8::try_from(row.int(2)?).ok().ok_or(Error::Column(2))?,
        dictionary: u32::try_from(row.int(3)?).ok().ok_or(Error::Column(3))?,
        leaf: row.array(4)?,
        body: row.blob(5)?.to_vec(),
        principal: row.text(6)?.to_owned(),
    })
}

const FIND: Query = Query {
    name: "log.find",
    sql: "select e.seq, e.time_ms, e.format, e.dictionary, e.leaf, e.body, n.value \
          from event_log e join names n on n.id = e.principal where e.seq = ?1",
};
const AFTER: Query = Query {
    name: "log.records_after",
    sql: "select e.seq, e.time_ms, e.format, e.dictionary, e.leaf, e.body, n.value \
          from event_log e join names n on n.id = e.principal \
          where e.seq > ?1 order by e.seq limit ?2",
};
const BEFORE: Query = Query {
    name: "log.records_before",
    sql: "select e.seq, e.time_ms, e.format, e.dictionary, e.leaf, e.body, n.value \
          from event_log e join names n on n.id = e.principal \
          where e.seq < ?1 and e.seq > ?2 order by e.seq desc limit ?3",
};
const APPEND: Query = Query {
    name: "log.append",
    sql: "insert into event_log (seq, time_ms, account, region, event_source, event_name, \
          principal, key, second_key, error, source_ip, read_only, format, dictionary, \
          request_id, event_id, leaf, body) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, \
          ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
};
const LAST_TIME: Query =
    Query { name: "log.last_time", sql: "select time_ms from event_log order by seq desc limit 1" };
const LAST_SEQ: Query =
    Query { name: "log.last_seq", sql: "select coalesce(max(seq), 0) from event_log" };
