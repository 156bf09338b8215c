//! Data key pairs: what GenerateDataKeyPair and its twin without plaintext
//! share.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::access::{Access, PermittedKey};
use super::ctx::Ctx;
use super::resolve::Accepts;
use super::shapes::{check_context, refuse_recipient};
use crate::base::algorithm::EncryptionAlgorithm;
use crate::base::context::EncryptionContext;
use crate::base::secret::SecretBytes;
use crate::base::spec::KeyPairSpec;
use crate::hsm::DataKeyPair;
use crate::keys::cipher::{self, Encrypted};
use crate::policy::actions::Action;
use crate::policy::fact::Fact;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Shape};

/// `KeyPairSpec`.
pub(super) const KEY_PAIR_SPEC: Member =
    Member::required("KeyPairSpec", Shape::Enum(KeyPairSpec::NAMES));

/// The input of both operations.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    encryption_context: EncryptionContext,
    key_id: String,
    pub(super) key_pair_spec: KeyPairSpec,
    recipient: Option<Value>,
}

/// A key pair whose private key is in clear and under the KMS key.
pub(super) struct WrappedPair {
    pub(super) key_arn: String,
    /// PrivateKeyInfo (PKCS#8).
    pub(super) private: SecretBytes,
    pub(super) wrapped: Encrypted,
    /// SubjectPublicKeyInfo.
    pub(super) public: Vec<u8>,
}

/// Makes a key pair.
pub(super) async fn generate(
    ctx: &Ctx,
    access: &mut Access<'_>,
    action: Action,
    operation: &'static str,
    input: &Input,
) -> Result<WrappedPair, ApiError> {
    refuse_recipient(input.recipient.as_ref())?;
    let context = &input.encryption_context;
    check_context(context)?;
    access.says(Fact::EncryptionAlgorithm, EncryptionAlgorithm::SymmetricDefault.as_str());
    access.says(Fact::DataKeyPairSpec, input.key_pair_spec.as_str());
    let PermittedKey { permit, key } =
        access.key(action, &input.key_id, Accepts::KeyOrAlias, Some(context))?;
    cipher::check_wrapping(&key, operation)?;
    let DataKeyPair { private, public } = make(ctx, access, input.key_pair_spec).await?;
    let wrapped = access.backend().wrap_data_key(&permit, &key, &private, context).await?;
    if let Some(id) = wrapped.material_id {
        access.record_material(id);
    }
    Ok(WrappedPair { key_arn: key.arn.to_string(), private, wrapped, public })
}

/// RSA takes its time, so it is made elsewhere and by few at a time; all others
/// are made in less than a millisecond.
async fn make(ctx: &Ctx, access: &Access<'_>, spec: KeyPairSpec) -> Result<DataKeyPair, ApiError> {
    if spec == KeyPairSpec::Sm2 {
        let text = "KeyPairSpec SM2 is supported in China Regions only.";
        return Err(ApiError::new(Code::UnsupportedOperationException, text));
    }
    if !spec.key_spec().is_rsa() {
        return Ok(ctx.hsm.generate_data_key_pair(spec)?);
    }
    let account = access.call().caller.principal.account();
    let hsm = Arc::clone(&ctx.hsm);
    Ok(ctx.rsa_keys.make_for(account, move || hsm.generate_data_key_pair(spec)).await??)
}
