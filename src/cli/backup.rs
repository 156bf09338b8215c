//! `wardbook backup`: takes a backup of a running server, or checks one, without
//! a server.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::json;

use super::Context;
use super::audit::{kept, print_findings, public_key};
use super::client::{Call, Client};
use super::error::Error;
use super::output::Output;
use super::unfinished::Unfinished;
use crate::app::{self, BackupFile, Checked, RootKeySource};
use crate::backup::Sealed;
use crate::base::clock::{Clock, SystemClock};
use crate::base::timestamp;
use crate::config::client;
use crate::config::environment::Environment;
use crate::config::flags::{ClientFlags, DataFlags, InitFlags, RootKeyFlags};
use crate::config::server;
use crate::keys::backend::remote::Remotes;

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct Arguments {
    #[command(flatten)]
    client: ClientFlags,
    /// The file; one that is there is replaced, once all is written
    #[arg(long, value_name = "FILE", required = true)]
    output: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Open a backup and check all of it, the log as `audit verify` does; needs no server
    Verify(Verify),
}

/// A backup, and what it is checked with.
#[derive(Args)]
pub(super) struct OfBackup {
    /// The backup
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    root_key: RootKeyFlags,
    /// Settings file with the remotes, if a remote key opens the root key
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Public key of the log, or a file that holds it [default: the backup's own]
    #[arg(long, value_name = "KEY", visible_alias = "key")]
    public_key: Option<String>,
    /// A file with checkpoints that were kept elsewhere, such as that of a witness; may be given
    /// several times
    #[arg(long = "checkpoint", value_name = "FILE")]
    checkpoints: Vec<PathBuf>,
}

#[derive(Args)]
pub(super) struct Verify {
    #[command(flatten)]
    backup: OfBackup,
    /// Folder to open the backup in, as large as the database; removed again [default: beside
    /// the backup]
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
}

pub(super) fn run(context: &mut Context, arguments: Arguments) -> Result<(), Error> {
    let Arguments { client, output, command } = arguments;
    match (command, output) {
        (Some(Command::Verify(verify)), _) => verify.run(context),
        (None, output) => {
            let client = Client::new(client::client(client, &context.environment)?)?;
            create(&client, &mut context.output, &output.unwrap_or_default())
        }
    }
}

/// Takes a backup into a file.
fn create(client: &Client, output: &mut Output, path: &Path) -> Result<(), Error> {
    let file = Unfinished::create(path)?;
    output.progress("the server copies its database");
    let answer = client.open(Call::new(Method::POST, &["v1", "backups"]))?;
    let copied = copy(BufReader::with_capacity(256 * 1024, answer), &file, path, output);
    output.progress("");
    copied?;
    let reading = || Sealed::read(BufReader::new(std::fs::File::open(file.path()).ok()?)).ok();
    let Some(sealed) = reading() else { return Err(Error::NoBackup(path.to_owned())) };
    let (header, expected) = (sealed.header().clone(), sealed.file_bytes().ok());
    let bytes = file.file.metadata().map_err(|cause| file.error(cause))?.len();
    if expected != Some(bytes) {
        return Err(Error::NoBackup(path.to_owned()));
    }
    file.finish()?;
    let size = log_size(&header.checkpoint);
    let shown = format!(
        "backup {} of {size} records, {bytes} bytes in {}",
        header.backup_id,
        path.display()
    );
    let json = json!({
        "output": path, "bytes": bytes, "backupId": header.backup_id, "logSize": size,
        "checkpoint": header.checkpoint, "publicKey": header.public_key,
    });
    output.done(&shown, &json)
}

fn copy(
    mut from: impl BufRead,
    file: &Unfinished,
    path: &Path,
    output: &mut Output,
) -> Result<(), Error> {
    let mut to = &file.file;
    let mut done: u64 = 0;
    loop {
        let broken = |cause| Error::BrokenOff { path: path.to_owned(), cause };
        let bytes = from.fill_buf().map_err(broken)?;
        let length = bytes.len();
        if length == 0 {
            return Ok(());
        }
        to.write_all(bytes).map_err(|cause| file.error(cause))?;
        from.consume(length);
        done = done.saturating_add(u64::try_from(length).unwrap_or_default());
        output.progress(format_args!("{} MiB", done / 1_048_576));
    }
}

/// The second line of a checkpoint.
fn log_size(checkpoint: &str) -> u64 {
    checkpoint.lines().nth(1).and_then(|size| size.parse().ok()).unwrap_or_default()
}

impl OfBackup {
    pub(super) fn path(&self) -> &Path {
        &self.file
    }

    pub(super) fn has_key(&self) -> bool {
        self.public_key.is_some()
    }

    /// Reads what the flags name. The key file of a folder is in it, unless it is
    /// named.
    pub(super) fn open<'a>(
        &'a mut self,
        data: Option<&Path>,
        environment: &Environment,
    ) -> Result<BackupFile<'a>, Error> {
        let key = self.public_key.as_deref().map(public_key).transpose();
        let key = key.map_err(|cause| Error::LogKey(Box::new(cause)))?;
        let kept = self.checkpoints.iter().map(|path| kept(path));
        let kept = kept.collect::<Result<_, Error>>()?;
        let flags = InitFlags {
            data: DataFlags { data: data.map(Path::to_owned), config: self.config.take() },
            root_key: std::mem::take(&mut self.root_key),
            ..InitFlags::default()
        };
        let folder = server::new_folder(flags, environment)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let remotes = Arc::new(Remotes::new(folder.remotes, &clock));
        let root_key = folder.root_key.open(false, &remotes)?;
        if let RootKeySource::KeyFile(path) = &root_key
            && !path.exists()
        {
            return Err(Error::NoKeyFile(path.clone()));
        }
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(BackupFile { path: &self.file, root_key, key, kept, threads })
    }
}

impl Verify {
    fn run(mut self, context: &mut Context) -> Result<(), Error> {
        let scratch = self.scratch.take().unwrap_or_else(|| beside(self.backup.path()));
        let is_own_key = !self.backup.has_key();
        let backup = self.backup.open(None, &context.environment)?;
        let output = &mut context.output;
        let checked = app::verify_backup(backup, scratch, &mut |done, of| {
            output.progress(format_args!("{} of {} MiB", done / 1_048_576, of / 1_048_576));
        });
        output.progress("");
        let checked = checked.map_err(Error::BackupCheck)?;
        print(output, &checked, is_own_key, &json!({}))?;
        match checked.report.findings().len() {
            0 => Ok(()),
            found => Err(Error::Findings(found)),
        }
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".check");
    path.with_file_name(name)
}

/// Tells what was found.
pub(super) fn print(
    output: &mut Output,
    checked: &Checked,
    is_own_key: bool,
    further: &serde_json::Value,
) -> Result<(), Error> {
    let Checked { header, size, report } = checked;
    let created = timestamp::iso_8601(header.created_ms);
    if output.is_json() {
        let (origin, key) = report.log.clone().unzip();
        let mut told = json!({
            "intact": report.is_intact(),
            "backupId": header.backup_id,
            "created": created,
            "program": header.program,
            "account": header.account,
            "region": header.region,
            "origin": origin,
            "publicKey": key,
            "publicKeyIsTheBackups": is_own_key,
            "logSize": size,
            "checkpoints": report.checkpoints,
            "findings": report.findings(),
        });
        if let (Some(told), Some(further)) = (told.as_object_mut(), further.as_object()) {
            told.extend(further.clone());
        }
        return Ok(output.json(&told)?);
    }
    print_findings(output, report)?;
    if report.is_intact() {
        output.line(format_args!(
            "intact: backup {} of {created}, account {}; its {size} records are those that were \
             signed, and agree with {} kept checkpoints",
            header.backup_id, header.account, report.checkpoints
        ))?;
    }
    if is_own_key {
        output.note(format_args!(
            "The public key is the backup's own. Compare it with the one you keep: {}",
            header.public_key
        ));
    }
    Ok(())
}
