//! DecryptItems: a batch of items. An item is verified whole before any of it
//! is released.

use std::sync::Arc;

use super::batch::{self, Batch, Format, Outcome, Output, Refusal};
use super::key_service::KeyService;
use super::{Ctx, find_schema, pin};
use crate::base::limits;
use crate::base::secret::SecretBytes;
use crate::items::decrypt::ParsedItem;
use crate::items::error::{ItemError, ItemErrorCode};
use crate::items::header::{EncryptedDataKey, KMS_PROVIDER_ID};
use crate::items::schemas::StoredSchema;
use crate::items::{dynamodb_json, plain_json};
use crate::ops::access::Access;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

pub(super) struct DecryptItems;

impl Operation for DecryptItems {
    const DESCRIPTION: Description = Description {
        name: "DecryptItems",
        service: Service::Items,
        read_only: true,
        input: batch::INPUT,
        output: batch::OUTPUT,
        errors: &[Code::ConflictException, Code::NotFoundException],
    };

    type Context = Ctx;
    type Input = Batch;
    type Output = Output;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Batch,
    ) -> Result<Done<Output>, ApiError> {
        let stored = find_schema(ctx, access, Action::DECRYPT_ITEM, &input.name)?;
        pin::check(access, &stored, input.schema_hash.as_deref())?;
        let keys = KeyService::new(ctx, access.call());
        let format = input.format;
        batch::run(access, stored.version, input.items, |text| {
            let (stored, keys) = (Arc::clone(&stored), keys.clone());
            async move { decrypt(&stored, &keys, text.get(), format).await }
        })
        .await
    }
}

async fn decrypt(
    stored: &StoredSchema,
    keys: &KeyService,
    text: &str,
    format: Format,
) -> Result<Outcome, Refusal> {
    let item = match format {
        Format::DynamoDb => dynamodb_json::parse(text)?,
        Format::Json => plain_json::parse_encrypted(text, &stored.schema)?,
    };
    let parsed = ParsedItem::parse(&stored.schema, item)?;
    let (index, key) = unwrap_key(stored, &parsed, keys).await?;
    let decrypted = parsed.finish(index, &key)?;
    batch::print(&decrypted, format)
        .map(Outcome::Item)
        .map_err(|error| Refusal::from(&ApiError::internal(error)))
}

/// Asks KMS for the intermediate key of one recipient after the other until
/// one is given. Only keys of the schema are asked: whoever can use some other
/// key that the reader may use as well could forge items under it. How many
/// are tried is bounded: an item may name 255.
async fn unwrap_key(
    stored: &StoredSchema,
    parsed: &ParsedItem,
    keys: &KeyService,
) -> Result<(usize, SecretBytes), Refusal> {
    let ours = |(index, key): (usize, &'_ EncryptedDataKey)| {
        let arn = std::str::from_utf8(&key.provider_info).ok()?;
        let ours = stored.opening_key_arn(arn).filter(|_| key.provider_id == KMS_PROVIDER_ID)?;
        Some((index, ours.to_owned(), key.wrapped_intermediate_key.clone()))
    };
    let recipients: Vec<_> = parsed
        .data_keys()
        .iter()
        .enumerate()
        .filter_map(ours)
        .take(limits::DATA_KEYS_TRIED)
        .collect();
    let mut refusal = Refusal::from(ItemError::new(
        ItemErrorCode::KeyMismatch,
        "the item was not encrypted under a key of this schema or of an earlier version of it",
    ));
    for (index, arn, wrapped) in &recipients {
        match keys.decrypt(arn, wrapped, parsed.encryption_context()).await {
            Ok(key) => return Ok((*index, key)),
            Err(error) => refusal = Refusal::from(&error),
        }
    }
    Err(refusal)
}
