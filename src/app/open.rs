//! From a data folder to everything that operations work with.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{Notify, Semaphore};

use super::error::Error;
use super::ledger::{self, Home};
use super::restore;
use super::root_key::{self, OpenedBy, Place, RootKeySource, SealedKeys};
use super::sealed::Waited;
use super::witness::{Witness, WitnessSettings};
use crate::audit::trail::{self, Trail};
use crate::base::clock::Clock;
use crate::base::ids::{AccountId, Region};
use crate::base::limits;
use crate::base::quotas::Quotas;
use crate::hsm::{Hsm, RootKey};
use crate::identity::directory::Directory;
use crate::identity::oidc::{self, Providers};
use crate::items::schemas::Schemas;
use crate::keys::backend::remote::Remotes;
use crate::keys::custom_stores::CustomKeyStores;
use crate::keys::grants::index::GrantIndex;
use crate::keys::registry::Registry;
use crate::ops::blocking::Workshop;
use crate::ops::ctx::{AttributeLabels, Ctx, Observer, Start};
use crate::ops::noise::Noise;
use crate::ops::rates::Rates;
use crate::ops::record_time::RecordTimes;
use crate::ops::seats::Seats;
use crate::policy::engine::Engine;
use crate::store::sealed::ProtectorRow;
use crate::store::{Settings, Store, Tx, meta};
use crate::{audit, identity, items, keys};

/// What to open, and with what.
pub struct OpenOptions {
    pub data: PathBuf,
    pub root_key: RootKeySource,
    /// Must be that of the data folder; any without.
    pub account: Option<AccountId>,
    /// Must be that of the data folder; any without.
    pub region: Option<Region>,
    /// Regions to answer in, beside the one of the data folder.
    pub regions: Vec<Region>,
    pub quotas: Quotas,
    /// The OpenID Connect providers; those without an account are of the data
    /// folder's.
    pub oidc: Vec<oidc::Setting>,
    /// Where remote keys are. Opening does not ask them anything.
    pub remotes: Arc<Remotes>,
    /// The origin of a log that has none yet; must be that of one that has.
    pub log_origin: Option<String>,
    pub witness: WitnessSettings,
    pub store: Settings,
    /// Where log files are delivered to; nowhere without.
    pub trail: Option<trail::Setting>,
    pub clock: Arc<dyn Clock>,
    pub observer: Box<dyn Observer>,
}

/// An open data folder.
#[derive(Clone)]
pub struct Opened {
    pub ctx: Arc<Ctx>,
    pub items: Arc<items::Ctx>,
    pub providers: Arc<Providers>,
    pub witness: Arc<Witness>,
    /// What opened the root key.
    pub opened_by: OpenedBy,
    /// How long that took, if it was not open at once.
    pub(super) waited: Option<Waited>,
}

/// A data folder whose root key is not open yet.
pub(super) struct Closed {
    options: OpenOptions,
    store: Arc<Store>,
    account: AccountId,
    home: Region,
    log_id: String,
    providers: Providers,
    keys: SealedKeys,
}

/// Opens a data folder: the database, the HSM, the policies, and every key,
/// identity and item schema into memory.
///
/// # Errors
/// [`Error`]; nothing is changed then.
pub async fn open(options: OpenOptions) -> Result<Opened, Error> {
    Closed::open(options)?.unseal_at_once().await
}

impl Closed {
    /// Opens the database, and locks it.
    pub(super) fn open(mut options: OpenOptions) -> Result<Self, Error> {
        if !super::init::has_database(&options.data)? {
            return Err(Error::NotInitialized(options.data));
        }
        let store = Arc::new(Store::open(&options.data, options.store, audit::marks)?);
        let read =
            |tx: &mut dyn Tx| Ok((identity_of(tx), meta::log_id(tx)?, SealedKeys::load(tx)?));
        let (identity, log_id, keys) = store.read(read)?;
        let Some((account, home)) = identity? else {
            return Err(Error::NotInitialized(options.data));
        };
        if let Some(configured) = options.account.take_if(|named| *named != account) {
            return Err(Error::OtherAccount { found: account, configured });
        }
        if let Some(configured) = options.region.take_if(|named| *named != home) {
            return Err(Error::OtherRegion { found: home, configured });
        }
        let oidc = std::mem::take(&mut options.oidc);
        let providers = Providers::load(oidc, &account, options.clock.now_ms())?;
        Ok(Self { options, store, account, home, log_id, providers, keys })
    }

    /// What is to open the root key.
    pub(super) fn source(&self) -> &RootKeySource {
        &self.options.root_key
    }

    pub(super) fn protectors(&self) -> &[ProtectorRow] {
        &self.keys.protectors
    }

    pub(super) fn place(&self) -> Place<'_> {
        Place { account: &self.account, log_id: &self.log_id }
    }

    /// Whether what is to open the root key may be out of reach.
    pub(super) fn needs_remote_key(&self) -> bool {
        matches!(self.options.root_key, RootKeySource::AwsKms(_))
    }

    pub(super) fn now_ms(&self) -> i64 {
        self.options.clock.now_ms()
    }

    /// Opens the root key now or not at all.
    pub(super) async fn unseal_at_once(self) -> Result<Opened, Error> {
        let (root, by) = root_key::open(self.source(), self.protectors(), &self.place()).await?;
        self.unseal(root, by, None)
    }

    /// Everything else, now that the root key is open.
    pub(super) fn unseal(
        self,
        root: RootKey,
        opened_by: OpenedBy,
        waited: Option<Waited>,
    ) -> Result<Opened, Error> {
        let hsm = Arc::new(self.keys.start(root)?);
        assemble(self, hsm, opened_by, waited)
    }
}

fn assemble(
    closed: Closed,
    hsm: Arc<Hsm>,
    opened_by: OpenedBy,
    waited: Option<Waited>,
) -> Result<Opened, Error> {
    let Closed { options, store, account, home, providers, .. } = closed;
    let regions = served(&home, options.regions);
    let witness = Witness::open(options.witness)?;
    let home = Home { account: &account, region: &home };
    let origin = options.log_origin.as_deref();
    let log_key = ledger::start(&store, &hsm, origin, &witness, &home, options.clock.as_ref())?;
    let engine = Arc::new(Engine::new()?);
    let directory = Arc::new(Directory::default());
    let registry = Arc::new(Registry::new(Arc::clone(&hsm)));
    let stores = Arc::new(CustomKeyStores::default());
    let (grants, schemas) = (Arc::new(GrantIndex::default()), Arc::new(Schemas::default()));
    let labels: Arc<dyn AttributeLabels> = Arc::<Schemas>::clone(&schemas);
    store.read(|tx| Ok(load(tx, &engine, &directory, &registry, &stores, &grants, &schemas)))??;
    let start = Start {
        wall_ms: options.clock.now_ms(),
        elapsed: options.clock.elapsed(),
        last_record_ms: store.last_time_ms()?,
        served_until_ms: store.last_time_without_ms(&ledger::OFFLINE_EVENTS)?,
        restored_ms: restore::restored_ms(&store)?,
    };
    let handles = || trail::Handles {
        store: Arc::clone(&store),
        hsm: Arc::clone(&hsm),
        clock: Arc::clone(&options.clock),
    };
    let of_book = |setting| {
        Some(Arc::new(Trail::new(setting, regions.first()?.clone(), start.restored_ms, handles())))
    };
    let trail = options.trail.and_then(of_book);
    let rates = Rates::new(options.quotas.request_rates.clone(), Arc::clone(&options.clock));
    let noise = Noise::new(Arc::clone(&options.clock));
    let record_times = RecordTimes::after(start.last_record_ms);
    let ctx = Arc::new(Ctx {
        start,
        clock: options.clock,
        hsm,
        store,
        engine,
        keys: registry,
        custom_key_stores: stores,
        remotes: options.remotes,
        grants,
        directory,
        labels,
        log_key,
        account,
        regions,
        quotas: options.quotas,
        rates,
        noise,
        record_times,
        observer: options.observer,
        changing: Arc::default(),
        rotation_due: Arc::new(Notify::new()),
        connection_due: Arc::new(Notify::new()),
        rsa_keys: Workshop::of_rsa_keys(),
        policies: Workshop::of_policies(),
        policy_searches: Workshop::of_policy_searches(),
        trail,
        audit_counts: Workshop::of_audit_counts(),
        audit_exports: Seats::new(limits::AUDIT_EXPORTS_AT_ONCE, limits::AUDIT_EXPORTS_OF_ACCOUNT),
        audit_followers: Seats::new(limits::AUDIT_FOLLOWERS, limits::AUDIT_FOLLOWERS_OF_ACCOUNT),
        item_streams: Seats::new(limits::ITEM_STREAMS, limits::ITEM_STREAMS_OF_ACCOUNT),
        backups: Arc::new(Semaphore::new(limits::BACKUPS_AT_ONCE)),
    });
    let items = Arc::new(items::Ctx::new(Arc::clone(&ctx), schemas));
    let (providers, witness) = (Arc::new(providers), Arc::new(witness));
    Ok(Opened { ctx, items, providers, witness, opened_by, waited })
}

/// The home Region and the others, each once.
fn served(home: &Region, others: Vec<Region>) -> Vec<Region> {
    let mut regions = vec![home.clone()];
    for region in others {
        if !regions.contains(&region) {
            regions.push(region);
        }
    }
    regions
}

/// Which account and Region the folder is for; `None` before initialization.
pub(super) fn identity_of(tx: &mut dyn Tx) -> Result<Option<(AccountId, Region)>, Error> {
    let (Some(account), Some(region)) = (meta::find(tx, "account")?, meta::find(tx, "region")?)
    else {
        return Ok(None);
    };
    let account = AccountId::parse(&account).ok_or(Error::Meta("account"))?;
    Ok(Some((account, Region::parse(&region).ok_or(Error::Meta("Region"))?)))
}

/// Identities come first: policies were compiled against them.
fn load(
    tx: &mut dyn Tx,
    engine: &Engine,
    directory: &Directory,
    registry: &Registry,
    custom_key_stores: &CustomKeyStores,
    grants: &GrantIndex,
    schemas: &Schemas,
) -> Result<(), Error> {
    identity::rows::load(tx, engine, directory)?;
    keys::rows::load(tx, engine, registry)?;
    keys::custom_stores::rows::load(tx, custom_key_stores)?;
    keys::grants::rows::load(tx, grants)?;
    items::schemas::load(tx, schemas)?;
    Ok(())
}
