//! `wardbook audit verify`: checks a data folder, or a copy of one, without a
//! server and without any secret.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use clap::Args;
use serde_json::json;

use super::evidence::public_key;
use crate::audit::verify::{self, Report, Wanted};
use crate::cli::error::Error;
use crate::cli::input;
use crate::cli::output::Output;

#[derive(Args)]
pub(super) struct Verify {
    /// The data folder of a server that does not run, or a copy of it
    #[arg(long, value_name = "FOLDER")]
    data: PathBuf,
    /// Public key of the log, or a file that holds it [default: the folder's own, which whoever
    /// owns the folder could have replaced]
    #[arg(long, value_name = "KEY")]
    public_key: Option<String>,
    /// A file with checkpoints that were kept elsewhere, such as that of a witness; may be given
    /// several times
    #[arg(long = "checkpoint", value_name = "FILE")]
    checkpoints: Vec<PathBuf>,
}

pub(super) fn run(output: &mut Output, wanted: &Verify) -> Result<(), Error> {
    let is_own_key = wanted.public_key.is_none();
    let key = wanted.public_key.as_deref().map(public_key).transpose();
    let read = |path: &PathBuf| Ok((path.display().to_string(), input::text(path)?));
    let kept = wanted.checkpoints.iter().map(read).collect::<Result<_, Error>>()?;
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
    let asked = Wanted {
        folder: &wanted.data,
        key: key.map_err(|cause| Error::LogKey(Box::new(cause)))?,
        kept,
        threads,
    };
    let report = verify::verify(asked, &progress);
    if is_watched {
        output.note("");
    }
    let report = report.map_err(Error::Unverifiable)?;
    print(output, &report, is_own_key)?;
    match report.counts().values().fold(0_u64, |sum, count| sum.saturating_add(*count)) {
        0 => Ok(()),
        found => Err(Error::Findings(usize::try_from(found).unwrap_or(usize::MAX))),
    }
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
            "findings": report.findings(),
            "counts": counts,
        }))?);
    }
    for finding in report.findings() {
        output.line(&finding.text)?;
    }
    for (kind, count) in report.counts() {
        let shown = report.findings().iter().filter(|finding| finding.kind == *kind).count();
        let more = count.saturating_sub(u64::try_from(shown).unwrap_or(u64::MAX));
        if more > 0 {
            output.line(format_args!("... and {more} more of the kind {kind:?}"))?;
        }
    }
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
    if is_own_key && let Some(key) = key {
        output.note(format_args!(
            "The public key is the folder's own. Compare it with the one you keep: {key}"
        ));
    }
    Ok(())
}
