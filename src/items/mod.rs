//! Floor 4: the attribute encryptor, in the item format of the AWS Database
//! Encryption SDK for DynamoDB.
//!
//! An item that is encrypted here is decrypted by the official SDK and the
//! other way round: `aws_dbe_head` and `aws_dbe_foot`, format versions 1 and 2,
//! suites 0x6700 and 0x6701. The way in is [`encrypt::PreparedItem`] and
//! [`decrypt::ParsedItem`]: each first says which encryption context the
//! wrapping key needs, and finishes once the caller brings the key.
//! [`rewrap::RewrappedItem`] brings a verified item under other keys.
//!
//! `operations` are the calls of the API; the rest is pure: items, keys and
//! randomness come in, items come out.
//!
//! Deliberately absent: any key of its own; keys are used through `ops`, with
//! the caller's identity, like any client. Also absent: beacons.
//!
//! Written from the published specification
//! (github.com/aws/aws-database-encryption-sdk-dynamodb, `specification/`);
//! where the specification and the shipped SDK differ, the SDK is followed.

pub mod attribute;
mod bytes;
mod context;
mod crypto;
pub mod decrypt;
pub mod document;
pub mod dynamodb_json;
pub mod encrypt;
mod envelope;
pub mod error;
mod field;
pub mod fill;
mod footer;
pub mod header;
pub mod item_key;
mod json;
mod mask;
pub mod number;
mod operations;
mod path;
pub mod plain_json;
pub mod protection;
pub mod rewrap;
pub mod schema;
pub mod schemas;
mod serialize;
mod stored_schema;
pub mod summary;

pub use operations::{Ctx, TABLE};

#[cfg(test)]
mod tests;
