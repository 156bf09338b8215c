//! Tags of users, roles and sessions. Policies read them as `aws:PrincipalTag`.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::limits::TAGS_PER_PRINCIPAL;

/// Why tags are not put on somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("Tag keys that begin with aws: are reserved.")]
    Reserved,
    #[error("Duplicate tag keys found. Please note that Tag keys are case insensitive.")]
    Duplicate,
    #[error("There can be at most {TAGS_PER_PRINCIPAL} tags.")]
    TooMany,
}

/// Whether `text` has only characters that keys can have (IAM API Reference,
/// `Tag`); its length is the caller's matter.
#[must_use]
pub fn is_key(text: &str) -> bool {
    !text.is_empty() && is_value(text)
}

/// Whether `text` has only characters that values can have.
#[must_use]
pub fn is_value(text: &str) -> bool {
    let is_space = |c: char| c.is_whitespace() && !c.is_control();
    text.chars().all(|c| c.is_alphanumeric() || is_space(c) || "_.:/=+-@".contains(c))
}

/// Puts `new` on top of the tags that a user or role has.
///
/// # Errors
/// [`Error`].
pub fn put(
    held: &BTreeMap<String, String>,
    new: Vec<(String, String)>,
) -> Result<BTreeMap<String, String>, Error> {
    let given = new.len();
    if new.iter().any(|(key, _)| key.to_lowercase().starts_with("aws:")) {
        return Err(Error::Reserved);
    }
    let keys: BTreeSet<String> = new.iter().map(|(key, _)| key.to_lowercase()).collect();
    if keys.len() < given {
        return Err(Error::Duplicate);
    }
    let merged = merge(held, &new.into_iter().collect());
    if merged.len() > TAGS_PER_PRINCIPAL { Err(Error::TooMany) } else { Ok(merged) }
}

/// The tags in `held` with those in `new` on top. The keys are not
/// case-sensitive (IAM User Guide, "Rules for tagging in IAM and AWS STS"): a new
/// one takes the place of a held one that differs in case alone.
#[must_use]
pub fn merge(
    held: &BTreeMap<String, String>,
    new: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let replaced: BTreeSet<String> = new.keys().map(|key| key.to_lowercase()).collect();
    let kept = held.iter().filter(|(key, _)| !replaced.contains(&key.to_lowercase()));
    kept.chain(new).map(|(key, value)| (key.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(key: &str, value: &str) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }

    #[test]
    fn characters_of_tags() {
        assert!(is_key("Größe 1:a/b=c+d-e@f_g.h") && !is_key(""));
        assert!(!is_key("a*") && !is_key("a\nb") && !is_key("a\u{7f}"));
        assert!(is_value("") && !is_value("a;b"));
    }

    #[test]
    fn keys_are_told_apart_by_more_than_case() {
        let held = BTreeMap::from([tag("Team", "a")]);
        let merged = put(&held, vec![tag("TEAM", "b"), tag("site", "")]).unwrap();
        assert_eq!(merged, BTreeMap::from([tag("TEAM", "b"), tag("site", "")]));
        assert_eq!(put(&held, vec![tag("x", "1"), tag("X", "1")]), Err(Error::Duplicate));
        assert_eq!(put(&held, vec![tag("AWS:x", "1")]), Err(Error::Reserved));
        let many = |n: usize| (0..n).map(|n| tag(&n.to_string(), "")).collect();
        assert_eq!(put(&held, many(TAGS_PER_PRINCIPAL)), Err(Error::TooMany));
        put(&held, many(TAGS_PER_PRINCIPAL - 1)).unwrap();
    }
}
