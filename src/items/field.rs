//! A signed attribute on its way through encryption or decryption.

use zeroize::Zeroizing;

/// What goes into the canonical record for one attribute.
pub(super) struct Field {
    pub(super) name: String,
    /// Whether the header lists it as encrypted.
    pub(super) encrypted: bool,
    /// Type id and serialized value, or type id, ciphertext and tag.
    pub(super) value: Zeroizing<Vec<u8>>,
}
