//! What field reads are found by: digests beside those of encryption contexts
//! in the search index.

use std::collections::BTreeSet;

use super::{How, ReadKind, Shared, masks, names};
use crate::audit::marks;
use crate::base::hex;
use crate::store::FieldRead;

/// One thing that a record with reads can be found by.
#[derive(Clone, Copy)]
pub(super) enum Tag<'a> {
    Kind(ReadKind),
    How(How),
    Table(&'a str),
    Schema(&'a str),
    Attribute(&'a str),
    Item(&'a [u8; 16]),
    /// An item whose key was released: table, and the values of the key.
    Release(&'a str, &'a [String]),
}

impl Tag<'_> {
    /// The digest. No name of an encryption context that anybody uses begins with
    /// a zero byte; whoever has one that does is found, looked at, and left out.
    pub(super) fn digest(self) -> i64 {
        let (what, parts): (&str, Vec<&str>) = match self {
            Self::Kind(kind) => ("kind", vec![kind.as_str()]),
            Self::How(how) => ("how", vec![how.as_str()]),
            Self::Table(table) => ("table", vec![table]),
            Self::Schema(schema) => ("schema", vec![schema]),
            Self::Attribute(name) => ("attribute", vec![name]),
            Self::Item(reference) => {
                return marks::tag(&format!("\0item\0{}", hex::encode(reference)));
            }
            Self::Release(table, key) => {
                let parts = [table].into_iter().chain(key.iter().map(String::as_str));
                ("release", parts.collect())
            }
        };
        marks::tag(&format!("\0{what}\0{}", parts.join("\0")))
    }
}

/// The tags of a record with these rows, each with what it shares.
pub(in crate::audit) fn of_rows<'a>(
    rows: impl Iterator<Item = (&'a str, &'a FieldRead)>,
) -> BTreeSet<i64> {
    let mut tags = BTreeSet::new();
    let mut known: Option<(&str, Shared<'_>)> = None;
    for (text, read) in rows {
        tags.insert(Tag::Item(&read.reference).digest());
        // All rows of a record share the same.
        if known.as_ref().is_none_or(|(known, _)| *known != text) {
            let Ok(shared) = serde_json::from_str::<Shared<'_>>(text) else { continue };
            tags.insert(Tag::Kind(shared.kind).digest());
            tags.insert(Tag::Table(&shared.table).digest());
            tags.insert(Tag::Schema(&shared.schema).digest());
            known = Some((text, shared));
        }
        let Some((_, shared)) = &known else { continue };
        for (how, mask) in masks(read) {
            let mut named = names(mask, shared).peekable();
            if named.peek().is_some() {
                tags.insert(Tag::How(how).digest());
            }
            tags.extend(named.map(|name| Tag::Attribute(name).digest()));
        }
    }
    tags
}

/// The tag of records about items of a table.
pub(in crate::audit) fn of_table(table: &str) -> i64 {
    Tag::Table(table).digest()
}

/// The tags of a record of a key that was released for an item, of whose key
/// these values are left.
pub(in crate::audit) fn of_release(table: &str, key: Option<&[String]>) -> Vec<i64> {
    let mut tags = vec![Tag::Kind(ReadKind::KeyReleased).digest(), Tag::Table(table).digest()];
    tags.extend(key.map(|key| Tag::Release(table, key).digest()));
    tags
}
