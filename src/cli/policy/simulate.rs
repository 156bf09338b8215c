//! `wardbook policy simulate`.

use std::path::PathBuf;

use clap::Args;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::explain::tell_also;
use super::request::{Request, in_flags};
use crate::cli::client::{Call, Client};
use crate::cli::error::Error;
use crate::cli::input;
use crate::cli::output::Output;
use crate::policy::explain::Story;

#[derive(Args)]
pub(super) struct Simulate {
    #[command(flatten)]
    request: Request,
    /// The proposed policy of the key, or of the role; - reads standard input [default: of a call in the book, the policy of then]
    #[arg(long, value_name = "FILE", required_unless_present_any = ["request_id", "event_id"])]
    policy: Option<PathBuf>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    changed: bool,
    now: Story,
    simulated: Story,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    also_now: Vec<Story>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    also_simulated: Vec<Story>,
}

pub(super) fn run(client: &Client, output: &mut Output, asked: &Simulate) -> Result<(), Error> {
    let mut members = asked.request.members();
    if let Some(path) = &asked.policy {
        members.insert("policy".to_owned(), json!(input::text(path)?));
    }
    let call = Call::new(Method::POST, &["v1", "policy", "simulate"]).with(&members)?;
    let answer: Answer = client.call(call).map_err(in_flags)?;
    if output.is_json() {
        output.json(&answer)?;
        return Ok(());
    }
    output.line(match answer.changed {
        true => "The answer changes.",
        false => "The answer stays the same.",
    })?;
    output.line(format_args!("\nNow\n---\n{}", answer.now))?;
    tell_also(output, &answer.also_now)?;
    output.text(format_args!("Simulated\n---------\n{}", answer.simulated))?;
    tell_also(output, &answer.also_simulated)
}
