//! Rewrapping: an encrypted item for other keys, its attributes untouched.
//!
//! An attribute's ciphertext depends on the item's data key, its message id, the
//! attribute's place among the encrypted ones, and on table name and attribute
//! name; nothing else of header or footer is bound into it. So data key, message
//! id and marks are kept, and header and footer are made anew around the same
//! ciphertexts: the data key wrapped for the new recipients, a new commitment, new
//! tags. In suite 0x6701 the item also gets a new signing key, since the old one
//! was forgotten when it was written; its public half stands in the encryption
//! context, to which the new recipients' keys are then bound.
//!
//! What this is not: the data key stays the same. Whoever once had it, or can
//! still open a copy of the old item, can read the new one. It moves items away
//! from a wrapping key that will be deleted or changes hands; after a disclosure,
//! decrypt and encrypt anew. And the new signature is that of whoever rewraps:
//! readers rely on the item as far as they rely on who may use the new keys.
//!
//! Deliberately absent: another schema, suite or format version, which change
//! what is encrypted or signed.

use std::collections::BTreeMap;

use super::attribute::{AttributeValue, Item};
use super::context;
use super::crypto::ItemSigner;
use super::decrypt::VerifiedItem;
use super::envelope::{Envelope, SealingKeys, WrappedKey};
use super::error::ItemError;
use super::field::Field;
use super::schema::AlgorithmSuite;
use crate::base::context::EncryptionContext;

/// An item that waits for its new keys.
pub struct RewrappedItem {
    /// The attributes that are stored as they are, beacons included.
    stored: BTreeMap<String, AttributeValue>,
    /// The signed attributes in canonical order, as stored.
    fields: Vec<Field>,
    envelope: Envelope,
    keys: SealingKeys,
}

impl RewrappedItem {
    /// Takes an item whose whole signature was verified, and computes its new
    /// encryption context; in suite 0x6701 this generates its new key pair.
    ///
    /// # Errors
    /// `CryptoFailed`, which no input brings about.
    pub fn prepare(item: VerifiedItem) -> Result<Self, ItemError> {
        let VerifiedItem {
            mut stored,
            reserved,
            fields,
            header,
            context,
            path_prefix,
            data_key,
            ..
        } = item;
        let (mut context, mut stored_context) = (context, header.stored_context);
        let mut signer = None;
        if header.suite == AlgorithmSuite::EcdsaP384 {
            let fresh = ItemSigner::generate()?;
            let public_key = fresh.public_key()?;
            context = context::with_public_key(&context, &public_key);
            stored_context = context::public_key_pair(&public_key);
            signer = Some(fresh);
        }
        stored.extend(reserved);
        let (version, legend) = (header.version, header.legend);
        let envelope = Envelope { version, legend, context, stored_context, signer, path_prefix };
        let keys = SealingKeys::derive(data_key, header.message_id)?;
        Ok(Self { stored, fields, envelope, keys })
    }

    /// What the new intermediate keys must be bound to: give it to GenerateDataKey.
    #[must_use]
    pub fn encryption_context(&self) -> &EncryptionContext {
        &self.envelope.context
    }

    /// The item for `recipients` and for nobody else. Every attribute but header
    /// and footer is as it was.
    ///
    /// # Errors
    /// As [`super::encrypt::PreparedItem::finish`].
    pub fn finish(self, recipients: &[WrappedKey]) -> Result<Item, ItemError> {
        let (header, footer) = self.envelope.seal(&self.fields, recipients, &self.keys)?;
        Ok(Item::encrypted(self.stored, self.fields, header, footer))
    }
}
