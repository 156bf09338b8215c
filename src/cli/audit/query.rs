//! `wardbook audit query`: events that fit filters.

use clap::{ArgAction, Args};
use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::base::limits;
use crate::cli::client::{Call, Client};
use crate::cli::error::Error;
use crate::cli::output::Output;

#[derive(Args)]
pub(super) struct Query {
    /// Not before this time or day, such as 2026-11-02T10:00:00Z or 2026-11-02
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Before this time or day
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// ARN, user name or access key id of the caller
    #[arg(long)]
    principal: Option<String>,
    /// Id, ARN or alias of the key
    #[arg(long, value_name = "KEY")]
    key_id: Option<String>,
    /// Operation, such as Decrypt
    #[arg(long, value_name = "NAME")]
    event_name: Option<String>,
    /// Error, such as AccessDenied
    #[arg(long, value_name = "CODE")]
    error_code: Option<String>,
    /// The one call with this id
    #[arg(long, value_name = "UUID")]
    request_id: Option<String>,
    /// IP address of the caller
    #[arg(long, value_name = "ADDRESS")]
    source_ip: Option<String>,
    /// Only calls that read, or only calls that write
    #[arg(long, value_name = "BOOL", action = ArgAction::Set)]
    read_only: Option<bool>,
    /// How many events
    #[arg(long, value_name = "NUMBER", default_value_t = 100, conflicts_with = "all")]
    limit: usize,
    /// All events, however many
    #[arg(long)]
    all: bool,
    /// Go on where an earlier query stopped
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
}

/// One page of an answer; the records as they were hashed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct Page {
    pub(in crate::cli) events: Vec<Box<RawValue>>,
    next_cursor: Option<String>,
}

pub(super) fn ask(client: &Client, output: &mut Output, query: Query) -> Result<(), Error> {
    let read_only = query.read_only.map(|read_only| read_only.to_string());
    let filters: Vec<(&str, String)> = [
        ("from", query.from),
        ("to", query.to),
        ("principal", query.principal),
        ("keyId", query.key_id),
        ("eventName", query.event_name),
        ("errorCode", query.error_code),
        ("requestId", query.request_id),
        ("sourceIp", query.source_ip),
        ("readOnly", read_only),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect();
    let mut wanted = if query.all { usize::MAX } else { query.limit };
    let mut cursor = query.cursor;
    let mut rows = Vec::new();
    while wanted > 0 {
        let rows_max = wanted.min(limits::AUDIT_PAGE_ROWS).to_string();
        let mut pairs: Vec<(&str, &str)> =
            filters.iter().map(|(name, value)| (*name, value.as_str())).collect();
        pairs.push(("limit", &rows_max));
        pairs.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let page = page(client, &pairs)?;
        wanted = wanted.saturating_sub(page.events.len());
        for event in &page.events {
            if output.is_json() {
                output.line(event.get())?;
            } else {
                rows.push(row(event.get()));
            }
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    if !output.is_json() {
        output.table(HEADS, &rows)?;
    }
    if let Some(cursor) = cursor {
        output.note(format_args!("There is more: --cursor {cursor}"));
    }
    Ok(())
}

/// One page of the events that fit the filters.
pub(in crate::cli) fn page(client: &Client, query: &[(&str, &str)]) -> Result<Page, Error> {
    client.call(Call::new(Method::GET, &["v1", "audit", "events"]).asking(query))
}

pub(in crate::cli) const HEADS: &[&str] =
    &["TIME", "EVENT", "CALLER", "RESULT", "RESOURCE", "FROM"];

/// The row of one record: when, what, who, how it ended, on what, from where.
pub(in crate::cli) fn row(record: &str) -> Vec<String> {
    let record: Value = serde_json::from_str(record).unwrap_or_default();
    let text = |pointer: &str| record.pointer(pointer).and_then(Value::as_str);
    let arn = text("/userIdentity/arn").or_else(|| text("/userIdentity/accessKeyId"));
    let caller = arn.or_else(|| text("/userIdentity/invokedBy")).unwrap_or("-");
    let resource = text("/resources/0/ARN").map_or("-", |arn| last_part(arn, ':'));
    [
        text("/eventTime").unwrap_or("-"),
        text("/eventName").unwrap_or("-"),
        last_part(caller, ':'),
        text("/errorCode").unwrap_or("ok"),
        resource,
        text("/sourceIPAddress").unwrap_or("-"),
    ]
    .map(str::to_owned)
    .to_vec()
}

fn last_part(text: &str, separator: char) -> &str {
    text.rsplit(separator).next().unwrap_or(text)
}
