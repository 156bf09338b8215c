//! The log's signatures when a folder is opened: go on with what was signed
//! last, or begin to sign a log that never was.

use std::sync::Arc;

use serde_json::json;
use serde_json::value::to_raw_value;

use super::error::Error;
use super::init;
use super::witness::{GivenUp, Witness};
use crate::audit::ledger::{self, VerifierKey};
use crate::audit::{self, Record};
use crate::base::clock::Clock;
use crate::base::ids::{AccountId, Region};
use crate::hsm::Hsm;
use crate::store::{Change, Store, Unit};

/// Whose folder it is.
pub(super) struct Home<'a> {
    pub(super) account: &'a AccountId,
    pub(super) region: &'a Region,
}

/// What is recorded while nobody serves: by commands, and by a start before it is one.
pub(super) const OFFLINE_EVENTS: [&str; 6] = [
    "AcceptLoss",
    "AddRootKeyProtector",
    "CreateAuditKey",
    "RemoveRootKeyProtector",
    "RestoreBackup",
    "RotateRootKey",
];

/// What the wall clock shows, and the time of the last record if that is later:
/// the clock of now may be that of another machine, or was set back. Every record
/// says both.
pub(super) struct Times {
    pub(super) now_ms: i64,
    pub(super) latest_record_ms: Option<i64>,
}

impl Times {
    pub(super) fn read(store: &Store, clock: &dyn Clock) -> Result<Self, Error> {
        let now_ms = clock.now_ms();
        let latest_record_ms = store.last_time_ms()?.filter(|last_ms| *last_ms > now_ms);
        Ok(Self { now_ms, latest_record_ms })
    }

    /// What of a record wardbook itself says.
    pub(super) fn own(&self) -> audit::Own<'static> {
        audit::Own { latest_record_ms: self.latest_record_ms, ..audit::Own::default() }
    }
}

/// Appoints the log's notary, unless the log is not what was signed, or not
/// what `witness` has seen. Answers the public key.
///
/// # Errors
/// [`Error::Ledger`], [`Error::Witnessed`], and those of the first commit.
pub(super) fn start(
    store: &Arc<Store>,
    hsm: &Hsm,
    origin: Option<&str>,
    witness: &Witness,
    home: &Home<'_>,
    clock: &dyn Clock,
) -> Result<VerifierKey, Error> {
    if let Some(resumed) = ledger::resume(hsm, store, origin)? {
        let key = resumed.notary.key().clone();
        let given_up = witness.check(store, &key)?;
        store.appoint(Box::new(resumed.notary))?;
        if let Some(given_up) = given_up {
            record_loss(store, hsm, &given_up, home, clock)?;
        }
        return Ok(key);
    }
    let now_ms = clock.now_ms();
    let (founded, founding) = ledger::found(hsm, store, origin, now_ms)?;
    let key = founded.notary.key().clone();
    witness.check(store, &key)?;
    store.appoint(Box::new(founded.notary))?;
    let details = key_details(&key)?;
    let caller = init::caller(hsm, home.account)?;
    let event = audit::prepare(&Record {
        event_name: "CreateAuditKey",
        service_event_details: Some(&details),
        event_id: init::random(hsm)?,
        salt: init::random(hsm)?,
        ..init::first_record(&caller, home.account, home.region, now_ms)
    })?;
    let changes: Vec<Box<dyn Change>> = vec![Box::new(founding)];
    commit(store, Unit { changes, event, further: Vec::new() })?;
    Ok(key)
}

/// Records that a witness has seen what is lost, and that the operator knows. The
/// signature of its head says that it was ours.
fn record_loss(
    store: &Arc<Store>,
    hsm: &Hsm,
    given_up: &GivenUp,
    home: &Home<'_>,
    clock: &dyn Clock,
) -> Result<(), Error> {
    let size = store.health().last_seq;
    let GivenUp { note, size: witnessed } = given_up;
    tracing::warn!(witnessed, size, "the log goes on without records that a witness has seen");
    let details = json!({ "witnessed": note, "witnessedSize": witnessed, "logSize": size });
    let details = to_raw_value(&details).map_err(audit::Error::Encode)?;
    let times = Times::read(store, clock)?;
    let caller = init::caller(hsm, home.account)?;
    let event = audit::prepare(&Record {
        event_name: "AcceptLoss",
        own: times.own(),
        service_event_details: Some(&details),
        event_id: init::random(hsm)?,
        salt: init::random(hsm)?,
        ..init::first_record(&caller, home.account, home.region, times.now_ms)
    })?;
    commit(store, Unit { changes: Vec::new(), event, further: Vec::new() })
}

/// What the record of a new key says of it.
pub(super) fn key_details(key: &VerifierKey) -> Result<Box<serde_json::value::RawValue>, Error> {
    let details = json!({ "auditPublicKey": key.to_string() });
    to_raw_value(&details).map_err(|cause| audit::Error::Encode(cause).into())
}

/// Commits from inside or outside of a runtime.
pub(super) fn commit(store: &Arc<Store>, unit: Unit) -> Result<(), Error> {
    let store = Arc::clone(store);
    let committing =
        std::thread::spawn(move || crate::http::server::block_on(store.commit(unit)).map(drop));
    let crashed = |_panic| Err(crate::store::Error::Closed);
    Ok(committing.join().unwrap_or_else(crashed)?)
}
