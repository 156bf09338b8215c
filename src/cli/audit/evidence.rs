//! `wardbook audit checkpoint`, `prove`, `consistency` and `verify-proof`: what
//! an auditor keeps of the log, and checks without having to believe the server.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use clap::Args;
use reqwest::Method;
use serde::{Deserialize, Serialize};

use crate::audit::Opened;
use crate::audit::ledger::{self, Hash, Note, TlogProof, VerifierKey, verify_consistency};
use crate::cli::client::{Call, Client};
use crate::cli::error::Error;
use crate::cli::input;
use crate::cli::output::Output;
use crate::cli::unfinished::Unfinished;

#[derive(Args)]
pub(super) struct Checkpoint {
    /// Write it to a file, to be kept where the server cannot change it
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct Prove {
    /// The event's id, `eventID` of its record
    #[arg(long, value_name = "UUID")]
    event_id: String,
    /// Public key of the log, or a file that holds it [default: what the server says]
    #[arg(long, value_name = "KEY")]
    public_key: Option<String>,
    /// Write the proof to a file (.tlog-proof)
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct Consistency {
    /// The checkpoint that was kept
    #[arg(long, value_name = "FILE")]
    since: PathBuf,
    /// Public key of the log, or a file that holds it [default: what the server says]
    #[arg(long, value_name = "KEY")]
    public_key: Option<String>,
    /// Write the checkpoint of now to a file
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct VerifyProof {
    /// The proof (.tlog-proof)
    file: PathBuf,
    /// Public key of the log, or a file that holds it
    #[arg(long, value_name = "KEY")]
    public_key: String,
}

/// The answer of GetCheckpoint.
#[derive(Deserialize, Serialize)]
#[serde(rename_all(deserialize = "camelCase"))]
struct Head {
    checkpoint: String,
    origin: String,
    size: u64,
    root_hash: String,
    public_key: String,
}

/// The signed head of the log.
pub(super) fn checkpoint(
    client: &Client,
    output: &mut Output,
    wanted: &Checkpoint,
) -> Result<(), Error> {
    let head: Head = client.call(Call::new(Method::GET, &["v1", "audit", "checkpoint"]))?;
    let key = VerifierKey::parse(&head.public_key).map_err(Error::Evidence)?;
    ledger::Checkpoint::open(&head.checkpoint, &key).map_err(Error::Evidence)?;
    if let Some(path) = &wanted.output {
        write(path, &head.checkpoint)?;
    }
    if output.is_json() {
        return Ok(output.json(&head)?);
    }
    match &wanted.output {
        Some(path) => output.line(format_args!(
            "{}: {} records of {}",
            path.display(),
            head.size,
            head.origin
        ))?,
        None => output.text(&head.checkpoint)?,
    }
    output.note(format_args!("Public key: {}", head.public_key));
    Ok(())
}

/// Gets the proof that a record is in the log, and checks it.
pub(super) fn prove(client: &Client, output: &mut Output, wanted: &Prove) -> Result<(), Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Proved {
        tlog_proof: String,
        public_key: String,
    }
    let query = [("eventId", wanted.event_id.as_str())];
    let call = Call::new(Method::GET, &["v1", "audit", "inclusion-proof"]).asking(&query);
    let proved: Proved = client.call(call)?;
    let key = key_of_log(wanted.public_key.as_deref(), &proved.public_key)?;
    let proof = TlogProof::parse(&proved.tlog_proof).map_err(Error::Evidence)?;
    let shown = Shown::verified(&proof, &key)?;
    if !shown.is_of(&wanted.event_id) {
        return Err(Error::OtherEvent(wanted.event_id.clone()));
    }
    if let Some(path) = &wanted.output {
        write(path, &proved.tlog_proof)?;
    }
    match (output.is_json(), &wanted.output) {
        (true, _) => output.json(&shown)?,
        (false, Some(path)) => output.line(format_args!("{}: {shown}", path.display()))?,
        (false, None) => output.text(&proved.tlog_proof)?,
    }
    shown.note_erased(output);
    output.note(format_args!("Public key: {}", proved.public_key));
    Ok(())
}

/// Checks that the log of now goes on from a checkpoint that was kept.
pub(super) fn consistency(
    client: &Client,
    output: &mut Output,
    wanted: &Consistency,
) -> Result<(), Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Proved {
        hashes: Vec<String>,
        public_key: String,
        checkpoint: String,
    }
    let kept = input::text(&wanted.since)?;
    let claimed = Note::parse(&kept).and_then(|note| ledger::Checkpoint::parse(&note.text));
    let size = claimed.map_err(Error::Evidence)?.size.to_string();
    let query = [("from", size.as_str())];
    let call = Call::new(Method::GET, &["v1", "audit", "consistency-proof"]).asking(&query);
    let proved: Proved = client.call(call)?;
    let key = key_of_log(wanted.public_key.as_deref(), &proved.public_key)?;
    let open = |note| ledger::Checkpoint::open(note, &key).map_err(Error::Evidence);
    let (then, now) = (open(&kept)?, open(&proved.checkpoint)?);
    let hashes = hashes(&proved.hashes).ok_or(Error::Inconsistent)?;
    if !verify_consistency(then.size, now.size, &hashes, &then.root, &now.root) {
        return Err(Error::Inconsistent);
    }
    if let Some(path) = &wanted.output {
        write(path, &proved.checkpoint)?;
    }
    let text = format!(
        "The log of {} records is the beginning of that of {}: nothing was changed or removed.",
        then.size, now.size
    );
    let (from, to) = (then.size, now.size);
    output.done(&text, &serde_json::json!({ "origin": now.origin, "from": from, "to": to }))
}

/// Checks a proof with the public key alone.
pub(super) fn verify_proof(output: &mut Output, wanted: &VerifyProof) -> Result<(), Error> {
    let proof = TlogProof::parse(&input::text(&wanted.file)?).map_err(Error::Evidence)?;
    let shown = Shown::verified(&proof, &public_key(&wanted.public_key)?)?;
    if output.is_json() {
        return Ok(output.json(&shown)?);
    }
    output.line(&shown)?;
    output.line(&shown.record)?;
    shown.note_erased(output);
    Ok(())
}

/// What a proof says that was verified.
#[derive(Serialize)]
struct Shown {
    origin: String,
    /// The place of the record, counted from 1.
    seq: u64,
    /// Records in the log that it was proved to be in.
    size: u64,
    root_hash: String,
    /// The record, with a mark in the place of what was erased of it.
    record: String,
    /// The events that are said to have erased something of it, which this proof cannot
    /// prove.
    erased_by: BTreeSet<String>,
}

impl Shown {
    /// Whether the record is of the event with this id.
    fn is_of(&self, event_id: &str) -> bool {
        #[derive(Deserialize)]
        struct Event<'r> {
            #[serde(rename = "eventID")]
            id: Cow<'r, str>,
        }
        let event = serde_json::from_str::<Event<'_>>(&self.record);
        event.is_ok_and(|event| event.id.eq_ignore_ascii_case(event_id))
    }

    /// Says what of it is not proved.
    fn note_erased(&self, output: &mut Output) {
        for event in &self.erased_by {
            output.note(format_args!(
                "Not proved: that event {event}, which is said to have erased something of this \
                 record, did; prove that event, too."
            ));
        }
    }

    fn verified(proof: &TlogProof, key: &VerifierKey) -> Result<Self, Error> {
        let extra = proof.extra.as_deref().unwrap_or_default();
        let opened = Opened::from_evidence(extra).ok_or(Error::Evidence(ledger::Error::Proof))?;
        let checkpoint = proof.verify(key, &opened.leaf()).map_err(Error::Evidence)?;
        Ok(Self {
            origin: checkpoint.origin,
            seq: proof.index.saturating_add(1),
            size: checkpoint.size,
            root_hash: BASE64_STANDARD.encode(checkpoint.root),
            record: opened.record().map_err(|_odd| Error::Evidence(ledger::Error::Proof))?,
            erased_by: opened.erased_by(),
        })
    }
}

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "record {} of {} in the log {}", self.seq, self.size, self.origin)
    }
}

/// The key that was given, or else the one that the server says.
fn key_of_log(given: Option<&str>, said: &str) -> Result<VerifierKey, Error> {
    match given {
        Some(given) => public_key(given),
        None => VerifierKey::parse(said).map_err(Error::Evidence),
    }
}

/// A public key as text, or the file that holds one.
pub(in crate::cli) fn public_key(given: &str) -> Result<VerifierKey, Error> {
    if let Ok(key) = VerifierKey::parse(given.trim()) {
        return Ok(key);
    }
    let text = input::text(Path::new(given))?;
    VerifierKey::parse(text.trim()).map_err(Error::Evidence)
}

fn hashes(texts: &[String]) -> Option<Vec<Hash>> {
    let hash = |text: &String| BASE64_STANDARD.decode(text).ok()?.try_into().ok();
    texts.iter().map(hash).collect()
}

/// What was kept before is there until what follows it is.
fn write(path: &Path, text: &str) -> Result<(), Error> {
    let mut unfinished = Unfinished::create(path)?;
    unfinished.file.write_all(text.as_bytes()).map_err(|cause| unfinished.error(cause))?;
    unfinished.finish()
}
