//! One source of settings, as it came: everything may be missing, nothing is
//! checked yet.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Error;
use super::audit::AuditLayer;
use super::environment::Environment;
use super::flags::{AuditFlags, InitFlags, RootKeyCommandFlags, RootKeyFlags, ServerFlags};
use super::oidc::OidcTable;
use super::quotas::QuotaLayer;
use super::remotes::RemoteTables;
use super::trail::TrailLayer;

/// The settings of one source. In `wardbook.toml` the keys are these names
/// with hyphens; a key that is not one of them is refused.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Layer {
    pub(super) data: Option<PathBuf>,
    pub(super) account: Option<String>,
    pub(super) region: Option<String>,
    pub(super) root_key: Option<String>,
    pub(super) key_file: Option<PathBuf>,
    pub(super) passphrase_file: Option<PathBuf>,
    /// Means something for one process only, so it is a flag only.
    #[serde(skip)]
    pub(super) passphrase_fd: Option<u32>,
    pub(super) root_key_remote: Option<String>,
    pub(super) root_key_id: Option<String>,
    pub(super) listen: Option<String>,
    pub(super) insecure_listen: Option<bool>,
    pub(super) tls_cert: Option<PathBuf>,
    pub(super) tls_key: Option<PathBuf>,
    pub(super) regions: Option<Vec<String>>,
    pub(super) workers: Option<usize>,
    #[serde(default)]
    pub(super) quotas: QuotaLayer,
    #[serde(default)]
    pub(super) trail: TrailLayer,
    /// Tables of the file; neither a flag nor the environment has them.
    #[serde(default)]
    pub(super) oidc: Vec<OidcTable>,
    /// Tables of the file, too.
    #[serde(default)]
    pub(super) remotes: RemoteTables,
    #[serde(default)]
    pub(super) audit: AuditLayer,
    pub(super) log_format: Option<String>,
    pub(super) log_filter: Option<String>,
    pub(super) otlp_endpoint: Option<String>,
    pub(super) key_metrics: Option<bool>,
    pub(super) policies: Option<PathBuf>,
    pub(super) seed: Option<PathBuf>,
    pub(super) disk_reserve: Option<u64>,
}

impl Layer {
    /// The settings of the environment.
    pub(super) fn of_environment(from: &Environment) -> Result<Self, Error> {
        let path = |name| Ok(from.text(name)?.map(PathBuf::from));
        Ok(Self {
            data: path("WARDBOOK_DATA")?,
            account: from.text("WARDBOOK_ACCOUNT")?,
            region: from.text("WARDBOOK_REGION")?,
            root_key: from.text("WARDBOOK_ROOT_KEY")?,
            key_file: path("WARDBOOK_KEY_FILE")?,
            passphrase_file: path("WARDBOOK_PASSPHRASE_FILE")?,
            passphrase_fd: None,
            root_key_remote: from.text("WARDBOOK_ROOT_KEY_REMOTE")?,
            root_key_id: from.text("WARDBOOK_ROOT_KEY_ID")?,
            listen: from.text("WARDBOOK_LISTEN")?,
            insecure_listen: parsed(from, "WARDBOOK_INSECURE_LISTEN", "true or false")?,
            tls_cert: path("WARDBOOK_TLS_CERT")?,
            tls_key: path("WARDBOOK_TLS_KEY")?,
            regions: from.text("WARDBOOK_REGIONS")?.map(|text| list(&text)),
            workers: parsed(from, "WARDBOOK_WORKERS", "a number")?,
            quotas: QuotaLayer::of_environment(from)?,
            trail: TrailLayer::of_environment(from)?,
            oidc: Vec::new(),
            remotes: RemoteTables::new(),
            audit: AuditLayer::of_environment(from)?,
            log_format: from.text("WARDBOOK_LOG_FORMAT")?,
            log_filter: from.text("WARDBOOK_LOG_FILTER")?,
            // The second name is OpenTelemetry's own.
            otlp_endpoint: from
                .first(&["WARDBOOK_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"])?,
            key_metrics: parsed(from, "WARDBOOK_KEY_METRICS", "true or false")?,
            policies: path("WARDBOOK_POLICIES")?,
            seed: path("WARDBOOK_SEED")?,
            disk_reserve: parsed(from, "WARDBOOK_DISK_RESERVE", "a number of MiB")?,
        })
    }

    /// These settings, and those of `below` where there is none.
    pub(super) fn over(self, below: Self) -> Self {
        Self {
            data: self.data.or(below.data),
            account: self.account.or(below.account),
            region: self.region.or(below.region),
            root_key: self.root_key.or(below.root_key),
            key_file: self.key_file.or(below.key_file),
            passphrase_file: self.passphrase_file.or(below.passphrase_file),
            passphrase_fd: self.passphrase_fd.or(below.passphrase_fd),
            root_key_remote: self.root_key_remote.or(below.root_key_remote),
            root_key_id: self.root_key_id.or(below.root_key_id),
            listen: self.listen.or(below.listen),
            insecure_listen: self.insecure_listen.or(below.insecure_listen),
            tls_cert: self.tls_cert.or(below.tls_cert),
            tls_key: self.tls_key.or(below.tls_key),
            regions: self.regions.or(below.regions),
            workers: self.workers.or(below.workers),
            quotas: self.quotas.over(below.quotas),
            trail: self.trail.over(below.trail),
            oidc: if self.oidc.is_empty() { below.oidc } else { self.oidc },
            remotes: if self.remotes.is_empty() { below.remotes } else { self.remotes },
            audit: self.audit.over(below.audit),
            log_format: self.log_format.or(below.log_format),
            log_filter: self.log_filter.or(below.log_filter),
            otlp_endpoint: self.otlp_endpoint.or(below.otlp_endpoint),
            key_metrics: self.key_metrics.or(below.key_metrics),
            policies: self.policies.or(below.policies),
            seed: self.seed.or(below.seed),
            disk_reserve: self.disk_reserve.or(below.disk_reserve),
        }
    }

    /// The same settings with paths seen from `folder`.
    pub(super) fn seen_from(self, folder: &Path) -> Self {
        let seen = |path: Option<PathBuf>| path.map(|path| folder.join(path));
        Self {
            data: seen(self.data),
            key_file: seen(self.key_file),
            passphrase_file: seen(self.passphrase_file),
            tls_cert: seen(self.tls_cert),
            tls_key: seen(self.tls_key),
            policies: seen(self.policies),
            seed: seen(self.seed),
            audit: self.audit.seen_from(folder),
            trail: self.trail.seen_from(folder),
            oidc: self.oidc.into_iter().map(|table| table.seen_from(folder)).collect(),
            ..self
        }
    }
}

impl From<RootKeyFlags> for Layer {
    fn from(flags: RootKeyFlags) -> Self {
        Self {
            root_key: flags.root_key,
            key_file: flags.key_file,
            passphrase_file: flags.passphrase_file,
            passphrase_fd: flags.passphrase_fd,
            root_key_remote: flags.root_key_remote,
            root_key_id: flags.root_key_id,
            ..Self::default()
        }
    }
}

impl From<RootKeyCommandFlags> for Layer {
    fn from(flags: RootKeyCommandFlags) -> Self {
        Self { data: flags.data.data, ..flags.root_key.into() }
    }
}

impl From<InitFlags> for Layer {
    fn from(flags: InitFlags) -> Self {
        Self {
            data: flags.data.data,
            account: flags.account,
            region: flags.region,
            audit: AuditFlags { audit_origin: flags.audit_origin, ..AuditFlags::default() }.into(),
            ..flags.root_key.into()
        }
    }
}

impl From<ServerFlags> for Layer {
    fn from(flags: ServerFlags) -> Self {
        let (listen, telemetry) = (flags.listen, flags.telemetry);
        Self {
            data: flags.data.data,
            listen: listen.listen,
            insecure_listen: listen.insecure_listen.then_some(true),
            tls_cert: listen.tls_cert,
            tls_key: listen.tls_key,
            regions: listen.regions,
            workers: listen.workers,
            quotas: flags.quotas.into(),
            audit: flags.audit.into(),
            trail: flags.trail.into(),
            log_format: telemetry.log_format,
            log_filter: telemetry.log_filter,
            otlp_endpoint: telemetry.otlp_endpoint,
            key_metrics: telemetry.key_metrics.then_some(true),
            policies: flags.policies,
            seed: flags.seed,
            disk_reserve: flags.disk_reserve,
            ..flags.root_key.into()
        }
    }
}

pub(super) fn parsed<T: std::str::FromStr>(
    from: &Environment,
    name: &'static str,
    expected: &'static str,
) -> Result<Option<T>, Error> {
    let Some(value) = from.text(name)? else { return Ok(None) };
    match value.parse() {
        Ok(parsed) => Ok(Some(parsed)),
        Err(_bad) => Err(Error::Value { name, value, expected }),
    }
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(|part| part.trim().to_owned()).collect()
}
