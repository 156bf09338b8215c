//! RotateDomainKey: a new domain key every day (AWS KMS cryptographic details,
//! "Domain keys"). The old ones open what they sealed until all of it is
//! resealed, and go with the next rotation.

use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;

use super::reseal;
use crate::base::limits::SESSION_TOKEN_SECONDS_MAX;
use crate::base::timestamp::DAY_MS;
use crate::hsm::{Hsm, PendingDomainKey};
use crate::keys::import::TOKEN_LIFETIME_MS;
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::Nothing;
use crate::store::sealed::{self, DomainKeyRow};
use crate::store::{self, Change, Tx};
use crate::wire::error::ApiError;

pub(super) struct RotateDomainKey;

#[derive(Deserialize)]
pub(super) struct Input {}

impl Operation for RotateDomainKey {
    const DESCRIPTION: Description = Description {
        name: "RotateDomainKey",
        service: Service::System,
        read_only: false,
        input: &[],
        output: &[],
        errors: &[],
    };
    // Concerns no key, and there is nobody to ask about it: the call cannot
    // come from outside.
    const NEEDS_PERMIT: bool = false;

    type Context = Ctx;
    type Input = Input;
    type Output = Nothing;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        _input: Input,
    ) -> Result<Done<Nothing>, ApiError> {
        let pending = ctx.hsm.prepare_domain_key()?;
        let row = DomainKeyRow {
            version: i64::from(pending.sealed().version),
            sealed: pending.sealed().bytes.clone(),
            created_ms: ctx.clock.now_ms(),
        };
        let hsm = Arc::clone(&ctx.hsm);
        let mut changes: Vec<Box<dyn Change>> =
            vec![Box::new(Activate { hsm, row, pending: Mutex::new(Some(pending)) })];
        for version in forgettable(ctx, ctx.clock.now_ms()) {
            access.record_additional("forgotten", version.into());
            changes.push(Box::new(Forget { hsm: Arc::clone(&ctx.hsm), version }));
        }
        Ok(Done::changed(Nothing {}, changes, None))
    }
}

/// Whether the newest domain key is a day old.
pub(super) fn is_due(ctx: &Ctx, now_ms: i64) -> bool {
    let rows = ctx.store.read(|tx| sealed::list_domain_keys(tx));
    let newest = rows.ok().and_then(|rows| rows.last().map(|row| row.created_ms));
    // A key from the future was made while the clock was wrong: it must not
    // keep rotation waiting until then.
    newest.is_some_and(|created_ms| now_ms.abs_diff(created_ms) >= DAY_MS.unsigned_abs())
}

/// How long what was sealed for somebody else to keep may be good: import tokens and
/// session tokens cannot be resealed.
const LONGEST_TOKEN_MS: i64 = {
    let session_ms = SESSION_TOKEN_SECONDS_MAX.saturating_mul(1_000);
    if session_ms > TOKEN_LIFETIME_MS { session_ms } else { TOKEN_LIFETIME_MS }
};

/// The versions that nothing needs any more: superseded for as long as any token
/// lives, with everything else resealed.
fn forgettable(ctx: &Ctx, now_ms: i64) -> Vec<u32> {
    if reseal::is_due(ctx) {
        return Vec::new();
    }
    let rows = ctx.store.read(|tx| sealed::list_domain_keys(tx)).unwrap_or_default();
    let superseded = rows.iter().zip(rows.iter().skip(1));
    superseded
        .filter(|(_, next)| now_ms.saturating_sub(next.created_ms) >= LONGEST_TOKEN_MS)
        .filter_map(|(old, _)| u32::try_from(old.version).ok())
        .collect()
}

/// The end of an old domain key.
struct Forget {
    hsm: Arc<Hsm>,
    version: u32,
}

impl Change for Forget {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), store::Error> {
        sealed::delete_domain_key(tx, i64::from(self.version))
    }

    fn publish(&self) {
        if let Err(error) = self.hsm.forget_domain_key(self.version) {
            tracing::error!(%error, "an old domain key is still in memory");
        }
    }
}

/// A new domain key: stored first, used only once that is durable.
struct Activate {
    hsm: Arc<Hsm>,
    row: DomainKeyRow,
    pending: Mutex<Option<PendingDomainKey>>,
}

impl Change for Activate {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), store::Error> {
        sealed::insert_domain_key(tx, &self.row)
    }

    fn publish(&self) {
        let pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(pending) = pending
            && let Err(error) = self.hsm.activate(pending)
        {
            // The key is stored: it comes into use at the next start.
            tracing::error!(%error, "the new domain key is not in use yet");
        }
    }
}
