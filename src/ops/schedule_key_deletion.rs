//! ScheduleKeyDeletion.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html>

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::access::Access;
use super::ctx::Ctx;
use super::operation::{Description, Done, Operation, Service};
use super::resolve::Accepts;
use super::shapes::{KEY_ID, out_text};
use crate::base::spec::KeyState;
use crate::base::timestamp::{self, DAY_MS};
use crate::keys::changes::UpdateKey;
use crate::keys::state::StateRule;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Shape};

pub(super) struct ScheduleKeyDeletion;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    key_id: String,
    pending_window_in_days: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    key_id: String,
    deletion_date: f64,
    key_state: &'static str,
    pending_window_in_days: i64,
}

impl Operation for ScheduleKeyDeletion {
    const DESCRIPTION: Description = Description {
        name: "ScheduleKeyDeletion",
        service: Service::Kms,
        read_only: false,
        input: &[
            KEY_ID,
            Member::optional("PendingWindowInDays", Shape::Integer { min: 7, max: 30 }),
        ],
        output: &[
            out_text("KeyId"),
            Member::optional("DeletionDate", Shape::Timestamp),
            out_text("KeyState"),
            Member::optional("PendingWindowInDays", Shape::Integer { min: 7, max: 30 }),
        ],
        errors: &[
            Code::InvalidArnException,
            Code::KMSInvalidStateException,
            Code::NotFoundException,
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
        let action = Action::SCHEDULE_KEY_DELETION;
        let key = access.key(action, &input.key_id, Accepts::Key, None)?.key;
        StateRule::ScheduleDeletion.check(key.state, &key.arn)?;
        let window_days = input.pending_window_in_days.unwrap_or(30);
        let due_ms = ctx.clock.now_ms().saturating_add(window_days.saturating_mul(DAY_MS));
        let change = UpdateKey::new(&ctx.keys, &key, |key| {
            key.state = KeyState::PendingDeletion;
            key.deletion_ms = Some(due_ms);
        });
        let response = json!({
            "keyId": key.arn.to_string(),
            "keyState": KeyState::PendingDeletion.as_str(),
            "deletionDate": timestamp::record_date(due_ms),
            "pendingWindowInDays": window_days,
        });
        let output = Output {
            key_id: key.arn.to_string(),
            deletion_date: timestamp::epoch_seconds(due_ms),
            key_state: KeyState::PendingDeletion.as_str(),
            pending_window_in_days: window_days,
        };
        Ok(Done::changed(output, vec![change], Some(response)))
    }
}
