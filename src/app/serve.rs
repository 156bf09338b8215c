//! Running: open the doors, keep the timers going, and stop in good order.

use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{oneshot, watch};

use super::connections;
use super::error::Error;
use super::guardrails::{GuardrailFolder, Guardrails};
use super::hardening;
use super::open::{Closed, OpenOptions, Opened};
use super::open_files;
use super::sealed;
use super::seed::{self, Seed};
use super::started;
use super::trail;
use super::watch::Watcher;
use crate::base::limits;
use crate::http::server::{self, Listening};
use crate::http::{Door, State, Way};
use crate::identity::authenticate::Authenticator;
use crate::items;
use crate::ops::operation::BoundOperation;
use crate::ops::{self, system};

/// How the doors are opened.
pub struct Doors {
    /// See [`bind`].
    pub listener: TcpListener,
    /// Worker threads.
    pub workers: usize,
    /// Plain HTTP without.
    pub tls: Option<rustls::ServerConfig>,
    /// Metrics in Prometheus's text form.
    pub metrics: Box<dyn Fn() -> String + Send + Sync>,
}

/// A whole server.
pub struct ServeOptions {
    pub open: OpenOptions,
    pub doors: Doors,
    pub guardrails: GuardrailFolder,
    /// What is made before the first call, if it was not made before.
    pub seed: Option<Seed>,
    /// Whether everybody on this machine is let in as an administrator.
    pub dev: bool,
}

/// How far the start of a server is.
pub enum Progress<'a> {
    /// It answers health only, `why` in one word, and opens by itself.
    Sealed { why: &'static str, address: SocketAddr },
    /// It answers everybody.
    Listening { opened: &'a Opened, address: SocketAddr },
}

/// A server that answers.
pub struct Running {
    pub opened: Opened,
    pub address: SocketAddr,
    state: Arc<State>,
    listening: Listening,
}

/// Takes the address to listen on. The first thing that can go wrong, and so
/// the first to do: before a new folder is made.
///
/// # Errors
/// [`Error::Listen`].
pub fn bind(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address).map_err(|cause| Error::Listen { address, cause })
}

/// Opens the data folder and serves it until the process is told to stop
/// (SIGTERM or SIGINT). While a remote key that is to open it cannot be asked, the
/// server is sealed. `tell` hears of each step.
///
/// # Errors
/// [`Error`].
pub fn serve(options: ServeOptions, mut tell: impl FnMut(Progress<'_>)) -> Result<(), Error> {
    hardening::harden();
    open_files::allow();
    let ServeOptions { open, doors, guardrails, seed, dev } = options;
    server::block_on(async {
        let closed = Closed::open(open)?;
        // Before anybody is told of the server: who starts it may stop it at once.
        let mut stop = std::pin::pin!(told_to_stop());
        let (opened, entrance) = if closed.needs_remote_key() {
            let doors = SealedDoors::listen(doors)?;
            match doors.unseal(closed, stop.as_mut(), &mut tell).await? {
                Some(opened) => (opened, Entrance::Sealed(doors)),
                None => return doors.close().await,
            }
        } else {
            (closed.unseal_at_once().await?, Entrance::Shut(doors))
        };
        let guardrails = Guardrails::load(&opened.ctx.engine, &guardrails)?;
        if dev {
            seed::open_to_developers(&opened.ctx).await?;
        }
        if let Some(seed) = &seed {
            seed::apply(&opened.ctx, seed).await?;
        }
        let running = match entrance {
            Entrance::Shut(doors) => start(opened, doors).await?,
            Entrance::Sealed(doors) => doors.open(opened).await?,
        };
        guardrails.record(&running.opened.ctx).await?;
        let (stop_watching, stopped) = oneshot::channel();
        tokio::spawn(guardrails.watch(Arc::clone(&running.opened.ctx), stopped));
        tell(Progress::Listening { opened: &running.opened, address: running.address });
        let ended = running.until(stop).await;
        drop(stop_watching);
        ended
    })
}

/// Opens the doors to an open data folder. Must be called inside of
/// [`server::block_on`].
///
/// # Errors
/// If the listener cannot be used, or the start cannot be recorded.
pub async fn start(opened: Opened, doors: Doors) -> Result<Running, Error> {
    let Doors { listener, workers, tls, metrics } = doors;
    let way = Way::to(&listener, tls.is_some()).map_err(Error::Serve)?;
    let state = state(&opened, way, workers, metrics).await?;
    let door = Arc::new(Door::to(Arc::clone(&state)));
    let settings = server::Settings { listener, workers, tls };
    let listening = server::start(door, settings).map_err(Error::Serve)?;
    let details = started::details(&opened, listening.address, workers, way.tls);
    system::record_start(&opened.ctx, details).await?;
    Ok(Running { opened, address: listening.address, state, listening })
}

/// What the doors lead to: with the custom key stores of the settings.
async fn state(
    opened: &Opened,
    way: Way,
    threads: usize,
    metrics: Box<dyn Fn() -> String + Send + Sync>,
) -> Result<Arc<State>, Error> {
    let ctx = &opened.ctx;
    system::make_custom_key_stores(ctx).await?;
    let authenticator = Authenticator::new(
        Arc::clone(&ctx.hsm),
        Arc::clone(&ctx.directory),
        ctx.regions.clone(),
        Arc::clone(&opened.providers),
    );
    let operations = operations(opened);
    let state = State::new(Arc::clone(ctx), authenticator, operations, way, threads, metrics);
    Ok(Arc::new(state.map_err(Error::Serve)?))
}

/// The doors of a server that is about to start.
enum Entrance {
    Shut(Doors),
    Sealed(SealedDoors),
}

/// Doors that listen and let nobody in yet.
struct SealedDoors {
    door: Arc<Door>,
    listening: Listening,
    workers: usize,
    way: Way,
    metrics: Box<dyn Fn() -> String + Send + Sync>,
}

impl SealedDoors {
    fn listen(doors: Doors) -> Result<Self, Error> {
        let Doors { listener, workers, tls, metrics } = doors;
        let way = Way::to(&listener, tls.is_some()).map_err(Error::Serve)?;
        let door = Arc::new(Door::sealed(sealed::STARTING));
        let settings = server::Settings { listener, workers, tls };
        let listening = server::start(Arc::clone(&door), settings).map_err(Error::Serve)?;
        Ok(Self { door, listening, workers, way, metrics })
    }

    /// Opens the folder as soon as its root key can be opened; `None` if the server
    /// is to stop first.
    async fn unseal(
        &self,
        closed: Closed,
        stop: Pin<&mut impl Future<Output = ()>>,
        tell: &mut impl FnMut(Progress<'_>),
    ) -> Result<Option<Opened>, Error> {
        let address = self.listening.address;
        let tell = |why| tell(Progress::Sealed { why, address });
        let unsealed = sealed::unseal(&closed, &self.door, stop, tell).await?;
        unsealed.map(|(root, by, waited)| closed.unseal(root, by, waited)).transpose()
    }

    /// Lets everybody in.
    async fn open(self, opened: Opened) -> Result<Running, Error> {
        let Self { door, listening, workers, way, metrics } = self;
        let details = started::details(&opened, listening.address, workers, way.tls);
        system::record_start(&opened.ctx, details).await?;
        let state = state(&opened, way, workers, metrics).await?;
        door.open(Arc::clone(&state));
        Ok(Running { opened, address: listening.address, state, listening })
    }

    /// Ends without ever having let anybody in.
    async fn close(self) -> Result<(), Error> {
        tracing::info!("stopping");
        self.listening.handle.stop(true).await;
        self.listening.server.await?.map_err(Error::Serve)
    }
}

impl Running {
    /// Serves until `stop` is done, then stops taking calls, finishes those in
    /// flight, and leaves a clean database.
    ///
    /// # Errors
    /// If the server ends by itself.
    pub async fn until(self, stop: impl Future<Output = ()>) -> Result<(), Error> {
        let Self { opened, state, listening, .. } = self;
        let (stop_timers, stopped) = oneshot::channel();
        let timers = tokio::spawn(tick(opened.clone(), stopped));
        let (stop_trail, stopped) = oneshot::channel();
        let deliveries = tokio::spawn(trail::run(Arc::clone(&opened.ctx), stopped));
        let (stop_connecting, stopped) = oneshot::channel();
        let connections = tokio::spawn(connections::run(Arc::clone(&opened.ctx), stopped));
        let (stop_watching, stopped) = oneshot::channel();
        let watcher = tokio::spawn(Watcher::default().watch(Arc::clone(&opened.ctx), stopped));
        let (stop_witness, stopped) = watch::channel(());
        let (witness, of_witness) = (Arc::clone(&opened.witness), Arc::clone(&opened.ctx.store));
        let witness = tokio::spawn(async move { witness.run(&of_witness, stopped).await });
        let mut server = listening.server;
        tokio::select! {
            ended = &mut server => return ended?.map_err(Error::Serve),
            () = stop => {}
        }
        tracing::info!("stopping");
        drop(stop_timers);
        drop(stop_trail);
        if let Some(trail) = &opened.ctx.trail {
            trail.stop();
        }
        listening.handle.pause().await;
        state.finish_calls(Duration::from_secs(limits::SHUTDOWN_S)).await;
        listening.handle.stop(true).await;
        server.await?.map_err(Error::Serve)?;
        // What a timer has begun is finished like any other call.
        let wait = Duration::from_secs(limits::SHUTDOWN_S);
        if tokio::time::timeout(wait, timers).await.is_err() {
            tracing::warn!("the timers are still at work");
        }
        if tokio::time::timeout(wait, deliveries).await.is_err() {
            tracing::warn!("log files are still being delivered: the next start does it again");
        }
        drop(stop_connecting);
        if tokio::time::timeout(wait, connections).await.is_err() {
            tracing::warn!("remotes are still being asked");
        }
        drop(stop_watching);
        if tokio::time::timeout(wait, watcher).await.is_err() {
            tracing::warn!("the watcher is still at work");
        }
        if let Err(error) = system::record_noise(&opened.ctx, true).await {
            tracing::error!(%error, "refusals of unknown callers are not recorded");
        }
        if let Err(error) = system::record_stop(&opened.ctx).await {
            tracing::error!(%error, "the stop is not recorded");
        }
        drop(stop_witness);
        if tokio::time::timeout(wait, witness).await.is_err() {
            tracing::warn!("a witness does not know the last head of the log");
        }
        opened.ctx.store.close();
        Ok(())
    }
}

/// Every operation that can be called from outside.
fn operations(opened: &Opened) -> Vec<BoundOperation> {
    let tables = [
        ops::TABLE,
        ops::admin::TABLE,
        ops::audit::TABLE,
        ops::backup::TABLE,
        ops::cloudtrail::TABLE,
        ops::policy::TABLE,
        ops::sts::TABLE,
    ];
    let common = tables.into_iter().flatten().map(|entry| entry.bind(Arc::clone(&opened.ctx)));
    let items = items::TABLE.iter().map(|entry| entry.bind(Arc::clone(&opened.items)));
    common.chain(items).collect()
}

/// Does what is due, every minute, and rotations as soon as they are, until
/// `stopped` is dropped. A crash in it is logged, and the next minute tries again.
async fn tick(opened: Opened, mut stopped: oneshot::Receiver<()>) {
    let mut minute = tokio::time::interval(Duration::from_secs(60));
    loop {
        let ctx = Arc::clone(&opened.ctx);
        let work = tokio::select! {
            _ = minute.tick() => tokio::spawn(async move { system::run_due(&ctx).await }),
            () = opened.ctx.rotation_due.notified() => {
                tokio::spawn(async move { system::run_rotations(&ctx).await })
            }
            _ = &mut stopped => return,
        };
        match work.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the timers did not run"),
            Err(crash) => tracing::error!(%crash, "the timers crashed"),
        }
    }
}

/// Listens for the signals to stop from this call on; done when one comes.
pub(super) fn told_to_stop() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    async {
        let (Ok(mut term), Ok(mut int)) = signals else {
            tracing::error!("cannot listen for signals: it can only be killed");
            return std::future::pending().await;
        };
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
    }
}
