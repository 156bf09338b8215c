//! Questions to the book. Each is an operation like any other: allowed by the
//! policies of identities, on the book of the caller's account, and recorded.
//!
//! Deliberately absent: what a question means and how it is answered; that is
//! in `audit`.

use super::ctx::Ctx;
use super::operation::Entry;

mod count_events;
mod erase_event_fields;
mod export_events;
mod follow_events;
mod get_checkpoint;
mod get_consistency_proof;
mod get_inclusion_proof;
mod hashes;
mod query_events;
pub mod selection;

/// The operations, sorted by name.
pub static TABLE: &[Entry<Ctx>] = &[
    Entry::of::<count_events::CountEvents>(),
    Entry::of::<erase_event_fields::EraseEventFields>(),
    Entry::of::<export_events::ExportEvents>(),
    Entry::of::<follow_events::FollowEvents>(),
    Entry::of::<get_checkpoint::GetCheckpoint>(),
    Entry::of::<get_consistency_proof::GetConsistencyProof>(),
    Entry::of::<get_inclusion_proof::GetInclusionProof>(),
    Entry::of::<query_events::QueryEvents>(),
];
