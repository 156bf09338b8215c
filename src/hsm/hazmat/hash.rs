//! SHA-256 (FIPS 180-4) of several parts in a row, and MD5 for names alone.

use md5::Md5;
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

/// MD5 (RFC 1321): the name that CloudTrail gives a public key. It is no
/// protection: whoever checks a signature has the key itself.
pub(in crate::hsm) fn md5(bytes: &[u8]) -> [u8; 16] {
    Md5::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::{md5, sha256};
    use crate::base::hex;

    /// RFC 1321, appendix A.5.
    #[test]
    fn standard_name() {
        assert_eq!(hex::encode(&md5(b"abc")), "900150983cd24fb0d6963f7d28e17f72");
    }

    /// FIPS 180-2, appendix B.1.
    #[test]
    fn standard_example() {
        let want = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex::encode(&sha256(&[b"a", b"", b"bc"])), want);
    }
}
