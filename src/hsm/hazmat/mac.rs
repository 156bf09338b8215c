//! HMAC (FIPS 198-1) with the hashes of SHA-2 (FIPS 180-4).

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Sha224, Sha256, Sha384, Sha512};

use crate::base::algorithm::MacAlgorithm;

/// The MAC of `message`, as long as the hash; `None` never happens, for HMAC
/// takes a key of any length.
pub(in crate::hsm) fn mac(algorithm: MacAlgorithm, key: &[u8], message: &[u8]) -> Option<Vec<u8>> {
    match algorithm {
        MacAlgorithm::HmacSha224 => compute::<Hmac<Sha224>>(key, message),
        MacAlgorithm::HmacSha256 => compute::<Hmac<Sha256>>(key, message),
        MacAlgorithm::HmacSha384 => compute::<Hmac<Sha384>>(key, message),
        MacAlgorithm::HmacSha512 => compute::<Hmac<Sha512>>(key, message),
    }
}

fn compute<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> Option<Vec<u8>> {
    let mac = <M as KeyInit>::new_from_slice(key).ok()?;
    Some(mac.chain_update(message).finalize().into_bytes().to_vec())
}
