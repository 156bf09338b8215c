//! Evidence that the log is whole: a Merkle tree over the leaves of the records
//! (RFC 6962, section 2.1), and heads of it, signed as checkpoints in the forms
//! of C2SP (c2sp.org/signed-note, /tlog-checkpoint, /tlog-proof).
//!
//! Pure but for [`resume`] and its kin, and [`Notary`], which stand between the
//! software HSM and the store. Deliberately absent: records (a leaf is 32
//! bytes here), files, and the network.

mod checkpoint;
mod error;
mod notary;
mod note;
mod notes;
mod proof;
mod sequence;
mod start;
#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a wrong number fails the test")]
#[expect(clippy::as_conversions, reason = "the numbers are small")]
#[expect(clippy::string_slice, reason = "the texts are those of the tests")]
pub(super) mod tests;
mod tlog_proof;
mod tree;

pub use checkpoint::Checkpoint;
pub use error::Error;
pub use notary::Notary;
pub use note::{Note, NoteSignature, VerifierKey};
pub use notes::{Notes, notes_in};
pub use proof::{consistency_proof, inclusion_proof, verify_consistency, verify_inclusion};
pub use sequence::{Prover, Unproved, Verifier};
pub use start::{
    Founding, Ledger, StoredNodes, check_witnessed, default_origin, found, reseal, resume,
};
pub use tlog_proof::TlogProof;
pub use tree::{Frontier, Hash, Nodes, empty_root, fold, root};
