//! Where files go: a folder, or a bucket of S3.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
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
        let mut file = create(&unfinished)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&unfinished, path)?;
        // The name is durable when the folder is.
        File::open(folder)?.sync_all()
    };
    written().map_err(wrap)
}

/// A file that the group of the server may read, if its umask lets them, and nobody else:
/// records hold personal data. What a crash has left under the name is removed.
fn create(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(cause),
        _ => {}
    }
    OpenOptions::new().write(true).create_new(true).mode(0o640).open(path)
}

/// Makes a folder and those above it that are missing, durably, for the same readers.
fn make(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let above = folder.parent().filter(|above| !above.as_os_str().is_empty());
    if let Some(above) = above {
        make(above)?;
    }
    match DirBuilder::new().mode(0o750).create(folder) {
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn records_are_for_the_group_and_nobody_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("AWSLogs/x.json.gz");
        write(&path, b"1").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        let (of_file, of_folder) = (mode(&path), mode(&folder.path().join("AWSLogs")));
        assert_eq!((of_file & !0o640, of_folder & !0o750), (0, 0), "{of_file:o} {of_folder:o}");
        // What somebody has put in the way is not followed.
        let others = folder.path().join("others");
        fs::write(&others, "kept").unwrap();
        std::os::unix::fs::symlink(&others, extended(&path, ".unfinished")).unwrap();
        write(&path, b"2").unwrap();
        assert_eq!(
            (fs::read(&path).unwrap(), fs::read(&others).unwrap()),
            (vec![b'2'], b"kept".to_vec())
        );
    }
}
