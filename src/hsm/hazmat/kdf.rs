//! Key derivation in counter mode (NIST SP 800-108 rev. 1, section 4.1), PRF
//! HMAC-SHA-256, 32-bit counter before the fixed input.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use crate::hsm::key::Key;

/// Bytes of one HMAC-SHA-256 output, the step of the counter.
const PRF_LEN: usize = 32;

/// A 256-bit key from `parent`: the fixed input is
/// `label || 0x00 || context || [256]` with the length in bits as a big-endian
/// `u32`, as section 4 of the standard lays it out.
pub(in crate::hsm) fn derive(parent: &Key, label: &[u8], context: &[u8]) -> Key {
    const LEN_BITS: u32 = 256;
    let mut key = Key::zero();
    counter_mode(parent, &[label, &[0], context, &LEN_BITS.to_be_bytes()], key.expose_mut());
    key
}

/// Fills `out` with PRF blocks over `[i] || fixed`, `i` counting from 1.
fn counter_mode(parent: &Key, fixed: &[&[u8]], out: &mut [u8]) {
    // FIPS 198-1 section 4 pads a key shorter than a block with zeros; doing it
    // here makes the key's length right by its type.
    let mut block = Zeroizing::new([0; 64]);
    for (to, from) in block.iter_mut().zip(parent.expose()) {
        *to = *from;
    }
    let keyed: Hmac<Sha256> = Hmac::new((&*block).into());
    for (i, chunk) in (1_u32..).zip(out.chunks_mut(PRF_LEN)) {
        let mut mac = keyed.clone();
        mac.update(&i.to_be_bytes());
        for part in fixed {
            mac.update(part);
        }
        let mut output = mac.finalize().into_bytes();
        for (to, from) in chunk.iter_mut().zip(&output) {
            *to = *from;
        }
        output.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::hex;
    use crate::hsm::testing::unhex;

    #[test]
    fn cavs_vectors() {
        let text = include_str!("../../../tests/vectors/hsm/kbkdf_counter_hmac_sha256.txt");
        let mut count = 0;
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let fields: Vec<Vec<u8>> = line.split(' ').map(unhex).collect();
            let key = Key::try_from_slice(&fields[0]).unwrap();
            let mut out = vec![0; fields[2].len()];
            counter_mode(&key, &[&fields[1]], &mut out);
            assert_eq!(out, fields[2], "{line}");
            count += 1;
        }
        assert_eq!(count, 40);
    }

    /// The layout of the fixed input, spelled out once by hand.
    #[test]
    fn fixed_input_is_label_zero_context_length() {
        let key = Key::try_from_slice(&[7; 32]).unwrap();
        let mut want = [0; 32];
        counter_mode(&key, &[b"label\x00context\x00\x00\x01\x00"], &mut want);
        assert_eq!(hex::encode(derive(&key, b"label", b"context").expose()), hex::encode(&want));
    }
}
