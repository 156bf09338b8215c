//! The log's own notary: grows the tree with every commit, and signs its head.

use std::sync::Arc;

use super::checkpoint::Checkpoint;
use super::note::VerifierKey;
use super::tree::Frontier;
use crate::hsm::AuditKey;
use crate::store::{self, Attested, Head};

/// The tree of the log and the key that signs it.
pub struct Notary {
    committed: Frontier,
    /// As [`store::Notary::attest`] left it.
    attested: Frontier,
    signer: AuditKey,
    key: VerifierKey,
}

impl Notary {
    /// The notary of the log whose tree is now `frontier`.
    ///
    /// # Errors
    /// [`super::Error::OriginForm`].
    pub fn new(frontier: Frontier, signer: AuditKey, origin: &str) -> Result<Self, super::Error> {
        let key = VerifierKey::new(origin, signer.public_key())?;
        Ok(Self { attested: frontier.clone(), committed: frontier, signer, key })
    }

    /// The public key.
    #[must_use]
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }
}

impl store::Notary for Notary {
    fn attest(&mut self, leaves: &[[u8; 32]]) -> Result<Attested, store::Error> {
        self.attested.clone_from(&self.committed);
        let mut nodes = Vec::new();
        for leaf in leaves {
            self.attested.append(*leaf, &mut nodes);
        }
        let (origin, size) = (self.key.name().to_owned(), self.attested.size());
        let text = Checkpoint { origin, size, root: self.attested.root() }.text();
        let signed = self.signer.sign(text.as_bytes());
        let signature = signed.map_err(|cause| store::Error::Notary(Arc::new(cause)))?;
        let note = self.key.note(&text, &signature);
        Ok(Attested { nodes, head: Head { size, note } })
    }

    fn committed(&mut self) {
        self.committed.clone_from(&self.attested);
    }
}
