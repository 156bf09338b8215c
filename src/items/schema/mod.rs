//! The item schema: which attribute is encrypted, signed or left alone, in the
//! words of the AWS Database Encryption SDK.
//!
//! [`SchemaDocument`] is the text a database engineer writes; [`Schema`] is one
//! that keeps all rules. What the SDK refuses as a configuration is refused here.

mod document;

use super::error::{ItemError, ItemErrorCode};
use super::path;
use crate::base::limits::{
    ADDITIONAL_KEYS, ATTRIBUTE_NAME_BYTES, KEY_NAME_BYTES, TABLE_NAME_BYTES,
};

pub use document::{Action, AlgorithmSuite, SchemaDocument};

/// Attribute of the header of an encrypted item.
pub const HEADER_NAME: &str = "aws_dbe_head";
/// Attribute of the footer of an encrypted item.
pub const FOOTER_NAME: &str = "aws_dbe_foot";
/// Names that begin like this belong to the format.
pub const RESERVED_PREFIX: &str = "aws_dbe_";
/// Neither a table nor an attribute may be named like this: the encryption
/// context uses such names itself.
const CONTEXT_PREFIX: &str = "aws-crypto-";

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
}

impl Schema {
    /// Checks `document` against the rules.
    ///
    /// # Errors
    /// `InvalidSchema` with the rule, the attribute and the remedy.
    pub fn new(document: SchemaDocument) -> Result<Self, ItemError> {
        check_names(&document)?;
        let mut actions = document.attribute_actions_on_encrypt.values();
        let version = match actions.any(|action| *action == FormatVersion::Two.key_action()) {
            false => FormatVersion::One,
            true => FormatVersion::Two,
        };
        let path_prefix = path::prefix(&document.table_name);
        let schema = Self { document, version, path_prefix };
        schema.check_key_ids()?;
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

    use super::{Action, AlgorithmSuite, FormatVersion, Schema, SchemaDocument};
    use crate::base::limits::ADDITIONAL_KEYS;
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
    fn version_two() {
        const IN_CONTEXT: &str = "SIGN_AND_INCLUDE_IN_ENCRYPTION_CONTEXT";
        let one = Schema::new(serde_json::from_value(base()).unwrap()).unwrap();
        assert_eq!((one.version(), one.context_names().count()), (FormatVersion::One, 0));

        let mut document = with_action("city", IN_CONTEXT);
        check_refused(document.clone(), Some("pk"), IN_CONTEXT);
        document["attributeActionsOnEncrypt"]["pk"] = json!(IN_CONTEXT);
        check_refused(document.clone(), Some("sk"), IN_CONTEXT);
        document["attributeActionsOnEncrypt"]["sk"] = json!(IN_CONTEXT);
        let two = Schema::new(serde_json::from_value(document.clone()).unwrap()).unwrap();
        assert_eq!(two.version(), FormatVersion::Two);
        assert_eq!(two.context_names().collect::<Vec<_>>(), ["city", "pk", "sk"]);

        document["allowedUnsignedAttributes"] = json!(["seen", "city"]);
        check_refused(document, Some("city"), "must not");
    }

    #[test]
    fn additional_keys() {
        let document: SchemaDocument =
            serde_json::from_value(with("additionalKeyIds", json!(["alias/b", "alias/a"])))
                .unwrap();
        let schema = Schema::new(document).unwrap();
        assert_eq!(schema.additional_key_ids(), ["alias/b", "alias/a"]);
        let many: Vec<_> = (0..=ADDITIONAL_KEYS).map(|n| format!("alias/{n}")).collect();
        check_refused(with("additionalKeyIds", json!(many)), None, "at most");
        check_refused(with("additionalKeyIds", json!([""])), None, "must name");
        check_refused(with("additionalKeyIds", json!(["a", "b", "a"])), None, "twice");
        check_refused(with("additionalKeyIds", json!(["alias/items"])), None, "twice");
        let mut default = with("additionalKeyIds", json!(["alias/aws/dynamodb"]));
        default.as_object_mut().unwrap().remove("keyId");
        check_refused(default, None, "twice");
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
