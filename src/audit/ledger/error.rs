//! What can go wrong with evidence.

use crate::{hsm, store};

/// One enum for the whole module.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Text that is no signed note (c2sp.org/signed-note).
    #[error("this is not a signed note")]
    Note,
    /// A note that the key did not sign.
    #[error("the note is not signed by {0}")]
    Unsigned(String),
    /// A signature that names the key and is not made by it.
    #[error("the signature of {0} is not valid")]
    Signature(String),
    /// A note whose text is no checkpoint (c2sp.org/tlog-checkpoint).
    #[error("the note is not a checkpoint")]
    Checkpoint,
    /// A checkpoint of another log.
    #[error("the checkpoint is one of the log {found}, not of {expected}")]
    Origin { found: String, expected: String },
    /// Text that is no proof (c2sp.org/tlog-proof).
    #[error("this is not a proof of inclusion")]
    Proof,
    /// Text that is no public key of a note (`NAME+ID+KEY`).
    #[error("this is not the public key of a log")]
    VerifierKey,
    /// An origin that cannot be the name of a key.
    #[error(
        "the origin of a log is a name without spaces and plus signs, such as \
         wardbook.example.com/log"
    )]
    OriginForm,

    /// The tables of the evidence contradict each other or the log.
    #[error(
        "the book is not what was signed: {0}. It was truncated, rolled back or changed, \
         so nothing is served. Find out what is wrong by `wardbook audit verify`"
    )]
    Damaged(String),
    /// A witness has seen more of the log than there is.
    #[error(
        "the witness has seen {seen} records of it, and it has {has}: the records from {} on are \
         gone. If it was restored from a backup, they were made after the backup and are lost: \
         `--audit-accept-loss {seen}` goes on without them, and records that. Otherwise it was \
         truncated or rolled back, so nothing is served",
        has.saturating_add(1)
    )]
    Lost { seen: u64, has: u64 },
    /// A witness has seen other records.
    #[error(
        "the witness has seen other records at the places 1 to {seen}. If it was restored from a \
         backup and went on from there, those after the backup are lost: \
         `--audit-accept-loss {seen}` goes on without them, and records that. Otherwise it was \
         changed, so nothing is served. Find out by `wardbook audit verify`"
    )]
    Parted { seen: u64 },
    /// The setting names another log than the folder holds.
    #[error("this folder holds the log {found}; the setting audit-origin says {configured}")]
    OtherOrigin { found: String, configured: String },
    /// The signing key cannot be made or opened.
    #[error("the key that signs the log cannot be used")]
    Key(#[source] hsm::Error),
    /// The store failed.
    #[error("the book cannot be read")]
    Store(#[from] store::Error),
}
