//! ImportKeyMaterial.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_ImportKeyMaterial.html>

use serde::Deserialize;

use super::access::{Access, PermittedKey};
use super::ctx::Ctx;
use super::imported::{KEY_MATERIAL_ID, OUTPUT, Output, check_origin};
use super::operation::{Description, Done, Operation, Service};
use super::resolve::Accepts;
use super::shapes::KEY_ID;
use crate::base::ids::MaterialId;
use crate::base::limits;
use crate::base::spec::{ExpirationModel, ImportType, KeySpec};
use crate::base::timestamp;
use crate::keys::import::{self, EXPIRY_MAX_MS, Import};
use crate::keys::key::Key;
use crate::keys::state::StateRule;
use crate::policy::actions::Action;
use crate::policy::fact::{Fact, Value};
use crate::wire::blob::Blob;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{DESCRIPTION, Member, Recorded, Shape, matching};

pub(super) struct ImportKeyMaterial;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    key_id: String,
    import_token: Blob,
    encrypted_key_material: Blob,
    valid_to: Option<f64>,
    expiration_model: Option<ExpirationModel>,
    import_type: Option<ImportType>,
    key_material_description: Option<String>,
    key_material_id: Option<String>,
}

const BLOB: Shape = Shape::Blob { min: 1, max: limits::CIPHERTEXT_BYTES, sensitive: false };

impl Operation for ImportKeyMaterial {
    const DESCRIPTION: Description = Description {
        name: "ImportKeyMaterial",
        service: Service::Kms,
        read_only: false,
        input: &[
            KEY_ID,
            Member::required("ImportToken", BLOB).unrecorded(),
            Member::required("EncryptedKeyMaterial", BLOB).unrecorded(),
            Member::optional("ValidTo", Shape::Timestamp),
            Member::optional("ExpirationModel", Shape::Enum(ExpirationModel::NAMES))
                .recorded(Recorded::OrText(ExpirationModel::Expires.as_str())),
            Member::optional("ImportType", Shape::Enum(ImportType::NAMES)),
            Member::optional("KeyMaterialDescription", matching(0, 256, DESCRIPTION)),
            KEY_MATERIAL_ID,
        ],
        output: OUTPUT,
        errors: &[
            Code::ExpiredImportTokenException,
            Code::IncorrectKeyMaterialException,
            Code::InvalidArnException,
            Code::InvalidCiphertextException,
            Code::InvalidImportTokenException,
            Code::KMSInvalidStateException,
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
        let now_ms = ctx.clock.now_ms();
        let expires_ms = expiry(&input, now_ms)?;
        if input.import_type == Some(ImportType::New) && input.key_material_id.is_some() {
            return Err(ApiError::validation(
                "KeyMaterialId must not be specified with ImportType NEW_KEY_MATERIAL.",
            ));
        }
        let model = input.expiration_model.unwrap_or(ExpirationModel::Expires);
        access.says(Fact::ExpirationModel, model.as_str());
        if let Some(expires_ms) = expires_ms {
            access.says(Fact::ValidTo, Value::Date(expires_ms));
        }
        let PermittedKey { permit, key } =
            access.key(Action::IMPORT_KEY_MATERIAL, &input.key_id, Accepts::Key, None)?;
        check_origin(&key)?;
        StateRule::Import.check(key.state, &key.arn)?;
        check_symmetric_members(&input, &key)?;
        let Input { import_token, encrypted_key_material, .. } = &input;
        let (token, wrapped) = (&import_token.0, &encrypted_key_material.0);
        let imported = import::unwrap(&ctx.hsm, &permit, &key, token, wrapped, now_ms)?;
        let id = imported.material_id;
        let import = Import {
            kind: input.import_type,
            material_id: input.key_material_id.as_deref().and_then(MaterialId::parse),
            description: input.key_material_description,
            expires_ms,
        };
        let changes = import::import(&ctx.keys, &key, imported, import, now_ms)?;
        let output = Output::of(&key, Some(id));
        let response = output.recorded();
        Ok(Done::changed(output, changes, response))
    }
}

/// When the material expires, epoch milliseconds; `None` for never. Checked
/// before the key is looked up.
fn expiry(input: &Input, now_ms: i64) -> Result<Option<i64>, ApiError> {
    let model = input.expiration_model.unwrap_or(ExpirationModel::Expires);
    let valid_to = match (model, input.valid_to) {
        (ExpirationModel::Expires, Some(valid_to)) => valid_to,
        (ExpirationModel::DoesNotExpire, None) => return Ok(None),
        (ExpirationModel::Expires, None) => {
            return Err(ApiError::validation(
                "A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES",
            ));
        }
        (ExpirationModel::DoesNotExpire, Some(_)) => {
            return Err(ApiError::validation(
                "A validTo date must not be set if the ExpirationModel is \
                 KEY_MATERIAL_DOES_NOT_EXPIRE",
            ));
        }
    };
    let latest_ms = now_ms.saturating_add(EXPIRY_MAX_MS);
    let expires_ms = timestamp::from_epoch_seconds(valid_to);
    match expires_ms.filter(|at| *at > now_ms && *at <= latest_ms) {
        Some(expires_ms) => Ok(Some(expires_ms)),
        None => Err(ApiError::validation(
            "The validTo date must be in the future and not more than 365 days from now",
        )),
    }
}

/// Keys of other kinds have one material for ever: there is nothing to choose.
fn check_symmetric_members(input: &Input, key: &Key) -> Result<(), ApiError> {
    let chooses = input.import_type.is_some()
        || input.key_material_description.is_some()
        || input.key_material_id.is_some();
    if chooses && key.spec != KeySpec::SymmetricDefault {
        return Err(ApiError::validation(
            "ImportType, KeyMaterialDescription and KeyMaterialId can be specified for symmetric \
             encryption keys only.",
        ));
    }
    Ok(())
}
