//! Checkpoints that somebody else kept, read one by one.

use std::io::{BufRead, Cursor};

use super::Error;
use crate::audit::ledger::Notes;

/// A file of checkpoints, however many they are.
pub struct Kept<'a> {
    /// The name of the file.
    pub name: String,
    pub file: Box<dyn BufRead + 'a>,
}

impl<'a> Kept<'a> {
    /// A file that is read when its checkpoints are compared.
    pub fn new(name: impl Into<String>, file: impl BufRead + 'a) -> Self {
        Self { name: name.into(), file: Box::new(file) }
    }

    /// A text in the place of a file.
    pub fn text(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self::new(name, Cursor::new(text.into()))
    }
}

/// A file that has at least one checkpoint of the log.
pub(super) struct Witness<'a> {
    pub(super) name: String,
    first: Option<String>,
    notes: Notes<Box<dyn BufRead + 'a>>,
}

impl<'a> Witness<'a> {
    /// Looks for the first one.
    pub(super) fn of(kept: Kept<'a>, origin: &str) -> Result<Self, Error> {
        let Kept { name, file } = kept;
        let mut notes = Notes::new(file, origin);
        match notes.next() {
            None => Err(Error::NoCheckpoint(name)),
            Some(Err(cause)) => Err(Error::ReadKept { name, cause }),
            Some(Ok(first)) => Ok(Self { name, first: Some(first), notes }),
        }
    }

    /// The next checkpoint. Nothing of it is to be believed yet.
    pub(super) fn next(&mut self) -> Result<Option<String>, Error> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        let failed = |cause| Error::ReadKept { name: self.name.clone(), cause };
        self.notes.next().transpose().map_err(failed)
    }
}
