//! GenerateDataKeyPairWithoutPlaintext: a fresh key pair, its private key under
//! a KMS key, for use later.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKeyPairWithoutPlaintext.html>

use serde::Serialize;

use super::access::Access;
use super::ctx::Ctx;
use super::data_key_pair::{self, Input, KEY_PAIR_SPEC};
use super::operation::{Description, Done, Operation, Service};
use super::shapes::{DRY_RUN, ENCRYPTION_CONTEXT, GRANT_TOKENS, KEY_ID, out_blob, out_text};
use crate::base::spec::KeyPairSpec;
use crate::policy::actions::Action;
use crate::wire::blob::Blob;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

pub(super) struct GenerateDataKeyPairWithoutPlaintext;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    private_key_ciphertext_blob: Blob,
    public_key: Blob,
    key_id: String,
    key_pair_spec: KeyPairSpec,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_material_id: Option<String>,
}

impl Operation for GenerateDataKeyPairWithoutPlaintext {
    const DESCRIPTION: Description = Description {
        name: "GenerateDataKeyPairWithoutPlaintext",
        service: Service::Kms,
        read_only: true,
        input: &[ENCRYPTION_CONTEXT, KEY_ID, KEY_PAIR_SPEC, GRANT_TOKENS, DRY_RUN],
        output: &[
            out_blob("PrivateKeyCiphertextBlob", false),
            out_blob("PublicKey", false),
            out_text("KeyId"),
            out_text("KeyPairSpec"),
            out_text("KeyMaterialId"),
        ],
        errors: &[
            Code::DisabledException,
            Code::DryRunOperationException,
            Code::InvalidGrantTokenException,
            Code::InvalidKeyUsageException,
            Code::KMSInvalidStateException,
            Code::KeyUnavailableException,
            Code::NotFoundException,
            Code::UnsupportedOperationException,
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
        let name = Self::DESCRIPTION.name;
        let action = Action::GENERATE_DATA_KEY_PAIR_WITHOUT_PLAINTEXT;
        let made = data_key_pair::generate(ctx, access, action, name, &input).await?;
        Ok(Done::read(Output {
            private_key_ciphertext_blob: Blob(made.wrapped.blob),
            public_key: Blob(made.public),
            key_id: made.key_arn,
            key_pair_spec: input.key_pair_spec,
            key_material_id: made.wrapped.material_id.map(|id| id.to_string()),
        }))
    }
}
