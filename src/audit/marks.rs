//! What a record can be found by, for the search index: what its columns say,
//! and from its body only what they do not.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::body::Opener;
use super::columns::Row;
use super::field_reads::{self, Release};
use crate::base::arn::{KeyArn, PARTITION};
use crate::base::hex;
use crate::store::{Extent, Field, FieldRead, FieldReads, Marks, NewEvent, StoredRecord};

/// The members that no column has.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    #[serde(borrow, default)]
    request_parameters: Option<&'a RawValue>,
    #[serde(borrow, default)]
    resources: Vec<Resource<'a>>,
}

/// Those that columns have of newer records only.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfFormat1<'a> {
    #[serde(borrow, default)]
    user_identity: Identity<'a>,
    #[serde(borrow, default, rename = "sourceIPAddress")]
    source_ip_address: Cow<'a, str>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity<'a> {
    #[serde(borrow, default)]
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

/// What all names of encryption contexts end in.
const CONTEXT: &str = "ncryptionContext\"";
/// What records of grants have, and those of calls that one allowed.
const GRANT_ID: &str = "\"grantId\"";
const BY_GRANT: &str = "\"source\":\"grant\"";

thread_local! {
    // Keeps the dictionary.
    static OPENER: RefCell<Opener> = RefCell::default();
}

/// What the record can be found by; if its body cannot be read, what its
/// columns say. The hash is not checked here: whoever gets a record to see
/// checks it.
#[must_use]
pub fn marks(record: &StoredRecord, extent: Extent) -> Marks {
    let row = Row::of(record);
    let mut marks = of_row(&row, record.columns.read_only);
    if extent == Extent::Columns {
        return marks;
    }
    if let Some(opened) = OPENER.with_borrow_mut(|opener| opener.read(record)) {
        let body = Body::read(&opened.skeleton);
        add_members(&body, &opened.skeleton, &mut marks);
        if opened.format == 1 {
            add_format_1(&body, &opened.skeleton, &mut marks);
        } else if body.has_context() {
            let whole = opened.record().unwrap_or_default();
            add_personal(&row, &whole, &Body::read(&whole), &opened.marks(), &mut marks);
        }
    }
    add_reads(record.field_reads.iter().map(|row| (&*row.shared, &row.read)), &mut marks);
    marks
}

/// The same of a record that was made just now, whose text is at hand.
pub(super) fn of_new(event: &NewEvent, whole: &str) -> Marks {
    let row = Row::of_new(event);
    let mut marks = of_row(&row, event.read_only);
    // What can be found lies in members and names that nothing is erased of.
    let body = Body::read(whole);
    add_members(&body, whole, &mut marks);
    if body.has_context() {
        add_personal(&row, whole, &body, &[], &mut marks);
    }
    let reads = event
        .field_reads
        .iter()
        .flat_map(|FieldReads { shared, rows }| rows.iter().map(|read| (shared.as_str(), read)));
    add_reads(reads, &mut marks);
    marks
}

/// What the columns say.
fn of_row(row: &Row<'_>, read_only: bool) -> Marks {
    let mut texts = Vec::with_capacity(10);
    let mut mark = |field, text: &str| texts.push((field, text.to_owned()));
    mark(Field::Account, row.account);
    mark(Field::Region, row.region);
    mark(Field::EventSource, row.event_source);
    mark(Field::EventName, row.event_name);
    match (role_of(row.principal), row.session) {
        // In format 1 the principal is the session.
        (Some(role), _) => {
            mark(Field::Principal, &role);
            mark(Field::Session, row.principal);
        }
        (None, session) => {
            mark(Field::Principal, row.principal);
            if let Some(session) = session {
                mark(Field::Session, &session_of(row.principal, session));
            }
        }
    }
    if let Some(access_key) = row.access_key {
        mark(Field::AccessKey, access_key);
    }
    for key in row.key.into_iter().chain(row.second_key) {
        mark(Field::Key, key);
    }
    if let Some(code) = row.error {
        mark(Field::Error, code);
    }
    if let Some(material) = row.key_material {
        mark(Field::KeyMaterial, material);
    }
    Marks {
        texts,
        source_ip: row.source_ip.and_then(|address| address.parse::<IpAddr>().ok()),
        tags: Vec::new(),
        read_only,
        request_id: row.request_id.copied(),
        event_id: Some(*row.event_id),
    }
}

impl<'a> Body<'a> {
    fn read(text: &'a str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }

    fn has_context(&self) -> bool {
        self.request_parameters.is_some_and(|of| of.get().contains(CONTEXT))
    }
}

/// Adds what only the body says, and no erasure takes.
fn add_members(body: &Body<'_>, text: &str, marks: &mut Marks) {
    for Resource { arn } in body.resources.iter().filter(|of| of.arn.starts_with("arn:")) {
        let is_key = KeyArn::parse(arn).is_some();
        let field = if is_key { Field::Key } else { Field::Resource };
        if !marks.texts.iter().any(|(of, text)| *of == field && text == arn) {
            marks.texts.push((field, arn.to_string()));
        }
    }
    marks.texts.extend(grants(text).into_iter().map(|id| (Field::Grant, id)));
}

/// Adds what columns say of newer records only.
fn add_format_1(body: &Body<'_>, text: &str, marks: &mut Marks) {
    let more: OfFormat1<'_> = serde_json::from_str(text).unwrap_or_default();
    marks.source_ip = more.source_ip_address.parse().ok();
    let access_key = more.user_identity.access_key_id;
    marks.texts.extend(access_key.map(|id| (Field::AccessKey, id.into_owned())));
    marks.tags = tags(body.request_parameters, &[]);
}

/// Adds what stands in encryption contexts, and is none of `erased`.
fn add_personal(row: &Row<'_>, whole: &str, body: &Body<'_>, erased: &[String], marks: &mut Marks) {
    marks.tags = tags(body.request_parameters, erased);
    marks.tags.extend(field_reads::of_item(whole));
    if let Some(release) = Release::of(row, whole) {
        let key = release.key().filter(|key| !key.iter().any(|part| erased.contains(part)));
        marks.tags.extend(field_reads::of_release(&release.table, key.as_deref()));
    }
    marks.tags.sort_unstable();
    marks.tags.dedup();
}

/// Adds what was opened of items.
fn add_reads<'a>(rows: impl Iterator<Item = (&'a str, &'a FieldRead)>, marks: &mut Marks) {
    let tags = field_reads::of_rows(rows);
    if !tags.is_empty() {
        marks.tags.extend(tags);
        marks.tags.sort_unstable();
        marks.tags.dedup();
    }
}

/// The grants that a record is about, or that allowed what it tells of.
fn grants(text: &str) -> Vec<String> {
    if !text.contains(GRANT_ID) && !text.contains(BY_GRANT) {
        return Vec::new();
    }
    let record: Value = serde_json::from_str(text).unwrap_or_default();
    let named = ["/requestParameters/grantId", "/responseElements/grantId"];
    let named = named.into_iter().filter_map(|pointer| record.pointer(pointer));
    let decisions = record.pointer("/wardbook/decisions").and_then(Value::as_array);
    let determining = decisions
        .into_iter()
        .flatten()
        .filter_map(|decision| decision.get("determining").and_then(Value::as_array))
        .flatten();
    let used = determining
        .filter(|of| of.get("source").and_then(Value::as_str) == Some("grant"))
        .filter_map(|of| of.get("policy"));
    // A refused call may have named anything.
    let ids = named.chain(used).filter_map(Value::as_str).filter(|id| is_grant_id(id));
    ids.map(str::to_owned).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Whether it is written as ids of grants are.
pub(super) fn is_grant_id(text: &str) -> bool {
    hex::decode::<32>(text).is_some()
}

/// The ARN of the role whose session this is.
fn role_of(session: &str) -> Option<String> {
    let rest = session.strip_prefix("arn:")?.strip_prefix(PARTITION)?.strip_prefix(":sts::")?;
    let (account, rest) = rest.split_once(":assumed-role/")?;
    let (role, _) = rest.split_once('/')?;
    Some(format!("arn:{PARTITION}:iam::{account}:role/{role}"))
}

/// What a session is found by: of a role its ARN, of a web identity its subject.
fn session_of(principal: &str, session: &str) -> String {
    let role = || {
        let rest = principal.strip_prefix("arn:")?.strip_prefix(PARTITION)?;
        rest.strip_prefix(":iam::")?.split_once(":role/")
    };
    match role() {
        Some((account, role)) => {
            format!("arn:{PARTITION}:sts::{account}:assumed-role/{role}/{session}")
        }
        None => session.to_owned(),
    }
}

/// Digests of the names and pairs of all encryption contexts of the request,
/// each once; of pairs whose value is one of `erased`, only the names.
fn tags(parameters: Option<&RawValue>, erased: &[String]) -> Vec<i64> {
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
            let value = value.as_str().filter(|value| !erased.iter().any(|mark| mark == value));
            tags.extend(value.map(|value| tag(&format!("{name}={value}"))));
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
