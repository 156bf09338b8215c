//! The item schema: which attribute is encrypted, signed or left alone, in the
//! words of the AWS Database Encryption SDK.
//!
//! [`SchemaDocument`] is the text a database engineer writes; [`Schema`] is one
//! that keeps all rules. What the SDK refuses as a configuration is refused here.

mod document;

use super::error::{ItemError, ItemErrorCode};
use super::path;
use crate::base::limits::{ATTRIBUTE_NAME_BYTES, KEY_NAME_BYTES, TABLE_NAME_BYTES};

pub use document::{Action, AlgorithmSuite, FieldReadRules, SchemaDocument};

/// Attribute of the header of an encrypted item.
pub const HEADER_NAME: &str = "aws_dbe_head";
/// Attribute of the footer of an encrypted item.
pub const FOOTER_NAME: &str = "aws_dbe_foot";
/// Names that begin like this belong to the format.
pub const RESERVED_PREFIX: &str = "aws_dbe_";
/// Neither a table nor an attribute may be named like this: the encryption
/// context uses such names itself.
const CONTEXT_PREFIX: &str = "aws-crypto-";

/// A schema that keeps all rules of the format.
#[derive(Clone, Debug)]
pub struct Schema {
    document: SchemaDocument,
    path_prefix: Vec<u8>,
}

impl Schema {
    /// Checks `document` against the rules.
    ///
    /// # Errors
    /// `InvalidSchema` with the rule, the attribute and the remedy;
    /// `UnsupportedVersion` if an attribute is to go into the encryption context.
    pub fn new(document: SchemaDocument) -> Result<Self, ItemError> {
        check_names(&document)?;
        let schema = Self { path_prefix: path::prefix(&document.table_name), document };
        schema.check_version()?;
        schema.check_keys()?;
        schema.check_scope()?;
        Ok(schema)
    }

    /// The schema as it was written.
    #[must_use]
    pub fn document(&self) -> &SchemaDocument {
        &self.document
    }

    /// The KMS key that wraps the keys of new items, as it was named.
    #[must_use]
    pub fn key_id(&self) -> &str {
        self.document.key_id.as_deref().unwrap_or("alias/aws/dynamodb")
    }

    /// Whether attribute `name` is signed: all are, except the allowed unsigned
    /// ones and those of the format itself.
    #[must_use]
    pub fn is_signed(&self, name: &str) -> bool {
        let document = &self.document;
        let prefix = document.allowed_unsigned_attribute_prefix.as_deref();
        !name.starts_with(RESERVED_PREFIX)
            && !document.allowed_unsigned_attributes.contains(name)
            && !prefix.is_some_and(|prefix| name.starts_with(prefix))
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
        let document = &self.document;
        [Some(&document.partition_key_name), document.sort_key_name.as_ref()]
            .into_iter()
            .flatten()
            .map(String::as_str)
    }

    /// The attributes that new items have encrypted, sorted.
    pub fn encrypted_names(&self) -> impl Iterator<Item = &str> {
        let actions = self.document.attribute_actions_on_encrypt.iter();
        let encrypted = actions.filter(|(_, action)| **action == Action::EncryptAndSign);
        encrypted.map(|(name, _)| name.as_str())
    }

    pub(super) fn path_prefix(&self) -> &[u8] {
        &self.path_prefix
    }

    fn check_version(&self) -> Result<(), ItemError> {
        let in_context = self
            .document
            .attribute_actions_on_encrypt
            .iter()
            .find(|(_, action)| **action == Action::SignAndIncludeInEncryptionContext);
        match in_context {
            None => Ok(()),
            Some((name, _)) => Err(ItemError::new(
                ItemErrorCode::UnsupportedVersion,
                format!(
                    "attribute `{name}` is SIGN_AND_INCLUDE_IN_ENCRYPTION_CONTEXT, which needs \
                     format version 2; that comes later: use SIGN_ONLY"
                ),
            )
            .of(name)),
        }
    }

    fn check_keys(&self) -> Result<(), ItemError> {
        for name in self.key_names() {
            match self.document.attribute_actions_on_encrypt.get(name) {
                Some(Action::SignOnly) => {}
                Some(_) => {
                    return Err(invalid(format!(
                        "key attribute `{name}` must be SIGN_ONLY: DynamoDB finds items by its value"
                    ))
                    .of(name));
                }
                None => {
                    return Err(invalid(format!(
                        "key attribute `{name}` has no action: set it to SIGN_ONLY in attributeActionsOnEncrypt"
                    ))
                    .of(name));
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Action, AlgorithmSuite, Schema, SchemaDocument};
    use crate::items::error::ItemErrorCode;

    fn base() -> Value {
        json!({
            "tableName": "T", "partitionKeyName": "pk", "sortKeyName": "sk", "keyId": "alias/items",
            "attributeActionsOnEncrypt": {"pk": "SIGN_ONLY", "sk": "SIGN_ONLY", "ssn": "ENCRYPT_AND_SIGN", "seen": "DO_NOTHING"},
            "allowedUnsignedAttributes": ["seen"], "allowedUnsignedAttributePrefix": ":",
        })
    }

    fn with(member: &str, value: Value) -> Value {
        let mut document = base();
        *document
            .pointer_mut("")
            .unwrap()
            .as_object_mut()
            .unwrap()
            .entry(member)
            .or_insert(Value::Null) = value;
        document
    }

    fn with_action(name: &str, action: &str) -> Value {
        let mut document = base();
        document["attributeActionsOnEncrypt"][name] = json!(action);
        document
    }

    #[track_caller]
    fn check_refused(document: Value, attribute: Option<&str>, part: &str) {
        let document: SchemaDocument = serde_json::from_value(document).unwrap();
        let error = Schema::new(document).unwrap_err();
        assert_eq!(
            (error.code, error.attribute.as_deref()),
            (ItemErrorCode::InvalidSchema, attribute)
        );
        assert!(error.message.contains(part), "{}", error.message);
    }

    #[test]
    fn accepts_and_prints() {
        let document: SchemaDocument = serde_json::from_value(base()).unwrap();
        let schema = Schema::new(document.clone()).unwrap();
        assert_eq!(schema.document(), &document);
        assert_eq!(document.algorithm_suite, AlgorithmSuite::EcdsaP384);
        let printed = serde_json::to_value(&document).unwrap();
        assert_eq!(printed["algorithmSuite"], AlgorithmSuite::EcdsaP384.name());
        assert_eq!(serde_json::from_value::<SchemaDocument>(printed).unwrap(), document);
        assert_eq!(schema.key_names().collect::<Vec<_>>(), ["pk", "sk"]);
    }

    #[test]
    fn scope_and_actions() {
        let schema = Schema::new(serde_json::from_value(base()).unwrap()).unwrap();
        for (name, signed) in [
            ("pk", true),
            ("ssn", true),
            ("other", true),
            ("seen", false),
            (":x", false),
            ("aws_dbe_b_x", false),
        ] {
            assert_eq!(schema.is_signed(name), signed, "{name}");
        }
        assert_eq!(schema.action("ssn").unwrap(), Action::EncryptAndSign);
        assert_eq!(schema.action(":x").unwrap(), Action::DoNothing);
        let error = schema.action("other").unwrap_err();
        assert_eq!(
            (error.code, error.attribute.as_deref()),
            (ItemErrorCode::NoActionForAttribute, Some("other"))
        );
    }

    #[test]
    fn suites_by_name_and_number() {
        for (text, want) in [
            ("0x6700", AlgorithmSuite::HmacOnly),
            ("0x6701", AlgorithmSuite::EcdsaP384),
            (AlgorithmSuite::HmacOnly.name(), AlgorithmSuite::HmacOnly),
            (AlgorithmSuite::EcdsaP384.name(), AlgorithmSuite::EcdsaP384),
        ] {
            let document: SchemaDocument =
                serde_json::from_value(with("algorithmSuite", json!(text))).unwrap();
            assert_eq!(document.algorithm_suite, want);
        }
        assert!(
            serde_json::from_value::<SchemaDocument>(with("algorithmSuite", json!("0x0578")))
                .is_err()
        );
    }

    #[test]
    fn rules() {
        check_refused(with("tableName", json!("")), None, "tableName");
        check_refused(with("tableName", json!("aws-crypto-t")), None, "aws-crypto-");
        check_refused(with("keyId", json!("")), None, "keyId");
        check_refused(with("sortKeyName", json!("pk")), Some("pk"), "partition key");
        check_refused(with("sortKeyName", json!("ssn")), Some("ssn"), "SIGN_ONLY");
        check_refused(with("sortKeyName", json!("none")), Some("none"), "no action");
        check_refused(with("partitionKeyName", json!("")), Some(""), "255");
        check_refused(with("allowedUnsignedAttributePrefix", json!("")), None, "empty");
        check_refused(with("allowedUnsignedAttributePrefix", json!("s")), Some("sk"), "must not");
        check_refused(with("allowedUnsignedAttributes", json!([])), Some("seen"), "DO_NOTHING");
        check_refused(
            with("allowedUnsignedAttributes", json!(["seen", "ssn"])),
            Some("ssn"),
            "must not",
        );
        check_refused(with_action("pk", "ENCRYPT_AND_SIGN"), Some("pk"), "SIGN_ONLY");
        check_refused(with_action("pk", "DO_NOTHING"), Some("pk"), "SIGN_ONLY");
        check_refused(with_action("aws_dbe_x", "SIGN_ONLY"), Some("aws_dbe_x"), "reserved");
        check_refused(with_action("aws-crypto-x", "SIGN_ONLY"), Some("aws-crypto-x"), "reserved");
    }

    #[test]
    fn version_two_comes_later() {
        let document = with_action("ssn", "SIGN_AND_INCLUDE_IN_ENCRYPTION_CONTEXT");
        let error = Schema::new(serde_json::from_value(document).unwrap()).unwrap_err();
        assert_eq!(
            (error.code, error.attribute.as_deref()),
            (ItemErrorCode::UnsupportedVersion, Some("ssn"))
        );
    }

    #[test]
    fn documents_are_strict() {
        assert!(serde_json::from_value::<SchemaDocument>(with("tablename", json!("T"))).is_err());
        assert!(serde_json::from_value::<SchemaDocument>(with_action("ssn", "ENCRYPT")).is_err());
        let twice = base().to_string().replace(
            r#""ssn":"ENCRYPT_AND_SIGN""#,
            r#""ssn":"ENCRYPT_AND_SIGN","ssn":"SIGN_ONLY""#,
        );
        let error = serde_json::from_str::<SchemaDocument>(&twice).unwrap_err();
        assert!(error.to_string().contains("two actions"), "{error}");
    }
}
