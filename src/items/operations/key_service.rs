//! Keys for items, asked of KMS as any client would: by the caller's own
//! right, through policy and book, as the service `items`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::Ctx;
use crate::base::caller::Caller;
use crate::base::context::EncryptionContext;
use crate::base::ids::RequestId;
use crate::base::limits;
use crate::base::secret::SecretBytes;
use crate::items::dynamodb_json::Base64;
use crate::items::encrypt::WrappedKey;
use crate::items::header::KMS_PROVIDER_ID;
use crate::ops::call::Call;
use crate::ops::operation::BoundOperation;
use crate::wire::blob::{Blob, SecretBlob};
use crate::wire::codes::Code;
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
    generate_data_keys: Arc<BoundOperation>,
    decrypt_all: Arc<BoundOperation>,
    hsm: Arc<crate::hsm::Hsm>,
}

impl KeyService {
    /// KMS for whoever makes `call`.
    pub(super) fn new(ctx: &Ctx, call: &Call) -> Self {
        let handles = Handles {
            generate_data_key: Arc::clone(&ctx.generate_data_key),
            decrypt: Arc::clone(&ctx.decrypt),
            generate_data_keys: Arc::clone(&ctx.generate_data_keys),
            decrypt_all: Arc::clone(&ctx.decrypt_all),
            hsm: Arc::clone(&ctx.common.hsm),
        };
        Self {
            ctx: Arc::new(handles),
            caller: Caller { via_service: Some(VIA_SERVICE.into()), ..call.caller.clone() },
            region: call.region.clone(),
        }
    }

    /// For each item, given by its context, a fresh key from each of `key_ids`. Each
    /// recipient wraps the item's data key with a key of its own, so that all of them
    /// are asked to generate one and none to encrypt, as in the SDK's multi-keyring.
    pub(super) async fn generate_for_each<'a>(
        &self,
        key_ids: impl Iterator<Item = &'a str> + Send,
        contexts: &[&EncryptionContext],
    ) -> Vec<Result<Vec<WrappedKey>, Arc<ApiError>>> {
        let mut all: Vec<Result<Vec<WrappedKey>, Arc<ApiError>>> = Vec::new();
        all.resize_with(contexts.len(), || Ok(Vec::new()));
        for key_id in key_ids {
            // Whoever was refused one key is not asked for the next.
            let left: Vec<&EncryptionContext> = all
                .iter()
                .zip(contexts)
                .filter(|(keys, _)| keys.is_ok())
                .map(|(_, of)| *of)
                .collect();
            let made = self.generate(key_id, &left).await;
            let wanting = all.iter_mut().filter(|keys| keys.is_ok());
            for (keys, made) in wanting.zip(made) {
                match (keys, made) {
                    (Ok(keys), Ok(key)) => keys.push(key),
                    (keys, Err(error)) => *keys = Err(error),
                    (Err(_), Ok(_)) => {}
                }
            }
        }
        all
    }

    /// A fresh key for each item, given by its context: GenerateDataKey of 32 bytes,
    /// as the keyring of the Database Encryption SDK asks for it. Those of a batch
    /// leave one record.
    async fn generate(
        &self,
        key_id: &str,
        contexts: &[&EncryptionContext],
    ) -> Vec<Result<WrappedKey, Arc<ApiError>>> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Generated {
            key_id: String,
            plaintext: SecretBlob,
            ciphertext_blob: Blob,
        }
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Use<'a> {
            encryption_context: &'a EncryptionContext,
        }
        let uses = contexts.iter().map(|context| Use { encryption_context: context }).collect();
        let alone = json!({ "NumberOfBytes": 32 });
        let both = (&*self.ctx.generate_data_keys, &self.ctx.generate_data_key);
        let made = self.all::<Generated, _>(both, key_id, &alone, uses).await;
        let wrapped = |made: Generated| WrappedKey {
            provider_id: KMS_PROVIDER_ID.to_owned(),
            provider_info: made.key_id.into_bytes(),
            intermediate_key: made.plaintext.0,
            ciphertext: made.ciphertext_blob.0,
        };
        made.into_iter().map(|made| made.map(wrapped)).collect()
    }

    /// The key of each item, given by its ciphertext and context: Decrypt under the
    /// key that the items name. Those of a batch leave one record.
    pub(super) async fn decrypt(
        &self,
        key_arn: &str,
        items: Vec<(&[u8], &EncryptionContext)>,
    ) -> Vec<Result<SecretBytes, Arc<ApiError>>> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Opened {
            plaintext: SecretBlob,
        }
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Use<'a> {
            ciphertext_blob: Base64<'a>,
            encryption_context: &'a EncryptionContext,
        }
        let one = |(ciphertext, encryption_context)| Use {
            ciphertext_blob: Base64(ciphertext),
            encryption_context,
        };
        let uses = items.into_iter().map(one).collect();
        let both = (&*self.ctx.decrypt_all, &self.ctx.decrypt);
        let opened = self.all::<Opened, _>(both, key_arn, &json!({}), uses).await;
        opened.into_iter().map(|opened| opened.map(|opened| opened.plaintext.0)).collect()
    }

    /// Asks for all uses of a key at once by the first operation, and for those that
    /// it leaves out one by one by the second, to which `alone` is said too. Answers in
    /// the order of the uses.
    async fn all<T: DeserializeOwned + Send + 'static, U: Serialize + Send + Sync>(
        &self,
        (many, single): (&BoundOperation, &Arc<BoundOperation>),
        key_id: &str,
        alone: &Value,
        uses: Vec<U>,
    ) -> Vec<Result<T, Arc<ApiError>>> {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Input<'a, U> {
            key_id: &'a str,
            uses: &'a [U],
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Output<T> {
            used: Vec<Option<T>>,
        }
        let mut together: Vec<Option<T>> = Vec::new();
        let mut refused = None;
        if uses.len() > 1 {
            let input = Input { key_id, uses: &uses };
            match self.call::<Output<T>>(many, &input).await {
                Ok(output) => together = output.used,
                Err(error) => refused = Some(Arc::new(error)),
            }
        }
        let (mut all, mut left) = (BTreeMap::new(), Vec::new());
        for (place, one) in uses.iter().enumerate() {
            let made = together.get_mut(place).and_then(Option::take);
            match (made, &refused) {
                (Some(made), _) => drop(all.insert(place, Ok(made))),
                // All were refused, and of this one that is known already; of the
                // others too, unless they have a reason of their own.
                (None, Some(error)) if place == 0 || !has_others(error) => {
                    all.insert(place, Err(Arc::clone(error)));
                }
                (None, _) => match serde_json::to_value(one) {
                    Ok(mut input) => {
                        add(&mut input, &json!({ "KeyId": key_id }));
                        add(&mut input, alone);
                        left.push((place, input));
                    }
                    Err(error) => {
                        drop(all.insert(place, Err(Arc::new(ApiError::internal(error)))));
                    }
                },
            }
        }
        self.one_by_one(single, left, &mut all).await;
        all.into_values().collect()
    }

    /// Makes a call of its own for each of `inputs`, a few at once, so that their
    /// records become durable together; the answers go to their places.
    async fn one_by_one<T: DeserializeOwned + Send + 'static>(
        &self,
        operation: &Arc<BoundOperation>,
        inputs: Vec<(usize, Value)>,
        answers: &mut BTreeMap<usize, Result<T, Arc<ApiError>>>,
    ) {
        let places: Vec<usize> = inputs.iter().map(|(place, _)| *place).collect();
        let mut inputs = inputs.into_iter();
        let mut under_way = JoinSet::new();
        let mut failed = None;
        loop {
            while under_way.len() < limits::KEY_CALLS_AT_ONCE
                && let Some((place, input)) = inputs.next()
            {
                let (service, operation) = (self.clone(), Arc::clone(operation));
                under_way.spawn(async move { (place, service.call(&operation, &input).await) });
            }
            match under_way.join_next().await {
                None => break,
                Some(Ok((place, answer))) => drop(answers.insert(place, answer.map_err(Arc::new))),
                Some(Err(error)) => failed = Some(Arc::new(ApiError::internal(error))),
            }
        }
        // One that crashed has no answer: no other may come to its place.
        if let Some(error) = failed {
            for place in places {
                answers.entry(place).or_insert_with(|| Err(Arc::clone(&error)));
            }
        }
    }

    async fn call<T: DeserializeOwned>(
        &self,
        operation: &BoundOperation,
        input: &(impl Serialize + Sync),
    ) -> Result<T, ApiError> {
        let mut random = [0; 16];
        self.ctx.hsm.fill_random(&mut random)?;
        let caller = Caller { request_id: RequestId::from_random(random), ..self.caller.clone() };
        let body = serde_json::to_vec(input).map_err(ApiError::internal)?;
        let region = self.region.clone();
        let call = Call { caller, region, body, members: Vec::new(), decided: Vec::new() };
        let output = SecretBytes::new(operation.call(call).await.into_result()?);
        serde_json::from_slice(output.expose()).map_err(ApiError::internal)
    }
}

/// Whether what the first use of a call was refused for may be another thing for the
/// others: it lies in the item, or they are known to be refused differently.
fn has_others(error: &ApiError) -> bool {
    let is_of_item = matches!(
        error.code(),
        Code::InvalidCiphertextException | Code::IncorrectKeyException | Code::ValidationException
    );
    is_of_item || error.is_of_one()
}

fn add(input: &mut Value, more: &Value) {
    if let (Value::Object(input), Value::Object(more)) = (input, more) {
        input.extend(more.clone());
    }
}
