//! Proofs of inclusion as files (c2sp.org/tlog-proof): whoever has the public
//! key of the log needs nothing else to check one.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::Error;
use super::checkpoint::{Checkpoint, decimal};
use super::note::VerifierKey;
use super::proof::verify_inclusion;
use super::tree::Hash;
use crate::base::limits::PROOF_BYTES;

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";
/// A tree of 2^64 leaves has no longer way up.
const HASHES_MAX: usize = 64;

/// One proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlogProof {
    /// What the leaf is computed from; whoever knows the record knows how.
    pub extra: Option<Vec<u8>>,
    /// The leaf, counted from 0.
    pub index: u64,
    /// The hashes beside the way up, the lowest first.
    pub hashes: Vec<Hash>,
    /// The signed note.
    pub checkpoint: String,
}

impl TlogProof {
    /// Reads a proof; it is not yet checked.
    ///
    /// # Errors
    /// [`Error::Proof`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        Self::parsed(text).ok_or(Error::Proof)
    }

    fn parsed(text: &str) -> Option<Self> {
        if text.len() > PROOF_BYTES {
            return None;
        }
        let (head, checkpoint) = text.split_once("\n\n")?;
        let mut lines = head.split('\n').peekable();
        if lines.next()? != FIRST_LINE {
            return None;
        }
        let extra = lines.next_if(|line| line.starts_with("extra "));
        let extra = extra.and_then(|line| line.strip_prefix("extra "));
        let extra = extra.map(|data| BASE64_STANDARD.decode(data)).transpose().ok()?;
        let index = decimal(lines.next()?.strip_prefix("index ")?)?;
        let hash = |line| BASE64_STANDARD.decode(line).ok()?.try_into().ok();
        let hashes: Vec<Hash> = lines.map(hash).collect::<Option<_>>()?;
        let checkpoint = checkpoint.to_owned();
        (hashes.len() <= HASHES_MAX).then_some(Self { extra, index, hashes, checkpoint })
    }

    /// The checkpoint that the proof leads to, if the key has signed it and the
    /// leaf is in its tree at the index.
    ///
    /// # Errors
    /// Those of [`Checkpoint::open`]; [`Error::Proof`] if the proof does not
    /// lead to the root.
    pub fn verify(&self, key: &VerifierKey, leaf: &Hash) -> Result<Checkpoint, Error> {
        let checkpoint = Checkpoint::open(&self.checkpoint, key)?;
        let Checkpoint { size, root, .. } = &checkpoint;
        match verify_inclusion(leaf, self.index, *size, &self.hashes, root) {
            true => Ok(checkpoint),
            false => Err(Error::Proof),
        }
    }
}

impl fmt::Display for TlogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FIRST_LINE}")?;
        if let Some(data) = &self.extra {
            writeln!(f, "extra {}", BASE64_STANDARD.encode(data))?;
        }
        writeln!(f, "index {}", self.index)?;
        for hash in &self.hashes {
            writeln!(f, "{}", BASE64_STANDARD.encode(hash))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}
