//! `wardbook schema lint`.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::files::{self, File};
use crate::cli::error::Error;
use crate::cli::input;
use crate::cli::items::stream::Items;
use crate::cli::output::Output;
use crate::items::schema::lint::{self, Warning};
use crate::items::schema::size::{self, Growth};
use crate::items::schema::table::Table;
use crate::items::{dynamodb_json, plain_json};

#[derive(Args)]
pub(super) struct Lint {
    /// What `aws dynamodb describe-table` or `describe-time-to-live` printed; may be given twice
    #[arg(long, value_name = "FILE")]
    table_description: Vec<PathBuf>,
    /// Items to measure before and after encryption: a JSON array, or one after the other
    #[arg(long, value_name = "FILE")]
    sample: Option<PathBuf>,
    /// Whether the sample is DynamoDB JSON or plain JSON
    #[arg(long, value_name = "FORMAT", default_value = "dynamodb", value_parser = ["dynamodb", "json"])]
    format: String,
    /// Schemas, TOML or JSON; of a folder all *.toml and *.json; - reads standard input
    #[arg(value_name = "FILE", required = true)]
    paths: Vec<PathBuf>,
}

#[derive(Serialize)]
struct Linted {
    name: String,
    warnings: Vec<Warning>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sample: Option<Sample>,
}

/// What encryption adds to the items of the sample, bytes as DynamoDB counts.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Sample {
    items: usize,
    plain_bytes: usize,
    encrypted_bytes: usize,
    largest_encrypted_bytes: usize,
}

pub(super) fn run(output: &mut Output, asked: &Lint) -> Result<(), Error> {
    let mut table = Table::default();
    for path in &asked.table_description {
        let refused = |cause| Error::Schema { path: path.clone(), cause };
        table.add(&input::text(path)?).map_err(refused)?;
    }
    let name = asked.paths.iter().any(|path| path.as_os_str() == "-").then_some("-");
    let mut linted = Vec::new();
    for file in files::read_all(&asked.paths, name)? {
        linted.push(lint_one(asked, &table, file)?);
    }
    let found = linted.iter().map(|linted| linted.warnings.len()).sum();
    show(output, &linted)?;
    match found {
        0 => Ok(()),
        found => Err(Error::Findings(found)),
    }
}

fn lint_one(asked: &Lint, table: &Table, file: File) -> Result<Linted, Error> {
    let schema = file.schema()?;
    let mut warnings = lint::lint(schema.document(), table);
    let Some(path) = &asked.sample else {
        return Ok(Linted { name: file.name, warnings, sample: None });
    };
    let unreadable = |cause| Error::Json { path: path.clone(), cause };
    let mut sample = Sample::default();
    for (at, text) in Items::read(input::open(path)?).map_err(unreadable)?.enumerate() {
        let text = text.map_err(unreadable)?;
        let item = match asked.format.as_str() {
            "json" => plain_json::parse(text.get()),
            _ => dynamodb_json::parse(text.get()),
        };
        let item = item.map_err(|cause| Error::Schema { path: path.clone(), cause })?;
        let (found, growth) = size::lint(&schema, at.saturating_add(1), &item);
        warnings.extend(found);
        if let Some(Growth { plain, encrypted }) = growth {
            sample.items = sample.items.saturating_add(1);
            sample.plain_bytes = sample.plain_bytes.saturating_add(plain);
            sample.encrypted_bytes = sample.encrypted_bytes.saturating_add(encrypted);
            sample.largest_encrypted_bytes = sample.largest_encrypted_bytes.max(encrypted);
        }
    }
    Ok(Linted { name: file.name, warnings, sample: Some(sample) })
}

fn show(output: &mut Output, linted: &[Linted]) -> Result<(), Error> {
    if output.is_json() {
        return Ok(output.json(&linted)?);
    }
    for Linted { name, warnings, sample } in linted {
        for warning in warnings {
            output.line(format_args!("{name}: {} [{}]", warning.text, warning.rule))?;
        }
        if let Some(sample) = sample {
            let Sample { items, plain_bytes, encrypted_bytes, largest_encrypted_bytes } = sample;
            output.line(format_args!(
                "{name}: {items} items have {plain_bytes} bytes, encrypted {encrypted_bytes}; the \
                 largest has {largest_encrypted_bytes} then"
            ))?;
        }
    }
    Ok(())
}
