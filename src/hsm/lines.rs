//! A small strict text form for files that people keep, copy and compare: a
//! title with a version, one field a line in a fixed order, a checksum.
//!
//! ```text
//! wardbook key file, version 1
//! key 00112233...
//! sum 0011223344556677
//! ```
//!
//! The checksum finds accidents. Only cryptography finds attackers.

use std::str::Lines;

use zeroize::Zeroizing;

use crate::base::hex;

use super::hazmat::hash;

const VERSION: &str = ", version ";
/// More than any text of this form, bytes: a buffer that grows leaves copies.
const ROOM_LEN: usize = 1024;

/// Why a text is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Not this kind of file, or not intact.
    Damaged,
    /// This kind of file in another version.
    Version,
}

/// Title and fields as text, without the checksum.
pub(super) fn write(title: &str, fields: &[(&str, &str)]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(ROOM_LEN));
    text.extend([title, VERSION, "1\n"]);
    for (name, value) in fields {
        text.extend([name, " ", value, "\n"]);
    }
    text
}

/// `text` with its checksum line.
pub(super) fn with_sum(mut text: Zeroizing<String>) -> Zeroizing<String> {
    let sum = checksum(&text);
    text.extend(["sum ", &sum, "\n"]);
    text
}

/// Checks title, version and checksum; the fields are read from what it answers.
pub(super) fn parse<'a>(title: &str, bytes: &'a [u8]) -> Result<Fields<'a>, Refused> {
    let text = str::from_utf8(bytes).ok().ok_or(Refused::Damaged)?;
    let (first, rest) = text.split_once('\n').ok_or(Refused::Damaged)?;
    let version = first.strip_prefix(title).and_then(|rest| rest.strip_prefix(VERSION));
    match version.ok_or(Refused::Damaged)? {
        "1" => {}
        other if other.bytes().all(|b| b.is_ascii_digit()) => return Err(Refused::Version),
        _ => return Err(Refused::Damaged),
    }
    let sum_at = rest.strip_suffix('\n').and_then(|rest| rest.rfind("sum "));
    let (fields, sum) = sum_at.and_then(|at| rest.split_at_checked(at)).ok_or(Refused::Damaged)?;
    let body = text.strip_suffix(sum).ok_or(Refused::Damaged)?;
    if sum.strip_prefix("sum ").and_then(|sum| sum.strip_suffix('\n')) != Some(&checksum(body)) {
        return Err(Refused::Damaged);
    }
    Ok(Fields(fields.lines()))
}

/// The field lines of a text, taken in order.
pub(super) struct Fields<'a>(Lines<'a>);

impl<'a> Fields<'a> {
    /// The value of the next field, which must have this name.
    pub(super) fn take(&mut self, name: &str) -> Option<&'a str> {
        self.0.next()?.strip_prefix(name)?.strip_prefix(' ')
    }

    /// `Some` if no field is left.
    pub(super) fn end(mut self) -> Option<()> {
        self.0.next().is_none().then_some(())
    }
}

fn checksum(text: &str) -> String {
    let digest = hash::sha256(&[text.as_bytes()]);
    hex::encode(digest.first_chunk::<8>().map_or(&[], <[u8; 8]>::as_slice))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_it_writes() {
        let text = with_sum(write("a file", &[("one", "1"), ("two", "sum 2")]));
        assert!(text.starts_with("a file, version 1\none 1\ntwo sum 2\nsum "));
        let mut fields = parse("a file", text.as_bytes()).unwrap();
        assert_eq!(fields.take("one"), Some("1"));
        assert_eq!(fields.take("two"), Some("sum 2"));
        assert_eq!(fields.end(), Some(()));
    }

    #[test]
    fn is_strict() {
        let text = with_sum(write("a file", &[("one", "1")]));
        let refused = |text: &str| parse("a file", text.as_bytes()).err();
        assert_eq!(refused(&text), None);
        assert_eq!(refused(&text.replace("one 1", "one 2")), Some(Refused::Damaged));
        assert_eq!(refused(&text.replace('\n', "\r\n")), Some(Refused::Damaged));
        assert_eq!(refused(text.trim_end()), Some(Refused::Damaged));
        assert_eq!(refused(&format!("{}\n", *text)), Some(Refused::Damaged));
        assert_eq!(refused(&text.replace("version 1", "version 2")), Some(Refused::Version));
        assert_eq!(refused(&text.replace("a file", "b file")), Some(Refused::Damaged));
        assert_eq!(refused(""), Some(Refused::Damaged));
        let mut fields = parse("a file", text.as_bytes()).unwrap();
        assert_eq!(fields.take("two"), None);
        assert_eq!(parse("a file", text.as_bytes()).unwrap().end(), None);
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..100), text in "(\n|a|, version |1|sum | )*") {
            prop_assert!(parse("a", &bytes).is_err());
            prop_assert!(parse("a", text.as_bytes()).is_err());
        }
    }
}
