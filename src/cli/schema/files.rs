//! Schemas in files. The name of a schema is that of its file, without the ending.

use std::path::{Path, PathBuf};

use crate::cli::error::Error;
use crate::cli::input;
use crate::items::schema::Schema;

/// What schemas are written in.
const ENDINGS: [&str; 2] = ["toml", "json"];

/// A schema as it is written down.
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) name: String,
    pub(super) text: String,
}

impl File {
    /// Reads a file; `-` is standard input, which must be given a name.
    pub(super) fn read(path: &Path, name: Option<&str>) -> Result<Self, Error> {
        let of_path = path.file_stem().and_then(|stem| stem.to_str());
        let own = of_path.filter(|_| path.as_os_str() != "-");
        let name = name.or(own).ok_or_else(|| Error::SchemaName(path.to_owned()))?;
        Ok(Self { path: path.to_owned(), name: name.to_owned(), text: input::text(path)? })
    }

    /// The schema, if it keeps the rules.
    pub(super) fn schema(&self) -> Result<Schema, Error> {
        let refused = |cause| Error::Schema { path: self.path.clone(), cause };
        Schema::read(&self.text).map_err(refused)
    }
}

/// Reads files, and all schemas in folders. No two may be of one name.
pub(super) fn read_all(paths: &[PathBuf], name: Option<&str>) -> Result<Vec<File>, Error> {
    let mut files: Vec<File> = Vec::new();
    for path in paths {
        let found = match path.is_dir() {
            true => in_folder(path)?,
            false => vec![path.clone()],
        };
        for path in found {
            let file = File::read(&path, name)?;
            if files.iter().any(|other| other.name == file.name) {
                return Err(Error::SchemaTwice { name: file.name, path: file.path });
            }
            files.push(file);
        }
    }
    Ok(files)
}

/// The schemas in a folder, by name; not those in folders within.
fn in_folder(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let unreadable = |cause| Error::Read { path: folder.to_owned(), cause };
    let mut found = Vec::new();
    for entry in folder.read_dir().map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let ending = path.extension().and_then(|ending| ending.to_str());
        if ending.is_some_and(|ending| ENDINGS.contains(&ending)) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
