//! Decrypt: a symmetric key is found from the ciphertext, an RSA key is named.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html>

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::access::Access;
use super::ctx::Ctx;
use super::operation::{Description, Done, Operation, Service};
use super::shapes::{
    CIPHERTEXT_BLOB, DRY_RUN, DRY_RUN_MODIFIERS, ENCRYPTION_ALGORITHM, ENCRYPTION_CONTEXT,
    GRANT_TOKENS, KEY_ID_SHAPE, RECIPIENT, check_context, out_blob, out_text, refuse_recipient,
};
use super::source::{Source, ignores_ciphertext};
use crate::base::algorithm::EncryptionAlgorithm;
use crate::base::context::EncryptionContext;
use crate::policy::actions::Action;
use crate::wire::blob::{Blob, SecretBlob};
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Recorded};

pub(super) struct Decrypt;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    ciphertext_blob: Option<Blob>,
    key_id: Option<String>,
    #[serde(default)]
    encryption_context: EncryptionContext,
    encryption_algorithm: Option<EncryptionAlgorithm>,
    recipient: Option<Value>,
    #[serde(default)]
    dry_run: bool,
    #[serde(default)]
    dry_run_modifiers: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    key_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    plaintext: Option<SecretBlob>,
    encryption_algorithm: EncryptionAlgorithm,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_material_id: Option<String>,
}

impl Operation for Decrypt {
    const DESCRIPTION: Description = Description {
        name: "Decrypt",
        service: Service::Kms,
        read_only: true,
        input: &[
            Member { required: false, ..CIPHERTEXT_BLOB },
            ENCRYPTION_ALGORITHM,
            Member::optional("KeyId", KEY_ID_SHAPE).recorded(Recorded::OrKeyArn),
            ENCRYPTION_CONTEXT,
            GRANT_TOKENS,
            RECIPIENT,
            DRY_RUN,
            DRY_RUN_MODIFIERS,
        ],
        output: &[
            out_text("KeyId"),
            out_blob("Plaintext", true),
            out_text("EncryptionAlgorithm"),
            out_blob("CiphertextForRecipient", false),
            out_text("KeyMaterialId"),
        ],
        errors: &[
            Code::DisabledException,
            Code::DryRunOperationException,
            Code::IncorrectKeyException,
            Code::InvalidCiphertextException,
            Code::InvalidGrantTokenException,
            Code::InvalidKeyUsageException,
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
        refuse_recipient(input.recipient.as_ref())?;
        let source = Source {
            operation: Self::DESCRIPTION.name,
            action: Action::DECRYPT,
            blob: input.ciphertext_blob,
            key_id: input.key_id,
            key_member: "keyId",
            context: input.encryption_context,
            algorithm: input.encryption_algorithm.unwrap_or(EncryptionAlgorithm::SymmetricDefault),
            ignore_ciphertext: ignores_ciphertext(input.dry_run, &input.dry_run_modifiers)?,
        };
        check_context(&source.context)?;
        let found = source.find(access)?;
        let opened = source.open(access, &found).await?;
        let material_id = opened.as_ref().and_then(|opened| opened.material_id);
        if let Some(id) = material_id {
            access.record_material(id);
        }
        Ok(Done::read(Output {
            key_id: found.key.arn.to_string(),
            plaintext: opened.map(|opened| SecretBlob(opened.plaintext)),
            encryption_algorithm: source.algorithm,
            key_material_id: material_id.map(|id| id.to_string()),
        }))
    }
}
