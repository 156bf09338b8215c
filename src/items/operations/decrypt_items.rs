//! DecryptItems: a batch of items. An item is verified whole before any of it
//! is released, and of it only what the caller may see and asked for.

use std::sync::Arc;

use super::batch::{self, Converted, Format, Output, Refusal};
use super::field_reads::Reads;
use super::key_service::KeyService;
use super::reading::{self, Reading, Wanted};
use super::views::{Seen, Views};
use super::{Ctx, find_schema, pin};
use crate::audit::{ItemRead, ReadKind};
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
        let parsed = batch::each((0_u16..).zip(items).collect(), |(number, text)| {
            let stored = Arc::clone(&stored);
            async move { parse(&stored, (number, text.get()), format) }
        })
        .await?;
        let encrypted = parsed.iter().flatten().flat_map(|item| &item.encrypted);
        let names = encrypted.filter(|name| wanted.has(name)).cloned().collect();
        let views = Views::decide(access, &stored, names)?;
        let reader = Arc::new(Reader {
            keys: KeyService::new(ctx, access.call()),
            hsm: Arc::clone(&ctx.common.hsm),
            reads: Reads::new(ctx, &stored, ReadKind::Returned),
            format,
            wanted,
            views,
            stored,
        });
        let version = reader.stored.version;
        let done = batch::run(access, version, parsed, |item| {
            let reader = Arc::clone(&reader);
            async move { reader.read(item?).await }
        })
        .await;
        access.record_field_reads(reader.reads.gathered());
        done
    }
}

/// An item that is read, and which of its attributes its header lists as encrypted.
struct Parsed {
    /// Its number in the call, counted from 0.
    number: u16,
    item: ParsedItem,
    encrypted: Vec<String>,
}

fn parse(
    stored: &StoredSchema,
    (number, text): (u16, &str),
    format: Format,
) -> Result<Parsed, Refusal> {
    let item = match format {
        Format::DynamoDb => dynamodb_json::parse(text)?,
        Format::Json => plain_json::parse_encrypted(text, &stored.schema)?,
    };
    let item = ParsedItem::parse(&stored.schema, item)?;
    let mut encrypted: Vec<String> = item.encrypted_names().map(str::to_owned).collect();
    encrypted.sort_unstable();
    Ok(Parsed { number, item, encrypted })
}

/// One caller, who reads items of one schema.
struct Reader {
    stored: Arc<StoredSchema>,
    keys: KeyService,
    hsm: Arc<Hsm>,
    reads: Reads,
    format: Format,
    wanted: Wanted,
    views: Views,
}

impl Reader {
    async fn read(&self, parsed: Parsed) -> Result<Converted, Refusal> {
        let Parsed { number, item, encrypted } = parsed;
        let read = self.reads.of_item(number, &item.key(&self.stored.schema));
        let read = read.map_err(|error| Refusal::from(&ApiError::internal(error)))?;
        if let Err(refusal) = self.views.check(&self.wanted, &encrypted) {
            self.deny(read, &encrypted);
            return Err(refusal);
        }
        let (index, key) = match unwrap_key(&self.stored, &item, &self.keys).await {
            Ok(key) => key,
            Err(unopened) => {
                if unopened.is_denied {
                    self.deny(read, &encrypted);
                }
                return Err(unopened.refusal);
            }
        };
        let verified = item.verify(index, &key)?;
        let asked: Vec<String> =
            encrypted.iter().filter(|name| self.wanted.has(name)).cloned().collect();
        let opened = self.views.open(&self.stored, &self.hsm, &self.wanted, verified, encrypted);
        let seen = match opened {
            Ok(seen) => seen,
            Err(refusal) => {
                self.reads.add(ItemRead { withheld: asked, ..read });
                return Err(refusal);
            }
        };
        let Seen { item, masked, withheld } = seen;
        let is_plain = |name: &String| !masked.contains(name) && !withheld.contains(name);
        let plain = asked.into_iter().filter(is_plain).collect();
        self.reads.add(ItemRead {
            plain,
            masked: masked.clone(),
            withheld: withheld.clone(),
            ..read
        });
        let item = batch::print(&item, self.format)
            .map_err(|error| Refusal::from(&ApiError::internal(error)))?;
        Ok(Converted { item, masked, withheld })
    }

    /// Notes that nothing was given of an item with the encrypted attributes `names`.
    /// What the item says of itself is not verified: others are passed over.
    fn deny(&self, read: ItemRead, names: &[String]) {
        let known = |name: &&String| {
            let mut known = self.stored.schema.encrypted_names();
            self.wanted.has(name) && known.any(|of| of == name.as_str())
        };
        let withheld = names.iter().filter(known).cloned().collect();
        self.reads.add(ItemRead { withheld, ..read });
    }
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
