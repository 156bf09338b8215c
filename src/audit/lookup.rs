//! The book as CloudTrail's LookupEvents sees it: the events of one account and
//! Region, newest first, by one attribute at most.
//!
//! The search index has a way to some attributes. The others are looked for in the
//! records themselves, as far as one page may look; then the page is short, even
//! empty, and has a next one.

use std::collections::BTreeMap;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::body::Opener;
use super::filter::{FilterValue, Name, Selection, Term};
use super::{Error, cursor};
use crate::base::limits;
use crate::store::{Field, Position, Search, Sieve, Store, StoredRecord};

/// Which events.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// `recipientAccountId`.
    pub account: String,
    /// `awsRegion`.
    pub region: String,
    /// The earliest time, epoch milliseconds, if the caller gave one.
    pub from_ms: Option<i64>,
    /// The earliest time otherwise. It may move from one page to the next.
    pub usual_from_ms: i64,
    /// The end, epoch milliseconds; not included.
    pub to_ms: i64,
    pub attribute: Option<Attribute>,
    /// Events in the page.
    pub limit: usize,
    /// The `next` of the page before; only with the same lookup.
    pub cursor: Option<String>,
}

/// What an event must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attribute {
    EventId(String),
    EventName(String),
    ReadOnly(bool),
    Username(String),
    ResourceType(String),
    /// The ARN of a resource; a bare key id is taken too.
    ResourceName(String),
    EventSource(String),
    AccessKeyId(String),
}

/// One event, and what CloudTrail shows beside the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub event_id: String,
    pub event_name: String,
    pub event_source: String,
    pub read_only: bool,
    pub time_ms: i64,
    pub access_key_id: Option<String>,
    pub username: Option<String>,
    /// Type and ARN of each.
    pub resources: Vec<(String, String)>,
    /// The canonical JSON.
    pub record: String,
}

/// One page of events, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Events {
    pub events: Vec<Event>,
    pub next: Option<String>,
}

/// Answers one page. Blocks.
///
/// # Errors
/// [`Error::Cursor`]; [`Error::Corrupt`] for a record that is not what was
/// written; [`Error::Store`].
pub fn lookup(store: &Store, lookup: &Lookup) -> Result<Events, Error> {
    let digest = lookup.digest();
    let before = match &lookup.cursor {
        Some(text) => cursor::read(text, &digest)?,
        None => Position::END,
    };
    let selection = lookup.selection();
    let all = selection.all();
    let conditions = selection.conditions(&all);
    // One more than the page has tells whether there is another page.
    let search = Search { conditions, before, limit: lookup.limit.saturating_add(1) };
    let mut opener = Opener::default();
    // By place, since a search that meets a damaged index begins anew.
    let mut kept = BTreeMap::new();
    let mut keeps = |record: &StoredRecord| {
        let matching = lookup.matching(&mut opener, record).transpose();
        let keeps = matching.is_some();
        kept.extend(matching.map(|event| (record.position.seq, event)));
        keeps
    };
    let sieve = Sieve { keeps: &mut keeps, limit: limits::LOOKUP_RECORDS };
    let found = store.search(&search, Some(sieve).as_mut())?;
    let page = found.records.iter().take(lookup.limit);
    let next = match found.records.len() > lookup.limit {
        true => page.clone().next_back().map(|record| record.position),
        false => found.next,
    };
    let events = page.filter_map(|record| kept.remove(&record.position.seq));
    let events = events.collect::<Result<Vec<Event>, Error>>()?;
    Ok(Events { events, next: next.map(|position| cursor::write(position, &digest)) })
}

impl Lookup {
    /// What the search index can do of it.
    fn selection(&self) -> Selection {
        Selection {
            account: Some(self.account.clone()),
            from_ms: Some(self.from_ms.unwrap_or(self.usual_from_ms)),
            to_ms: Some(self.to_ms),
            terms: self.attribute.iter().filter_map(Attribute::term).collect(),
        }
    }

    /// The event of a record, if it is one of those.
    fn matching(&self, opener: &mut Opener, stored: &StoredRecord) -> Result<Option<Event>, Error> {
        if *stored.columns.region != *self.region {
            return Ok(None);
        }
        let Position { seq, time_ms } = stored.position;
        let record = opener.open(stored)?.record()?;
        let seen: Seen = serde_json::from_str(&record).map_err(|_odd| Error::Corrupt { seq })?;
        let event = seen.into_event(record, time_ms);
        let is_wanted = self.attribute.as_ref().is_none_or(|of| of.fits(&event));
        Ok(is_wanted.then_some(event))
    }

    /// As the digest of a filter: of all that decides which events match.
    fn digest(&self) -> cursor::Digest {
        let mut hash = Sha256::new();
        hash.update(b"lookup");
        let times = (self.from_ms, self.to_ms);
        let described = format!("{:?}", (&self.account, &self.region, times, &self.attribute));
        hash.update(described);
        let digest: [u8; 32] = hash.finalize().into();
        digest.first_chunk().copied().unwrap_or_default()
    }
}

impl Attribute {
    /// The way of the search index to it, if there is one.
    fn term(&self) -> Option<Term> {
        match self {
            Self::EventId(id) => {
                let id = FilterValue::parse(Name::EventId, id).ok();
                // Without a value it holds for nothing.
                Some(Term { any_of: id.into_iter().collect(), not: false })
            }
            Self::EventName(name) => Some(Term::text(Field::EventName, name)),
            Self::ReadOnly(true) => Some(Term::is(FilterValue::ReadOnly)),
            Self::ReadOnly(false) => Some(Term::is(FilterValue::Writing)),
            Self::ResourceName(name) if !name.starts_with("arn:") => {
                Some(Term::is(FilterValue::KeyId(name.clone())))
            }
            Self::ResourceName(arn) => FilterValue::parse(Name::Resource, arn).ok().map(Term::is),
            Self::EventSource(source) => Some(Term::text(Field::EventSource, source)),
            Self::AccessKeyId(id) => Some(Term::text(Field::AccessKey, id)),
            // The index has the ARNs of callers, of which a name is the end.
            Self::Username(_) | Self::ResourceType(_) => None,
        }
    }

    fn fits(&self, event: &Event) -> bool {
        match self {
            Self::EventId(id) => *id == event.event_id,
            Self::EventName(name) => *name == event.event_name,
            Self::ReadOnly(truth) => *truth == event.read_only,
            Self::Username(name) => event.username.as_ref() == Some(name),
            Self::ResourceType(kind) => event.resources.iter().any(|(of, _)| of == kind),
            Self::ResourceName(name) => event.resources.iter().any(|(_, arn)| {
                arn == name || arn.rsplit_once(":key/").is_some_and(|(_, id)| id == name)
            }),
            Self::EventSource(source) => *source == event.event_source,
            Self::AccessKeyId(id) => event.access_key_id.as_ref() == Some(id),
        }
    }
}

/// What is looked at of a record.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Seen {
    #[serde(rename = "eventID")]
    event_id: String,
    event_name: String,
    event_source: String,
    read_only: bool,
    user_identity: Identity,
    #[serde(default)]
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    #[serde(rename = "type")]
    kind: Option<String>,
    principal_id: Option<String>,
    access_key_id: Option<String>,
    user_name: Option<String>,
}

#[derive(Deserialize)]
struct Resource {
    #[serde(rename = "type")]
    kind: String,
    #[serde(rename = "ARN")]
    arn: String,
}

impl Seen {
    fn into_event(self, record: String, time_ms: i64) -> Event {
        let username = self.user_identity.username();
        let resources = self.resources.into_iter().map(|of| (of.kind, of.arn)).collect();
        Event {
            event_id: self.event_id,
            event_name: self.event_name,
            event_source: self.event_source,
            read_only: self.read_only,
            time_ms,
            access_key_id: self.user_identity.access_key_id,
            username,
            resources,
            record,
        }
    }
}

impl Identity {
    /// A user's name, a session's name, or `root`.
    fn username(&self) -> Option<String> {
        let session = || self.principal_id.as_deref()?.split_once(':').map(|(_, name)| name);
        match self.kind.as_deref() {
            Some("Root") => Some("root".to_owned()),
            Some("AssumedRole") => session().map(str::to_owned),
            _ => self.user_name.clone(),
        }
    }
}
