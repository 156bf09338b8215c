//! The tags of a session: those that are asked for, and those that the session
//! which asks hands on.

use std::collections::{BTreeMap, BTreeSet};

use super::members::Tag;
use crate::base::caller::SessionFacts;
use crate::ops::shapes::is_reserved_tag;
use crate::wire::error::ApiError;

/// The tags of a new session.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct SessionTags {
    /// Those that were asked for.
    pub(super) asked: BTreeMap<String, String>,
    /// Those that the session which asks hands on.
    pub(super) inherited: BTreeMap<String, String>,
    /// Keys of those that the new session will hand on.
    pub(super) transitive: BTreeSet<String>,
}

impl SessionTags {
    /// Puts them together. No two keys may differ in case alone (AWS IAM User
    /// Guide, "Pass session tags in AWS STS").
    ///
    /// # Errors
    /// `ValidationException`.
    pub(super) fn of(
        tags: Vec<Tag>,
        transitive: Vec<String>,
        session: Option<&SessionFacts>,
    ) -> Result<Self, ApiError> {
        let refused = |text: &str| Err(ApiError::validation(text));
        let mut asked = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for Tag { key, value } in tags {
            if is_reserved_tag(&key) {
                return refused("Tag keys beginning with aws: are reserved for system use.");
            }
            if !seen.insert(key.to_lowercase()) {
                return refused(
                    "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
                );
            }
            asked.insert(key, value);
        }
        let inherited: BTreeMap<String, String> = session
            .into_iter()
            .flat_map(|session| {
                let handed_on = session.transitive_tag_keys.iter();
                handed_on.filter_map(|key| session.tags.get_key_value(key))
            })
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        if inherited.keys().any(|key| seen.contains(&key.to_lowercase())) {
            return refused(
                "One of the specified tag keys conflicts with a transitive tag of the calling \
                 session.",
            );
        }
        let mut keys: BTreeSet<String> = inherited.keys().cloned().collect();
        for wanted in transitive {
            let found = asked.keys().find(|key| key.to_lowercase() == wanted.to_lowercase());
            match found {
                Some(key) => keys.insert(key.clone()),
                None => return refused("A transitive tag key is not the key of a tag."),
            };
        }
        Ok(Self { asked, inherited, transitive: keys })
    }

    /// Whether the session will have any.
    pub(super) fn is_empty(&self) -> bool {
        self.asked.is_empty() && self.inherited.is_empty()
    }

    /// All tags of the session.
    pub(super) fn all(&self) -> BTreeMap<String, String> {
        self.asked.iter().chain(&self.inherited).map(|(k, v)| (k.clone(), v.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> Vec<Tag> {
        let tag = |(key, value): &(&str, &str)| Tag { key: (*key).into(), value: (*value).into() };
        pairs.iter().map(tag).collect()
    }

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn transitive_tags_are_handed_on() {
        let first =
            SessionTags::of(tags(&[("Team", "a"), ("Cost", "1")]), vec!["team".to_owned()], None)
                .unwrap();
        assert_eq!(first.transitive, ["Team".to_owned()].into());
        let session = SessionFacts {
            tags: first.all(),
            transitive_tag_keys: first.transitive,
            ..SessionFacts::default()
        };
        let second = SessionTags::of(tags(&[("Cost", "2")]), Vec::new(), Some(&session)).unwrap();
        assert_eq!(second.inherited, map(&[("Team", "a")]));
        assert_eq!(second.all(), map(&[("Cost", "2"), ("Team", "a")]));
        assert_eq!(second.transitive, ["Team".to_owned()].into());
        assert!(SessionTags::of(tags(&[("TEAM", "b")]), Vec::new(), Some(&session)).is_err());
    }

    #[test]
    fn keys_are_not_told_apart_by_case() {
        for (pairs, transitive) in [
            (&[("a", "1"), ("A", "2")][..], None),
            (&[("aws:x", "1")], None),
            (&[("AWS:x", "1")], None),
            (&[("a", "1")], Some("b")),
        ] {
            let transitive = transitive.into_iter().map(str::to_owned).collect();
            assert!(SessionTags::of(tags(pairs), transitive, None).is_err(), "{pairs:?}");
        }
        assert!(SessionTags::of(Vec::new(), Vec::new(), None).unwrap().is_empty());
    }
}
