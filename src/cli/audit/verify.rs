//! `wardbook audit verify`: checks a data folder, or a copy of one, or an export
//! that proves itself, without a server and without any secret.

use std::io::{BufReader, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use clap::Args;
use serde_json::json;

use super::evidence::public_key;
use crate::audit::ledger::VerifierKey;
use crate::audit::verify::{
    self, ExportReport, IndexState, Kept, Kind, NotCompared, Report, Wanted, WantedExport,
};
use crate::cli::error::Error;
use crate::cli::input;
use crate::cli::output::Output;

#[derive(Args)]
pub(super) struct Verify {
    /// The data folder of a server that does not run, or a copy of it
    #[arg(long, value_name = "FOLDER", required_unless_present = "export")]
    data: Option<PathBuf>,
    /// A file that `wardbook audit export --proof` made, instead of a folder
    #[arg(long, value_name = "FILE", conflicts_with = "data")]
    export: Option<PathBuf>,
    /// Public key of the log, or a file that holds it [default: the folder's or the file's own,
    /// which whoever owns it could have replaced]
    #[arg(long, value_name = "KEY", visible_alias = "key")]
    public_key: Option<String>,
    /// Compare the search index with the log, too: whether queries and counts of the server find
    /// what they should. The log is read once more for that
    #[arg(long, conflicts_with = "export")]
    index: bool,
    /// A file with checkpoints that were kept elsewhere, such as that of a witness; may be given
    /// several times
    #[arg(long = "checkpoint", value_name = "FILE")]
    checkpoints: Vec<PathBuf>,
}

pub(super) fn run(output: &mut Output, wanted: &Verify) -> Result<(), Error> {
    let is_own_key = wanted.public_key.is_none();
    let key = wanted.public_key.as_deref().map(public_key).transpose();
    let kept = wanted.checkpoints.iter().map(|path| kept(path)).collect::<Result<_, Error>>()?;
    let key = key.map_err(|cause| Error::LogKey(Box::new(cause)))?;
    let (printed, report) = match (&wanted.data, &wanted.export) {
        (_, Some(file)) => {
            let export = export(output, file, key, kept)?;
            (print_export(output, &export, wanted), export.report)
        }
        (_, None) => {
            let report = folder_report(output, wanted, key, kept)?;
            (print(output, &report, is_own_key), report)
        }
    };
    match report.counts().values().fold(0_u64, |sum, count| sum.saturating_add(*count)) {
        0 => printed,
        // Also if nobody reads them to the end.
        found => Err(Error::Findings(usize::try_from(found).unwrap_or(usize::MAX))),
    }
}

/// A file of checkpoints that somebody kept.
pub(in crate::cli) fn kept(path: &Path) -> Result<Kept<'static>, Error> {
    Ok(Kept::new(path.display().to_string(), BufReader::new(input::open(path)?)))
}

fn export(
    output: &mut Output,
    path: &Path,
    key: Option<VerifierKey>,
    kept: Vec<Kept<'_>>,
) -> Result<ExportReport, Error> {
    let mut file = BufReader::with_capacity(256 * 1024, input::open(path)?);
    let asked = WantedExport { file: &mut file, key, kept };
    let report = verify::verify_export(asked, &mut |done| {
        output.progress(format_args!("{done} records"));
    });
    output.progress("");
    report.map_err(|cause| match cause {
        verify::Error::Read(cause) => Error::Read { path: path.to_owned(), cause },
        other => Error::Unverifiable(other),
    })
}

fn folder_report(
    output: &mut Output,
    wanted: &Verify,
    key: Option<VerifierKey>,
    kept: Vec<Kept<'_>>,
) -> Result<Report, Error> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let shown = AtomicU64::new(0);
    let is_watched = std::io::stderr().is_terminal();
    let progress = |done: u64, of: u64| {
        let percent = done.saturating_mul(100).checked_div(of).unwrap_or(100);
        if is_watched && shown.fetch_max(percent, Ordering::Relaxed) < percent {
            let line = format!("\r{percent:3} % of {of} records");
            drop(std::io::stderr().write_all(line.as_bytes()));
        }
    };
    let folder = wanted.data.as_deref().unwrap_or(Path::new(""));
    let asked = Wanted { folder, key, kept, index: wanted.index, threads };
    let report = verify::verify(asked, &progress);
    if is_watched {
        output.note("");
    }
    report.map_err(Error::Unverifiable)
}

fn print(output: &mut Output, report: &Report, is_own_key: bool) -> Result<(), Error> {
    let (origin, key) = report.log.clone().unzip();
    if output.is_json() {
        let counts: Vec<_> = report.counts().iter().collect();
        return Ok(output.json(&json!({
            "intact": report.is_intact(),
            "origin": origin,
            "publicKey": key,
            "publicKeyIsTheFolders": is_own_key,
            "signedSize": report.size,
            "records": report.records,
            "checkpoints": report.checkpoints,
            "erased": report.erased,
            "index": report.index,
            "findings": report.findings(),
            "counts": counts,
        }))?);
    }
    print_findings(output, report)?;
    if report.is_intact() {
        let origin = origin.unwrap_or_default();
        let Report { records, checkpoints, erased, .. } = report;
        let end = match erased {
            0 => String::new(),
            1 => "; 1 has lost personal data, on request that is recorded".to_owned(),
            more => format!("; {more} have lost personal data, on request that is recorded"),
        };
        output.line(format_args!(
            "intact: {records} records of {origin} are those that were signed, \
             and agree with {checkpoints} kept checkpoints{end}"
        ))?;
    }
    print_index(output, report)?;
    if is_own_key && let Some(key) = key {
        output.note(format_args!(
            "The public key is the folder's own. Compare it with the one you keep: {key}"
        ));
    }
    Ok(())
}

/// What is to be said of the search index beside findings.
fn print_index(output: &mut Output, report: &Report) -> Result<(), Error> {
    let (records, behind, unfollowed) = match report.index {
        None | Some(IndexState::Useless) => return Ok(()),
        Some(IndexState::Absent) => {
            output.line("no search index: a server builds it when it starts")?;
            return Ok(());
        }
        Some(IndexState::OtherVersion { version }) => {
            output.line(format_args!(
                "the search index was not compared: it is of another program (version {version}), \
                 and a server builds it anew when it starts"
            ))?;
            return Ok(());
        }
        Some(IndexState::Compared { records, behind, unfollowed }) => (records, behind, unfollowed),
    };
    if !report.counts().contains_key(&Kind::Index) {
        output.line(format_args!("the search index has what the log says of {records} records"))?;
    }
    if behind > 0 {
        output.line(format_args!(
            "{behind} records are not in the search index yet: a server takes them in when it starts"
        ))?;
    }
    if unfollowed > 0 {
        output.line(format_args!(
            "the search index may still have what {unfollowed} records have lost, until a server \
             starts"
        ))?;
    }
    Ok(())
}

pub(in crate::cli) fn print_findings(output: &mut Output, report: &Report) -> Result<(), Error> {
    for finding in report.findings() {
        // One line, whatever names in the file say.
        output.row(std::slice::from_ref(&finding.text))?;
    }
    for (kind, count) in report.counts() {
        let shown = report.findings().iter().filter(|finding| finding.kind == *kind).count();
        let more = count.saturating_sub(u64::try_from(shown).unwrap_or(u64::MAX));
        if more > 0 {
            output.line(format_args!("... and {more} more of the kind {kind:?}"))?;
        }
    }
    Ok(())
}

fn print_export(output: &mut Output, export: &ExportReport, asked: &Verify) -> Result<(), Error> {
    let ExportReport { report, runs, run_count, erased_by, erased_unproved, .. } = export;
    let (origin, key) = report.log.clone().unzip();
    // The signature of a checkpoint that was kept says which key is the log's.
    let is_own_key = asked.public_key.is_none() && report.checkpoints == 0;
    if output.is_json() {
        let run = |(first, last): &(u64, u64)| json!({ "first": first, "last": last });
        let counts: Vec<_> = report.counts().iter().collect();
        return Ok(output.json(&json!({
            "intact": report.is_intact(),
            "origin": origin,
            "publicKey": key,
            "publicKeyIsTheFiles": is_own_key,
            "signedSize": report.size,
            "records": report.records,
            "gapless": export.gapless().as_ref().map(run),
            "runs": runs.iter().map(run).collect::<Vec<_>>(),
            "runCount": run_count,
            "checkpoints": report.checkpoints,
            "notCompared": export.not_compared,
            "erased": report.erased,
            "erasedBy": erased_by,
            "erasedUnproved": erased_unproved,
            "findings": report.findings(),
            "counts": counts,
        }))?);
    }
    print_findings(output, report)?;
    if report.is_intact() {
        print_proved(output, export, &origin.unwrap_or_default())?;
    }
    if is_own_key && let Some(key) = key {
        output.note(format_args!(
            "The public key is the file's own. Compare it with the one you keep: {key}"
        ));
    }
    Ok(())
}

fn print_proved(output: &mut Output, export: &ExportReport, origin: &str) -> Result<(), Error> {
    let ExportReport { report, run_count, erased_by, erased_unproved, .. } = export;
    let (records, size) = (report.records, report.size.unwrap_or_default());
    let but_for = match erased_unproved {
        0 => String::new(),
        of => format!(
            ", but for what {of} of them have lost (the event that erased it is not in this file)"
        ),
    };
    output.line(format_args!(
        "intact: {records} records of {origin} are in the log of {size} that was signed, \
         unchanged{but_for}"
    ))?;
    match export.gapless() {
        Some((1, last)) if last == size => output.line("complete: they are the whole log")?,
        Some((first, last)) => output.line(format_args!(
            "complete: they are all records of the log from {first} to {last}"
        ))?,
        None if records == 0 => output.line("whether any record was left out is not proved")?,
        None => output.line(format_args!(
            "not proved: whether the filter left out more than it should; the log has other \
             records in {} gaps between these",
            run_count.saturating_sub(1)
        ))?,
    }
    if report.checkpoints > 0 {
        let kept = report.checkpoints;
        output.line(format_args!("the log goes on from {kept} kept checkpoints"))?;
    }
    for of in &export.not_compared {
        let NotCompared { name, checkpoints, smallest, largest } = of;
        output.line(format_args!(
            "not compared: {checkpoints} checkpoints of {name}, of {smallest} to {largest} \
             records; the file has no proof from them"
        ))?;
    }
    let proved = report.erased.saturating_sub(*erased_unproved);
    if proved > 0 {
        output
            .line(format_args!("{proved} have lost personal data, on request that is recorded"))?;
    }
    for event in erased_by {
        output.line(format_args!(
            "not proved: that event {event}, which is said to have erased something, erased just \
             that; it is not in the file"
        ))?;
    }
    Ok(())
}
