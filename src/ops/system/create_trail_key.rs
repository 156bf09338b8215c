//! CreateTrailKey: the key that signs digests of the trail, on its first use, and
//! another one when that has signed for a year.

use std::sync::Arc;

use serde::Deserialize;

use crate::audit::trail::{InsertKey, KEY_LIFETIME_MS};
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::Nothing;
use crate::store::Change;
use crate::store::trail::{self, KeyRow};
use crate::wire::error::ApiError;

pub(super) struct CreateTrailKey;

#[derive(Deserialize)]
pub(super) struct Input {}

impl Operation for CreateTrailKey {
    const DESCRIPTION: Description = Description {
        name: "CreateTrailKey",
        service: Service::System,
        read_only: false,
        input: &[],
        output: &[],
        errors: &[],
    };
    // As for RotateDomainKey: it is no KMS key, and the call cannot come from
    // outside.
    const NEEDS_PERMIT: bool = false;
    // An RSA key takes long to make, and looks at nothing that others change.
    const TAKES_TURN: bool = false;

    type Context = Ctx;
    type Input = Input;
    type Output = Nothing;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        _input: Input,
    ) -> Result<Done<Nothing>, ApiError> {
        let hsm = Arc::clone(&ctx.hsm);
        let key = ctx.rsa_keys.make(move || hsm.generate_trail_key()).await??;
        // It signs digests of all that comes after the last ones.
        let progress = ctx.store.read(|tx| trail::find_progress(tx)).map_err(ApiError::internal)?;
        let now_ms = ctx.clock.now_ms();
        let valid_from_ms = progress.map_or(now_ms, |progress| progress.digest_ms.min(now_ms));
        access.record_additional("fingerprint", key.fingerprint.as_str().into());
        let row = KeyRow {
            fingerprint: key.fingerprint,
            public: key.public,
            sealed: key.sealed,
            valid_from_ms,
            valid_to_ms: now_ms.saturating_add(KEY_LIFETIME_MS),
        };
        let changes: Vec<Box<dyn Change>> = vec![Box::new(InsertKey(row))];
        Ok(Done::changed(Nothing {}, changes, None))
    }
}

/// Whether there is no key that signs.
///
/// # Errors
/// If the keys cannot be read.
pub(super) fn is_due(ctx: &Ctx) -> Result<bool, ApiError> {
    let keys = ctx.store.read(|tx| trail::list_keys(tx)).map_err(ApiError::internal)?;
    let now_ms = ctx.clock.now_ms();
    Ok(keys.last().is_none_or(|newest| newest.valid_to_ms <= now_ms))
}
