//! `wardbook audit export`.

use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use reqwest::Method;

use super::filters::Filters;
use crate::audit::ledger::{self, Checkpoint, Note, Notes};
use crate::base::limits::NOTE_BYTES;
use crate::cli::client::{Call, Client};
use crate::cli::error::Error;
use crate::cli::input;
use crate::cli::output::Output;
use crate::cli::unfinished::Unfinished;

#[derive(Args)]
pub(super) struct Export {
    #[command(flatten)]
    filters: Filters,
    /// A text that stands in the record
    #[arg(
        long,
        value_name = "TEXT",
        help_heading = "Filters (one given several times: any of them)"
    )]
    text: Vec<String>,
    /// How the file is written: ndjson, one record a line; json, `{"Records":[...]}` like
    /// CloudTrail's log files; csv, a table of the fields that can be filtered by; parquet, the
    /// columns of the view `events` and the record, for databases and data frames
    #[arg(long, value_enum, default_value_t = Format::Ndjson)]
    format: Format,
    /// One record a line, with the proof that it is in the log; `wardbook audit verify --export`
    /// checks the file without a server
    #[arg(long, conflicts_with = "format")]
    proof: bool,
    /// A checkpoint that was kept; the file proves that the log goes on from there
    #[arg(long, value_name = "FILE", requires = "proof")]
    checkpoint: Option<PathBuf>,
    /// The file; one that is there is replaced, once all is written
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Ndjson,
    Csv,
    Json,
    Parquet,
    /// What `--proof` asks for.
    #[value(skip)]
    Proofs,
}

pub(super) fn ask(client: &Client, output: &mut Output, export: Export) -> Result<(), Error> {
    let mut query = export.filters.members();
    query.extend(export.text.into_iter().map(|text| ("text", text)));
    let format = if export.proof { Format::Proofs } else { export.format };
    let on_the_wire = match format {
        Format::Csv => "csv",
        Format::Parquet => "parquet",
        Format::Ndjson | Format::Json | Format::Proofs => "ndjson",
    };
    query.push(("format", on_the_wire.to_owned()));
    if export.proof {
        query.push(("proof", "true".to_owned()));
    }
    if let Some(path) = &export.checkpoint {
        query.push(("checkpointSize", newest_size(path)?.to_string()));
    }
    let query: Vec<(&str, &str)> =
        query.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let call = Call::new(Method::GET, &["v1", "audit", "export"]).asking(&query);
    let answer = client.open(call)?;
    let total = answer.headers().get(EVENTS).and_then(|events| events.to_str().ok()?.parse().ok());
    let answer = BufReader::with_capacity(256 * 1024, answer);
    let file = Unfinished::create(&export.output)?;
    let mut seen = |copied: Copied| output.progress(copied.shown(total));
    let copied = match format {
        Format::Parquet => copy_bytes(answer, &file, &export.output, &mut seen),
        _ => copy(answer, &file, format, &export.output, &mut seen),
    };
    output.progress("");
    let copied = copied?;
    file.finish()?;
    let (path, Copied { events, bytes }) = (&export.output, copied);
    if format == Format::Parquet {
        let shown = format!("{bytes} bytes in {}", path.display());
        let json = serde_json::json!({ "output": path, "bytes": bytes });
        return output.done(&shown, &json);
    }
    let shown = format!("{events} events, {bytes} bytes in {}", path.display());
    let json = serde_json::json!({ "output": path, "events": events, "bytes": bytes });
    output.done(&shown, &json)
}

/// The size of the newest checkpoint in a file.
fn newest_size(path: &Path) -> Result<u64, Error> {
    let failed = |cause| Error::Read { path: path.to_owned(), cause };
    let mut file = BufReader::new(input::open(path)?);
    let most = u64::try_from(NOTE_BYTES).unwrap_or(u64::MAX);
    let mut first = Vec::new();
    (&mut file).take(most).read_until(b'\n', &mut first).map_err(failed)?;
    let origin = String::from_utf8_lossy(first.trim_ascii_end()).into_owned();
    let mut newest = None;
    for note in Notes::new(first.as_slice().chain(file), &origin) {
        let note = note.map_err(failed)?;
        let read = || Checkpoint::parse(&Note::parse(&note).ok()?.text).ok();
        newest = newest.max(read().map(|checkpoint| checkpoint.size));
    }
    newest.ok_or(Error::Evidence(ledger::Error::Checkpoint))
}

/// How much is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Copied {
    events: u64,
    bytes: u64,
}

impl Copied {
    fn add(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// How far it is, of so many events if that is known: of those that come
    /// meanwhile it is not.
    fn shown(self, total: Option<u64>) -> String {
        let Self { events, bytes } = self;
        let size = format!("{} MiB", bytes / 1_048_576);
        match total {
            _ if events == 0 => size,
            None => format!("{events} events, {size}"),
            Some(total) => {
                let total = total.max(events);
                let done = events.saturating_mul(BAR).checked_div(total).unwrap_or(BAR);
                let bar = |mark: &str, length: u64| {
                    mark.repeat(usize::try_from(length).unwrap_or_default())
                };
                let (done, left) = (bar("#", done), bar("-", BAR.saturating_sub(done)));
                format!("[{done}{left}] {events} of {total} events, {size}")
            }
        }
    }
}

/// The header that says how many events there are, about.
const EVENTS: &str = "x-wardbook-events";
/// How wide the bar is, characters.
const BAR: u64 = 30;

/// Events between two looks at the progress.
const STEP: u64 = 1_000;

/// Copies line by line; only one is held.
fn copy(
    mut from: impl BufRead,
    file: &Unfinished,
    format: Format,
    path: &Path,
    seen: &mut dyn FnMut(Copied),
) -> Result<Copied, Error> {
    let mut to = BufWriter::with_capacity(256 * 1024, &file.file);
    let mut copied = Copied::default();
    let (mut line, mut lines) = (Vec::new(), 0_u64);
    let mut write = |copied: &mut Copied, bytes: &[u8]| {
        copied.add(bytes.len());
        to.write_all(bytes).map_err(|cause| file.error(cause))
    };
    let mut table = Table::default();
    if format == Format::Json {
        write(&mut copied, b"{\"Records\":[")?;
    }
    loop {
        line.clear();
        let broken = |cause| Error::BrokenOff { path: path.to_owned(), cause };
        if from.read_until(b'\n', &mut line).map_err(broken)? == 0 {
            break;
        }
        match format {
            Format::Csv => {
                table.read(&line);
                copied.events = table.rows();
            }
            Format::Json => {
                let before: &[u8] = if copied.events == 0 { b"\n" } else { b",\n" };
                write(&mut copied, before)?;
                line.pop();
                copied.events = copied.events.saturating_add(1);
            }
            Format::Ndjson | Format::Parquet => copied.events = copied.events.saturating_add(1),
            // Neither the first line nor the last is an event.
            Format::Proofs => {
                lines = lines.saturating_add(1);
                copied.events = lines.saturating_sub(2);
            }
        }
        write(&mut copied, &line)?;
        if copied.events.is_multiple_of(STEP) {
            seen(copied);
        }
    }
    if format == Format::Json {
        write(&mut copied, b"\n]}\n")?;
    }
    to.flush().map_err(|cause| file.error(cause))?;
    Ok(copied)
}

/// Copies a file that has no lines.
fn copy_bytes(
    mut from: impl BufRead,
    file: &Unfinished,
    path: &Path,
    seen: &mut dyn FnMut(Copied),
) -> Result<Copied, Error> {
    let mut to = &file.file;
    let mut copied = Copied::default();
    loop {
        let broken = |cause| Error::BrokenOff { path: path.to_owned(), cause };
        let bytes = from.fill_buf().map_err(broken)?;
        if bytes.is_empty() {
            return Ok(copied);
        }
        to.write_all(bytes).map_err(|cause| file.error(cause))?;
        copied.add(bytes.len());
        let length = bytes.len();
        from.consume(length);
        seen(copied);
    }
}

/// Counts the rows of a table, in whose cells may be ends of lines.
#[derive(Default)]
struct Table {
    in_quotes: bool,
    lines: u64,
}

impl Table {
    fn read(&mut self, line: &[u8]) {
        let quotes = line.iter().filter(|byte| **byte == b'"').count();
        self.in_quotes ^= !quotes.is_multiple_of(2);
        if !self.in_quotes {
            self.lines = self.lines.saturating_add(1);
        }
    }

    /// Without the heads.
    fn rows(&self) -> u64 {
        self.lines.saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[track_caller]
    fn check(format: Format, from: &str, want: &str, events: u64) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let file = Unfinished::create(&path).unwrap();
        let copied = copy(from.as_bytes(), &file, format, &path, &mut |_| {}).unwrap();
        assert_eq!(copied, Copied { events, bytes: want.len().try_into().unwrap() });
        assert!(!path.exists());
        file.finish().unwrap();
        drop(file);
        assert_eq!(fs::read_to_string(&path).unwrap(), want);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn progress_is_a_bar_where_the_end_is_known() {
        let copied = |events: u64| Copied { events, bytes: 3 << 20 };
        assert_eq!(copied(7).shown(None), "7 events, 3 MiB");
        assert_eq!(copied(0).shown(Some(9)), "3 MiB");
        let half = format!("[{}{}] 10 of 20 events, 3 MiB", "#".repeat(15), "-".repeat(15));
        assert_eq!(copied(10).shown(Some(20)), half);
        let more = format!("[{}] 21 of 21 events, 3 MiB", "#".repeat(30));
        assert_eq!(copied(21).shown(Some(20)), more);
    }

    #[test]
    fn forms_of_the_file() {
        check(Format::Ndjson, "{\"a\":1}\n{}\n", "{\"a\":1}\n{}\n", 2);
        check(Format::Json, "{\"a\":1}\n{}\n", "{\"Records\":[\n{\"a\":1},\n{}\n]}\n", 2);
        check(Format::Json, "", "{\"Records\":[\n]}\n", 0);
        check(Format::Csv, "a,b\r\n1,\"x\"\"\n\"\r\n2,\r\n", "a,b\r\n1,\"x\"\"\n\"\r\n2,\r\n", 2);
        check(Format::Csv, "a,b\r\n", "a,b\r\n", 0);
        check(Format::Proofs, "{}\n{}\n{}\n", "{}\n{}\n{}\n", 1);
        check(Format::Proofs, "{}\n{}\n", "{}\n{}\n", 0);
    }
}
