//! A copy of everything that the server has, sealed. An operation like any other:
//! allowed by the policies of the first account's identities, and recorded.
//!
//! Deliberately absent: restoring one. That is done without a server; `app` does.

use super::ctx::Ctx;
use super::operation::Entry;

mod create_backup;

/// The operations, sorted by name.
pub static TABLE: &[Entry<Ctx>] = &[Entry::of::<create_backup::CreateBackup>()];
