//! SHA-256 (FIPS 180-4) of several parts in a row.

use sha2::{Digest, Sha256};

/// The digest of the concatenation of `parts`. Callers make the boundaries
/// between parts unambiguous.
pub(in crate::hsm) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::sha256;
    use crate::base::hex;

    /// FIPS 180-2, appendix B.1.
    #[test]
    fn standard_example() {
        let want = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex::encode(&sha256(&[b"a", b"", b"bc"])), want);
    }
}
