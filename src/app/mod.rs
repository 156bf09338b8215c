//! The building: everything is made once here and handed down. Reading this
//! module is reading a map of the process.
//!
//! Deliberately absent: flags, files of settings and the environment
//! (`config`), and everything that a floor below can do by itself.

mod connections;
mod draft;
mod error;
mod guardrails;
mod hardening;
mod init;
mod ledger;
mod open;
mod open_files;
mod private;
mod restore;
mod root_key;
mod sealed;
mod seed;
mod serve;
mod started;
mod trail;
mod watch;
mod witness;

pub use error::Error;
pub use guardrails::{GuardrailError, GuardrailFolder};
pub use hardening::harden;
pub use init::{GUARDRAILS, InitOptions, Initialized, init, is_initialized};
pub use open::{OpenOptions, Opened, open};
pub use private::is_private;
pub use restore::{BackupFile, Checked, restore, verify_backup};
pub use root_key::{
    ListedProtector, NewRemoteKey, OpenedBy, RemoteKeys, RootKeyFolder, RootKeySource,
    list as list_protectors,
};
pub use seed::{DEV_ACCESS_KEY, DEV_ACCOUNT, Seed, SeedError};
pub use serve::{Doors, Progress, Running, ServeOptions, bind, serve, start};
pub use witness::{Witness, WitnessHealth, WitnessSettings};
