//! Why a backup is none, or not whole.

use std::io;

use super::VERSION;
use crate::hsm;

/// One enum for the whole module.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file is something else.
    #[error("the file is not a backup of wardbook")]
    NotABackup,
    /// The file is of a later version.
    #[error("the file is a backup of format {0}, this program knows {VERSION}: use a newer one")]
    Version(u32),
    /// The header cannot be read.
    #[error("the header is damaged: {0}")]
    Header(&'static str),
    /// The header is no JSON of its kind.
    #[error("the header is damaged")]
    HeaderForm(#[source] serde_json::Error),
    /// The backup's key does not open.
    #[error("the header or the sealed key behind it was changed, or is not under this root key")]
    Key(#[source] hsm::Error),
    /// A chunk does not open.
    #[error(
        "chunk {number} of {of}, {length} bytes from byte {offset}, was changed or is not in its place"
    )]
    Chunk { number: u64, of: u64, offset: u64, length: u64 },
    /// The file ends too soon.
    #[error("the file was cut: it ends in {place}")]
    Cut { place: String },
    /// The file goes on.
    #[error("the file goes on behind its last chunk, chunk {of}")]
    Longer { of: u64 },
    /// What comes behind the database is not what is written there.
    #[error("the guardrails of the backup cannot be read")]
    Guardrails(#[source] serde_json::Error),
    /// What is backed up is not as long as the header says.
    #[error("the database has not the length that it had")]
    Length,
    /// Nothing can be sealed.
    #[error("the backup cannot be sealed")]
    Seal(#[source] hsm::Error),
    /// The file, or what is backed up, cannot be read.
    #[error("it cannot be read")]
    Read(#[source] io::Error),
    /// What is restored cannot be written.
    #[error("the database cannot be written")]
    Write(#[source] io::Error),
}
