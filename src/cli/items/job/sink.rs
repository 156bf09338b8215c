//! What a job writes: `NAME.part`, which becomes `NAME` when all is done,
//! `NAME.errors.ndjson`, and `NAME.job.json`, which says how far both are.
//!
//! The files are made durable before the journal that counts them. So whatever
//! stops a job, what the journal says is there; what is there beyond that is cut
//! off when the job goes on.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::batch::{Answered, Refused};
use super::lines::Place;
use crate::cli::error::Error;

/// Batches between two writings of the journal.
const STEP: usize = 10;

/// What a job is: the one that goes on must be the one that began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Job {
    pub(super) verb: String,
    pub(super) schema: String,
    pub(super) format: String,
    pub(super) partial: bool,
    /// Size of the input in bytes, and when it was changed last.
    pub(super) input_bytes: u64,
    pub(super) input_modified_ms: u64,
}

/// How far a job is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Counts {
    input_position: u64,
    input_lines: u64,
    output_bytes: u64,
    error_bytes: u64,
    /// Items in the output.
    pub(super) items: usize,
    /// Items, and lines that are none, among the errors.
    pub(super) refused: usize,
}

impl Counts {
    /// Where the input is read on.
    pub(super) fn place(&self) -> Place {
        Place { bytes: self.input_position, lines: self.input_lines }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Journal {
    /// Of the journal's own form.
    version: u32,
    job: Job,
    counts: Counts,
    done: bool,
}

const VERSION: u32 = 1;

/// A line of the errors.
#[derive(Serialize)]
struct ErrorLine<'a> {
    line: u64,
    #[serde(flatten)]
    refused: &'a Refused,
    /// The item as it was read, if it is JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<&'a RawValue>,
}

/// A job as it is found.
pub(super) enum Found {
    Done(Counts),
    Open(Box<Sink>),
}

/// The files of a job that is not done.
pub(super) struct Sink {
    job: Job,
    paths: Paths,
    part: File,
    errors: File,
    counts: Counts,
    /// Batches since the journal was written.
    unsaved: usize,
    /// Whether something could not be written: what is in the files is then not known.
    is_broken: bool,
}

/// What is added to the name of an output for each file that is written for it.
pub(super) const BESIDE: [&str; 4] = [PART, ERRORS, JOURNAL, NEXT_JOURNAL];
const PART: &str = ".part";
const ERRORS: &str = ".errors.ndjson";
const JOURNAL: &str = ".job.json";
const NEXT_JOURNAL: &str = ".job.json.next";

struct Paths {
    output: PathBuf,
    part: PathBuf,
    errors: PathBuf,
    journal: PathBuf,
    next_journal: PathBuf,
}

impl Paths {
    fn of(output: &Path) -> Self {
        let beside = |end: &str| {
            let mut name = output.file_name().unwrap_or_default().to_owned();
            name.push(end);
            output.with_file_name(name)
        };
        Self {
            part: beside(PART),
            errors: beside(ERRORS),
            journal: beside(JOURNAL),
            next_journal: beside(NEXT_JOURNAL),
            output: output.to_owned(),
        }
    }

    /// The last step of a job: the output gets its name, and there is no file of errors
    /// where there were none.
    fn complete(&self, counts: Counts) -> Result<(), Error> {
        if counts.refused == 0 {
            match fs::remove_file(&self.errors) {
                Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                    return Err(Error::Write { path: self.errors.clone(), cause });
                }
                _ => {}
            }
        }
        rename(&self.part, &self.output)
    }
}

/// Finds the job that writes `output`, or begins it.
pub(super) fn open(output: &Path, job: Job) -> Result<Found, Error> {
    let paths = Paths::of(output);
    if let Some(counts) = ended(&paths, &job)? {
        return Ok(Found::Done(counts));
    }
    let part = create(&paths.part)?;
    if part.try_lock().is_err() {
        return Err(refused(output, "another run of this job is at work on it"));
    }
    // Read under the lock: until then another run may have gone on.
    let counts = match journal(&paths, &job)? {
        None => Counts::default(),
        Some(Journal { counts, done: false, .. }) => counts,
        Some(_) => return Err(refused(output, "another run has just finished it")),
    };
    let mut errors = create(&paths.errors)?;
    for (mut file, path, bytes) in
        [(&part, &paths.part, counts.output_bytes), (&errors, &paths.errors, counts.error_bytes)]
    {
        let error = |cause| Error::Write { path: path.clone(), cause };
        if file.metadata().map_err(error)?.len() < bytes {
            return Err(refused(path, "it is shorter than its journal says: begin anew"));
        }
        file.set_len(bytes).and_then(|()| file.seek(SeekFrom::Start(bytes))).map_err(error)?;
    }
    errors.flush().map_err(|cause| Error::Write { path: paths.errors.clone(), cause })?;
    Ok(Found::Open(Box::new(Sink {
        job,
        paths,
        part,
        errors,
        counts,
        unsaved: 0,
        is_broken: false,
    })))
}

/// The counts of the job if it is done; its last step is made if that is missing.
fn ended(paths: &Paths, job: &Job) -> Result<Option<Counts>, Error> {
    let is_there = paths.output.exists();
    match journal(paths, job)? {
        Some(Journal { counts, done: true, .. }) if is_there => Ok(Some(counts)),
        Some(Journal { counts, done: true, .. }) if paths.part.exists() => {
            paths.complete(counts)?;
            Ok(Some(counts))
        }
        Some(Journal { done: true, .. }) => {
            Err(refused(&paths.journal, "the job is done, and its output is gone: remove this"))
        }
        _ if is_there => Err(refused(&paths.output, "it is there, and not from this job")),
        _ => Ok(None),
    }
}

fn journal(paths: &Paths, job: &Job) -> Result<Option<Journal>, Error> {
    let path = &paths.journal;
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(Error::Read { path: path.clone(), cause }),
    };
    let read: Journal =
        serde_json::from_slice(&text).map_err(|cause| Error::Json { path: path.clone(), cause })?;
    if read.version != VERSION {
        return Err(refused(path, "another release wrote it"));
    }
    if read.job != *job {
        let text = "it is of another job, or the input was changed since: choose another folder, \
                    or remove what the job wrote";
        return Err(refused(path, text));
    }
    Ok(Some(read))
}

impl Sink {
    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// Writes what became of a batch.
    pub(super) fn write(&mut self, answered: &Answered) -> Result<(), Error> {
        let written = self.write_batch(answered);
        self.is_broken |= written.is_err();
        written
    }

    /// Saves what a job did that stops here, unless that could not be written: then the
    /// journal stays as it is, and what is beyond it is done again.
    pub(super) fn keep(&mut self) -> Result<(), Error> {
        if self.is_broken { Ok(()) } else { self.save(false) }
    }

    fn write_batch(&mut self, answered: &Answered) -> Result<(), Error> {
        let mut counts = self.counts;
        let (mut items, mut errors) = (Vec::new(), Vec::new());
        for outcome in &answered.outcomes {
            match &outcome.became {
                Ok(item) => {
                    let (before, after) =
                        if outcome.wrapped { ("{\"Item\":", "}\n") } else { ("", "\n") };
                    for part in [before, item.get(), after] {
                        items.extend_from_slice(part.as_bytes());
                    }
                    counts.items = counts.items.saturating_add(1);
                }
                Err(refused) => {
                    let item = outcome.item.as_deref();
                    let line = ErrorLine { line: outcome.line, refused, item };
                    serde_json::to_writer(&mut errors, &line).map_err(io::Error::from)?;
                    errors.push(b'\n');
                    counts.refused = counts.refused.saturating_add(1);
                }
            }
        }
        append(&mut self.part, &self.paths.part, &items, &mut counts.output_bytes)?;
        append(&mut self.errors, &self.paths.errors, &errors, &mut counts.error_bytes)?;
        counts.input_position = answered.end.bytes;
        counts.input_lines = answered.end.lines;
        self.counts = counts;
        self.unsaved = self.unsaved.saturating_add(1);
        if self.unsaved >= STEP { self.save(false) } else { Ok(()) }
    }

    /// Makes durable what is written, then says so in the journal.
    pub(super) fn save(&mut self, done: bool) -> Result<(), Error> {
        for (file, path) in [(&self.part, &self.paths.part), (&self.errors, &self.paths.errors)] {
            file.sync_data().map_err(|cause| Error::Write { path: path.clone(), cause })?;
        }
        let journal =
            Journal { version: VERSION, job: self.job.clone(), counts: self.counts, done };
        let text = serde_json::to_vec(&journal).map_err(io::Error::from)?;
        let next = &self.paths.next_journal;
        let error = |cause| Error::Write { path: next.clone(), cause };
        let mut file = create(next)?;
        file.set_len(0).and_then(|()| file.write_all(&text)).map_err(error)?;
        file.sync_all().map_err(error)?;
        rename(next, &self.paths.journal)?;
        self.unsaved = 0;
        Ok(())
    }

    /// Everything is written: the output gets its name.
    pub(super) fn finish(mut self) -> Result<Counts, Error> {
        self.save(true)?;
        self.paths.complete(self.counts)?;
        Ok(self.counts)
    }
}

fn append(file: &mut File, path: &Path, bytes: &[u8], total: &mut u64) -> Result<(), Error> {
    file.write_all(bytes).map_err(|cause| Error::Write { path: path.to_owned(), cause })?;
    *total = total.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    Ok(())
}

/// Opens a file to write, which only its owner may read; what is in it stays.
fn create(path: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    let options = options.write(true).create(true).truncate(false).mode(0o600);
    options.open(path).map_err(|cause| Error::Write { path: path.to_owned(), cause })
}

/// Renames a file, durably.
fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    let folder = to.parent().unwrap_or(Path::new("."));
    fs::rename(from, to)
        .and_then(|()| File::open(folder)?.sync_all())
        .map_err(|cause| Error::Write { path: to.to_owned(), cause })
}

fn refused(path: &Path, text: &'static str) -> Error {
    Error::Job { path: path.to_owned(), text }
}

#[cfg(test)]
mod tests {
    use super::super::batch::Outcome;
    use super::*;
    use crate::items::error::ItemErrorCode;

    fn job() -> Job {
        let text = String::new;
        let (verb, schema, format) = (text(), text(), text());
        Job { verb, schema, format, partial: false, input_bytes: 9, input_modified_ms: 0 }
    }

    fn begun(output: &Path) -> Sink {
        match open(output, job()).unwrap() {
            Found::Open(sink) => *sink,
            Found::Done(_) => panic!("the job is done"),
        }
    }

    fn answered() -> Answered {
        let outcome = |became| Outcome { line: 1, wrapped: false, item: None, became };
        let item = RawValue::from_string("{}".to_owned()).unwrap();
        let refused = Refused::new(ItemErrorCode::MalformedJson, "");
        let outcomes = vec![outcome(Ok(item)), outcome(Err(refused))];
        Answered { outcomes, end: Place { bytes: 5, lines: 2 } }
    }

    /// The disk is full between the two files: the batch is done again, once.
    #[test]
    fn a_batch_that_was_written_in_part_is_not_counted() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("output");
        let mut sink = begun(&output);
        sink.write(&answered()).unwrap();
        sink.save(false).unwrap();
        let before = sink.counts();
        sink.errors = OpenOptions::new().write(true).open("/dev/full").unwrap();
        assert!(matches!(sink.write(&answered()), Err(Error::Write { .. })));
        sink.keep().unwrap();
        drop(sink);
        let part = || fs::read_to_string(Paths::of(&output).part).unwrap();
        assert_eq!(part(), "{}\n{}\n");
        let sink = begun(&output);
        assert_eq!((sink.counts(), part().as_str()), (before, "{}\n"));
    }

    /// A job that stopped before its last step makes it when it is asked again.
    #[test]
    fn no_file_of_errors_stays_where_there_are_none() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("output");
        let mut sink = begun(&output);
        sink.save(true).unwrap();
        drop(sink);
        assert!(matches!(open(&output, job()).unwrap(), Found::Done(_)));
        assert!(output.exists() && !Paths::of(&output).errors.exists());
    }
}
