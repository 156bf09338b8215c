//! The calls of the item encryptor: rows of the same kind as those of KMS.
//! Keys are used through `ops`, with the caller's identity, so that key
//! policies and the book see every one.
//!
//! Deliberately absent: cryptography; that is in the rest of `items`.

use std::sync::Arc;

use tokio::sync::Mutex;

use super::error::ItemError;
use super::schemas::Schemas;
use crate::base::ids::Realm;
use crate::items::schemas::StoredSchema;
use crate::ops::access::Access;
use crate::ops::call::Call;
use crate::ops::ctx::Ctx as Common;
use crate::ops::operation::{BoundOperation, Entry};
use crate::policy::actions::Action;
use crate::policy::question::Resource;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, WORD_OR_DASH, matching};

mod batch;
mod body;
mod decrypt_items;
mod documents;
mod encrypt_items;
mod field_reads;
mod get_item_schema;
mod key_service;
mod list_item_schema_versions;
mod list_item_schemas;
mod pin;
mod put_item_schema;
mod query_field_reads;
mod re_encrypt_items;
mod reading;
mod resealing;
mod rewrap_items;
mod sealed;
mod unwrap;
mod views;

/// What the operations on items work with.
pub struct Ctx {
    common: Arc<Common>,
    schemas: Arc<Schemas>,
    /// Held while a schema is put: nothing else changes schemas, nor does putting one
    /// change anything else.
    putting: Mutex<()>,
    generate_data_key: Arc<BoundOperation>,
    decrypt: Arc<BoundOperation>,
    generate_data_keys: Arc<BoundOperation>,
    decrypt_all: Arc<BoundOperation>,
}

impl Ctx {
    /// The common context with schemas, and the two key operations that items
    /// need.
    #[must_use]
    pub fn new(common: Arc<Common>, schemas: Arc<Schemas>) -> Self {
        Self {
            generate_data_key: Arc::new(crate::ops::GENERATE_DATA_KEY.bind(Arc::clone(&common))),
            decrypt: Arc::new(crate::ops::DECRYPT.bind(Arc::clone(&common))),
            generate_data_keys: Arc::new(crate::ops::GENERATE_DATA_KEYS.bind(Arc::clone(&common))),
            decrypt_all: Arc::new(crate::ops::DECRYPT_ALL.bind(Arc::clone(&common))),
            common,
            schemas,
            putting: Mutex::default(),
        }
    }
}

impl AsRef<Common> for Ctx {
    fn as_ref(&self) -> &Common {
        &self.common
    }
}

/// The operations, sorted by name.
pub static TABLE: &[Entry<Ctx>] = &[
    Entry::of::<decrypt_items::DecryptItems>(),
    Entry::of::<encrypt_items::EncryptItems>(),
    Entry::of::<get_item_schema::GetItemSchema>(),
    Entry::of::<list_item_schema_versions::ListItemSchemaVersions>(),
    Entry::of::<list_item_schemas::ListItemSchemas>(),
    Entry::of::<put_item_schema::PutItemSchema>(),
    Entry::of::<query_field_reads::QueryFieldReads>(),
    Entry::of::<re_encrypt_items::ReEncryptItems>(),
    Entry::of::<rewrap_items::RewrapItems>(),
];

/// The name of a schema.
const NAME: Member = Member::required("name", matching(1, 128, WORD_OR_DASH));

/// An error of items as one of the API, which begins with its own code.
fn refusal(code: Code, error: &ItemError) -> ApiError {
    ApiError::new(code, format!("{}: {error}.", error.code))
}

/// A flag that stands in the query string.
fn flag(call: &Call, name: &str) -> Result<bool, ApiError> {
    let given = call.members.iter().find(|(other, _)| other == name);
    match given.map(|(_, value)| value.as_str()) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(ApiError::validation(format!("{name} must be true or false."))),
    }
}

/// Asks for `action` on the schema called `name`, then finds it: who may not
/// ask does not learn which schemas there are.
fn find_schema(
    ctx: &Ctx,
    access: &mut Access<'_>,
    action: Action,
    name: &str,
) -> Result<Arc<StoredSchema>, ApiError> {
    let realm: Realm = access.call().realm();
    access.resource(action, Resource::ItemSchema { account: &realm.account, name })?;
    ctx.schemas.find(&realm, name).ok_or_else(|| {
        let text = format!("There is no item schema {name} in {}.", realm.region);
        ApiError::new(Code::NotFoundException, text)
    })
}
