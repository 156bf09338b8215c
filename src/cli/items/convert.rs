//! `encrypt` and `decrypt`: any number of items, in batches as large as the
//! server takes.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::stream::{Items, Writer};
use crate::cli::client::{Call, Client};
use crate::cli::error::Error;
use crate::cli::input;
use crate::cli::output::Output;
use crate::items::fill::{Fill, Load};

#[derive(Args)]
pub(super) struct Conversion {
    /// Name of the schema
    #[arg(long, value_name = "NAME")]
    schema: String,
    /// Whether items are DynamoDB JSON, {"name": {"S": "Ada"}}, plain JSON, {"name": "Ada"}, or
    /// JSON documents of a schema of that kind
    #[arg(long, value_name = "FORMAT", default_value = "dynamodb", value_parser = ["dynamodb", "json", "document"])]
    format: String,
    /// A JSON array of items, or one item after the other; - reads standard input
    #[arg(value_name = "FILE", default_value = "-")]
    items: PathBuf,
}

#[derive(Args)]
pub(super) struct Decryption {
    #[command(flatten)]
    conversion: Conversion,
    /// Only this attribute, beside the key attributes; may be repeated
    #[arg(long, value_name = "NAME")]
    attribute: Vec<String>,
    /// What the items are read for, such as fraud-review
    #[arg(long)]
    purpose: Option<String>,
    /// Refuse an item of which something is withheld, instead of leaving that out
    #[arg(long)]
    strict: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Batch<'a> {
    format: &'a str,
    items: &'a [Box<RawValue>],
    #[serde(flatten)]
    wanted: &'a Wanted,
}

/// What of the items is wanted, of those that are decrypted.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attributes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purpose: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_withheld: Option<&'static str>,
}

#[derive(Deserialize)]
struct Answer {
    items: Vec<Box<RawValue>>,
}

/// What became of one item: exactly one of the two.
#[derive(Deserialize)]
struct Outcome {
    item: Option<Box<RawValue>>,
    #[serde(default)]
    masked: BTreeSet<String>,
    #[serde(default)]
    withheld: BTreeSet<String>,
    error: Option<Failure>,
}

#[derive(Deserialize)]
struct Failure {
    code: String,
    message: String,
    attribute: Option<String>,
    docs: String,
}

/// A run over all batches.
struct Run<'a> {
    client: &'a Client,
    conversion: &'a Conversion,
    verb: &'a str,
    wanted: Wanted,
    /// The attributes of which a mask stood there, and those that were left out.
    masked: BTreeSet<String>,
    withheld: BTreeSet<String>,
    writer: Writer,
    total: usize,
    failed: usize,
}

pub(super) fn encrypt(
    client: &Client,
    output: &mut Output,
    conversion: &Conversion,
) -> Result<(), Error> {
    run(client, output, conversion, "encrypt", Wanted::default())
}

pub(super) fn decrypt(
    client: &Client,
    output: &mut Output,
    decryption: Decryption,
) -> Result<(), Error> {
    let Decryption { conversion, attribute, purpose, strict } = decryption;
    let on_withheld = strict.then_some("error");
    let wanted = Wanted { attributes: attribute, purpose, on_withheld };
    run(client, output, &conversion, "decrypt", wanted)
}

fn run(
    client: &Client,
    output: &mut Output,
    conversion: &Conversion,
    verb: &str,
    wanted: Wanted,
) -> Result<(), Error> {
    let bad = |cause| Error::Json { path: conversion.items.clone(), cause };
    let items = Items::read(input::open(&conversion.items)?).map_err(bad)?;
    let writer = Writer::new(items.form());
    let (masked, withheld) = (BTreeSet::new(), BTreeSet::new());
    let mut run =
        Run { client, conversion, verb, wanted, masked, withheld, writer, total: 0, failed: 0 };
    let (mut batch, mut fill) = (Vec::new(), Fill::default());
    for item in items {
        let item = item.map_err(bad)?;
        let load = Load::of(item.get());
        if !fill.has_room(load) {
            run.convert(output, &batch)?;
            batch.clear();
            fill = Fill::default();
        }
        fill.add(load);
        batch.push(item);
    }
    run.convert(output, &batch)?;
    run.writer.end(output)?;
    for (what, names) in [("masked", &run.masked), ("withheld", &run.withheld)] {
        if !names.is_empty() {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            output.note(format!("{what}: {}", names.join(", ")));
        }
    }
    match run.failed {
        0 => Ok(()),
        failed => Err(Error::ItemsFailed { failed, total: run.total }),
    }
}

impl Run<'_> {
    fn convert(&mut self, output: &mut Output, batch: &[Box<RawValue>]) -> Result<(), Error> {
        if batch.is_empty() {
            return Ok(());
        }
        let path = ["v1", "item-schemas", &self.conversion.schema, self.verb];
        let body = Batch { format: &self.conversion.format, items: batch, wanted: &self.wanted };
        let answer: Answer = self.client.call(Call::new(Method::POST, &path).with(&body)?)?;
        for told in answer.items {
            self.total = self.total.saturating_add(1);
            let outcome: Outcome = serde_json::from_str(told.get())
                .map_err(|cause| Error::Answer { status: 200, cause })?;
            if let Some(failure) = outcome.error {
                self.failed = self.failed.saturating_add(1);
                self.report(output, &failure);
            }
            self.masked.extend(outcome.masked);
            self.withheld.extend(outcome.withheld);
            // As JSON the answer says of each item what became of it; otherwise
            // it holds the items that worked and nothing else.
            let printed = if output.is_json() { Some(told) } else { outcome.item };
            if let Some(item) = printed {
                self.writer.item(output, item)?;
            }
        }
        Ok(())
    }

    fn report(&self, output: &mut Output, failure: &Failure) {
        let Failure { code, message, attribute, docs } = failure;
        let number = self.total;
        output.note(match attribute {
            Some(attribute) => {
                format!("item {number}: {code}: {message} (attribute {attribute}; {docs})")
            }
            None => format!("item {number}: {code}: {message} ({docs})"),
        });
    }
}
