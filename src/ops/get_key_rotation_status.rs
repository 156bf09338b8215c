//! GetKeyRotationStatus. Keys that never rotate by themselves answer `false`.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyRotationStatus.html>

use serde::{Deserialize, Serialize};

use super::access::Access;
use super::ctx::Ctx;
use super::operation::{Description, Done, Operation, Service};
use super::resolve::Accepts;
use super::shapes::{KEY_ID, ROTATION_PERIOD, out_text};
use crate::base::spec::KeyState;
use crate::base::timestamp;
use crate::keys::state::StateRule;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Shape};

pub(super) struct GetKeyRotationStatus;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    key_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    key_rotation_enabled: bool,
    key_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rotation_period_in_days: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_rotation_date: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_demand_rotation_start_date: Option<f64>,
}

impl Operation for GetKeyRotationStatus {
    const DESCRIPTION: Description = Description {
        name: "GetKeyRotationStatus",
        service: Service::Kms,
        read_only: true,
        input: &[KEY_ID],
        output: &[
            Member::optional("KeyRotationEnabled", Shape::Boolean),
            out_text("KeyId"),
            ROTATION_PERIOD,
            Member::optional("NextRotationDate", Shape::Timestamp),
            Member::optional("OnDemandRotationStartDate", Shape::Timestamp),
        ],
        errors: &[
            Code::InvalidArnException,
            Code::KMSInvalidStateException,
            Code::NotFoundException,
            Code::UnsupportedOperationException,
        ],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Output;

    async fn run(
        _ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Output>, ApiError> {
        let action = Action::GET_KEY_ROTATION_STATUS;
        let key = access.key(action, &input.key_id, Accepts::Key, None)?.key;
        StateRule::Always.check(key.state, &key.arn)?;
        // The key keeps its schedule, in case that its deletion is cancelled.
        let is_leaving =
            matches!(key.state, KeyState::PendingDeletion | KeyState::PendingReplicaDeletion);
        let rotation = key.rotation.filter(|_| !is_leaving);
        Ok(Done::read(Output {
            key_rotation_enabled: rotation.is_some(),
            key_id: key.arn.to_string(),
            rotation_period_in_days: rotation.map(|rotation| rotation.period_days),
            next_rotation_date: rotation.map(|rotation| timestamp::epoch_seconds(rotation.next_ms)),
            on_demand_rotation_start_date: key.on_demand_ms.map(timestamp::epoch_seconds),
        }))
    }
}
