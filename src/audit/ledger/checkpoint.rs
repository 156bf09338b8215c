//! Checkpoints (c2sp.org/tlog-checkpoint): origin, size and root of a log, as
//! the text of a note.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::Error;
use super::note::{Note, VerifierKey};
use super::tree::Hash;

/// What a head says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: String,
    /// Leaves.
    pub size: u64,
    pub root: Hash,
}

impl Checkpoint {
    /// The text that is signed.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, BASE64_STANDARD.encode(self.root))
    }

    /// Reads the text of a note. Lines behind the third are passed over.
    ///
    /// # Errors
    /// [`Error::Checkpoint`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        Self::parsed(text).ok_or(Error::Checkpoint)
    }

    fn parsed(text: &str) -> Option<Self> {
        let lines: Vec<&str> = text.strip_suffix('\n')?.split('\n').collect();
        let [origin, size, root, ..] = lines.as_slice() else { return None };
        let size = decimal(size)?;
        let root = BASE64_STANDARD.decode(root).ok()?.try_into().ok()?;
        let whole = lines.iter().all(|line| !line.is_empty());
        whole.then(|| Self { origin: (*origin).to_owned(), size, root })
    }

    /// The checkpoint of a note that the log's key has signed.
    ///
    /// # Errors
    /// [`Error::Note`], [`Error::Unsigned`], [`Error::Signature`],
    /// [`Error::Checkpoint`], [`Error::Origin`].
    pub fn open(note: &str, key: &VerifierKey) -> Result<Self, Error> {
        let note = Note::parse(note)?;
        let checkpoint = Self::parse(note.verify(key)?)?;
        if checkpoint.origin != key.name() {
            let expected = key.name().to_owned();
            return Err(Error::Origin { found: checkpoint.origin, expected });
        }
        Ok(checkpoint)
    }
}

/// A number in its one decimal form.
pub(super) fn decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}
