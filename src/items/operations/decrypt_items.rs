//! DecryptItems: a batch of items. An item is verified whole before any of it
//! is released.

use std::sync::Arc;

use super::batch::{self, Batch, Format, Outcome, Output, Refusal};
use super::field_reads::Reads;
use super::key_service::KeyService;
use super::{Ctx, find_schema};
use crate::audit::ReadKind;
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
        errors: &[Code::NotFoundException],
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
        let keys = KeyService::new(ctx, access.call());
        let format = input.format;
        let reads = Arc::new(Reads::new(ctx, &stored, ReadKind::Returned));
        let done = batch::run(access, stored.version, input.items, |item, text| {
            let (stored, keys, reads) = (Arc::clone(&stored), keys.clone(), Arc::clone(&reads));
            async move { decrypt(&stored, &keys, &reads, (item, text.get()), format).await }
        })
        .await;
        access.record_field_reads(reads.gathered());
        done
    }
}

async fn decrypt(
    stored: &StoredSchema,
    keys: &KeyService,
    reads: &Reads,
    (number, text): (u16, &str),
    format: Format,
) -> Result<Outcome, Refusal> {
    let item = match format {
        Format::DynamoDb => dynamodb_json::parse(text)?,
        Format::Json => plain_json::parse_encrypted(text, &stored.schema)?,
    };
    let parsed = ParsedItem::parse(&stored.schema, item)?;
    let read = reads.of_item(number, &parsed.key(&stored.schema));
    let mut read = read.map_err(|error| Refusal::from(&ApiError::internal(error)))?;
    let names: Vec<String> = parsed.encrypted_names().map(str::to_owned).collect();
    let (index, key) = match unwrap_key(stored, &parsed, keys).await {
        Ok(key) => key,
        Err(unopened) => {
            if unopened.is_denied {
                // What the item says of itself is not verified.
                let known = |name: &String| stored.schema.encrypted_names().any(|of| of == name);
                read.withheld = names.into_iter().filter(known).collect();
                reads.add(read);
            }
            return Err(unopened.refusal);
        }
    };
    let decrypted = parsed.finish(index, &key)?;
    read.plain = names;
    reads.add(read);
    batch::print(&decrypted, format)
        .map(Outcome::Item)
        .map_err(|error| Refusal::from(&ApiError::internal(error)))
}

/// No recipient gave a key.
struct Unopened {
    refusal: Refusal,
    /// Whether a policy is the reason, and not the item.
    is_denied: bool,
}

/// Asks KMS for the intermediate key of one recipient after the other until
/// one is given. Only keys of the schema are asked: whoever can use some other
/// key that the reader may use as well could forge items under it. How many
/// are tried is bounded: an item may name 255.
async fn unwrap_key(
    stored: &StoredSchema,
    parsed: &ParsedItem,
    keys: &KeyService,
) -> Result<(usize, SecretBytes), Unopened> {
    let ours = |(index, key): (usize, &'_ EncryptedDataKey)| {
        let arn = std::str::from_utf8(&key.provider_info).ok()?;
        let of_schema = key.provider_id == KMS_PROVIDER_ID && stored.key_arns.contains(arn);
        of_schema.then(|| (index, arn.to_owned(), key.wrapped_intermediate_key.clone()))
    };
    let recipients: Vec<_> = parsed
        .data_keys()
        .iter()
        .enumerate()
        .filter_map(ours)
        .take(limits::DATA_KEYS_TRIED)
        .collect();
    let refusal = Refusal::from(ItemError::new(
        ItemErrorCode::KeyMismatch,
        "the item was not encrypted under a key of this schema or of an earlier version of it",
    ));
    let mut unopened = Unopened { refusal, is_denied: false };
    for (index, arn, wrapped) in &recipients {
        match keys.decrypt(arn, wrapped, parsed.encryption_context()).await {
            Ok(key) => return Ok((*index, key)),
            Err(error) => {
                unopened.refusal = Refusal::from(&error);
                unopened.is_denied |= error.code() == Code::AccessDeniedException;
            }
        }
    }
    Err(unopened)
}
