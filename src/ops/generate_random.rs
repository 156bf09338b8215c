//! GenerateRandom: bytes from the HSM's generator.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateRandom.html>

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::access::Access;
use super::ctx::Ctx;
use super::custom_key_stores;
use super::operation::{Description, Done, Operation, Service};
use super::shapes::{RECIPIENT, out_blob, refuse_recipient};
use crate::base::limits;
use crate::policy::actions::Action;
use crate::wire::blob::SecretBlob;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Shape, text};

pub(super) struct GenerateRandom;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    number_of_bytes: Option<usize>,
    custom_key_store_id: Option<String>,
    recipient: Option<Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    plaintext: SecretBlob,
}

impl Operation for GenerateRandom {
    // AWS records nothing of the request.
    const DESCRIPTION: Description = Description {
        name: "GenerateRandom",
        service: Service::Kms,
        read_only: true,
        input: &[
            Member::optional(
                "NumberOfBytes",
                Shape::Integer { min: 1, max: limits::RANDOM_BYTES_MAX },
            )
            .unrecorded(),
            Member::optional("CustomKeyStoreId", text(1, 64)).unrecorded(),
            RECIPIENT,
        ],
        output: &[out_blob("Plaintext", true), out_blob("CiphertextForRecipient", false)],
        errors: &[Code::CustomKeyStoreNotFoundException, Code::UnsupportedOperationException],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Output;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Output>, ApiError> {
        refuse_recipient(input.recipient.as_ref())?;
        let Some(len) = input.number_of_bytes else {
            return Err(ApiError::validation("NumberOfBytes is required."));
        };
        access.account(Action::GENERATE_RANDOM)?;
        if let Some(store) = &input.custom_key_store_id {
            custom_key_stores::find(ctx, access, store)?;
            let text = "GenerateRandom does not support custom key stores of type \
                        EXTERNAL_KEY_STORE.";
            return Err(ApiError::new(Code::UnsupportedOperationException, text));
        }
        Ok(Done::read(Output { plaintext: SecretBlob(ctx.hsm.random(len)?) }))
    }
}
