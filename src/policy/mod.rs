//! Floor 1: decisions. Policy documents are compiled to Cedar, and one engine
//! answers one question: may this caller perform this action on this resource.
//!
//! AWS's evaluation logic is kept (AWS KMS Developer Guide, "Determining access
//! to AWS KMS keys"): the caller's identity policies are asked first, their
//! result is fed to the key policy as `context.iamAllows`, an explicit deny
//! anywhere wins, and whatever cannot be evaluated is denied.
//!
//! Deliberately absent: storage. Documents come in as text and leave as shared
//! values; who holds which policy is known to the floors above.

pub mod actions;
mod at_home;
mod aws;
pub mod builtin;
mod cedar;
pub mod compare;
mod compile;
pub mod condition_key;
pub mod decision;
pub mod document;
pub mod engine;
pub mod error;
pub mod explain;
mod expression;
pub mod fact;
mod facts;
pub mod grant;
mod guardrails;
mod label;
pub mod lint;
pub mod principal;
pub mod question;
mod reads;
mod scan;
pub mod scenario;
mod scope;
mod search;
mod self_check;
mod slice;
pub mod stand_in;
pub mod trial;
mod values;
mod vocabulary;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod resources;
#[cfg(test)]
mod sides;
#[cfg(test)]
mod slice_is_sound;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod trust;
