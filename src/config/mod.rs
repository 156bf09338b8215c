//! Settings: where the server's and the client commands' options come from.
//!
//! A setting has one name in three spellings: the flag `--tls-cert`, the
//! environment variable `WARDBOOK_TLS_CERT`, and the key `tls-cert` of
//! `wardbook.toml`; those of a table there have its name in front: `quota-`
//! before a key of `[quotas]`, `trail-` before one of `[trail]`; `[[oidc]]` and
//! `[remotes.NAME]` are in the file only. The flag wins over the environment, the
//! environment over the file. This is the only place that reads the environment.
//!
//! Deliberately absent: acting on settings. What comes out of here is checked,
//! typed, and handed to whoever starts something.

mod audit;
pub mod client;
pub mod environment;
mod error;
mod file;
pub mod flags;
mod layer;
mod oidc;
mod passphrase;
mod quotas;
mod remotes;
pub mod root_key;
pub mod server;
mod tls;
mod trail;

#[cfg(test)]
mod tests;

pub use error::Error;
