//! Encrypted items as they come in, and how their keys are asked for: what the
//! operations share that open items.

use super::batch::{Format, Refusal};
use super::documents;
use super::key_service::KeyService;
use crate::base::context::EncryptionContext;
use crate::base::limits;
use crate::base::secret::SecretBytes;
use crate::items::decrypt::ParsedItem;
use crate::items::document::Document;
use crate::items::document::decrypt::ParsedDocument;
use crate::items::error::{ItemError, ItemErrorCode};
use crate::items::header::{EncryptedDataKey, KMS_PROVIDER_ID};
use crate::items::item_key::ItemKey;
use crate::items::schemas::StoredSchema;
use crate::items::{dynamodb_json, plain_json};
use crate::wire::codes::Code;

/// An item that is read, and which of its attributes its header lists as encrypted.
pub(super) struct Parsed {
    /// Its number in the call, counted from 0.
    pub(super) number: u16,
    pub(super) item: Sealed,
    pub(super) encrypted: Vec<String>,
}

/// An item of DynamoDB, or a document.
pub(super) enum Sealed {
    Item(ParsedItem),
    Document(ParsedDocument),
}

impl Sealed {
    pub(super) fn key(&self, stored: &StoredSchema) -> ItemKey {
        match self {
            Self::Item(item) => item.key(&stored.schema),
            Self::Document(document) => document.key().clone(),
        }
    }

    pub(super) fn data_keys(&self) -> (&[EncryptedDataKey], &EncryptionContext) {
        match self {
            Self::Item(item) => (item.data_keys(), item.encryption_context()),
            Self::Document(document) => (document.data_keys(), document.encryption_context()),
        }
    }
}

pub(super) fn parse(
    stored: &StoredSchema,
    (number, text): (u16, &str),
    format: Format,
) -> Result<Parsed, Refusal> {
    if let Some(schema) = stored.schema.documents() {
        let document = ParsedDocument::parse(schema, Document::parse_encrypted(text)?)?;
        let encrypted = documents::names(&document);
        return Ok(Parsed { number, item: Sealed::Document(document), encrypted });
    }
    let item = match format {
        Format::DynamoDb => dynamodb_json::parse(text)?,
        Format::Json | Format::Document => plain_json::parse_encrypted(text, &stored.schema)?,
    };
    let item = ParsedItem::parse(&stored.schema, item)?;
    let mut encrypted: Vec<String> = item.encrypted_names().map(str::to_owned).collect();
    encrypted.sort_unstable();
    Ok(Parsed { number, item: Sealed::Item(item), encrypted })
}

/// No recipient gave a key.
pub(super) struct Unopened {
    pub(super) refusal: Refusal,
    /// Whether a policy is the reason, and not the item.
    pub(super) is_denied: bool,
}

/// Asks KMS for the intermediate key of one recipient after the other until
/// one is given. Only keys of the schema are asked: whoever can use some other
/// key that the reader may use as well could forge items under it. How many
/// are tried is bounded: an item may name 255.
pub(super) async fn unwrap_key(
    stored: &StoredSchema,
    (data_keys, context): (&[EncryptedDataKey], &EncryptionContext),
    keys: &KeyService,
) -> Result<(usize, SecretBytes), Unopened> {
    let ours = |(index, key): (usize, &'_ EncryptedDataKey)| {
        let arn = std::str::from_utf8(&key.provider_info).ok()?;
        let ours = stored.opening_key_arn(arn).filter(|_| key.provider_id == KMS_PROVIDER_ID)?;
        Some((index, ours.to_owned(), key.wrapped_intermediate_key.clone()))
    };
    let recipients: Vec<_> =
        data_keys.iter().enumerate().filter_map(ours).take(limits::DATA_KEYS_TRIED).collect();
    let refusal = Refusal::from(ItemError::new(
        ItemErrorCode::KeyMismatch,
        "the item was not encrypted under a key of this schema or of an earlier version of it",
    ));
    let mut unopened = Unopened { refusal, is_denied: false };
    for (index, arn, wrapped) in &recipients {
        match keys.decrypt(arn, wrapped, context).await {
            Ok(key) => return Ok((*index, key)),
            Err(error) => {
                unopened.refusal = Refusal::from(&error);
                unopened.is_denied |= error.code() == Code::AccessDeniedException;
            }
        }
    }
    Err(unopened)
}
