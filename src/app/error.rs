//! Why the server does not start. Every text says what to do about it.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::{hsm, identity, keys, policy, store};

/// Why the server does not start, or a data folder is not initialized.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0} is already initialized: nothing was changed")]
    AlreadyInitialized(PathBuf),
    #[error("{0} is not initialized: run `wardbook init` first")]
    NotInitialized(PathBuf),
    #[error("cannot use the file {path}")]
    File {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("{0} is not empty: nothing was changed")]
    NotEmpty(PathBuf),
    #[error("another command is at work in {0}")]
    DraftInUse(PathBuf),
    #[error("the backup {path} cannot be used")]
    Backup {
        path: PathBuf,
        #[source]
        cause: crate::backup::Error,
    },
    #[error("nothing can be said of the log in the backup")]
    Unverifiable(#[source] crate::audit::verify::Error),
    #[error("the backup is not of the log with this public key")]
    BackupKey(#[source] crate::audit::ledger::Error),
    #[error("the log in the backup has {has} records, and the header says {says}")]
    BackupHead { says: u64, has: u64 },
    #[error("the key file {path} cannot be used")]
    KeyFile {
        path: PathBuf,
        #[source]
        cause: hsm::Error,
    },
    #[error("others can read the key file {0}: take that from them with `chmod 600`")]
    KeyFileMode(PathBuf),
    #[error("the root key cannot be opened")]
    RootKey(#[source] hsm::Error),
    #[error("the root key of this folder has no protector of this kind: it is opened by {0}")]
    NoSuchProtector(&'static str),
    #[error("the software HSM does not start")]
    Hsm(#[from] hsm::Error),
    #[error("the database cannot be used")]
    Store(#[from] store::Error),
    #[error("the policy engine does not start")]
    Policy(#[from] policy::error::Error),
    #[error("a built-in policy does not compile")]
    BuiltinPolicy(#[from] policy::error::CompileError),
    #[error("the first account cannot be made")]
    Account(#[from] identity::account::Error),
    #[error("the keys cannot be loaded")]
    Keys(#[from] keys::rows::LoadError),
    #[error("the users and roles cannot be loaded")]
    Identities(#[from] identity::rows::LoadError),
    #[error("the OpenID Connect providers cannot be used")]
    Providers(#[from] identity::oidc::SettingError),
    #[error("the item schemas cannot be loaded")]
    ItemSchemas(#[from] crate::items::schemas::LoadError),
    #[error("the first record cannot be written")]
    Record(#[from] crate::audit::Error),
    #[error("the log cannot be continued")]
    Ledger(#[from] crate::audit::ledger::Error),
    #[error("the log is not the one that the witness {path} has seen")]
    Witnessed {
        path: PathBuf,
        #[source]
        cause: crate::audit::ledger::Error,
    },
    #[error("there is no client for the witness's URL")]
    WitnessClient(#[source] reqwest::Error),
    #[error("the data folder does not say which {0} it is for")]
    Meta(&'static str),
    #[error("{path} is not a guardrail")]
    Guardrail {
        path: PathBuf,
        #[source]
        cause: super::guardrails::GuardrailError,
    },
    #[error("the seed is not applied")]
    Seed(#[from] super::seed::SeedError),
    #[error("the access key `test` belongs to somebody: `--dev` wants another data folder")]
    DevAccessKey,
    #[error("the start cannot be recorded")]
    Start(#[from] crate::wire::error::ApiError),
    #[error("cannot listen on {address}")]
    Listen {
        address: SocketAddr,
        #[source]
        cause: io::Error,
    },
    #[error("the server stopped by itself")]
    Serve(#[source] io::Error),
    #[error("the server crashed")]
    Crash(#[from] tokio::task::JoinError),
}
