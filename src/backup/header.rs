//! The header: what a backup is of, and what opens it. It is not encrypted; its
//! bytes are bound to the backup's key, so that none of it can be changed.

use serde::{Deserialize, Serialize};

use super::{CHUNK, Error, MAGIC, VERSION};
use crate::base::limits::ROOT_KEY_PROTECTORS;

/// Text of a header, bytes at most.
const TEXT_BYTES_MAX: u32 = 256 * 1024;

/// What the header says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Header {
    /// Names the backup in the book of the server, and in that of a restored one.
    pub backup_id: String,
    /// Epoch milliseconds.
    pub created_ms: i64,
    /// The version of the program that wrote it.
    pub program: String,
    /// The account and the Region of the data folder.
    pub account: String,
    pub region: String,
    /// The id of the log, which remote keys that protect the root key are told.
    pub log_id: String,
    /// The signed head of the log: a C2SP checkpoint.
    pub checkpoint: String,
    /// The public key that it is signed by.
    pub public_key: String,
    /// The length of the database.
    pub database_bytes: u64,
    /// The length of the guardrails behind it.
    pub guardrails_bytes: u64,
    /// What opens the root key: the rows that the database has.
    pub protectors: Vec<Protector>,
}

/// A protector of the root key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Protector {
    pub name: String,
    /// The root key, sealed.
    pub sealed: String,
}

impl Header {
    /// Everything before the sealed key.
    pub(super) fn encode(&self) -> Result<Vec<u8>, Error> {
        let text = serde_json::to_vec(self).map_err(Error::HeaderForm)?;
        let length = u32::try_from(text.len()).ok().filter(|length| *length <= TEXT_BYTES_MAX);
        let length = length.ok_or(Error::Header("it is too long"))?;
        Ok([MAGIC, &VERSION.to_be_bytes()[..], &length.to_be_bytes(), &text].concat())
    }

    /// How long the text is, from the 24 bytes before it.
    pub(super) fn text_length(fixed: &[u8; 24]) -> Result<usize, Error> {
        let Some((magic, rest)) = fixed.split_first_chunk::<16>() else {
            return Err(Error::NotABackup);
        };
        let (Some(version), Some(length)) =
            (rest.first_chunk::<4>().copied(), rest.last_chunk::<4>().copied())
        else {
            return Err(Error::NotABackup);
        };
        if magic != MAGIC {
            return Err(Error::NotABackup);
        }
        match u32::from_be_bytes(version) {
            VERSION => {}
            other => return Err(Error::Version(other)),
        }
        let length = u32::from_be_bytes(length);
        usize::try_from(length)
            .ok()
            .filter(|_fits| length <= TEXT_BYTES_MAX)
            .ok_or(Error::Header("it is too long"))
    }

    pub(super) fn decode(text: &[u8]) -> Result<Self, Error> {
        let header: Self = serde_json::from_slice(text).map_err(Error::HeaderForm)?;
        header.content_bytes()?;
        // Nothing proves the header before a protector is opened, and each may cost
        // as much as a passphrase does.
        if header.protectors.len() > ROOT_KEY_PROTECTORS {
            return Err(Error::Header("it has too many protectors"));
        }
        Ok(header)
    }

    /// Bytes in all chunks together.
    pub(super) fn content_bytes(&self) -> Result<u64, Error> {
        self.database_bytes
            .checked_add(self.guardrails_bytes)
            .filter(|sum| *sum > 0 && i64::try_from(*sum).is_ok())
            .ok_or(Error::Header("no database is so long"))
    }

    /// How many chunks there are.
    pub(super) fn chunks(&self) -> Result<u64, Error> {
        Ok(self.content_bytes()?.div_ceil(CHUNK))
    }
}
