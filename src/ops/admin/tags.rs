//! Tags of users and roles on the wire.

use serde::{Deserialize, Serialize};

use crate::base::limits;
use crate::identity::tags;
use crate::wire::shape::{Member, Pattern, Shape, matching};

/// The characters of keys (IAM API Reference, `Tag`).
const KEY: Pattern = Pattern { text: r"[\p{L}\p{Z}\p{N}_.:/=+\-@]+", matches: tags::is_key };
/// The characters of values.
const VALUE: Pattern = Pattern { text: r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", matches: tags::is_value };

const KEY_SHAPE: Shape = matching(1, limits::TAG_KEY_CHARS, KEY);
const TAG: Shape = Shape::Structure(&[
    Member::required("key", KEY_SHAPE),
    Member::required("value", matching(0, limits::TAG_VALUE_CHARS, VALUE)),
]);
/// `tags`.
pub(super) const TAGS: Member =
    Member::required("tags", Shape::List { of: &TAG, min: 1, max: limits::TAGS_PER_PRINCIPAL });
/// `tagKeys`.
pub(super) const TAG_KEYS: Member = Member::required(
    "tagKeys",
    Shape::List { of: &KEY_SHAPE, min: 1, max: limits::TAGS_PER_PRINCIPAL },
);

/// One tag.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Tag {
    pub(super) key: String,
    pub(super) value: String,
}
