//! EnableKeyRotation: automatic rotation, or another period for it.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_EnableKeyRotation.html>

use serde::Deserialize;

use super::access::Access;
use super::ctx::Ctx;
use super::operation::{Description, Done, Operation, Service};
use super::resolve::Accepts;
use super::rotation;
use super::shapes::{KEY_ID, Nothing, ROTATION_PERIOD, recorded_key};
use crate::keys::key::Rotation;
use crate::keys::rotate::{DEFAULT_PERIOD_DAYS, change_shared};
use crate::keys::state::StateRule;
use crate::policy::actions::Action;
use crate::policy::fact::Fact;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

pub(super) struct EnableKeyRotation;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    key_id: String,
    rotation_period_in_days: Option<i64>,
}

impl Operation for EnableKeyRotation {
    const DESCRIPTION: Description = Description {
        name: "EnableKeyRotation",
        service: Service::Kms,
        read_only: false,
        input: &[KEY_ID, ROTATION_PERIOD],
        output: &[],
        errors: &[
            Code::DisabledException,
            Code::InvalidArnException,
            Code::KMSInvalidStateException,
            Code::NotFoundException,
            Code::UnsupportedOperationException,
        ],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Nothing;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Nothing>, ApiError> {
        let period_days = input.rotation_period_in_days.unwrap_or(DEFAULT_PERIOD_DAYS);
        access.says(Fact::RotationPeriodInDays, period_days);
        let key = access.key(Action::ENABLE_KEY_ROTATION, &input.key_id, Accepts::Key, None)?.key;
        StateRule::Rotation.check(key.state, &key.arn)?;
        rotation::check_automatic(&key)?;
        // Whoever says again what is so already must not put the rotation off.
        let is_so = key.rotation.is_some_and(|held| held.period_days == period_days);
        let rotation = Rotation::starting(ctx.clock.now_ms(), period_days);
        let changes = match is_so {
            true => Vec::new(),
            false => change_shared(&ctx.keys, &key, |key| key.rotation = Some(rotation)),
        };
        Ok(Done::changed(Nothing {}, changes, recorded_key(&key.arn)))
    }
}
