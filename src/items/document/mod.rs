//! Plain JSON documents: single values anywhere in a document encrypted, the
//! document signed as a whole. For stores that keep JSON: PostgreSQL `jsonb`,
//! MongoDB, files.
//!
//! The format is wardbook's own, built from the parts of the AWS Database
//! Encryption SDK's structured encryption; `docs/document-format.md` has it byte
//! by byte. The way in is [`encrypt::PreparedDocument`] and
//! [`decrypt::ParsedDocument`], which work like those of items: each first says
//! which encryption context the wrapping key needs, and finishes once the caller
//! brings the key.
//!
//! Deliberately absent: any primitive, which is `crypto`'s; any use of a key
//! service; and JSON that is no object at its top.

mod context;
pub mod decrypt;
pub mod encrypt;
mod header;
mod leaves;
mod number;
mod pattern;
pub(super) mod places;
mod rules;
pub mod schema;
mod sealed;
mod value;

pub(super) use header::{is_header, suite_and_keys};
pub(super) use pattern::Pattern;
pub use value::{Document, Value};

/// Member of the header of an encrypted document.
pub const HEADER_NAME: &str = "wardbook_head";
/// Member of the footer of an encrypted document.
pub const FOOTER_NAME: &str = "wardbook_foot";
/// Top-level members that begin like this belong to the format.
pub const RESERVED_PREFIX: &str = "wardbook_";

#[cfg(test)]
mod tests;
