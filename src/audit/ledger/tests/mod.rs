//! The tree and its proofs against the published vectors and a slow, obvious
//! tree; notes against those of Go; and a log on a real store.

pub(in crate::audit) mod notes;
mod start;

use proptest::prelude::*;

use super::tree::parent;
use super::*;
use crate::base::hex;
use crate::store::TreeNode;

/// RFC 6962, section 2.1, to the letter.
fn naive_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(half(leaves.len()));
            parent(&naive_root(left), &naive_root(right))
        }
    }
}

/// The largest power of two below `n`.
fn half(n: usize) -> usize {
    let mut k = 1;
    while k * 2 < n {
        k *= 2;
    }
    k
}

/// PATH(m, D[n]) of section 2.1.1.
fn naive_inclusion(m: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() <= 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(half(leaves.len()));
    let (mut path, beside) = match m.checked_sub(left.len()) {
        None => (naive_inclusion(m, left), naive_root(right)),
        Some(m) => (naive_inclusion(m, right), naive_root(left)),
    };
    path.push(beside);
    path
}

/// SUBPROOF(m, D[n], b) of section 2.1.2.
fn naive_consistency(m: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
    if m == leaves.len() {
        return if whole { Vec::new() } else { vec![naive_root(leaves)] };
    }
    let (left, right) = leaves.split_at(half(leaves.len()));
    let (mut path, beside) = match m <= left.len() {
        true => (naive_consistency(m, left, whole), naive_root(right)),
        false => (naive_consistency(m - left.len(), right, false), naive_root(left)),
    };
    path.push(beside);
    path
}

fn leaf(i: u64) -> Hash {
    let mut leaf = [7; 32];
    leaf[..8].copy_from_slice(&i.to_be_bytes());
    leaf
}

fn leaves(count: usize) -> Vec<Hash> {
    (0..count).map(|i| leaf(i as u64)).collect()
}

/// Leaves and stored nodes as the store has them.
struct Grown {
    leaves: Vec<Hash>,
    nodes: Vec<TreeNode>,
    frontier: Frontier,
}

impl Grown {
    fn of(leaves: Vec<Hash>) -> Self {
        let (mut frontier, mut nodes) = (Frontier::default(), Vec::new());
        leaves.iter().for_each(|leaf| frontier.append(*leaf, &mut nodes));
        Self { leaves, nodes, frontier }
    }
}

impl Nodes for Grown {
    type Error = String;

    fn nodes(&mut self, height: u8, first: u64, count: u64) -> Result<Vec<Hash>, String> {
        let one = |n: u64| match height {
            0 => self.leaves.get(usize::try_from(n).unwrap()).copied(),
            _ => {
                let is = |node: &&TreeNode| node.height == height && node.n == n;
                self.nodes.iter().find(is).map(|node| node.hash)
            }
        };
        (first..first + count).map(|n| one(n).ok_or(format!("{height}/{n}"))).collect()
    }
}

const EXAMPLE_LEAVES: [&[u8]; 8] = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57",
    b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
];

const EXAMPLE_ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

const P1: &str = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7";
const P2: &str = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e";
const P3: &str = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4";
const P4: &str = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b";
const P5: &str = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0";
const P6: &str = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a";

/// The tree of the Certificate Transparency project's tests, and of everybody's
/// since (github.com/transparency-dev/merkle).
fn example() -> Grown {
    // Those leaves have no byte for a format.
    Grown::of(EXAMPLE_LEAVES.iter().map(|data| plain_leaf(data)).collect())
}

fn plain_leaf(data: &[u8]) -> Hash {
    use sha2::{Digest, Sha256};
    Sha256::digest([b"\x00", data].concat()).into()
}

fn unhex(text: &str) -> Hash {
    hex::decode(text).unwrap()
}

#[test]
fn published_roots() {
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(hex::encode(&Frontier::default().root()), empty);
    let mut tree = example();
    for (size, want) in (1..).zip(EXAMPLE_ROOTS) {
        let grown = Grown::of(tree.leaves[..size].to_vec());
        assert_eq!(hex::encode(&grown.frontier.root()), want);
        assert_eq!(hex::encode(&root(&mut tree, size as u64).unwrap()), want);
    }
}

#[test]
fn published_proofs_of_inclusion() {
    let mut tree = example();
    let mut check = |index, size: usize, want: &[&str]| {
        let want: Vec<Hash> = want.iter().map(|text| unhex(text)).collect();
        let proof = inclusion_proof(&mut tree, index, size as u64).unwrap().unwrap();
        assert_eq!(proof, want, "{index} in {size}");
        let leaf = tree.leaves[usize::try_from(index).unwrap()];
        let root = unhex(EXAMPLE_ROOTS[size - 1]);
        assert!(verify_inclusion(&leaf, index, size as u64, &proof, &root));
    };
    check(0, 1, &[]);
    check(0, 8, &[P1, P2, P3]);
    check(5, 8, &[P4, P5, EXAMPLE_ROOTS[3]]);
    check(2, 3, &[EXAMPLE_ROOTS[1]]);
    check(1, 5, &[EXAMPLE_ROOTS[0], P2, P4]);
    assert_eq!(inclusion_proof(&mut tree, 8, 8), Ok(None));
}

#[test]
fn published_proofs_of_consistency() {
    let mut tree = example();
    let mut check = |first: usize, second: usize, want: &[&str]| {
        let want: Vec<Hash> = want.iter().map(|text| unhex(text)).collect();
        let proof = consistency_proof(&mut tree, first as u64, second as u64).unwrap().unwrap();
        assert_eq!(proof, want, "{first} to {second}");
        let [old, new] = [first, second].map(|size| unhex(EXAMPLE_ROOTS[size - 1]));
        assert!(verify_consistency(first as u64, second as u64, &proof, &old, &new));
    };
    check(1, 1, &[]);
    check(1, 8, &[P1, P2, P3]);
    check(6, 8, &[P6, P5, EXAMPLE_ROOTS[3]]);
    check(2, 5, &[P2, P4]);
    assert_eq!(consistency_proof(&mut tree, 3, 2), Ok(None));
}

#[test]
fn every_small_tree_is_the_naive_tree() {
    let all = leaves(70);
    let mut tree = Grown::of(all.clone());
    for size in 0..=all.len() {
        let some = &all[..size];
        let root = naive_root(some);
        assert_eq!(
            Frontier::load(&mut tree, size as u64).unwrap(),
            Grown::of(some.to_vec()).frontier
        );
        assert_eq!(super::root(&mut tree, size as u64).unwrap(), root);
        for index in 0..size {
            let proof = inclusion_proof(&mut tree, index as u64, size as u64).unwrap().unwrap();
            assert_eq!(proof, naive_inclusion(index, some));
            assert!(verify_inclusion(&some[index], index as u64, size as u64, &proof, &root));
        }
        for first in 0..=size {
            let proof = consistency_proof(&mut tree, first as u64, size as u64).unwrap().unwrap();
            if first > 0 {
                assert_eq!(proof, naive_consistency(first, some, true));
            }
            let old = naive_root(&some[..first]);
            assert!(verify_consistency(first as u64, size as u64, &proof, &old, &root));
        }
    }
}

#[test]
fn a_large_tree_reads_its_stored_nodes() {
    let mut tree = Grown::of(leaves(66_000));
    let heights = |height| tree.nodes.iter().filter(|node| node.height == height).count();
    assert_eq!((heights(8), heights(16), tree.nodes.len()), (257, 1, 258));
    let root = naive_root(&tree.leaves);
    assert_eq!(tree.frontier.root(), root);
    assert_eq!(Frontier::load(&mut tree, 66_000).unwrap(), tree.frontier);
    for index in [0, 255, 256, 40_000, 65_535, 65_536, 65_999] {
        let proof = inclusion_proof(&mut tree, index, 66_000).unwrap().unwrap();
        let index_usize = usize::try_from(index).unwrap();
        assert_eq!(proof, naive_inclusion(index_usize, &tree.leaves));
        // Nothing but the stored nodes and the leaves beside them is read.
        tree.leaves[index_usize] = [0; 32];
        let again = inclusion_proof(&mut tree, index, 66_000).unwrap().unwrap();
        assert_eq!(again, proof);
        tree.leaves[index_usize] = leaf(index);
    }
}

/// Whether all leaves with these indexes, from the right to the left, are proved
/// one after the other; how many hashes that takes.
fn prove_all(size: u64, indexes: &[u64], restart: u64) -> usize {
    let mut grown = Grown::of(leaves(size as usize));
    let (mut prover, root) = (Prover::new(size), root(&mut grown, size).unwrap());
    let mut verifier = Verifier::new(size, root);
    let mut hashes = 0;
    for (i, index) in indexes.iter().enumerate() {
        if (i as u64).is_multiple_of(restart) {
            prover.restart();
        }
        let proof = prover.prove(&mut grown, *index).unwrap().unwrap();
        hashes += proof.len();
        let mut other = leaf(*index);
        flip(&mut other, 3);
        let wrong = verifier.verify(*index, &other, &proof);
        assert_eq!(wrong, Err(Unproved::Wrong), "{index} of {size}");
        for bit in 0..proof.len() {
            let mut proof = proof.clone();
            flip(&mut proof[bit], 8 * bit);
            assert_eq!(verifier.verify(*index, &leaf(*index), &proof), Err(Unproved::Wrong));
        }
        assert_eq!(verifier.verify(*index, &leaf(*index), &proof), Ok(()), "{index} of {size}");
        assert_eq!(verifier.verify(*index, &leaf(*index), &proof), Err(Unproved::Order));
        assert_eq!(prover.prove(&mut grown, *index).unwrap(), None);
    }
    assert_eq!(verifier.verify(size, &leaf(size), &[]), Err(Unproved::Outside));
    assert_eq!(prover.prove(&mut grown, size).unwrap(), None);
    hashes
}

#[test]
fn a_sequence_of_proofs_costs_one_hash_a_leaf() {
    for size in 1..70 {
        let all: Vec<u64> = (0..size).rev().collect();
        // Every subtree at the left of a leaf is told once.
        assert_eq!(prove_all(size, &all, u64::MAX) as u64, size - 1, "{size}");
        prove_all(size, &all, 3);
    }
    let all: Vec<u64> = (0..1_000).rev().collect();
    assert_eq!(prove_all(1_000, &all, u64::MAX), 999);
    let some: Vec<u64> = all.iter().copied().filter(|i| i % 37 == 0).collect();
    assert!(prove_all(1_000, &some, 4) < some.len() * 10);
}

#[test]
fn what_lacks_a_proof_goes_on_at_the_next_that_leads_to_the_root() {
    let mut grown = Grown::of(leaves(300));
    let mut prover = Prover::new(300);
    let mut proof = |index: u64, restart: bool| {
        if restart {
            prover.restart();
        }
        (index, prover.prove(&mut grown, index).unwrap().unwrap())
    };
    let proofs: Vec<(u64, Vec<Hash>)> =
        (200..300).rev().map(|index| proof(index, index == 250)).collect();
    let root = root(&mut Grown::of(leaves(300)), 300).unwrap();
    let mut verifier = Verifier::new(300, root);
    let mut loose = Vec::new();
    for (index, proof) in proofs.iter().filter(|(index, _)| *index != 279) {
        match verifier.verify(*index, &leaf(*index), proof) {
            Ok(()) => {}
            Err(error) => {
                assert_eq!(error, Unproved::Loose);
                loose.push(*index);
            }
        }
    }
    // What the missing one has proved, and nothing else.
    assert_eq!(loose.first(), Some(&278));
    assert!(loose.iter().all(|index| (256..279).contains(index)), "{loose:?}");
}

fn flip(hash: &mut Hash, bit: usize) {
    hash[bit / 8] ^= 1 << (bit % 8);
}

proptest! {
    #[test]
    fn one_flipped_bit_is_the_end_of_a_proof(
        size in 1_u64..700, a in any::<prop::sample::Index>(), b in any::<prop::sample::Index>(),
        bit in 0_usize..256,
    ) {
        let mut tree = Grown::of(leaves(usize::try_from(size).unwrap()));
        let root = tree.frontier.root();
        let index = a.index(usize::try_from(size).unwrap()) as u64;
        let proof = inclusion_proof(&mut tree, index, size).unwrap().unwrap();
        let fits = |leaf: &Hash, index, size, proof: &[Hash], root: &Hash| {
            verify_inclusion(leaf, index, size, proof, root)
        };
        prop_assert!(fits(&leaf(index), index, size, &proof, &root));
        let (mut other_leaf, mut other_root) = (leaf(index), root);
        flip(&mut other_leaf, bit);
        flip(&mut other_root, bit);
        prop_assert!(!fits(&other_leaf, index, size, &proof, &root));
        prop_assert!(!fits(&leaf(index), index, size, &proof, &other_root));
        prop_assert!(!fits(&leaf(index), index ^ 1, size, &proof, &root));
        prop_assert!(!fits(&leaf(index), index, size, &[&proof[..], &[root]].concat(), &root));
        if !proof.is_empty() {
            let mut other = proof.clone();
            flip(&mut other[b.index(proof.len())], bit);
            prop_assert!(!fits(&leaf(index), index, size, &other, &root));
            prop_assert!(!fits(&leaf(index), index, size, &proof[1..], &root));
            prop_assert!(!fits(&leaf(index), index, size, &proof[..proof.len() - 1], &root));
        }
    }

    #[test]
    fn one_flipped_bit_is_the_end_of_consistency(
        second in 2_u64..700, a in any::<prop::sample::Index>(), b in any::<prop::sample::Index>(),
        bit in 0_usize..256,
    ) {
        let first = 1 + a.index(usize::try_from(second - 1).unwrap()) as u64;
        let mut tree = Grown::of(leaves(usize::try_from(second).unwrap()));
        let (old, new) = (root(&mut tree, first).unwrap(), tree.frontier.root());
        let proof = consistency_proof(&mut tree, first, second).unwrap().unwrap();
        let fits = |proof: &[Hash], old: &Hash, new: &Hash| {
            verify_consistency(first, second, proof, old, new)
        };
        prop_assert!(fits(&proof, &old, &new));
        let (mut other_old, mut other_new) = (old, new);
        flip(&mut other_old, bit);
        flip(&mut other_new, bit);
        prop_assert!(!fits(&proof, &other_old, &new));
        prop_assert!(!fits(&proof, &old, &other_new));
        let mut other = proof.clone();
        flip(&mut other[b.index(proof.len())], bit);
        prop_assert!(!fits(&other, &old, &new));
        prop_assert!(!fits(&proof[1..], &old, &new));
        prop_assert!(!fits(&[&proof[..], &[new]].concat(), &old, &new));
        prop_assert!(!verify_consistency(second, first, &proof, &new, &old));
    }

    #[test]
    fn no_text_panics(text in "(?s).{0,300}", bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for text in [text, String::from_utf8_lossy(&bytes).into_owned()] {
            drop((Note::parse(&text), Checkpoint::parse(&text), TlogProof::parse(&text)));
            drop(VerifierKey::parse(&text));
        }
    }

    #[test]
    fn no_proof_panics(
        index in any::<u64>(), size in any::<u64>(),
        proof in prop::collection::vec(any::<Hash>(), 0..70), a in any::<Hash>(), b in any::<Hash>(),
    ) {
        prop_assert!(!verify_inclusion(&a, index, size, &proof, &b));
        prop_assert!(a == b || !verify_consistency(index, size, &proof, &a, &b));
    }
}
