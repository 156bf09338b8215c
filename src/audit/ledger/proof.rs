//! Proofs: that a leaf is in a tree (RFC 6962, section 2.1.1), and that a tree
//! is the beginning of another one (section 2.1.2). Verified as RFC 9162 writes
//! it down (sections 2.1.3.2 and 2.1.4.2).

use super::tree::{Hash, Nodes, empty_root, left_half, parent, range};

/// Leaves from the first up to the second.
pub(super) type Range = (u64, u64);

/// The proof that leaf `index`, counted from 0, is in the tree of `size`
/// leaves: the hashes beside its way up, the lowest first. `None` if it is not.
///
/// # Errors
/// Those of the source.
pub fn inclusion_proof<N: Nodes>(
    nodes: &mut N,
    index: u64,
    size: u64,
) -> Result<Option<Vec<Hash>>, N::Error> {
    if index >= size {
        return Ok(None);
    }
    hashes(nodes, beside((0, size), index)).map(Some)
}

/// The proof that the tree of `first` leaves is the beginning of that of
/// `second` leaves; empty for the empty tree. `None` if `first` is the larger.
///
/// # Errors
/// Those of the source.
pub fn consistency_proof<N: Nodes>(
    nodes: &mut N,
    first: u64,
    second: u64,
) -> Result<Option<Vec<Hash>>, N::Error> {
    if first > second {
        return Ok(None);
    }
    hashes(nodes, consistency_ranges(first, second)).map(Some)
}

/// Whether the proof leads from the leaf to the root.
#[must_use]
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last, mut hash) = (index, size.saturating_sub(1), *leaf);
    for beside in proof {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = parent(beside, &hash);
            while node & 1 == 0 && node != 0 {
                (node, last) = (node >> 1, last >> 1);
            }
        } else {
            hash = parent(&hash, beside);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    last == 0 && hash == *root
}

/// Whether the proof leads from the root of the tree of `first` leaves to that
/// of `second` leaves.
#[must_use]
pub fn verify_consistency(
    first: u64,
    second: u64,
    proof: &[Hash],
    first_root: &Hash,
    second_root: &Hash,
) -> bool {
    if first == second {
        let right_if_empty = first != 0 || *first_root == empty_root();
        return proof.is_empty() && first_root == second_root && right_if_empty;
    }
    if first == 0 || first > second {
        return first == 0 && proof.is_empty() && *first_root == empty_root();
    }
    let (mut node, mut last) = (first.saturating_sub(1), second.saturating_sub(1));
    while node & 1 == 1 {
        (node, last) = (node >> 1, last >> 1);
    }
    // A tree that is full stands in the larger one as it is.
    let (start, rest) = match (first.is_power_of_two(), proof.split_first()) {
        (true, _) => (first_root, proof),
        (false, Some((start, rest))) => (start, rest),
        (false, None) => return false,
    };
    let (mut old, mut new) = (*start, *start);
    for beside in rest {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            old = parent(beside, &old);
            new = parent(beside, &new);
            while node & 1 == 0 && node != 0 {
                (node, last) = (node >> 1, last >> 1);
            }
        } else {
            new = parent(&new, beside);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    last == 0 && old == *first_root && new == *second_root
}

pub(super) fn hashes<N: Nodes>(nodes: &mut N, ranges: Vec<Range>) -> Result<Vec<Hash>, N::Error> {
    ranges.into_iter().map(|(begin, end)| range(nodes, begin, end)).collect()
}

fn middle(begin: u64, end: u64) -> u64 {
    begin.saturating_add(left_half(end.saturating_sub(begin)))
}

/// The subtrees beside the way from the subtree `within` to a leaf of it, the
/// lowest first.
pub(super) fn beside(within: Range, index: u64) -> Vec<Range> {
    let (mut begin, mut end) = within;
    let mut ranges = Vec::new();
    while end.saturating_sub(begin) > 1 {
        let middle = middle(begin, end);
        if index < middle {
            ranges.push((middle, end));
            end = middle;
        } else {
            ranges.push((begin, middle));
            begin = middle;
        }
    }
    ranges.reverse();
    ranges
}

/// The subtrees of which a tree and its beginning are both made.
fn consistency_ranges(first: u64, second: u64) -> Vec<Range> {
    if first == 0 {
        return Vec::new();
    }
    let (mut begin, mut end) = (0, second);
    let mut ranges = Vec::new();
    while end != first {
        let middle = middle(begin, end);
        if first <= middle {
            ranges.push((middle, end));
            end = middle;
        } else {
            ranges.push((begin, middle));
            begin = middle;
        }
    }
    if begin != 0 {
        ranges.push((begin, end));
    }
    ranges.reverse();
    ranges
}
