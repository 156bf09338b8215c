//! DecryptItems: a batch of items. An item is verified whole before any of it
//! is released, and of it only what the caller may see and asked for.

use std::sync::Arc;

use super::batch::{self, Converted, Format, Output, Refusal};
use super::key_service::KeyService;
use super::reading::{self, Reading, Wanted};
use super::views::Views;
use super::{Ctx, find_schema, pin};
use crate::base::limits;
use crate::base::secret::SecretBytes;
use crate::hsm::Hsm;
use crate::items::decrypt::ParsedItem;
use crate::items::error::{ItemError, ItemErrorCode};
use crate::items::header::{EncryptedDataKey, KMS_PROVIDER_ID};
use crate::items::schemas::StoredSchema;
use crate::items::{dynamodb_json, plain_json};
use crate::ops::access::Access;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::policy::actions::Action;
use crate::policy::fact::Fact;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

pub(super) struct DecryptItems;

impl Operation for DecryptItems {
    const DESCRIPTION: Description = Description {
        name: "DecryptItems",
        service: Service::Items,
        read_only: true,
        input: reading::INPUT,
        output: batch::OUTPUT,
        errors: &[Code::ConflictException, Code::NotFoundException],
    };

    type Context = Ctx;
    type Input = Reading;
    type Output = Output;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Reading,
    ) -> Result<Done<Output>, ApiError> {
        if let Some(purpose) = &input.purpose {
            access.says(Fact::Purpose, purpose.clone());
        }
        let stored = find_schema(ctx, access, Action::DECRYPT_ITEM, &input.name)?;
        pin::check(access, &stored, input.schema_hash.as_deref())?;
        input.check(&stored.schema)?;
        let Reading { format, wanted, items, .. } = input;
        let parsed = batch::each(items, |text| {
            let stored = Arc::clone(&stored);
            async move { parse(&stored, text.get(), format) }
        })
        .await?;
        let encrypted = parsed.iter().flatten().flat_map(|item| &item.encrypted);
        let names = encrypted.filter(|name| wanted.has(name)).cloned().collect();
        let views = Views::decide(access, &stored, names)?;
        let reader = Arc::new(Reader {
            keys: KeyService::new(ctx, access.call()),
            hsm: Arc::clone(&ctx.common.hsm),
            format,
            wanted,
            views,
            stored,
        });
        let version = reader.stored.version;
        batch::run(access, version, parsed, |item| {
            let reader = Arc::clone(&reader);
            async move { reader.read(item?).await }
        })
        .await
    }
}

/// An item that is read, and which of its attributes its header lists as encrypted.
struct Parsed {
    item: ParsedItem,
    encrypted: Vec<String>,
}

fn parse(stored: &StoredSchema, text: &str, format: Format) -> Result<Parsed, Refusal> {
    let item = match format {
        Format::DynamoDb => dynamodb_json::parse(text)?,
        Format::Json => plain_json::parse_encrypted(text, &stored.schema)?,
    };
    let item = ParsedItem::parse(&stored.schema, item)?;
    let encrypted = item.encrypted_names().map(str::to_owned).collect();
    Ok(Parsed { item, encrypted })
}

/// One caller, who reads items of one schema.
struct Reader {
    stored: Arc<StoredSchema>,
    keys: KeyService,
    hsm: Arc<Hsm>,
    format: Format,
    wanted: Wanted,
    views: Views,
}

impl Reader {
    async fn read(&self, parsed: Parsed) -> Result<Converted, Refusal> {
        let Parsed { item, encrypted } = parsed;
        self.views.check(&self.wanted, &encrypted)?;
        let (index, key) = unwrap_key(&self.stored, &item, &self.keys).await?;
        let verified = item.verify(index, &key)?;
        let seen = self.views.open(&self.stored, &self.hsm, &self.wanted, verified, encrypted)?;
        let item = batch::print(&seen.item, self.format)
            .map_err(|error| Refusal::from(&ApiError::internal(error)))?;
        Ok(Converted { item, masked: seen.masked, withheld: seen.withheld })
    }
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
