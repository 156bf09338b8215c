//! The first and every later start of a log: its key, its tree, and whether
//! what is stored is what was signed.

use super::Error;
use super::checkpoint::Checkpoint;
use super::notary::Notary;
use super::note::VerifierKey;
use super::tree::{self, Frontier, Hash, Nodes};
use crate::hsm::{Hsm, Purpose};
use crate::store::sealed::{self, AuditKeyRow};
use crate::store::{self, Change, Store, TreeNode, Tx, meta, tree as rows};

/// Leaves that are read at a time when a tree is built anew.
const CHUNK_LEAVES: u64 = 4_096;
/// The version of the first signing key.
const FIRST_KEY: i64 = 1;

/// A log that can be continued.
pub struct Ledger {
    pub notary: Notary,
    /// What the head of the last commit says; `None` for a log that is founded.
    pub head: Option<Checkpoint>,
}

/// The nodes that the store has, as one transaction sees them.
pub struct StoredNodes<'t>(pub &'t mut dyn Tx);

impl Nodes for StoredNodes<'_> {
    type Error = store::Error;

    fn nodes(&mut self, height: u8, first: u64, count: u64) -> Result<Vec<Hash>, store::Error> {
        rows::nodes(self.0, height, first, count)
    }
}

/// The first key of a log, and the tree over the records that are there
/// already: rows that must be committed with the first record that it signs.
pub struct Founding {
    key: AuditKeyRow,
    nodes: Vec<TreeNode>,
}

impl Change for Founding {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), store::Error> {
        sealed::insert_audit_key(tx, &self.key)?;
        self.nodes.iter().try_for_each(|node| rows::insert_node(tx, node))
    }

    fn publish(&self) {}
}

/// The origin of a log that nobody named.
///
/// # Errors
/// [`Error::Store`].
pub fn default_origin(tx: &mut dyn Tx) -> Result<String, Error> {
    Ok(format!("wardbook/{}", log_id(tx)?))
}

fn log_id(tx: &mut dyn Tx) -> Result<String, Error> {
    meta::find(tx, "log_id")?.ok_or_else(|| damaged("the log has no id"))
}

/// Makes the key of a log that has none, and a tree of the records it has. Reads
/// all of them.
///
/// # Errors
/// [`Error::OriginForm`], [`Error::Key`], [`Error::Store`].
pub fn found(
    hsm: &Hsm,
    store: &Store,
    origin: Option<&str>,
    created_ms: i64,
) -> Result<(Ledger, Founding), Error> {
    let (log_id, size) = store.read(|tx| Ok((log_id(tx), rows::log_size(tx)?)))?;
    let log_id = log_id?;
    let mut frontier = Frontier::default();
    let mut nodes = Vec::new();
    while frontier.size() < size {
        let (first, left) = (frontier.size(), size.saturating_sub(frontier.size()));
        let leaves = store.read(|tx| rows::nodes(tx, 0, first, left.min(CHUNK_LEAVES)))?;
        leaves.into_iter().for_each(|leaf| frontier.append(leaf, &mut nodes));
    }
    let (sealed, signer) =
        hsm.generate_audit_key(&sealed_for(&log_id, FIRST_KEY)).map_err(Error::Key)?;
    let public_key = signer.public_key();
    let key = AuditKeyRow { version: FIRST_KEY, sealed, public_key, created_ms };
    let origin = origin.map_or_else(|| format!("wardbook/{log_id}"), str::to_owned);
    let notary = Notary::new(frontier, signer, &origin)?;
    Ok((Ledger { notary, head: None }, Founding { key, nodes }))
}

/// Goes on with a log, if what is stored at its right edge is what was signed
/// last; `None` if it was never signed. Reads at most 255 hashes for every
/// factor of 256 in its size; `audit verify` reads all.
///
/// # Errors
/// [`Error::Damaged`], [`Error::OtherOrigin`], [`Error::Key`], [`Error::Store`].
pub fn resume(hsm: &Hsm, store: &Store, origin: Option<&str>) -> Result<Option<Ledger>, Error> {
    store.read(|tx| Ok(resume_in(hsm, tx, origin)))?
}

fn resume_in(hsm: &Hsm, tx: &mut dyn Tx, origin: Option<&str>) -> Result<Option<Ledger>, Error> {
    let (keys, head) = (sealed::list_audit_keys(tx)?, rows::head(tx)?);
    let (row, head) = match (keys.last(), head) {
        (Some(row), Some(head)) => (row, head),
        (None, None) if !rows::has_nodes(tx)? => return Ok(None),
        (None, _) => return Err(damaged("the key that signs it is gone")),
        (_, None) => return Err(damaged("its head is gone")),
    };
    let log_id = log_id(tx)?;
    let signer =
        hsm.open_audit_key(&sealed_for(&log_id, row.version), &row.sealed).map_err(Error::Key)?;
    let found = head.note.lines().next().unwrap_or_default();
    if let Some(configured) = origin.filter(|configured| *configured != found) {
        let (found, configured) = (found.to_owned(), configured.to_owned());
        return Err(Error::OtherOrigin { found, configured });
    }
    let key = VerifierKey::new(found, signer.public_key())
        .map_err(|_odd| damaged("the head is not a checkpoint"))?;
    let signed = Checkpoint::open(&head.note, &key)
        .map_err(|error| damaged(format!("its head is forged or damaged ({error})")))?;
    let size = rows::log_size(tx)?;
    if size != signed.size || head.size != signed.size {
        let text = format!("it has {size} records, and its head was signed at {}", signed.size);
        return Err(damaged(text));
    }
    let frontier = match Frontier::load(&mut StoredNodes(tx), size) {
        Ok(frontier) => frontier,
        Err(store::Error::Corrupt(text)) => return Err(damaged(text)),
        Err(other) => return Err(other.into()),
    };
    if frontier.root() != signed.root {
        return Err(damaged(format!("its first {size} records are not those that were signed")));
    }
    let notary = Notary::new(frontier, signer, found)?;
    Ok(Some(Ledger { notary, head: Some(signed) }))
}

/// Checks a head that a witness keeps: it must be one of this log, and the log
/// must still begin with what it says.
///
/// # Errors
/// [`Error::Lost`] if the log was rolled back, [`Error::Parted`] if it was
/// rewritten, those of [`Checkpoint::open`], and [`Error::Store`].
pub fn check_witnessed(store: &Store, key: &VerifierKey, note: &str) -> Result<Checkpoint, Error> {
    let witnessed = Checkpoint::open(note, key)?;
    let size = witnessed.size;
    let (has, root) = store.read(|tx| {
        let has = rows::log_size(tx)?;
        let root = (has >= size).then(|| tree::root(&mut StoredNodes(tx), size)).transpose()?;
        Ok((has, root))
    })?;
    match root {
        None => Err(Error::Lost { seen: size, has }),
        Some(root) if root != witnessed.root => Err(Error::Parted { seen: size }),
        Some(_) => Ok(witnessed),
    }
}

/// Changes that put the signing keys under the current domain key, those that
/// are not there yet.
///
/// # Errors
/// [`Error::Key`], [`Error::Store`].
pub fn reseal(hsm: &Hsm, store: &Store) -> Result<Vec<Box<dyn Change>>, Error> {
    let (log_id, keys) = store.read(|tx| Ok((log_id(tx), sealed::list_audit_keys(tx)?)))?;
    let log_id = log_id?;
    let mut changes: Vec<Box<dyn Change>> = Vec::new();
    for AuditKeyRow { version, sealed, .. } in keys {
        let aad = sealed_for(&log_id, version);
        let resealed = hsm.reseal(Purpose::AuditKey, &aad, &sealed).map_err(Error::Key)?;
        if let Some(sealed) = resealed {
            changes.push(Box::new(Resealed { version, sealed }));
        }
    }
    Ok(changes)
}

/// A signing key under a newer domain key.
struct Resealed {
    version: i64,
    sealed: Vec<u8>,
}

impl Change for Resealed {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), store::Error> {
        sealed::update_audit_key(tx, self.version, &self.sealed)
    }

    fn publish(&self) {}
}

/// What a signing key is bound to where it is stored.
fn sealed_for(log_id: &str, version: i64) -> Vec<u8> {
    format!("{log_id}/{version}").into_bytes()
}

fn damaged(text: impl Into<String>) -> Error {
    Error::Damaged(text.into())
}
