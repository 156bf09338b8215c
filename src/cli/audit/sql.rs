//! `wardbook audit sql`.

use std::iter;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use serde_json::{Map, Value};

use crate::audit::without_formula;
use crate::base::clock::SystemClock;
use crate::cli::error::Error;
use crate::cli::output::Output;
use crate::store::{self, Asked, Question};

#[derive(Args)]
pub(super) struct Sql {
    /// The data folder, a copy of it, or a copy of its wardbook.db; a server may be running
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// How the answer is printed; --json is --format json
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// How many rows
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000)]
    limit: usize,
    /// How long the statement may take
    #[arg(long, value_name = "NUMBER", default_value_t = 60)]
    seconds: u64,
    /// One statement that reads the views `events` and `field_reads`
    statement: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    /// One object a row
    Json,
    Csv,
}

pub(super) fn ask(output: &mut Output, sql: &Sql) -> Result<(), Error> {
    let file = match sql.data.is_dir() {
        true => sql.data.join("wardbook.db"),
        false => sql.data.clone(),
    };
    let question = Question {
        file: &file,
        statement: &sql.statement,
        rows: sql.limit,
        seconds: sql.seconds,
        clock: Arc::new(SystemClock::new()),
    };
    let asked = store::ask(&question).map_err(Error::Sql)?;
    let more = asked.more;
    let format = if output.is_json() { Format::Json } else { sql.format };
    match format {
        Format::Table => {
            let heads: Vec<&str> = asked.columns.iter().map(String::as_str).collect();
            let cells = |row: &Vec<Value>| row.iter().map(|cell| shown(cell, "-")).collect();
            let rows: Vec<Vec<String>> = asked.rows.iter().map(cells).collect();
            output.table(&heads, &rows)?;
        }
        Format::Json => {
            let names = members(&asked.columns);
            for row in asked.rows {
                let row: Map<String, Value> = names.iter().cloned().zip(row).collect();
                output.json(&row)?;
            }
        }
        Format::Csv => output.data(table(&asked)?)?,
    }
    if more {
        output.note("There are more rows: narrow the statement, or raise --limit.");
    }
    Ok(())
}

/// The columns as members of an object: of those with one name each has a number more,
/// as SQLite names them in a table.
fn members(columns: &[String]) -> Vec<String> {
    let mut members: Vec<String> = Vec::with_capacity(columns.len());
    for column in columns {
        let numbered = (1_usize..).map(|number| format!("{column}:{number}"));
        let mut names = iter::once(column.clone()).chain(numbered);
        members.extend(names.find(|name| !members.contains(name)));
    }
    members
}

fn shown(cell: &Value, null: &str) -> String {
    match cell {
        Value::Null => null.to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn table(asked: &Asked) -> Result<String, Error> {
    let error = |cause: csv::Error| Error::Output(cause.into());
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(&asked.columns).map_err(error)?;
    for row in &asked.rows {
        // Numbers are no texts: a minus before them is theirs.
        let cells = row.iter().map(|cell| match cell {
            Value::String(text) => without_formula(text.clone()),
            other => shown(other, ""),
        });
        table.write_record(cells).map_err(error)?;
    }
    let bytes = table.into_inner().map_err(|cause| Error::Output(cause.into_error()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
