//! The append-only log: one row a record, read back by its place, and beside
//! it what can be erased of the record.

use std::sync::Arc;

use super::entry::Position;
use super::event::Personal;
use super::field_reads::{self, StoredFieldRead};
use super::names::{self, Kind, Names};
use super::{Error, NewEvent, Query, Row, Tx, Value};

/// A record as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord {
    pub position: Position,
    /// Version of the canonical form.
    pub format: u8,
    /// Which dictionary the bodies are compressed with.
    pub dictionary: u32,
    /// Leaf hash of the record.
    pub leaf: [u8; 32],
    /// What of the record stays for ever, compressed.
    pub body: Vec<u8>,
    pub columns: StoredColumns,
    /// What can be erased of it; `None` for records of format 1.
    pub personal: Option<Personal>,
    /// What the call opened of items.
    pub field_reads: Vec<StoredFieldRead>,
}

/// What the columns of a record's row say, so that its body need not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredColumns {
    pub account: Arc<str>,
    pub region: Arc<str>,
    pub event_source: Arc<str>,
    pub event_name: Arc<str>,
    pub principal: Arc<str>,
    pub principal_id: Option<Arc<str>>,
    pub access_key: Option<Arc<str>>,
    pub key: Option<Arc<str>>,
    pub second_key: Option<Arc<str>>,
    pub key_material: Option<Arc<str>>,
    pub error: Option<Arc<str>>,
    /// Address of the caller, of records of format 1 alone.
    pub source_ip: Option<Arc<str>>,
    pub request_id: Option<[u8; 16]>,
    pub event_id: [u8; 16],
    pub read_only: bool,
    /// Rows of the field-read book.
    pub field_reads: Option<i64>,
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
    let principal_id = names.opt_id(tx, Kind::PRINCIPAL_ID, event.principal_id.as_deref())?;
    let access_key = names.opt_id(tx, Kind::ACCESS_KEY, event.access_key.as_deref())?;
    let key = names.opt_id(tx, Kind::KEY, event.key.as_deref())?;
    let second_key = names.opt_id(tx, Kind::KEY, event.second_key.as_deref())?;
    let key_material = names.opt_id(tx, Kind::KEY_MATERIAL, event.key_material.as_deref())?;
    let error = names.opt_id(tx, Kind::ERROR, event.error.as_deref())?;
    let reads = event.field_reads.as_ref().map(|reads| reads.rows.len());
    let reads = reads.map(|rows| i64::try_from(rows).unwrap_or(i64::MAX));
    let event_id: &[u8] =
        if event.request_id == Some(event.event_id) { &[] } else { &event.event_id };
    let args = [
        seq.into(),
        event.time_ms.into(),
        account.into(),
        region.into(),
        event_source.into(),
        event_name.into(),
        principal.into(),
        principal_id.into(),
        access_key.into(),
        key.into(),
        second_key.into(),
        key_material.into(),
        error.into(),
        event.read_only.into(),
        i64::from(event.format).into(),
        i64::from(event.dictionary).into(),
        event.request_id.as_ref().into(),
        event_id.into(),
        (&event.leaf).into(),
        (&event.body).into(),
        reads.into(),
    ];
    tx.run(&APPEND, &args)?;
    let Personal { salt, source_ip, session, body } = &event.personal;
    let args = [
        seq.into(),
        salt.as_ref().into(),
        source_ip.as_ref().into(),
        session.as_ref().into(),
        body.into(),
    ];
    tx.run(&APPEND_PERSONAL, &args)?;
    match &event.field_reads {
        Some(reads) => field_reads::append(tx, names, seq, reads),
        None => Ok(()),
    }
}

/// The place of the last record, 0 while there is none.
pub(super) fn last_seq(tx: &mut dyn Tx) -> Result<i64, Error> {
    tx.rows(&LAST_SEQ, &[])?.first().ok_or(Error::Column(0))?.int(0)
}

/// When the last record was made, epoch milliseconds; `None` while there is none.
pub(super) fn last_time_ms(tx: &mut dyn Tx) -> Result<Option<i64>, Error> {
    tx.rows(&LAST_TIME, &[])?.first().map(|row| row.int(0)).transpose()
}

/// The same of the last record that is none of these events.
pub(super) fn last_time_without_ms(tx: &mut dyn Tx, events: &[&str]) -> Result<Option<i64>, Error> {
    let mut before = i64::MAX;
    loop {
        let rows = tx.rows(&NEWEST_BEFORE, &[before.into()])?;
        for row in &rows {
            if !events.contains(&row.text(2)?) {
                return row.int(1).map(Some);
            }
            before = row.int(0)?;
        }
        if rows.is_empty() {
            return Ok(None);
        }
    }
}

/// The leaf of the record at `seq`, if there is one.
pub(super) fn leaf(tx: &mut dyn Tx, seq: i64) -> Result<Option<[u8; 32]>, Error> {
    tx.rows(&LEAF, &[seq.into()])?.first().map(|row| row.array(0)).transpose()
}

/// Reads records. Names are looked up once and remembered, so one finder
/// serves a whole page or scan.
#[derive(Debug, Default)]
pub(super) struct Finder {
    /// Each name has one place, its id modulo [`Finder::NAMES`]. Ids are counted
    /// from 1, so this is no longer than there are names.
    names: Vec<Option<(i64, Arc<str>)>>,
}

impl Finder {
    /// Names that are remembered, at most.
    const NAMES: i64 = 16_384;

    /// Reads the record at `seq`.
    pub(super) fn find(
        &mut self,
        tx: &mut dyn Tx,
        seq: i64,
    ) -> Result<Option<StoredRecord>, Error> {
        let rows = tx.rows(&FIND, &[seq.into()])?;
        rows.into_iter().next().map(|row| self.stored(tx, row)).transpose()
    }

    /// Reads at most `limit` records behind `after_seq`, in the order of the log.
    pub(super) fn records_after(
        &mut self,
        tx: &mut dyn Tx,
        after_seq: i64,
        limit: usize,
    ) -> Result<Vec<StoredRecord>, Error> {
        let rows = tx.rows(&AFTER, &[after_seq.into(), bound(limit)])?;
        rows.into_iter().map(|row| self.stored(tx, row)).collect()
    }

    /// Reads at most `limit` records before `before_seq` and behind `after_seq`,
    /// the newest first.
    pub(super) fn records_before(
        &mut self,
        tx: &mut dyn Tx,
        before_seq: i64,
        after_seq: i64,
        limit: usize,
    ) -> Result<Vec<StoredRecord>, Error> {
        let rows = tx.rows(&BEFORE, &[before_seq.into(), after_seq.into(), bound(limit)])?;
        rows.into_iter().map(|row| self.stored(tx, row)).collect()
    }

    /// Reads at most `limit` erasures behind number `after`, in order. Whoever
    /// keeps copies of personal data, such as the index, remembers the number
    /// of the last one it has followed.
    pub(super) fn erasures(
        &mut self,
        tx: &mut dyn Tx,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Erasure>, Error> {
        let rows = tx.rows(&ERASURES, &[after.into(), bound(limit)])?;
        let read = |row: Row| Ok(Erasure { n: row.int(26)?, record: self.stored(tx, row)? });
        rows.into_iter().map(read).collect()
    }

    pub(super) fn stored(&mut self, tx: &mut dyn Tx, mut row: Row) -> Result<StoredRecord, Error> {
        let request_id = row.opt_blob(16)?.map(|_| row.array(16)).transpose()?;
        let columns = StoredColumns {
            account: self.name(tx, row.int(5)?)?,
            region: self.name(tx, row.int(6)?)?,
            event_source: self.name(tx, row.int(7)?)?,
            event_name: self.name(tx, row.int(8)?)?,
            principal: self.name(tx, row.int(9)?)?,
            principal_id: self.opt_name(tx, row.opt_int(10)?)?,
            access_key: self.opt_name(tx, row.opt_int(11)?)?,
            key: self.opt_name(tx, row.opt_int(12)?)?,
            second_key: self.opt_name(tx, row.opt_int(13)?)?,
            key_material: self.opt_name(tx, row.opt_int(14)?)?,
            error: self.opt_name(tx, row.opt_int(15)?)?,
            source_ip: self.opt_name(tx, row.opt_int(25)?)?,
            request_id,
            event_id: event_id(&row, request_id)?,
            read_only: row.bool(18)?,
            field_reads: row.opt_int(24)?,
        };
        // The packed values are never null, so null means that there is no row.
        let personal = match row.take_opt_blob(22)? {
            None => None,
            Some(body) => Some(Personal {
                salt: row.opt_blob(19)?.map(|_| row.array(19)).transpose()?,
                source_ip: row.opt_text(20)?.map(str::to_owned),
                session: row.opt_text(21)?.map(str::to_owned),
                body,
            }),
        };
        Ok(StoredRecord {
            position: Position { seq: row.int(0)?, time_ms: row.int(1)? },
            format: u8::try_from(row.int(2)?).ok().ok_or(Error::Column(2))?,
            dictionary: u32::try_from(row.int(3)?).ok().ok_or(Error::Column(3))?,
            leaf: row.array(4)?,
            body: row.take_opt_blob(23)?.ok_or(Error::Column(23))?,
            columns,
            personal,
            field_reads: self.field_reads(tx, &row)?,
        })
    }

    fn field_reads(&mut self, tx: &mut dyn Tx, row: &Row) -> Result<Vec<StoredFieldRead>, Error> {
        if row.opt_int(24)?.is_none() {
            return Ok(Vec::new());
        }
        let rows = field_reads::rows(tx, row.int(0)?)?.into_iter();
        let stored = |(shared, read)| Ok(StoredFieldRead { shared: self.name(tx, shared)?, read });
        rows.map(stored).collect()
    }

    fn name(&mut self, tx: &mut dyn Tx, id: i64) -> Result<Arc<str>, Error> {
        let place = usize::try_from(id.rem_euclid(Self::NAMES)).unwrap_or(0);
        if let Some(Some((known, value))) = self.names.get(place)
            && *known == id
        {
            return Ok(Arc::clone(value));
        }
        let missing = || Error::Corrupt(format!("name {id} of the log is missing"));
        let value: Arc<str> = names::value(tx, id)?.ok_or_else(missing)?.into();
        if self.names.len() <= place {
            self.names.resize(place.saturating_add(1), None);
        }
        if let Some(name) = self.names.get_mut(place) {
            *name = Some((id, Arc::clone(&value)));
        }
        Ok(value)
    }

    fn opt_name(&mut self, tx: &mut dyn Tx, id: Option<i64>) -> Result<Option<Arc<str>>, Error> {
        id.map(|id| self.name(tx, id)).transpose()
    }
}

/// The id of the record: of a call's own it is that of the call, and not stored.
fn event_id(row: &Row, request_id: Option<[u8; 16]>) -> Result<[u8; 16], Error> {
    match (row.blob(17)?, request_id) {
        ([], Some(request_id)) => Ok(request_id),
        _ => row.array(17),
    }
}

fn bound(limit: usize) -> Value<'static> {
    i64::try_from(limit).unwrap_or(i64::MAX).into()
}

/// A record that lost some of its personal data, and what is left of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Erasure {
    /// Its number in the list of erasures: 1, 2, 3, ...
    pub(super) n: i64,
    pub(super) record: StoredRecord,
}

/// Puts what is left of a record's personal data in the place of what was
/// there, and lists the erasure.
///
/// # Errors
/// [`Error::Conflict`] if it is not any more what was read; and as [`Tx::run`].
pub fn erase(tx: &mut dyn Tx, seq: i64, was: &Personal, left: &Personal) -> Result<(), Error> {
    let args = [
        seq.into(),
        (&was.body).into(),
        left.salt.as_ref().into(),
        left.source_ip.as_ref().into(),
        left.session.as_ref().into(),
        (&left.body).into(),
    ];
    if tx.run(&ERASE, &args)? != 1 {
        return Err(Error::Conflict);
    }
    tx.run(&LIST_ERASURE, &[seq.into()]).map(drop)
}

/// What a [`StoredRecord`] is made of, and where it stands.
macro_rules! records {
    ($rest:literal) => {
        concat!(
            "select e.seq, e.time_ms, e.format, e.dictionary, e.leaf, e.account, e.region, \
             e.event_source, e.event_name, e.principal, e.principal_id, e.access_key, e.key, \
             e.second_key, e.key_material, e.error, e.request_id, e.event_id, e.read_only, \
             p.salt, p.source_ip, p.session, p.body, e.body, e.field_reads, e.source_ip",
            $rest
        )
    };
}

const FIND: Query = Query {
    name: "log.find",
    sql: records!(" from event_log e left join event_personal p on p.seq = e.seq where e.seq = ?1"),
};
/// As [`FIND`], a range of them.
pub(super) const SCAN: Query = Query {
    name: "log.scan",
    sql: records!(
        " from event_log e left join event_personal p on p.seq = e.seq \
         where e.seq > ?1 and e.seq <= ?2 order by e.seq"
    ),
};
const AFTER: Query = Query {
    name: "log.records_after",
    sql: records!(
        " from event_log e left join event_personal p on p.seq = e.seq \
         where e.seq > ?1 order by e.seq limit ?2"
    ),
};
const BEFORE: Query = Query {
    name: "log.records_before",
    sql: records!(
        " from event_log e left join event_personal p on p.seq = e.seq \
         where e.seq < ?1 and e.seq > ?2 order by e.seq desc limit ?3"
    ),
};
const ERASURES: Query = Query {
    name: "log.erasures",
    sql: records!(
        ", x.n from event_erasures x join event_log e on e.seq = x.seq \
         join event_personal p on p.seq = x.seq where x.n > ?1 order by x.n limit ?2"
    ),
};
const APPEND: Query = Query {
    name: "log.append",
    sql: "insert into event_log (seq, time_ms, account, region, event_source, event_name, \
          principal, principal_id, access_key, key, second_key, key_material, error, read_only, \
          format, dictionary, request_id, event_id, leaf, body, field_reads) values (?1, ?2, ?3, \
          ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)",
};
const APPEND_PERSONAL: Query = Query {
    name: "log.append_personal",
    sql: "insert into event_personal (seq, salt, source_ip, session, body) \
          values (?1, ?2, ?3, ?4, ?5)",
};
const ERASE: Query = Query {
    name: "log.erase",
    sql: "update event_personal set salt = ?3, source_ip = ?4, session = ?5, body = ?6 \
          where seq = ?1 and body = ?2",
};
const LIST_ERASURE: Query =
    Query { name: "log.list_erasure", sql: "insert into event_erasures (seq) values (?1)" };
const LEAF: Query = Query { name: "log.leaf", sql: "select leaf from event_log where seq = ?1" };
const LAST_TIME: Query =
    Query { name: "log.last_time", sql: "select time_ms from event_log order by seq desc limit 1" };
const NEWEST_BEFORE: Query = Query {
    name: "log.newest_before",
    sql: "select e.seq, e.time_ms, n.value from event_log e join names n on n.id = e.event_name \
          where e.seq < ?1 order by e.seq desc limit 16",
};
const LAST_SEQ: Query =
    Query { name: "log.last_seq", sql: "select coalesce(max(seq), 0) from event_log" };
