//! The operating system's generator (`getrandom(2)` on Linux), which blocks
//! until the kernel has been seeded and never after that.

/// Fills `out`; `None` if the system refuses.
pub(in crate::hsm) fn fill_from_system(out: &mut [u8]) -> Option<()> {
    getrandom::fill(out).ok()
}
