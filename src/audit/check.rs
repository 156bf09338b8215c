//! Whether the columns of a row say what its record says. They are what records
//! are found by; a row whose columns lie hides its record.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::Deserialize;

use super::json::INTERNAL;
use super::{Error, Field, Opened, RESOURCES_SEARCHED};
use crate::base::arn::{KeyArn, PARTITION};
use crate::base::ids::RequestId;
use crate::base::limits::ACCESS_KEY_ID_BYTES;
use crate::base::timestamp;
use crate::store::StoredRecord;

/// The members that columns are made from.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    #[serde(borrow)]
    user_identity: Identity<'a>,
    #[serde(borrow, default, rename = "sourceIPAddress")]
    source_ip: Option<Cow<'a, str>>,
    #[serde(borrow)]
    event_type: Cow<'a, str>,
    #[serde(borrow)]
    event_source: Cow<'a, str>,
    #[serde(borrow)]
    event_name: Cow<'a, str>,
    #[serde(borrow)]
    aws_region: Cow<'a, str>,
    #[serde(borrow, default)]
    error_code: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    additional_event_data: Option<Additional<'a>>,
    #[serde(borrow, default, rename = "requestID")]
    request_id: Option<&'a str>,
    #[serde(borrow, rename = "eventID")]
    event_id: &'a str,
    read_only: bool,
    #[serde(borrow)]
    resources: Vec<Resource<'a>>,
    #[serde(borrow)]
    recipient_account_id: Cow<'a, str>,
    #[serde(borrow)]
    wardbook: Wardbook<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<&'a str>,
    #[serde(borrow, default)]
    principal_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    arn: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    account_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    access_key_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    user_name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    identity_provider: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    session_context: Option<SessionContext<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SessionContext<'a> {
    #[serde(borrow, default)]
    session_issuer: Option<SessionIssuer<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SessionIssuer<'a> {
    #[serde(borrow)]
    principal_id: Cow<'a, str>,
    #[serde(borrow)]
    arn: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Additional<'a> {
    #[serde(borrow, default)]
    key_material_id: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Resource<'a> {
    #[serde(borrow, rename = "ARN")]
    arn: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wardbook<'a> {
    #[serde(borrow)]
    time: &'a str,
    #[serde(default)]
    field_reads: Option<FieldReads>,
}

#[derive(Deserialize)]
struct FieldReads {
    items: i64,
}

impl Identity<'_> {
    /// The principal that records of this identity are found by, and its id.
    fn principal(&self) -> (Option<Cow<'_, str>>, Option<&str>) {
        let borrowed = |text: &'_ Option<Cow<'_, str>>| text.as_deref().map(str::to_owned);
        let issuer = self.session_context.as_ref().and_then(|of| of.session_issuer.as_ref());
        match self.kind {
            None => (Some(Cow::Borrowed("AWS Internal")), None),
            Some("Unknown") => (Some(Cow::Borrowed("anonymous")), None),
            Some("IAMUser") => (borrowed(&self.arn).map(Cow::Owned), self.principal_id.as_deref()),
            Some("Root") => (borrowed(&self.arn).map(Cow::Owned), None),
            Some("AssumedRole") => (
                issuer.map(|issuer| Cow::Borrowed(&*issuer.arn)),
                issuer.map(|issuer| &*issuer.principal_id),
            ),
            Some("WebIdentityUser") => (borrowed(&self.identity_provider).map(Cow::Owned), None),
            Some("AWSAccount") => {
                let account = self.account_id.as_deref();
                let root = |account| Cow::Owned(format!("arn:{PARTITION}:iam::{account}:root"));
                (account.map(root), None)
            }
            Some(_) => (None, None),
        }
    }
}

impl Opened {
    /// Whether the columns of the row that this was read from say the same.
    /// Those of format 1 are not looked at: such a record does not have all of
    /// what they say. It has no row of personal data, which would be shown in
    /// the place of its own.
    ///
    /// # Errors
    /// [`Error::Column`] with the first column that lies; [`Error::NotARecord`].
    pub fn check_columns(&self, stored: &StoredRecord) -> Result<(), Error> {
        let seq = stored.position.seq;
        if self.format == 1 {
            return match stored.personal {
                None => Ok(()),
                Some(_) => Err(Error::Column { seq, column: "seq of event_personal" }),
            };
        }
        let record = self.record()?;
        let shown: Shown<'_> = serde_json::from_str(&record).map_err(|_odd| Error::NotARecord)?;
        let erased: BTreeSet<Field> = self.erased().into_values().flatten().collect();
        match lie(&shown, stored).or_else(|| personal_lie(&shown, stored, &erased)) {
            Some(column) => Err(Error::Column { seq, column }),
            None => Ok(()),
        }
    }
}

/// The column of `event_personal` that says something else than the record.
/// What was erased from the record must be gone from the columns.
fn personal_lie(
    shown: &Shown<'_>,
    stored: &StoredRecord,
    erased: &BTreeSet<Field>,
) -> Option<&'static str> {
    let personal = stored.personal.as_ref()?;
    let is_kept = |field| !erased.contains(&field);
    let identity = &shown.user_identity;
    let by_caller = shown.event_type == "AwsApiCall" && is_kept(Field::SourceIpAddress);
    let source_ip = shown.source_ip.as_deref().filter(|ip| by_caller && *ip != INTERNAL);
    let session = match identity.kind {
        Some("AssumedRole") => {
            identity.arn.as_deref().and_then(|arn| arn.rsplit_once('/')).map(|(_, name)| name)
        }
        Some("WebIdentityUser") => identity.user_name.as_deref(),
        _ => None,
    };
    let session = session.filter(|_| is_kept(Field::UserIdentity));
    if source_ip != personal.source_ip.as_deref() {
        return Some("source_ip of event_personal");
    }
    (session != personal.session.as_deref()).then_some("session of event_personal")
}

/// The first column that says something else.
fn lie(shown: &Shown<'_>, stored: &StoredRecord) -> Option<&'static str> {
    let columns = &stored.columns;
    let id = |text: &str| RequestId::parse(text).map(|id| *id.as_bytes());
    let arns = shown.resources.iter().take(RESOURCES_SEARCHED).map(|resource| &*resource.arn);
    let mut keys = arns.filter(|arn| KeyArn::parse(arn).is_some());
    let (principal, principal_id) = shown.user_identity.principal();
    let material = shown.additional_event_data.as_ref();
    let material = material.and_then(|data| data.key_material_id.as_deref());
    // One that is not written in full is no key to find it by.
    let access_key = shown.user_identity.access_key_id.as_deref();
    let access_key = access_key.filter(|id| id.len() <= ACCESS_KEY_ID_BYTES);
    let reads = shown.wardbook.field_reads.as_ref().map(|reads| reads.items);
    let checks = [
        ("time_ms", timestamp::parse_rfc3339(shown.wardbook.time) == Some(stored.position.time_ms)),
        ("account", *shown.recipient_account_id == *columns.account),
        ("region", *shown.aws_region == *columns.region),
        ("event_source", *shown.event_source == *columns.event_source),
        ("event_name", *shown.event_name == *columns.event_name),
        ("principal", principal.as_deref() == Some(&*columns.principal)),
        ("principal_id", principal_id == columns.principal_id.as_deref()),
        ("access_key", access_key == columns.access_key.as_deref()),
        ("key", keys.next() == columns.key.as_deref()),
        ("second_key", keys.next() == columns.second_key.as_deref()),
        ("key_material", material == columns.key_material.as_deref()),
        ("error", shown.error_code.as_deref() == columns.error.as_deref()),
        // Where nothing else says an address, this column would be shown as it.
        ("source_ip", columns.source_ip.is_none()),
        ("request_id", shown.request_id.and_then(id) == columns.request_id),
        ("event_id", id(shown.event_id) == Some(columns.event_id)),
        ("field_reads", reads == columns.field_reads),
        ("read_only", shown.read_only == columns.read_only),
    ];
    checks.iter().find(|(_, is_true)| !is_true).map(|(column, _)| *column)
}
