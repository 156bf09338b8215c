//! The life of KMS keys: what a key is, where it is found, which operation its
//! state allows, and the cryptography done with it under a permit.
//!
//! Deliberately absent: who may do it (`policy` decides; here only the permit
//! is asked for), the database (`changes` are handed up and committed together
//! with the audit record), and primitives (`hsm`).

pub mod backend;
pub mod changes;
pub mod cipher;
pub mod create;
pub mod custom_stores;
pub mod grants;
pub mod import;
pub mod key;
pub mod multi_region;
pub mod registry;
pub mod rotate;
pub mod rows;
pub mod state;
