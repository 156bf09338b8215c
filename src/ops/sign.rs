//! Sign: a signature by an asymmetric key.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html>

use serde::{Deserialize, Serialize};

use super::access::{Access, PermittedKey};
use super::ctx::Ctx;
use super::operation::{Description, Done, Operation, Service};
use super::resolve::Accepts;
use super::shapes::{DRY_RUN, GRANT_TOKENS, KEY_ID, MESSAGE, USE_ERRORS, out_blob, out_text};
use super::signature::{self, MESSAGE_TYPE, SIGNING_ALGORITHM};
use crate::base::algorithm::{MessageType, SigningAlgorithm};
use crate::keys::cipher::Message;
use crate::policy::actions::Action;
use crate::wire::blob::{Blob, SecretBlob};
use crate::wire::error::ApiError;

pub(super) struct Sign;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    key_id: String,
    message: SecretBlob,
    message_type: Option<MessageType>,
    signing_algorithm: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    key_id: String,
    signature: Blob,
    signing_algorithm: SigningAlgorithm,
}

impl Operation for Sign {
    const DESCRIPTION: Description = Description {
        name: "Sign",
        service: Service::Kms,
        read_only: true,
        input: &[KEY_ID, MESSAGE, MESSAGE_TYPE, GRANT_TOKENS, SIGNING_ALGORITHM, DRY_RUN],
        output: &[out_text("KeyId"), out_blob("Signature", false), out_text("SigningAlgorithm")],
        errors: USE_ERRORS,
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Output;

    async fn run(
        _ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Output>, ApiError> {
        let kind = input.message_type.unwrap_or(MessageType::Raw);
        signature::says(access, kind, &input.signing_algorithm);
        let PermittedKey { permit, key } =
            access.key(Action::SIGN, &input.key_id, Accepts::KeyOrAlias, None)?;
        let algorithm = signature::check(&key, Self::DESCRIPTION.name, input.signing_algorithm)?;
        let message = Message { algorithm, kind, bytes: input.message.0.expose() };
        let signature = access.backend().sign(&permit, &key, message).await?;
        Ok(Done::read(Output {
            key_id: key.arn.to_string(),
            signature: Blob(signature),
            signing_algorithm: algorithm,
        }))
    }
}
