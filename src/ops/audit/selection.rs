//! The filters that all questions to the book share.

use serde::Deserialize;

use crate::audit::{FilterValue, Name, Selection, Term};
use crate::base::ids::AliasName;
use crate::base::{limits, timestamp};
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::resolve;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Shape, text};

/// The shape of a value.
pub const TEXT: Shape = text(1, 2048);
pub(super) const TEXTS: Shape = Shape::List { of: &TEXT, min: 0, max: limits::AUDIT_FILTER_VALUES };

/// Not before this time.
pub const FROM: Member = Member::optional("from", TEXT);
/// Before this time.
pub const TO: Member = Member::optional("to", TEXT);
pub(super) const NOT: Member = Member::optional("not", TEXTS);

/// All filters, as questions to the book have them.
pub(super) const FILTERS: [Member; 19] = [
    FROM,
    TO,
    filter("principal"),
    filter("accessKeyId"),
    filter("keyId"),
    filter("eventName"),
    filter("eventSource"),
    filter("errorCode"),
    filter("sourceIp"),
    filter("resource"),
    filter("context"),
    filter("requestId"),
    filter("eventId"),
    filter("readOnly"),
    filter("awsRegion"),
    filter("keyMaterialId"),
    filter("grantId"),
    filter("table"),
    NOT,
];

/// The filters, then what an operation asks for beside them: `ALL` members together.
pub(super) const fn filters_and<const ALL: usize>(own: &[Member]) -> [Member; ALL] {
    let mut all = [NOT; ALL];
    let (filters, beside) = all.split_at_mut(FILTERS.len());
    filters.copy_from_slice(&FILTERS);
    beside.copy_from_slice(own);
    all
}

/// The member of a filter.
#[must_use]
pub const fn filter(name: &'static str) -> Member {
    Member::optional(name, TEXTS)
}

/// Every member is text: they come from a query string. Several values of one
/// are alternatives; `not` has values of the form `name=value`.
#[derive(Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Filters {
    from: Option<String>,
    to: Option<String>,
    #[serde(default)]
    principal: Vec<String>,
    #[serde(default)]
    access_key_id: Vec<String>,
    #[serde(default)]
    key_id: Vec<String>,
    #[serde(default)]
    event_name: Vec<String>,
    #[serde(default)]
    event_source: Vec<String>,
    #[serde(default)]
    error_code: Vec<String>,
    #[serde(default)]
    source_ip: Vec<String>,
    #[serde(default)]
    resource: Vec<String>,
    #[serde(default)]
    context: Vec<String>,
    #[serde(default)]
    request_id: Vec<String>,
    #[serde(default)]
    event_id: Vec<String>,
    #[serde(default)]
    read_only: Vec<String>,
    #[serde(default)]
    aws_region: Vec<String>,
    #[serde(default)]
    key_material_id: Vec<String>,
    #[serde(default)]
    grant_id: Vec<String>,
    #[serde(default)]
    table: Vec<String>,
    #[serde(default)]
    not: Vec<String>,
}

impl Filters {
    /// Whether they ask for nothing in particular.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The selection, of the book of the caller's account.
    ///
    /// # Errors
    /// `ValidationException` for a value that a filter cannot have,
    /// `NotFoundException` for an alias that there is not.
    pub fn selection(self, ctx: &Ctx, access: &Access<'_>) -> Result<Selection, ApiError> {
        let of_name = [
            (Name::RequestId, self.request_id),
            (Name::EventId, self.event_id),
            (Name::GrantId, self.grant_id),
            (Name::KeyMaterialId, self.key_material_id),
            (Name::KeyId, self.key_id),
            (Name::Principal, self.principal),
            (Name::AccessKeyId, self.access_key_id),
            (Name::Resource, self.resource),
            (Name::Context, self.context),
            (Name::Table, self.table),
            (Name::SourceIp, self.source_ip),
            (Name::ErrorCode, self.error_code),
            (Name::EventName, self.event_name),
            (Name::EventSource, self.event_source),
            (Name::ReadOnly, self.read_only),
            (Name::Region, self.aws_region),
        ];
        let mut terms = Vec::new();
        for (name, texts) in of_name {
            let values = texts.iter().map(|text| value(ctx, access, name, text));
            let any_of = values.collect::<Result<Vec<FilterValue>, ApiError>>()?;
            if !any_of.is_empty() {
                terms.push(Term { any_of, not: false });
            }
        }
        for text in self.not {
            let (name, text) = excluded(&text)?;
            terms.push(Term { any_of: vec![value(ctx, access, name, text)?], not: true });
        }
        Ok(Selection {
            account: Some(access.call().caller.principal.account().to_string()),
            from_ms: time("from", self.from.as_deref())?,
            to_ms: time("to", self.to.as_deref())?,
            terms,
        })
    }
}

/// An alias stands for the key it points to now; ids and ARNs are taken as
/// they are, since the book outlives its keys.
fn value(ctx: &Ctx, access: &Access<'_>, name: Name, text: &str) -> Result<FilterValue, ApiError> {
    if name != Name::KeyId || !text.starts_with("alias/") {
        return Ok(FilterValue::parse(name, text)?);
    }
    let realm = access.call().realm();
    let alias = AliasName::parse(text).and_then(|name| ctx.keys.find_alias(&realm, &name));
    let target = alias.and_then(|alias| ctx.keys.find(&realm.region, alias.target));
    match target {
        Some(found) => Ok(FilterValue::parse(name, &found.arn.to_string())?),
        None => Err(resolve::unknown_alias(&realm, text)),
    }
}

/// Splits `name=value`.
fn excluded(text: &str) -> Result<(Name, &str), ApiError> {
    let split = text.split_once('=').filter(|(_, value)| !value.is_empty());
    let found = split.and_then(|(name, value)| Some((Name::parse(name)?, value)));
    found.ok_or_else(|| {
        let names: Vec<&str> = Name::ALL.iter().map(|(name, _)| *name).collect();
        let names = names.join(", ");
        ApiError::validation(format!("not must be NAME=VALUE, where NAME is one of {names}."))
    })
}

fn time(member: &str, value: Option<&str>) -> Result<Option<i64>, ApiError> {
    let Some(text) = value else { return Ok(None) };
    let parsed = timestamp::parse_rfc3339(text)
        .or_else(|| timestamp::parse_rfc3339(&format!("{text}T00:00:00Z")));
    if parsed.is_some() {
        return Ok(parsed);
    }
    Err(ApiError::validation(format!(
        "{member} must be a time such as 2026-11-02T10:00:00Z or a day such as 2026-11-02."
    )))
}

/// How many rows an answer may have.
///
/// # Errors
/// `ValidationException`.
pub fn rows(limit: Option<&str>) -> Result<usize, ApiError> {
    let Some(text) = limit else { return Ok(100) };
    let rows = text.parse().ok().filter(|rows| (1..=limits::AUDIT_PAGE_ROWS).contains(rows));
    rows.ok_or_else(|| {
        let most = limits::AUDIT_PAGE_ROWS;
        ApiError::validation(format!("limit must be a number from 1 to {most}."))
    })
}
