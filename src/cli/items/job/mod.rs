//! `wardbook items job`: whole files of items, with any number of them.
//!
//! A file is read and written line by line, in batches as large as the server
//! takes; no more than those under way are held. What is done is written down, so
//! that the same command goes on where it was stopped.
//!
//! Deliberately absent: the tables themselves. Items come from a file, such as a
//! DynamoDB export, and go to one.

mod asking;
mod batch;
mod lanes;
mod lines;
mod report;
mod sink;

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use clap::{Args, Subcommand};
use serde_json::json;

use self::asking::Asking;
use self::lanes::Read;
use self::lines::Lines;
use self::sink::{Counts, Found, Job};
use crate::cli::Context;
use crate::cli::client::Client;
use crate::cli::error::Error;
use crate::cli::output::Output;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Move items to the keys in force; their attributes stay as they are
    Rewrap(Files),
    /// Decrypt items and encrypt them anew, by the schema in force
    ReEncrypt(Files),
    /// Decrypt items to plaintext
    Decrypt(Decryption),
    /// Count items by key, format and suite; asks no server and uses no key
    Report(report::Report),
}

#[derive(Args)]
pub(super) struct Files {
    /// Name of the schema
    #[arg(long, value_name = "NAME")]
    schema: String,
    /// Files of items, one a line, as they are or in gzip; a DynamoDB export's are such
    #[arg(long = "in", value_name = "FILE", required = true, num_args = 1..)]
    input: Vec<PathBuf>,
    /// Where each file gets its like, with a journal beside it while the job goes on
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Batches of up to 100 items under way at once
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=64))]
    parallel: u8,
    /// Whether items are DynamoDB JSON, {"name": {"S": "Ada"}}, plain JSON, {"name": "Ada"}, or
    /// JSON documents of a schema of that kind
    #[arg(long, value_name = "FORMAT", default_value = "dynamodb", value_parser = ["dynamodb", "json", "document"])]
    format: String,
    /// Stop unless the schema in force has this hash
    #[arg(long, value_name = "HASH")]
    schema_hash: Option<String>,
}

#[derive(Args)]
pub(super) struct Decryption {
    #[command(flatten)]
    files: Files,
    /// What the items are read for, such as fraud-review
    #[arg(long)]
    purpose: Option<String>,
    /// Write also items of which something is masked or withheld, without that
    #[arg(long)]
    partial: bool,
}

pub(super) fn run(
    context: &mut Context,
    client: impl FnOnce(&Context) -> Result<Client, Error>,
    command: Command,
) -> Result<(), Error> {
    let (verb, Decryption { files, purpose, partial }) = match command {
        Command::Report(report) => return report::run(&mut context.output, &report),
        Command::Rewrap(files) => ("rewrap", plain(files)),
        Command::ReEncrypt(files) => ("re-encrypt", plain(files)),
        Command::Decrypt(decryption) => ("decrypt", decryption),
    };
    let Files { schema, input, out, parallel, format, schema_hash } = files;
    let outputs = outputs(&input, &out)?;
    let client = client(context)?;
    let strict = verb == "decrypt" && !partial;
    let asking = Asking { client, schema, verb, format, schema_hash, purpose, strict };
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&out);
    made.map_err(|cause| Error::Write { path: out, cause })?;
    let parallel = usize::from(parallel);
    let output = &mut context.output;
    let (mut items, mut refused) = (0_usize, 0_usize);
    for (input, written) in input.iter().zip(&outputs) {
        let counts = file(output, &asking, parallel, (input, written))?;
        items = items.saturating_add(counts.items);
        refused = refused.saturating_add(counts.refused);
        let text =
            format!("{}: {} items, {} refused", written.display(), counts.items, counts.refused);
        let json = json!({ "input": input, "output": written, "items": counts.items, "refused": counts.refused });
        output.done(&text, &json)?;
    }
    match refused {
        0 => Ok(()),
        failed => Err(Error::ItemsFailed { failed, total: items.saturating_add(refused) }),
    }
}

/// The files of a job that does not decrypt for the caller.
fn plain(files: Files) -> Decryption {
    Decryption { files, purpose: None, partial: false }
}

/// Where each file is written: under its own name, without `.gz`.
fn outputs(inputs: &[PathBuf], folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut names = BTreeSet::new();
    let mut outputs = Vec::with_capacity(inputs.len());
    for path in inputs {
        let refused = |text| Error::Job { path: path.clone(), text };
        let name = path.file_name().and_then(|name| name.to_str());
        let Some(name) = name else { return Err(refused("it has no name that can be kept")) };
        let name = name.strip_suffix(".gz").unwrap_or(name);
        // What one job writes beside its output must not be the output of another.
        for end in [""].iter().chain(&sink::BESIDE) {
            if !names.insert(format!("{name}{end}")) {
                return Err(refused(
                    "another file has the same name, or what is written for it: give them one \
                     folder each",
                ));
            }
        }
        outputs.push(folder.join(name));
    }
    Ok(outputs)
}

/// Does one file, or what is left of it.
fn file(
    output: &mut Output,
    asking: &Asking,
    parallel: usize,
    (input, written): (&Path, &Path),
) -> Result<Counts, Error> {
    let unreadable = |cause| Error::Read { path: input.to_owned(), cause };
    let facts = fs::metadata(input).map_err(unreadable)?;
    let modified = facts.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let size = facts.len();
    let job = Job {
        verb: asking.verb.to_owned(),
        schema: asking.schema.clone(),
        format: asking.format.clone(),
        partial: asking.verb == "decrypt" && !asking.strict,
        input_bytes: size,
        input_modified_ms: modified
            .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX)),
    };
    let mut sink = match sink::open(written, job)? {
        Found::Done(counts) => return Ok(counts),
        Found::Open(sink) => *sink,
    };
    let mut lines = Lines::open(input, sink.counts().place()).map_err(unreadable)?;
    let mut seen = |lines: &Lines, sink: &sink::Sink| {
        output.progress(shown(input, (lines.taken(), size), sink.counts()));
    };
    let done = lanes::run(asking, parallel, &mut lines, &mut sink, &mut seen);
    output.progress("");
    match done {
        Ok(()) => sink.finish(),
        Err(why) => {
            // What was done so far need not be done again.
            sink.keep()?;
            Err(match why {
                Read::Input(cause) => unreadable(cause),
                Read::Stopped => Error::Job { path: written.to_owned(), text: "the job broke off" },
                Read::Other(error) => error,
            })
        }
    }
}

/// Twenty characters and what they mean.
const BAR: u64 = 20;

fn shown(input: &Path, (done, of): (u64, u64), counts: Counts) -> String {
    let part = |whole: u64| done.saturating_mul(whole).checked_div(of).unwrap_or(whole).min(whole);
    let bar: String = (0..BAR).map(|at| if at < part(BAR) { '#' } else { '-' }).collect();
    format!(
        "{} [{bar}] {:3} % {} items, {} refused",
        input.display(),
        part(100),
        counts.items,
        counts.refused
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_output_is_written_for_two_jobs() {
        let outputs = |inputs: &[&str]| {
            let inputs: Vec<PathBuf> = inputs.iter().map(PathBuf::from).collect();
            outputs(&inputs, Path::new("out")).ok()
        };
        let [one, other] = ["out/x.json", "out/y.json"].map(PathBuf::from);
        assert_eq!(outputs(&["a/x.json.gz", "a/y.json"]), Some(vec![one, other]));
        for other in ["b/x.json", "x.json.part", "x.json.errors.ndjson", "x.json.job.json.next.gz"]
        {
            assert_eq!(outputs(&["x.json", other]), None, "{other}");
            assert_eq!(outputs(&[other, "x.json"]), None, "{other}");
        }
    }
}
