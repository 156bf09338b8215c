//! wardbook: a policy-and-audit key-management server with an item encryptor.
//!
//! The house has floors (see ARCHITECTURE.md); a module uses only the floors
//! below it. They are listed here from the bottom up.

pub mod base;

pub mod hsm;
pub mod policy;
pub mod store;
pub mod wire;

pub mod audit;
pub mod backup;
pub mod identity;
pub mod keys;

pub mod ops;

pub mod items;

pub mod http;

pub mod app;
pub mod cli;
pub mod config;
pub mod telemetry;
