//! The file of a backup: a header that everybody can read, the backup's key
//! sealed under the root key, and the database in sealed chunks. `docs/backup.md`
//! has it byte by byte.
//!
//! Deliberately absent: where the database comes from and where it goes, and
//! whether its log is whole; `ops::backup` and `app` know.

mod error;
mod header;
mod open;
mod seal;
#[cfg(test)]
mod tests;

pub use error::Error;
pub use header::{Header, Protector};
pub use open::{Guardrails, Sealed};
pub use seal::Sealing;

/// What a file begins with.
const MAGIC: &[u8; 16] = b"wardbook backup\n";
/// The version of the format that this program writes and reads.
const VERSION: u32 = 1;
/// Content of every chunk but the last, bytes.
const CHUNK_BYTES: usize = 64 * 1024;
/// The same as a number of bytes in a file.
const CHUNK: u64 = 64 * 1024;
