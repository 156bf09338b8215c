//! ScheduleKeyDeletion.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html>

use serde::{Deserialize, Serialize};
use serde_json::Map;

use super::access::Access;
use super::ctx::Ctx;
use super::get_key_last_usage::says_days_without_usage;
use super::operation::{Description, Done, Operation, Service};
use super::resolve::Accepts;
use super::shapes::{KEY_ID, out_text};
use crate::base::spec::KeyState;
use crate::base::timestamp;
use crate::keys::changes::UpdateKey;
use crate::keys::multi_region;
use crate::keys::state::StateRule;
use crate::policy::actions::Action;
use crate::policy::fact::Fact;
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
    #[serde(skip_serializing_if = "Option::is_none")]
    deletion_date: Option<f64>,
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

    // For a search of the book no other change should wait.
    const TAKES_TURN: bool = false;

    type Context = Ctx;
    type Input = Input;
    type Output = Output;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Output>, ApiError> {
        let action = Action::SCHEDULE_KEY_DELETION;
        let window_days = input.pending_window_in_days.unwrap_or(30);
        says_days_without_usage(ctx, access, &input.key_id).await?;
        access.takes_turn().await;
        access.says(Fact::ScheduleKeyDeletionPendingWindowInDays, window_days);
        let key = access.key(action, &input.key_id, Accepts::Key, None)?.key;
        StateRule::ScheduleDeletion.check(key.state, &key.arn)?;
        // A primary key waits for its replicas first, and only then its days.
        let waits = !multi_region::replicas(&ctx.keys, &key).is_empty();
        let change = UpdateKey::new(&ctx.keys, &key, |key| match waits {
            true => {
                key.state = KeyState::PendingReplicaDeletion;
                key.pending_window_days = Some(window_days);
            }
            false => key.begin_pending_deletion(ctx.clock.now_ms(), window_days),
        });
        let (state, due_ms) = (change.after.state, change.after.deletion_ms);
        let mut response = Map::new();
        response.insert("keyId".to_owned(), key.arn.to_string().into());
        response.insert("keyState".to_owned(), state.as_str().into());
        if let Some(due_ms) = due_ms {
            response.insert("deletionDate".to_owned(), timestamp::record_date(due_ms).into());
        }
        response.insert("pendingWindowInDays".to_owned(), window_days.into());
        let output = Output {
            key_id: key.arn.to_string(),
            deletion_date: due_ms.map(timestamp::epoch_seconds),
            key_state: state.as_str(),
            pending_window_in_days: window_days,
        };
        Ok(Done::changed(output, vec![change], Some(response.into())))
    }
}
