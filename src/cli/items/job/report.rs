//! `report`: what the items of files are sealed with, by their headers alone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::batch::item_of;
use super::lines::{Lines, Place, Text};
use crate::cli::error::Error;
use crate::cli::output::Output;
use crate::items::summary::{Summary, summarize};

/// Kinds of items that are told apart; what exceeds them is counted together.
const KINDS: usize = 10_000;

/// Lines between two looks at the progress.
const STEP: u64 = 10_000;

#[derive(Args)]
pub(in crate::cli::items) struct Report {
    /// Files of items, one a line, as they are or in gzip
    #[arg(long = "in", value_name = "FILE", required = true, num_args = 1..)]
    input: Vec<PathBuf>,
    /// ARN of a key that items should be under; may be repeated. The others are counted as left,
    /// and so is what cannot be read
    #[arg(long, value_name = "ARN")]
    key: Vec<String>,
}

/// How many items there are of each kind.
#[derive(Default)]
struct Counted {
    sealed: BTreeMap<Summary, u64>,
    /// Encrypted, of a kind beyond [`KINDS`].
    other: u64,
    /// JSON objects without a header.
    plaintext: u64,
    /// Lines that are no item, and headers that cannot be read.
    unreadable: u64,
}

pub(super) fn run(output: &mut Output, report: &Report) -> Result<(), Error> {
    let mut counted = Counted::default();
    for path in &report.input {
        count(output, path, &mut counted)?;
    }
    output.progress("");
    let wanted: BTreeSet<&String> = report.key.iter().collect();
    let is_left = |summary: &Summary| summary.keys.iter().collect::<BTreeSet<_>>() != wanted;
    let left = counted.sealed.iter().filter(|(summary, _)| is_left(summary));
    // What cannot be read may be under any key.
    let unsure = counted.other.saturating_add(counted.unreadable);
    let left = left.fold(unsure, |sum, (_, count)| sum.saturating_add(*count));
    let left = (!wanted.is_empty()).then_some(left);
    print(output, &counted, left)
}

fn count(output: &mut Output, path: &Path, counted: &mut Counted) -> Result<(), Error> {
    let unreadable = |cause| Error::Read { path: path.to_owned(), cause };
    let mut lines = Lines::open(path, Place::default()).map_err(unreadable)?;
    while let Some(text) = lines.next().map_err(unreadable)? {
        counted.add(text);
        let read = lines.place().lines;
        if read.is_multiple_of(STEP) {
            output.progress(format_args!("{}: {read} lines", path.display()));
        }
    }
    Ok(())
}

fn one_more(count: &mut u64) {
    *count = count.saturating_add(1);
}

impl Counted {
    fn add(&mut self, text: Text) {
        if let Text::Line(line) = &text
            && line.trim().is_empty()
        {
            return;
        }
        let Ok(item) = item_of(text).1 else { return one_more(&mut self.unreadable) };
        match header(&item) {
            Header::None => one_more(&mut self.plaintext),
            Header::Some(summary) => {
                let is_full = self.sealed.len() >= KINDS && !self.sealed.contains_key(&summary);
                one_more(match is_full {
                    true => &mut self.other,
                    false => self.sealed.entry(summary).or_default(),
                });
            }
            Header::Unreadable => one_more(&mut self.unreadable),
        }
    }
}

enum Header {
    None,
    Some(Summary),
    Unreadable,
}

/// The header of an item in any of the three forms.
fn header(item: &RawValue) -> Header {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Bytes {
        Text(String),
        Typed {
            #[serde(rename = "B")]
            bytes: String,
        },
    }
    #[derive(Deserialize)]
    struct Item {
        #[serde(rename = "aws_dbe_head")]
        item: Option<Bytes>,
        #[serde(rename = "wardbook_head")]
        document: Option<Bytes>,
    }
    let Ok(Item { item, document }) = serde_json::from_str(item.get()) else {
        return Header::Unreadable;
    };
    let text = match item.or(document) {
        None => return Header::None,
        Some(Bytes::Text(bytes) | Bytes::Typed { bytes }) => bytes,
    };
    let summary = STANDARD.decode(text).ok().and_then(|bytes| summarize(&bytes).ok());
    summary.map_or(Header::Unreadable, Header::Some)
}

fn print(output: &mut Output, counted: &Counted, left: Option<u64>) -> Result<(), Error> {
    let Counted { sealed, other, plaintext, unreadable } = counted;
    if output.is_json() {
        let sealed = sealed.iter().map(|(Summary { keys, format, suite }, count)| {
            json!({ "keys": keys, "format": format, "suite": suite, "items": count })
        });
        return Ok(output.json(&json!({
            "encrypted": sealed.collect::<Vec<_>>(),
            "other": other,
            "plaintext": plaintext,
            "unreadable": unreadable,
            "left": left,
        }))?);
    }
    let row = |(Summary { keys, format, suite }, count): (&Summary, &u64)| {
        vec![count.to_string(), (*format).to_owned(), (*suite).to_owned(), keys.join(" ")]
    };
    let mut rows: Vec<_> = sealed.iter().map(row).collect();
    for (what, count) in [("other", other), ("plaintext", plaintext), ("unreadable", unreadable)] {
        if *count > 0 {
            let cells = [&count.to_string(), "-", "-", what];
            rows.push(cells.map(str::to_owned).to_vec());
        }
    }
    output.table(&["ITEMS", "FORMAT", "SUITE", "KEYS"], &rows)?;
    match left {
        Some(left) if *unreadable > 0 => Ok(output
            .line(format_args!("{left} encrypted items are left ({unreadable} unreadable)"))?),
        Some(left) => Ok(output.line(format_args!("{left} encrypted items are left"))?),
        None => Ok(()),
    }
}
