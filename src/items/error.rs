//! The one error of this module: what was wrong, with which attribute, and
//! what to do about it. Never holds a value of the item.

use std::fmt;

/// Why an item or a schema was refused. The texts of [`ItemErrorCode::as_str`]
/// are part of the REST API and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemErrorCode {
    /// The schema breaks a rule of the format.
    InvalidSchema,
    /// Items that there may be of an earlier version would no longer open.
    UnsafeSchemaChange,
    /// Items that are read together would have more encrypted names than the policy
    /// is asked about in one call.
    TooManyEncryptedAttributes,
    /// The schema in force is another one than the caller expects.
    SchemaHashMismatch,
    /// The body of a call cannot be read as a batch of items.
    MalformedBatch,
    /// A batch has too many items, or these too many values.
    BatchTooLarge,
    /// The text is not JSON, or not one JSON object.
    MalformedJson,
    /// A value is not of a shape that a DynamoDB attribute can have.
    MalformedAttribute,
    /// A number has more than 38 digits or too large an exponent.
    NumberOutOfRange,
    /// A set holds the same member twice.
    DuplicateInSet,
    /// A value is nested deeper than 32 levels.
    TooDeep,
    /// The item is larger than a limit of the server or the format.
    ItemTooLarge,
    /// The schema says nothing about this attribute.
    NoActionForAttribute,
    /// The partition or sort key attribute is not on the item.
    MissingKeyAttribute,
    /// An attribute that goes into the encryption context is not on the item.
    MissingContextAttribute,
    /// The name begins with `aws_dbe_`.
    ReservedAttribute,
    /// The attributes that go into the encryption context do not fit.
    ContextTooLarge,
    /// The item has no header and footer.
    NotEncrypted,
    /// `aws_dbe_head` cannot be read.
    HeaderMalformed,
    /// `aws_dbe_foot` cannot be read.
    FooterMalformed,
    /// Other attributes are signed than the schema says.
    SchemaMismatch,
    /// The unwrapped key does not open this item's data key.
    KeyMismatch,
    /// The key commitment in the header is not that of the key.
    CommitmentMismatch,
    /// The item is not as it was signed.
    SignatureInvalid,
    /// An attribute cannot be decrypted although the signatures hold.
    DecryptionFailed,
    /// The caller's key material has the wrong shape.
    InvalidKeyMaterial,
    /// The caller may not see the attribute, and wants all or nothing.
    AttributeWithheld,
    /// The generator of random bytes failed.
    RandomUnavailable,
    /// A cryptographic operation failed that cannot fail for good input.
    CryptoFailed,
}

impl ItemErrorCode {
    /// The code as it stands in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidSchema => "InvalidSchema",
            Self::UnsafeSchemaChange => "UnsafeSchemaChange",
            Self::TooManyEncryptedAttributes => "TooManyEncryptedAttributes",
            Self::SchemaHashMismatch => "SchemaHashMismatch",
            Self::MalformedBatch => "MalformedBatch",
            Self::BatchTooLarge => "BatchTooLarge",
            Self::MalformedJson => "MalformedJson",
            Self::MalformedAttribute => "MalformedAttribute",
            Self::NumberOutOfRange => "NumberOutOfRange",
            Self::DuplicateInSet => "DuplicateInSet",
            Self::TooDeep => "TooDeep",
            Self::ItemTooLarge => "ItemTooLarge",
            Self::NoActionForAttribute => "NoActionForAttribute",
            Self::MissingKeyAttribute => "MissingKeyAttribute",
            Self::MissingContextAttribute => "MissingContextAttribute",
            Self::ReservedAttribute => "ReservedAttribute",
            Self::ContextTooLarge => "ContextTooLarge",
            Self::NotEncrypted => "NotEncrypted",
            Self::HeaderMalformed => "HeaderMalformed",
            Self::FooterMalformed => "FooterMalformed",
            Self::SchemaMismatch => "SchemaMismatch",
            Self::KeyMismatch => "KeyMismatch",
            Self::CommitmentMismatch => "CommitmentMismatch",
            Self::SignatureInvalid => "SignatureInvalid",
            Self::DecryptionFailed => "DecryptionFailed",
            Self::InvalidKeyMaterial => "InvalidKeyMaterial",
            Self::AttributeWithheld => "AttributeWithheld",
            Self::RandomUnavailable => "RandomUnavailable",
            Self::CryptoFailed => "CryptoFailed",
        }
    }
}

impl ItemErrorCode {
    /// Where the code is explained: what it means, and what to do.
    #[must_use]
    pub fn docs(self) -> String {
        format!("docs/item-errors.md#{}", self.as_str().to_ascii_lowercase())
    }
}

/// Where the codes are explained that KMS refuses the key of an item with.
pub const KMS_DOCS: &str = "docs/item-errors.md#codes-of-kms";

impl fmt::Display for ItemErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A refusal: the code for programs, the attribute's name where one is to
/// blame, and the rule with its remedy for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ItemError {
    pub code: ItemErrorCode,
    pub attribute: Option<String>,
    pub message: String,
}

impl ItemError {
    /// A refusal that concerns no single attribute.
    #[must_use]
    pub fn new(code: ItemErrorCode, message: impl Into<String>) -> Self {
        Self { code, attribute: None, message: message.into() }
    }

    /// The same refusal, laid at the door of attribute `name`.
    #[must_use]
    pub fn of(mut self, name: &str) -> Self {
        self.attribute = Some(name.to_owned());
        self
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    /// Every code has a section of its name in the page, and nothing else has.
    #[test]
    fn the_page_has_every_code() {
        let source = include_str!("error.rs");
        let arms = source.lines().filter_map(|line| line.trim().strip_prefix("Self::"));
        let codes: BTreeSet<&str> =
            arms.filter_map(|arm| Some(arm.split_once(" => \"")?.0)).collect();
        let page = include_str!("../../docs/item-errors.md");
        let sections = page.lines().filter_map(|line| line.strip_prefix("### ")).collect();
        assert_eq!(codes, sections);
        assert!(super::KMS_DOCS.ends_with("#codes-of-kms") && page.contains("\n## Codes of KMS\n"));
    }
}
