//! The building: everything is made once here and handed down. Reading this
//! module is reading a map of the process.
//!
//! Deliberately absent: flags, files of settings and the environment
//! (`config`), and everything that a floor below can do by itself.

mod draft;
mod error;
mod guardrails;
mod hardening;
mod init;
mod ledger;
mod open;
mod restore;
mod root_key;
mod seed;
mod serve;
mod started;
mod trail;
mod watch;
mod witness;

pub use error::Error;
pub use guardrails::{GuardrailError, GuardrailFolder};
pub use init::{GUARDRAILS, InitOptions, Initialized, init, is_initialized};
pub use open::{OpenOptions, Opened, open};
pub use restore::{BackupFile, Checked, Progress, restore, verify_backup};
pub use root_key::RootKeySource;
pub use seed::{DEV_ACCESS_KEY, DEV_ACCOUNT, Seed, SeedError};
pub use serve::{Doors, Running, ServeOptions, bind, serve, start};
pub use witness::{Witness, WitnessHealth, WitnessSettings};
