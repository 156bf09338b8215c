//! Encryption of an item, in two steps with the key service between them.

use std::collections::BTreeMap;

use zeroize::Zeroize;

use super::attribute::{AttributeValue, Item};
use super::context;
use super::crypto::{self, GCM_TAG_LEN, ItemKeys, ItemSigner};
use super::envelope::{Envelope, SealingKeys};
use super::error::{ItemError, ItemErrorCode};
use super::field::Field;
use super::header::Mark;
use super::path;
use super::schema::{Action, AlgorithmSuite, FOOTER_NAME, HEADER_NAME, RESERVED_PREFIX, Schema};
use super::serialize::serialize;
use crate::base::context::EncryptionContext;

pub use super::envelope::WrappedKey;

/// An item that keeps its schema's rules and waits for keys.
pub struct PreparedItem {
    /// The attributes that are stored as they are.
    stored: BTreeMap<String, AttributeValue>,
    /// The signed attributes in canonical order, still in plaintext.
    fields: Vec<Field>,
    envelope: Envelope,
}

impl PreparedItem {
    /// Checks `item` against `schema` and computes its encryption context; in
    /// suite 0x6701 this generates the item's key pair. Values of unsigned
    /// attributes are not looked at.
    ///
    /// Names that begin with `aws_dbe_` are refused. (The SDK's item encryptor
    /// drops such attributes without a word; its DynamoDB client refuses them.)
    ///
    /// # Errors
    /// `ReservedAttribute`, `NoActionForAttribute`, `MissingKeyAttribute`,
    /// `MissingContextAttribute`, `NumberOutOfRange`, `DuplicateInSet`, `TooDeep`,
    /// `MalformedAttribute`, `ContextTooLarge`, `ItemTooLarge`.
    pub fn prepare(schema: &Schema, item: Item) -> Result<Self, ItemError> {
        let signer = match schema.document().algorithm_suite {
            AlgorithmSuite::HmacOnly => None,
            AlgorithmSuite::EcdsaP384 => Some(ItemSigner::generate()?),
        };
        Self::prepare_with(schema, item, signer)
    }

    /// [`Self::prepare`] with the key pair as an argument.
    pub(super) fn prepare_with(
        schema: &Schema,
        item: Item,
        signer: Option<ItemSigner>,
    ) -> Result<Self, ItemError> {
        let mut stored = BTreeMap::new();
        let mut marked = Vec::with_capacity(item.0.len());
        for (name, mut value) in item.0 {
            check_unreserved(&name)?;
            let mark = match schema.action(&name)? {
                Action::DoNothing => {
                    stored.insert(name, value);
                    continue;
                }
                Action::SignOnly => Mark::Signed,
                Action::SignAndIncludeInEncryptionContext => Mark::InContext,
                Action::EncryptAndSign => Mark::Encrypted,
            };
            let encrypted = mark == Mark::Encrypted;
            let spare = if encrypted { GCM_TAG_LEN } else { 0 };
            let bytes = serialize(&value, spare).map_err(|error| error.of(&name))?;
            if encrypted {
                value.zeroize();
            } else {
                stored.insert(name.clone(), value);
            }
            marked.push((Field { name, encrypted, value: bytes }, mark));
        }
        path::sort_canonically(&mut marked, |(field, _)| &field.name);
        let (fields, legend): (Vec<Field>, Vec<Mark>) = marked.into_iter().unzip();
        let stored_context = match &signer {
            None => EncryptionContext::default(),
            Some(signer) => context::public_key_pair(&signer.public_key()?),
        };
        let version = schema.version();
        let context = context::of_item(schema, version, &fields, &legend, &stored_context)?;
        check_context_attributes(schema, &stored)?;
        let path_prefix = schema.path_prefix().to_vec();
        let envelope = Envelope { version, legend, context, stored_context, signer, path_prefix };
        Ok(Self { stored, fields, envelope })
    }

    /// What the intermediate keys must be bound to: give it to GenerateDataKey.
    #[must_use]
    pub fn encryption_context(&self) -> &EncryptionContext {
        &self.envelope.context
    }

    /// The attributes that will be encrypted, in canonical order.
    pub fn encrypted_names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().filter(|field| field.encrypted).map(|field| field.name.as_str())
    }

    /// Encrypts and signs for each of `recipients`, any of whom can then
    /// decrypt. `random` fills the data key and the message id behind it, at once.
    ///
    /// # Errors
    /// `InvalidKeyMaterial` if there are no or more than 255 recipients or an
    /// intermediate key has not 32 bytes; `ItemTooLarge` if a recipient's part
    /// exceeds 65,535 bytes; whatever `random` answers.
    pub fn finish(
        self,
        recipients: &[WrappedKey],
        random: &mut dyn FnMut(&mut [u8]) -> Result<(), ItemError>,
    ) -> Result<Item, ItemError> {
        let Self { stored, mut fields, envelope } = self;
        let (data_key, message_id) = crypto::draw(random)?;
        let keys = SealingKeys::derive(data_key, message_id)?;
        encrypt_fields(&mut fields, &envelope.path_prefix, &keys.item)?;
        let (header, footer) = envelope.seal(&fields, recipients, &keys)?;
        Ok(Item::encrypted(stored, fields, header, footer))
    }
}

fn encrypt_fields(
    fields: &mut [Field],
    path_prefix: &[u8],
    keys: &ItemKeys,
) -> Result<(), ItemError> {
    let cipher = keys.fields();
    let mut path = Vec::new();
    let encrypted = fields.iter_mut().filter(|field| field.encrypted);
    for (field, ordinal) in encrypted.zip(0..) {
        path::write(path_prefix, &field.name, &mut path);
        cipher.encrypt(ordinal, &path, &mut field.value)?;
    }
    Ok(())
}

/// What a schema puts into the encryption context must be there: a reader, and
/// a key policy that asks for it, could not tell a value that was left out from
/// one that was never meant to be there.
fn check_context_attributes(
    schema: &Schema,
    stored: &BTreeMap<String, AttributeValue>,
) -> Result<(), ItemError> {
    match schema.context_names().find(|name| !stored.contains_key(*name)) {
        None => Ok(()),
        Some(name) => Err(ItemError::new(
            ItemErrorCode::MissingContextAttribute,
            format!(
                "attribute `{name}` is SIGN_AND_INCLUDE_IN_ENCRYPTION_CONTEXT in the schema, so \
                 every item must have it: add it to the item"
            ),
        )
        .of(name)),
    }
}

fn check_unreserved(name: &str) -> Result<(), ItemError> {
    if !name.starts_with(RESERVED_PREFIX) {
        return Ok(());
    }
    let message = if [HEADER_NAME, FOOTER_NAME].contains(&name) {
        "the item is encrypted already: decrypt it first".to_owned()
    } else {
        format!("names that begin with {RESERVED_PREFIX} belong to the format: rename `{name}`")
    };
    Err(ItemError::new(ItemErrorCode::ReservedAttribute, message).of(name))
}
