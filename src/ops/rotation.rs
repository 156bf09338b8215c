//! Rotation: what its operations share.

use std::sync::Arc;

use tokio::sync::Notify;

use super::ctx::Ctx;
use super::shapes::{not_primary, wrong_origin};
use crate::base::spec::{KeySpec, MultiRegionRole, Origin};
use crate::keys::key::Key;
use crate::keys::multi_region;
use crate::store::{self, Change, Tx};
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

/// Whether keys of this kind rotate at all, by themselves or on demand.
pub(super) fn rotates(key: &Key) -> bool {
    key.spec == KeySpec::SymmetricDefault && matches!(key.origin, Origin::AwsKms | Origin::External)
}

/// Refuses keys that cannot rotate by themselves.
pub(super) fn check_automatic(key: &Key) -> Result<(), ApiError> {
    check_symmetric(key)?;
    if key.origin != Origin::AwsKms {
        return Err(wrong_origin(key));
    }
    check_primary(key)
}

/// Refuses keys that cannot rotate on demand.
pub(super) fn check_on_demand(ctx: &Ctx, key: &Key, now_ms: i64) -> Result<(), ApiError> {
    check_symmetric(key)?;
    if !rotates(key) {
        return Err(wrong_origin(key));
    }
    check_primary(key)?;
    // Related keys rotate to it too: it must not have expired in any of them.
    let others = multi_region::others(&ctx.keys, key);
    let is_everywhere = |id| others.iter().all(|other| other.at(now_ms).holds(id));
    let next = key.rotatable_material().map(|material| material.id);
    if key.origin == Origin::External && !next.is_some_and(is_everywhere) {
        let text = format!("No available key material pending rotation for the key: {}.", key.arn);
        return Err(ApiError::new(Code::KMSInvalidStateException, text));
    }
    Ok(())
}

fn check_symmetric(key: &Key) -> Result<(), ApiError> {
    match key.spec {
        KeySpec::SymmetricDefault => Ok(()),
        _ => Err(ApiError::bare(Code::UnsupportedOperationException)),
    }
}

/// Related keys rotate together: the primary key's operations are for all.
fn check_primary(key: &Key) -> Result<(), ApiError> {
    match key.multi_region {
        Some(MultiRegionRole::Replica) => Err(not_primary(key)),
        Some(MultiRegionRole::Primary) | None => Ok(()),
    }
}

/// Has the timers look for rotations as soon as the changes before it are
/// committed: the last change of a call that may make one due.
pub(super) fn wake(ctx: &Ctx) -> Box<dyn Change> {
    Box::new(Wake(Arc::clone(&ctx.rotation_due)))
}

/// Notifies a task once the changes before it are committed.
pub(super) struct Wake(pub(super) Arc<Notify>);

impl Change for Wake {
    fn write(&self, _tx: &mut dyn Tx) -> Result<(), store::Error> {
        Ok(())
    }

    fn publish(&self) {
        self.0.notify_one();
    }
}
