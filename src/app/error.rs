//! Why the server does not start. Every text says what to do about it.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::base::ids::{AccountId, Region};
use crate::keys::backend::remote::FailureKind;
use crate::{hsm, identity, keys, policy, store};

/// Why the server does not start, or a data folder is not initialized.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0} is already initialized: nothing was changed")]
    AlreadyInitialized(PathBuf),
    #[error("{0} is not initialized: run `wardbook init` first")]
    NotInitialized(PathBuf),
    #[error("this folder is of account {found}; the setting account says {configured}")]
    OtherAccount { found: AccountId, configured: AccountId },
    #[error(
        "this folder is of Region {found}; the setting region says {configured}. Further Regions \
         to answer in are named by the setting regions"
    )]
    OtherRegion { found: Region, configured: Region },
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
    #[error("{0} was not restored to the end: restore once more, or remove all that is in it")]
    Unfinished(PathBuf),
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
    #[error("others can read the key file {0}: take that from them with `chmod 600`, and own it")]
    KeyFileMode(PathBuf),
    #[error("the root key cannot be opened")]
    RootKey(#[source] hsm::Error),
    #[error("a remote key protects the root key, and there is no remote {0} in the settings")]
    NoRemote(String),
    #[error(
        "which remote key is to protect the root key? Say it with root-key-remote and root-key-id"
    )]
    NoRemoteKey,
    #[error(
        "the backup itself says which remote key opens it, and could be anybody's: name the key \
         with --root-key-remote and --root-key-id, or the log with --public-key"
    )]
    AnyRemoteKey,
    #[error("the remote {remote} does not open the root key ({kind}): {cause}", kind = .kind.as_str())]
    RemoteKey { remote: String, kind: FailureKind, cause: String },
    #[error("the root key of this folder has no protector of this kind: it is opened by {0}")]
    NoSuchProtector(String),
    #[error(
        "{0:?} cannot be the name of a protector: take 1 to 64 letters, digits, `.`, `_` and `-`"
    )]
    ProtectorName(String),
    #[error("there is a protector {0} already: give the new one another name")]
    ProtectorExists(String),
    #[error("this key file is the protector {0} already: take another one")]
    SameKeyFile(String),
    #[error("the root key has {0} protectors and can have no more: remove one first")]
    TooManyProtectors(usize),
    #[error("there is no protector {0}")]
    NoProtector(String),
    #[error("{0} is the only protector: without it nobody could open the root key")]
    LastProtector(String),
    #[error(
        "no protector but {name} was opened: give what opens one of the others, so that it is \
         sure that somebody can, or say --force"
    )]
    Unproven {
        name: String,
        #[source]
        cause: Box<Self>,
    },
    #[error("give what opens these protectors too, or remove them first: {names}")]
    NotResealed {
        names: String,
        #[source]
        cause: Box<Self>,
    },
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
    #[error("the custom key stores cannot be loaded")]
    CustomKeyStores(#[from] keys::custom_stores::rows::LoadError),
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
