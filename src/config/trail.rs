//! The settings under `[trail]`. As flags and in the environment their names begin
//! with `trail-`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::Error;
use super::environment::Environment;
use super::flags::TrailFlags;
use super::layer::parsed;
use crate::audit::trail::{Destination, Setting};

/// The bucket that digests of a folder name, if nobody names one.
const DEFAULT_BUCKET: &str = "wardbook-trail";
/// AWS delivers about every five minutes.
const DEFAULT_INTERVAL_S: u32 = 300;
/// AWS makes a digest every hour.
const DEFAULT_DIGEST_INTERVAL_S: u32 = 3_600;
/// A week.
const LONGEST_INTERVAL_S: u32 = 604_800;

/// The trail of one source.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct TrailLayer {
    folder: Option<PathBuf>,
    s3_bucket: Option<String>,
    s3_prefix: Option<String>,
    s3_endpoint: Option<String>,
    interval_s: Option<u32>,
    digest_interval_s: Option<u32>,
}

impl TrailLayer {
    /// The trail of the environment.
    pub(super) fn of_environment(from: &Environment) -> Result<Self, Error> {
        let seconds = |name| parsed(from, name, "a number of seconds");
        Ok(Self {
            folder: from.text("WARDBOOK_TRAIL_FOLDER")?.map(PathBuf::from),
            s3_bucket: from.text("WARDBOOK_TRAIL_S3_BUCKET")?,
            s3_prefix: from.text("WARDBOOK_TRAIL_S3_PREFIX")?,
            s3_endpoint: from.text("WARDBOOK_TRAIL_S3_ENDPOINT")?,
            interval_s: seconds("WARDBOOK_TRAIL_INTERVAL_S")?,
            digest_interval_s: seconds("WARDBOOK_TRAIL_DIGEST_INTERVAL_S")?,
        })
    }

    /// These settings, and those of `below` where there is none.
    pub(super) fn over(self, below: Self) -> Self {
        Self {
            folder: self.folder.or(below.folder),
            s3_bucket: self.s3_bucket.or(below.s3_bucket),
            s3_prefix: self.s3_prefix.or(below.s3_prefix),
            s3_endpoint: self.s3_endpoint.or(below.s3_endpoint),
            interval_s: self.interval_s.or(below.interval_s),
            digest_interval_s: self.digest_interval_s.or(below.digest_interval_s),
        }
    }

    /// The same settings with the folder seen from `folder`.
    pub(super) fn seen_from(self, folder: &Path) -> Self {
        Self { folder: self.folder.map(|path| folder.join(path)), ..self }
    }

    /// A setting of a trail that leads nowhere. Whoever has set it believes in a trail.
    fn without_destination(&self) -> Option<&'static str> {
        let named = [
            ("trail-s3-prefix", self.s3_prefix.is_some()),
            ("trail-s3-endpoint", self.s3_endpoint.is_some()),
            ("trail-interval-s", self.interval_s.is_some()),
            ("trail-digest-interval-s", self.digest_interval_s.is_some()),
        ];
        let has_none = self.folder.is_none() && self.s3_bucket.is_none();
        named.into_iter().find(|(_, is_set)| has_none && *is_set).map(|(name, _)| name)
    }

    /// The trail, checked; `None` if neither a folder nor a bucket is set.
    pub(super) fn setting(self) -> Result<Option<Setting>, Error> {
        if let Some(set) = self.without_destination() {
            return Err(Error::Half { set, missing: "trail-folder or trail-s3-bucket" });
        }
        let Self { folder, s3_bucket, s3_prefix, s3_endpoint, interval_s, digest_interval_s } =
            self;
        let interval = seconds("trail-interval-s", interval_s, DEFAULT_INTERVAL_S)?;
        let digest_interval =
            seconds("trail-digest-interval-s", digest_interval_s, DEFAULT_DIGEST_INTERVAL_S)?;
        if let Some(bucket) = s3_bucket.as_deref().filter(|name| !is_bucket(name)) {
            return Err(Error::Value {
                name: "trail-s3-bucket",
                value: bucket.to_owned(),
                expected: "the name of a bucket",
            });
        }
        if let Some(prefix) = s3_prefix.as_deref().filter(|prefix| !is_prefix(prefix)) {
            return Err(Error::Value {
                name: "trail-s3-prefix",
                value: prefix.to_owned(),
                expected: "up to 200 letters, digits and any of !-_.*'()/ without a slash at \
                           either end",
            });
        }
        let (destination, bucket) = match (folder, s3_bucket) {
            (None, None) => return Ok(None),
            (Some(folder), bucket) => {
                let bucket = bucket.unwrap_or_else(|| DEFAULT_BUCKET.to_owned());
                (Destination::Folder(folder), bucket)
            }
            (None, Some(bucket)) => (s3(&bucket, s3_endpoint)?, bucket),
        };
        let digest_interval_ms = i64::from(digest_interval).saturating_mul(1_000);
        let interval = Duration::from_secs(interval.into());
        Ok(Some(Setting { destination, bucket, prefix: s3_prefix, interval, digest_interval_ms }))
    }
}

impl From<TrailFlags> for TrailLayer {
    fn from(flags: TrailFlags) -> Self {
        Self {
            folder: flags.trail_folder,
            s3_bucket: flags.trail_s3_bucket,
            s3_prefix: flags.trail_s3_prefix,
            s3_endpoint: flags.trail_s3_endpoint,
            interval_s: flags.trail_interval_s,
            digest_interval_s: flags.trail_digest_interval_s,
        }
    }
}

#[cfg(feature = "s3")]
fn s3(bucket: &str, endpoint: Option<String>) -> Result<Destination, Error> {
    use crate::audit::trail::S3;
    Ok(Destination::S3(S3::new(bucket.to_owned(), endpoint)))
}

#[cfg(not(feature = "s3"))]
fn s3(_bucket: &str, _endpoint: Option<String>) -> Result<Destination, Error> {
    Err(Error::NoS3)
}

fn seconds(name: &'static str, set: Option<u32>, usual: u32) -> Result<u32, Error> {
    let seconds = set.unwrap_or(usual);
    if (1..=LONGEST_INTERVAL_S).contains(&seconds) {
        return Ok(seconds);
    }
    Err(Error::Value {
        name,
        value: seconds.to_string(),
        expected: "a number of seconds from 1 to 604800",
    })
}

/// Amazon S3 User Guide, "General purpose bucket naming rules", as far as they are
/// about characters.
fn is_bucket(name: &str) -> bool {
    let is_sign = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-');
    (3..=63).contains(&name.len()) && name.bytes().all(is_sign) && !name.contains("..")
}

/// The safe characters of object keys; a folder must not be left by way of it.
fn is_prefix(prefix: &str) -> bool {
    let is_sign = |b: u8| b.is_ascii_alphanumeric() || b"!-_.*'()/".contains(&b);
    let is_part = |part: &str| !part.is_empty() && part != "." && part != "..";
    prefix.len() <= 200 && prefix.bytes().all(is_sign) && prefix.split('/').all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trail_needs_a_place() {
        assert!(TrailLayer::default().setting().unwrap().is_none());
        let folder = || TrailLayer { folder: Some("trail".into()), ..TrailLayer::default() };
        let setting = folder().setting().unwrap().unwrap();
        assert_eq!(setting.bucket, DEFAULT_BUCKET);
        assert_eq!((setting.interval.as_secs(), setting.digest_interval_ms), (300, 3_600_000));
        let bucket = TrailLayer { s3_bucket: Some("b-1".into()), ..TrailLayer::default() };
        assert_eq!(bucket.setting().is_ok(), cfg!(feature = "s3"));
        for bad in ["", "/a", "a/", "a//b", "../a", "a/./b", "a b"] {
            let layer = TrailLayer { s3_prefix: Some(bad.into()), ..folder() };
            assert!(layer.setting().is_err(), "{bad}");
        }
        for bad in ["", "a", "A-bucket", "a..b", "a/b"] {
            let layer = TrailLayer { s3_bucket: Some(bad.into()), ..folder() };
            assert!(layer.setting().is_err(), "{bad}");
        }
        assert!(TrailLayer { interval_s: Some(0), ..folder() }.setting().is_err());
    }
}
