//! Settings that cannot be used. Every text names the setting.

use std::io;
use std::path::PathBuf;

use crate::keys::backend::remote::RemoteName;

/// A setting that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{name}: {value:?} is not {expected}")]
    Value { name: &'static str, value: String, expected: &'static str },
    #[error("remotes.{name}")]
    Remote {
        name: RemoteName,
        #[source]
        cause: Box<Self>,
    },
    #[error("the environment variable {0} is not UTF-8")]
    NotUtf8(&'static str),
    #[error("cannot read {path}")]
    Read {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("{path} is not a valid settings file")]
    File {
        path: PathBuf,
        #[source]
        cause: Box<toml::de::Error>,
    },
    #[error("{0}: `data` has no meaning in a file that lies in the data folder")]
    DataInDataFolder(PathBuf),
    #[error("{set} is set without {missing}")]
    Half { set: &'static str, missing: &'static str },
    #[error(
        "more than one of key file, passphrase and remote key is set: say with root-key which one \
         opens the root key"
    )]
    TwoRootKeys,
    #[error("`--dev` lets everybody in, so it listens on this machine only, not on {0}")]
    DevListen(std::net::SocketAddr),
    #[error(
        "listen: {0} can be reached from other machines: set tls-cert and tls-key, or allow plain \
         HTTP with --insecure-listen"
    )]
    InsecureListen(String),
    #[error("listen: {address} cannot be resolved")]
    Resolve {
        address: String,
        #[source]
        cause: io::Error,
    },
    #[error("{path} is not usable PEM")]
    Pem {
        path: PathBuf,
        #[source]
        cause: rustls::pki_types::pem::Error,
    },
    #[error("tls-cert and tls-key cannot be used")]
    Tls(#[source] rustls::Error),
    #[error(
        "no passphrase: there is no terminal to ask on; use --passphrase-file or --passphrase-fd"
    )]
    NoTerminal(#[source] io::Error),
    #[error(
        "others can read the passphrase in {0}: take that from them with `chmod 600`, and own it, \
         or give it by --passphrase-fd"
    )]
    PassphraseFileMode(PathBuf),
    #[error("the passphrase is empty")]
    EmptyPassphrase,
    #[error("the two passphrases differ")]
    PassphrasesDiffer,
    #[error("the passphrase is longer than {0} bytes")]
    LongPassphrase(u64),
    #[error(
        "no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE for a \
         profile that has them"
    )]
    NoCredentials(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("no Region: set AWS_REGION or --region")]
    NoRegion,
    #[error(
        "trail-s3-bucket: this program is built without S3 (the cargo feature `s3`); set \
         trail-folder, and copy its files to the bucket"
    )]
    NoS3,
    #[error("the profile cannot be read")]
    Profile(#[source] io::Error),
}
