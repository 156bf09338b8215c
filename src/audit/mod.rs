#![doc = include_str!("README.md")]

mod body;
mod check;
mod columns;
mod count;
mod cursor;
mod erase;
mod error;
mod export;
mod field_reads;
mod filter;
mod follow;
mod identity;
mod json;
mod leaf;
pub mod ledger;
pub mod lookup;
mod marks;
mod opened;
mod personal;
mod prove;
mod query;
mod record;
mod records;
#[cfg(test)]
mod tests;
pub mod trail;
pub mod verify;

pub use crate::base::limits::RECORD_BYTES;
pub use body::{LEAF_FORMAT, Opener};
pub use count::{GROUPINGS, count};
pub use erase::{Erasure, Events, Planned, plan_erasure};
pub use error::Error;
pub use export::{COLUMNS, Export, Form, without_formula};
pub use field_reads::{
    FieldReads, How, ItemRead, PackedReads, ReadFilter, ReadKind, ReadPage, ReadRow, SoughtItem,
    query_reads,
};
pub use filter::{FilterValue, Name, Selection, Term};
pub use follow::{News, newer};
pub use leaf::{Salt, commitment, leaf_1, leaf_2, salt_of_value};
pub use marks::marks;
pub use opened::{Opened, Value};
pub use personal::{Field, Malformed, Split, split};
pub use prove::{Consistency, Inclusion, checkpoint, prove_consistency, prove_inclusion};
pub use query::{
    Filter, LastUse, Page, Pages, Recorded, Sought, find_call, find_event, last_use,
    newest_success, pages, query,
};
pub use record::{EventType, Failure, Own, Record, Resource, Tls, canonical, prepare};
pub use records::{Placed, Records};

/// Entries of `resources` among which the keys of a call are looked for: as many
/// as the shortest form of a record has.
const RESOURCES_SEARCHED: usize = 4;
