//! Encryption of an item, in two steps with the key service between them.

use std::collections::BTreeMap;

use zeroize::Zeroize;

use super::attribute::{AttributeValue, Item};
use super::context;
use super::crypto::{self, GCM_TAG_LEN, ItemKeys, ItemSigner, Key, RecipientKeys};
use super::error::{ItemError, ItemErrorCode};
use super::field::Field;
use super::footer::Footer;
use super::header::{EncryptedDataKey, Header, Mark};
use super::path;
use super::schema::{
    Action, AlgorithmSuite, FOOTER_NAME, FormatVersion, HEADER_NAME, RESERVED_PREFIX, Schema,
};
use super::serialize::serialize;
use crate::base::context::EncryptionContext;
use crate::base::secret::SecretBytes;

/// A fresh intermediate key, as the key service gave it: for a KMS key, the
/// answer of GenerateDataKey under [`PreparedItem::encryption_context`].
pub struct WrappedKey {
    /// [`super::header::KMS_PROVIDER_ID`] for a KMS key.
    pub provider_id: String,
    /// The key's ARN for a KMS key, as the SDK expects it: not an alias.
    pub provider_info: Vec<u8>,
    /// 32 bytes, used for this item and for no other.
    pub intermediate_key: SecretBytes,
    /// The same key as the service will take it back.
    pub ciphertext: Vec<u8>,
}

impl WrappedKey {
    /// Wraps `data_key` for this recipient.
    pub(super) fn wrap(
        &self,
        data_key: &Key,
        context: &[u8],
    ) -> Result<(RecipientKeys, EncryptedDataKey), ItemError> {
        let keys = RecipientKeys::derive(self.intermediate_key.expose())?;
        let wrapped = EncryptedDataKey {
            provider_id: self.provider_id.clone(),
            provider_info: self.provider_info.clone(),
            wrapped_data_key: keys.wrap(data_key, context)?,
            wrapped_intermediate_key: self.ciphertext.clone(),
        };
        Ok((keys, wrapped))
    }
}

/// An item that keeps its schema's rules and waits for keys.
pub struct PreparedItem {
    version: FormatVersion,
    /// The attributes that are stored as they are.
    stored: BTreeMap<String, AttributeValue>,
    /// The signed attributes in canonical order, still in plaintext.
    fields: Vec<Field>,
    /// The mark of each of `fields`.
    legend: Vec<Mark>,
    context: EncryptionContext,
    stored_context: EncryptionContext,
    /// In suite 0x6701 only.
    signer: Option<ItemSigner>,
    path_prefix: Vec<u8>,
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
        item.check_count()?;
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
        Ok(Self { version, stored, fields, legend, context, stored_context, signer, path_prefix })
    }

    /// What the intermediate keys must be bound to: give it to GenerateDataKey.
    #[must_use]
    pub fn encryption_context(&self) -> &EncryptionContext {
        &self.context
    }

    /// The attributes that will be encrypted, in canonical order.
    pub fn encrypted_names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().filter(|field| field.encrypted).map(|field| field.name.as_str())
    }

    /// Encrypts and signs for each of `recipients`, any of whom can then
    /// decrypt. `random` fills the data key and then the message id.
    ///
    /// # Errors
    /// `InvalidKeyMaterial` if there are no or more than 255 recipients or an
    /// intermediate key has not 32 bytes; `ItemTooLarge` if a recipient's part
    /// exceeds 65,535 bytes; whatever `random` answers.
    pub fn finish(
        mut self,
        recipients: &[WrappedKey],
        random: &mut dyn FnMut(&mut [u8]) -> Result<(), ItemError>,
    ) -> Result<Item, ItemError> {
        let mut context = Vec::with_capacity(512);
        context::write(&self.context, &mut context)?;
        let data_key = Key::try_fill(&mut *random)?;
        let mut recipient_keys = Vec::with_capacity(recipients.len());
        let mut data_keys = Vec::with_capacity(recipients.len());
        for recipient in recipients {
            let (keys, wrapped) = recipient.wrap(&data_key, &context)?;
            recipient_keys.push(keys);
            data_keys.push(wrapped);
        }
        let mut message_id = [0; crypto::MESSAGE_ID_LEN];
        random(&mut message_id)?;

        let keys = ItemKeys::derive(&data_key, &message_id)?;
        let header = self.write_header(message_id, data_keys, &keys)?;
        self.encrypt_fields(&keys)?;
        let hash = crypto::canonical_hash(&header, &context, &self.path_prefix, &self.fields);
        let tags = recipient_keys.iter().map(|keys| keys.tag(&hash)).collect::<Result<_, _>>()?;
        let signature = self.signer.as_ref().map(|signer| signer.sign(&hash)).transpose()?;
        let footer = Footer { tags, signature }.write();
        Ok(self.into_item(header, footer))
    }

    /// The header with its commitment.
    fn write_header(
        &mut self,
        message_id: [u8; crypto::MESSAGE_ID_LEN],
        data_keys: Vec<EncryptedDataKey>,
        keys: &ItemKeys,
    ) -> Result<Vec<u8>, ItemError> {
        let suite = match self.signer {
            None => AlgorithmSuite::HmacOnly,
            Some(_) => AlgorithmSuite::EcdsaP384,
        };
        let header = Header {
            version: self.version,
            suite,
            message_id,
            legend: std::mem::take(&mut self.legend),
            stored_context: std::mem::take(&mut self.stored_context),
            data_keys,
        };
        let mut bytes = header.write()?;
        let commitment = keys.commitment(&bytes)?;
        bytes.extend_from_slice(&commitment);
        Ok(bytes)
    }

    fn encrypt_fields(&mut self, keys: &ItemKeys) -> Result<(), ItemError> {
        let cipher = keys.fields();
        let mut path = Vec::new();
        let encrypted = self.fields.iter_mut().filter(|field| field.encrypted);
        for (field, ordinal) in encrypted.zip(0..) {
            path::write(&self.path_prefix, &field.name, &mut path);
            cipher.encrypt(ordinal, &path, &mut field.value)?;
        }
        Ok(())
    }

    fn into_item(self, header: Vec<u8>, footer: Vec<u8>) -> Item {
        let mut attributes = self.stored;
        for mut field in self.fields {
            if field.encrypted {
                let ciphertext = std::mem::take(&mut *field.value);
                attributes.insert(field.name, AttributeValue::B(ciphertext));
            }
        }
        attributes.insert(HEADER_NAME.to_owned(), AttributeValue::B(header));
        attributes.insert(FOOTER_NAME.to_owned(), AttributeValue::B(footer));
        Item(attributes)
    }
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
