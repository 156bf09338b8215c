//! The book as CloudTrail's LookupEvents sees it: the events of one account and
//! Region, newest first, by one attribute at most.
//!
//! The search index has a way to some attributes. The others are looked for in the
//! records themselves, as far as one page may look; then the page is short, even
//! empty, and has a next one.

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::body::Opener;
use super::{Error, cursor};
use crate::base::limits;
use crate::store::{KeyText, Position, Search, Store};

/// Which events.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// `recipientAccountId`.
    pub account: String,
    /// `awsRegion`.
    pub region: String,
    /// The earliest time, epoch milliseconds.
    pub from_ms: i64,
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
    let end = Position { time_ms: lookup.to_ms, seq: 0 };
    let mut before = match &lookup.cursor {
        Some(text) => cursor::read(text, &digest)?.min(end),
        None => end,
    };
    let next = |position| Some(cursor::write(position, &digest));
    let mut events = Vec::new();
    let mut opener = Opener::default();
    for _ in 0..limits::LOOKUP_ROUNDS {
        let found = store.search(&lookup.search(before))?;
        let last = found.records.last().map(|record| record.position);
        for stored in &found.records {
            before = stored.position;
            let record = opener.open(stored)?.record()?;
            let Some(event) = lookup.matching(record, before)? else { continue };
            events.push(event);
            if events.len() >= lookup.limit {
                let is_end = found.next.is_none() && last == Some(before);
                return Ok(Events { events, next: next(before).filter(|_| !is_end) });
            }
        }
        match found.next {
            Some(position) => before = position,
            None => return Ok(Events { events, next: None }),
        }
    }
    Ok(Events { events, next: next(before) })
}

impl Lookup {
    /// What the search index can do of it.
    fn search(&self, before: Position) -> Search<'_> {
        let all = Search {
            account: Some(&self.account),
            principal: None,
            session: None,
            key: None,
            event_name: None,
            error: None,
            source_ip: None,
            request_id: None,
            read_only: None,
            succeeded_in: None,
            from_ms: self.from_ms,
            before,
            limit: limits::LOOKUP_ROUND_RECORDS,
        };
        // Nearly all that is found is an event of the page.
        let limit = self.limit.saturating_add(1).min(limits::LOOKUP_ROUND_RECORDS);
        match &self.attribute {
            None => Search { limit, ..all },
            Some(Attribute::EventName(name)) => Search { event_name: Some(name), limit, ..all },
            Some(Attribute::ReadOnly(truth)) => Search { read_only: Some(*truth), limit, ..all },
            Some(Attribute::ResourceName(name)) => match key_text(name) {
                Some(key) => Search { key: Some(key), limit, ..all },
                None => all,
            },
            Some(
                Attribute::EventId(_)
                | Attribute::Username(_)
                | Attribute::ResourceType(_)
                | Attribute::EventSource(_)
                | Attribute::AccessKeyId(_),
            ) => all,
        }
    }

    /// The event of a record, if it is one of those.
    fn matching(&self, record: String, position: Position) -> Result<Option<Event>, Error> {
        let corrupt = || Error::Corrupt { seq: position.seq };
        let seen: Seen = serde_json::from_str(&record).ok().ok_or_else(corrupt)?;
        let is_of_region = seen.aws_region == self.region;
        let event = seen.into_event(record, position.time_ms);
        let is_wanted = is_of_region && self.attribute.as_ref().is_none_or(|of| of.fits(&event));
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

/// The name of a key, which the index has a way to.
fn key_text(name: &str) -> Option<KeyText<'_>> {
    match name.starts_with("arn:") {
        true => name.contains(":key/").then_some(KeyText::Arn(name)),
        false => Some(KeyText::Id(name)),
    }
}

impl Attribute {
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
    aws_region: String,
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
