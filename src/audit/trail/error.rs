//! What can go wrong with a delivery.

use std::io;
use std::path::PathBuf;

use crate::base::timestamp;
use crate::{audit, hsm, store};

/// Why something could not be delivered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A record cannot be read, or is not what was written. Nothing behind it is
    /// delivered: a log without it would be a gap that nobody sees.
    #[error("a record cannot be delivered")]
    Record(#[from] audit::Error),
    #[error("the book cannot be read or written")]
    Store(#[from] store::Error),
    #[error("the digest cannot be signed")]
    Hsm(#[from] hsm::Error),
    /// There is no key that signs digests yet.
    #[error("there is no key that signs digests")]
    NoKey,
    #[error("a file cannot be written as JSON")]
    Encode(#[from] serde_json::Error),
    #[error("a file cannot be compressed")]
    Compress(#[source] io::Error),
    #[error("{path} cannot be written")]
    Write {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    /// The bucket refused the object.
    #[error("the object {object} cannot be put into the bucket")]
    Put {
        object: String,
        /// Such as `AccessDenied`, if S3 itself answered.
        code: Option<String>,
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The clock was ahead when the newest digest was made. The next one comes when
    /// the time is behind that.
    #[error(
        "no digest is made until {}, when the newest one ends: the clock was ahead", 
        timestamp::iso_8601(*.digest_ms)
    )]
    Ahead { digest_ms: i64 },
    #[error("the delivery crashed")]
    Crash(#[source] tokio::task::JoinError),
}

impl Error {
    /// What `GetTrailStatus` shows of it: what S3 answered, as CloudTrail does, or what
    /// failed. Names and causes are for the log alone, since every account may ask.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Put { code: Some(code), .. } => code.clone(),
            Self::Put { .. } => "an object cannot be put into the bucket".to_owned(),
            Self::Write { cause, .. } => format!("a file cannot be written: {}", cause.kind()),
            other => other.to_string(),
        }
    }
}
