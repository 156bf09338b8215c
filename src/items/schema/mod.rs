//! The item schema: which attribute is encrypted, signed or left alone, in the
//! words of the AWS Database Encryption SDK.
//!
//! [`SchemaDocument`] is the text a database engineer writes; [`Schema`] is one
//! that keeps all rules. What the SDK refuses as a configuration is refused here.

mod canonical;
pub mod changes;
mod document;
pub mod lint;
mod path_changes;
mod sensitive;
pub mod size;
pub mod table;
mod text;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use super::document::schema as documents;
use super::error::{ItemError, ItemErrorCode};
use super::path;
use super::protection::{self, Mask};
use crate::base::limits::{
    ADDITIONAL_KEYS, ATTRIBUTE_NAME_BYTES, KEY_NAME_BYTES, TABLE_NAME_BYTES,
};

pub use canonical::hash;
pub use document::{Action, AlgorithmSuite, FieldReadRules, Kind, SchemaDocument};

/// Attribute of the header of an encrypted item.
pub const HEADER_NAME: &str = "aws_dbe_head";
/// Attribute of the footer of an encrypted item.
pub const FOOTER_NAME: &str = "aws_dbe_foot";
/// Names that begin like this belong to the format.
pub const RESERVED_PREFIX: &str = "aws_dbe_";
/// Neither a table nor an attribute may be named like this: the encryption
/// context uses such names itself.
const CONTEXT_PREFIX: &str = "aws-crypto-";

/// The key of a schema that names none: the one that AWS manages for DynamoDB.
const DEFAULT_KEY: &str = "alias/aws/dynamodb";

/// Which of the two layouts an item has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormatVersion {
    /// The encryption context holds the key attributes.
    One,
    /// The encryption context holds the attributes that the schema puts there,
    /// the key attributes among them.
    Two,
}

impl FormatVersion {
    /// What the version asks of a key attribute.
    #[must_use]
    pub fn key_action(self) -> Action {
        match self {
            Self::One => Action::SignOnly,
            Self::Two => Action::SignAndIncludeInEncryptionContext,
        }
    }
}

/// A schema that keeps all rules of the format.
#[derive(Clone, Debug)]
pub struct Schema {
    document: SchemaDocument,
    version: FormatVersion,
    path_prefix: Vec<u8>,
    /// Of a schema of documents, its paths.
    documents: Option<documents::Schema>,
}

impl Schema {
    /// Checks `document` against the rules.
    ///
    /// # Errors
    /// `InvalidSchema` with the rule, the attribute and the remedy.
    pub fn new(mut document: SchemaDocument) -> Result<Self, ItemError> {
        check_kind(&document)?;
        document.key_id.get_or_insert_with(|| DEFAULT_KEY.to_owned());
        check_names(&document)?;
        let version = match document.has_context_attributes() {
            false => FormatVersion::One,
            true => FormatVersion::Two,
        };
        let documents = match document.kind {
            None => None,
            Some(Kind::Document) => Some(documents::Schema::new(&document)?),
        };
        let path_prefix = path::prefix(&document.table_name);
        let schema = Self { document, version, path_prefix, documents };
        schema.check_key_ids()?;
        if schema.documents.is_none() {
            schema.check_keys()?;
            schema.check_scope()?;
        }
        let SchemaDocument { attributes, purposes, .. } = &schema.document;
        let is_encrypted = |name: &str| schema.encrypted_names().any(|other| other == name);
        protection::check(attributes, purposes, |name| schema.has_action(name), is_encrypted)?;
        Ok(schema)
    }

    /// How documents are encrypted, if this is a schema of documents.
    #[must_use]
    pub fn documents(&self) -> Option<&documents::Schema> {
        self.documents.as_ref()
    }

    /// Whether `name` is an attribute, or a path, that the schema gives an action.
    pub(super) fn has_action(&self, name: &str) -> bool {
        match &self.documents {
            Some(documents) => documents.names().contains(name),
            None => self.document.attribute_actions_on_encrypt.contains_key(name),
        }
    }

    /// All such names.
    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        let paths = self.documents.iter().flat_map(|documents| documents.names().iter());
        self.document.attribute_actions_on_encrypt.keys().chain(paths)
    }

    /// Whether somebody may ask for `name`: an attribute that an item may have, or a path
    /// as it is written.
    #[must_use]
    pub fn has_name(&self, name: &str) -> bool {
        match self.documents {
            Some(_) => self.has_action(name),
            None => self.action(name).is_ok(),
        }
    }

    /// The schema as it was written, with its defaults written out.
    #[must_use]
    pub fn document(&self) -> &SchemaDocument {
        &self.document
    }

    /// The KMS key that wraps the keys of new items, as it was named.
    #[must_use]
    pub fn key_id(&self) -> &str {
        self.document.key_id.as_deref().unwrap_or(DEFAULT_KEY)
    }

    /// The keys that wrap beside [`Self::key_id`], as they were named.
    #[must_use]
    pub fn additional_key_ids(&self) -> &[String] {
        &self.document.additional_key_ids
    }

    /// The layout of new items: version 2 once any attribute is to go into the
    /// encryption context.
    #[must_use]
    pub fn version(&self) -> FormatVersion {
        self.version
    }

    /// Whether attribute `name` is signed.
    #[must_use]
    pub fn is_signed(&self, name: &str) -> bool {
        self.document.is_signed(name)
    }

    /// What to do with attribute `name`; an unsigned one without an action is
    /// left alone.
    ///
    /// # Errors
    /// `NoActionForAttribute`.
    pub fn action(&self, name: &str) -> Result<Action, ItemError> {
        match self.document.attribute_actions_on_encrypt.get(name) {
            Some(action) => Ok(*action),
            None if self.is_signed(name) => Err(ItemError::new(
                ItemErrorCode::NoActionForAttribute,
                format!(
                    "the schema has no action for attribute `{name}`: add it to \
                     attributeActionsOnEncrypt, or to allowedUnsignedAttributes if nobody may rely on it"
                ),
            )
            .of(name)),
            None => Ok(Action::DoNothing),
        }
    }

    /// The key attributes' names: partition key, then sort key if there is one.
    pub fn key_names(&self) -> impl Iterator<Item = &str> {
        self.document.key_names()
    }

    /// The schema in its one canonical form: JSON as RFC 8785 writes it, members
    /// sorted and without blanks.
    ///
    /// # Errors
    /// `InvalidSchema`; but a schema that was read can always be printed.
    pub fn canonical(&self) -> Result<String, ItemError> {
        let unprintable = |_never| invalid("the schema cannot be written as JSON");
        let value = serde_json::to_value(&self.document).map_err(unprintable)?;
        let mut text = String::new();
        canonical::write(&value, &mut text);
        Ok(text)
    }

    /// The labels of attribute `name`.
    #[must_use]
    pub fn labels(&self, name: &str) -> &BTreeSet<String> {
        static NONE: BTreeSet<String> = BTreeSet::new();
        self.document.attributes.get(name).map_or(&NONE, |protection| &protection.labels)
    }

    /// How attribute `name` looks masked.
    #[must_use]
    pub fn mask(&self, name: &str) -> Option<&Mask> {
        self.document.attributes.get(name)?.mask.as_ref()
    }

    /// The attributes that new items have encrypted, sorted.
    pub fn encrypted_names(&self) -> impl Iterator<Item = &str> {
        let actions = self.document.attribute_actions_on_encrypt.iter();
        let encrypted = actions.filter(|(_, action)| **action == Action::EncryptAndSign);
        let paths = self.documents.iter().flat_map(documents::Schema::encrypted_names);
        encrypted.map(|(name, _)| name.as_str()).chain(paths)
    }

    pub(super) fn path_prefix(&self) -> &[u8] {
        &self.path_prefix
    }

    /// The attributes that every new item must have because they go into its
    /// encryption context; none in format version 1.
    pub(super) fn context_names(&self) -> impl Iterator<Item = &str> {
        let actions = self.document.attribute_actions_on_encrypt.iter();
        actions
            .filter(|(_, action)| **action == Action::SignAndIncludeInEncryptionContext)
            .map(|(name, _)| name.as_str())
    }

    /// The same key twice would only look like a second way to an item.
    fn check_key_ids(&self) -> Result<(), ItemError> {
        let keys = self.additional_key_ids();
        if keys.len() > ADDITIONAL_KEYS {
            return Err(invalid(format!("additionalKeyIds has at most {ADDITIONAL_KEYS} keys")));
        }
        if keys.iter().any(String::is_empty) {
            return Err(invalid("each of additionalKeyIds must name a KMS key"));
        }
        let mut all: Vec<&str> = keys.iter().map(String::as_str).chain([self.key_id()]).collect();
        all.sort_unstable();
        match all.iter().zip(all.iter().skip(1)).any(|(one, next)| one == next) {
            false => Ok(()),
            true => Err(invalid("keyId and additionalKeyIds name a key twice: leave one out")),
        }
    }

    fn check_keys(&self) -> Result<(), ItemError> {
        let (must, why) = match self.version {
            FormatVersion::One => ("SIGN_ONLY", "DynamoDB finds items by its value"),
            FormatVersion::Two => (
                "SIGN_AND_INCLUDE_IN_ENCRYPTION_CONTEXT",
                "another attribute goes into the encryption context, and then the key must too",
            ),
        };
        for name in self.key_names() {
            match self.document.attribute_actions_on_encrypt.get(name) {
                Some(action) if *action == self.version.key_action() => {}
                Some(_) => {
                    let message = format!("key attribute `{name}` must be {must}: {why}");
                    return Err(invalid(message).of(name));
                }
                None => {
                    let message = format!(
                        "key attribute `{name}` has no action: set it to {must} in \
                         attributeActionsOnEncrypt"
                    );
                    return Err(invalid(message).of(name));
                }
            }
        }
        Ok(())
    }

    fn check_scope(&self) -> Result<(), ItemError> {
        for (name, action) in &self.document.attribute_actions_on_encrypt {
            let signed = self.is_signed(name);
            if signed && *action == Action::DoNothing {
                return Err(invalid(format!(
                    "attribute `{name}` is DO_NOTHING, so it must be listed in \
                     allowedUnsignedAttributes or begin with allowedUnsignedAttributePrefix"
                ))
                .of(name));
            }
            if !signed && *action != Action::DoNothing {
                return Err(invalid(format!(
                    "attribute `{name}` is signed, so it must not be listed in \
                     allowedUnsignedAttributes nor begin with allowedUnsignedAttributePrefix"
                ))
                .of(name));
            }
        }
        Ok(())
    }
}

/// A schema is of items or of documents, and has the members of one only.
fn check_kind(document: &SchemaDocument) -> Result<(), ItemError> {
    let of_items = [
        ("partitionKeyName", !document.partition_key_name.is_empty()),
        ("sortKeyName", document.sort_key_name.is_some()),
        ("attributeActionsOnEncrypt", !document.attribute_actions_on_encrypt.is_empty()),
        ("allowedUnsignedAttributes", !document.allowed_unsigned_attributes.is_empty()),
        ("allowedUnsignedAttributePrefix", document.allowed_unsigned_attribute_prefix.is_some()),
    ];
    let of_documents = [
        ("idPaths", !document.id_paths.is_empty()),
        ("pathActionsOnEncrypt", !document.path_actions_on_encrypt.is_empty()),
        ("defaultAction", document.default_action.is_some()),
    ];
    let (foreign, remedy) = match document.kind {
        None => (
            &of_documents[..],
            "belongs to schemas of \"kind\": \"document\": add that, or leave it out",
        ),
        Some(Kind::Document) => {
            (&of_items[..], "belongs to schemas of items: leave it out, or leave out kind")
        }
    };
    if let Some((member, _)) = foreign.iter().find(|(_, is_there)| *is_there) {
        return Err(invalid(format!("{member} {remedy}")));
    }
    if document.kind.is_some() && document.key_id.is_none() {
        return Err(invalid("keyId must name a KMS key: no AWS managed key is for documents"));
    }
    Ok(())
}

fn check_names(document: &SchemaDocument) -> Result<(), ItemError> {
    let table = &document.table_name;
    if !(1..=TABLE_NAME_BYTES).contains(&table.len()) {
        return Err(invalid(format!("tableName has 1 to {TABLE_NAME_BYTES} bytes")));
    }
    if table.starts_with(CONTEXT_PREFIX) {
        return Err(invalid(format!("tableName must not begin with {CONTEXT_PREFIX}")));
    }
    if document.key_id.as_deref() == Some("") {
        return Err(invalid("keyId must name a KMS key"));
    }
    if document.kind.is_some() {
        return Ok(());
    }
    if document.sort_key_name.as_ref() == Some(&document.partition_key_name) {
        let name = &document.partition_key_name;
        return Err(invalid("sortKeyName must not be the partition key").of(name));
    }
    if document.allowed_unsigned_attribute_prefix.as_deref() == Some("") {
        return Err(invalid(
            "allowedUnsignedAttributePrefix is empty, which would leave every attribute unsigned: \
             leave it out, or write a prefix such as `:`",
        ));
    }
    let keys = [Some(&document.partition_key_name), document.sort_key_name.as_ref()];
    for name in keys.into_iter().flatten() {
        check_name(name, KEY_NAME_BYTES)?;
    }
    for name in document.attribute_actions_on_encrypt.keys() {
        check_name(name, ATTRIBUTE_NAME_BYTES)?;
    }
    Ok(())
}

fn check_name(name: &str, bytes_max: usize) -> Result<(), ItemError> {
    if !(1..=bytes_max).contains(&name.len()) {
        return Err(invalid(format!("this attribute's name has 1 to {bytes_max} bytes")).of(name));
    }
    match [RESERVED_PREFIX, CONTEXT_PREFIX].into_iter().find(|prefix| name.starts_with(prefix)) {
        None => Ok(()),
        Some(prefix) => Err(invalid(format!(
            "attribute `{name}` begins with {prefix}, which is reserved: rename it"
        ))
        .of(name)),
    }
}

fn invalid(message: impl Into<String>) -> ItemError {
    ItemError::new(ItemErrorCode::InvalidSchema, message)
}
