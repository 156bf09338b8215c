//! Encrypted items as they come in: what the operations share that open items.

use std::collections::BTreeSet;

use super::batch::{Format, Refusal};
use crate::base::context::EncryptionContext;
use crate::items::decrypt::ParsedItem;
use crate::items::document::Document;
use crate::items::document::decrypt::ParsedDocument;
use crate::items::header::EncryptedDataKey;
use crate::items::item_key::ItemKey;
use crate::items::schemas::StoredSchema;
use crate::items::{dynamodb_json, plain_json};

/// An item that is read, and which of its attributes its header lists as encrypted.
pub(super) struct Parsed {
    /// Its number in the call, counted from 0.
    pub(super) number: u16,
    pub(super) item: Sealed,
    pub(super) encrypted: Vec<String>,
    /// What may be encrypted inside of these, of a document; opened it tells.
    pub(super) inside: Vec<String>,
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
        let owned = |names: BTreeSet<&str>| names.into_iter().map(str::to_owned).collect();
        let (encrypted, inside) = (owned(document.names()), owned(document.names_inside()));
        return Ok(Parsed { number, item: Sealed::Document(document), encrypted, inside });
    }
    let item = match format {
        Format::DynamoDb => dynamodb_json::parse_encrypted(text)?,
        Format::Json | Format::Document => plain_json::parse_encrypted(text, &stored.schema)?,
    };
    let item = ParsedItem::parse(&stored.schema, item)?;
    let mut encrypted: Vec<String> = item.encrypted_names().map(str::to_owned).collect();
    encrypted.sort_unstable();
    Ok(Parsed { number, item: Sealed::Item(item), encrypted, inside: Vec::new() })
}
