//! A new data folder: account, root key, first domain key, first
//! administrator. All rows are committed at once with the first record, so
//! that a folder is initialized entirely or not at all.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::draft;
use super::error::Error;
use super::hardening;
use super::ledger;
use super::root_key::{self, Place, RootKeySource};
use crate::audit::{self, EventType, Record};
use crate::base::caller::{Caller, Principal};
use crate::base::clock::Clock;
use crate::base::ids::{AccountId, Region, RequestId};
use crate::base::secret::SecretBytes;
use crate::hsm::{EntropySource, Hsm, OsEntropy};
use crate::identity::account;
use crate::identity::directory::Account;
use crate::policy::engine::Engine;
use crate::store::sealed::{self, DomainKeyRow, ProtectorRow};
use crate::store::{self, Change, Settings, Store, Tx, Unit, meta};

/// The file that is the book and the state.
pub(super) const DATABASE: &str = "wardbook.db";
/// The folder of guardrails in a data folder, if no other is named.
pub const GUARDRAILS: &str = "policies";

/// What a new data folder is to be.
#[derive(Debug)]
pub struct InitOptions {
    pub data: PathBuf,
    /// A random one if left out.
    pub account: Option<AccountId>,
    pub region: Region,
    pub root_key: RootKeySource,
    /// The origin of the log; `wardbook/` and a random id if left out.
    pub log_origin: Option<String>,
}

/// A data folder that was just initialized. The secret is nowhere else in clear.
#[derive(Debug)]
pub struct Initialized {
    pub account: AccountId,
    pub region: Region,
    pub access_key_id: String,
    pub secret_access_key: SecretBytes,
}

/// Whether the folder holds an initialized database.
///
/// # Errors
/// If there is a database that cannot be read.
pub fn is_initialized(data: &Path) -> Result<bool, Error> {
    if !has_database(data)? {
        return Ok(false);
    }
    has_account(&Store::open(data, Settings::default(), audit::marks)?)
}

/// Whether initialization has committed.
fn has_account(store: &Store) -> Result<bool, Error> {
    Ok(store.read(|tx| meta::find(tx, "account"))?.is_some())
}

/// Whether there is a database, initialized or not.
///
/// # Errors
/// [`Error::Unfinished`] in a folder that is being restored.
pub(super) fn has_database(data: &Path) -> Result<bool, Error> {
    draft::refuse(data)?;
    Ok(data.join(DATABASE).exists())
}

/// Initializes a folder, which is made if it does not exist.
///
/// # Errors
/// [`Error::AlreadyInitialized`] for one that is; nothing is changed then.
pub fn init(options: &InitOptions, clock: &dyn Clock) -> Result<Initialized, Error> {
    hardening::harden();
    draft::refuse(&options.data)?;
    make_folder(&options.data)?;
    let store = Store::open(&options.data, Settings::default(), audit::marks)?;
    if has_account(&store)? {
        return Err(Error::AlreadyInitialized(options.data.clone()));
    }
    let created_ms = clock.now_ms();
    let account = match &options.account {
        Some(account) => account.clone(),
        None => random_account()?,
    };
    let log_id = store.read(meta::log_id)?;
    let place = Place { account: &account, log_id: &log_id };
    let made = root_key::create(&options.root_key, &place, created_ms);
    let (root, protector) = block_on(made)?;
    let (hsm, domain_key) = Hsm::initialize(root, OsEntropy)?;
    let domain_key = DomainKeyRow {
        version: i64::from(domain_key.version),
        sealed: domain_key.bytes,
        created_ms,
    };
    let region = options.region.clone();
    let first = Account { id: account.clone(), name: String::new(), created_ms };
    // Nobody looks at this directory: the rows are what counts.
    let made = account::create(&hsm, &Engine::new()?, &Arc::default(), first)?;
    let (mut changes, shown) = (made.changes, made.credentials);
    changes.push(Box::new(Foundation {
        account: account.clone(),
        region: region.clone(),
        protector,
        domain_key,
        naming_key: hsm.seal_naming_key()?,
    }));
    let origin = options.log_origin.as_deref();
    let (founded, founding) = audit::ledger::found(&hsm, &store, origin, created_ms)?;
    let details = ledger::key_details(founded.notary.key())?;
    changes.push(Box::new(founding));
    store.appoint(Box::new(founded.notary))?;
    let event = audit::prepare(&Record {
        event_name: "Initialize",
        service_event_details: Some(&details),
        event_id: random(&hsm)?,
        salt: random(&hsm)?,
        ..first_record(&caller(&hsm, &account)?, &account, &region, created_ms)
    })?;
    // Where the operator puts guardrails: it begins empty.
    make_folder(&options.data.join(GUARDRAILS))?;
    block_on(store.commit(Unit { changes, event, further: Vec::new() }))?;
    store.close();
    Ok(Initialized {
        account,
        region,
        access_key_id: shown.access_key_id,
        secret_access_key: shown.secret,
    })
}

/// Makes a folder that only its owner can read, unless it is there.
pub(super) fn make_folder(path: &Path) -> Result<(), Error> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|cause| Error::File { path: path.to_owned(), cause })
}

/// What a folder is for, and what opens it.
struct Foundation {
    account: AccountId,
    region: Region,
    protector: ProtectorRow,
    domain_key: DomainKeyRow,
    naming_key: Vec<u8>,
}

impl Change for Foundation {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), store::Error> {
        meta::insert(tx, "account", self.account.as_str())?;
        meta::insert(tx, "region", self.region.as_str())?;
        sealed::insert_protector(tx, &self.protector)?;
        sealed::insert_domain_key(tx, &self.domain_key)?;
        sealed::set_naming_key(tx, &self.naming_key)
    }

    fn publish(&self) {}
}

/// The parts that such records share, without what has to be random.
pub(super) fn first_record<'a>(
    caller: &'a Caller,
    account: &'a AccountId,
    region: &'a Region,
    time_ms: i64,
) -> Record<'a> {
    Record {
        event_id: [0; 16],
        time_ms,
        caller,
        account,
        region,
        event_source: "kms.amazonaws.com",
        event_name: "",
        error: None,
        request_parameters: None,
        response_elements: None,
        additional_event_data: None,
        service_event_details: None,
        read_only: false,
        resources: &[],
        event_type: EventType::AwsServiceEvent,
        shared_event_id: None,
        tls: None,
        own: audit::Own::default(),
        key_material: None,
        salt: [0; 16],
    }
}

pub(super) fn caller(hsm: &Hsm, account: &AccountId) -> Result<Caller, Error> {
    Ok(Caller {
        principal: Principal::System { account: account.clone() },
        access_key_id: None,
        session: None,
        source_ip: None,
        user_agent: None,
        secure_transport: false,
        tls: None,
        request_id: RequestId::from_random(random(hsm)?),
        via_service: None,
    })
}

pub(super) fn random(hsm: &Hsm) -> Result<[u8; 16], Error> {
    let mut bytes = [0; 16];
    hsm.fill_random(&mut bytes)?;
    Ok(bytes)
}

/// An account id from the system's randomness: the first protector of a root key is
/// told the account, and so comes before the HSM that the root key starts.
fn random_account() -> Result<AccountId, Error> {
    let mut bytes = [0; 16];
    OsEntropy.fill(&mut bytes).map_err(crate::hsm::Error::from)?;
    Ok(account::id_from_random(bytes)?)
}

/// Waits outside of any runtime.
pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    crate::http::server::block_on(future)
}
