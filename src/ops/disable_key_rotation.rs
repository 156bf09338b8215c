//! DisableKeyRotation.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_DisableKeyRotation.html>

use serde::Deserialize;

use super::access::Access;
use super::ctx::Ctx;
use super::operation::{Description, Done, Operation, Service};
use super::resolve::Accepts;
use super::rotation;
use super::shapes::{KEY_ID, Nothing, recorded_key};
use crate::base::spec::KeySpec;
use crate::keys::rotate::change_shared;
use crate::keys::state::StateRule;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

pub(super) struct DisableKeyRotation;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    key_id: String,
}

impl Operation for DisableKeyRotation {
    const DESCRIPTION: Description = Description {
        name: "DisableKeyRotation",
        service: Service::Kms,
        read_only: false,
        input: &[KEY_ID],
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
        let key = access.key(Action::DISABLE_KEY_ROTATION, &input.key_id, Accepts::Key, None)?.key;
        StateRule::Rotation.check(key.state, &key.arn)?;
        // AWS lets it pass for the keys that never rotate, whatever their origin.
        if key.spec == KeySpec::SymmetricDefault {
            rotation::check_automatic(&key)?;
        }
        let changes = match key.rotation {
            None => Vec::new(),
            Some(_) => change_shared(&ctx.keys, &key, |key| key.rotation = None),
        };
        Ok(Done::changed(Nothing {}, changes, recorded_key(&key.arn)))
    }
}
