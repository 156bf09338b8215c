//! Keys for items, asked of KMS as any client would: by the caller's own
//! right, through policy and book, as the service `items`.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;

use super::Ctx;
use crate::base::caller::Caller;
use crate::base::context::EncryptionContext;
use crate::base::ids::RequestId;
use crate::base::secret::SecretBytes;
use crate::items::encrypt::WrappedKey;
use crate::items::header::KMS_PROVIDER_ID;
use crate::ops::call::{Answer, Call};
use crate::ops::operation::BoundOperation;
use crate::wire::blob::{Blob, SecretBlob};
use crate::wire::error::ApiError;

/// `kms:ViaService` and CloudTrail's `invokedBy` of these calls.
const VIA_SERVICE: &str = "items.wardbook";

/// KMS, for one caller.
#[derive(Clone)]
pub(super) struct KeyService {
    ctx: Arc<Handles>,
    caller: Caller,
    region: crate::base::ids::Region,
}

struct Handles {
    generate_data_key: Arc<BoundOperation>,
    decrypt: Arc<BoundOperation>,
    hsm: Arc<crate::hsm::Hsm>,
}

impl KeyService {
    /// KMS for whoever makes `call`.
    pub(super) fn new(ctx: &Ctx, call: &Call) -> Self {
        let handles = Handles {
            generate_data_key: Arc::clone(&ctx.generate_data_key),
            decrypt: Arc::clone(&ctx.decrypt),
            hsm: Arc::clone(&ctx.common.hsm),
        };
        Self {
            ctx: Arc::new(handles),
            caller: Caller { via_service: Some(VIA_SERVICE.into()), ..call.caller.clone() },
            region: call.region.clone(),
        }
    }

    /// A fresh key for one item from each of `key_ids`. Each recipient wraps the
    /// item's data key with a key of its own, so that all of them are asked to
    /// generate one and none to encrypt, as in the SDK's multi-keyring.
    pub(super) async fn generate_for_each<'a>(
        &self,
        key_ids: impl Iterator<Item = &'a str> + Send,
        context: &EncryptionContext,
    ) -> Result<Vec<WrappedKey>, ApiError> {
        let mut keys = Vec::new();
        for key_id in key_ids {
            keys.push(self.generate(key_id, context).await?);
        }
        Ok(keys)
    }

    /// A fresh key: GenerateDataKey of 32 bytes, as the keyring of the Database
    /// Encryption SDK asks for it.
    async fn generate(
        &self,
        key_id: &str,
        context: &EncryptionContext,
    ) -> Result<WrappedKey, ApiError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Output {
            key_id: String,
            plaintext: SecretBlob,
            ciphertext_blob: Blob,
        }
        let input = json!({ "KeyId": key_id, "NumberOfBytes": 32, "EncryptionContext": context });
        let answer = self.call(&self.ctx.generate_data_key, &input).await?;
        let output: Output = parse(answer)?;
        Ok(WrappedKey {
            provider_id: KMS_PROVIDER_ID.to_owned(),
            provider_info: output.key_id.into_bytes(),
            intermediate_key: output.plaintext.0,
            ciphertext: output.ciphertext_blob.0,
        })
    }

    /// The key of one item: Decrypt under the key that the item names.
    pub(super) async fn decrypt(
        &self,
        key_arn: &str,
        ciphertext: &[u8],
        context: &EncryptionContext,
    ) -> Result<SecretBytes, ApiError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Output {
            plaintext: SecretBlob,
        }
        let blob = Blob(ciphertext.to_vec());
        let input =
            json!({ "KeyId": key_arn, "CiphertextBlob": blob, "EncryptionContext": context });
        let answer = self.call(&self.ctx.decrypt, &input).await?;
        parse::<Output>(answer).map(|output| output.plaintext.0)
    }

    async fn call(
        &self,
        operation: &BoundOperation,
        input: &serde_json::Value,
    ) -> Result<Answer, ApiError> {
        let mut random = [0; 16];
        self.ctx.hsm.fill_random(&mut random)?;
        let caller = Caller { request_id: RequestId::from_random(random), ..self.caller.clone() };
        let body = input.to_string().into_bytes();
        let region = self.region.clone();
        let call = Call { caller, region, body, members: Vec::new(), decided: Vec::new() };
        Ok(operation.call(call).await)
    }
}

fn parse<T: serde::de::DeserializeOwned>(answer: Answer) -> Result<T, ApiError> {
    let output = SecretBytes::new(answer.into_result()?);
    serde_json::from_slice(output.expose()).map_err(ApiError::internal)
}
