//! Verify: succeeds if a signature is valid, and never answers that it is not.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_Verify.html>

use serde::{Deserialize, Serialize};

use super::access::{Access, PermittedKey};
use super::ctx::Ctx;
use super::operation::{Description, Done, Operation, Service};
use super::resolve::Accepts;
use super::shapes::{DRY_RUN, GRANT_TOKENS, KEY_ID, MESSAGE, in_blob, out_text};
use super::signature::{self, MESSAGE_TYPE, SIGNING_ALGORITHM};
use crate::base::algorithm::{MessageType, SigningAlgorithm};
use crate::keys::cipher::Message;
use crate::policy::actions::Action;
use crate::wire::blob::{Blob, SecretBlob};
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Shape};

pub(super) struct Verify;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    key_id: String,
    message: SecretBlob,
    message_type: Option<MessageType>,
    signature: Blob,
    signing_algorithm: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    key_id: String,
    signature_valid: bool,
    signing_algorithm: SigningAlgorithm,
}

impl Operation for Verify {
    const DESCRIPTION: Description = Description {
        name: "Verify",
        service: Service::Kms,
        read_only: true,
        input: &[
            KEY_ID,
            MESSAGE,
            MESSAGE_TYPE,
            in_blob("Signature"),
            SIGNING_ALGORITHM,
            GRANT_TOKENS,
            DRY_RUN,
        ],
        output: &[
            out_text("KeyId"),
            Member::optional("SignatureValid", Shape::Boolean),
            out_text("SigningAlgorithm"),
        ],
        errors: &[
            Code::DisabledException,
            Code::DryRunOperationException,
            Code::InvalidGrantTokenException,
            Code::InvalidKeyUsageException,
            Code::KMSInvalidSignatureException,
            Code::KMSInvalidStateException,
            Code::KeyUnavailableException,
            Code::NotFoundException,
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
        let kind = input.message_type.unwrap_or(MessageType::Raw);
        signature::says(access, kind, &input.signing_algorithm);
        let PermittedKey { permit, key } =
            access.key(Action::VERIFY, &input.key_id, Accepts::KeyOrAlias, None)?;
        let algorithm = signature::check(&key, Self::DESCRIPTION.name, input.signing_algorithm)?;
        let message = Message { algorithm, kind, bytes: input.message.0.expose() };
        access.backend().verify(&permit, &key, message, &input.signature.0).await?;
        Ok(Done::read(Output {
            key_id: key.arn.to_string(),
            signature_valid: true,
            signing_algorithm: algorithm,
        }))
    }
}
