//! Tags of users and roles, which policies read as `aws:PrincipalTag`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::limits;
use crate::identity::directory::merge_tags;
use crate::ops::shapes::is_reserved_tag;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Pattern, Shape, matching};

/// The characters of keys (IAM API Reference, `Tag`).
const KEY: Pattern = Pattern {
    text: r"[\p{L}\p{Z}\p{N}_.:/=+\-@]+",
    matches: |text| !text.is_empty() && text.chars().all(is_tag_char),
};
/// The characters of values.
const VALUE: Pattern =
    Pattern { text: r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", matches: |text| text.chars().all(is_tag_char) };

const KEY_SHAPE: Shape = matching(1, 128, KEY);
const TAG: Shape = Shape::Structure(&[
    Member::required("key", KEY_SHAPE),
    Member::required("value", matching(0, 256, VALUE)),
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

fn is_tag_char(c: char) -> bool {
    let is_space = c.is_whitespace() && !c.is_control();
    c.is_alphanumeric() || is_space || "_.:/=+-@".contains(c)
}

/// Puts `new` on top of the tags that a user or role has. Keys that differ in
/// case alone are the same.
///
/// # Errors
/// `ValidationException`, `LimitExceededException`.
pub(super) fn merge(
    held: &BTreeMap<String, String>,
    new: Vec<Tag>,
) -> Result<BTreeMap<String, String>, ApiError> {
    let given = new.len();
    if new.iter().any(|tag| is_reserved_tag(&tag.key)) {
        return Err(ApiError::validation("Tag keys that begin with aws: are reserved."));
    }
    let added = new.into_iter().fold(BTreeMap::new(), |added, Tag { key, value }| {
        merge_tags(&added, &BTreeMap::from([(key, value)]))
    });
    if added.len() < given {
        let text = "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
        return Err(ApiError::validation(text));
    }
    let merged = merge_tags(held, &added);
    if merged.len() > limits::TAGS_PER_PRINCIPAL {
        let limit = limits::TAGS_PER_PRINCIPAL;
        let text = format!("A user or role has at most {limit} tags.");
        return Err(ApiError::new(Code::LimitExceededException, text));
    }
    Ok(merged)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(key: &str, value: &str) -> Tag {
        Tag { key: key.to_owned(), value: value.to_owned() }
    }

    #[test]
    fn characters_of_tags() {
        assert!((KEY.matches)("Größe 1:a/b=c+d-e@f_g.h") && !(KEY.matches)(""));
        assert!(!(KEY.matches)("a*") && !(KEY.matches)("a\nb") && !(KEY.matches)("a\u{7f}"));
        assert!((VALUE.matches)("") && !(VALUE.matches)("a;b"));
    }

    #[test]
    fn keys_are_told_apart_by_more_than_case() {
        let held = BTreeMap::from([("Team".to_owned(), "a".to_owned())]);
        let merged = merge(&held, vec![tag("TEAM", "b"), tag("site", "")]).unwrap();
        assert_eq!(merged.keys().collect::<Vec<_>>(), ["TEAM", "site"]);
        let code = |tags| merge(&held, tags).unwrap_err().code();
        assert_eq!(code(vec![tag("x", "1"), tag("X", "1")]), Code::ValidationException);
        assert_eq!(code(vec![tag("AWS:x", "1")]), Code::ValidationException);
        let many = |n: usize| (0..n).map(|n| tag(&n.to_string(), "")).collect();
        assert_eq!(code(many(limits::TAGS_PER_PRINCIPAL)), Code::LimitExceededException);
        merge(&held, many(limits::TAGS_PER_PRINCIPAL - 1)).unwrap();
    }
}
