//! `wardbook policy diff`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use reqwest::Method;
use serde_json::json;

use super::document::{self, Kind};
use super::trial;
use crate::base::clock::{Clock, Deadline, SystemClock};
use crate::base::limits;
use crate::cli::client::{Call, Client};
use crate::cli::error::Error;
use crate::cli::input;
use crate::cli::output::Output;
use crate::policy::compare::Difference;

#[derive(Args)]
pub(super) struct Diff {
    /// Compare with the policy of this key of a server: id, ARN or alias
    #[arg(long)]
    key: Option<String>,
    /// The old key policy [default: with --key, the one in force]
    #[arg(value_name = "OLD", required_unless_present = "key")]
    first: Option<PathBuf>,
    /// The new key policy; with --key, it may be the only file
    #[arg(value_name = "NEW", required_unless_present = "key")]
    second: Option<PathBuf>,
}

impl Diff {
    pub(super) fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }
}

pub(super) fn of_files(output: &mut Output, asked: &Diff) -> Result<(), Error> {
    let (Some(old), Some(new)) = (&asked.first, &asked.second) else { return Ok(()) };
    let engine = document::engine()?;
    let read = |path| document::read(&engine, Kind::Key, path);
    let (before, after) = (read(old)?, read(new)?);
    let key = trial::stand_in_key(None, &before)?;
    let clock = SystemClock::new();
    let deadline = Deadline::after(&clock, Duration::from_secs(limits::POLICY_SEARCH_S));
    let found = engine.compare(&before, &after, key.with(&after), clock.now_ms(), deadline);
    let found = found.map_err(|cause| Error::Policy { path: new.clone(), cause })?;
    show(output, &found)
}

pub(super) fn on_server(
    client: &Client,
    output: &mut Output,
    asked: &Diff,
    key: &str,
) -> Result<(), Error> {
    let texts = [&asked.first, &asked.second];
    let mut texts = texts.into_iter().flatten().map(|path| input::text(path));
    let members = match (texts.next().transpose()?, texts.next().transpose()?) {
        (Some(old), Some(new)) => json!({ "keyId": key, "old": old, "new": new }),
        (new, _) => json!({ "keyId": key, "new": new }),
    };
    let call = Call::new(Method::POST, &["v1", "policy", "diff"]).with(&members)?;
    show(output, &client.call(call)?)
}

fn show(output: &mut Output, found: &Difference) -> Result<(), Error> {
    if output.is_json() {
        output.json(found)?;
        return Ok(());
    }
    for example in &found.examples {
        let mark = if example.becomes_allowed { '+' } else { '-' };
        output.line(format_args!("{mark} {example}"))?;
        if !example.also.is_empty() {
            output.line(format_args!("    also {}", example.also.join(" ")))?;
        }
        output.line(format_args!("    {}", example.verdict))?;
    }
    let all = match found.complete {
        true => "",
        false => ", which is not all there was to ask",
    };
    let found_what = match found.examples.is_empty() {
        true => "No request was found whose outcome changes",
        false => "These are examples",
    };
    output.line(format_args!(
        "{found_what}: {} requests were asked{all}. This is a search, not a proof.",
        found.requests
    ))?;
    if !found.not_varied.is_empty() {
        output.line(format_args!("Not varied: {}", found.not_varied.join(" ")))?;
    }
    Ok(())
}
