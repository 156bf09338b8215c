//! `wardbook audit count`.

use clap::Args;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::filters::{Filters, camel};
use crate::cli::client::{Call, Client};
use crate::cli::error::Error;
use crate::cli::output::Output;

#[derive(Args)]
pub(super) struct Count {
    #[command(flatten)]
    filters: Filters,
    /// One or two of minute, hour, day, principal, key, event-name, error-code, source-ip
    #[arg(long, value_name = "GROUPING", value_delimiter = ',')]
    by: Vec<String>,
    /// How many rows
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    limit: usize,
}

#[derive(Deserialize, Serialize)]
struct Counts {
    counts: Vec<Map<String, Value>>,
    total: u64,
    complete: bool,
}

pub(super) fn ask(client: &Client, output: &mut Output, count: Count) -> Result<(), Error> {
    let names: Vec<String> = count.by.iter().map(|name| camel(name)).collect();
    let (by, limit) = (names.join(","), count.limit.to_string());
    let filters = count.filters.members();
    let mut query: Vec<(&str, &str)> =
        filters.iter().map(|(name, value)| (*name, value.as_str())).collect();
    query.push(("limit", &limit));
    if !by.is_empty() {
        query.push(("groupBy", &by));
    }
    let call = Call::new(Method::GET, &["v1", "audit", "counts"]).asking(&query);
    let answer: Counts = client.call(call)?;
    if output.is_json() {
        for row in &answer.counts {
            output.json(row)?;
        }
    } else {
        let mut heads: Vec<String> = count.by.iter().map(|name| name.to_uppercase()).collect();
        heads.push("EVENTS".to_owned());
        let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).chain(["events"]).collect();
        let rows: Vec<Vec<String>> = answer.counts.iter().map(|row| cells(row, &names)).collect();
        output.table(&heads, &rows)?;
    }
    if !names.is_empty() {
        output.note(format_args!("{} events in all.", answer.total));
    }
    if !answer.complete {
        output.note("These are not all rows: narrow the filters, or raise --limit.");
    }
    Ok(())
}

fn cells(row: &Map<String, Value>, names: &[&str]) -> Vec<String> {
    let cell = |name: &&str| match row.get(*name) {
        Some(Value::String(text)) => text.clone(),
        None | Some(Value::Null) => "-".to_owned(),
        Some(other) => other.to_string(),
    };
    names.iter().map(cell).collect()
}
