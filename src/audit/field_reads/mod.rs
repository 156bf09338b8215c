//! The field-read book: what a call opened of items, one row an item, and how
//! the record of the call commits to its rows.
//!
//! What is hashed begins with a byte that says what it is, as in `leaf`: 4 all
//! rows of a record, 5 one row.

mod check;
mod query;
mod release;
mod tags;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use sha2::{Digest, Sha256};

use super::Error;
use crate::base::limits::FIELD_READ_KEY_BYTES;
use crate::store::{self, FieldRead};

pub(super) use check::wrong_rows;
pub use query::{ReadFilter, ReadPage, ReadRow, SoughtItem, query_reads};
pub(super) use release::{Release, of_item};
pub(super) use tags::{of_release, of_rows, of_table};

/// Bytes of a row's digest that the record has, so that a row that was changed
/// can be named. That none was, the digest of them all says.
const CHECK_BYTES: usize = 3;

/// What became of what a call opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReadKind {
    /// The caller got it.
    Returned,
    /// The server used it for its own work, such as encrypting it anew.
    UsedInside,
    /// The caller got the key of the item and opened it himself. Such reads have
    /// no rows: the record of the call to KMS tells of them.
    KeyReleased,
}

impl ReadKind {
    /// All kinds, by their names.
    pub const ALL: [(&'static str, Self); 3] = [
        ("returned", Self::Returned),
        ("used-inside", Self::UsedInside),
        ("key-released", Self::KeyReleased),
    ];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Returned => "returned",
            Self::UsedInside => "used-inside",
            Self::KeyReleased => "key-released",
        }
    }
}

/// How an attribute was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// As it is.
    Plain,
    /// A part of it, or something made from it.
    Masked,
    /// Not at all, though it was asked for.
    Withheld,
}

impl How {
    /// All ways, by their names.
    pub const ALL: [(&'static str, Self); 3] =
        [("plain", Self::Plain), ("masked", Self::Masked), ("withheld", Self::Withheld)];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Masked => "masked",
            Self::Withheld => "withheld",
        }
    }
}

/// What one call opened of the items of one schema.
#[derive(Clone, Debug)]
pub struct FieldReads {
    pub kind: ReadKind,
    pub schema: String,
    pub version: i64,
    /// The logical table name.
    pub table: String,
    /// What this version of the schema encrypts.
    pub attributes: BTreeSet<String>,
    /// In any order, each item once.
    pub items: Vec<ItemRead>,
}

/// What a call opened of one item.
#[derive(Clone, Debug, Default)]
pub struct ItemRead {
    /// The item's number in the call, counted from 0.
    pub item: u16,
    /// Keyed digest of table and key.
    pub reference: [u8; 16],
    /// The key in clear, partition key first, if the schema says that the book
    /// may have it.
    pub key: Option<Vec<String>>,
    /// Names of the attributes that were given as they are.
    pub plain: Vec<String>,
    /// Of which something was given.
    pub masked: Vec<String>,
    /// That were asked for, and not given.
    pub withheld: Vec<String>,
}

/// What the rows of a call have in common, as its name in the book says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Shared<'a> {
    pub(super) kind: ReadKind,
    #[serde(borrow)]
    pub(super) schema: Cow<'a, str>,
    pub(super) version: i64,
    #[serde(borrow)]
    pub(super) table: Cow<'a, str>,
    /// Which attribute each bit stands for.
    #[serde(borrow)]
    pub(super) attributes: Vec<Cow<'a, str>>,
}

/// The summary of all rows in the record, for whoever reads only that.
#[derive(Serialize)]
struct Summary<'a> {
    kind: ReadKind,
    schema: &'a str,
    version: i64,
    table: &'a str,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    plain: BTreeSet<&'a str>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    masked: BTreeSet<&'a str>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    withheld: BTreeSet<&'a str>,
}

/// The rows of a call, ready to be written, and what its record says of them.
#[derive(Clone, Debug)]
pub struct PackedReads {
    pub(super) rows: store::FieldReads,
    pub(super) opened: Box<RawValue>,
    /// The keys of the items in clear, in the order of the rows; null for one that
    /// has none here.
    pub(super) keys: Option<Box<RawValue>>,
    /// Numbers below the last that have no row.
    pub(super) skipped: Vec<u16>,
    pub(super) checks: String,
    pub(super) sha256: [u8; 32],
}

impl FieldReads {
    /// The rows and what the record says of them; `None` if no item was opened.
    ///
    /// # Errors
    /// [`Error::Encode`]; does not happen.
    pub fn pack(&self) -> Result<Option<PackedReads>, Error> {
        let items: BTreeMap<u16, &ItemRead> = self.items.iter().map(|of| (of.item, of)).collect();
        let Some(last) = items.keys().next_back() else { return Ok(None) };
        // An item may have attributes that another version has encrypted.
        let of_items = self.items.iter().flat_map(|of| [&of.plain, &of.masked, &of.withheld]);
        let names: BTreeSet<&str> =
            self.attributes.iter().chain(of_items.flatten()).map(String::as_str).collect();
        let bits: BTreeMap<&str, usize> = names.iter().copied().zip(0..).collect();
        let mask = |of: &[String]| mask(of.iter().filter_map(|name| bits.get(name.as_str())));
        let shared = Shared {
            kind: self.kind,
            schema: Cow::Borrowed(&self.schema),
            version: self.version,
            table: Cow::Borrowed(&self.table),
            attributes: names.iter().map(|name| Cow::Borrowed(*name)).collect(),
        };
        let shared = serde_json::to_string(&shared).map_err(Error::Encode)?;
        let row = |of: &&ItemRead| FieldRead {
            item: of.item,
            reference: of.reference,
            plain: mask(&of.plain),
            masked: mask(&of.masked),
            withheld: mask(&of.withheld),
        };
        let rows: Vec<FieldRead> = items.values().map(row).collect();
        let digests: Vec<[u8; 32]> = rows.iter().map(|row| digest_of_row(&shared, row)).collect();
        let keys: Vec<Option<&Vec<String>>> = items.values().map(|of| of.short_key()).collect();
        let has_keys = keys.iter().any(Option::is_some);
        Ok(Some(PackedReads {
            opened: self.summary()?,
            keys: has_keys.then(|| to_raw_value(&keys)).transpose().map_err(Error::Encode)?,
            skipped: (0..*last).filter(|item| !items.contains_key(item)).collect(),
            checks: STANDARD_NO_PAD.encode(digests.iter().flat_map(check_of).collect::<Vec<u8>>()),
            sha256: digest_of_all(&digests),
            rows: store::FieldReads { shared, rows },
        }))
    }

    fn summary(&self) -> Result<Box<RawValue>, Error> {
        let all = |of: fn(&ItemRead) -> &Vec<String>| {
            self.items.iter().flat_map(of).map(String::as_str).collect()
        };
        let summary = Summary {
            kind: self.kind,
            schema: &self.schema,
            version: self.version,
            table: &self.table,
            plain: all(|of| &of.plain),
            masked: all(|of| &of.masked),
            withheld: all(|of| &of.withheld),
        };
        to_raw_value(&summary).map_err(Error::Encode)
    }
}

impl ItemRead {
    /// The key in clear, unless it is so long that it would cost others theirs.
    fn short_key(&self) -> Option<&Vec<String>> {
        let bytes = |key: &Vec<String>| key.iter().map(String::len).fold(0, usize::saturating_add);
        self.key.as_ref().filter(|key| bytes(key) <= FIELD_READ_KEY_BYTES)
    }
}

/// The masks of a row, and what they say of an attribute.
fn masks(read: &FieldRead) -> [(How, &[u8]); 3] {
    let FieldRead { plain, masked, withheld, .. } = read;
    [(How::Plain, plain), (How::Masked, masked), (How::Withheld, withheld)]
}

/// One bit for each number, lowest first, without zero bytes at the end.
fn mask<'a>(numbers: impl Iterator<Item = &'a usize>) -> Vec<u8> {
    let mut bytes: Vec<u8> = Vec::new();
    for number in numbers {
        let at = number / 8;
        if bytes.len() <= at {
            bytes.resize(at.saturating_add(1), 0);
        }
        if let Some(byte) = bytes.get_mut(at) {
            *byte |= bit(*number);
        }
    }
    bytes
}

/// The bit of this number in its byte.
fn bit(number: usize) -> u8 {
    const BITS: [u8; 8] = [1, 2, 4, 8, 16, 32, 64, 128];
    BITS.get(number % 8).copied().unwrap_or(0)
}

/// The attributes whose bits are set.
pub(super) fn names<'s>(mask: &[u8], shared: &'s Shared<'_>) -> impl Iterator<Item = &'s str> {
    let is_set = |number: usize| mask.get(number / 8).is_some_and(|byte| byte & bit(number) != 0);
    let named = shared.attributes.iter().zip(0..);
    let set: Vec<&str> =
        named.filter(|(_, number)| is_set(*number)).map(|(name, _)| name.as_ref()).collect();
    set.into_iter()
}

/// `SHA-256(0x05 || length of shared || shared || item || reference || each mask
/// after its length)`, numbers in four bytes, big-endian.
fn digest_of_row(shared: &str, row: &FieldRead) -> [u8; 32] {
    // A name and a mask are far shorter than a record.
    let length = |len: usize| u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes();
    let mut hash = Sha256::new();
    hash.update([0x05]);
    hash.update(length(shared.len()));
    hash.update(shared);
    hash.update(u32::from(row.item).to_be_bytes());
    hash.update(row.reference);
    for mask in [&row.plain, &row.masked, &row.withheld] {
        hash.update(length(mask.len()));
        hash.update(mask);
    }
    hash.finalize().into()
}

/// `SHA-256(0x04 || digest of each row, in the order of their numbers)`.
fn digest_of_all(digests: &[[u8; 32]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update([0x04]);
    hash.update(digests.as_flattened());
    hash.finalize().into()
}

fn check_of(digest: &[u8; 32]) -> [u8; CHECK_BYTES] {
    digest.first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_cannot_be_written_costs_no_other() {
        let item = |item: u16, key: Option<usize>| ItemRead {
            item,
            key: key.map(|bytes| vec!["k".to_owned(), "x".repeat(bytes.saturating_sub(1))]),
            ..ItemRead::default()
        };
        let keys = |items: Vec<ItemRead>| {
            let reads = FieldReads {
                kind: ReadKind::Returned,
                schema: "people".to_owned(),
                version: 1,
                table: "People".to_owned(),
                attributes: BTreeSet::new(),
                items,
            };
            reads.pack().unwrap().unwrap().keys.map(|keys| keys.get().to_owned())
        };
        let most = FIELD_READ_KEY_BYTES;
        let some = vec![item(0, Some(2)), item(1, None), item(2, Some(most + 1)), item(3, Some(3))];
        let want = r#"[["k","x"],null,null,["k","xx"]]"#;
        assert_eq!(keys(some).as_deref(), Some(want));
        assert!(keys(vec![item(0, Some(most))]).is_some());
        assert_eq!(keys(vec![item(0, None), item(1, Some(most + 1))]), None);
    }

    /// The bytes as `README.md` has them, computed by hand in Python.
    #[test]
    fn rows_are_committed_to_as_documented() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let item =
            |item: u16, reference: u8, plain: &[&str], masked: &[&str], withheld: &[&str]| {
                ItemRead {
                    item,
                    reference: [reference; 16],
                    key: None,
                    plain: names(plain),
                    masked: names(masked),
                    withheld: names(withheld),
                }
            };
        let reads = FieldReads {
            kind: ReadKind::UsedInside,
            schema: "people".to_owned(),
            version: 2,
            table: "People".to_owned(),
            attributes: ["a", "b", "c", "d", "e", "f", "g", "h", "i"].map(str::to_owned).into(),
            // In the order in which they were done; `ssn` is of an earlier version.
            items: vec![item(2, 2, &[], &["b"], &["ssn"]), item(0, 1, &["ssn", "a"], &[], &[])],
        };
        let packed = reads.pack().unwrap().unwrap();
        let shared = r#"{"kind":"used-inside","schema":"people","version":2,"table":"People","attributes":["a","b","c","d","e","f","g","h","i","ssn"]}"#;
        assert_eq!(packed.rows.shared, shared);
        let masks: Vec<_> =
            packed.rows.rows.iter().map(|row| (&row.plain, &row.masked, &row.withheld)).collect();
        let none = Vec::new();
        assert_eq!(masks, [(&vec![1, 2], &none, &none), (&none, &vec![2], &vec![0, 2])]);
        assert_eq!((packed.skipped, packed.checks.as_str()), (vec![1], "OwZocZqy"));
        let sha256 = "20ba236d50458fef776a7fa66d58808afff7b9b63d58be6986afb526fef10e0d";
        assert_eq!(crate::base::hex::encode(&packed.sha256), sha256);
        let opened = r#"{"kind":"used-inside","schema":"people","version":2,"table":"People","plain":["a","ssn"],"masked":["b"],"withheld":["ssn"]}"#;
        assert_eq!(packed.opened.get(), opened);

        let shared: Shared<'_> = serde_json::from_str(shared).unwrap();
        let named = |mask: &[u8]| names(&super::names(mask, &shared).collect::<Vec<_>>());
        let all: [Vec<String>; 3] = [named(&[1, 2]), named(&[]), named(&[0, 2, 255])];
        assert_eq!(all, [names(&["a", "ssn"]), names(&[]), names(&["ssn"])]);
        assert!(FieldReads { items: Vec::new(), ..reads }.pack().unwrap().is_none());
    }
}
