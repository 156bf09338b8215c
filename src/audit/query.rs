//! Questions to the book: which records, newest first, a page at a time.

use std::borrow::Cow;
use std::net::IpAddr;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::body::Opener;
use super::{Error, cursor};
use crate::base::ids::RequestId;
use crate::base::limits;
use crate::store::{KeyText, Position, Search, Store, StoredRecord};

/// Which records. What is `None` does not matter; the rest must all hold.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// `recipientAccountId`.
    pub account: Option<String>,
    /// The earliest time, epoch milliseconds.
    pub from_ms: Option<i64>,
    /// The end, epoch milliseconds; not included.
    pub to_ms: Option<i64>,
    /// The ARN of a user, of a role with all its sessions, or of one session.
    pub principal: Option<String>,
    /// A key's ARN, or a bare key id, which any ARN that ends in it matches.
    pub key: Option<String>,
    pub event_name: Option<String>,
    pub error_code: Option<String>,
    pub request_id: Option<RequestId>,
    pub source_ip: Option<IpAddr>,
    pub read_only: Option<bool>,
    /// Records in the page, 1 to [`limits::AUDIT_PAGE_ROWS`].
    pub limit: usize,
    /// The `next_cursor` of the page before; only with the same filter.
    pub cursor: Option<String>,
}

/// One page of records.
#[derive(Clone, Debug)]
pub struct Page {
    /// The canonical JSON of each record, byte for byte, with a mark in the place
    /// of what was erased.
    pub records: Vec<String>,
    /// Asks for the next page; `None` on the last. A page may be short, even
    /// empty, and have a next one: a rare combination is looked for in several
    /// pages of bounded work.
    pub next_cursor: Option<String>,
}

/// Answers one page, newest first by time and place in the log. Blocks.
///
/// # Errors
/// [`Error::PageRows`], [`Error::Cursor`]; [`Error::Corrupt`] for a record that
/// is not what was written; [`Error::Store`].
pub fn query(store: &Store, filter: &Filter) -> Result<Page, Error> {
    let (found, next_cursor) = find(store, filter)?;
    let mut opener = Opener::default();
    let records = found.iter().map(|record| opener.open(record)?.record());
    Ok(Page { records: records.collect::<Result<_, _>>()?, next_cursor })
}

/// Finds one page of stored records, and the cursor of the next. Blocks.
pub(super) fn find(
    store: &Store,
    filter: &Filter,
) -> Result<(Vec<StoredRecord>, Option<String>), Error> {
    if filter.limit == 0 || filter.limit > limits::AUDIT_PAGE_ROWS {
        return Err(Error::PageRows);
    }
    let digest = filter.digest();
    let start = Position { time_ms: filter.to_ms.unwrap_or(i64::MAX), seq: 0 };
    let before = match &filter.cursor {
        Some(text) => cursor::read(text, &digest)?.min(start),
        None => start,
    };
    let source_ip = filter.source_ip.map(|ip| ip.to_string());
    let key = filter
        .key
        .as_deref()
        .map(|text| if text.starts_with("arn:") { KeyText::Arn(text) } else { KeyText::Id(text) });
    let (principal, session) = filter.principal.as_deref().map(found_by).unzip();
    let found = store.search(&Search {
        account: filter.account.as_deref(),
        principal: principal.as_deref(),
        session: session.flatten(),
        key,
        event_name: filter.event_name.as_deref(),
        error: filter.error_code.as_deref(),
        source_ip: source_ip.as_deref(),
        request_id: filter.request_id.map(|id| *id.as_bytes()),
        read_only: filter.read_only,
        succeeded_in: None,
        from_ms: filter.from_ms.unwrap_or(i64::MIN),
        before,
        limit: filter.limit,
    })?;
    Ok((found.records, found.next.map(|position| cursor::write(position, &digest))))
}

/// The principal and the session that records are found by, from the ARN that
/// they show.
fn found_by(arn: &str) -> (Cow<'_, str>, Option<&str>) {
    let parts = || {
        let (account, rest) = arn.strip_prefix("arn:aws:sts::")?.split_once(":assumed-role/")?;
        let (role, session) = rest.split_once('/')?;
        Some((format!("arn:aws:iam::{account}:role/{role}"), session))
    };
    match parts() {
        Some((role, session)) => (Cow::Owned(role), Some(session)),
        None => (Cow::Borrowed(arn), None),
    }
}

/// The newest use of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastUse {
    /// The operation.
    pub event_name: String,
    /// Epoch milliseconds.
    pub time_ms: i64,
    /// `eventID`.
    pub event_id: String,
    /// `requestID`.
    pub request_id: Option<String>,
}

/// The newest successful call of one of `operations` that the key with this
/// ARN had a part in since `from_ms`; `None` if there is none. Blocks. Looks at what was done
/// with this key alone, newest first, and ends with the first that fits.
///
/// # Errors
/// [`Error::Corrupt`] for a record that is not what was written;
/// [`Error::Store`].
pub fn last_use(
    store: &Store,
    key: &str,
    operations: &[&str],
    from_ms: i64,
) -> Result<Option<LastUse>, Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Names {
        event_name: String,
        #[serde(rename = "eventID")]
        event_id: String,
        #[serde(rename = "requestID")]
        request_id: Option<String>,
    }
    let end = Position { time_ms: i64::MAX, seq: 0 };
    let sought = Sought { account: None, key: Some(key), operations, from_ms, before: end };
    let Some(newest) = newest_success(store, sought)? else { return Ok(None) };
    let Position { seq, time_ms } = newest.position;
    let names = serde_json::from_str(&newest.record).map_err(|_odd| Error::Corrupt { seq })?;
    let Names { event_name, event_id, request_id } = names;
    Ok(Some(LastUse { event_name, time_ms, event_id, request_id }))
}

/// A record and its place.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The canonical JSON.
    pub record: String,
    pub position: Position,
}

/// Which calls to look for: successful ones of one of these operations.
#[derive(Clone, Copy, Debug)]
pub struct Sought<'a> {
    /// `recipientAccountId`.
    pub account: Option<&'a str>,
    /// Of those that the key with this ARN had a part in.
    pub key: Option<&'a str>,
    pub operations: &'a [&'a str],
    /// The earliest time, epoch milliseconds.
    pub from_ms: i64,
    /// Only calls before this place in the book.
    pub before: Position,
}

/// The newest call that fits. Blocks.
///
/// # Errors
/// [`Error::Corrupt`] for a record that is not what was written;
/// [`Error::Store`].
pub fn newest_success(store: &Store, sought: Sought<'_>) -> Result<Option<Recorded>, Error> {
    let search = Search {
        account: sought.account,
        principal: None,
        session: None,
        key: sought.key.map(KeyText::Arn),
        event_name: None,
        error: None,
        source_ip: None,
        request_id: None,
        read_only: None,
        succeeded_in: Some(sought.operations),
        from_ms: sought.from_ms,
        before: sought.before,
        limit: 1,
    };
    if sought.key.is_some() {
        return first(store, search);
    }
    // Without a key, the name is what finds the few among the many.
    let mut newest: Option<Recorded> = None;
    for name in sought.operations {
        let of_name = Search { event_name: Some(name), ..search };
        let found = first(store, of_name)?;
        newest = newest.into_iter().chain(found).max_by_key(|found| found.position);
    }
    Ok(newest)
}

/// The record of the call with this request id, in the book of `account`: of
/// several, the one of the call itself, which came last. Blocks.
///
/// # Errors
/// As [`newest_success`].
pub fn find_call(
    store: &Store,
    account: &str,
    request_id: RequestId,
) -> Result<Option<Recorded>, Error> {
    let search = Search {
        account: Some(account),
        principal: None,
        session: None,
        key: None,
        event_name: None,
        error: None,
        source_ip: None,
        request_id: Some(*request_id.as_bytes()),
        read_only: None,
        succeeded_in: None,
        from_ms: i64::MIN,
        before: Position { time_ms: i64::MAX, seq: 0 },
        limit: 1,
    };
    first(store, search)
}

/// The event with this id in the book of `account`. Blocks. Knows the events of
/// calls, which have the id of the call.
pub(super) fn find_event(
    store: &Store,
    account: &str,
    event_id: RequestId,
) -> Result<Option<StoredRecord>, Error> {
    let filter = Filter {
        account: Some(account.to_owned()),
        request_id: Some(event_id),
        limit: limits::AUDIT_PAGE_ROWS,
        ..Filter::default()
    };
    let (records, _) = find(store, &filter)?;
    Ok(records.into_iter().find(|record| record.columns.event_id == *event_id.as_bytes()))
}

/// The first record that fits, however many pages it is away.
fn first(store: &Store, mut search: Search<'_>) -> Result<Option<Recorded>, Error> {
    loop {
        let found = store.search(&search)?;
        if let Some(record) = found.records.first() {
            let text = Opener::default().open(record)?.record()?;
            return Ok(Some(Recorded { record: text, position: record.position }));
        }
        match found.next {
            Some(next) => search.before = next,
            None => return Ok(None),
        }
    }
}

impl Filter {
    /// Digest of all that decides which records match, so of neither the size
    /// of the page nor its start. Every member is written with its length, so
    /// that no two filters share their bytes.
    fn digest(&self) -> cursor::Digest {
        let number = |value: Option<i64>| value.map(|value| value.to_string());
        let members = [
            self.account.clone(),
            number(self.from_ms),
            number(self.to_ms),
            self.principal.clone(),
            self.key.clone(),
            self.event_name.clone(),
            self.error_code.clone(),
            self.request_id.map(|id| id.to_string()),
            self.source_ip.map(|ip| ip.to_string()),
            self.read_only.map(|truth| truth.to_string()),
        ];
        let mut hash = Sha256::new();
        for member in &members {
            let text = member.as_deref().unwrap_or_default();
            hash.update([u8::from(member.is_some())]);
            hash.update(text.len().to_be_bytes());
            hash.update(text);
        }
        let digest: [u8; 32] = hash.finalize().into();
        digest.first_chunk().copied().unwrap_or_default()
    }
}
