//! Decryption of an item, in two steps with the key service between them.
//!
//! The schema says which attributes must be signed, the item's own header says
//! which are encrypted. So an attribute may change between encrypted and signed
//! over time; an item keeps what it was written with. The header also says the
//! suite and the format version: items of both are read under either schema.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::attribute::{AttributeValue, Item};
use super::context;
use super::crypto::{self, GCM_TAG_LEN, ItemKeys, Key, RecipientKeys, TAG_LEN};
use super::error::{ItemError, ItemErrorCode};
use super::field::Field;
use super::footer::Footer;
use super::header::{EncryptedDataKey, Header, Mark};
use super::item_key::ItemKey;
use super::path;
use super::schema::{AlgorithmSuite, FOOTER_NAME, HEADER_NAME, RESERVED_PREFIX, Schema};
use super::serialize::{self, TYPE_ID_LEN, serialize};
use crate::base::context::EncryptionContext;
use crate::base::secret::SecretBytes;

/// An encrypted item, read but not believed: nothing in it is verified yet.
pub struct ParsedItem {
    /// The attributes that are stored as they are.
    stored: BTreeMap<String, AttributeValue>,
    /// Those of the format beside header and footer, such as beacons.
    reserved: BTreeMap<String, AttributeValue>,
    /// The signed attributes in canonical order, as stored.
    fields: Vec<Field>,
    context: EncryptionContext,
    header: Header,
    /// The same header as stored, with its commitment.
    header_bytes: Vec<u8>,
    footer: Footer,
    path_prefix: Vec<u8>,
}

impl ParsedItem {
    /// Takes `item` apart and computes its encryption context. Values of
    /// unsigned attributes are not looked at.
    ///
    /// # Errors
    /// `NotEncrypted`, `HeaderMalformed`, `FooterMalformed`, `MissingKeyAttribute`, `SchemaMismatch`; as [`super::encrypt::PreparedItem::prepare`]
    /// for a signed value that breaks a rule.
    pub fn parse(schema: &Schema, item: Item) -> Result<Self, ItemError> {
        let mut stored = item.0;
        let header_bytes = take_binary(&mut stored, HEADER_NAME)?;
        let footer_bytes = take_binary(&mut stored, FOOTER_NAME)?;
        if let Some(name) = schema.key_names().find(|name| !stored.contains_key(*name)) {
            return Err(context::missing_key(name));
        }
        let reserved = stored.extract_if(.., |name, _| name.starts_with(RESERVED_PREFIX)).collect();
        let header = Header::parse(&header_bytes)?;
        check_stored_context(&header)?;
        let footer = Footer::parse(&footer_bytes, header.suite, header.data_keys.len())?;

        let names = pair_with_legend(schema, stored.keys(), &header.legend)?;
        let names: Vec<_> = names.map(|(name, mark)| (name.to_owned(), mark)).collect();
        let mut fields = Vec::with_capacity(names.len());
        for (name, mark) in names {
            let encrypted = mark == Mark::Encrypted;
            let value = if encrypted {
                Zeroizing::new(take_ciphertext(&mut stored, &name)?)
            } else {
                let value = stored.get(&name).map(|value| serialize(value, 0));
                value
                    .unwrap_or_else(|| Ok(Zeroizing::default()))
                    .map_err(|error| error.of(&name))?
            };
            fields.push(Field { name, encrypted, value });
        }
        let Header { version, legend, stored_context, .. } = &header;
        let context = context::of_item(schema, *version, &fields, legend, stored_context)?;
        let path_prefix = schema.path_prefix().to_vec();
        Ok(Self { stored, reserved, fields, context, header, header_bytes, footer, path_prefix })
    }

    /// What the intermediate key was bound to: give it to Decrypt.
    #[must_use]
    pub fn encryption_context(&self) -> &EncryptionContext {
        &self.context
    }

    /// The key of the item; not verified.
    #[must_use]
    pub fn key(&self, schema: &Schema) -> ItemKey {
        let value = |name| self.fields.iter().find(|field| field.name == name);
        let values = schema.key_names().filter_map(value);
        ItemKey::of(values.map(|field| field.value.as_slice()))
    }

    /// The recipients, any of whose intermediate keys decrypts the item.
    #[must_use]
    pub fn data_keys(&self) -> &[EncryptedDataKey] {
        &self.header.data_keys
    }

    /// The attributes that are encrypted, in canonical order; not verified.
    pub fn encrypted_names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().filter(|field| field.encrypted).map(|field| field.name.as_str())
    }

    /// Verifies the item with the intermediate key of recipient `index`: the data
    /// key opens, the header commits to it, the recipient's tag and the signature hold.
    ///
    /// # Errors
    /// `InvalidKeyMaterial`, `KeyMismatch`, `CommitmentMismatch`, `SignatureInvalid`.
    pub fn verify(
        self,
        index: usize,
        intermediate_key: &SecretBytes,
    ) -> Result<VerifiedItem, ItemError> {
        let recipient = self.header.data_keys.get(index).ok_or_else(|| {
            ItemError::new(ItemErrorCode::InvalidKeyMaterial, "the item has no such data key")
        })?;
        let mut context = Vec::with_capacity(512);
        context::write(&self.context, &mut context)?;
        let recipient_keys = RecipientKeys::derive(intermediate_key.expose())?;
        let data_key = recipient_keys.unwrap(&recipient.wrapped_data_key, &context)?;
        let keys = ItemKeys::derive(&data_key, &self.header.message_id)?;
        keys.check_commitment(&self.header_bytes)?;

        let hash = self.canonical_hash(&context);
        if !crypto::contains(&self.footer.tags, &recipient_keys.tag(&hash)?) {
            return Err(altered());
        }
        if let Some(signature) = &self.footer.signature {
            let public_key = context::find_public_key(&self.context).ok_or_else(altered)?;
            if !crypto::verify(&public_key, &hash, signature) {
                return Err(altered());
            }
        }
        let Self { stored, reserved, fields, context, header, path_prefix, .. } = self;
        Ok(VerifiedItem { stored, reserved, fields, context, header, path_prefix, data_key, keys })
    }

    /// What the recipient tags and the signature are over.
    pub(super) fn canonical_hash(&self, context: &[u8]) -> [u8; TAG_LEN] {
        crypto::canonical_hash(&self.header_bytes, context, &self.path_prefix, &self.fields)
    }

    /// Verifies as [`Self::verify`] and decrypts every attribute.
    ///
    /// # Errors
    /// As [`Self::verify`] and [`VerifiedItem::decrypt`].
    pub fn finish(self, index: usize, intermediate_key: &SecretBytes) -> Result<Item, ItemError> {
        self.verify(index, intermediate_key)?.decrypt(|_| true)
    }
}

/// An item that is as it was signed; its attributes are still encrypted.
pub struct VerifiedItem {
    pub(super) stored: BTreeMap<String, AttributeValue>,
    pub(super) reserved: BTreeMap<String, AttributeValue>,
    pub(super) fields: Vec<Field>,
    pub(super) context: EncryptionContext,
    pub(super) header: Header,
    pub(super) path_prefix: Vec<u8>,
    pub(super) data_key: Key,
    keys: ItemKeys,
}

impl VerifiedItem {
    /// The attributes that are encrypted, in canonical order.
    pub fn encrypted_names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().filter(|field| field.encrypted).map(|field| field.name.as_str())
    }

    /// The attributes of the format beside header and footer, such as beacons.
    pub fn reserved_names(&self) -> impl Iterator<Item = &str> {
        self.reserved.keys().map(String::as_str)
    }

    /// The item with those encrypted attributes decrypted for which `wanted` is
    /// true and without the others. Unencrypted attributes are as they were
    /// stored; attributes of the format are gone.
    ///
    /// # Errors
    /// `DecryptionFailed` if an attribute does not decrypt to a value, which only
    /// a faulty writer can bring about.
    pub fn decrypt(self, wanted: impl Fn(&str) -> bool) -> Result<Item, ItemError> {
        let mut attributes = self.stored;
        let cipher = self.keys.fields();
        let mut path = Vec::new();
        let encrypted = self.fields.into_iter().filter(|field| field.encrypted);
        for (mut field, ordinal) in encrypted.zip(0..) {
            if !wanted(&field.name) {
                continue;
            }
            path::write(&self.path_prefix, &field.name, &mut path);
            let value = cipher
                .decrypt(ordinal, &path, &mut field.value)
                .and_then(|()| serialize::parse(&field.value).ok())
                .ok_or_else(|| undecryptable(&field.name))?;
            attributes.insert(field.name, value);
        }
        Ok(Item(attributes))
    }
}

/// The attributes that the header of `item` lists as encrypted; not verified.
pub(super) fn encrypted_names(schema: &Schema, item: &Item) -> Result<Vec<String>, ItemError> {
    let Some(AttributeValue::B(header)) = item.0.get(HEADER_NAME) else {
        return Err(not_encrypted(HEADER_NAME));
    };
    let header = Header::parse(header)?;
    let names = pair_with_legend(schema, item.0.keys(), &header.legend)?;
    let encrypted = names.filter(|(_, mark)| *mark == Mark::Encrypted);
    Ok(encrypted.map(|(name, _)| name.to_owned()).collect())
}

/// Gives each signed name, in canonical order, its mark.
fn pair_with_legend<'a>(
    schema: &Schema,
    names: impl Iterator<Item = &'a String>,
    legend: &[Mark],
) -> Result<impl Iterator<Item = (&'a str, Mark)>, ItemError> {
    let mut names: Vec<&str> =
        names.map(String::as_str).filter(|name| schema.is_signed(name)).collect();
    if names.len() != legend.len() {
        let cause = if names.len() < legend.len() {
            "one was removed from the item, or is now listed as unsigned in the schema"
        } else {
            "one was added to the item without encryption, or was unsigned in the schema before"
        };
        return Err(ItemError::new(
            ItemErrorCode::SchemaMismatch,
            format!(
                "the item was signed with {} attributes and now has {} that must be signed: {cause}",
                legend.len(),
                names.len()
            ),
        ));
    }
    path::sort_canonically(&mut names, |name| name);
    let legend = legend.to_vec();
    Ok(names.into_iter().zip(legend))
}

/// A verification key stands in the header exactly in the suite that needs it.
/// Otherwise who may only decrypt could take a signed item's keys, whose
/// context names the verification key, and write an item that asks for no signature.
///
/// Nothing else stands there; the SDK stores no other pair. Key policies ask for the
/// context, and the book takes from it which item it is: neither is for a writer to choose.
fn check_stored_context(header: &Header) -> Result<(), ItemError> {
    let wanted = match header.suite {
        AlgorithmSuite::HmacOnly => &[][..],
        AlgorithmSuite::EcdsaP384 => &[context::PUBLIC_KEY],
    };
    if header.stored_context.iter().map(|(key, _)| key).eq(wanted.iter().copied()) {
        return Ok(());
    }
    Err(ItemError::new(
        ItemErrorCode::HeaderMalformed,
        "the header's encryption context does not fit its algorithm suite: it was damaged or altered",
    )
    .of(HEADER_NAME))
}

fn take_binary(
    attributes: &mut BTreeMap<String, AttributeValue>,
    name: &str,
) -> Result<Vec<u8>, ItemError> {
    match attributes.remove(name) {
        Some(AttributeValue::B(bytes)) => Ok(bytes),
        _ => Err(not_encrypted(name)),
    }
}

fn take_ciphertext(
    attributes: &mut BTreeMap<String, AttributeValue>,
    name: &str,
) -> Result<Vec<u8>, ItemError> {
    match attributes.remove(name) {
        Some(AttributeValue::B(bytes)) if bytes.len() >= TYPE_ID_LEN + GCM_TAG_LEN => Ok(bytes),
        _ => Err(ItemError::new(
            ItemErrorCode::MalformedAttribute,
            format!(
                "the header says that attribute `{name}` is encrypted, but its value is no \
                 ciphertext: it was overwritten without encryption"
            ),
        )
        .of(name)),
    }
}

fn not_encrypted(name: &str) -> ItemError {
    ItemError::new(
        ItemErrorCode::NotEncrypted,
        format!(
            "the item has no binary attribute {name}: it was never encrypted, \
             or it was read with a projection"
        ),
    )
    .of(name)
}

fn altered() -> ItemError {
    ItemError::new(
        ItemErrorCode::SignatureInvalid,
        "the item is not as it was signed: an attribute, its header or its footer was changed \
         after encryption",
    )
}

fn undecryptable(name: &str) -> ItemError {
    ItemError::new(
        ItemErrorCode::DecryptionFailed,
        format!("attribute `{name}` does not decrypt although its signature holds"),
    )
    .of(name)
}
