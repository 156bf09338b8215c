//! CancelKeyDeletion: leaves the key disabled.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_CancelKeyDeletion.html>

use std::sync::Arc;

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
        let changed = key.changed(|key| {
            key.state = KeyState::Disabled;
            key.deletion_ms = None;
        });
        let output = Output { key_id: key.arn.to_string() };
        let change = UpdateKey { registry: Arc::clone(&ctx.keys), key: Arc::new(changed) };
        Ok(Done::changed(output, vec![Box::new(change)], recorded_key(&key.arn)))
    }
}
