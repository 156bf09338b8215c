//! The tree: hashes of its nodes, its right edge as it grows, and its root at
//! any size.

use sha2::{Digest, Sha256};

use crate::store::TreeNode;

/// SHA-256.
pub type Hash = [u8; 32];

/// The nodes that are stored stand at heights that are multiples of this, as the
/// tiles of c2sp.org/tlog-tiles do.
const STORED_STEP: u8 = 8;
/// Of a height, what is left above the stored one below it.
const STORED_MASK: u32 = 7;

/// Where hashes of the tree come from.
pub trait Nodes {
    type Error;

    /// `count` nodes of a height that is a multiple of 8, from the `first` on;
    /// at height 0 the leaves. Exactly `count`, or an error.
    ///
    /// # Errors
    /// If one of them is not there.
    fn nodes(&mut self, height: u8, first: u64, count: u64) -> Result<Vec<Hash>, Self::Error>;
}

/// The root of the tree without leaves (RFC 6962: the hash of the empty text).
#[must_use]
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// The hash of a node with two children.
pub(super) fn parent(left: &Hash, right: &Hash) -> Hash {
    let mut hash = Sha256::new_with_prefix([0x01]);
    hash.update(left);
    hash.update(right);
    hash.finalize().into()
}

/// The right edge of a tree that grows: its largest full subtrees, which is all
/// that appending needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// From the left, so the largest first; one for each bit of the size.
    peaks: Vec<Hash>,
}

impl Frontier {
    /// The right edge of the tree over the first `size` leaves.
    ///
    /// # Errors
    /// Those of the source.
    pub fn load<N: Nodes>(nodes: &mut N, size: u64) -> Result<Self, N::Error> {
        let mut frontier = Self::default();
        for height in (0..u64::BITS).rev().filter(|height| size.wrapping_shr(*height) & 1 == 1) {
            let width = 1_u64.wrapping_shl(height);
            let end = frontier.size.saturating_add(width);
            frontier.peaks.push(range(nodes, frontier.size, end)?);
            frontier.size = end;
        }
        Ok(frontier)
    }

    /// How many leaves there are.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf. Adds those of the nodes that it fills which are stored.
    pub fn append(&mut self, leaf: Hash, filled: &mut Vec<TreeNode>) {
        let (mut hash, mut n, mut height) = (leaf, self.size, 0_u8);
        while n & 1 == 1 {
            let Some(left) = self.peaks.pop() else { break };
            hash = parent(&left, &hash);
            n >>= 1;
            height = height.saturating_add(1);
            if height.is_multiple_of(STORED_STEP) {
                filled.push(TreeNode { height, n, hash });
            }
        }
        self.peaks.push(hash);
        self.size = self.size.saturating_add(1);
    }

    /// The root.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else { return empty_root() };
        peaks.fold(*last, |right, left| parent(left, &right))
    }
}

/// The root of the tree over the first `size` leaves.
///
/// # Errors
/// Those of the source.
pub fn root<N: Nodes>(nodes: &mut N, size: u64) -> Result<Hash, N::Error> {
    range(nodes, 0, size)
}

/// Where a tree of `leaves` leaves, at least 2, is divided: the largest power of
/// two below that.
pub(super) fn left_half(leaves: u64) -> u64 {
    let last = leaves.saturating_sub(1).max(1);
    1_u64.wrapping_shl(last.ilog2())
}

/// The hash of the subtree over the leaves from `begin` up to `end`, which must
/// be one that the division of some tree makes.
pub(super) fn range<N: Nodes>(nodes: &mut N, begin: u64, end: u64) -> Result<Hash, N::Error> {
    let leaves = end.saturating_sub(begin);
    if leaves == 0 {
        return Ok(empty_root());
    }
    if leaves.is_power_of_two() {
        let height = leaves.ilog2();
        return full(nodes, height, begin.wrapping_shr(height));
    }
    let middle = begin.saturating_add(left_half(leaves));
    let left = range(nodes, begin, middle)?;
    Ok(parent(&left, &range(nodes, middle, end)?))
}

/// The hash of the node `n` of a height, from the stored nodes below it.
fn full<N: Nodes>(nodes: &mut N, height: u32, n: u64) -> Result<Hash, N::Error> {
    let above = height & STORED_MASK;
    let stored = u8::try_from(height.saturating_sub(above)).unwrap_or(u8::MAX);
    nodes.nodes(stored, n.wrapping_shl(above), 1_u64.wrapping_shl(above)).map(fold)
}

/// The node above so many nodes, a power of two, of one height.
#[must_use]
pub fn fold(mut hashes: Vec<Hash>) -> Hash {
    // Pairs become parents until one is left.
    while hashes.len() > 1 {
        let (pairs, _) = hashes.as_chunks::<2>();
        hashes = pairs.iter().map(|[left, right]| parent(left, right)).collect();
    }
    hashes.first().copied().unwrap_or_else(empty_root)
}
