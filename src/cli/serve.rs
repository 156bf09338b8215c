//! `wardbook serve`: runs the server. An empty data folder is initialized
//! first, so that nothing needs to be set up to begin.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use clap::Args;
use rustix::process::{Signal, set_parent_process_death_signal};
use serde_json::json;

use super::error::Error;
use super::output::Output;
use super::{Context, init};
use crate::app::{
    self, DEV_ACCESS_KEY, Doors, InitOptions, Initialized, OpenOptions, Opened, Progress, Seed,
    ServeOptions,
};
use crate::base::clock::{Clock, SystemClock};
use crate::base::ids::Region;
use crate::base::secret::SecretBytes;
use crate::config::flags::ServerFlags;
use crate::config::server::{self, Server};
use crate::keys::backend::remote::Remotes;
use crate::store;
use crate::telemetry::{self, Telemetry};

#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    flags: ServerFlags,
    /// Stop when the process that started this one ends, however it ends
    #[arg(long, hide = true)]
    stop_with_parent: bool,
}

pub(super) fn run(context: &mut Context, arguments: Arguments) -> Result<(), Error> {
    let settings = server::server(arguments.flags, &context.environment)?;
    let telemetry = Arc::new(telemetry::start(&settings.telemetry).map_err(Error::Telemetry)?);
    if arguments.stop_with_parent {
        set_parent_process_death_signal(Some(Signal::TERM)).map_err(Error::Parent)?;
    }
    let is_new = !app::is_initialized(&settings.folder.data).map_err(Error::Serve)?;
    let Server { mut folder, listen, mut regions, quotas, oidc, workers, tls, .. } = settings;
    let Server { guardrails, witness, seed, dev, trail, disk_reserve_bytes, .. } = settings;
    let seed = seed.as_deref().map(read_seed).transpose()?;
    let of_seed = seed.iter().flat_map(Seed::regions).collect::<Vec<_>>();
    let first_region = of_seed.first().cloned();
    regions.extend(of_seed);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let remotes = Arc::new(Remotes::new(std::mem::take(&mut folder.remotes), &clock));
    let (account, region) = (folder.account.clone(), folder.region.clone());
    let folder = init::options(folder, is_new, &remotes)?;
    let listener = app::bind(listen).map_err(Error::Serve)?;
    let mut made = None;
    if is_new {
        made = Some(app::init(&folder, clock.as_ref()).map_err(Error::Init)?);
    }
    let scheme = if tls.is_some() { "https" } else { "http" };
    let metrics = Arc::clone(&telemetry);
    let doors =
        Doors { listener, workers, tls, metrics: Box::new(move || metrics.prometheus_text()) };
    let InitOptions { data, root_key, log_origin, .. } = folder;
    let open = OpenOptions {
        data,
        root_key,
        account,
        region,
        regions,
        quotas,
        oidc,
        remotes,
        log_origin,
        witness,
        store: store::Settings { reserve_bytes: Some(disk_reserve_bytes), ..Default::default() },
        trail,
        clock,
        observer: telemetry.observer(),
    };
    let output = &mut context.output;
    // A developer has test/test, and needs no second administrator.
    if let Some(made) = made.as_ref().filter(|_| !output.is_json() && !dev) {
        init::print_text(output, made)?;
    }
    let mut printed = Ok(());
    let options = ServeOptions { open, doors, guardrails, seed, dev };
    let served = app::serve(options, |progress| {
        let (opened, address) = match progress {
            Progress::Sealed { why, address } => {
                printed = announce_sealed(output, address, why);
                return;
            }
            Progress::Listening { opened, address } => (opened, address),
        };
        watch(&telemetry, opened);
        let url = format!("{scheme}://{}", reachable(address));
        let region = first_region.as_ref().or(opened.ctx.regions.first());
        printed = match output.is_json() {
            true => announce_json(output, address, made.take()),
            false => announce(output, &url, opened, region, shown(made.take(), dev)),
        };
    });
    // The server did not come up, but the folder is made: what opens it must
    // not be lost.
    if let Some(made) = made.filter(|_| output.is_json()) {
        init::print_json(output, made)?;
    }
    served.map_err(Error::Serve)?;
    printed
}

fn watch(telemetry: &Telemetry, opened: &Opened) {
    let store = Arc::clone(&opened.ctx.store);
    telemetry.watch_store(move || store.health());
    if let Some(trail) = opened.ctx.trail.clone() {
        telemetry.watch_trail(move || trail.status());
    }
    let (keys, clock) = (Arc::clone(&opened.ctx.keys), Arc::clone(&opened.ctx.clock));
    telemetry.watch_remotes(&opened.ctx.remotes);
    telemetry.watch_witnesses(&opened.witness.health());
    telemetry.watch_keys(move |limit| keys.material_expirations(limit), clock);
}

fn announce_sealed(
    output: &mut Output,
    address: SocketAddr,
    why: &'static str,
) -> Result<(), Error> {
    if output.is_json() {
        return Ok(output.json(&json!({ "sealed": why, "listening": address.to_string() }))?);
    }
    let address = reachable(address);
    Ok(output.line(format_args!(
        "Sealed ({why}): {address} answers health only, and opens when the remote key can be used"
    ))?)
}

fn announce_json(
    output: &mut Output,
    address: SocketAddr,
    made: Option<Initialized>,
) -> Result<(), Error> {
    output.json(&json!({ "listening": address.to_string() }))?;
    made.map_or(Ok(()), |made| init::print_json(output, made))
}

fn read_seed(path: &Path) -> Result<Seed, Error> {
    Seed::read(path).map_err(|error| Error::Serve(error.into()))
}

/// The access key to begin with, and its secret.
fn shown(made: Option<Initialized>, dev: bool) -> Option<(String, SecretBytes)> {
    match dev {
        true => Some((DEV_ACCESS_KEY.to_owned(), SecretBytes::new(DEV_ACCESS_KEY.into()))),
        false => made.map(|made| (made.access_key_id, made.secret_access_key)),
    }
}

fn announce(
    output: &mut Output,
    url: &str,
    opened: &Opened,
    region: Option<&Region>,
    shown: Option<(String, SecretBytes)>,
) -> Result<(), Error> {
    if let (Some((access_key_id, secret)), Some(region)) = (shown, region) {
        output.line("\nThree commands to copy into another terminal:\n")?;
        output.line(format_args!(
            "  export AWS_ENDPOINT_URL={url} AWS_REGION={region} AWS_DEFAULT_REGION={region} \\"
        ))?;
        output.line(format_args!("    AWS_ACCESS_KEY_ID={access_key_id} \\"))?;
        output.secret("    AWS_SECRET_ACCESS_KEY=", &secret)?;
        output.line(FIRST_COMMANDS)?;
    }
    let regions: Vec<&str> = opened.ctx.regions.iter().map(|region| region.as_str()).collect();
    let (account, regions) = (&opened.ctx.account, regions.join(", "));
    Ok(output.line(format_args!("Listening on {url} (account {account}, {regions})"))?)
}

const FIRST_COMMANDS: &str = "  aws kms create-alias --alias-name alias/first --target-key-id \\
    \"$(aws kms create-key --query KeyMetadata.KeyId --output text)\"
  echo hello > hello.txt && aws kms encrypt --key-id alias/first \\
    --plaintext fileb://hello.txt --encryption-context app=tour
";

/// An address to connect to: a server that listens everywhere is also here.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
