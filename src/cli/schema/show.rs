//! `wardbook schema history`, `get` and `list`.

use clap::Args;
use reqwest::Method;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cli::client::{Call, Client};
use crate::cli::error::Error;
use crate::cli::output::Output;
use crate::items::schema::SchemaDocument;

#[derive(Args)]
pub(super) struct Name {
    /// Name of the schema
    name: String,
}

#[derive(Args)]
pub(super) struct Get {
    /// Name of the schema
    name: String,
    /// An earlier version [default: the one in force]
    #[arg(long)]
    version: Option<i64>,
}

/// A schema as a server has it.
#[derive(Deserialize)]
pub(super) struct Stored {
    pub(super) version: i64,
    pub(super) schema: SchemaDocument,
}

/// A schema is JSON either way; for people it is indented.
pub(super) fn find(client: &Client, output: &mut Output, asked: &Get) -> Result<(), Error> {
    let version = asked.version.map(|version| version.to_string());
    let query: Vec<_> = version.iter().map(|version| ("version", version.as_str())).collect();
    let call = Call::new(Method::GET, &["v1", "item-schemas", &asked.name]).asking(&query);
    let answer: Value = client.call(call)?;
    match output.is_json() {
        true => output.json(&answer)?,
        false => output.line(format_args!("{answer:#}"))?,
    }
    Ok(())
}

/// A version as a list tells of it.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    version: i64,
    schema_hash: String,
    created_at: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created_by: Option<String>,
    breaking: bool,
    change: String,
}

/// Every version, the newest first.
pub(super) fn versions<T: DeserializeOwned>(client: &Client, name: &str) -> Result<Vec<T>, Error> {
    all(client, &["v1", "item-schemas", name, "versions"], "itemSchemaVersions")
}

pub(super) fn history(client: &Client, output: &mut Output, asked: &Name) -> Result<(), Error> {
    let found: Vec<Version> = versions(client, &asked.name)?;
    if output.is_json() {
        return Ok(output.json(&json!({ "itemSchemaVersions": found }))?);
    }
    let row = |version: Version| {
        let Version { version, schema_hash, created_at, created_by, breaking, change } = version;
        let change = if breaking { format!("BREAKING {change}") } else { change };
        let short = schema_hash.chars().take(12).collect();
        vec![version.to_string(), created_at, created_by.unwrap_or_default(), short, change]
    };
    let rows: Vec<_> = found.into_iter().map(row).collect();
    Ok(output.table(&["VERSION", "CREATED", "BY", "HASH", "CHANGE"], &rows)?)
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    name: String,
    version: i64,
    schema_hash: String,
    created_at: String,
    table_name: String,
}

pub(super) fn list(client: &Client, output: &mut Output) -> Result<(), Error> {
    let found: Vec<Listed> = all(client, &["v1", "item-schemas"], "itemSchemas")?;
    if output.is_json() {
        return Ok(output.json(&json!({ "itemSchemas": found }))?);
    }
    let row = |listed: &Listed| {
        let Listed { name, version, created_at, table_name, .. } = listed;
        vec![name.clone(), version.to_string(), table_name.clone(), created_at.clone()]
    };
    let rows: Vec<_> = found.iter().map(row).collect();
    Ok(output.table(&["NAME", "VERSION", "TABLE", "CREATED"], &rows)?)
}

/// All pages of a list, whose entries stand under `member`.
fn all<T: DeserializeOwned>(client: &Client, path: &[&str], member: &str) -> Result<Vec<T>, Error> {
    let unusable = |cause| Error::Answer { status: 200, cause };
    let (mut found, mut cursor): (Vec<T>, Option<String>) = (Vec::new(), None);
    loop {
        let query: Vec<_> = cursor.iter().map(|cursor| ("cursor", cursor.as_str())).collect();
        let mut page: Value = client.call(Call::new(Method::GET, path).asking(&query))?;
        let entries = page.get_mut(member).map(Value::take).unwrap_or_default();
        found.extend(serde_json::from_value::<Vec<T>>(entries).map_err(unusable)?);
        cursor = page.get("nextCursor").and_then(Value::as_str).map(str::to_owned);
        if cursor.is_none() {
            return Ok(found);
        }
    }
}
