//! Proofs of many leaves of one tree, in one sequence from the right to the
//! left. A proof leads only as far up as to what the ones before it have proved
//! already: where leaves are neighbours it has one hash on average, and nobody
//! holds more than one way through the tree.

use std::collections::BTreeMap;

use super::proof::{Range, beside, hashes};
use super::tree::{Hash, Nodes, parent};

/// Nodes of one height that are read at a time.
const BLOCK: u64 = 256;

/// What is known of a tree, and lies to the left of the leaf that was last: the
/// subtrees beside its way, the lowest last. None of them overlap.
#[derive(Clone, Debug)]
struct Left<T> {
    known: Vec<(Range, T)>,
}

impl<T> Left<T> {
    fn of_root(size: u64, root: T) -> Self {
        Self { known: vec![((0, size), root)] }
    }

    /// Which of them has the leaf; `None` if none, so that it is at the right.
    fn find(&self, index: u64) -> Option<usize> {
        let has = |((begin, end), _): &(Range, T)| (*begin..*end).contains(&index);
        self.known.iter().rposition(has)
    }

    /// Goes from the one with this number to the leaf, with the subtrees beside
    /// the way, the lowest first.
    fn descend(
        &mut self,
        number: usize,
        index: u64,
        beside: impl DoubleEndedIterator<Item = (Range, T)>,
    ) {
        self.known.truncate(number);
        self.known.extend(beside.rev().filter(|((begin, _), _)| *begin <= index));
    }
}

/// Makes the proofs.
#[derive(Clone, Debug)]
pub struct Prover {
    size: u64,
    left: Left<()>,
    near: BTreeMap<u8, (u64, Vec<Hash>)>,
}

impl Prover {
    /// For the tree over the first `size` leaves.
    #[must_use]
    pub fn new(size: u64) -> Self {
        Self { size, left: Left::of_root(size, ()), near: BTreeMap::new() }
    }

    /// Leaves of the tree.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Lets the next proof lead to the root. Whoever lacks one of the proofs
    /// before can go on from there.
    pub fn restart(&mut self) {
        self.left = Left::of_root(self.size, ());
    }

    /// The proof that leaf `index`, counted from 0, is in the tree: the hashes
    /// beside its way up, the lowest first. `None` if it is not at the left of
    /// the leaf that was last since the last restart, or not in the tree.
    ///
    /// # Errors
    /// Those of the source.
    pub fn prove<N: Nodes>(
        &mut self,
        nodes: &mut N,
        index: u64,
    ) -> Result<Option<Vec<Hash>>, N::Error> {
        let Some(number) = self.left.find(index) else { return Ok(None) };
        let Some((within, ())) = self.left.known.get(number).copied() else { return Ok(None) };
        let ranges = beside(within, index);
        let mut near = Near { nodes, size: self.size, blocks: &mut self.near };
        let proof = hashes(&mut near, ranges.clone())?;
        self.left.descend(number, index, ranges.into_iter().map(|range| (range, ())));
        Ok(Some(proof))
    }
}

/// Keeps the nodes of each height that were read last: the next leaf is
/// probably near.
struct Near<'a, N> {
    nodes: &'a mut N,
    size: u64,
    blocks: &'a mut BTreeMap<u8, (u64, Vec<Hash>)>,
}

impl<N: Nodes> Nodes for Near<'_, N> {
    type Error = N::Error;

    fn nodes(&mut self, height: u8, first: u64, count: u64) -> Result<Vec<Hash>, N::Error> {
        let begin = first.saturating_sub(first.checked_rem(BLOCK).unwrap_or(0));
        let full = self.size.checked_shr(u32::from(height)).unwrap_or(0);
        let end = begin.saturating_add(BLOCK).min(full);
        if first.saturating_add(count) > end {
            return self.nodes.nodes(height, first, count);
        }
        if self.blocks.get(&height).is_none_or(|(of, _)| *of != begin) {
            let block = self.nodes.nodes(height, begin, end.saturating_sub(begin))?;
            self.blocks.insert(height, (begin, block));
        }
        let block = self.blocks.get(&height).map(|(_, block)| block.as_slice());
        let skipped = usize::try_from(first.saturating_sub(begin)).unwrap_or(usize::MAX);
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        Ok(block.unwrap_or_default().iter().skip(skipped).take(count).copied().collect())
    }
}

/// Why a leaf is not proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unproved {
    /// The tree has no such leaf.
    #[error("the tree has no such leaf")]
    Outside,
    /// It is not at the left of the one that was proved last.
    #[error("the leaf is not at the left of the one before")]
    Order,
    /// The proof leads to something that was not proved, since a proof before
    /// it is missing or was not right.
    #[error("what the proof leads to was not proved before")]
    Loose,
    /// The proof leads to something else than what was proved.
    #[error("the leaf is not in the tree")]
    Wrong,
}

/// Checks the proofs that a [`Prover`] made.
#[derive(Clone, Debug)]
pub struct Verifier {
    size: u64,
    root: Hash,
    left: Left<Hash>,
    last: Option<u64>,
}

impl Verifier {
    /// Of the tree with this root.
    #[must_use]
    pub fn new(size: u64, root: Hash) -> Self {
        Self { size, root, left: Left::of_root(size, root), last: None }
    }

    /// Checks the next proof. One that does not hold changes nothing.
    ///
    /// # Errors
    /// [`Unproved`].
    pub fn verify(&mut self, index: u64, leaf: &Hash, proof: &[Hash]) -> Result<(), Unproved> {
        if index >= self.size {
            return Err(Unproved::Outside);
        }
        if self.last.is_some_and(|last| last <= index) {
            return Err(Unproved::Order);
        }
        let number = self.left.find(index).ok_or(Unproved::Order)?;
        let (within, known) = self.left.known.get(number).copied().ok_or(Unproved::Order)?;
        let (near, whole) = (beside(within, index), beside((0, self.size), index));
        if near.len() == proof.len() {
            leads(index, leaf, &near, proof, &known)?;
            self.left.descend(number, index, pairs(near, proof));
        } else if whole.len() == proof.len() {
            leads(index, leaf, &whole, proof, &self.root)?;
            self.left = Left::of_root(self.size, self.root);
            self.left.descend(0, index, pairs(whole, proof));
        } else {
            return Err(Unproved::Loose);
        }
        self.last = Some(index);
        Ok(())
    }
}

fn pairs(ranges: Vec<Range>, hashes: &[Hash]) -> impl DoubleEndedIterator<Item = (Range, Hash)> {
    ranges.into_iter().zip(hashes.to_vec())
}

/// Whether the hashes of these subtrees lead from the leaf to the hash.
fn leads(
    index: u64,
    leaf: &Hash,
    ranges: &[Range],
    proof: &[Hash],
    to: &Hash,
) -> Result<(), Unproved> {
    let mut hash = *leaf;
    for ((begin, _), beside) in ranges.iter().zip(proof) {
        hash = if *begin > index { parent(&hash, beside) } else { parent(beside, &hash) };
    }
    if hash == *to { Ok(()) } else { Err(Unproved::Wrong) }
}
