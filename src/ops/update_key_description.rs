//! UpdateKeyDescription.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_UpdateKeyDescription.html>

use serde::Deserialize;

use super::access::Access;
use super::ctx::Ctx;
use super::operation::{Description, Done, Operation, Service};
use super::resolve::Accepts;
use super::shapes::{KEY_ID, Nothing, recorded_key};
use crate::keys::changes::UpdateKey;
use crate::keys::state::StateRule;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, text};

pub(super) struct UpdateKeyDescription;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    key_id: String,
    description: String,
}

impl Operation for UpdateKeyDescription {
    const DESCRIPTION: Description = Description {
        name: "UpdateKeyDescription",
        service: Service::Kms,
        read_only: false,
        input: &[KEY_ID, Member::required("Description", text(0, 8192))],
        output: &[],
        errors: &[
            Code::InvalidArnException,
            Code::KMSInvalidStateException,
            Code::NotFoundException,
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
        let action = Action::UPDATE_KEY_DESCRIPTION;
        let key = access.key(action, &input.key_id, Accepts::Key, None)?.key;
        StateRule::Edit.check(key.state, &key.arn)?;
        let recorded = recorded_key(&key.arn);
        let change = UpdateKey::new(&ctx.keys, &key, |key| key.description = input.description);
        Ok(Done::changed(Nothing {}, vec![change], recorded))
    }
}
