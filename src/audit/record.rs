//! A record as the caller of this module gives it, and its way into the store.

use serde_json::value::RawValue;

use super::columns::{Columns, Row};
use super::field_reads::PackedReads;
use super::identity::FoundBy;
use super::{Error, RESOURCES_SEARCHED, body, identity, json, marks};
use crate::base::arn::KeyArn;
use crate::base::caller::Caller;
use crate::base::ids::{AccountId, Region};
use crate::store::{NewEvent, Text};

/// One record, borrowed from the call that it is about. The members are
/// CloudTrail's; see the module's README for what each becomes.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// `eventID`, random.
    pub event_id: [u8; 16],
    /// When the call was made, epoch milliseconds.
    pub time_ms: i64,
    pub caller: &'a Caller,
    /// The account in whose book the record stands: `recipientAccountId`.
    pub account: &'a AccountId,
    pub region: &'a Region,
    /// Such as `kms.amazonaws.com` or `items.wardbook`.
    pub event_source: &'a str,
    /// The operation.
    pub event_name: &'a str,
    /// `None` for a call that succeeded.
    pub error: Option<Failure<'a>>,
    pub request_parameters: Option<&'a RawValue>,
    pub response_elements: Option<&'a RawValue>,
    pub additional_event_data: Option<&'a RawValue>,
    pub service_event_details: Option<&'a RawValue>,
    pub read_only: bool,
    /// What the call was about, in CloudTrail's order.
    pub resources: &'a [Resource<'a>],
    pub event_type: EventType,
    /// Joins the two records of a cross-account call.
    pub shared_event_id: Option<[u8; 16]>,
    pub tls: Option<Tls<'a>>,
    pub own: Own<'a>,
    /// The key material that was used, if it was one.
    pub key_material: Option<&'a str>,
    /// 16 random bytes: what the commitments to personal data are made with.
    pub salt: [u8; 16],
}

/// What CloudTrail has no member for: part of the member `wardbook`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Own<'a> {
    /// Why the call was decided as it was.
    pub decisions: Option<&'a RawValue>,
    /// The materials that were used, where AWS's record does not tell.
    pub key_material_ids: &'a [String],
    /// The item of a table that the call was about.
    pub item: Option<&'a RawValue>,
    /// What the call opened of items.
    pub field_reads: Option<&'a PackedReads>,
    /// Why it did, as the caller said; short.
    pub purpose: Option<&'a str>,
    /// The time of a record before this one, if the clock was set back since,
    /// epoch milliseconds.
    pub latest_record_ms: Option<i64>,
}

/// Why a call failed.
#[derive(Clone, Copy, Debug)]
pub struct Failure<'a> {
    /// Such as `AccessDenied`.
    pub code: &'a str,
    pub message: &'a str,
}

/// One entry of `resources`.
#[derive(Clone, Copy, Debug)]
pub struct Resource<'a> {
    pub account: &'a str,
    /// Such as `AWS::KMS::Key`; CloudTrail gives aliases that type as well.
    pub kind: &'a str,
    pub arn: &'a str,
}

/// `eventType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventType {
    /// Somebody called.
    AwsApiCall,
    /// The server did it by itself: no request, no address.
    AwsServiceEvent,
}

/// `tlsDetails`.
#[derive(Clone, Copy, Debug)]
pub struct Tls<'a> {
    /// Such as `TLSv1.3`.
    pub version: &'a str,
    pub cipher_suite: &'a str,
    /// Such as `X25519MLKEM768`.
    pub key_exchange: Option<&'a str>,
    /// The `Host` header of the call.
    pub host: Option<&'a str>,
}

/// The record as one line of JSON: the canonical form.
///
/// # Errors
/// [`Error::Encode`]; does not happen for a valid record.
pub fn canonical(record: &Record<'_>) -> Result<String, Error> {
    let texts = Texts::of(record);
    let columns = Columns::of(&texts.row(record));
    json::canonical(record, &texts, &columns)
}

/// Writes the record in its canonical form, takes it apart, hashes and
/// compresses it. All the work that does not need the writer is done here, on
/// the caller's thread.
///
/// # Errors
/// [`Error::Encode`], [`Error::NotARecord`], [`Error::Compress`]; none happens
/// for a valid record.
pub fn prepare(record: &Record<'_>) -> Result<NewEvent, Error> {
    let texts = Texts::of(record);
    let row = texts.row(record);
    let columns = Columns::of(&row);
    let canonical = json::canonical(record, &texts, &columns)?;
    let packed = body::pack(&canonical, &row, &columns, record.salt)?;
    let owned = |text: Option<&str>| text.map(str::to_owned);
    Ok(NewEvent {
        time_ms: row.time_ms,
        account: row.account.to_owned(),
        region: row.region.to_owned(),
        event_source: row.event_source.to_owned(),
        event_name: row.event_name.to_owned(),
        principal: row.principal.to_owned(),
        principal_id: owned(row.principal_id),
        access_key: owned(row.access_key),
        key: owned(row.key),
        second_key: owned(row.second_key),
        key_material: owned(row.key_material),
        error: owned(row.error),
        request_id: row.request_id.copied(),
        event_id: record.event_id,
        read_only: record.read_only,
        format: body::LEAF_FORMAT,
        leaf: packed.leaf,
        dictionary: body::CURRENT_DICTIONARY,
        body: packed.body,
        personal: packed.personal,
        field_reads: record.own.field_reads.map(|reads| reads.rows.clone()),
        text: Some(Text { whole: canonical, marks: marks::of_new }),
    })
}

/// Texts of a record that are made from what it borrows.
pub(super) struct Texts<'a> {
    /// The caller's ARN, as the record shows it.
    pub(super) principal: String,
    pub(super) source_ip: Option<String>,
    found_by: FoundBy<'a>,
}

impl<'a> Texts<'a> {
    fn of(record: &Record<'a>) -> Self {
        Self {
            principal: record.caller.principal.to_string(),
            source_ip: record.caller.source_ip.map(|ip| ip.to_string()),
            found_by: identity::found_by(record.caller, record.event_type, record.account),
        }
    }

    fn row<'b>(&'b self, record: &'b Record<'_>) -> Row<'b> {
        let by_caller = record.event_type == EventType::AwsApiCall;
        let found = &self.found_by;
        // Aliases are listed with the same type as keys.
        let searched = record.resources.iter().take(RESOURCES_SEARCHED);
        let mut keys = searched.filter(|of| KeyArn::parse(of.arn).is_some());
        Row {
            time_ms: record.time_ms,
            event_id: &record.event_id,
            request_id: by_caller.then(|| record.caller.request_id.as_bytes()),
            account: record.account.as_str(),
            region: record.region.as_str(),
            event_source: record.event_source,
            event_name: record.event_name,
            principal: &found.principal,
            principal_id: found.principal_id,
            access_key: found.access_key,
            key: keys.next().map(|of| of.arn),
            second_key: keys.next().map(|of| of.arn),
            key_material: record.key_material,
            error: record.error.map(|failure| failure.code),
            source_ip: self.source_ip.as_deref().filter(|_| by_caller),
            session: found.session,
        }
    }
}
