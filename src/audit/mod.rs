#![doc = include_str!("README.md")]

mod body;
mod columns;
mod cursor;
mod error;
mod identity;
mod json;
mod leaf;
mod opened;
mod personal;
mod query;
mod record;
#[cfg(test)]
mod tests;

pub use crate::base::limits::RECORD_BYTES;
pub use body::{LEAF_FORMAT, Opener};
pub use error::Error;
pub use leaf::{leaf_1, leaf_2};
pub use opened::{Opened, Value};
pub use personal::Field;
pub use query::{
    Filter, LastUse, Page, Recorded, Sought, find_call, last_use, newest_success, query,
};
pub use record::{EventType, Failure, Record, Resource, Tls, canonical, prepare};
