//! Big-endian lengths and counts: the reader and the writers that header,
//! context and values share.

use super::error::{ItemError, ItemErrorCode};

/// Reads from the front of a slice. Every step is `None` where bytes are missing.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(len)?;
        self.0 = tail;
        Some(head)
    }

    /// All that is left.
    pub(super) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.0.split_first_chunk::<N>()?;
        self.0 = tail;
        Some(*head)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// Bytes after their own length as `u16`.
    pub(super) fn short(&mut self) -> Option<&'a [u8]> {
        let len = self.u16()?;
        self.take(usize::from(len))
    }

    /// Bytes after their own length as `u32`.
    pub(super) fn long(&mut self) -> Option<&'a [u8]> {
        let len = self.u32()?;
        self.take(usize::try_from(len).ok()?)
    }
}

/// Appends `len` as `u16`.
pub(super) fn put_u16(out: &mut Vec<u8>, len: usize) -> Result<(), ItemError> {
    let len = u16::try_from(len).map_err(too_large)?;
    out.extend_from_slice(&len.to_be_bytes());
    Ok(())
}

/// Appends `len` as `u32`.
pub(super) fn put_u32(out: &mut Vec<u8>, len: usize) -> Result<(), ItemError> {
    let len = u32::try_from(len).map_err(too_large)?;
    out.extend_from_slice(&len.to_be_bytes());
    Ok(())
}

/// Appends `bytes` after their length as `u16`.
pub(super) fn put_short(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), ItemError> {
    put_u16(out, bytes.len())?;
    out.extend_from_slice(bytes);
    Ok(())
}

/// Appends `bytes` after their length as `u32`.
pub(super) fn put_long(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), ItemError> {
    put_u32(out, bytes.len())?;
    out.extend_from_slice(bytes);
    Ok(())
}

/// A length as the `u64` of the canonical record.
pub(super) fn wide(len: usize) -> [u8; 8] {
    u64::try_from(len).unwrap_or(u64::MAX).to_be_bytes()
}

fn too_large(_: std::num::TryFromIntError) -> ItemError {
    ItemError::new(
        ItemErrorCode::ItemTooLarge,
        "a part of the item is longer than the length field of the format can say",
    )
}
