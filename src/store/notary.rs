//! Who vouches for the log. The store keeps what a notary makes of the leaves,
//! in the transaction of their records, and looks into none of it.

use super::Error;

/// A full node of the tree over the leaves of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeNode {
    /// Above the leaves, a multiple of 8.
    pub height: u8,
    /// The place among those of its height, from 0.
    pub n: u64,
    pub hash: [u8; 32],
}

/// A signed head of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Records that it vouches for: those at the places 1 to `size`.
    pub size: u64,
    /// The signed text.
    pub note: String,
}

/// What a notary makes of further leaves.
#[derive(Clone, Debug)]
pub struct Attested {
    /// The nodes that the leaves have filled.
    pub nodes: Vec<TreeNode>,
    pub head: Head,
}

/// Makes the signed head of the log for every commit. Lives on the writer's
/// thread.
pub trait Notary: Send {
    /// The log with these leaves behind all that were committed. What an earlier
    /// call made is forgotten unless it was [`Self::committed`].
    ///
    /// # Errors
    /// [`Error::Notary`]; nothing is committed then.
    fn attest(&mut self, leaves: &[[u8; 32]]) -> Result<Attested, Error>;

    /// What [`Self::attest`] made last is durable.
    fn committed(&mut self);
}
