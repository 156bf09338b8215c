//! Proofs to hand out: that a record is in the log, and that the log of then is
//! the beginning of the log of now.

use super::body::Opener;
use super::ledger::{self, Hash, StoredNodes, TlogProof, consistency_proof, inclusion_proof};
use super::{Error, query};
use crate::base::ids::RequestId;
use crate::store::{self, Store, Tx, tree};

/// The signed head of the log.
///
/// # Errors
/// [`Error::Unsigned`] before the first commit; [`Error::Store`].
pub fn checkpoint(store: &Store) -> Result<String, Error> {
    let head = store.read(|tx| tree::head(tx))?;
    Ok(head.ok_or(Error::Unsigned)?.note)
}

/// That a record is in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inclusion {
    /// The record's leaf, counted from 0.
    pub index: u64,
    /// Leaves of the tree in which it is.
    pub size: u64,
    pub root: Hash,
    /// RFC 6962, section 2.1.1: the lowest first.
    pub hashes: Vec<Hash>,
    pub leaf: Hash,
    /// What the leaf is computed from: [`super::Opened::evidence`].
    pub evidence: Vec<u8>,
    /// The signed head of this size, if it is kept.
    pub checkpoint: Option<String>,
}

impl Inclusion {
    /// The proof as a file, if there is a signed head to lead to.
    #[must_use]
    pub fn to_file(&self) -> Option<TlogProof> {
        let checkpoint = self.checkpoint.clone()?;
        let (index, hashes) = (self.index, self.hashes.clone());
        Some(TlogProof { extra: Some(self.evidence.clone()), index, hashes, checkpoint })
    }
}

/// That a smaller log is the beginning of a larger one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consistency {
    /// Leaves of the smaller tree.
    pub from: u64,
    pub from_root: Hash,
    /// Leaves of the larger tree.
    pub to: u64,
    pub to_root: Hash,
    /// RFC 6962, section 2.1.2.
    pub hashes: Vec<Hash>,
    /// The signed head of the larger size, if it is kept.
    pub checkpoint: Option<String>,
}

/// Proves that the record with this event id, in the book of `account`, is in
/// the tree of `size` leaves, or in that of the head. Blocks.
///
/// # Errors
/// [`Error::UnknownEvent`], [`Error::TreeSize`], [`Error::Unsigned`];
/// [`Error::Corrupt`] for a record that is not what was written;
/// [`Error::Store`].
pub fn prove_inclusion(
    store: &Store,
    account: &str,
    event_id: [u8; 16],
    size: Option<u64>,
) -> Result<Inclusion, Error> {
    let found = query::find_stored_event(store, account, RequestId::from_bytes(event_id))?;
    let record = found.ok_or(Error::UnknownEvent)?;
    let evidence = Opener::default().open(&record)?.evidence();
    let index = u64::try_from(record.position.seq.saturating_sub(1)).unwrap_or(0);
    store.read(|tx| {
        let has = tree::log_size(tx)?;
        let size = size.unwrap_or(has);
        if size > has || size <= index {
            let from = index.saturating_add(1);
            return Ok(Err(Error::TreeSize { size, from, has }));
        }
        let hashes = inclusion_proof(&mut StoredNodes(tx), index, size)?.unwrap_or_default();
        let (root, checkpoint) = signed(tx, size)?;
        let leaf = record.leaf;
        Ok(Ok(Inclusion { index, size, root, hashes, leaf, evidence, checkpoint }))
    })?
}

/// Proves that the log of `from` records is the beginning of that of `to`
/// records, or of the whole. Blocks.
///
/// # Errors
/// [`Error::TreeSize`]; [`Error::Store`].
pub fn prove_consistency(store: &Store, from: u64, to: Option<u64>) -> Result<Consistency, Error> {
    store.read(|tx| {
        let has = tree::log_size(tx)?;
        let to = to.unwrap_or(has);
        if from > to || to > has {
            return Ok(Err(Error::TreeSize {
                size: if to > has { to } else { from },
                from: 0,
                has,
            }));
        }
        let hashes = consistency_proof(&mut StoredNodes(tx), from, to)?.unwrap_or_default();
        let from_root = ledger::root(&mut StoredNodes(tx), from)?;
        let (to_root, checkpoint) = signed(tx, to)?;
        Ok(Ok(Consistency { from, from_root, to, to_root, hashes, checkpoint }))
    })?
}

fn signed(tx: &mut dyn Tx, size: u64) -> Result<(Hash, Option<String>), store::Error> {
    let root = ledger::root(&mut StoredNodes(tx), size)?;
    Ok((root, tree::checkpoint(tx, size)?))
}
