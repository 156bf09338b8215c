//! ReEncrypt: from one key or encryption context to another; the plaintext
//! never leaves the server.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_ReEncrypt.html>

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::access::Access;
use super::ctx::Ctx;
use super::operation::{Description, Done, Operation, Service};
use super::resolve::{self, Accepts};
use super::shapes::{
    CIPHERTEXT_BLOB, DRY_RUN, DRY_RUN_MODIFIERS, ENCRYPTION_ALGORITHMS, GRANT_TOKENS, KEY_ID_SHAPE,
    check_context, out_blob, out_text,
};
use super::source::{Source, ignores_ciphertext, names};
use crate::base::algorithm::EncryptionAlgorithm;
use crate::base::context::EncryptionContext;
use crate::keys::cipher;
use crate::policy::actions::Action;
use crate::policy::fact::Fact;
use crate::wire::blob::Blob;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Recorded, Shape};

pub(super) struct ReEncrypt;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    ciphertext_blob: Option<Blob>,
    source_key_id: Option<String>,
    #[serde(default)]
    source_encryption_context: EncryptionContext,
    source_encryption_algorithm: Option<EncryptionAlgorithm>,
    destination_key_id: String,
    #[serde(default)]
    destination_encryption_context: EncryptionContext,
    destination_encryption_algorithm: Option<EncryptionAlgorithm>,
    #[serde(default)]
    dry_run: bool,
    #[serde(default)]
    dry_run_modifiers: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    ciphertext_blob: Blob,
    source_key_id: String,
    key_id: String,
    source_encryption_algorithm: EncryptionAlgorithm,
    destination_encryption_algorithm: EncryptionAlgorithm,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_key_material_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination_key_material_id: Option<String>,
}

impl Operation for ReEncrypt {
    const DESCRIPTION: Description = Description {
        name: "ReEncrypt",
        service: Service::Kms,
        read_only: true,
        input: &[
            Member { required: false, ..CIPHERTEXT_BLOB },
            Member::optional("SourceEncryptionAlgorithm", ENCRYPTION_ALGORITHMS)
                .recorded(Recorded::OrText("SYMMETRIC_DEFAULT")),
            Member::optional("SourceEncryptionContext", Shape::Map),
            Member::optional("SourceKeyId", KEY_ID_SHAPE),
            Member::required("DestinationKeyId", KEY_ID_SHAPE),
            Member::optional("DestinationEncryptionAlgorithm", ENCRYPTION_ALGORITHMS)
                .recorded(Recorded::OrText("SYMMETRIC_DEFAULT")),
            Member::optional("DestinationEncryptionContext", Shape::Map),
            GRANT_TOKENS,
            DRY_RUN,
            DRY_RUN_MODIFIERS,
        ],
        output: &[
            out_blob("CiphertextBlob", false),
            out_text("SourceKeyId"),
            out_text("KeyId"),
            out_text("SourceEncryptionAlgorithm"),
            out_text("DestinationEncryptionAlgorithm"),
            out_text("SourceKeyMaterialId"),
            out_text("DestinationKeyMaterialId"),
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
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Output>, ApiError> {
        let operation = Self::DESCRIPTION.name;
        let default = EncryptionAlgorithm::SymmetricDefault;
        let source = Source {
            operation,
            action: Action::RE_ENCRYPT_FROM,
            blob: input.ciphertext_blob,
            key_id: input.source_key_id,
            key_member: "sourceKeyId",
            context: input.source_encryption_context,
            algorithm: input.source_encryption_algorithm.unwrap_or(default),
            ignore_ciphertext: ignores_ciphertext(input.dry_run, &input.dry_run_modifiers)?,
        };
        let context = input.destination_encryption_context;
        check_context(&source.context)?;
        check_context(&context)?;
        let same = is_on_same_key(ctx, access, &source, &input.destination_key_id);
        access.says(Fact::ReEncryptOnSameKey, same);
        let from = source.find(access)?;
        let algorithm = input.destination_encryption_algorithm.unwrap_or(default);
        access.says(Fact::EncryptionAlgorithm, algorithm.as_str());
        let to = access.key(
            Action::RE_ENCRYPT_TO,
            &input.destination_key_id,
            Accepts::KeyOrAlias,
            Some(&context),
        )?;
        cipher::check(&to.key, operation, algorithm)?;
        // Only now that both are decided: whoever owns the source has a record of
        // every use of it, and no remote is asked in vain.
        let opened = source.open(access, &from).await?;
        // A dry run without a ciphertext tries the destination with nothing.
        let plaintext = opened.as_ref().map_or(&[][..], |opened| opened.plaintext.expose());
        let backend = access.backend();
        let made = backend.encrypt(&to.permit, &to.key, algorithm, plaintext, &context).await?;
        let source_material = opened.and_then(|opened| opened.material_id);
        if let Some(id) = source_material {
            access.record_additional("sourceKeyMaterialId", Value::from(id.to_string()));
        }
        if let Some(id) = made.material_id {
            access.record_additional("destinationKeyMaterialId", Value::from(id.to_string()));
        }
        Ok(Done::read(Output {
            ciphertext_blob: Blob(made.blob),
            source_key_id: from.key.arn.to_string(),
            key_id: to.key.arn.to_string(),
            source_encryption_algorithm: source.algorithm,
            destination_encryption_algorithm: algorithm,
            source_key_material_id: source_material.map(|id| id.to_string()),
            destination_key_material_id: made.material_id.map(|id| id.to_string()),
        }))
    }
}

/// Whether the ciphertext stays under its key. What is not found is refused
/// later, in its turn.
fn is_on_same_key(ctx: &Ctx, access: &Access<'_>, source: &Source, destination: &str) -> bool {
    let realm = access.call().realm();
    let find = |name| resolve::key(&ctx.keys, &realm, name, Accepts::KeyOrAlias).ok();
    let Some(to) = find(destination) else { return false };
    match (&source.key_id, &source.blob) {
        (Some(name), _) => find(name).is_some_and(|from| from.key.arn == to.key.arn),
        (None, Some(Blob(blob))) => names(blob, &to.key),
        (None, None) => false,
    }
}
