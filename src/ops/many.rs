//! One KMS operation for many encryption contexts at once, as a service of ours
//! needs it for a batch: a data key for each item, or the data key of each.
//!
//! Every context is decided on and counted by itself. Those that are allowed leave
//! one record together, which says how many they were and what their contexts have
//! in common. One that is refused beside others is left out of answer and record:
//! the service asks for it again, alone, so that its refusal is told and recorded
//! as any other. If all are refused alike, that is the one refusal of the call; if not,
//! the refusal is the first one's, and says that the others have their own.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::access::Access;
use super::call::Call;
use super::ctx::Ctx;
use super::data_key;
use super::decrypt::Decrypt;
use super::facts::{Facts, Taken};
use super::generate_data_key::GenerateDataKey;
use super::operation::{Description, Done, Operation, ReadInput};
use super::shapes::check_context;
use super::source::Source;
use crate::base::algorithm::EncryptionAlgorithm;
use crate::base::context::EncryptionContext;
use crate::base::ids::MaterialId;
use crate::policy::actions::Action;
use crate::wire::blob::{Blob, SecretBlob};
use crate::wire::error::ApiError;

/// Bytes of a data key.
const DATA_KEY_BYTES: usize = 32;

/// GenerateDataKey of 32 bytes for each context.
pub(super) struct GenerateDataKeys;

/// Decrypt of each ciphertext.
pub(super) struct DecryptAll;

/// One use of the key.
trait Use: DeserializeOwned + Send + Sync {
    /// What is answered.
    type Output: Serialize + Send;

    fn context(&self) -> &EncryptionContext;

    /// Does it.
    fn run(
        &self,
        ctx: &Ctx,
        access: &mut Access<'_>,
        key_id: &str,
    ) -> impl Future<Output = Result<Made<Self::Output>, ApiError>> + Send;
}

/// The input of both, JSON as of any call.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Body<U> {
    key_id: String,
    uses: Vec<U>,
}

pub(super) struct Input<U>(Body<U>);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Generate {
    encryption_context: EncryptionContext,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Open {
    ciphertext_blob: Blob,
    encryption_context: EncryptionContext,
}

/// For each use in order what came of it, `None` where it was refused.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output<T> {
    used: Vec<Option<T>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Generated {
    key_id: String,
    ciphertext_blob: Blob,
    plaintext: SecretBlob,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Opened {
    plaintext: SecretBlob,
}

impl Use for Generate {
    type Output = Generated;

    fn context(&self) -> &EncryptionContext {
        &self.encryption_context
    }

    async fn run(
        &self,
        ctx: &Ctx,
        access: &mut Access<'_>,
        key_id: &str,
    ) -> Result<Made<Generated>, ApiError> {
        let input = data_key::Input::of(key_id, DATA_KEY_BYTES, &self.encryption_context);
        let name = GenerateDataKeys::DESCRIPTION.name;
        let made = data_key::generate(ctx, access, Action::GENERATE_DATA_KEY, name, &input).await?;
        Ok(Made {
            material: made.wrapped.material_id,
            output: Generated {
                key_id: made.key_arn,
                ciphertext_blob: Blob(made.wrapped.blob),
                plaintext: SecretBlob(made.plaintext),
            },
        })
    }
}

impl Use for Open {
    type Output = Opened;

    fn context(&self) -> &EncryptionContext {
        &self.encryption_context
    }

    async fn run(
        &self,
        _ctx: &Ctx,
        access: &mut Access<'_>,
        key_id: &str,
    ) -> Result<Made<Opened>, ApiError> {
        check_context(&self.encryption_context)?;
        let source = Source {
            operation: DecryptAll::DESCRIPTION.name,
            action: Action::DECRYPT,
            blob: Some(self.ciphertext_blob.clone()),
            key_id: Some(key_id.to_owned()),
            key_member: "keyId",
            context: self.encryption_context.clone(),
            algorithm: EncryptionAlgorithm::SymmetricDefault,
            ignore_ciphertext: false,
        };
        let found = source.find(access)?;
        let opened = source.open(access, &found).await?;
        let opened = opened.ok_or_else(|| ApiError::internal("nothing was opened"))?;
        Ok(Made {
            material: opened.material_id,
            output: Opened { plaintext: SecretBlob(opened.plaintext) },
        })
    }
}

impl<U: Use> ReadInput for Input<U> {
    fn read(_description: &Description, call: &Call, facts: &mut Facts) -> Result<Self, ApiError> {
        // The body is the server's own: what is wrong with it is a fault of the server.
        let body: Body<U> = serde_json::from_slice(&call.body).map_err(ApiError::internal)?;
        let common = in_common(body.uses.iter().map(U::context));
        facts.request_parameters =
            Some(json!({ "keyId": body.key_id, "encryptionContext": common }));
        Ok(Self(body))
    }
}

/// The pairs that all contexts have.
fn in_common<'a>(
    mut contexts: impl Iterator<Item = &'a EncryptionContext>,
) -> BTreeMap<&'a str, &'a str> {
    let mut common: BTreeMap<&str, &str> =
        contexts.next().map(|context| context.iter().collect()).unwrap_or_default();
    for context in contexts {
        common.retain(|key, value| context.find(key) == Some(value));
    }
    common
}

/// What one use came to: the key's material, and what is answered.
struct Made<T> {
    material: Option<MaterialId>,
    output: T,
}

fn is_alike(one: &ApiError, other: &ApiError) -> bool {
    (one.code(), one.message()) == (other.code(), other.message())
}

/// Does each use; the record is of those that were not refused.
async fn each<U: Use>(
    ctx: &Ctx,
    access: &mut Access<'_>,
    Body { key_id, uses }: Body<U>,
) -> Result<Done<Output<U::Output>>, ApiError> {
    let mut refusal: Option<(ApiError, _)> = None;
    let mut materials = BTreeSet::new();
    let mut used = Vec::with_capacity(uses.len());
    for wanted in &uses {
        access.begins_another_use();
        let before = access.mark();
        match wanted.run(ctx, access, &key_id).await {
            Ok(made) => {
                access.forget_repetitions(before);
                materials.extend(made.material);
                used.push(Some(made.output));
            }
            Err(error) => {
                let taken = access.take_since(before);
                refusal = Some(match refusal {
                    Some((first, of_first)) if is_alike(&first, &error) => (first, of_first),
                    Some((first, of_first)) => (first.of_one(), of_first),
                    None => (error, taken),
                });
                used.push(None);
            }
        }
    }
    let count = used.iter().flatten().count();
    if count == 0 {
        let empty = || (ApiError::internal("a batch without a use"), Taken::default());
        let (error, taken) = refusal.unwrap_or_else(empty);
        access.put_back(taken);
        return Err(error);
    }
    access.record_additional("items", count.into());
    // One of them stands where AWS has it, nearly always the only one.
    let mut materials = materials.into_iter();
    if let Some(material) = materials.next() {
        access.record_material(material);
    }
    materials.for_each(|material| access.record_further_material(material));
    Ok(Done::read(Output { used }))
}

impl Operation for GenerateDataKeys {
    const DESCRIPTION: Description =
        Description { input: &[], output: &[], ..GenerateDataKey::DESCRIPTION };

    type Context = Ctx;
    type Input = Input<Generate>;
    type Output = Output<Generated>;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        Input(body): Self::Input,
    ) -> Result<Done<Self::Output>, ApiError> {
        access.record_parameter("numberOfBytes", Value::from(DATA_KEY_BYTES));
        each(ctx, access, body).await
    }
}

impl Operation for DecryptAll {
    const DESCRIPTION: Description =
        Description { input: &[], output: &[], ..Decrypt::DESCRIPTION };

    type Context = Ctx;
    type Input = Input<Open>;
    type Output = Output<Opened>;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        Input(body): Self::Input,
    ) -> Result<Done<Self::Output>, ApiError> {
        each(ctx, access, body).await
    }
}
