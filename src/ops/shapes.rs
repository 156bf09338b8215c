//! Members and structures that several KMS operations share.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::base::algorithm::{EncapsulationAlgorithm, EncryptionAlgorithm, MacAlgorithm};
use crate::base::arn::KeyArn;
use crate::base::context::EncryptionContext;
use crate::base::limits;
use crate::base::quotas::Quotas;
use crate::keys::key::Key;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{
    ASCII, MARKER_TEXT, Member, REGION, Recorded, Shape, matching, secret, text,
};

/// Any form of key identifier.
pub const KEY_ID_SHAPE: Shape = matching(1, 2048, ASCII);
/// `KeyId`, required.
pub const KEY_ID: Member = Member::required("KeyId", KEY_ID_SHAPE);
/// The name of a Region.
pub const REGION_SHAPE: Shape = matching(1, 32, REGION);
/// `EncryptionContext`.
pub const ENCRYPTION_CONTEXT: Member = Member::optional("EncryptionContext", Shape::Map);
/// `GrantTokens`: checked, never shown or recorded.
pub const GRANT_TOKENS: Member =
    Member::optional("GrantTokens", Shape::List { of: &secret(1, 8192, None), min: 0, max: 10 })
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
/// `RotationPeriodInDays`.
pub const ROTATION_PERIOD: Member =
    Member::optional("RotationPeriodInDays", Shape::Integer { min: 90, max: 2560 });
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
pub const CIPHERTEXT_BLOB: Member = in_blob("CiphertextBlob");
/// `Message` of the operations that sign or authenticate one. Its length is
/// AWS's own limit.
pub const MESSAGE: Member = Member::required(
    "Message",
    Shape::Blob { min: 1, max: limits::MESSAGE_BYTES, sensitive: true },
)
.unrecorded();
/// `MacAlgorithm`.
pub const MAC_ALGORITHM: Member =
    Member::required("MacAlgorithm", Shape::Enum(MacAlgorithm::NAMES));
/// `EncapsulationAlgorithm`.
pub const ENCAPSULATION_ALGORITHM: Member =
    Member::required("EncapsulationAlgorithm", Shape::Enum(EncapsulationAlgorithm::NAMES));
/// A ciphertext, signature or MAC of an input, named `name`.
#[must_use]
pub const fn in_blob(name: &'static str) -> Member {
    let shape = Shape::Blob { min: 1, max: limits::CIPHERTEXT_BYTES, sensitive: false };
    Member::required(name, shape).unrecorded()
}
/// The errors of every operation that uses a key in a way that cannot fail for
/// its input: the key is not there, not of this kind, or not to be used now.
pub const USE_ERRORS: &[Code] = &[
    Code::DisabledException,
    Code::DryRunOperationException,
    Code::InvalidGrantTokenException,
    Code::InvalidKeyUsageException,
    Code::KMSInvalidStateException,
    Code::KeyUnavailableException,
    Code::NotFoundException,
];
/// A member of an output that holds text.
#[must_use]
pub const fn out_text(name: &'static str) -> Member {
    Member::optional(name, text(0, usize::MAX))
}
/// A member of an output that lists names.
#[must_use]
pub const fn out_names(name: &'static str) -> Member {
    const NAME: Shape = text(0, 64);
    Member::optional(name, Shape::List { of: &NAME, min: 0, max: 32 })
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
/// The shape of `Tags`. AWS's own quota for their number is a `TagException`,
/// not a matter of shape; the shape's is there to bound the work.
pub const TAGS: Shape = Shape::List { of: &TAG, min: 0, max: 200 };

/// One tag.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    pub tag_key: String,
    pub tag_value: String,
}

/// The tags by key; of several with the same key, the last.
#[must_use]
pub fn tags_by_key(tags: &[Tag]) -> BTreeMap<String, String> {
    tags.iter().map(|tag| (tag.tag_key.clone(), tag.tag_value.clone())).collect()
}

/// An output without members.
#[derive(Debug, Serialize)]
pub struct Nothing {}

/// `UnsupportedOperationException` for a key whose material comes from elsewhere
/// than the operation wants.
#[must_use]
pub fn wrong_origin(key: &Key) -> ApiError {
    let text =
        format!("{} origin is {} which is not valid for this operation.", key.arn, key.origin);
    ApiError::new(Code::UnsupportedOperationException, text)
}

/// `UnsupportedOperationException` for a key that is asked to do what only the
/// primary one of related multi-Region keys can.
#[must_use]
pub fn not_primary(key: &Key) -> ApiError {
    let text = format!("{} is not a multi-region primary key.", key.arn);
    ApiError::new(Code::UnsupportedOperationException, text)
}

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
            Code::UnsupportedOperationException,
            "Recipient is not supported: this server does not verify attestation documents.",
        )),
    }
}

/// Checks tags that are to be put on a key and merges them into those it has.
///
/// # Errors
/// `TagException` with AWS's texts.
pub fn merge_tags(
    quotas: &Quotas,
    held: &BTreeMap<String, String>,
    tags: Vec<Tag>,
) -> Result<BTreeMap<String, String>, ApiError> {
    let refused = |text| Err(ApiError::new(Code::TagException, text));
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
    // Conditions of policies compare them without case: which is meant must be clear.
    let folded: BTreeSet<String> = merged.keys().map(|key| key.to_lowercase()).collect();
    if folded.len() < merged.len() {
        return refused("Duplicate tag keys, which policies compare without case");
    }
    // A key that has more, from before the quota was lowered, may keep them.
    if merged.len() > quotas.tags_per_key.max(held.len()) {
        return refused("Too many tags");
    }
    Ok(merged)
}

/// Whether a tag key belongs to AWS: `aws:` in any case.
#[must_use]
pub fn is_reserved_tag(key: &str) -> bool {
    key.as_bytes().get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case(b"aws:"))
}
