//! AWS's JSON policy language, as far as key policies and identity policies
//! use it (IAM User Guide, "IAM JSON policy reference").
//!
//! Deliberately absent: `Condition`, `NotAction`, `NotPrincipal` and
//! `NotResource`. A document that holds one is refused, never misread.

mod compile;
mod json;
mod pattern;
pub(super) mod policy;
mod target;

#[cfg(test)]
mod reference;
