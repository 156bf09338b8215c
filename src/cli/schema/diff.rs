//! `wardbook schema diff`.

use std::path::PathBuf;

use clap::Args;
use reqwest::Method;
use serde::{Deserialize, Serialize};

use super::files::File;
use super::show::{self, Stored};
use crate::cli::client::{Call, Client};
use crate::cli::error::Error;
use crate::cli::output::Output;
use crate::items::schema::changes::{self, Change, Class};

#[derive(Args)]
pub(super) struct Diff {
    /// Name of the schema [default: the file's name without its ending]
    #[arg(long)]
    name: Option<String>,
    /// Compare with this version alone [default: with the one in force, and for unsafe
    /// changes with all before it]
    #[arg(long, value_name = "VERSION")]
    against: Option<i64>,
    /// The schema, TOML or JSON; - reads standard input
    #[arg(value_name = "FILE")]
    path: PathBuf,
}

/// A change, and the version that it is one against.
#[derive(Serialize)]
struct Against {
    version: i64,
    #[serde(flatten)]
    change: Change,
}

#[derive(Serialize)]
struct Difference {
    name: String,
    /// Whether `apply` would refuse it.
    breaking: bool,
    changes: Vec<Against>,
}

pub(super) fn run(client: &Client, output: &mut Output, asked: &Diff) -> Result<(), Error> {
    let file = File::read(&asked.path, asked.name.as_deref())?;
    let schema = file.schema()?;
    let new = schema.document();
    let against = |version: i64| move |change| Against { version, change };
    let mut changes: Vec<Against> = Vec::new();
    let compared = Stored::find(client, &file.name, asked.against)?;
    let different = changes::between(&compared.schema, new).into_iter();
    changes.extend(different.map(against(compared.version)));
    if asked.against.is_none() {
        for version in still_readable(client, &file.name, compared.version)? {
            let earlier = Stored::find(client, &file.name, Some(version))?;
            let breaking = changes::breaking([(version, &earlier.schema)].into_iter(), new);
            // What the version in force was changed by is told once.
            let is_new = |change: &Change| changes.iter().all(|told| told.change != *change);
            let told: Vec<_> = breaking.map(|(_, change)| change).filter(is_new).collect();
            changes.extend(told.into_iter().map(against(version)));
        }
    }
    let breaking = changes.iter().any(|against| against.change.class == Class::Unsafe);
    let found = changes.len();
    show(output, &Difference { name: file.name, breaking, changes })?;
    match (breaking, found) {
        (true, _) => Err(Error::UnsafeChange),
        (false, 0) => Ok(()),
        (false, found) => Err(Error::Changes(found)),
    }
}

/// The versions before `in_force` of which items are still to open, the newest
/// first: those since items were last given up.
fn still_readable(client: &Client, name: &str, in_force: i64) -> Result<Vec<i64>, Error> {
    #[derive(Deserialize)]
    struct Listed {
        version: i64,
        breaking: bool,
    }
    let listed: Vec<Listed> = show::versions(client, name)?;
    let mut readable = Vec::new();
    for Listed { version, breaking } in listed {
        if version < in_force {
            readable.push(version);
        }
        if breaking {
            break;
        }
    }
    Ok(readable)
}

impl Stored {
    /// One version of a schema; the one in force if no other is asked for.
    fn find(client: &Client, name: &str, version: Option<i64>) -> Result<Self, Error> {
        let number = version.map(|version| version.to_string());
        let query: Vec<_> = number.iter().map(|number| ("version", number.as_str())).collect();
        let call = Call::new(Method::GET, &["v1", "item-schemas", name]).asking(&query);
        client.call(call)
    }
}

fn show(output: &mut Output, found: &Difference) -> Result<(), Error> {
    if output.is_json() {
        return Ok(output.json(found)?);
    }
    for Against { version, change } in &found.changes {
        let Change { class, what, why, .. } = change;
        output.line(format_args!("{}: {what} (against version {version})", class.as_str()))?;
        output.line(format_args!("    {why}"))?;
    }
    if found.changes.is_empty() {
        output.line(format_args!("{}: nothing is different", found.name))?;
    }
    Ok(())
}
