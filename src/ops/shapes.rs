//! Members and structures that several KMS operations share.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::base::algorithm::EncryptionAlgorithm;
use crate::base::arn::KeyArn;
use crate::base::context::EncryptionContext;
use crate::base::limits;
use crate::base::spec::{KeySpec, KeyState, KeyUsage};
use crate::base::timestamp;
use crate::keys::key::Key;
use crate::wire::error::ApiError;
use crate::wire::shape::{ASCII, MARKER_TEXT, Member, Recorded, Shape, matching, text};

/// Any form of key identifier.
pub const KEY_ID_SHAPE: Shape = matching(1, 2048, ASCII);
/// `KeyId`, required.
pub const KEY_ID: Member = Member::required("KeyId", KEY_ID_SHAPE);
/// `EncryptionContext`.
pub const ENCRYPTION_CONTEXT: Member = Member::optional("EncryptionContext", Shape::Map);
/// `GrantTokens`: checked, never recorded.
pub const GRANT_TOKENS: Member =
    Member::optional("GrantTokens", Shape::List { of: &text(1, 8192), min: 0, max: 10 })
        .unrecorded();
/// `DryRun`; the pipeline acts on it.
pub const DRY_RUN: Member = Member::optional("DryRun", Shape::Boolean);
/// The names that validation texts list for encryption algorithms, in the
/// order in which AWS lists them.
pub const ENCRYPTION_ALGORITHMS: Shape = Shape::Enum(EncryptionAlgorithm::NAMES);
/// `EncryptionAlgorithm`, recorded with its default.
pub const ENCRYPTION_ALGORITHM: Member =
    Member::optional("EncryptionAlgorithm", ENCRYPTION_ALGORITHMS)
        .recorded(Recorded::OrText("SYMMETRIC_DEFAULT"));
/// `Marker` of a list.
pub const MARKER: Member = Member::optional("Marker", matching(1, 1024, MARKER_TEXT));
/// `DryRunModifiers` of Decrypt and ReEncrypt.
pub const DRY_RUN_MODIFIERS: Member = Member::optional(
    "DryRunModifiers",
    Shape::List { of: &Shape::Enum(&["IGNORE_CIPHERTEXT"]), min: 0, max: 1 },
);
/// `Recipient`: a Nitro enclave's attestation, which this server refuses.
pub const RECIPIENT: Member = Member::optional(
    "Recipient",
    Shape::Structure(&[
        Member::optional("KeyEncryptionAlgorithm", Shape::Enum(&["RSAES_OAEP_SHA_256"])),
        Member::optional(
            "AttestationDocument",
            Shape::Blob { min: 1, max: 262_144, sensitive: false },
        ),
    ]),
)
.unrecorded();
/// `CiphertextBlob` of an input.
pub const CIPHERTEXT_BLOB: Member = Member::required(
    "CiphertextBlob",
    Shape::Blob { min: 1, max: limits::CIPHERTEXT_BYTES, sensitive: false },
)
.unrecorded();
/// A member of an output that holds text.
#[must_use]
pub const fn out_text(name: &'static str) -> Member {
    Member::optional(name, text(0, usize::MAX))
}
/// A member of an output that holds bytes.
#[must_use]
pub const fn out_blob(name: &'static str, sensitive: bool) -> Member {
    Member::optional(name, Shape::Blob { min: 0, max: usize::MAX, sensitive })
}

const TAG: Shape = Shape::Structure(&[
    Member::required("TagKey", text(1, 128)),
    Member::required("TagValue", text(0, 256)),
]);
/// The shape of `Tags`. AWS's own limit on their number is a `TagException`,
/// not a matter of shape; the shape's is there to bound the work.
pub const TAGS: Shape = Shape::List { of: &TAG, min: 0, max: 200 };

/// One tag.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    pub tag_key: String,
    pub tag_value: String,
}

/// An output without members.
#[derive(Debug, Serialize)]
pub struct Nothing {}

/// AWS records the key's ARN for calls that change it and answer nothing.
#[must_use]
pub fn recorded_key(arn: &KeyArn) -> Option<Value> {
    Some(json!({ "keyId": arn.to_string() }))
}

/// Checks the size of an encryption context; more would not fit a record.
///
/// # Errors
/// `ValidationException`.
pub fn check_context(context: &EncryptionContext) -> Result<(), ApiError> {
    if context.size() <= limits::ENCRYPTION_CONTEXT_BYTES {
        return Ok(());
    }
    Err(ApiError::validation(format!(
        "The keys and values of the encryption context are together longer than {} bytes.",
        limits::ENCRYPTION_CONTEXT_BYTES
    )))
}

/// Refuses a Nitro attestation document: this server cannot verify one, and
/// answering in clear would defeat its purpose.
///
/// # Errors
/// `UnsupportedOperationException` if there is one.
pub fn refuse_recipient(recipient: Option<&Value>) -> Result<(), ApiError> {
    match recipient {
        None => Ok(()),
        Some(_) => Err(ApiError::new(
            crate::wire::codes::Code::UnsupportedOperationException,
            "Recipient is not supported: this server does not verify attestation documents.",
        )),
    }
}

/// `KeyMetadata`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct KeyMetadata {
    #[serde(rename = "AWSAccountId")]
    aws_account_id: String,
    key_id: String,
    arn: String,
    creation_date: f64,
    enabled: bool,
    description: String,
    key_usage: &'static str,
    key_state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    deletion_date: Option<f64>,
    origin: &'static str,
    key_manager: &'static str,
    customer_master_key_spec: &'static str,
    key_spec: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    encryption_algorithms: Vec<&'static str>,
    multi_region: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    current_key_material_id: Option<String>,
}

impl KeyMetadata {
    /// What DescribeKey tells of `key`.
    #[must_use]
    pub fn of(key: &Key) -> Self {
        let symmetric = key.spec == KeySpec::SymmetricDefault;
        let encrypts = symmetric && key.usage == KeyUsage::EncryptDecrypt;
        let material = key.current_material().filter(|_| symmetric);
        Self {
            aws_account_id: key.arn.account.to_string(),
            key_id: key.id().to_string(),
            arn: key.arn.to_string(),
            creation_date: timestamp::epoch_seconds(key.created_ms),
            enabled: key.state == KeyState::Enabled,
            description: key.description.clone(),
            key_usage: key.usage.as_str(),
            key_state: key.state.as_str(),
            deletion_date: key.deletion_ms.map(timestamp::epoch_seconds),
            origin: key.origin.as_str(),
            key_manager: "CUSTOMER",
            customer_master_key_spec: key.spec.as_str(),
            key_spec: key.spec.as_str(),
            encryption_algorithms: if encrypts { vec!["SYMMETRIC_DEFAULT"] } else { Vec::new() },
            multi_region: key.id().is_multi_region(),
            current_key_material_id: material.map(|material| material.id.to_string()),
        }
    }

    /// The same as a record shows it: names in lower camel case, dates as text.
    #[must_use]
    pub fn recorded(key: &Key) -> Value {
        let metadata = Self::of(key);
        json!({
            "aWSAccountId": metadata.aws_account_id,
            "keyId": metadata.key_id,
            "arn": metadata.arn,
            "creationDate": timestamp::record_date(key.created_ms),
            "enabled": metadata.enabled,
            "description": metadata.description,
            "keyUsage": metadata.key_usage,
            "keyState": metadata.key_state,
            "origin": metadata.origin,
            "keyManager": metadata.key_manager,
            "customerMasterKeySpec": metadata.customer_master_key_spec,
            "keySpec": metadata.key_spec,
            "encryptionAlgorithms": metadata.encryption_algorithms,
            "multiRegion": metadata.multi_region,
            "currentKeyMaterialId": metadata.current_key_material_id,
        })
    }
}

/// The output member `KeyMetadata`.
pub const KEY_METADATA: Member = Member::required(
    "KeyMetadata",
    Shape::Structure(&[
        out_text("AWSAccountId"),
        out_text("KeyId"),
        out_text("Arn"),
        Member::optional("CreationDate", Shape::Timestamp),
        Member::optional("Enabled", Shape::Boolean),
        out_text("Description"),
        out_text("KeyUsage"),
        out_text("KeyState"),
        Member::optional("DeletionDate", Shape::Timestamp),
        out_text("Origin"),
        out_text("KeyManager"),
        out_text("CustomerMasterKeySpec"),
        out_text("KeySpec"),
        Member::optional("EncryptionAlgorithms", Shape::List { of: &text(0, 64), min: 0, max: 8 }),
        Member::optional("MultiRegion", Shape::Boolean),
        out_text("CurrentKeyMaterialId"),
    ]),
);

/// Checks tags that are to be put on a key and merges them into those it has.
///
/// # Errors
/// `TagException` with AWS's texts.
pub fn merge_tags(
    held: &BTreeMap<String, String>,
    tags: Vec<Tag>,
) -> Result<BTreeMap<String, String>, ApiError> {
    let refused = |text| Err(ApiError::new(crate::wire::codes::Code::TagException, text));
    let mut new = BTreeMap::new();
    for tag in tags {
        if is_reserved_tag(&tag.tag_key) {
            return refused("Tags beginning with aws: are reserved");
        }
        if new.insert(tag.tag_key, tag.tag_value).is_some() {
            return refused("Duplicate tag keys");
        }
    }
    let mut merged = held.clone();
    merged.append(&mut new);
    if merged.len() > limits::TAGS_PER_KEY {
        return refused("Too many tags");
    }
    Ok(merged)
}

/// Whether a tag key belongs to AWS: `aws:` in any case.
#[must_use]
pub fn is_reserved_tag(key: &str) -> bool {
    key.as_bytes().get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case(b"aws:"))
}
