//! Why a command failed, and the exit code that says so.

use std::io;
use std::path::PathBuf;

use crate::{app, config, telemetry};

/// The server, or the command itself, says no.
const FAILED: u8 = 1;
/// The command line, a setting or a named file cannot be used.
pub(super) const USAGE: u8 = 2;
/// The server cannot start or cannot be reached.
const NO_SERVER: u8 = 3;

/// A change that was asked about is unsafe.
const UNSAFE: u8 = 4;

/// Exit code of a command whose output nobody reads any more, as of one that the
/// signal `SIGPIPE` ended.
pub(super) const CLOSED_OUTPUT: u8 = 141;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error(transparent)]
    Config(#[from] config::Error),
    #[error("cannot initialize the data folder")]
    Init(#[source] app::Error),
    #[error("cannot serve")]
    Serve(#[source] app::Error),
    #[error("nothing was changed")]
    RootKey(#[source] app::Error),
    #[error("the protectors of the root key cannot be listed")]
    Protectors(#[source] app::Error),
    #[error("nothing is restored")]
    Restore(#[source] app::Error),
    #[error("the backup is not whole")]
    BackupCheck(#[source] app::Error),
    #[error("there is no key file {0}: name that of the server that was backed up by --key-file")]
    NoKeyFile(PathBuf),
    #[error("what the server sent is no whole backup: {0} is not written")]
    NoBackup(PathBuf),
    #[error("cannot start the log and the metrics")]
    Telemetry(#[source] telemetry::Error),
    #[error("cannot watch the parent process")]
    Parent(#[source] rustix::io::Errno),
    #[error("{0} is not the URL of a server, such as http://127.0.0.1:7643")]
    Endpoint(String),
    #[error("the certificate authority in --ca-cert cannot be used")]
    CaCert(#[source] reqwest::Error),
    #[error("cannot reach {endpoint}")]
    Unreachable {
        endpoint: String,
        #[source]
        cause: reqwest::Error,
    },
    #[error("{0} is not a path: a name cannot be . or ..")]
    Path(String),
    #[error("the request cannot be signed")]
    Sign(#[from] crate::wire::sigv4::sign::Error),
    #[error("{code}: {message} (request {request_id})")]
    Refused { code: String, message: String, request_id: String },
    #[error("the answer (HTTP {status}) is not one of a wardbook server")]
    Answer {
        status: u16,
        #[source]
        cause: serde_json::Error,
    },
    #[error("cannot read {path}")]
    Read {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("cannot write {path}")]
    Write {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("the evidence does not hold")]
    Evidence(#[source] crate::audit::ledger::Error),
    #[error("--public-key cannot be used")]
    LogKey(#[source] Box<Self>),
    #[error("nothing can be said of the book")]
    Unverifiable(#[source] crate::audit::verify::Error),
    #[error("the log of now does not go on from the checkpoint: it was changed or cut")]
    Inconsistent,
    #[error("the server proved another event than {0}")]
    OtherEvent(String),
    #[error("{path} does not hold the JSON that is expected")]
    Json {
        path: PathBuf,
        #[source]
        cause: serde_json::Error,
    },
    #[error("{path} cannot be used")]
    Schema {
        path: PathBuf,
        #[source]
        cause: crate::items::error::ItemError,
    },
    #[error("{path} is refused")]
    SchemaRefused {
        path: PathBuf,
        #[source]
        cause: Box<Self>,
    },
    #[error("{0} names no schema: give it one with --name")]
    SchemaName(PathBuf),
    #[error("{path} is a second schema {name}")]
    SchemaTwice { name: String, path: PathBuf },
    #[error("items of earlier versions would no longer open")]
    UnsafeChange,
    #[error("{0} {noun}", noun = if *.0 == 1 { "change" } else { "changes" })]
    Changes(usize),
    #[error("{path} is refused")]
    Policy {
        path: PathBuf,
        #[source]
        cause: crate::policy::error::CompileError,
    },
    #[error("{path} holds no tests that can be run")]
    Trials {
        path: PathBuf,
        #[source]
        cause: crate::policy::trial::Error,
    },
    #[error("the policies of this program cannot be used")]
    Engine(#[source] crate::policy::error::Error),
    #[error("{0} is not the ARN of a key")]
    KeyArn(String),
    #[error("{failed} of {total} tests failed")]
    TestsFailed { failed: usize, total: usize },
    #[error("{path} has no tests")]
    NoTests { path: PathBuf },
    #[error("{0} {noun}", noun = if *.0 == 1 { "finding" } else { "findings" })]
    Findings(usize),
    #[error("{failed} of {total} items failed")]
    ItemsFailed { failed: usize, total: usize },
    #[error("{path}: {text}")]
    Job { path: PathBuf, text: &'static str },
    #[error("the server cannot do it now, and the same command goes on later: {code}: {text}")]
    NotNow { code: String, text: String },
    #[error("the server broke off its answer: {path} is not written")]
    BrokenOff {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("the connection to the server is gone")]
    Lost(#[source] io::Error),
    #[error("the book cannot be asked")]
    Sql(#[source] crate::store::Error),
    #[error("cannot write to standard output")]
    Output(#[from] io::Error),
    #[error("the demo went wrong: {0}")]
    Demo(String),
    #[error("the demo's server does not start: {0}")]
    DemoServer(String),
}

impl Error {
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_)
            | Self::Telemetry(_)
            | Self::Endpoint(_)
            | Self::CaCert(_)
            | Self::Path(_)
            | Self::LogKey(_)
            | Self::NoKeyFile(_)
            | Self::Unverifiable(_)
            | Self::KeyArn(_)
            | Self::Trials { .. }
            | Self::NoTests { .. }
            | Self::Schema { .. }
            | Self::SchemaName(_)
            | Self::SchemaTwice { .. }
            | Self::Job { .. }
            | Self::Read { .. }
            | Self::Json { .. } => USAGE,
            Self::Parent(_)
            | Self::Serve(_)
            | Self::Unreachable { .. }
            | Self::BrokenOff { .. }
            | Self::NotNow { .. }
            | Self::Lost(_)
            | Self::DemoServer(_) => NO_SERVER,
            Self::Init(_)
            | Self::RootKey(_)
            | Self::Protectors(_)
            | Self::Restore(_)
            | Self::BackupCheck(_)
            | Self::NoBackup(_)
            | Self::Sign(_)
            | Self::Refused { .. }
            | Self::Answer { .. }
            | Self::ItemsFailed { .. }
            | Self::Policy { .. }
            | Self::Engine(_)
            | Self::Evidence(_)
            | Self::Inconsistent
            | Self::OtherEvent(_)
            | Self::TestsFailed { .. }
            | Self::Findings(_)
            | Self::Changes(_)
            | Self::Write { .. }
            | Self::Sql(_)
            | Self::Output(_)
            | Self::Demo(_) => FAILED,
            Self::UnsafeChange => UNSAFE,
            Self::SchemaRefused { cause, .. } => cause.exit_code(),
        }
    }

    /// Whether whoever read the output went away.
    pub(super) fn is_closed_output(&self) -> bool {
        matches!(self, Self::Output(cause) if cause.kind() == io::ErrorKind::BrokenPipe)
    }
}
