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
