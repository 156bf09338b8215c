//! `wardbook schema apply`.

use std::path::PathBuf;

use clap::Args;
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::files::{self, File};
use crate::cli::client::{Call, Client};
use crate::cli::error::Error;
use crate::cli::output::Output;

#[derive(Args)]
pub(super) struct Apply {
    /// Name of the schema, for one file [default: the file's name without its ending]
    #[arg(long)]
    name: Option<String>,
    /// Say what would be done, and store nothing
    #[arg(long)]
    dry_run: bool,
    /// Store a schema under which items of earlier versions no longer open
    #[arg(long)]
    allow_breaking: bool,
    /// Schemas, TOML or JSON; of a folder all *.toml and *.json; - reads standard input
    #[arg(value_name = "FILE", required = true)]
    paths: Vec<PathBuf>,
}

/// What the server says of one schema.
#[derive(Deserialize)]
struct Answer {
    name: String,
    version: i64,
    changed: bool,
    changes: Vec<Change>,
    warnings: Vec<Warning>,
}

#[derive(Deserialize)]
struct Change {
    class: String,
    what: String,
}

#[derive(Deserialize)]
struct Warning {
    rule: String,
    text: String,
}

pub(super) fn run(client: &Client, output: &mut Output, asked: &Apply) -> Result<(), Error> {
    let files = files::read_all(&asked.paths, asked.name.as_deref())?;
    // A bad file keeps the good ones from being stored: so a folder is applied
    // whole, or not at all.
    let mut answers = Vec::new();
    for file in &files {
        answers.push(put(client, asked, file, true)?);
    }
    if !asked.dry_run {
        answers.clear();
        for file in &files {
            answers.push(put(client, asked, file, false)?);
        }
    }
    if output.is_json() {
        return Ok(output.json(&json!({ "itemSchemas": answers }))?);
    }
    for answer in &answers {
        let answer: Answer = serde_json::from_str(answer.get())
            .map_err(|cause| Error::Answer { status: 200, cause })?;
        show(output, asked, &answer)?;
    }
    Ok(())
}

/// The answer to one file, as it came.
fn put(client: &Client, asked: &Apply, file: &File, dry_run: bool) -> Result<Box<RawValue>, Error> {
    let flags = [("dryRun", dry_run), ("allowBreaking", asked.allow_breaking)];
    let query: Vec<_> =
        flags.into_iter().filter(|(_, is_set)| *is_set).map(|(name, _)| (name, "true")).collect();
    let path = ["v1", "item-schemas", file.name.as_str()];
    let call = Call::new(Method::PUT, &path).asking(&query).with_text(&file.text);
    client.call(call).map_err(|refusal| Error::SchemaRefused {
        path: file.path.clone(),
        cause: Box::new(refusal),
    })
}

fn show(output: &mut Output, asked: &Apply, answer: &Answer) -> Result<(), Error> {
    let Answer { name, version, changed, changes, warnings } = answer;
    output.line(match (changed, asked.dry_run) {
        (false, _) => format!("{name}: unchanged, version {version}"),
        (true, false) => format!("{name}: version {version}"),
        (true, true) => format!("{name}: would be version {version}"),
    })?;
    for Change { class, what } in changes {
        output.line(format_args!("  {class}: {what}"))?;
    }
    for Warning { rule, text } in warnings {
        output.note(format_args!("{name}: {text} [{rule}]"));
    }
    Ok(())
}
