//! Where files go: a folder, or a bucket of S3.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{Error, blocking};

/// Where files go. A file is there as a whole, and durable, or not at all.
#[derive(Debug)]
pub enum Destination {
    /// A folder that looks like the bucket. What S3 keeps as metadata of an object
    /// stands beside it in `<object>.metadata.json`, as `aws s3api put-object
    /// --metadata file://...` takes it.
    Folder(PathBuf),
    #[cfg(feature = "s3")]
    S3(super::S3),
}

impl Destination {
    /// Writes an object, in place of one of the same name.
    pub(super) async fn put(
        &self,
        object: &str,
        bytes: Vec<u8>,
        metadata: &[(&str, &str)],
    ) -> Result<(), Error> {
        match self {
            Self::Folder(folder) => {
                let path = folder.join(object);
                let beside = match metadata {
                    [] => None,
                    some => {
                        Some(serde_json::to_vec(&some.iter().copied().collect::<BTreeMap<_, _>>())?)
                    }
                };
                blocking(move || {
                    // The signature first: a digest is never there without.
                    if let Some(beside) = beside {
                        write(&extended(&path, ".metadata.json"), &beside)?;
                    }
                    write(&path, &bytes)
                })
                .await?
            }
            #[cfg(feature = "s3")]
            Self::S3(s3) => s3.put(object, bytes, metadata).await,
        }
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let wrap = |cause| Error::Write { path: path.to_owned(), cause };
    let folder = path.parent().unwrap_or(Path::new("."));
    make(folder).map_err(wrap)?;
    let unfinished = extended(path, ".unfinished");
    let written = || {
        let mut file = File::create(&unfinished)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&unfinished, path)?;
        // The name is durable when the folder is.
        File::open(folder)?.sync_all()
    };
    written().map_err(wrap)
}

/// Makes a folder and those above it that are missing, durably.
fn make(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let above = folder.parent().filter(|above| !above.as_os_str().is_empty());
    if let Some(above) = above {
        make(above)?;
    }
    match fs::create_dir(folder) {
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(cause) => Err(cause),
        Ok(()) => File::open(above.unwrap_or(Path::new(".")))?.sync_all(),
    }
}

fn extended(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    name.into()
}
