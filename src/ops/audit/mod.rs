//! Questions to the book. Each is an operation like any other: allowed by the
//! policies of identities, on the book of the caller's account, and recorded.
//!
//! Deliberately absent: what a question means and how it is answered; that is
//! in `audit`.

use super::ctx::Ctx;
use super::operation::Entry;

mod count_events;
mod export_events;
mod follow_events;
mod query_events;
mod selection;

/// The operations, sorted by name.
pub static TABLE: &[Entry<Ctx>] = &[
    Entry::of::<count_events::CountEvents>(),
    Entry::of::<export_events::ExportEvents>(),
    Entry::of::<follow_events::FollowEvents>(),
    Entry::of::<query_events::QueryEvents>(),
];
