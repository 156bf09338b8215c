//! GenerateDataKeyWithoutPlaintext: a fresh data key under a KMS key, for use
//! later.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKeyWithoutPlaintext.html>

use serde::Serialize;

use super::access::Access;
use super::ctx::Ctx;
use super::data_key::{self, DATA_KEY_SPEC, NUMBER_OF_BYTES};
use super::operation::{Description, Done, Operation, Service};
use super::shapes::{
    DRY_RUN, ENCRYPTION_CONTEXT, GRANT_TOKENS, KEY_ID, USE_ERRORS, out_blob, out_text,
};
use crate::policy::actions::Action;
use crate::wire::blob::Blob;
use crate::wire::error::ApiError;

pub(super) struct GenerateDataKeyWithoutPlaintext;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    ciphertext_blob: Blob,
    key_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_material_id: Option<String>,
}

impl Operation for GenerateDataKeyWithoutPlaintext {
    const DESCRIPTION: Description = Description {
        name: "GenerateDataKeyWithoutPlaintext",
        service: Service::Kms,
        read_only: true,
        input: &[KEY_ID, ENCRYPTION_CONTEXT, NUMBER_OF_BYTES, DATA_KEY_SPEC, GRANT_TOKENS, DRY_RUN],
        output: &[out_blob("CiphertextBlob", false), out_text("KeyId"), out_text("KeyMaterialId")],
        errors: USE_ERRORS,
    };

    type Context = Ctx;
    type Input = data_key::Input;
    type Output = Output;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: data_key::Input,
    ) -> Result<Done<Output>, ApiError> {
        let name = Self::DESCRIPTION.name;
        let made = data_key::generate(
            ctx,
            access,
            Action::GENERATE_DATA_KEY_WITHOUT_PLAINTEXT,
            name,
            &input,
        )
        .await?;
        Ok(Done::read(Output {
            ciphertext_blob: Blob(made.wrapped.blob),
            key_id: made.key_arn,
            key_material_id: made.wrapped.material_id.map(|id| id.to_string()),
        }))
    }
}
