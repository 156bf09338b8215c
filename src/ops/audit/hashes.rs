//! Members that the proofs of the log share.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::wire::error::ApiError;
use crate::wire::shape::{Shape, text};

/// A number in a query string.
pub(super) const NUMBER: Shape = text(1, 20);
/// A hash in an answer.
pub(super) const HASH: Shape = text(44, 44);
/// The hashes of a proof; a tree of 2^63 leaves has no longer one.
pub(super) const HASHES: Shape = Shape::List { of: &HASH, min: 0, max: 128 };
/// The size of a tree in an answer.
pub(super) const SIZE: Shape = Shape::Integer { min: 0, max: i64::MAX };

/// A hash, or other bytes, in base64.
pub(super) fn text_of(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

/// Hashes in base64.
pub(super) fn texts_of(hashes: &[[u8; 32]]) -> Vec<String> {
    hashes.iter().map(|hash| text_of(hash)).collect()
}

/// The size of a tree, of the member that has this name.
pub(super) fn size(member: &str, text: &str) -> Result<u64, ApiError> {
    let number = text.parse::<i64>().ok().and_then(|number| u64::try_from(number).ok());
    number.ok_or_else(|| ApiError::validation(format!("{member} must be a number of records.")))
}
