//! `wardbook audit erase`: takes personal data out of events.

use clap::Args;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::filters::Filters;
use crate::audit::Field;
use crate::cli::client::{Call, Client};
use crate::cli::error::Error;
use crate::cli::output::Output;

#[derive(Args)]
pub(super) struct Erase {
    /// What to erase: sourceIPAddress, userAgent, userIdentity (which session or bearer it was),
    /// encryptionContext (the values), errorMessage; several with commas between them
    #[arg(long = "field", value_name = "FIELD", required = true, value_delimiter = ',',
          value_parser = Field::NAMES)]
    fields: Vec<String>,
    /// Why, as the book is to show it for ever: no personal data here
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    filters: Filters,
}

/// What one call erased.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Erased {
    event_ids: Vec<String>,
    next_cursor: Option<String>,
}

pub(super) fn run(client: &Client, output: &mut Output, erase: Erase) -> Result<(), Error> {
    let Erase { fields, reason, filters } = erase;
    let mut body = json!({ "fields": fields, "reason": reason });
    if let Value::Object(members) = &mut body {
        add(members, filters.members());
    }
    let mut count: usize = 0;
    // Each call is recorded by itself.
    loop {
        let call = Call::new(Method::POST, &["v1", "audit", "erase"]).with(&body)?;
        let erased: Erased = client.call(call)?;
        count = count.saturating_add(erased.event_ids.len());
        for id in &erased.event_ids {
            if output.is_json() {
                output.line(json!({ "eventId": id }).to_string())?;
            }
        }
        let Some(cursor) = erased.next_cursor else { break };
        if let Value::Object(members) = &mut body {
            members.insert("cursor".to_owned(), cursor.into());
        }
    }
    output.note(format_args!("Erased from {count} events."));
    Ok(())
}

/// Filters are lists, but for the two times. If there are only ids, each must be
/// that of an event.
fn add(members: &mut Map<String, Value>, filters: Vec<(&'static str, String)>) {
    let only_ids = filters.iter().all(|(name, _)| *name == "eventId");
    for (name, value) in filters {
        if name == "from" || name == "to" {
            members.insert(name.to_owned(), value.into());
            continue;
        }
        let name = if only_ids { "eventIds" } else { name };
        let values = members.entry(name).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(values) = values {
            values.push(value.into());
        }
    }
}
