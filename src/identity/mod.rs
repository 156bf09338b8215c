//! Who there is: accounts, users, roles, groups, their policies, tags and access
//! keys, sessions, and how a signature or a provider's token becomes a principal.
//!
//! Deliberately absent: what a principal may do (`policy`), and any secret in
//! clear outside of one verification: secrets are sealed by the HSM.

pub mod account;
pub mod authenticate;
pub mod changes;
pub mod credentials;
pub mod directory;
pub mod oidc;
pub mod rows;
mod session_policies;
pub mod tags;
#[cfg(test)]
mod tests;
