//! Decryption of a document, in two steps with the key service between them.
//!
//! The schema says what is left alone, the document's own header says what is
//! encrypted. So a path may change between encrypted and signed over time; a
//! document keeps what it was written with, and its suite.

use std::collections::BTreeSet;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroize;

use super::header::Header;
use super::leaves::{self, Grain, Leaf};
use super::rules::Rules;
use super::schema::Schema;
use super::value::{Document, Value};
use super::{FOOTER_NAME, HEADER_NAME, context, sealed};
use crate::base::context::EncryptionContext;
use crate::base::secret::SecretBytes;
use crate::items::context as wire;
use crate::items::crypto::{self, CanonicalRecord, FieldCipher, ItemKeys, RecipientKeys};
use crate::items::error::{ItemError, ItemErrorCode};
use crate::items::footer::Footer;
use crate::items::header::EncryptedDataKey;
use crate::items::item_key::ItemKey;

/// An encrypted document, read but not believed: nothing in it is verified yet.
pub struct ParsedDocument {
    /// The document without header and footer.
    root: Value,
    /// The signed values in canonical order, as stored.
    leaves: Vec<Leaf>,
    context: EncryptionContext,
    key: ItemKey,
    header: Header,
    /// The same header as stored, with its commitment.
    header_bytes: Vec<u8>,
    footer: Footer,
    rules: Arc<Rules>,
}

impl ParsedDocument {
    /// Takes `document` apart and computes its encryption context. What is left
    /// alone is not looked at.
    ///
    /// # Errors
    /// `NotEncrypted`, `HeaderMalformed`, `FooterMalformed`,
    /// `MissingKeyAttribute`, `SchemaMismatch`, `MalformedAttribute`,
    /// `NumberOutOfRange`, `ContextTooLarge`, `ItemTooLarge`.
    pub fn parse(schema: &Schema, document: Document) -> Result<Self, ItemError> {
        let mut root = document.0;
        let header_bytes = take_binary(&mut root, HEADER_NAME)?;
        let footer_bytes = take_binary(&mut root, FOOTER_NAME)?;
        let header = Header::parse(&header_bytes)?;
        let footer = Footer::parse(&footer_bytes, header.suite, header.data_keys.len())
            .map_err(|_of_an_item| footer_malformed())?;
        let context = context::of_document(schema, &root, &header.stored_context)?;

        let table_name = schema.table_name();
        let mut leaves = leaves::of_document(schema.rules(), table_name, &root, Grain::Stored)?;
        if leaves.len() != header.legend.len() {
            return Err(mismatch(leaves.len(), header.legend.len()));
        }
        for (leaf, encrypted) in leaves.iter_mut().zip(&header.legend) {
            leaf.encrypted = *encrypted;
            let value = root.at(&leaf.place).unwrap_or(&Value::Null);
            leaf.value = if leaf.encrypted {
                sealed::of_text(value)
                    .ok_or_else(|| overwritten(&leaves::pointer(&root, &leaf.place)))?
            } else {
                sealed::signed(value)
                    .map_err(|error| error.of(&leaves::pointer(&root, &leaf.place)))?
            };
        }
        let rules = Arc::clone(schema.rules());
        let key = context::key_of_document(schema, &root)?;
        Ok(Self { root, leaves, context, key, header, header_bytes, footer, rules })
    }

    /// The identifying values, in the order of their paths; not verified.
    #[must_use]
    pub fn key(&self) -> &ItemKey {
        &self.key
    }

    /// What the intermediate key was bound to: give it to Decrypt.
    #[must_use]
    pub fn encryption_context(&self) -> &EncryptionContext {
        &self.context
    }

    /// The recipients, any of whose intermediate keys decrypts the document.
    #[must_use]
    pub fn data_keys(&self) -> &[EncryptedDataKey] {
        &self.header.data_keys
    }

    /// The values that are encrypted, in canonical order, each with the path that
    /// decides about it; not verified.
    pub fn encrypted_values(&self) -> impl Iterator<Item = EncryptedValue<'_>> {
        let encrypted = self.leaves.iter().filter(|leaf| leaf.encrypted);
        encrypted.map(|leaf| EncryptedValue {
            pointer: leaves::pointer(&self.root, &leaf.place),
            names: vec![self.rules.name(leaf.decider)],
        })
    }

    /// The paths that decide about what is encrypted, as they are written in the
    /// schema; not verified.
    #[must_use]
    pub fn names(&self) -> BTreeSet<&str> {
        let encrypted = self.leaves.iter().filter(|leaf| leaf.encrypted);
        let deciders: BTreeSet<_> = encrypted.map(|leaf| leaf.decider).collect();
        deciders.into_iter().map(|decider| self.rules.name(decider)).collect()
    }

    /// The paths that may encrypt something inside of what is encrypted: whether
    /// there is such a thing, only the plaintext tells. There can be only where the
    /// document was encrypted under an earlier version of the schema.
    #[must_use]
    pub fn names_inside(&self) -> BTreeSet<&str> {
        let encrypted = self.leaves.iter().filter(|leaf| leaf.encrypted);
        let positions = encrypted
            .filter(|leaf| sealed::may_hold(&leaf.value))
            .map(|leaf| leaves::position(&self.rules, &self.root, &leaf.place));
        self.rules.names_below(positions).collect()
    }

    /// Verifies the document with the intermediate key of recipient `index`: the
    /// data key opens, the header commits to it, the recipient's tag and the
    /// signature hold.
    ///
    /// # Errors
    /// `InvalidKeyMaterial`, `KeyMismatch`, `CommitmentMismatch`, `SignatureInvalid`.
    pub fn verify(
        self,
        index: usize,
        intermediate_key: &SecretBytes,
    ) -> Result<VerifiedDocument, ItemError> {
        let recipient = self.header.data_keys.get(index).ok_or_else(|| {
            ItemError::new(ItemErrorCode::InvalidKeyMaterial, "the document has no such data key")
        })?;
        let mut context = Vec::with_capacity(512);
        wire::write(&self.context, &mut context)?;
        let recipient_keys = RecipientKeys::derive(intermediate_key.expose())?;
        let data_key = recipient_keys.unwrap(&recipient.wrapped_data_key, &context)?;
        let keys = ItemKeys::derive(&data_key, &self.header.message_id)?;
        keys.check_commitment(&self.header_bytes)?;

        let mut record = CanonicalRecord::new(&self.header_bytes, &context);
        for leaf in &self.leaves {
            record.add(&leaf.path, leaf.encrypted, &leaf.value);
        }
        let hash = record.hash();
        if !crypto::contains(&self.footer.tags, &recipient_keys.tag(&hash)?) {
            return Err(altered());
        }
        if let Some(signature) = &self.footer.signature {
            let public_key = wire::find_public_key(&self.context).ok_or_else(altered)?;
            if !crypto::verify(&public_key, &hash, signature) {
                return Err(altered());
            }
        }
        let Self { root, leaves, rules, .. } = self;
        Ok(VerifiedDocument { root, leaves, rules, cipher: keys.fields() })
    }

    /// Verifies as [`Self::verify`] and decrypts every value.
    ///
    /// # Errors
    /// As [`Self::verify`] and [`VerifiedDocument::decrypt`].
    pub fn finish(
        self,
        index: usize,
        intermediate_key: &SecretBytes,
    ) -> Result<Document, ItemError> {
        let opened = self.verify(index, intermediate_key)?.decrypt(|_| Disclosure::Plain)?;
        Ok(opened.document)
    }
}

/// An encrypted value of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncryptedValue<'a> {
    /// Where it stands, as a JSON Pointer.
    pub pointer: String,
    /// The paths of the schema that it counts as, as they are written there: the
    /// one that decides about it, and every other that encrypts something inside
    /// of it, which a later version of the schema may do. Who may not see one of
    /// them may not see it.
    pub names: Vec<&'a str>,
}

/// A document that is as it was signed; its values are still encrypted.
pub struct VerifiedDocument {
    root: Value,
    leaves: Vec<Leaf>,
    rules: Arc<Rules>,
    cipher: FieldCipher,
}

/// What is left of a value; `None` where a mask does not apply.
pub type Mask<'a> = Box<dyn Fn(&Value) -> Option<Value> + 'a>;

/// How somebody may see an encrypted value.
pub enum Disclosure<'a> {
    Plain,
    /// What the mask leaves of it; withheld if that is nothing.
    Masked(Mask<'a>),
    /// Not at all. If that is so by the path that decides, it is not decrypted either.
    Withheld,
    /// It was not asked for; as withheld, but nobody is told.
    Unasked,
}

/// A decrypted document, and what of it somebody did not get to see.
#[derive(Debug, PartialEq, Eq)]
pub struct Opened {
    pub document: Document,
    /// The values that a mask stands for, as JSON Pointers.
    pub masked: Vec<String>,
    /// The values that are left out.
    pub withheld: Vec<String>,
    /// The paths of which a value is shown as it is.
    pub plain_names: BTreeSet<String>,
    /// Those of which a value is masked.
    pub masked_names: BTreeSet<String>,
    /// Those of which a value is left out.
    pub withheld_names: BTreeSet<String>,
}

impl VerifiedDocument {
    /// Where the encrypted values stand, as JSON Pointers.
    pub fn encrypted_pointers(&self) -> impl Iterator<Item = String> {
        let encrypted = self.leaves.iter().filter(|leaf| leaf.encrypted);
        encrypted.map(|leaf| leaves::pointer(&self.root, &leaf.place))
    }

    /// The document with its encrypted values as `disclose` says. Where one is
    /// left out, the member is gone from its object; in a list null stands in its
    /// place. What was not encrypted is as it was stored.
    ///
    /// `disclose` is asked about the path that decides about a value; once more,
    /// about all of its paths, where the open value turns out to have others.
    ///
    /// # Errors
    /// `DecryptionFailed` if a value does not decrypt, which only a faulty writer
    /// can bring about.
    pub fn decrypt<'a>(
        self,
        disclose: impl Fn(&EncryptedValue<'_>) -> Disclosure<'a>,
    ) -> Result<Opened, ItemError> {
        let Self { root, leaves, cipher, rules } = self;
        let mut opened = Opened::new(root);
        let mut places = Vec::new();
        let encrypted = leaves.into_iter().filter(|leaf| leaf.encrypted);
        for (mut leaf, ordinal) in encrypted.zip(0..) {
            let pointer = leaves::pointer(&opened.document.0, &leaf.place);
            let mut value = EncryptedValue { pointer, names: vec![rules.name(leaf.decider)] };
            let mut disclosure = disclose(&value);
            let mut plain = None;
            if !disclosure.is_nothing() {
                let open = open(&cipher, &mut leaf, ordinal, &value.pointer)?;
                let position = leaves::position(&rules, &opened.document.0, &leaf.place);
                let inside = leaves::names_inside(&rules, &position, &open);
                if !inside.is_empty() {
                    value.names.extend(inside);
                    disclosure = disclose(&value);
                }
                plain = Some(open);
            }
            let shown = opened.note(value, disclosure, plain);
            match (shown, opened.document.0.at_mut(&leaf.place)) {
                (Some(shown), Some(place)) => *place = shown,
                _ => places.push(leaf.place),
            }
        }
        places.sort_unstable();
        take_out(&mut opened.document.0, &places, 0);
        Ok(opened)
    }
}

impl Disclosure<'_> {
    fn is_nothing(&self) -> bool {
        matches!(self, Self::Withheld | Self::Unasked)
    }
}

impl Opened {
    /// Nothing is shown yet of the document `root`.
    fn new(root: Value) -> Self {
        Self {
            document: Document(root),
            masked: Vec::new(),
            withheld: Vec::new(),
            plain_names: BTreeSet::new(),
            masked_names: BTreeSet::new(),
            withheld_names: BTreeSet::new(),
        }
    }

    /// Notes what becomes of `value`, which is `plain` if it was opened, and gives
    /// what is shown of it.
    fn note(
        &mut self,
        value: EncryptedValue<'_>,
        disclosure: Disclosure<'_>,
        plain: Option<Value>,
    ) -> Option<Value> {
        let (shown, names) = match (disclosure, plain) {
            (Disclosure::Plain, Some(plain)) => (Some(plain), &mut self.plain_names),
            (disclosure, mut plain) => {
                let left = match (&disclosure, &plain) {
                    (Disclosure::Masked(mask), Some(plain)) => mask(plain),
                    _ => None,
                };
                plain.zeroize();
                if left.is_some() {
                    self.masked.push(value.pointer);
                    (left, &mut self.masked_names)
                } else if matches!(disclosure, Disclosure::Unasked) {
                    return None;
                } else {
                    self.withheld.push(value.pointer);
                    (None, &mut self.withheld_names)
                }
            }
        };
        for name in value.names {
            if !names.contains(name) {
                names.insert(name.to_owned());
            }
        }
        shown
    }
}

/// The value of one leaf, which is the `ordinal`th that is encrypted.
fn open(
    cipher: &FieldCipher,
    leaf: &mut Leaf,
    ordinal: u32,
    pointer: &str,
) -> Result<Value, ItemError> {
    cipher
        .decrypt(ordinal, &leaf.path, &mut leaf.value)
        .and_then(|()| sealed::parse(&leaf.value, leaf.place.len()))
        .ok_or_else(|| undecryptable(pointer))
}

/// Takes the values at `places` out, which are sorted and all lie in `value`,
/// itself at level `depth`.
fn take_out(value: &mut Value, places: &[Vec<usize>], depth: usize) {
    let deeper = depth.saturating_add(1);
    let mut gone = BTreeSet::new();
    for group in places.chunk_by(|one, other| one.get(depth) == other.get(depth)) {
        let Some(place) = group.first() else { continue };
        let Some(index) = place.get(depth) else { continue };
        if place.len() == deeper {
            gone.insert(*index);
        } else if let Some(child) = value.at_mut(&[*index]) {
            take_out(child, group, deeper);
        }
    }
    match value {
        Value::Object(members) => {
            let mut indexes = 0_usize..;
            members.retain(|_| indexes.next().is_none_or(|index| !gone.contains(&index)));
        }
        Value::List(elements) => {
            for (index, element) in elements.iter_mut().enumerate() {
                if gone.contains(&index) {
                    *element = Value::Null;
                }
            }
        }
        _ => {}
    }
}

/// Takes the bytes of a top-level member out of the document.
fn take_binary(root: &mut Value, name: &str) -> Result<Vec<u8>, ItemError> {
    let Value::Object(members) = root else { return Err(not_encrypted(name)) };
    let at = members.iter().position(|(member, _)| member == name);
    match at.map(|at| members.remove(at)) {
        Some((_, Value::String(text))) => STANDARD.decode(&text).map_err(|_not_base64| {
            ItemError::new(
                ItemErrorCode::HeaderMalformed,
                format!("{name} is not Base64; the document was damaged or altered"),
            )
            .of(name)
        }),
        _ => Err(not_encrypted(name)),
    }
}

fn not_encrypted(name: &str) -> ItemError {
    ItemError::new(
        ItemErrorCode::NotEncrypted,
        format!(
            "the document has no string {name}: it was never encrypted, or only a part of it was read"
        ),
    )
    .of(name)
}

fn mismatch(found: usize, signed: usize) -> ItemError {
    let cause = if found < signed {
        "one was removed from the document, or is left alone in the schema now"
    } else {
        "one was added to the document without encryption, or was left alone in the schema before"
    };
    ItemError::new(
        ItemErrorCode::SchemaMismatch,
        format!("the document was signed with {signed} values and has {found} now: {cause}"),
    )
}

fn overwritten(pointer: &str) -> ItemError {
    ItemError::new(
        ItemErrorCode::MalformedAttribute,
        format!(
            "the header says that the value at `{pointer}` is encrypted, but it is no ciphertext: \
             it was overwritten without encryption, or moved"
        ),
    )
    .of(pointer)
}

fn footer_malformed() -> ItemError {
    ItemError::new(
        ItemErrorCode::FooterMalformed,
        format!(
            "{FOOTER_NAME} does not have the size that the header asks for; the document was \
             damaged or altered"
        ),
    )
    .of(FOOTER_NAME)
}

fn altered() -> ItemError {
    ItemError::new(
        ItemErrorCode::SignatureInvalid,
        "the document is not as it was signed: a value, its place, the header or the footer was \
         changed after encryption",
    )
}

fn undecryptable(pointer: &str) -> ItemError {
    ItemError::new(
        ItemErrorCode::DecryptionFailed,
        format!("the value at `{pointer}` does not decrypt although its signature holds"),
    )
    .of(pointer)
}
