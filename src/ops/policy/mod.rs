//! Answers about policies: why a call was or would be denied, what another
//! policy would change, who could use a key and what somebody could use.
//!
//! Each is an operation like any other: allowed by identity policies, on the
//! account as a whole, and recorded. Whoever may ask sees the policies of every
//! key, user and role of the account, and so may ask about any of them; there
//! is nothing to learn about another account.
//!
//! The two that keep a key policy with its tests are those of KMS with more to
//! them, and the key policy decides on them.
//!
//! Deliberately absent: evaluation. That is in `policy::explain`.

use super::ctx::Ctx;
use super::operation::Entry;

mod asked;
mod diff;
mod explain;
mod granted;
mod history;
mod hypothesis;
mod key_policy;
mod naming;
mod outcome;
mod parameters;
mod recorded;
mod sessions;
mod simulate;
mod subject;
mod target;
pub(in crate::ops) mod trials;
mod what_can;
mod who_can;

/// The operations, sorted by name.
pub static TABLE: &[Entry<Ctx>] = &[
    Entry::of::<diff::Diff>(),
    Entry::of::<explain::Explain>(),
    Entry::of::<key_policy::GetKeyPolicyWithTests>(),
    Entry::of::<key_policy::PutKeyPolicyWithTests>(),
    Entry::of::<simulate::Simulate>(),
    Entry::of::<what_can::WhatCan>(),
    Entry::of::<who_can::WhoCan>(),
];
