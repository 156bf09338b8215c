//! RotateKeyOnDemand: notes that the key is to rotate. The rotation itself is
//! the server's own (`system/rotate_key.rs`), as with AWS; it follows within
//! milliseconds, or after the next start if the server dies in between.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_RotateKeyOnDemand.html>

use serde::{Deserialize, Serialize};

use super::access::Access;
use super::ctx::Ctx;
use super::operation::{Description, Done, Operation, Service};
use super::resolve::Accepts;
use super::rotation;
use super::shapes::{KEY_ID, out_text, recorded_key};
use crate::keys::key::Key;
use crate::keys::rotate::change_shared;
use crate::keys::state::StateRule;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

pub(super) struct RotateKeyOnDemand;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    key_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    key_id: String,
}

impl Operation for RotateKeyOnDemand {
    const DESCRIPTION: Description = Description {
        name: "RotateKeyOnDemand",
        service: Service::Kms,
        read_only: false,
        input: &[KEY_ID],
        output: &[out_text("KeyId")],
        errors: &[
            Code::ConflictException,
            Code::DisabledException,
            Code::InvalidArnException,
            Code::KMSInvalidStateException,
            Code::LimitExceededException,
            Code::NotFoundException,
            Code::UnsupportedOperationException,
        ],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Output;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Output>, ApiError> {
        let key = access.key(Action::ROTATE_KEY_ON_DEMAND, &input.key_id, Accepts::Key, None)?.key;
        StateRule::RotateOnDemand.check(key.state, &key.arn)?;
        let now_ms = ctx.clock.now_ms();
        rotation::check_on_demand(ctx, &key, now_ms)?;
        check_limit(ctx, &key)?;
        check_conflict(&key, now_ms)?;
        let mut changes = change_shared(&ctx.keys, &key, |key| key.on_demand_ms = Some(now_ms));
        changes.push(rotation::wake(ctx));
        let output = Output { key_id: key.arn.to_string() };
        Ok(Done::changed(output, changes, recorded_key(&key.arn)))
    }
}

fn check_limit(ctx: &Ctx, key: &Key) -> Result<(), ApiError> {
    if key.rotations_on_demand() < ctx.quotas.on_demand_rotations_per_key {
        return Ok(());
    }
    let text = format!(
        "The on-demand rotations limit has been reached for the given keyId. No more on-demand \
         rotations can be performed for this key: {}",
        key.arn
    );
    Err(ApiError::new(Code::LimitExceededException, text))
}

/// One rotation at a time, and none shortly before a scheduled one.
fn check_conflict(key: &Key, now_ms: i64) -> Result<(), ApiError> {
    const SHORTLY_MS: i64 = 20 * 60_000;
    let refused = |why| {
        let text = format!("{} {why}.", key.arn);
        Err(ApiError::new(Code::ConflictException, text))
    };
    if key.on_demand_ms.is_some() {
        return refused("has an on-demand rotation in progress");
    }
    let is_near = |next_ms: i64| next_ms.saturating_sub(now_ms) <= SHORTLY_MS;
    if key.rotation.is_some_and(|rotation| is_near(rotation.next_ms)) {
        return refused("has an automatic rotation within the next 20 minutes");
    }
    Ok(())
}
