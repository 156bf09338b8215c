//! CancelKeyDeletion: leaves the key disabled.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_CancelKeyDeletion.html>

use serde::{Deserialize, Serialize};

use super::access::Access;
use super::ctx::Ctx;
use super::operation::{Description, Done, Operation, Service};
use super::resolve::Accepts;
use super::shapes::{KEY_ID, out_text, recorded_key};
use crate::base::spec::KeyState;
use crate::keys::changes::UpdateKey;
use crate::keys::state::StateRule;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

pub(super) struct CancelKeyDeletion;

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

impl Operation for CancelKeyDeletion {
    const DESCRIPTION: Description = Description {
        name: "CancelKeyDeletion",
        service: Service::Kms,
        read_only: false,
        input: &[KEY_ID],
        output: &[out_text("KeyId")],
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
        let key = access.key(Action::CANCEL_KEY_DELETION, &input.key_id, Accepts::Key, None)?.key;
        StateRule::CancelDeletion.check(key.state, &key.arn)?;
        let change = UpdateKey::new(&ctx.keys, &key, |key| {
            key.state = match key.has_all_material() {
                true => KeyState::Disabled,
                false => KeyState::PendingImport,
            };
            key.deletion_ms = None;
            key.pending_window_days = None;
        });
        let output = Output { key_id: key.arn.to_string() };
        Ok(Done::changed(output, vec![change], recorded_key(&key.arn)))
    }
}
