//! The one form of a plain 256-bit key inside this module.

use zeroize::Zeroizing;

/// 32 secret bytes on the heap, wiped when dropped. Boxed, so that moving the
/// key moves a pointer and leaves no copy behind; filled in place for the same
/// reason. Not clonable, comparable or printable.
pub(super) struct Key(Box<Zeroizing<[u8; 32]>>);

impl Key {
    /// A key of zeros, to be filled through [`Self::expose_mut`].
    pub(super) fn zero() -> Self {
        Self(Box::new(Zeroizing::new([0; 32])))
    }

    /// The key with these 32 bytes; `None` for any other length.
    pub(super) fn try_from_slice(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; 32] = bytes.try_into().ok()?;
        let mut key = Self::zero();
        key.expose_mut().copy_from_slice(bytes);
        Some(key)
    }

    pub(super) fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    pub(super) fn expose_mut(&mut self) -> &mut [u8; 32] {
        &mut self.0
    }
}
