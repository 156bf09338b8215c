//! Encryption of a document, in two steps with the key service between them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroize;

use super::header::Header;
use super::leaves::{self, Grain, Leaf};
use super::schema::{PathAction, Schema};
use super::value::{Document, Value};
use super::{FOOTER_NAME, HEADER_NAME, RESERVED_PREFIX, context, sealed};
use crate::base::context::EncryptionContext;
use crate::items::context as wire;
use crate::items::crypto::{self, CanonicalRecord, ItemKeys, ItemSigner, MESSAGE_ID_LEN};
use crate::items::encrypt::WrappedKey;
use crate::items::error::{ItemError, ItemErrorCode};
use crate::items::footer::Footer;
use crate::items::header::EncryptedDataKey;
use crate::items::schema::AlgorithmSuite;

/// A document that keeps its schema's rules and waits for keys.
pub struct PreparedDocument {
    /// The document; null in the place of what will be encrypted.
    root: Value,
    /// The signed values in canonical order, still in plaintext.
    leaves: Vec<Leaf>,
    context: EncryptionContext,
    stored_context: EncryptionContext,
    /// In suite 0x6701 only.
    signer: Option<ItemSigner>,
}

impl PreparedDocument {
    /// Checks `document` against `schema` and computes its encryption context; in
    /// suite 0x6701 this generates the document's key pair. What is left alone is
    /// not looked at.
    ///
    /// # Errors
    /// `ReservedAttribute`, `NoActionForAttribute`, `MissingKeyAttribute`,
    /// `NumberOutOfRange`, `ContextTooLarge`, `ItemTooLarge`.
    pub fn prepare(schema: &Schema, document: Document) -> Result<Self, ItemError> {
        let signer = match schema.algorithm_suite() {
            AlgorithmSuite::HmacOnly => None,
            AlgorithmSuite::EcdsaP384 => Some(ItemSigner::generate()?),
        };
        let mut root = document.0;
        check_unreserved(&root)?;
        let stored_context = match &signer {
            None => EncryptionContext::default(),
            Some(signer) => wire::public_key_pair(&signer.public_key()?),
        };
        let context = context::of_document(schema, &root, &stored_context)?;
        let table_name = schema.table_name();
        let mut leaves = leaves::of_document(schema.rules(), table_name, &root, Grain::Schema)?;
        for leaf in &mut leaves {
            fill(leaf, &mut root)?;
        }
        Ok(Self { root, leaves, context, stored_context, signer })
    }

    /// What the intermediate keys must be bound to: give it to GenerateDataKey.
    #[must_use]
    pub fn encryption_context(&self) -> &EncryptionContext {
        &self.context
    }

    /// Where the values stand that will be encrypted, as JSON Pointers.
    pub fn encrypted_pointers(&self) -> impl Iterator<Item = String> {
        let encrypted = self.leaves.iter().filter(|leaf| leaf.encrypted);
        encrypted.map(|leaf| leaves::pointer(&self.root, &leaf.place))
    }

    /// Encrypts and signs for each of `recipients`, any of whom can then
    /// decrypt. `random` fills the data key and the message id behind it, at once.
    ///
    /// # Errors
    /// `InvalidKeyMaterial` if there are no or more than 255 recipients or an
    /// intermediate key has not 32 bytes; `ItemTooLarge` if a recipient's part
    /// exceeds 65,535 bytes; whatever `random` answers.
    pub fn finish(
        mut self,
        recipients: &[WrappedKey],
        random: &mut dyn FnMut(&mut [u8]) -> Result<(), ItemError>,
    ) -> Result<Document, ItemError> {
        let mut context = Vec::with_capacity(512);
        wire::write(&self.context, &mut context)?;
        let (data_key, message_id) = crypto::draw(random)?;
        let mut recipient_keys = Vec::with_capacity(recipients.len());
        let mut data_keys = Vec::with_capacity(recipients.len());
        for recipient in recipients {
            let (keys, wrapped) = recipient.wrap(&data_key, &context)?;
            recipient_keys.push(keys);
            data_keys.push(wrapped);
        }
        let keys = ItemKeys::derive(&data_key, &message_id)?;
        let header = self.write_header(message_id, data_keys, &keys)?;
        let cipher = keys.fields();
        let encrypted = self.leaves.iter_mut().filter(|leaf| leaf.encrypted);
        for (leaf, ordinal) in encrypted.zip(0..) {
            cipher.encrypt(ordinal, &leaf.path, &mut leaf.value)?;
        }
        let mut record = CanonicalRecord::new(&header, &context);
        for leaf in &self.leaves {
            record.add(&leaf.path, leaf.encrypted, &leaf.value);
        }
        let hash = record.hash();
        let tags = recipient_keys.iter().map(|keys| keys.tag(&hash)).collect::<Result<_, _>>()?;
        let signature = self.signer.as_ref().map(|signer| signer.sign(&hash)).transpose()?;
        let footer = Footer { tags, signature }.write();
        Ok(self.into_document(&header, &footer))
    }

    /// The header with its commitment.
    fn write_header(
        &mut self,
        message_id: [u8; MESSAGE_ID_LEN],
        data_keys: Vec<EncryptedDataKey>,
        keys: &ItemKeys,
    ) -> Result<Vec<u8>, ItemError> {
        let suite = match self.signer {
            None => AlgorithmSuite::HmacOnly,
            Some(_) => AlgorithmSuite::EcdsaP384,
        };
        let header = Header {
            suite,
            message_id,
            legend: self.leaves.iter().map(|leaf| leaf.encrypted).collect(),
            stored_context: std::mem::take(&mut self.stored_context),
            data_keys,
        };
        let mut bytes = header.write()?;
        let commitment = keys.commitment(&bytes)?;
        bytes.extend_from_slice(&commitment);
        Ok(bytes)
    }

    fn into_document(mut self, header: &[u8], footer: &[u8]) -> Document {
        for leaf in self.leaves.iter().filter(|leaf| leaf.encrypted) {
            if let Some(place) = self.root.at_mut(&leaf.place) {
                *place = sealed::to_text(&leaf.value);
            }
        }
        if let Value::Object(members) = &mut self.root {
            for (name, bytes) in [(HEADER_NAME, header), (FOOTER_NAME, footer)] {
                members.push((name.to_owned(), Value::String(STANDARD.encode(bytes))));
            }
        }
        Document(self.root)
    }
}

/// Fills in the bytes of one leaf; what will be encrypted leaves the document.
fn fill(leaf: &mut Leaf, root: &mut Value) -> Result<(), ItemError> {
    let of_leaf = |root: &Value, error: ItemError| error.of(&leaves::pointer(root, &leaf.place));
    let action = leaf.action.ok_or_else(|| no_action(&leaves::pointer(root, &leaf.place)))?;
    leaf.encrypted = action == PathAction::EncryptAndSign;
    if !leaf.encrypted {
        let bytes = root.at(&leaf.place).map_or_else(|| Ok(Default::default()), sealed::signed);
        leaf.value = bytes.map_err(|error| of_leaf(root, error))?;
        return Ok(());
    }
    if let Some(place) = root.at_mut(&leaf.place) {
        leaf.value = sealed::plaintext(place)?;
        place.zeroize();
        *place = Value::Null;
    }
    Ok(())
}

fn no_action(pointer: &str) -> ItemError {
    ItemError::new(
        ItemErrorCode::NoActionForAttribute,
        format!(
            "the schema has no action for the value at `{pointer}`: add it to \
             pathActionsOnEncrypt, or give the schema a defaultAction"
        ),
    )
    .of(pointer)
}

fn check_unreserved(root: &Value) -> Result<(), ItemError> {
    let Value::Object(members) = root else { return Ok(()) };
    let Some((name, _)) = members.iter().find(|(name, _)| name.starts_with(RESERVED_PREFIX)) else {
        return Ok(());
    };
    let message = if [HEADER_NAME, FOOTER_NAME].contains(&name.as_str()) {
        "the document is encrypted already: decrypt it first".to_owned()
    } else {
        format!("names that begin with {RESERVED_PREFIX} belong to the format: rename `{name}`")
    };
    Err(ItemError::new(ItemErrorCode::ReservedAttribute, message).of(name))
}
