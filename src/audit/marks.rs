//! What a record can be found by, read from its body for the search index.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::body::Opener;
use crate::base::arn::{KeyArn, PARTITION};
use crate::store::{Field, Marks, StoredRecord};

/// The members that are searched for.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    #[serde(borrow)]
    user_identity: Identity<'a>,
    #[serde(borrow)]
    event_source: Cow<'a, str>,
    #[serde(borrow)]
    event_name: Cow<'a, str>,
    #[serde(borrow, rename = "sourceIPAddress")]
    source_ip_address: Cow<'a, str>,
    #[serde(borrow)]
    error_code: Option<Cow<'a, str>>,
    #[serde(borrow)]
    request_parameters: Option<&'a RawValue>,
    #[serde(borrow, rename = "requestID")]
    request_id: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "eventID")]
    event_id: Cow<'a, str>,
    read_only: bool,
    #[serde(borrow)]
    resources: Vec<Resource<'a>>,
    #[serde(borrow)]
    recipient_account_id: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity<'a> {
    #[serde(borrow)]
    access_key_id: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Resource<'a> {
    #[serde(borrow, rename = "ARN")]
    arn: Cow<'a, str>,
}

/// Whatever was sent: a refused call may have had anything in their place.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters<'a> {
    #[serde(borrow)]
    encryption_context: Option<&'a RawValue>,
    #[serde(borrow)]
    source_encryption_context: Option<&'a RawValue>,
    #[serde(borrow)]
    destination_encryption_context: Option<&'a RawValue>,
}

thread_local! {
    // Keeps the dictionary and the room of the last record.
    static READING: RefCell<(Opener, Vec<u8>)> = RefCell::default();
}

/// What the record can be found by; nothing if its body cannot be read. The
/// hash is not checked here: whoever gets a record to see checks it.
#[must_use]
pub fn marks(record: &StoredRecord) -> Marks {
    READING.with_borrow_mut(|(opener, room)| {
        let text = opener.read(record, room).and_then(|()| std::str::from_utf8(room).ok());
        let body = text.and_then(|text| serde_json::from_str::<Body<'_>>(text).ok());
        body.map(|body| of(&record.principal, &body)).unwrap_or_default()
    })
}

fn of(principal: &str, body: &Body<'_>) -> Marks {
    let mut texts = Vec::with_capacity(8);
    let mut mark = |field, text: &str| texts.push((field, text.to_owned()));
    mark(Field::Account, &body.recipient_account_id);
    mark(Field::EventSource, &body.event_source);
    mark(Field::EventName, &body.event_name);
    match role_of(principal) {
        Some(role) => {
            mark(Field::Principal, &role);
            mark(Field::Session, principal);
        }
        None => mark(Field::Principal, principal),
    }
    if let Some(access_key) = &body.user_identity.access_key_id {
        mark(Field::AccessKey, access_key);
    }
    for Resource { arn } in body.resources.iter().filter(|of| of.arn.starts_with("arn:")) {
        mark(if KeyArn::parse(arn).is_some() { Field::Key } else { Field::Resource }, arn);
    }
    if let Some(code) = &body.error_code {
        mark(Field::Error, code);
    }
    let id = |text: &str| Uuid::try_parse(text).ok().map(Uuid::into_bytes);
    Marks {
        texts,
        source_ip: body.source_ip_address.parse::<IpAddr>().ok(),
        tags: tags(body.request_parameters),
        read_only: body.read_only,
        request_id: body.request_id.as_deref().and_then(id),
        event_id: id(&body.event_id),
    }
}

/// The ARN of the role whose session this is.
fn role_of(session: &str) -> Option<String> {
    let rest = session.strip_prefix("arn:")?.strip_prefix(PARTITION)?.strip_prefix(":sts::")?;
    let (account, rest) = rest.split_once(":assumed-role/")?;
    let (role, _) = rest.split_once('/')?;
    Some(format!("arn:{PARTITION}:iam::{account}:role/{role}"))
}

/// Digests of the names and pairs of all encryption contexts of the request,
/// each once.
fn tags(parameters: Option<&RawValue>) -> Vec<i64> {
    let Some(parameters) = parameters else { return Vec::new() };
    let contexts: Parameters<'_> = serde_json::from_str(parameters.get()).unwrap_or_default();
    let mut tags = Vec::new();
    let contexts = [
        contexts.encryption_context,
        contexts.source_encryption_context,
        contexts.destination_encryption_context,
    ];
    for context in contexts.into_iter().flatten() {
        let pairs: BTreeMap<String, Value> =
            serde_json::from_str(context.get()).unwrap_or_default();
        for (name, value) in &pairs {
            tags.push(tag(name));
            tags.extend(value.as_str().map(|value| tag(&format!("{name}={value}"))));
        }
    }
    tags.sort_unstable();
    tags.dedup();
    tags
}

/// The digest of `name`, or of `name=value`. So a filter that is written as
/// the pair is finds the pair, wherever in it the `=` stands.
pub(super) fn tag(text: &str) -> i64 {
    let digest: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    digest.first_chunk().copied().map_or(0, i64::from_le_bytes)
}
