//! From a backup to a data folder: everything is checked before anybody can serve
//! the folder, and its log says that it was restored.
//!
//! The record of that is why two servers from one backup can be told apart: their
//! logs agree up to the head of the backup, and no further.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;
use serde_json::value::to_raw_value;

use super::draft::{self, Draft};
use super::error::Error;
use super::hardening;
use super::init::{self, GUARDRAILS};
use super::ledger as log;
use super::open::identity_of;
use super::root_key::{self, Place, RootKeySource, SealedKeys};
use crate::audit::ledger::{self, Checkpoint, VerifierKey};
use crate::audit::verify::{self, Kept, Report, Wanted};
use crate::audit::{self, Record};
use crate::backup::{Guardrails, Header, Sealed};
use crate::base::clock::Clock;
use crate::base::ids::AccountId;
use crate::base::timestamp;
use crate::hsm::{Hsm, RootKey};
use crate::http::server;
use crate::store::sealed::ProtectorRow;
use crate::store::{self, Change, Settings, Store, Tx, Unit, meta, trail};

/// A backup, and what it is checked with.
pub struct BackupFile<'a> {
    pub path: &'a Path,
    pub root_key: RootKeySource,
    /// The log's public key that somebody kept; otherwise the backup's own.
    pub key: Option<VerifierKey>,
    /// Checkpoints that somebody kept.
    pub kept: Vec<Kept<'a>>,
    /// Threads that read records.
    pub threads: usize,
}

/// What was found.
#[derive(Debug)]
pub struct Checked {
    pub header: Header,
    /// Records of the log.
    pub size: u64,
    pub report: Report,
}

/// Told how many bytes are done, of how many.
type Progress<'p> = dyn FnMut(u64, u64) + 'p;

/// Checks a backup: opens it in the folder `scratch`, which is removed again.
///
/// # Errors
/// [`Error`], if it is no whole backup or does not open. What is wrong with the
/// log is in the report.
pub fn verify_backup(
    backup: BackupFile<'_>,
    scratch: PathBuf,
    progress: &mut Progress<'_>,
) -> Result<Checked, Error> {
    hardening::harden();
    let draft = Draft::at(scratch)?;
    draft.remove_when_stopped();
    unpack(backup, &draft, progress).map(|(checked, _root)| checked)
}

/// Restores a backup as the folder `data`, which must be empty or not be there.
/// If the report has findings, nothing was restored.
///
/// # Errors
/// [`Error`]; then nothing was restored.
pub fn restore(
    backup: BackupFile<'_>,
    data: &Path,
    clock: &dyn Clock,
    progress: &mut Progress<'_>,
) -> Result<Checked, Error> {
    hardening::harden();
    let draft = Draft::at(data.to_owned())?;
    draft.remove_when_stopped();
    let (checked, hsm) = unpack(backup, &draft, progress)?;
    if checked.report.is_intact() {
        record(draft.path(), &hsm, &checked, clock)?;
        draft.finish()?;
    }
    Ok(checked)
}

/// Opens a backup in a folder and checks it.
fn unpack(
    backup: BackupFile<'_>,
    draft: &Draft,
    progress: &mut Progress<'_>,
) -> Result<(Checked, Hsm), Error> {
    let of_backup = |cause| Error::Backup { path: backup.path.to_owned(), cause };
    let of_file = |cause| Error::File { path: backup.path.to_owned(), cause };
    let file = File::open(backup.path).map_err(of_file)?;
    let sealed = Sealed::read(BufReader::with_capacity(256 * 1024, file)).map_err(of_backup)?;
    let header = sealed.header().clone();
    let protectors = protectors(&header, &backup)?;
    let account = AccountId::parse(&header.account).ok_or(Error::Meta("account"))?;
    let place = Place { account: &account, log_id: &header.log_id };
    let opening = root_key::open(&backup.root_key, &protectors, &place);
    let (root, _by) = server::block_on(opening)?;
    let guardrails = write(sealed, &root, draft.path(), &header, progress).map_err(of_backup)?;
    write_guardrails(draft.path(), &guardrails)?;

    let hsm = open_once(draft.path(), root)?;
    let key = match backup.key {
        Some(kept) => kept,
        None => VerifierKey::parse(&header.public_key).map_err(Error::BackupKey)?,
    };
    let head = Checkpoint::open(&header.checkpoint, &key).map_err(Error::BackupKey)?;
    let mut kept = vec![Kept::text("the header of the backup", header.checkpoint.as_str())];
    kept.extend(backup.kept);
    // A backup has no index.
    let (folder, key, threads) = (draft.path(), Some(key), backup.threads);
    let wanted = Wanted { folder, key, kept, index: false, threads };
    let report = verify::verify(wanted, &|_done, _of| {}).map_err(Error::Unverifiable)?;
    if report.is_intact() && report.size != Some(head.size) {
        return Err(Error::BackupHead { says: head.size, has: report.size.unwrap_or_default() });
    }
    Ok((Checked { header, size: head.size, report }, hsm))
}

/// The protectors that the header names, as far as they may open a root key. Nothing
/// proves the header yet, and whoever forged it has a remote key, too.
fn protectors(header: &Header, backup: &BackupFile<'_>) -> Result<Vec<ProtectorRow>, Error> {
    let row = |protector: &crate::backup::Protector| ProtectorRow {
        name: protector.name.clone(),
        sealed: protector.sealed.clone().into_bytes(),
        added_ms: None,
    };
    let mut protectors: Vec<ProtectorRow> = header.protectors.iter().map(row).collect();
    if let RootKeySource::AwsKms(keys) = &backup.root_key {
        if keys.new.is_none() && backup.key.is_none() {
            return Err(Error::AnyRemoteKey);
        }
        protectors.retain(|row| keys.may_open(&row.sealed));
        if protectors.is_empty() {
            return Err(Error::NoSuchProtector("another remote key".to_owned()));
        }
    }
    Ok(protectors)
}

fn write(
    sealed: Sealed<BufReader<File>>,
    root: &RootKey,
    folder: &Path,
    header: &Header,
    progress: &mut Progress<'_>,
) -> Result<Guardrails, crate::backup::Error> {
    let failed = crate::backup::Error::Write;
    let file = draft::private(&folder.join(init::DATABASE)).map_err(failed)?;
    let mut database = BufWriter::with_capacity(1024 * 1024, file);
    let mut seen = |done| progress(done, header.database_bytes);
    let guardrails = sealed.unseal(root, &mut database, &mut seen)?;
    database.flush().map_err(failed)?;
    database.get_ref().sync_all().map_err(failed)?;
    Ok(guardrails)
}

fn write_guardrails(folder: &Path, guardrails: &Guardrails) -> Result<(), Error> {
    let folder = folder.join(GUARDRAILS);
    init::make_folder(&folder)?;
    for (name, text) in guardrails {
        let path = folder.join(name);
        let failed = |cause| Error::File { path: path.clone(), cause };
        if path.file_name() != Some(name.as_ref()) {
            return Err(failed(std::io::ErrorKind::InvalidFilename.into()));
        }
        let mut file = draft::private(&path).map_err(failed)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    }
    File::open(&folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|cause| Error::File { path: folder.clone(), cause })
}

/// Opens the folder as a start would: brings the schema up to date, opens the
/// domain keys, and the key that signs the log, which must be the one that was
/// signed.
fn open_once(folder: &Path, root: RootKey) -> Result<Hsm, Error> {
    let store = Store::open(folder, Settings::default(), audit::marks)?;
    let hsm = store.read(SealedKeys::load)?.start(root)?;
    if ledger::resume(&hsm, &store, None)?.is_none() {
        return Err(Error::Meta("log"));
    }
    store.close();
    Ok(hsm)
}

/// Records the restore in the log of the folder, which goes on from the head of
/// the backup.
fn record(folder: &Path, hsm: &Hsm, checked: &Checked, clock: &dyn Clock) -> Result<(), Error> {
    let store = Arc::new(Store::open(folder, Settings::default(), audit::marks)?);
    let identity = store.read(|tx| Ok(identity_of(tx)))??;
    let (account, region) = identity.ok_or(Error::Meta("account"))?;
    let resumed = ledger::resume(hsm, &store, None)?.ok_or(Error::Meta("log"))?;
    let key = resumed.notary.key().clone();
    store.appoint(Box::new(resumed.notary))?;
    let header = &checked.header;
    let details = json!({
        "backupId": header.backup_id,
        "backupTime": timestamp::iso_8601(header.created_ms),
        "backupProgram": header.program,
        "checkpoint": header.checkpoint,
        "version": env!("CARGO_PKG_VERSION"),
    });
    let details = to_raw_value(&details).map_err(audit::Error::Encode)?;
    let times = log::Times::read(&store, clock)?;
    let event = audit::prepare(&Record {
        event_name: "RestoreBackup",
        own: times.own(),
        event_source: "backup.wardbook",
        service_event_details: Some(&details),
        event_id: init::random(hsm)?,
        salt: init::random(hsm)?,
        ..init::first_record(&init::caller(hsm, &account)?, &account, &region, times.now_ms)
    })?;
    // The clock of another machine may be behind.
    let restored_ms = times.latest_record_ms.unwrap_or(times.now_ms);
    let changes: Vec<Box<dyn Change>> = vec![Box::new(RestoredAt(restored_ms))];
    log::commit(&store, Unit { changes, event, further: Vec::new() })?;
    ledger::check_witnessed(&store, &key, &header.checkpoint)?;
    store.close();
    Ok(())
}

const RESTORED: &str = "restored_ms";

/// When the folder was restored, epoch milliseconds.
struct RestoredAt(i64);

impl Change for RestoredAt {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), store::Error> {
        // The server that the backup is of may have done what was planned.
        trail::forget_plans(tx)?;
        meta::set(tx, RESTORED, &self.0.to_string())
    }

    fn publish(&self) {}
}

/// When the folder was restored the last time, if ever, epoch milliseconds.
pub(super) fn restored_ms(store: &Store) -> Result<Option<i64>, Error> {
    let Some(text) = store.read(|tx| meta::find(tx, RESTORED))? else { return Ok(None) };
    text.parse().map(Some).map_err(|_odd| Error::Meta("restore"))
}
