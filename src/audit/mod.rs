#![doc = include_str!("README.md")]

mod body;
mod count;
mod cursor;
mod error;
mod export;
mod filter;
mod follow;
mod identity;
mod json;
mod marks;
mod query;
mod record;
#[cfg(test)]
mod tests;

pub use crate::base::limits::RECORD_BYTES;
pub use body::{LEAF_FORMAT, leaf};
pub use count::{GROUPINGS, count};
pub use error::Error;
pub use export::{COLUMNS, Form, Piece, export, without_formula};
pub use filter::{Name, Selection, Term, Value};
pub use follow::{News, newer};
pub use marks::marks;
pub use query::{
    Filter, LastUse, Page, Pages, Recorded, Sought, find_call, last_use, newest_success, pages,
    query,
};
pub use record::{EventType, Failure, Record, Resource, Tls, canonical, prepare};
