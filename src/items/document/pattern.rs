//! Paths into documents as a schema writes them: JSON Pointers (RFC 6901), with
//! `*` for every member or element of one level. A member whose name has a `*`
//! is written with `~2` in its place, beside RFC 6901's `~0` for `~` and `~1` for `/`.

use crate::base::limits;
use crate::items::error::{ItemError, ItemErrorCode};

/// One level of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// A member of this name, or an element if the name is its index.
    Named(String),
    /// Every member and every element.
    Any,
}

/// The levels of a path that was read once and is compared often.
#[derive(Clone, Debug)]
pub(in crate::items) struct Pattern(pub(super) Vec<Segment>);

impl Pattern {
    /// Reads `path`; `None` if it is none.
    pub(in crate::items) fn parse(path: &str) -> Option<Self> {
        parse(path).ok().map(Self)
    }
}

impl Segment {
    /// Whether everything that `other` matches is matched by this segment, too.
    fn covers(&self, other: &Self) -> bool {
        *self == Self::Any || self == other
    }
}

/// The levels of `path`, outermost first.
///
/// # Errors
/// `InvalidSchema` with the rule and the remedy.
pub(super) fn parse(path: &str) -> Result<Vec<Segment>, ItemError> {
    let invalid = |reason: &str| {
        let message = format!("path `{path}` {reason}");
        Err(ItemError::new(ItemErrorCode::InvalidSchema, message).of(path))
    };
    if path.len() > limits::DOCUMENT_PATH_BYTES {
        let message = format!("a path has at most {} bytes", limits::DOCUMENT_PATH_BYTES);
        return Err(ItemError::new(ItemErrorCode::InvalidSchema, message));
    }
    let Some(rest) = path.strip_prefix('/') else {
        return invalid("does not begin with /: write a JSON Pointer such as /profile/ssn");
    };
    let mut segments = Vec::new();
    for token in rest.split('/') {
        if token == "*" {
            segments.push(Segment::Any);
            continue;
        }
        if token.contains('*') {
            return invalid(
                "has a * beside other characters: * stands for a whole level, ~2 for the character",
            );
        }
        match unescape(token) {
            Some(name) => segments.push(Segment::Named(name)),
            None => return invalid("has a ~ that is not ~0, ~1 or ~2: write ~0 for the character"),
        }
    }
    if segments.len() > limits::ITEM_DEPTH {
        return invalid("goes deeper than the 32 levels that a document has");
    }
    Ok(segments)
}

fn unescape(token: &str) -> Option<String> {
    let mut name = String::with_capacity(token.len());
    let mut characters = token.chars();
    while let Some(character) = characters.next() {
        name.push(match character {
            '~' => match characters.next()? {
                '0' => '~',
                '1' => '/',
                '2' => '*',
                _ => return None,
            },
            other => other,
        });
    }
    Some(name)
}

/// Appends one level to a pointer.
pub(super) fn push_token(pointer: &mut String, name: &str) {
    pointer.push('/');
    for character in name.chars() {
        match character {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            '*' => pointer.push_str("~2"),
            other => pointer.push(other),
        }
    }
}

/// Whether some value lies at both patterns' first levels, as many as the
/// shorter has.
pub(super) fn overlap(one: &[Segment], other: &[Segment]) -> bool {
    one.iter().zip(other).all(|(one, other)| one.covers(other) || other.covers(one))
}

/// Whether `one` matches only what `other` matches, which is of equal length.
pub(super) fn is_within(one: &[Segment], other: &[Segment]) -> bool {
    one.iter().zip(other).all(|(one, other)| other.covers(one))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Segment, is_within, overlap, parse, push_token};
    use crate::items::error::ItemErrorCode;

    fn named(name: &str) -> Segment {
        Segment::Named(name.to_owned())
    }

    #[test]
    fn pointers_and_wildcards() {
        assert_eq!(parse("/a/0/*").unwrap(), [named("a"), named("0"), Segment::Any]);
        assert_eq!(parse("/~0~1~2").unwrap(), [named("~/*")]);
        assert_eq!(parse("/").unwrap(), [named("")]);
        assert_eq!(parse("//é").unwrap(), [named(""), named("é")]);
    }

    #[test]
    fn refuses() {
        let deep = "/a".repeat(33);
        for (path, part) in [
            ("", "begin"),
            ("a", "begin"),
            ("/**", "beside"),
            ("/a*", "beside"),
            ("/~", "~0"),
            ("/~3", "~0"),
            (&*deep, "32"),
        ] {
            let error = parse(path).unwrap_err();
            assert_eq!(error.code, ItemErrorCode::InvalidSchema, "{path}");
            assert!(error.message.contains(part), "{}", error.message);
        }
        assert!(parse(&format!("/{}", "x".repeat(1_024))).unwrap_err().message.contains("1024"));
    }

    #[test]
    fn overlaps() {
        let overlap = |one: &str, other: &str| {
            let (one, other) = (parse(one).unwrap(), parse(other).unwrap());
            assert_eq!(overlap(&one, &other), overlap(&other, &one));
            overlap(&one, &other)
        };
        assert!(overlap("/a", "/a"));
        assert!(overlap("/a/*", "/*/b"));
        assert!(overlap("/*", "/a/b"));
        assert!(!overlap("/a", "/b/c"));
        assert!(!overlap("/a/*", "/b/*"));
    }

    #[test]
    fn one_within_the_other() {
        let within =
            |one: &str, other: &str| is_within(&parse(one).unwrap(), &parse(other).unwrap());
        assert!(within("/a/b", "/a/*"));
        assert!(!within("/a/*", "/a/b"));
        assert!(!within("/a/*", "/*/b"));
    }

    proptest! {
        #[test]
        fn any_name_can_be_written(names in prop::collection::vec(".{0,5}|[~/*0-2]{0,5}", 1..5)) {
            let mut path = String::new();
            for name in &names {
                push_token(&mut path, name);
            }
            let want: Vec<_> = names.iter().map(|name| named(name)).collect();
            prop_assert_eq!(parse(&path).unwrap(), want);
        }

        #[test]
        fn any_text_is_answered(text in "[/~*0-3a]{0,30}|.{0,30}") {
            drop(parse(&text));
        }
    }
}
