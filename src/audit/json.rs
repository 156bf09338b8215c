//! The canonical form: CloudTrail's JSON, written in one pass and never again.

use std::borrow::Cow;

use memchr::memchr2;
use serde::ser::{Error as _, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::columns::Columns;
use super::field_reads::PackedReads;
use super::identity::{self, Identity};
use super::record::{Texts, Tls};
use super::{Error, EventType, RECORD_BYTES, Record, Resource};
use crate::base::limits::RECORD_MEMBERS_BYTES;
use crate::base::{hex, timestamp};

/// How much of a record is written out. What does not fit is replaced by a
/// marker that tells how much is missing.
#[derive(Clone, Copy)]
struct Limits {
    /// The members that hold JSON of the operation, together, bytes.
    members: usize,
    /// Each text that a client chooses, bytes before escaping.
    text: usize,
    /// Entries of `resources`.
    resources: usize,
}

/// Wide enough for every ordinary record.
const WIDE: Limits = Limits { members: RECORD_MEMBERS_BYTES, text: 1_024, resources: 32 };

/// Narrow enough for all records: escaping makes at most six bytes of one, so
/// nothing longer than 32 KiB comes out, whatever the texts are.
const NARROW: Limits = Limits { members: 1_024, text: 256, resources: super::RESOURCES_SEARCHED };

/// The record as one line of JSON, at most [`RECORD_BYTES`].
pub(super) fn canonical(
    record: &Record<'_>,
    texts: &Texts<'_>,
    columns: &Columns<'_>,
) -> Result<String, Error> {
    let wide = write(record, texts, columns, WIDE)?;
    if wide.len() <= RECORD_BYTES { Ok(wide) } else { write(record, texts, columns, NARROW) }
}

fn write(
    record: &Record<'_>,
    texts: &Texts<'_>,
    columns: &Columns<'_>,
    limits: Limits,
) -> Result<String, Error> {
    let mut bytes = Vec::with_capacity(2_048);
    let canonical = Canonical::new(record, texts, columns, limits);
    serde_json::to_writer(&mut bytes, &canonical).map_err(Error::Encode)?;
    String::from_utf8(bytes).map_err(|_never| Error::NotARecord)
}

/// The record's members in CloudTrail's order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Canonical<'a> {
    event_version: &'static str,
    user_identity: Identity<'a>,
    event_time: &'a str,
    event_source: &'a str,
    event_name: &'a str,
    aws_region: &'a str,
    #[serde(rename = "sourceIPAddress")]
    source_ip_address: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<Text<'a>>,
    request_parameters: Option<Member<'a>>,
    response_elements: Option<Member<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    additional_event_data: Option<Member<'a>>,
    #[serde(rename = "requestID", skip_serializing_if = "Option::is_none")]
    request_id: Option<Id<'a>>,
    #[serde(rename = "eventID")]
    event_id: Id<'a>,
    read_only: bool,
    resources: Resources<'a>,
    event_type: &'static str,
    management_event: bool,
    recipient_account_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_event_details: Option<Member<'a>>,
    #[serde(rename = "sharedEventID", skip_serializing_if = "Option::is_none")]
    shared_event_id: Option<Id<'a>>,
    event_category: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_details: Option<TlsDetails<'a>>,
    wardbook: Wardbook<'a>,
}

/// What CloudTrail has no member for.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wardbook<'a> {
    /// `eventTime`, exactly.
    time: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    decisions: Option<Member<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    key_material_ids: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<Member<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field_reads: Option<FieldReads<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    clock: Option<ClockBehind>,
}

/// What the call opened of items, and why. `opened` and `keys` may be left out when
/// they are too long; the purpose is short, and the rest commits to the rows.
#[derive(Serialize)]
struct FieldReads<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    purpose: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    opened: Option<Member<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keys: Option<&'a RawValue>,
    items: usize,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    skipped: &'a [u16],
    checks: &'a str,
    sha256: String,
}

impl<'a> FieldReads<'a> {
    fn new(
        reads: &'a PackedReads,
        purpose: Option<Text<'a>>,
        opened: Option<Member<'a>>,
        keys: Option<Member<'a>>,
    ) -> Self {
        Self {
            purpose,
            opened,
            // A digest of personal data would tell it.
            keys: keys.and_then(|keys| keys.whole()),
            items: reads.rows.rows.len(),
            skipped: &reads.skipped,
            checks: &reads.checks,
            sha256: hex::encode(&reads.sha256),
        }
    }
}

/// The clock was set back: a record before this one has a later time.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ClockBehind {
    latest_record_time: String,
}

impl ClockBehind {
    fn new(latest_ms: i64) -> Self {
        Self { latest_record_time: timestamp::iso_8601(latest_ms) }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TlsDetails<'a> {
    tls_version: &'a str,
    cipher_suite: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_provided_host_header: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_exchange: Option<&'a str>,
}

impl<'a> TlsDetails<'a> {
    fn new(tls: &'a Tls<'_>, limits: Limits) -> Self {
        Self {
            tls_version: tls.version,
            cipher_suite: tls.cipher_suite,
            client_provided_host_header: tls.host.map(|whole| Text { whole, max: limits.text }),
            key_exchange: tls.key_exchange,
        }
    }
}

impl<'a> Canonical<'a> {
    fn new(
        record: &'a Record<'_>,
        texts: &'a Texts<'_>,
        columns: &'a Columns<'_>,
        limits: Limits,
    ) -> Self {
        let reads = record.own.field_reads;
        let [request, response, additional, details, decisions, item, opened, keys] = fit(
            [
                record.request_parameters,
                record.response_elements,
                record.additional_event_data,
                record.service_event_details,
                record.own.decisions,
                record.own.item,
                reads.map(|reads| reads.opened.as_ref()),
                reads.and_then(|reads| reads.keys.as_deref()),
            ],
            limits.members,
        );
        let caller = record.caller;
        let source_ip = texts.source_ip.as_deref();
        let text = |whole| Text { whole, max: limits.text };
        let (event_type, address, agent) = match record.event_type {
            EventType::AwsApiCall => {
                let inside = source_ip.is_none().then_some(INTERNAL);
                let agent = caller.user_agent.as_deref().or(inside);
                ("AwsApiCall", source_ip.unwrap_or(INTERNAL), agent)
            }
            EventType::AwsServiceEvent => ("AwsServiceEvent", INTERNAL, Some(INTERNAL)),
        };
        Self {
            event_version: "1.11",
            user_identity: identity::identity(
                caller,
                &texts.principal,
                record.event_type,
                record.account,
            ),
            event_time: columns.event_time(),
            event_source: record.event_source,
            event_name: record.event_name,
            aws_region: record.region.as_str(),
            source_ip_address: address,
            user_agent: agent.map(text),
            error_code: record.error.map(|failure| failure.code),
            error_message: record.error.map(|failure| failure.message).filter(is_said).map(text),
            request_parameters: request,
            response_elements: response,
            additional_event_data: additional,
            request_id: (record.event_type == EventType::AwsApiCall)
                .then(|| Id(caller.request_id.as_bytes())),
            event_id: Id(&record.event_id),
            read_only: record.read_only,
            resources: Resources { all: record.resources, limits },
            event_type,
            management_event: true,
            recipient_account_id: record.account.as_str(),
            service_event_details: details,
            shared_event_id: record.shared_event_id.as_ref().map(Id),
            event_category: "Management",
            tls_details: record.tls.as_ref().map(|tls| TlsDetails::new(tls, limits)),
            wardbook: Wardbook {
                time: columns.time(),
                decisions,
                key_material_ids: record.own.key_material_ids,
                item,
                field_reads: reads.map(|reads| {
                    FieldReads::new(reads, record.own.purpose.map(text), opened, keys)
                }),
                clock: record.own.latest_record_ms.map(ClockBehind::new),
            },
        }
    }
}

fn is_said(text: &&str) -> bool {
    !text.is_empty()
}

/// A UUID, hyphenated.
struct Id<'a>(&'a [u8; 16]);

impl Serialize for Id<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = Uuid::encode_buffer();
        serializer
            .serialize_str(Uuid::from_bytes_ref(self.0).as_hyphenated().encode_lower(&mut text))
    }
}

/// A text of which at most `max` bytes are written.
pub(super) struct Text<'a> {
    pub(super) whole: &'a str,
    pub(super) max: usize,
}

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&clip(self.whole, self.max))
    }
}

fn clip(whole: &str, max: usize) -> Cow<'_, str> {
    if whole.len() <= max {
        return Cow::Borrowed(whole);
    }
    let (kept, rest) = whole.split_at_checked(whole.floor_char_boundary(max)).unwrap_or_default();
    Cow::Owned(format!("{kept}... [{} bytes omitted]", rest.len()))
}

/// A member that holds JSON of the operation.
enum Member<'a> {
    Whole(&'a RawValue),
    Omitted(&'a RawValue),
}

impl<'a> Member<'a> {
    fn whole(&self) -> Option<&'a RawValue> {
        match self {
            Self::Whole(json) => Some(json),
            Self::Omitted(_) => None,
        }
    }

    fn whole_len(&self) -> usize {
        match self {
            Self::Whole(json) => json.get().len(),
            Self::Omitted(_) => 0,
        }
    }
}

#[derive(Serialize)]
struct Marker {
    omitted: Omitted,
}

#[derive(Serialize)]
struct Omitted {
    bytes: usize,
    sha256: String,
}

impl Serialize for Member<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Whole(json) if memchr2(b'\n', b'\r', json.get().as_bytes()).is_some() => {
                // Outside of strings, where JSON has none: white space. A
                // record is one line, so that exports are one record a line.
                let line = json.get().replace(['\n', '\r'], " ");
                RawValue::from_string(line).map_err(S::Error::custom)?.serialize(serializer)
            }
            Self::Whole(json) => json.serialize(serializer),
            Self::Omitted(json) => {
                let digest: [u8; 32] = Sha256::digest(json.get()).into();
                let omitted = Omitted { bytes: json.get().len(), sha256: hex::encode(&digest) };
                Marker { omitted }.serialize(serializer)
            }
        }
    }
}

/// Leaves out the largest members until the others fit into `max` bytes.
fn fit<const N: usize>(members: [Option<&RawValue>; N], max: usize) -> [Option<Member<'_>>; N] {
    let mut fitted = members.map(|member| member.map(Member::Whole));
    loop {
        let lengths = fitted.iter().flatten().map(Member::whole_len);
        if lengths.fold(0, usize::saturating_add) <= max {
            return fitted;
        }
        let largest = fitted.iter_mut().flatten().max_by_key(|member| member.whole_len());
        if let Some(member) = largest
            && let Member::Whole(json) = *member
        {
            *member = Member::Omitted(json);
        }
    }
}

/// The list of resources; entries beyond the limit become one entry that
/// counts them.
struct Resources<'a> {
    all: &'a [Resource<'a>],
    limits: Limits,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<Text<'a>>,
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(rename = "ARN")]
    arn: Text<'a>,
}

impl Serialize for Resources<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = |whole| Text { whole, max: self.limits.text };
        let mut list = serializer.serialize_seq(None)?;
        for resource in self.all.iter().take(self.limits.resources) {
            list.serialize_element(&Entry {
                account_id: Some(text(resource.account)),
                kind: resource.kind,
                arn: text(resource.arn),
            })?;
        }
        let beyond = self.all.len().saturating_sub(self.limits.resources);
        if beyond > 0 {
            let count = format!("{beyond} more");
            list.serialize_element(&Entry {
                account_id: None,
                kind: "wardbook::Omitted",
                arn: text(&count),
            })?;
        }
        list.end()
    }
}

/// What CloudTrail writes where there is no client.
pub(super) const INTERNAL: &str = "AWS Internal";
