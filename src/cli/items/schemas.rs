//! `put-schema`, `get-schema` and `list-schemas`.

use std::path::PathBuf;

use clap::Args;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::cli::client::{Call, Client};
use crate::cli::error::Error;
use crate::cli::input;
use crate::cli::output::Output;

#[derive(Args)]
pub(super) struct Put {
    /// Name of the schema
    name: String,
    /// The schema, JSON; - reads standard input
    #[arg(value_name = "FILE")]
    schema: PathBuf,
}

#[derive(Args)]
pub(super) struct Get {
    /// Name of the schema
    name: String,
}

pub(super) fn put(client: &Client, output: &mut Output, put: &Put) -> Result<(), Error> {
    let bad = |cause| Error::Json { path: put.schema.clone(), cause };
    let schema: Box<RawValue> = serde_json::from_str(&input::text(&put.schema)?).map_err(bad)?;
    let call = Call::new(Method::PUT, &["v1", "item-schemas", &put.name]).with(&schema)?;
    let answer: Value = client.call(call)?;
    print(output, &answer)
}

pub(super) fn find(client: &Client, output: &mut Output, get: &Get) -> Result<(), Error> {
    let answer: Value = client.call(Call::new(Method::GET, &["v1", "item-schemas", &get.name]))?;
    print(output, &answer)
}

/// One page of a list.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    item_schemas: Vec<Listed>,
    next_cursor: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    name: String,
    version: i64,
    created_at: String,
    table_name: String,
}

pub(super) fn list(client: &Client, output: &mut Output) -> Result<(), Error> {
    let (mut found, mut cursor): (Vec<Listed>, Option<String>) = (Vec::new(), None);
    loop {
        let query: Vec<_> = cursor.iter().map(|cursor| ("cursor", cursor.as_str())).collect();
        let call = Call::new(Method::GET, &["v1", "item-schemas"]).asking(&query);
        let page: Page = client.call(call)?;
        found.extend(page.item_schemas);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    if output.is_json() {
        return Ok(output.json(&json!({ "itemSchemas": found }))?);
    }
    let row = |listed: &Listed| {
        let Listed { name, version, created_at, table_name } = listed;
        vec![name.clone(), version.to_string(), table_name.clone(), created_at.clone()]
    };
    let rows: Vec<_> = found.iter().map(row).collect();
    Ok(output.table(&["NAME", "VERSION", "TABLE", "CREATED"], &rows)?)
}

/// A schema is JSON either way; for people it is indented.
fn print(output: &mut Output, answer: &Value) -> Result<(), Error> {
    if output.is_json() {
        return Ok(output.json(answer)?);
    }
    Ok(output.line(format_args!("{answer:#}"))?)
}
