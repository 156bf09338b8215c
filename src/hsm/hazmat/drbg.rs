//! CTR_DRBG with AES-256 and no derivation function (NIST SP 800-90A rev. 1,
//! section 10.2.1).
//!
//! Without a derivation function every seed must be full entropy; the source
//! that feeds it, the health tests and the reseed policy are in `hsm::random`.

use aes::Aes256Enc;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use zeroize::{ZeroizeOnDrop, Zeroizing};

/// Bytes of a seed: key and block together (table 3 of the standard).
pub(in crate::hsm) const SEED_LEN: usize = 48;
/// The longest single request, bytes: 2^19 bits (table 3 of the standard).
pub(in crate::hsm) const REQUEST_LEN_MAX: usize = 65_536;

const BLOCK_LEN: usize = 16;
const KEY_LEN: usize = 32;

/// The working state: key (held only as its schedule) and V.
#[derive(ZeroizeOnDrop)]
pub(in crate::hsm) struct CtrDrbg {
    cipher: Aes256Enc,
    v: u128,
}

impl CtrDrbg {
    /// Section 10.2.1.3.1. `personalization` is already padded to a seed.
    pub(in crate::hsm) fn instantiate(
        entropy: &[u8; SEED_LEN],
        personalization: &[u8; SEED_LEN],
    ) -> Self {
        let mut drbg = Self { cipher: Aes256Enc::new(&[0; KEY_LEN].into()), v: 0 };
        drbg.update(&xor(entropy, personalization));
        drbg
    }

    /// Section 10.2.1.4.1. All zeros stand for no additional input, there and here.
    pub(in crate::hsm) fn reseed(&mut self, entropy: &[u8; SEED_LEN], additional: &[u8; SEED_LEN]) {
        self.update(&xor(entropy, additional));
    }

    /// Section 10.2.1.5.1 without additional input.
    ///
    /// INVARIANT: `out` is at most [`REQUEST_LEN_MAX`]; `hsm::random` cuts.
    pub(in crate::hsm) fn generate(&mut self, out: &mut [u8]) {
        self.generate_with(None, out);
    }

    fn generate_with(&mut self, additional: Option<&[u8; SEED_LEN]>, out: &mut [u8]) {
        debug_assert!(out.len() <= REQUEST_LEN_MAX, "one request is too long");
        if let Some(additional) = additional {
            self.update(additional);
        }
        self.fill_blocks(out);
        self.update(additional.unwrap_or(&[0; SEED_LEN]));
    }

    /// CTR_DRBG_Update, section 10.2.1.2.
    fn update(&mut self, data: &[u8; SEED_LEN]) {
        let mut stream = Zeroizing::new([0; SEED_LEN]);
        self.fill_blocks(&mut *stream);
        let temp = xor(&stream, data);
        let mut key = Zeroizing::new([0; KEY_LEN]);
        let mut v = Zeroizing::new([0; BLOCK_LEN]);
        for (to, from) in key.iter_mut().chain(v.iter_mut()).zip(temp.iter()) {
            *to = *from;
        }
        self.cipher = Aes256Enc::new((&*key).into());
        self.v = u128::from_be_bytes(*v);
    }

    /// Encryptions of V+1, V+2, ..., the last one cut to fit.
    fn fill_blocks(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(BLOCK_LEN) {
            self.v = self.v.wrapping_add(1);
            let mut block = Zeroizing::new(self.v.to_be_bytes());
            self.cipher.encrypt_block((&mut *block).into());
            for (to, from) in chunk.iter_mut().zip(block.iter()) {
                *to = *from;
            }
        }
    }
}

fn xor(left: &[u8; SEED_LEN], right: &[u8; SEED_LEN]) -> Zeroizing<[u8; SEED_LEN]> {
    let mut out = Zeroizing::new(*left);
    for (to, from) in out.iter_mut().zip(right) {
        *to ^= *from;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hsm::testing::unhex;
    use std::collections::BTreeMap;

    const NONE: [u8; SEED_LEN] = [0; SEED_LEN];

    /// One line of the vector file: names to seeds, and the expected output.
    struct Vector(BTreeMap<String, Vec<u8>>);

    impl Vector {
        fn parse(line: &str) -> Self {
            let pair = |field: &str| {
                let (name, value) = field.split_once('=').unwrap();
                (name.to_owned(), unhex(value))
            };
            Self(line.split(' ').map(pair).collect())
        }

        fn seed(&self, name: &str) -> Option<[u8; SEED_LEN]> {
            self.0.get(name).map(|bytes| bytes.as_slice().try_into().unwrap())
        }

        fn seed_or_none(&self, name: &str) -> [u8; SEED_LEN] {
            self.seed(name).unwrap_or(NONE)
        }

        fn run(&self) -> [u8; 64] {
            let mut out = [0; 64];
            let mut drbg = CtrDrbg::instantiate(
                &self.seed("entropy").unwrap(),
                &self.seed_or_none("personalization"),
            );
            if let Some(entropy) = self.seed("reseed") {
                drbg.reseed(&entropy, &self.seed_or_none("reseed_additional"));
            }
            for (predict, additional) in
                [("predict_a", "additional_a"), ("predict_b", "additional_b")]
            {
                match self.seed(predict) {
                    Some(entropy) => {
                        drbg.reseed(&entropy, &self.seed_or_none(additional));
                        drbg.generate(&mut out);
                    }
                    None => drbg.generate_with(self.seed(additional).as_ref(), &mut out),
                }
            }
            out
        }
    }

    #[test]
    fn cavp_vectors() {
        let text = include_str!("../../../tests/vectors/hsm/ctr_drbg_aes256_no_df.txt");
        let mut count = 0;
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let vector = Vector::parse(line);
            assert_eq!(vector.run().as_slice(), vector.0["output"], "{line}");
            count += 1;
        }
        assert_eq!(count, 180);
    }

    #[test]
    fn a_short_request_is_the_start_of_a_long_one() {
        let draw = |len: usize| {
            let mut out = vec![0; len];
            CtrDrbg::instantiate(&[1; SEED_LEN], &NONE).generate(&mut out);
            out
        };
        assert_eq!(draw(50)[..], draw(64)[..50]);
    }
}
