//! QueryEvents: what happened, newest first. Asking is itself recorded.

use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::audit::{self, Filter, Page};
use crate::base::ids::{AliasName, RequestId};
use crate::base::{limits, timestamp};
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::resolve;
use crate::ops::shapes::out_text;
use crate::policy::actions::Action;
use crate::policy::question::Resource;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Shape, text};

pub(super) struct QueryEvents;

/// Every member is text: they come from a query string.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    from: Option<String>,
    to: Option<String>,
    principal: Option<String>,
    key_id: Option<String>,
    event_name: Option<String>,
    error_code: Option<String>,
    request_id: Option<String>,
    source_ip: Option<String>,
    read_only: Option<String>,
    limit: Option<String>,
    cursor: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    /// CloudTrail records, each byte for byte as it was hashed.
    events: Vec<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

pub(super) const FILTER: Shape = text(1, 2048);

impl Operation for QueryEvents {
    const DESCRIPTION: Description = Description {
        name: "QueryEvents",
        service: Service::Audit,
        read_only: true,
        input: &[
            Member::optional("from", FILTER),
            Member::optional("to", FILTER),
            Member::optional("principal", FILTER),
            Member::optional("keyId", FILTER),
            Member::optional("eventName", FILTER),
            Member::optional("errorCode", FILTER),
            Member::optional("requestId", FILTER),
            Member::optional("sourceIp", FILTER),
            Member::optional("readOnly", Shape::Enum(&["true", "false"])),
            Member::optional("limit", FILTER),
            Member::optional("cursor", FILTER),
        ],
        output: &[
            Member::required(
                "events",
                Shape::List { of: &Shape::Document, min: 0, max: limits::AUDIT_PAGE_ROWS },
            ),
            out_text("nextCursor"),
        ],
        errors: &[],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Output;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Output>, ApiError> {
        let account = access.call().caller.principal.account();
        access.resource(Action::QUERY_EVENTS, Resource::AuditLog { account })?;
        let filter = filter(ctx, access, input)?;
        let store = Arc::clone(&ctx.store);
        // Reading blocks, and may take a while on a cold file.
        let found = tokio::task::spawn_blocking(move || audit::query(&store, &filter));
        let Page { records, next_cursor } = found.await.map_err(ApiError::internal)??;
        let events = records.into_iter().map(RawValue::from_string).collect::<Result<_, _>>();
        Ok(Done::read(Output { events: events.map_err(ApiError::internal)?, next_cursor }))
    }
}

impl Input {
    /// Whether it asks for nothing in particular.
    pub(super) fn is_empty(&self) -> bool {
        let Self { from, to, principal, key_id, event_name, .. } = self;
        let Self { error_code, request_id, source_ip, read_only, .. } = self;
        let texts = [from, to, principal, key_id, event_name, error_code, request_id];
        texts.into_iter().chain([source_ip, read_only]).all(Option::is_none)
    }
}

pub(super) fn filter(ctx: &Ctx, access: &Access<'_>, input: Input) -> Result<Filter, ApiError> {
    Ok(Filter {
        account: Some(access.call().caller.principal.account().to_string()),
        from_ms: time("from", input.from.as_deref())?,
        to_ms: time("to", input.to.as_deref())?,
        principal: input.principal,
        key: input.key_id.map(|key| key_filter(ctx, access, key)).transpose()?,
        event_name: input.event_name,
        error_code: input.error_code,
        request_id: parsed("requestId", input.request_id.as_deref(), RequestId::parse)?,
        source_ip: parsed("sourceIp", input.source_ip.as_deref(), |text| {
            text.parse::<IpAddr>().ok()
        })?,
        read_only: input.read_only.map(|text| text == "true"),
        limit: parsed("limit", input.limit.as_deref(), rows)?.unwrap_or(100),
        cursor: input.cursor,
    })
}

/// An alias stands for the key it points to now; ids and ARNs are taken as
/// they are, since the book outlives its keys.
fn key_filter(ctx: &Ctx, access: &Access<'_>, key: String) -> Result<String, ApiError> {
    if !key.starts_with("alias/") {
        return Ok(key);
    }
    let realm = access.call().realm();
    let alias = AliasName::parse(&key).and_then(|name| ctx.keys.find_alias(&realm, &name));
    let target = alias.and_then(|alias| ctx.keys.find(&realm.region, alias.target));
    match target {
        Some(found) => Ok(found.arn.to_string()),
        None => Err(resolve::unknown_alias(&realm, &key)),
    }
}

fn rows(text: &str) -> Option<usize> {
    text.parse().ok().filter(|rows| (1..=limits::AUDIT_PAGE_ROWS).contains(rows))
}

fn time(member: &str, value: Option<&str>) -> Result<Option<i64>, ApiError> {
    parsed(member, value, |text| {
        timestamp::parse_rfc3339(text)
            .or_else(|| timestamp::parse_rfc3339(&format!("{text}T00:00:00Z")))
    })
}

fn parsed<T>(
    member: &str,
    value: Option<&str>,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, ApiError> {
    let Some(text) = value else { return Ok(None) };
    let expected = match member {
        "from" | "to" => "a time such as 2026-11-02T10:00:00Z or a day such as 2026-11-02",
        "limit" => "a number from 1 to 1000",
        "sourceIp" => "an IP address",
        _ => "a UUID",
    };
    match parse(text) {
        Some(value) => Ok(Some(value)),
        None => Err(ApiError::validation(format!("{member} must be {expected}."))),
    }
}
