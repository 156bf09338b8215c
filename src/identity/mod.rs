//! Who there is: users, roles, their policies and access keys, sessions, and how
//! a signature or a provider's token becomes a principal.
//!
//! Deliberately absent: what a principal may do (`policy`), and any secret in
//! clear outside of one verification: secrets are sealed by the HSM.

pub mod authenticate;
pub mod changes;
pub mod credentials;
pub mod directory;
pub mod oidc;
