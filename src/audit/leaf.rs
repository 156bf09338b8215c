//! The leaf of a record in the log's Merkle tree (RFC 6962, section 2.1), and
//! the commitments in it. The first byte of all that is hashed says what it is:
//! 0 a leaf and 1 a node, as in the RFC, 2 a commitment, 3 a salt.

use sha2::{Digest, Sha256};

/// Bytes of a salt.
pub(super) const SALT_BYTES: usize = 16;

/// What a commitment to one value is made with.
pub type Salt = [u8; SALT_BYTES];

/// The leaf of a record of format 1: `SHA-256(0x00 || 0x01 || canonical)`.
#[must_use]
pub fn leaf_1(canonical: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update([0x00, 1]);
    hash.update(canonical);
    hash.finalize().into()
}

/// The leaf of a record of format 2: `SHA-256(0x00 || 0x02 || length of the
/// skeleton, four bytes, big-endian || skeleton || commitments)`.
#[must_use]
pub fn leaf_2(skeleton: &[u8], commitments: &[[u8; 32]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    // A record is never longer than `RECORD_BYTES`.
    let length = u32::try_from(skeleton.len()).unwrap_or(u32::MAX);
    hash.update([0x00, 2]);
    hash.update(length.to_be_bytes());
    hash.update(skeleton);
    hash.update(commitments.as_flattened());
    hash.finalize().into()
}

/// The salt of value number `i`, counted from 0: the first 16 bytes of
/// `SHA-256(0x03 || salt || i, four bytes, big-endian)`. It tells nothing about
/// the salts of the other values.
#[must_use]
pub fn salt_of_value(salt: &Salt, i: usize) -> Salt {
    let i = u32::try_from(i).unwrap_or(u32::MAX);
    let mut hash = Sha256::new();
    hash.update([0x03]);
    hash.update(salt);
    hash.update(i.to_be_bytes());
    let digest: [u8; 32] = hash.finalize().into();
    std::array::from_fn(|at| digest.get(at).copied().unwrap_or_default())
}

/// The commitment to a value: `SHA-256(0x02 || its salt || value)`.
#[must_use]
pub fn commitment(salt: &Salt, value: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update([0x02]);
    hash.update(salt);
    hash.update(value);
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::hex;

    #[test]
    fn every_byte_is_as_documented() {
        // printf '\0\1abc' | sha256sum
        let want = "c038ae3bc0bc351d1a67b5446f000f21df05e24bdfd434e905afd2c3eaf801e4";
        assert_eq!(hex::encode(&leaf_1(b"abc")), want);
    }
}
