//! The settings of `serve` and `init`, checked.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use super::environment::Environment;
use super::flags::{InitFlags, RootKeyCommandFlags, ServerFlags};
use super::layer::Layer;
use super::oidc::OidcTable;
use super::remotes::{self, RemoteTables};
use super::root_key::RootKeySetting;
use super::{Error, file, tls};
use crate::app::{DEV_ACCOUNT, GUARDRAILS, GuardrailFolder, WitnessSettings};
use crate::audit::trail;
use crate::base::ids::{AccountId, Region};
use crate::base::quotas::Quotas;
use crate::identity::oidc;
use crate::keys::backend::remote;
use crate::telemetry::{self, LogFormat};

const DEFAULT_LISTEN: &str = "127.0.0.1:7643";
const DEFAULT_REGION: &str = "us-east-1";
const DEFAULT_DISK_RESERVE_MIB: u64 = 64;
const DEFAULT_LOG_FILTER: &str = "info";

/// How a new data folder is made.
#[derive(Debug)]
pub struct NewFolder {
    pub data: PathBuf,
    /// As the settings name it, which a folder that is there must be of.
    pub account: Option<AccountId>,
    /// As the settings name it, which a folder that is there must be of.
    pub region: Option<Region>,
    /// Of a new folder if the settings name none; a random one without either.
    pub default_account: Option<AccountId>,
    /// Of a new folder if the settings name none.
    pub default_region: Region,
    pub root_key: RootKeySetting,
    /// Where remote keys are.
    pub remotes: Vec<remote::Settings>,
    /// Of the log; one with a random id without.
    pub log_origin: Option<String>,
}

/// How the server runs.
pub struct Server {
    /// The data folder, and how it is made if it is empty.
    pub folder: NewFolder,
    pub listen: SocketAddr,
    /// Beside the one of the data folder.
    pub regions: Vec<Region>,
    pub workers: usize,
    pub quotas: Quotas,
    pub oidc: Vec<oidc::Setting>,
    pub tls: Option<rustls::ServerConfig>,
    pub guardrails: GuardrailFolder,
    pub witness: WitnessSettings,
    pub seed: Option<PathBuf>,
    /// 0 for none.
    pub disk_reserve_bytes: u64,
    /// Never a setting of the environment or a file: what opens the server to
    /// everybody must be seen where it is started.
    pub dev: bool,
    pub telemetry: telemetry::Settings,
    /// Where log files go, if anywhere.
    pub trail: Option<trail::Setting>,
}

/// How a folder that nobody serves is opened to change what protects its root key.
pub struct Offline {
    pub data: PathBuf,
    pub root_key: RootKeySetting,
    pub remotes: Vec<remote::Settings>,
    pub witness: WitnessSettings,
}

/// The settings of the commands on the root key: those of `serve` that they share.
///
/// # Errors
/// [`Error`].
pub fn offline(flags: RootKeyCommandFlags, environment: &Environment) -> Result<Offline, Error> {
    let mut flags = flags;
    let config = flags.data.config.take();
    let (data, settings) = file::settings(flags.into(), config, environment)?;
    let root_key = RootKeySetting::of(&settings, &data)?;
    let remotes = remotes::settings(settings.remotes)?;
    Ok(Offline { data, root_key, remotes, witness: settings.audit.witness()? })
}

/// The settings of `init`.
///
/// # Errors
/// [`Error`].
pub fn new_folder(flags: InitFlags, environment: &Environment) -> Result<NewFolder, Error> {
    let mut flags = flags;
    let config = flags.data.config.take();
    let (data, mut settings) = file::settings(flags.into(), config, environment)?;
    let remotes = std::mem::take(&mut settings.remotes);
    folder(data, &settings, remotes, environment)
}

/// The settings of `serve`.
///
/// # Errors
/// [`Error`].
pub fn server(flags: ServerFlags, environment: &Environment) -> Result<Server, Error> {
    let mut flags = flags;
    let (config, dev) = (flags.data.config.take(), flags.dev);
    let (data, mut settings) = file::settings(flags.into(), config, environment)?;
    let remotes = std::mem::take(&mut settings.remotes);
    let mut folder = folder(data, &settings, remotes, environment)?;
    if dev {
        folder.default_account = AccountId::parse(DEV_ACCOUNT);
    }
    let telemetry = telemetry(&settings)?;
    let regions = settings.regions.unwrap_or_default();
    let regions = regions.into_iter().map(|text| region("regions", text));
    let tls = tls::server(settings.tls_cert, settings.tls_key)?;
    let open_to_all = tls.is_some() || settings.insecure_listen.unwrap_or(false);
    let listen = listen(settings.listen, open_to_all)?;
    if dev && !listen.ip().is_loopback() {
        return Err(Error::DevListen(listen));
    }
    let guardrails = match settings.policies {
        Some(path) => GuardrailFolder { path, named: true },
        None => GuardrailFolder { path: folder.data.join(GUARDRAILS), named: false },
    };
    Ok(Server {
        folder,
        listen,
        regions: regions.collect::<Result<_, _>>()?,
        workers: workers(settings.workers)?,
        quotas: settings.quotas.quotas()?,
        oidc: settings.oidc.into_iter().map(OidcTable::setting).collect::<Result<_, _>>()?,
        tls,
        guardrails,
        witness: settings.audit.witness()?,
        seed: settings.seed,
        disk_reserve_bytes: disk_reserve_bytes(settings.disk_reserve)?,
        dev,
        telemetry,
        trail: settings.trail.setting()?,
    })
}

fn folder(
    data: PathBuf,
    settings: &Layer,
    remotes: RemoteTables,
    environment: &Environment,
) -> Result<NewFolder, Error> {
    let account = settings.account.clone().map(|text| {
        AccountId::parse(&text).ok_or(Error::Value {
            name: "account",
            value: text,
            expected: "an account id of 12 digits",
        })
    });
    let named_region = settings.region.clone().map(|text| region("region", text));
    Ok(NewFolder {
        account: account.transpose()?,
        region: named_region.transpose()?,
        default_account: None,
        default_region: usual_region(environment)?,
        root_key: RootKeySetting::of(settings, &data)?,
        remotes: remotes::settings(remotes)?,
        log_origin: settings.audit.origin()?,
        data,
    })
}

/// The Region of the user's other tools, so that they agree with this one.
/// They may hold a name that is none here; then it says nothing to this server.
fn usual_region(environment: &Environment) -> Result<Region, Error> {
    let named = environment.first(&["AWS_REGION", "AWS_DEFAULT_REGION"])?;
    match named.as_deref().and_then(Region::parse) {
        Some(region) => Ok(region),
        None => region("region", DEFAULT_REGION.to_owned()),
    }
}

fn region(name: &'static str, text: String) -> Result<Region, Error> {
    Region::parse(&text).ok_or(Error::Value {
        name,
        value: text,
        expected: "a Region, such as eu-central-1",
    })
}

fn listen(address: Option<String>, open_to_all: bool) -> Result<SocketAddr, Error> {
    let address = address.unwrap_or_else(|| DEFAULT_LISTEN.to_owned());
    let mut found = match address.to_socket_addrs() {
        Ok(found) => found,
        Err(cause) => return Err(Error::Resolve { address, cause }),
    };
    let Some(listen) = found.next() else {
        return Err(Error::Value { name: "listen", value: address, expected: "HOST:PORT" });
    };
    if !listen.ip().is_loopback() && !open_to_all {
        return Err(Error::InsecureListen(address));
    }
    Ok(listen)
}

fn workers(number: Option<usize>) -> Result<usize, Error> {
    match number {
        Some(0) => Err(Error::Value {
            name: "workers",
            value: "0".to_owned(),
            expected: "a number of threads",
        }),
        Some(number) => Ok(number),
        None => Ok(std::thread::available_parallelism().map_or(1, usize::from)),
    }
}

fn disk_reserve_bytes(mib: Option<u64>) -> Result<u64, Error> {
    let mib = mib.unwrap_or(DEFAULT_DISK_RESERVE_MIB);
    mib.checked_mul(1024 * 1024).filter(|bytes| i64::try_from(*bytes).is_ok()).ok_or_else(|| {
        Error::Value {
            name: "disk-reserve",
            value: mib.to_string(),
            expected: "a number of MiB that a file can have",
        }
    })
}

fn telemetry(settings: &Layer) -> Result<telemetry::Settings, Error> {
    let log_format = match settings.log_format.as_deref() {
        None | Some("text") => LogFormat::Text,
        Some("json") => LogFormat::Json,
        Some(other) => {
            return Err(Error::Value {
                name: "log-format",
                value: other.to_owned(),
                expected: "text or json",
            });
        }
    };
    let log_filter = settings.log_filter.clone();
    Ok(telemetry::Settings {
        log_format,
        log_filter: log_filter.unwrap_or_else(|| DEFAULT_LOG_FILTER.to_owned()),
        otlp_endpoint: settings.otlp_endpoint.clone(),
        key_metrics: settings.key_metrics.unwrap_or(false),
    })
}
