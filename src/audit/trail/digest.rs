//! The digest file and the text that is signed (CloudTrail User Guide,
//! "CloudTrail digest file structure").

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::Error;
use crate::base::{hex, timestamp};
use crate::store::trail::{Chain, DigestRow, FileRow};

/// How digests are signed, in CloudTrail's words.
pub(super) const ALGORITHM: &str = "SHA256withRSA";
/// How files are hashed.
const HASH: &str = "SHA-256";

/// A file as it is delivered.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) gzip: Vec<u8>,
    /// SHA-256 of what was compressed, hex.
    pub(super) hash: String,
}

/// Compresses and hashes. The same bytes become the same file.
pub(super) fn pack(json: &[u8]) -> Result<Packed, Error> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(json).map_err(Error::Compress)?;
    let gzip = encoder.finish().map_err(Error::Compress)?;
    let hash: [u8; 32] = Sha256::digest(json).into();
    Ok(Packed { gzip, hash: hex::encode(&hash) })
}

/// What one digest says.
#[derive(Debug)]
pub(super) struct Digest {
    pub(super) chain: Chain,
    pub(super) bucket: String,
    pub(super) object: String,
    pub(super) start_ms: i64,
    pub(super) end_ms: i64,
    pub(super) fingerprint: String,
    pub(super) previous: Option<DigestRow>,
    pub(super) files: Vec<FileRow>,
}

/// The members in CloudTrail's order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    aws_account_id: &'a str,
    digest_start_time: String,
    digest_end_time: String,
    #[serde(rename = "digestS3Bucket")]
    digest_s3_bucket: &'a str,
    #[serde(rename = "digestS3Object")]
    digest_s3_object: &'a str,
    digest_public_key_fingerprint: &'a str,
    digest_signature_algorithm: &'static str,
    newest_event_time: Option<String>,
    oldest_event_time: Option<String>,
    #[serde(rename = "previousDigestS3Bucket")]
    previous_digest_s3_bucket: Option<&'a str>,
    #[serde(rename = "previousDigestS3Object")]
    previous_digest_s3_object: Option<&'a str>,
    previous_digest_hash_value: Option<&'a str>,
    previous_digest_hash_algorithm: Option<&'static str>,
    previous_digest_signature: Option<&'a str>,
    log_files: Vec<LogFile<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogFile<'a> {
    #[serde(rename = "s3Bucket")]
    bucket: &'a str,
    #[serde(rename = "s3Object")]
    object: &'a str,
    hash_value: &'a str,
    hash_algorithm: &'static str,
    newest_event_time: String,
    oldest_event_time: String,
}

impl Digest {
    /// The file, before it is compressed.
    pub(super) fn json(&self) -> Result<Vec<u8>, Error> {
        let time = timestamp::event_time;
        let previous = self.previous.as_ref();
        let written = Written {
            aws_account_id: &self.chain.account,
            digest_start_time: time(self.start_ms),
            digest_end_time: time(self.end_ms),
            digest_s3_bucket: &self.bucket,
            digest_s3_object: &self.object,
            digest_public_key_fingerprint: &self.fingerprint,
            digest_signature_algorithm: ALGORITHM,
            newest_event_time: self.files.iter().map(|file| file.newest_ms).max().map(time),
            oldest_event_time: self.files.iter().map(|file| file.oldest_ms).min().map(time),
            previous_digest_s3_bucket: previous.map(|digest| digest.bucket.as_str()),
            previous_digest_s3_object: previous.map(|digest| digest.object.as_str()),
            previous_digest_hash_value: previous.map(|digest| digest.hash.as_str()),
            previous_digest_hash_algorithm: previous.map(|_| HASH),
            previous_digest_signature: previous.map(|digest| digest.signature.as_str()),
            log_files: self.files.iter().map(LogFile::of).collect(),
        };
        Ok(serde_json::to_vec(&written)?)
    }

    /// What is signed, with the hash of the file before it is compressed.
    pub(super) fn text_to_sign(&self, hash: &str) -> String {
        let end = timestamp::event_time(self.end_ms);
        let previous = self.previous.as_ref().map_or("null", |digest| digest.signature.as_str());
        format!("{end}\n{}/{}\n{hash}\n{previous}", self.bucket, self.object)
    }
}

impl<'a> LogFile<'a> {
    fn of(file: &'a FileRow) -> Self {
        Self {
            bucket: &file.bucket,
            object: &file.object,
            hash_value: &file.hash,
            hash_algorithm: HASH,
            newest_event_time: timestamp::event_time(file.newest_ms),
            oldest_event_time: timestamp::event_time(file.oldest_ms),
        }
    }
}
