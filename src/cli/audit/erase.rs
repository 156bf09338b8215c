//! `wardbook audit erase`: takes personal data out of events.

use clap::Args;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

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
    /// The event with this id; may be given several times
    #[arg(long = "event-id", value_name = "UUID")]
    event_ids: Vec<String>,
    #[command(flatten)]
    filter: Filter,
}

/// Instead of events by their ids: all that fit these.
#[derive(Args)]
#[group(id = "filter", multiple = true, conflicts_with = "event_ids")]
struct Filter {
    /// Not before this time or day, such as 2026-11-02T10:00:00Z or 2026-11-02
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Before this time or day
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// ARN of the caller: a user, a role, or one session of a role
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
}

/// What one call erased.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Erased {
    event_ids: Vec<String>,
    next_cursor: Option<String>,
}

pub(super) fn run(client: &Client, output: &mut Output, erase: Erase) -> Result<(), Error> {
    let Erase { fields, reason, event_ids, filter } = erase;
    let mut body = json!({ "fields": fields, "reason": reason });
    if let Value::Object(members) = &mut body {
        add_filter(members, filter);
        if !event_ids.is_empty() {
            members.insert("eventIds".to_owned(), event_ids.into());
        }
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

fn add_filter(members: &mut Map<String, Value>, filter: Filter) {
    let given = [
        ("from", filter.from),
        ("to", filter.to),
        ("principal", filter.principal),
        ("keyId", filter.key_id),
        ("eventName", filter.event_name),
        ("errorCode", filter.error_code),
        ("requestId", filter.request_id),
        ("sourceIp", filter.source_ip),
    ];
    for (name, value) in given {
        if let Some(value) = value {
            members.insert(name.to_owned(), value.into());
        }
    }
}
