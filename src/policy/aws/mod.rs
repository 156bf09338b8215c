//! AWS's JSON policy language, as far as key policies and identity policies
//! use it (IAM User Guide, "IAM JSON policy reference").
//!
//! A document that cannot be said exactly is refused, never misread.
//!
//! Deliberately absent: `NotResource`, which says too much of what is not known
//! yet, and `NotPrincipal` that allows.

pub(super) mod atom;
mod budget;
mod compile;
mod condition;
mod expr;
mod json;
mod literal;
mod operand;
mod operator;
mod pattern;
pub(super) mod policy;
mod target;
mod text;

#[cfg(test)]
mod documented;
#[cfg(test)]
mod hostile;
#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a wrong number fails the test")]
#[expect(clippy::string_slice, reason = "the texts are those of the tests")]
#[expect(clippy::as_conversions, reason = "a month is a small number")]
mod reference;
