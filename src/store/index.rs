//! The search index: what is in it and how it is read. It is derived from the
//! log alone; when it is filled, and where, is the engine's matter.

use super::entry::{Entry, Position};
use super::{Error, Query, Tx, Value};

/// How far the index is, and of which log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) log_id: String,
    /// The last record taken in.
    pub(super) seq: i64,
    /// That record's leaf; empty while there is none.
    pub(super) leaf: Vec<u8>,
    /// The last erasure followed.
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

/// Writes the progress, in the transaction of the entries it counts.
pub(super) fn set_progress(tx: &mut dyn Tx, progress: &Progress) -> Result<(), Error> {
    let args = [
        Value::from(&progress.log_id),
        Value::from(progress.seq),
        Value::from(&progress.leaf),
        Value::from(progress.erasure),
    ];
    tx.run(&SET_PROGRESS, &args).map(drop)
}

/// Takes in one record.
pub(super) fn insert(tx: &mut dyn Tx, entry: &Entry) -> Result<(), Error> {
    let Position { time_ms, seq } = entry.position;
    let args = [
        seq.into(),
        time_ms.into(),
        entry.account.into(),
        entry.event_name.into(),
        entry.principal.into(),
        entry.key.into(),
        entry.second_key.into(),
        entry.error.into(),
        entry.source_ip.as_ref().into(),
        entry.session.as_ref().into(),
        entry.read_only.into(),
        entry.request_id.as_ref().into(),
    ];
    tx.run(&INSERT, &args)?;
    let second = entry.second_key.filter(|_| entry.second_key != entry.key);
    for key in entry.key.into_iter().chain(second) {
        tx.run(&INSERT_KEY_USE, &[key.into(), time_ms.into(), seq.into()])?;
    }
    Ok(())
}

/// Takes over what an erasure left of a record's personal texts.
pub(super) fn follow_erasure(tx: &mut dyn Tx, entry: &Entry) -> Result<(), Error> {
    let args =
        [entry.position.seq.into(), entry.source_ip.as_ref().into(), entry.session.as_ref().into()];
    tx.run(&FOLLOW_ERASURE, &args).map(drop)
}

/// A way into the index: one column has one value. All deliver newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Path {
    Time,
    Key(i64),
    Principal(i64),
    EventName(i64),
    ErrorCode(i64),
    SourceIp(String),
    RequestId([u8; 16]),
}

impl Path {
    /// At most `limit` entries at or after `from_ms` and before `before`.
    pub(super) fn scan(
        &self,
        tx: &mut dyn Tx,
        from_ms: i64,
        before: Position,
        limit: usize,
    ) -> Result<Vec<Entry>, Error> {
        let (query, _) = self.queries();
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut args = vec![from_ms.into(), before.time_ms.into(), before.seq.into(), limit.into()];
        args.extend(self.value());
        tx.rows(query, &args)?.iter().map(Entry::from_row).collect()
    }

    /// Counts the entries that `scan` would find, up to `most`.
    pub(super) fn count(
        &self,
        tx: &mut dyn Tx,
        from_ms: i64,
        before: Position,
        most: i64,
    ) -> Result<i64, Error> {
        let (_, query) = self.queries();
        let mut args = vec![from_ms.into(), before.time_ms.into(), before.seq.into(), most.into()];
        args.extend(self.value());
        tx.rows(query, &args)?.first().ok_or(Error::Column(0))?.int(0)
    }

    fn value(&self) -> Option<Value<'_>> {
        match self {
            Self::Time => None,
            Self::Key(id) | Self::Principal(id) | Self::EventName(id) | Self::ErrorCode(id) => {
                Some((*id).into())
            }
            Self::SourceIp(text) => Some(text.into()),
            Self::RequestId(id) => Some(id.into()),
        }
    }

    pub(super) fn queries(&self) -> (&'static Query, &'static Query) {
        match self {
            Self::Time => (&SCAN_TIME, &COUNT_TIME),
            Self::Key(_) => (&SCAN_KEY, &COUNT_KEY),
            Self::Principal(_) => (&SCAN_PRINCIPAL, &COUNT_PRINCIPAL),
            Self::EventName(_) => (&SCAN_EVENT_NAME, &COUNT_EVENT_NAME),
            Self::ErrorCode(_) => (&SCAN_ERROR, &COUNT_ERROR),
            Self::SourceIp(_) => (&SCAN_SOURCE_IP, &COUNT_SOURCE_IP),
            Self::RequestId(_) => (&SCAN_REQUEST_ID, &COUNT_REQUEST_ID),
        }
    }
}

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
const INSERT: Query = Query {
    name: "index.insert",
    sql: "insert into entries (seq, time_ms, account, event_name, principal, key, second_key, error, source_ip, \
          session, read_only, request_id) \
          values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
};
const FOLLOW_ERASURE: Query = Query {
    name: "index.follow_erasure",
    sql: "update entries set source_ip = ?2, session = ?3 where seq = ?1",
};
const INSERT_KEY_USE: Query = Query {
    name: "index.insert_key_use",
    sql: "insert into key_uses (key, time_ms, seq) values (?1, ?2, ?3)",
};
const SCAN_TIME: Query = Query {
    name: "index.scan_time",
    sql: "select seq, time_ms, account, event_name, principal, key, second_key, error, read_only, \
          request_id, source_ip, session from entries \
          where time_ms >= ?1 and (time_ms, seq) < (?2, ?3) \
          order by time_ms desc, seq desc limit ?4",
};
const COUNT_TIME: Query = Query {
    name: "index.count_time",
    sql: "select count(*) from (select 1 from entries \
          where time_ms >= ?1 and (time_ms, seq) < (?2, ?3) limit ?4) as found",
};
const SCAN_PRINCIPAL: Query = Query {
    name: "index.scan_principal",
    sql: "select seq, time_ms, account, event_name, principal, key, second_key, error, read_only, \
          request_id, source_ip, session from entries \
          where principal = ?5 and time_ms >= ?1 and (time_ms, seq) < (?2, ?3) \
          order by time_ms desc, seq desc limit ?4",
};
const COUNT_PRINCIPAL: Query = Query {
    name: "index.count_principal",
    sql: "select count(*) from (select 1 from entries \
          where principal = ?5 and time_ms >= ?1 and (time_ms, seq) < (?2, ?3) limit ?4) as found",
};
const SCAN_EVENT_NAME: Query = Query {
    name: "index.scan_event_name",
    sql: "select seq, time_ms, account, event_name, principal, key, second_key, error, read_only, \
          request_id, source_ip, session from entries \
          where event_name = ?5 and time_ms >= ?1 and (time_ms, seq) < (?2, ?3) \
          order by time_ms desc, seq desc limit ?4",
};
const COUNT_EVENT_NAME: Query = Query {
    name: "index.count_event_name",
    sql: "select count(*) from (select 1 from entries \
          where event_name = ?5 and time_ms >= ?1 and (time_ms, seq) < (?2, ?3) limit ?4) as found",
};
const SCAN_ERROR: Query = Query {
    name: "index.scan_error",
    sql: "select seq, time_ms, account, event_name, principal, key, second_key, error, read_only, \
          request_id, source_ip, session from entries \
          where error = ?5 and time_ms >= ?1 and (time_ms, seq) < (?2, ?3) \
          order by time_ms desc, seq desc limit ?4",
};
const COUNT_ERROR: Query = Query {
    name: "index.count_error",
    sql: "select count(*) from (select 1 from entries \
          where error = ?5 and time_ms >= ?1 and (time_ms, seq) < (?2, ?3) limit ?4) as found",
};
const SCAN_SOURCE_IP: Query = Query {
    name: "index.scan_source_ip",
    sql: "select seq, time_ms, account, event_name, principal, key, second_key, error, read_only, \
          request_id, source_ip, session from entries \
          where source_ip = ?5 and time_ms >= ?1 and (time_ms, seq) < (?2, ?3) \
          order by time_ms desc, seq desc limit ?4",
};
const COUNT_SOURCE_IP: Query = Query {
    name: "index.count_source_ip",
    sql: "select count(*) from (select 1 from entries \
          where source_ip = ?5 and time_ms >= ?1 and (time_ms, seq) < (?2, ?3) limit ?4) as found",
};
const SCAN_REQUEST_ID: Query = Query {
    name: "index.scan_request_id",
    sql: "select seq, time_ms, account, event_name, principal, key, second_key, error, read_only, \
          request_id, source_ip, session from entries \
          where request_id = ?5 and time_ms >= ?1 and (time_ms, seq) < (?2, ?3) \
          order by time_ms desc, seq desc limit ?4",
};
const COUNT_REQUEST_ID: Query = Query {
    name: "index.count_request_id",
    sql: "select count(*) from (select 1 from entries \
          where request_id = ?5 and time_ms >= ?1 and (time_ms, seq) < (?2, ?3) limit ?4) as found",
};
const SCAN_KEY: Query = Query {
    name: "index.scan_key",
    sql: "select e.seq, e.time_ms, e.account, e.event_name, e.principal, e.key, e.second_key, \
          e.error, e.read_only, e.request_id, e.source_ip, e.session \
          from key_uses k join entries e on e.seq = k.seq \
          where k.key = ?5 and k.time_ms >= ?1 and (k.time_ms, k.seq) < (?2, ?3) \
          order by k.time_ms desc, k.seq desc limit ?4",
};
const COUNT_KEY: Query = Query {
    name: "index.count_key",
    sql: "select count(*) from (select 1 from key_uses \
          where key = ?5 and time_ms >= ?1 and (time_ms, seq) < (?2, ?3) limit ?4) as found",
};
