//! EncryptItems: a batch of items under a schema, each with a data key of its
//! own.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::batch::{self, Batch, Converted, Format, Output, Refusal};
use super::documents;
use super::key_service::KeyService;
use super::pin::{self, SCHEMA_HASH};
use super::{Ctx, NAME, find_schema};
use crate::base::context::EncryptionContext;
use crate::base::limits;
use crate::hsm::Hsm;
use crate::items::document::Document;
use crate::items::document::encrypt::PreparedDocument;
use crate::items::encrypt::{PreparedItem, WrappedKey};
use crate::items::error::{ItemError, ItemErrorCode};
use crate::items::rewrap::RewrappedItem;
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
        let schema = Arc::clone(&stored);
        let prepared =
            batch::each(input.items, move |text| Prepared::of(&schema, text.get(), format)).await?;
        seal_all(access, (&stored, &keys, &hsm), prepared, format).await
    }
}

/// Asks for the keys of all items at once, and seals them.
pub(super) async fn seal_all(
    access: &mut Access<'_>,
    (stored, keys, hsm): (&StoredSchema, &KeyService, &Arc<Hsm>),
    prepared: Vec<Result<Prepared, Refusal>>,
    format: Format,
) -> Result<Done<Output>, ApiError> {
    let contexts: Vec<_> = prepared.iter().flatten().map(Prepared::context).collect();
    let mut keys =
        keys.generate_for_each(stored.encrypting_key_arns(), &contexts).await.into_iter();
    let with_keys = prepared.into_iter().map(|item| {
        let item = item?;
        let none = || Err(Arc::new(ApiError::internal("a key is missing")));
        let keys = keys.next().unwrap_or_else(none).map_err(|error| Refusal::from(&*error))?;
        Ok((item, keys))
    });
    let hsm = Arc::clone(hsm);
    batch::run(access, stored.version, with_keys.collect(), move |item: Result<_, Refusal>| {
        let (item, keys) = item?;
        item.finish(&keys, &hsm, format)
    })
    .await
}

/// An item that wants keys.
pub(super) enum Prepared {
    Item(PreparedItem),
    Document(PreparedDocument),
    /// Its attributes are ciphertexts already.
    Rewrapped(RewrappedItem),
}

impl Prepared {
    fn of(stored: &StoredSchema, text: &str, format: Format) -> Result<Self, Refusal> {
        if let Some(schema) = stored.schema.documents() {
            return Ok(Self::Document(PreparedDocument::prepare(schema, Document::parse(text)?)?));
        }
        let item = match format {
            Format::DynamoDb => dynamodb_json::parse(text)?,
            Format::Json | Format::Document => plain_json::parse(text)?,
        };
        Ok(Self::Item(PreparedItem::prepare(&stored.schema, item)?))
    }

    fn context(&self) -> &EncryptionContext {
        match self {
            Self::Item(item) => item.encryption_context(),
            Self::Document(document) => document.encryption_context(),
            Self::Rewrapped(item) => item.encryption_context(),
        }
    }

    /// Encrypts with `keys`, one of each recipient.
    fn finish(self, keys: &[WrappedKey], hsm: &Hsm, format: Format) -> Result<Converted, Refusal> {
        let mut random = |bytes: &mut [u8]| {
            hsm.fill_random(bytes).map_err(|_failed| {
                let text = "there is no randomness: try again";
                ItemError::new(ItemErrorCode::RandomUnavailable, text)
            })
        };
        let item = match self {
            Self::Item(item) => item.finish(keys, &mut random)?,
            Self::Rewrapped(item) => item.finish(keys)?,
            Self::Document(document) => {
                let document = documents::print(&document.finish(keys, &mut random)?)?;
                return readable(document, limits::ENCRYPTED_DOCUMENT_BYTES);
            }
        };
        let item = batch::print(&item, format)
            .map_err(|error| Refusal::from(&ApiError::internal(error)))?;
        readable(item, limits::ENCRYPTED_ITEM_BYTES)
    }
}

/// An encrypted item, if it is one that can be decrypted: of at most `most` bytes.
fn readable(item: Box<RawValue>, most: usize) -> Result<Converted, Refusal> {
    let bytes = item.get().len();
    if bytes <= most {
        return Ok(Converted::whole(item));
    }
    let text = format!(
        "encrypted, the item has {bytes} bytes of JSON text, of which at most {most} are read \
         back: keep large values elsewhere"
    );
    Err(ItemError::new(ItemErrorCode::ItemTooLarge, text).into())
}
