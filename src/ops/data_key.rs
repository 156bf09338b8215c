//! Data keys: what GenerateDataKey and its twin without plaintext share.

use serde::Deserialize;
use serde_json::Value;

use super::access::{Access, PermittedKey};
use super::ctx::Ctx;
use super::resolve::Accepts;
use super::shapes::{check_context, refuse_recipient};
use crate::base::algorithm::EncryptionAlgorithm;
use crate::base::context::EncryptionContext;
use crate::base::limits;
use crate::base::secret::SecretBytes;
use crate::keys::cipher::{self, Encrypted};
use crate::policy::actions::Action;
use crate::policy::fact::Fact;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Shape, text};
use crate::wire::validate::echo;

/// `NumberOfBytes`.
pub(super) const NUMBER_OF_BYTES: Member =
    Member::optional("NumberOfBytes", Shape::Integer { min: 1, max: limits::RANDOM_BYTES_MAX });
/// `KeySpec` of a data key; `generate` knows the two names.
pub(super) const DATA_KEY_SPEC: Member = Member::optional("KeySpec", text(0, 2048));

/// The input of both operations.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    key_id: String,
    number_of_bytes: Option<usize>,
    key_spec: Option<String>,
    #[serde(default)]
    encryption_context: EncryptionContext,
    recipient: Option<Value>,
}

impl Input {
    /// The input of a service of ours.
    pub(super) fn of(key_id: &str, number_of_bytes: usize, context: &EncryptionContext) -> Self {
        Self {
            key_id: key_id.to_owned(),
            number_of_bytes: Some(number_of_bytes),
            key_spec: None,
            encryption_context: context.clone(),
            recipient: None,
        }
    }
}

/// A data key in clear and under the KMS key.
pub(super) struct DataKey {
    pub(super) key_arn: String,
    pub(super) plaintext: SecretBytes,
    pub(super) wrapped: Encrypted,
}

/// Makes a data key.
pub(super) async fn generate(
    ctx: &Ctx,
    access: &mut Access<'_>,
    action: Action,
    operation: &'static str,
    input: &Input,
) -> Result<DataKey, ApiError> {
    let len = length(input)?;
    refuse_recipient(input.recipient.as_ref())?;
    check_context(&input.encryption_context)?;
    let context = &input.encryption_context;
    // Data keys are wrapped by symmetric keys alone, which have one algorithm.
    access.says(Fact::EncryptionAlgorithm, EncryptionAlgorithm::SymmetricDefault.as_str());
    let PermittedKey { permit, key } =
        access.key(action, &input.key_id, Accepts::KeyOrAlias, Some(context))?;
    cipher::check_wrapping(&key, operation)?;
    let plaintext = ctx.hsm.random(len)?;
    let wrapped = access.backend().wrap_data_key(&permit, &key, &plaintext, context).await?;
    if let Some(id) = wrapped.material_id {
        access.record_material(id);
    }
    Ok(DataKey { key_arn: key.arn.to_string(), plaintext, wrapped })
}

/// The length in bytes: from exactly one of the two members. Checked before
/// the key is looked up.
fn length(input: &Input) -> Result<usize, ApiError> {
    let by_spec = match input.key_spec.as_deref() {
        None => None,
        Some("AES_256") => Some(32),
        Some("AES_128") => Some(16),
        Some(other) => return Err(unknown_spec(other)),
    };
    match (by_spec, input.number_of_bytes) {
        (Some(len), None) => Ok(len),
        (None, Some(len)) => Ok(len),
        _ => Err(ApiError::validation("Please specify either number of bytes or key spec.")),
    }
}

/// AWS lists the specs of KMS keys here, not those of data keys.
fn unknown_spec(spec: &str) -> ApiError {
    const LISTED: &str = "RSA_2048, RSA_3072, RSA_4096, ECC_NIST_P256, ECC_NIST_P384, \
        ECC_NIST_P521, ECC_SECG_P256K1, ECC_NIST_EDWARDS25519, SYMMETRIC_DEFAULT, HMAC_224, \
        HMAC_256, HMAC_384, HMAC_512, SM2, ML_DSA_44, ML_DSA_65, ML_DSA_87";
    ApiError::validation(format!(
        "1 validation error detected: Value '{}' at 'keySpec' failed to satisfy constraint: \
         Member must satisfy enum value set: [{LISTED}]",
        echo(spec)
    ))
}
