//! Members that several operations of STS share (AWS STS API Reference).

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::base::limits;
use crate::ops::shapes::out_text;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, POLICY_TEXT, Pattern, Shape, matching, text};

/// `[\w+=,.@-]*`, the pattern of session names.
const NAME: Pattern =
    Pattern { text: r"[\w+=,.@-]*", matches: |text| text.bytes().all(is_of_name) };
/// `[\w+=,.@:\/-]*`, the pattern of external ids.
const EXTERNAL: Pattern = Pattern {
    text: r"[\w+=,.@:\/-]*",
    matches: |text| text.bytes().all(|b| is_of_name(b) || matches!(b, b':' | b'/')),
};
/// `[\p{L}\p{Z}\p{N}_.:/=+\-@]+`, the pattern of the keys of tags; of their
/// values, which may be empty, too.
const OF_TAG: Pattern = Pattern {
    text: r"[\p{L}\p{Z}\p{N}_.:/=+\-@]+",
    matches: |text| {
        text.chars().all(|c| c.is_alphanumeric() || " _.:/=+-@".contains(c) || is_space(c))
    },
};
const TAG: Shape = Shape::Structure(&[
    Member::required("Key", matching(1, 128, OF_TAG)),
    Member::required("Value", matching(0, 256, OF_TAG)),
]);

/// The characters of a session's name.
pub(super) const fn is_of_name(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'+' | b'=' | b',' | b'.' | b'@' | b'-')
}

/// `\p{Z}`, but for what ends lines.
fn is_space(c: char) -> bool {
    c.is_whitespace() && !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}')
}

pub(super) const ROLE_ARN: Member = Member::required("RoleArn", text(20, 2048));
pub(super) const ROLE_SESSION_NAME: Member =
    Member::required("RoleSessionName", matching(2, 64, NAME));
pub(super) const DURATION_SECONDS: Member =
    Member::optional("DurationSeconds", Shape::Integer { min: 900, max: 43_200 });
pub(super) const POLICY: Member =
    Member::optional("Policy", matching(1, limits::SESSION_POLICY_CHARS, POLICY_TEXT));
pub(super) const TAGS: Member =
    Member::optional("Tags", Shape::List { of: &TAG, min: 0, max: limits::SESSION_TAGS });
pub(super) const TRANSITIVE_TAG_KEYS: Member = Member::optional(
    "TransitiveTagKeys",
    Shape::List { of: &matching(1, 128, OF_TAG), min: 0, max: limits::SESSION_TAGS },
);
pub(super) const EXTERNAL_ID: Member = Member::optional("ExternalId", matching(2, 1224, EXTERNAL));

/// One tag.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tag {
    pub(super) key: String,
    pub(super) value: String,
}

/// Members of AWS's that this server refuses, instead of giving a session that is
/// not what was asked for.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Refused {
    minimum_session_token_size: Option<IgnoredAny>,
    policy_arns: Option<IgnoredAny>,
    provided_contexts: Option<IgnoredAny>,
    provider_id: Option<IgnoredAny>,
    serial_number: Option<IgnoredAny>,
    source_identity: Option<IgnoredAny>,
    token_code: Option<IgnoredAny>,
}

/// A member of which only matters whether it is there.
pub(super) const fn refused(name: &'static str) -> Member {
    Member::optional(name, Shape::Document).unrecorded()
}

impl Refused {
    /// # Errors
    /// `ValidationException` if one of them is there.
    pub(super) fn check(&self) -> Result<(), ApiError> {
        let given = [
            ("MinimumSessionTokenSize", &self.minimum_session_token_size),
            ("PolicyArns", &self.policy_arns),
            ("ProvidedContexts", &self.provided_contexts),
            ("ProviderId", &self.provider_id),
            ("SerialNumber", &self.serial_number),
            ("SourceIdentity", &self.source_identity),
            ("TokenCode", &self.token_code),
        ];
        match given.into_iter().find(|(_, value)| value.is_some()) {
            None => Ok(()),
            Some((name, _)) => {
                Err(ApiError::validation(format!("This server does not support {name}.")))
            }
        }
    }
}

pub(super) const CREDENTIALS_OUT: [Member; 4] = [
    out_text("accessKeyId"),
    out_text("secretAccessKey"),
    out_text("sessionToken"),
    out_text("expiration"),
];
