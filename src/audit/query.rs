//! Questions to the book: which records, newest first, a page at a time.

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::body::Opener;
use super::filter::{FilterValue, Selection, Term};
use super::{Error, cursor};
use crate::base::ids::RequestId;
use crate::base::limits;
use crate::store::{Field, Found, Position, Search, Sieve, Store, StoredRecord};

/// Which records, and how many of them.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub selection: Selection,
    /// Only records whose JSON holds one of these texts, whatever the case of
    /// ASCII letters. There is no index of it: records are read for it, a
    /// bounded number for each page.
    pub text: Vec<String>,
    /// Records in the page, 1 to [`limits::AUDIT_PAGE_ROWS`]; it ends before that if
    /// they have [`limits::AUDIT_PAGE_BYTES`].
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
    /// The time of the record that the page has looked down to, epoch
    /// milliseconds; `None` if it has looked at all of the book.
    pub searched_to_ms: Option<i64>,
}

/// Answers one page, newest first: by place in the book. Blocks.
///
/// # Errors
/// [`Error::PageRows`], [`Error::Cursor`]; [`Error::Corrupt`] for a record that
/// is not what was written; [`Error::Store`].
pub fn query(store: &Store, filter: &Filter) -> Result<Page, Error> {
    let mut opener = Opener::default();
    let (found, _) = find(store, filter, &mut opener)?;
    let (mut records, mut next, mut bytes) = (Vec::new(), found.next, 0_usize);
    let last = found.records.last().map(|record| record.position);
    for stored in &found.records {
        let record = opener.open(stored)?.record()?;
        bytes = bytes.saturating_add(record.len());
        records.push(record);
        // Compressed they may have been short.
        if bytes >= limits::AUDIT_PAGE_BYTES && Some(stored.position) != last {
            next = Some(stored.position);
            break;
        }
    }
    Ok(Page {
        records,
        next_cursor: next.map(|position| cursor::write(position, &filter.digest())),
        searched_to_ms: next.map(|position| position.time_ms),
    })
}

/// Finds one page of stored records, and the cursor of the next. Blocks.
pub(super) fn find(
    store: &Store,
    filter: &Filter,
    opener: &mut Opener,
) -> Result<(Found, Option<String>), Error> {
    if filter.limit == 0 || filter.limit > limits::AUDIT_PAGE_ROWS {
        return Err(Error::PageRows);
    }
    let digest = filter.digest();
    let before = match &filter.cursor {
        Some(text) => cursor::read(text, &digest)?,
        None => Position::END,
    };
    let all = filter.selection.all();
    let conditions = filter.selection.conditions(&all);
    let search = Search { conditions, before, limit: filter.limit };
    let found = if filter.text.is_empty() {
        store.search(&search, None)?
    } else {
        let texts: Vec<String> = filter.text.iter().map(|text| text.to_ascii_lowercase()).collect();
        let mut holds = |record: &StoredRecord| {
            match opener.open(record).and_then(|opened| opened.record()) {
                Ok(text) => {
                    let text = text.to_ascii_lowercase();
                    texts.iter().any(|wanted| text.contains(wanted))
                }
                // Whoever reads the page is told.
                Err(_) => true,
            }
        };
        let limit = limits::AUDIT_TEXT_RECORDS;
        store.search(&search, Some(&mut Sieve { keeps: &mut holds, limit }))?
    };
    let next_cursor = found.next.map(|position| cursor::write(position, &digest));
    Ok((found, next_cursor))
}

/// All pages of a filter, from its cursor on: each record once, in bounded
/// memory. Ends with the first error.
pub struct Pages<'s> {
    store: &'s Store,
    next: Option<Filter>,
}

/// The pages of a filter, one after the other. Each blocks.
#[must_use]
pub fn pages(store: &Store, filter: Filter) -> Pages<'_> {
    Pages { store, next: Some(filter) }
}

impl Iterator for Pages<'_> {
    type Item = Result<Page, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut filter = self.next.take()?;
        let page = query(self.store, &filter);
        if let Ok(page) = &page
            && page.next_cursor.is_some()
        {
            filter.cursor.clone_from(&page.next_cursor);
            self.next = Some(filter);
        }
        Some(page)
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
/// ARN had a part in since `from_ms`, from the book of `account`, whose key it is; `None` if
/// there is none. Blocks. Looks at what was done
/// with this key alone, newest first, and ends with the first that fits.
///
/// # Errors
/// [`Error::Corrupt`] for a record that is not what was written;
/// [`Error::Store`].
pub fn last_use(
    store: &Store,
    account: &str,
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
    let (account, key) = (Some(account), Some(key));
    let sought = Sought { account, key, operations, from_ms, before: Position::END };
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
    let Sought { account, key, operations, from_ms, before } = sought;
    let names =
        operations.iter().map(|name| FilterValue::Text(vec![Field::EventName], (*name).to_owned()));
    let mut terms =
        vec![Term { any_of: names.collect(), not: false }, Term::is(FilterValue::NoError)];
    terms.extend(key.map(|key| Term::text(Field::Key, key)));
    let account = account.map(str::to_owned);
    let selection = Selection { account, from_ms: Some(from_ms), to_ms: None, terms };
    first(store, &selection, before)
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
    let account = Some(account.to_owned());
    let terms = vec![Term::is(request_id.into())];
    first(store, &Selection { account, terms, ..Selection::default() }, Position::END)
}

/// The record with this event id, in the book of `account`. Blocks.
///
/// # Errors
/// As [`newest_success`].
pub fn find_event(
    store: &Store,
    account: &str,
    event_id: RequestId,
) -> Result<Option<Recorded>, Error> {
    find_stored_event(store, account, event_id)?.as_ref().map(recorded).transpose()
}

/// The stored record with this event id, in the book of `account`. Blocks.
pub(super) fn find_stored_event(
    store: &Store,
    account: &str,
    event_id: RequestId,
) -> Result<Option<StoredRecord>, Error> {
    let account = Some(account.to_owned());
    let terms = vec![Term::is(FilterValue::EventId(*event_id.as_bytes()))];
    first_stored(store, &Selection { account, terms, ..Selection::default() }, Position::END)
}

/// The first record that fits.
fn first(
    store: &Store,
    selection: &Selection,
    before: Position,
) -> Result<Option<Recorded>, Error> {
    first_stored(store, selection, before)?.as_ref().map(recorded).transpose()
}

fn recorded(stored: &StoredRecord) -> Result<Recorded, Error> {
    let record = Opener::default().open(stored)?.record()?;
    Ok(Recorded { record, position: stored.position })
}

/// The first record that fits, however many pages it is away.
fn first_stored(
    store: &Store,
    selection: &Selection,
    mut before: Position,
) -> Result<Option<StoredRecord>, Error> {
    let all = selection.all();
    loop {
        let conditions = selection.conditions(&all);
        let found = store.search(&Search { conditions, before, limit: 1 }, None)?;
        if let Some(record) = found.records.into_iter().next() {
            return Ok(Some(record));
        }
        match found.next {
            Some(next) => before = next,
            None => return Ok(None),
        }
    }
}

impl Filter {
    /// Digest of all that decides which records match, so of neither the size
    /// of the page nor its start. Texts are quoted in it, so no two filters
    /// share their bytes.
    fn digest(&self) -> cursor::Digest {
        let words = format!("{:?} {:?}", self.selection, self.text);
        let digest: [u8; 32] = Sha256::digest(words).into();
        digest.first_chunk().copied().unwrap_or_default()
    }
}
