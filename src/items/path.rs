//! The canonical path of an attribute, and the canonical order.
//!
//! The path names an attribute inside its table. It is the additional
//! authenticated data of the attribute's ciphertext and part of what is signed.
//! (Specification: `structured-encryption/header.md`, "Canonical Path".)

use super::bytes::wide;

/// The part of every path of a table that comes before the attribute's name:
/// the logical table name, the depth (always one), and `$` for "a name follows".
pub(super) fn prefix(table_name: &str) -> Vec<u8> {
    [table_name.as_bytes(), &1_u64.to_be_bytes(), b"$"].concat()
}

/// Replaces what is in `out` by the path of `name`: the prefix, the length of
/// the name, its bytes.
pub(super) fn write(prefix: &[u8], name: &str, out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(prefix);
    out.extend_from_slice(&wide(units(name)));
    out.extend_from_slice(name.as_bytes());
}

/// Sorts by path: shorter names first, equal lengths by their bytes.
pub(super) fn sort_canonically<T>(fields: &mut [T], name: impl Fn(&T) -> &str) {
    fields.sort_unstable_by(|one, other| {
        let (one, other) = (name(one), name(other));
        units(one).cmp(&units(other)).then_with(|| one.as_bytes().cmp(other.as_bytes()))
    });
}

/// Length of a name as the format counts it: UTF-16 code units, not bytes.
fn units(name: &str) -> usize {
    if name.is_ascii() { name.len() } else { name.encode_utf16().count() }
}

#[cfg(test)]
mod tests {
    use super::{prefix, sort_canonically, write};

    #[track_caller]
    fn check(name: &str, length: u8) {
        let mut path = Vec::new();
        write(&prefix("T"), name, &mut path);
        let mut want = b"T\0\0\0\0\0\0\0\x01$\0\0\0\0\0\0\0".to_vec();
        want.push(length);
        want.extend_from_slice(name.as_bytes());
        assert_eq!(path, want);
    }

    #[test]
    fn length_counts_utf16_code_units() {
        check("pk", 2);
        check("имя", 3);
        check("emoji😀", 7);
    }

    #[test]
    fn order_is_length_then_bytes() {
        let mut names = vec!["abc", "bb", "b", "a😀", "zzz", "ж"];
        sort_canonically(&mut names, |name| name);
        assert_eq!(names, ["b", "ж", "bb", "abc", "a😀", "zzz"]);
    }
}
