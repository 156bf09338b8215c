//! Known-answer tests of every primitive, run before anything is sealed or
//! opened (NIST SP 800-90A section 11.3 asks it of the generator, FIPS 140-3 of
//! all). They find a miscompiled or miswired build, not a subtle flaw: for that
//! there are the vectors in the tests.

mod asymmetric;

use crate::base::hex;

use super::error::Error;
use super::hazmat::drbg::{CtrDrbg, SEED_LEN};
use super::hazmat::passphrase::{self, Cost};
use super::hazmat::{aead, hash, kdf};
use super::key::Key;

/// A primitive, and whether it answers what it must; `None` is a failure too.
struct Check(&'static str, fn() -> Option<bool>);

const CHECKS: [Check; 12] = [
    Check("SHA-256", check_hash),
    Check("SP 800-108 KDF", check_kdf),
    Check("AES-256-GCM", check_aead),
    Check("CTR_DRBG", check_drbg),
    Check("Argon2id", check_passphrase),
    Check("HMAC", asymmetric::check_hmac),
    Check("AES-KWP", asymmetric::check_key_wrap),
    Check("RSA", asymmetric::check_rsa),
    Check("ECDSA and ECDH", asymmetric::check_ecc),
    Check("Ed25519", asymmetric::check_ed25519),
    Check("ML-DSA", asymmetric::check_ml_dsa),
    Check("ML-KEM", asymmetric::check_ml_kem),
];

pub(super) fn run() -> Result<(), Error> {
    run_checks(&CHECKS)
}

fn run_checks(checks: &[Check]) -> Result<(), Error> {
    match checks.iter().find(|Check(_, answer)| answer() != Some(true)) {
        Some(Check(name, _)) => Err(Error::SelfTest(name)),
        None => Ok(()),
    }
}

/// FIPS 180-2, appendix B.1.
fn check_hash() -> Option<bool> {
    let want = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    Some(hex::encode(&hash::sha256(&[b"abc"])) == want)
}

/// The layout of SP 800-108 in counter mode, computed with Python's `hmac`.
fn check_kdf() -> Option<bool> {
    let want = "303790cfe363abe9682dbfff5941f23b32addc96da72f4c7e5b20e9f59a4e570";
    let derived = kdf::derive(&counting_key(), b"label", b"context");
    Some(derived.expose() == &hex::decode::<32>(want)?)
}

/// Computed with OpenSSL. An altered tag must be refused as well.
fn check_aead() -> Option<bool> {
    let want = hex::decode::<25>("376eb772ab91a763f94c292dc581ba85c94d2a6417dc232a33")?;
    let (key, iv) = (counting_key(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    let mut buffer = *b"plaintext";
    let mut tag = aead::seal(&key, &iv, b"aad", &mut buffer)?;
    let encrypted = want == [&buffer[..], &tag].concat().as_slice();
    aead::open(&key, &iv, b"aad", &mut buffer, &tag)?;
    let decrypted = buffer == *b"plaintext";
    tag[15] ^= 1;
    let refused = aead::open(&key, &iv, b"aad", &mut buffer, &tag).is_none();
    Some(encrypted && decrypted && refused)
}

/// NIST CAVP, AES-256 without derivation function, reseed, count 0.
fn check_drbg() -> Option<bool> {
    let entropy = "e4bc23c5089a19d86f4119cb3fa08c0a4991e0a1def17e101e4c14d9c323460a\
                   7c2fb58e0b086c6c57b55f56cae25bad";
    let reseed = "fd85a836bba85019881e8c6bad23c9061adc75477659acaea8e4a01dfe07a183\
                  2dad1c136f59d70f8653a5dc118663d6";
    let want = "b2cb8905c05e5950ca31895096be29ea3d5a3b82b269495554eb80fe07de43e1\
                93b9e7c3ece73b80e062b1c1f68202fbb1c52a040ea2478864295282234aaada";
    let mut drbg = CtrDrbg::instantiate(&hex::decode(entropy)?, &[0; SEED_LEN]);
    drbg.reseed(&hex::decode(reseed)?, &[0; SEED_LEN]);
    let mut out = [0; 64];
    drbg.generate(&mut out);
    drbg.generate(&mut out);
    Some(out == hex::decode::<64>(want)?)
}

/// The inputs of RFC 9106 section 5.3 without secret and associated data; from
/// the OpenSSL project's vectors.
fn check_passphrase() -> Option<bool> {
    let want = "03aab965c12001c9d7d0d2de33192c0494b684bb148196d73c1df1acaf6d0c2e";
    let cost = Cost { memory_kib: 32, passes: 3, lanes: 4 };
    let key = passphrase::derive(&[1; 32], &[2; 16], cost)?;
    Some(key.expose() == &hex::decode::<32>(want)?)
}

/// The bytes 0 to 31.
fn counting_key() -> Key {
    let mut key = Key::zero();
    for (to, from) in key.expose_mut().iter_mut().zip(0..) {
        *to = from;
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_pass() {
        assert_eq!(run(), Ok(()));
    }

    #[test]
    fn one_failure_is_named() {
        let checks =
            [Check("good", || Some(true)), Check("bad", || Some(false)), Check("worse", || None)];
        assert_eq!(run_checks(&checks), Err(Error::SelfTest("bad")));
        assert_eq!(run_checks(&checks[2..]), Err(Error::SelfTest("worse")));
    }
}
