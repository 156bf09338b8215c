//! Who there is: accounts, users, roles, groups, their policies, tags and access
//! keys, role sessions, and how a signature becomes a principal.
//!
//! Deliberately absent: what a principal may do (`policy`), and any secret in
//! clear outside of one verification: secrets are sealed by the HSM.

pub mod account;
pub mod authenticate;
pub mod changes;
pub mod credentials;
pub mod directory;
pub mod rows;
mod session_policies;
pub mod tags;
#[cfg(test)]
mod tests;
