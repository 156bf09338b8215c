//! What encryption and rewrapping put around the signed attributes of an item:
//! the header with its encrypted data keys, and the footer.

use super::context;
use super::crypto::{self, ItemKeys, ItemSigner, Key, MESSAGE_ID_LEN, RecipientKeys};
use super::error::ItemError;
use super::field::Field;
use super::footer::Footer;
use super::header::{EncryptedDataKey, Header, Mark};
use super::schema::{AlgorithmSuite, FormatVersion};
use crate::base::context::EncryptionContext;
use crate::base::secret::SecretBytes;

/// A fresh intermediate key, as the key service gave it: for a KMS key, the
/// answer of GenerateDataKey under the item's encryption context.
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

/// All that is known of header and footer before there are keys.
pub(super) struct Envelope {
    pub(super) version: FormatVersion,
    /// The mark of each signed attribute in canonical order.
    pub(super) legend: Vec<Mark>,
    pub(super) context: EncryptionContext,
    /// The part of `context` that the header holds.
    pub(super) stored_context: EncryptionContext,
    /// In suite 0x6701 only.
    pub(super) signer: Option<ItemSigner>,
    pub(super) path_prefix: Vec<u8>,
}

/// The keys of an item that is being written.
pub(super) struct SealingKeys {
    pub(super) data_key: Key,
    pub(super) message_id: [u8; MESSAGE_ID_LEN],
    pub(super) item: ItemKeys,
}

impl SealingKeys {
    pub(super) fn derive(
        data_key: Key,
        message_id: [u8; MESSAGE_ID_LEN],
    ) -> Result<Self, ItemError> {
        let item = ItemKeys::derive(&data_key, &message_id)?;
        Ok(Self { data_key, message_id, item })
    }
}

impl Envelope {
    /// Header and footer around `fields`, which are as they will be stored, for
    /// each of `recipients`.
    ///
    /// # Errors
    /// `InvalidKeyMaterial` if there are no or more than 255 recipients or an
    /// intermediate key has not 32 bytes; `ItemTooLarge` if a recipient's part
    /// exceeds 65,535 bytes.
    pub(super) fn seal(
        self,
        fields: &[Field],
        recipients: &[WrappedKey],
        keys: &SealingKeys,
    ) -> Result<(Vec<u8>, Vec<u8>), ItemError> {
        let mut context = Vec::with_capacity(512);
        context::write(&self.context, &mut context)?;
        let mut recipient_keys = Vec::with_capacity(recipients.len());
        let mut data_keys = Vec::with_capacity(recipients.len());
        for recipient in recipients {
            let (derived, wrapped) = recipient.wrap(&keys.data_key, &context)?;
            data_keys.push(wrapped);
            recipient_keys.push(derived);
        }
        let suite = match self.signer {
            None => AlgorithmSuite::HmacOnly,
            Some(_) => AlgorithmSuite::EcdsaP384,
        };
        let header = Header {
            version: self.version,
            suite,
            message_id: keys.message_id,
            legend: self.legend,
            stored_context: self.stored_context,
            data_keys,
        };
        let mut header = header.write()?;
        let commitment = keys.item.commitment(&header)?;
        header.extend_from_slice(&commitment);

        let hash = crypto::canonical_hash(&header, &context, &self.path_prefix, fields);
        let tags = recipient_keys.iter().map(|keys| keys.tag(&hash)).collect::<Result<_, _>>()?;
        let signature = self.signer.as_ref().map(|signer| signer.sign(&hash)).transpose()?;
        Ok((header, Footer { tags, signature }.write()))
    }
}
