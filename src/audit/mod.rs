#![doc = include_str!("README.md")]

mod body;
mod cursor;
mod error;
mod identity;
mod json;
pub mod ledger;
mod prove;
mod query;
mod record;
#[cfg(test)]
mod tests;

pub use crate::base::limits::RECORD_BYTES;
pub use body::{LEAF_FORMAT, leaf};
pub use error::Error;
pub use prove::{
    Consistency, Inclusion, checkpoint, leaf_text, prove_consistency, prove_inclusion,
};
pub use query::{
    Filter, LastUse, Page, Recorded, Sought, find_call, last_use, newest_success, query,
};
pub use record::{EventType, Failure, Record, Resource, Tls, canonical, prepare};
