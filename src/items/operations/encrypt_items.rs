//! EncryptItems: a batch of items under a schema, each with a data key of its
//! own.

use std::sync::Arc;

use super::batch::{self, Batch, Converted, Format, Output, Refusal};
use super::documents;
use super::key_service::KeyService;
use super::pin::{self, SCHEMA_HASH};
use super::{Ctx, NAME, find_schema};
use crate::base::context::EncryptionContext;
use crate::hsm::Hsm;
use crate::items::document::Document;
use crate::items::document::encrypt::PreparedDocument;
use crate::items::encrypt::{PreparedItem, WrappedKey};
use crate::items::error::{ItemError, ItemErrorCode};
use crate::items::schemas::StoredSchema;
use crate::items::{dynamodb_json, plain_json};
use crate::ops::access::Access;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

pub(super) struct EncryptItems;

impl Operation for EncryptItems {
    const DESCRIPTION: Description = Description {
        name: "EncryptItems",
        service: Service::Items,
        read_only: true,
        input: &[NAME, batch::ITEMS, batch::FORMAT, SCHEMA_HASH],
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
        let stored = find_schema(ctx, access, Action::ENCRYPT_ITEM, &input.name)?;
        pin::check(access, &stored, input.schema_hash.as_deref())?;
        input.format.check(&stored.schema)?;
        let keys = KeyService::new(ctx, access.call());
        let hsm = Arc::clone(&ctx.common.hsm);
        let format = input.format;
        batch::run(access, stored.version, input.items, |text| {
            let (stored, keys, hsm) = (Arc::clone(&stored), keys.clone(), Arc::clone(&hsm));
            async move { encrypt(&stored, &keys, &hsm, text.get(), format).await }
        })
        .await
    }
}

async fn encrypt(
    stored: &StoredSchema,
    keys: &KeyService,
    hsm: &Hsm,
    text: &str,
    format: Format,
) -> Result<Converted, Refusal> {
    let mut random = |bytes: &mut [u8]| fill_random(hsm, bytes);
    if let Some(schema) = stored.schema.documents() {
        let prepared = PreparedDocument::prepare(schema, Document::parse(text)?)?;
        let keys = recipients(stored, keys, prepared.encryption_context()).await?;
        return documents::print(&prepared.finish(&keys, &mut random)?).map(Converted::whole);
    }
    let item = match format {
        Format::DynamoDb => dynamodb_json::parse(text)?,
        Format::Json | Format::Document => plain_json::parse(text)?,
    };
    let prepared = PreparedItem::prepare(&stored.schema, item)?;
    let keys = recipients(stored, keys, prepared.encryption_context()).await?;
    let encrypted = prepared.finish(&keys, &mut random)?;
    batch::print(&encrypted, format)
        .map(Converted::whole)
        .map_err(|error| Refusal::from(&ApiError::internal(error)))
}

/// Randomness for an item, from the security module.
pub(super) fn fill_random(hsm: &Hsm, bytes: &mut [u8]) -> Result<(), ItemError> {
    hsm.fill_random(bytes).map_err(|_failed| {
        ItemError::new(ItemErrorCode::RandomUnavailable, "there is no randomness: try again")
    })
}

/// A fresh key for one item from each key of the schema.
pub(super) async fn recipients(
    stored: &StoredSchema,
    keys: &KeyService,
    context: &EncryptionContext,
) -> Result<Vec<WrappedKey>, Refusal> {
    let generated = keys.generate_for_each(stored.encrypting_key_arns(), context).await;
    generated.map_err(|error| Refusal::from(&error))
}
