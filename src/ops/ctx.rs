//! What every operation works with: immutable handles, made once by `app`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, Notify, Semaphore};

use super::blocking::Workshop;
use super::noise::Noise;
use super::operation::Description;
use super::rates::Rates;
use super::record_time::RecordTimes;
use super::seats::Seats;
use crate::audit::ledger::VerifierKey;
use crate::audit::trail::Trail;
use crate::base::clock::Clock;
use crate::base::ids::{AccountId, Realm, Region};
use crate::base::quotas::Quotas;
use crate::hsm::Hsm;
use crate::identity::directory::Directory;
use crate::keys::backend::remote::Remotes;
use crate::keys::custom_stores::CustomKeyStores;
use crate::keys::grants::index::GrantIndex;
use crate::keys::registry::Registry;
use crate::policy::engine::Engine;
use crate::store::Store;
use crate::wire::codes::Code;

/// The handles.
pub struct Ctx {
    pub clock: Arc<dyn Clock>,
    pub start: Start,
    pub hsm: Arc<Hsm>,
    pub store: Arc<Store>,
    pub engine: Arc<Engine>,
    pub keys: Arc<Registry>,
    pub custom_key_stores: Arc<CustomKeyStores>,
    /// Where remote keys are.
    pub remotes: Arc<Remotes>,
    pub grants: Arc<GrantIndex>,
    pub directory: Arc<Directory>,
    pub labels: Arc<dyn AttributeLabels>,
    /// Of the key that signs the log.
    pub log_key: VerifierKey,
    /// The account whose book records calls of nobody.
    pub account: AccountId,
    /// The Regions this server answers in; the first is the default.
    pub regions: Vec<Region>,
    pub quotas: Quotas,
    /// How fast callers call.
    pub rates: Rates,
    /// Refusals of unknown callers.
    pub noise: Noise,
    pub record_times: RecordTimes,
    pub observer: Box<dyn Observer>,
    /// Whose turn it is to change something. Changes are rare and made one at a
    /// time, so that what an operation looked at (a limit, an alias's target, an
    /// owner) is still so when it commits. Row versions guard against writers
    /// outside of this process.
    pub changing: Arc<Mutex<()>>,
    /// Told when a key may have become due for a rotation, so that it is done
    /// now and not when the timers come round.
    pub rotation_due: Arc<Notify>,
    /// Told when a custom key store shall be connected.
    pub connection_due: Arc<Notify>,
    pub rsa_keys: Workshop,
    pub policies: Workshop,
    pub policy_searches: Workshop,
    /// The trail of log files, if the settings have one.
    pub trail: Option<Arc<Trail>>,
    pub audit_counts: Workshop,
    /// The places of exports of the book.
    pub audit_exports: Arc<Seats>,
    /// The places of those who follow the book.
    pub audit_followers: Arc<Seats>,
    /// The places of streams of items.
    pub item_streams: Arc<Seats>,
    /// The places of backups.
    pub backups: Arc<Semaphore>,
}

/// What the clocks showed when the server started.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    /// Wall clock, epoch milliseconds.
    pub wall_ms: i64,
    pub elapsed: Duration,
    /// Wall clock of the last record before.
    pub last_record_ms: Option<i64>,
    /// The same of the last record that a server made: what commands record while none
    /// runs says nothing of how long that was.
    pub served_until_ms: Option<i64>,
    /// Wall clock when the data folder was restored from a backup, if it was.
    pub restored_ms: Option<i64>,
}

impl AsRef<Self> for Ctx {
    fn as_ref(&self) -> &Self {
        self
    }
}

/// How a call ended.
#[derive(Clone, Copy, Debug)]
pub struct Ended<'a> {
    pub operation: &'a Description,
    pub error: Option<Code>,
    pub took: Duration,
    /// ARNs of the keys, aliases and roles that the call found, as in its record.
    pub resources: &'a [String],
}

/// Somebody who knows what item schemas say of attributes: the floor that has them.
pub trait AttributeLabels: Send + Sync {
    /// The labels of an attribute; none where no schema says any.
    fn labels_of(&self, realm: &Realm, schema: &str, attribute: &str) -> BTreeSet<String>;
}

/// Somebody who wants to know how calls end: telemetry.
pub trait Observer: Send + Sync {
    /// Called once for every call, after its record is durable (or could not
    /// be made so).
    fn call_ended(&self, ended: &Ended<'_>);
}
