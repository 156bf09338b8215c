//! `wardbook audit query`.

use clap::Args;
use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::filters::Filters;
use super::follow;
use crate::base::limits;
use crate::cli::client::{Call, Client};
use crate::cli::error::Error;
use crate::cli::output::Output;

#[derive(Args)]
pub(super) struct Query {
    #[command(flatten)]
    filters: Filters,
    /// A text that stands in the record; records are read for it, so name other filters too
    #[arg(
        long,
        value_name = "TEXT",
        help_heading = "Filters (one given several times: any of them)"
    )]
    text: Vec<String>,
    /// How many events
    #[arg(long, value_name = "NUMBER", default_value_t = 100, conflicts_with = "all")]
    limit: usize,
    /// All events, however many
    #[arg(long)]
    all: bool,
    /// Go on where an earlier query stopped
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
    /// Events as they come, in the order of the book, until it is stopped
    #[arg(long, conflicts_with_all = ["limit", "all", "cursor"])]
    follow: bool,
    /// Follow from behind this place in the book; 0 is its beginning
    #[arg(long, value_name = "PLACE", requires = "follow")]
    after: Option<u64>,
}

/// One page of an answer; the records as they were hashed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct Page {
    pub(in crate::cli) events: Vec<Box<RawValue>>,
    next_cursor: Option<String>,
    searched_to: Option<String>,
}

/// Pages that a query without `--all` asks for, however few events they have.
const PAGES: usize = 100;

pub(super) fn ask(client: &Client, output: &mut Output, query: Query) -> Result<(), Error> {
    let mut filters = query.filters.members();
    filters.extend(query.text.into_iter().map(|text| ("text", text)));
    if query.follow {
        return follow::follow(client, output, &filters, query.after);
    }
    let mut wanted = if query.all { usize::MAX } else { query.limit };
    let mut pages = if query.all { usize::MAX } else { PAGES };
    let (mut cursor, mut searched_to) = (query.cursor, None);
    let mut rows = Vec::new();
    while wanted > 0 && pages > 0 {
        let rows_max = wanted.min(limits::AUDIT_PAGE_ROWS).to_string();
        let mut pairs: Vec<(&str, &str)> =
            filters.iter().map(|(name, value)| (*name, value.as_str())).collect();
        pairs.push(("limit", &rows_max));
        pairs.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let page = page(client, &pairs)?;
        wanted = wanted.saturating_sub(page.events.len());
        pages = pages.saturating_sub(1);
        for event in &page.events {
            if output.is_json() {
                output.data(format_args!("{}\n", event.get()))?;
            } else {
                rows.push(row(event.get()));
            }
        }
        (cursor, searched_to) = (page.next_cursor, page.searched_to);
        if cursor.is_none() {
            break;
        }
    }
    if !output.is_json() {
        output.table(HEADS, &rows)?;
    }
    if let Some(cursor) = cursor {
        let searched_to = searched_to.unwrap_or_default();
        output
            .note(format_args!("Searched back to {searched_to}. There is more: --cursor {cursor}"));
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
