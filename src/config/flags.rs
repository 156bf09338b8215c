//! The flags of the command line that are settings. Their texts are the help
//! that users read; each is the same setting in the environment and the file.

use std::path::PathBuf;

use clap::Args;

/// Where everything is.
#[derive(Debug, Default, Args)]
pub struct DataFlags {
    /// Data folder [default: ./wardbook-data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Settings file [default: wardbook.toml in the data folder, if there is one]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// What opens the root key.
#[derive(Debug, Default, Args)]
pub struct RootKeyFlags {
    /// What opens the root key [default: key-file]
    #[arg(long, value_name = "KIND", value_parser = ["key-file", "passphrase", "aws-kms"])]
    pub root_key: Option<String>,
    /// Key file [default: root.key in the data folder]
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// Read the passphrase from the first line of a file
    #[arg(long, value_name = "FILE", conflicts_with = "passphrase_fd")]
    pub passphrase_file: Option<PathBuf>,
    /// Read the passphrase from the first line of an open file descriptor
    #[arg(long, value_name = "NUMBER")]
    pub passphrase_fd: Option<u32>,
    /// Remote whose key protects the root key of a new data folder, a table
    /// [remotes.NAME] of the settings file
    #[arg(long, value_name = "NAME")]
    pub root_key_remote: Option<String>,
    /// That key of AWS KMS, which must be symmetric
    #[arg(long, value_name = "ARN")]
    pub root_key_id: Option<String>,
}

/// What is to open the root key as well.
#[derive(Debug, Args)]
#[command(next_help_heading = "The new protector")]
pub struct NewProtectorFlags {
    /// Its kind
    #[arg(long, value_name = "KIND", value_parser = ["key-file", "passphrase", "aws-kms"])]
    pub kind: String,
    /// Its name [default: its kind]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Its key file, which is made if it is not there
    #[arg(long, value_name = "FILE")]
    pub new_key_file: Option<PathBuf>,
    /// Read its passphrase from the first line of a file
    #[arg(long, value_name = "FILE", conflicts_with = "new_passphrase_fd")]
    pub new_passphrase_file: Option<PathBuf>,
    /// Read its passphrase from the first line of an open file descriptor
    #[arg(long, value_name = "NUMBER")]
    pub new_passphrase_fd: Option<u32>,
    /// Remote whose key protects the root key, a table [remotes.NAME] of the settings file
    #[arg(long, value_name = "NAME")]
    pub new_remote: Option<String>,
    /// That key of AWS KMS, which must be symmetric
    #[arg(long, value_name = "ARN")]
    pub new_key_id: Option<String>,
}

/// Everything that the commands on the root key can be told.
#[derive(Debug, Default, Args)]
pub struct RootKeyCommandFlags {
    #[command(flatten)]
    pub data: DataFlags,
    #[command(flatten)]
    pub root_key: RootKeyFlags,
}

/// How the server listens.
#[derive(Debug, Default, Args)]
pub struct ListenFlags {
    /// Address to listen on; port 0 takes any free one [default: 127.0.0.1:7643]
    #[arg(long, value_name = "HOST:PORT")]
    pub listen: Option<String>,
    /// Allow other machines to connect without TLS
    #[arg(long)]
    pub insecure_listen: bool,
    /// Certificate chain, PEM; switches TLS on
    #[arg(long, value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// Private key of the certificate, PEM
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// Regions to answer in, beside the one of the data folder
    #[arg(long, value_name = "REGION", value_delimiter = ',')]
    pub regions: Option<Vec<String>>,
    /// Worker threads [default: one a core]
    #[arg(long, value_name = "NUMBER")]
    pub workers: Option<usize>,
}

/// What the server tells of itself.
#[derive(Debug, Default, Args)]
pub struct TelemetryFlags {
    /// Form of the log on standard error [default: text]
    #[arg(long, value_name = "FORM", value_parser = ["text", "json"])]
    pub log_format: Option<String>,
    /// What is logged, such as `info` or `warn,wardbook::audit=debug` [default: info]
    #[arg(long, value_name = "FILTER")]
    pub log_filter: Option<String>,
    /// OpenTelemetry collector for traces and metrics, OTLP over HTTP [default: none]
    #[arg(long, value_name = "URL")]
    pub otlp_endpoint: Option<String>,
    /// Tell of single keys in /metrics too, which everybody who reaches the port
    /// can read
    #[arg(long)]
    pub key_metrics: bool,
}

/// What one account may have and do in one Region.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Quotas")]
pub struct QuotaFlags {
    /// Customer managed keys in one Region [default: 100000]
    #[arg(long, value_name = "NUMBER")]
    pub quota_keys_per_region: Option<u32>,
    /// Aliases of one key [default: 50]
    #[arg(long, value_name = "NUMBER")]
    pub quota_aliases_per_key: Option<u32>,
    /// Grants of one key [default: 50000]
    #[arg(long, value_name = "NUMBER")]
    pub quota_grants_per_key: Option<u32>,
    /// Tags of one key [default: 50]
    #[arg(long, value_name = "NUMBER")]
    pub quota_tags_per_key: Option<u32>,
    /// Document of a key policy [default: 32768]
    #[arg(long, value_name = "BYTES")]
    pub quota_key_policy_bytes: Option<u32>,
    /// Rotations on demand of one key [default: 25]
    #[arg(long, value_name = "NUMBER")]
    pub quota_rotations_per_key: Option<u32>,
    /// Calls a second: aws, off, or GROUP=RATE,... [default: off]
    #[arg(long, value_name = "RATES")]
    pub quota_request_rates: Option<String>,
}

/// How the log is signed and witnessed.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Audit log")]
pub struct AuditFlags {
    /// Origin of a new log, the name in its checkpoints [default: wardbook/ and a random id]
    #[arg(long, value_name = "NAME")]
    pub audit_origin: Option<String>,
    /// Append each checkpoint to a file, which the next start checks the log against
    #[arg(long, value_name = "FILE")]
    pub audit_witness_file: Option<PathBuf>,
    /// POST each checkpoint to a witness
    #[arg(long, value_name = "URL")]
    pub audit_witness_url: Option<String>,
    /// Go on, this once, with a restored log that lacks records of which the witness's file has
    /// seen so many; recorded
    #[arg(long, value_name = "SIZE")]
    pub audit_accept_loss: Option<u64>,
}

/// Where log files in CloudTrail's layout go.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Trail")]
pub struct TrailFlags {
    /// Folder for log files and digests, which looks like the bucket
    #[arg(long, value_name = "DIR")]
    pub trail_folder: Option<PathBuf>,
    /// Bucket for them; with a folder, the bucket it is copied to [default there: wardbook-trail]
    #[arg(long, value_name = "NAME")]
    pub trail_s3_bucket: Option<String>,
    /// In front of the names of all objects
    #[arg(long, value_name = "PREFIX")]
    pub trail_s3_prefix: Option<String>,
    /// S3 server that is not AWS
    #[arg(long, value_name = "URL")]
    pub trail_s3_endpoint: Option<String>,
    /// From one delivery to the next [default: 300]
    #[arg(long, value_name = "SECONDS")]
    pub trail_interval_s: Option<u32>,
    /// From one digest to the next [default: 3600]
    #[arg(long, value_name = "SECONDS")]
    pub trail_digest_interval_s: Option<u32>,
}

/// Everything `serve` can be told.
#[derive(Debug, Default, Args)]
pub struct ServerFlags {
    #[command(flatten)]
    pub data: DataFlags,
    #[command(flatten)]
    pub listen: ListenFlags,
    #[command(flatten)]
    pub root_key: RootKeyFlags,
    #[command(flatten)]
    pub telemetry: TelemetryFlags,
    /// Folder of the operator's guardrails, *.cedar [default: policies in the data folder]
    #[arg(long, value_name = "DIR")]
    pub policies: Option<PathBuf>,
    /// Users, roles and keys to make if they were not made before, TOML
    #[arg(long, value_name = "FILE")]
    pub seed: Option<PathBuf>,
    /// Disk kept for administrators for when it is full, MiB; 0 keeps none [default: 64]
    #[arg(long, value_name = "MIB")]
    pub disk_reserve: Option<u64>,
    /// For development: let everybody on this machine in as administrator of
    /// account 000000000000, with the access key test/test
    #[arg(long)]
    pub dev: bool,
    #[command(flatten)]
    pub audit: AuditFlags,
    #[command(flatten)]
    pub quotas: QuotaFlags,
    #[command(flatten)]
    pub trail: TrailFlags,
}

/// Everything `init` can be told.
#[derive(Debug, Default, Args)]
pub struct InitFlags {
    #[command(flatten)]
    pub data: DataFlags,
    /// Account id, 12 digits [default: a random one]
    #[arg(long, value_name = "DIGITS")]
    pub account: Option<String>,
    /// Region of the data folder [default: AWS_REGION, or us-east-1]
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// Origin of the log, the name in its checkpoints [default: wardbook/ and a random id]
    #[arg(long, value_name = "NAME")]
    pub audit_origin: Option<String>,
    #[command(flatten)]
    pub root_key: RootKeyFlags,
}

/// Which server a client command talks to. Credentials are never flags: they
/// come from the `AWS_*` environment or an AWS profile.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Connection")]
pub struct ClientFlags {
    /// URL of the server [default: AWS_ENDPOINT_URL_KMS, AWS_ENDPOINT_URL, or http://127.0.0.1:7643]
    #[arg(long, value_name = "URL", global = true)]
    pub endpoint: Option<String>,
    /// Region to call [default: AWS_REGION]
    #[arg(long, value_name = "REGION", global = true)]
    pub region: Option<String>,
    /// Certificate authority to trust beside the system's, PEM [default: AWS_CA_BUNDLE]
    #[arg(long, value_name = "FILE", global = true)]
    pub ca_cert: Option<PathBuf>,
}
