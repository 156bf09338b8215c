//! `wardbook restore`: makes a data folder from a backup, without a server.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::Context;
use super::backup::{OfBackup, print};
use super::error::Error;
use crate::app::{self, RootKeySource};
use crate::base::clock::SystemClock;

#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    backup: OfBackup,
    /// Data folder to make; one that is there must be empty
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

pub(super) fn run(context: &mut Context, arguments: Arguments) -> Result<(), Error> {
    let Arguments { mut backup, data } = arguments;
    let is_own_key = !backup.has_key();
    let backup = backup.open(Some(&data), &context.environment)?;
    let how = match &backup.root_key {
        RootKeySource::KeyFile(path) => format!(" --key-file {}", path.display()),
        RootKeySource::Passphrase(_) => " --root-key passphrase".to_owned(),
        RootKeySource::AwsKms(_) => " --root-key aws-kms".to_owned(),
    };
    let output = &mut context.output;
    let restored = app::restore(backup, &data, &SystemClock::new(), &mut |done, of| {
        output.progress(format_args!("{} of {} MiB", done / 1_048_576, of / 1_048_576));
    });
    output.progress("");
    let restored = restored.map_err(Error::Restore)?;
    let is_intact = restored.report.is_intact();
    let folder = if is_intact { json!({ "data": data }) } else { json!({}) };
    print(output, &restored, is_own_key, &folder)?;
    if !is_intact {
        return Err(Error::Findings(restored.report.findings().len()));
    }
    if output.is_json() {
        return Ok(());
    }
    output.note(format_args!("\n{}\n", AFTER.trim_end()));
    let data = data.display();
    Ok(output.line(format_args!("Start the server:\n  wardbook serve --data {data}{how}"))?)
}

const AFTER: &str = "\
What happened after the backup is not in this folder: keys made since are lost with all that
they encrypted; keys, access keys and grants deleted since are there again, and so is personal
data that was erased since. Do these again (`wardbook audit erase` for personal data).
Deletions that were cancelled since are pending again: for a day nothing is deleted.
Never run this folder beside the server that the backup is of: their logs would part.";
