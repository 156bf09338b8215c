//! Encrypt: up to 4,096 bytes under a symmetric KMS key, fewer with RSA.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_Encrypt.html>

use serde::{Deserialize, Serialize};

use super::access::{Access, PermittedKey};
use super::ctx::Ctx;
use super::operation::{Description, Done, Operation, Service};
use super::resolve::Accepts;
use super::shapes::{
    DRY_RUN, ENCRYPTION_ALGORITHM, ENCRYPTION_CONTEXT, GRANT_TOKENS, KEY_ID, USE_ERRORS,
    check_context, out_blob, out_text,
};
use crate::base::algorithm::EncryptionAlgorithm;
use crate::base::context::EncryptionContext;
use crate::base::limits;
use crate::keys::cipher;
use crate::policy::actions::Action;
use crate::policy::fact::Fact;
use crate::wire::blob::{Blob, SecretBlob};
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Shape};

pub(super) struct Encrypt;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    key_id: String,
    plaintext: SecretBlob,
    #[serde(default)]
    encryption_context: EncryptionContext,
    encryption_algorithm: Option<EncryptionAlgorithm>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    ciphertext_blob: Blob,
    key_id: String,
    encryption_algorithm: EncryptionAlgorithm,
}

impl Operation for Encrypt {
    const DESCRIPTION: Description = Description {
        name: "Encrypt",
        service: Service::Kms,
        read_only: true,
        input: &[
            KEY_ID,
            Member::required(
                "Plaintext",
                Shape::Blob { min: 1, max: limits::PLAINTEXT_BYTES, sensitive: true },
            )
            .unrecorded(),
            ENCRYPTION_CONTEXT,
            ENCRYPTION_ALGORITHM,
            GRANT_TOKENS,
            DRY_RUN,
        ],
        output: &[
            out_blob("CiphertextBlob", false),
            out_text("KeyId"),
            out_text("EncryptionAlgorithm"),
        ],
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
        let context = input.encryption_context;
        check_context(&context)?;
        let algorithm = input.encryption_algorithm.unwrap_or(EncryptionAlgorithm::SymmetricDefault);
        access.says(Fact::EncryptionAlgorithm, algorithm.as_str());
        let PermittedKey { permit, key } =
            access.key(Action::ENCRYPT, &input.key_id, Accepts::KeyOrAlias, Some(&context))?;
        cipher::check(&key, Self::DESCRIPTION.name, algorithm)?;
        let plaintext = input.plaintext.0.expose();
        let backend = access.backend();
        let made = backend.encrypt(&permit, &key, algorithm, plaintext, &context).await?;
        if let Some(id) = made.material_id {
            access.record_material(id);
        }
        Ok(Done::read(Output {
            ciphertext_blob: Blob(made.blob),
            key_id: key.arn.to_string(),
            encryption_algorithm: algorithm,
        }))
    }
}
