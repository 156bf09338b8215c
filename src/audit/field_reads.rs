//! The field-read book: what a call opened of items, one row an item, and how
//! the record of the call commits to its rows.
//!
//! What is hashed begins with a byte that says what it is, as in `leaf`: 4 all
//! rows of a record, 5 one row.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use sha2::{Digest, Sha256};

use super::opened::Opened;
use super::Error;
use crate::base::hex;
use crate::store::{self, FieldRead, StoredRecord};

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
    /// The keys of the items in clear, in the order of the rows.
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
        let keys: Option<Vec<&Vec<String>>> = items.values().map(|of| of.key.as_ref()).collect();
        Ok(Some(PackedReads {
            opened: self.summary()?,
            keys: keys.map(|keys| to_raw_value(&keys)).transpose().map_err(Error::Encode)?,
            skipped: (0..*last).filter(|item| !items.contains_key(item)).collect(),
            checks: STANDARD_NO_PAD.encode(digests.iter().flat_map(check).collect::<Vec<u8>>()),
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

/// One bit for each number, lowest first, without zero bytes at the end.
fn mask<'a>(numbers: impl Iterator<Item = &'a usize>) -> Vec<u8> {
    let mut bytes: Vec<u8> = Vec::new();
    for number in numbers {
        let at = number / 8;
        if bytes.len() <= at {
            bytes.resize(at.saturating_add(1), 0);
        }
        if let Some(byte) = bytes.get_mut(at) {
            *byte |= 1 << (number % 8);
        }
    }
    bytes
}

/// The attributes whose bits are set.
pub(super) fn names<'s>(mask: &[u8], shared: &'s Shared<'_>) -> impl Iterator<Item = &'s str> {
    let is_set = |number: usize| mask.get(number / 8).is_some_and(|byte| byte >> (number % 8) & 1 == 1);
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

fn check(digest: &[u8; 32]) -> [u8; CHECK_BYTES] {
    digest.first_chunk().copied().unwrap_or_default()
}

/// What a record says of its rows.
#[derive(Deserialize)]
struct Committed<'a> {
    items: i64,
    #[serde(default)]
    skipped: BTreeSet<u16>,
    #[serde(borrow)]
    checks: Cow<'a, str>,
    #[serde(borrow)]
    sha256: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Shown<'a> {
    #[serde(borrow)]
    wardbook: Own<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Own<'a> {
    #[serde(borrow, default)]
    field_reads: Option<Committed<'a>>,
}

/// What is wrong with the rows of a record, each of them in words; empty if they
/// are those that were written.
pub(super) fn wrong_rows(opened: &Opened, record: &StoredRecord) -> Vec<String> {
    let has_rows = !record.field_reads.is_empty() || record.columns.field_reads.is_some();
    if !has_rows && !opened.skeleton.contains("\"fieldReads\"") {
        return Vec::new();
    }
    let shown = serde_json::from_str(&opened.skeleton);
    let committed = shown.ok().and_then(|shown: Shown<'_>| shown.wardbook.field_reads);
    let Some(committed) = committed else {
        return match has_rows {
            true => vec!["it has rows of field reads that it does not know".to_owned()],
            false => Vec::new(),
        };
    };
    let mut wrong = Vec::new();
    let Some(mut expected) = committed.checks() else {
        wrong.push("what it says of its field reads does not fit together".to_owned());
        return wrong;
    };
    let mut digests = Vec::with_capacity(record.field_reads.len());
    for row in &record.field_reads {
        let item = row.read.item;
        let digest = digest_of_row(&row.shared, &row.read);
        match expected.remove(&item) {
            None => wrong.push(format!("the field read of item {item} was added")),
            Some(known) if known != check(&digest) => {
                wrong.push(format!("the field read of item {item} was changed"));
            }
            Some(_) => digests.push(digest),
        }
    }
    wrong.extend(expected.keys().map(|item| format!("the field read of item {item} is missing")));
    if wrong.is_empty() && hex::encode(&digest_of_all(&digests)) != *committed.sha256 {
        wrong.push("one or more of its field reads were changed".to_owned());
    }
    wrong
}

impl Committed<'_> {
    /// The first bytes of each row's digest, by the number of the item.
    fn checks(&self) -> Option<BTreeMap<u16, [u8; CHECK_BYTES]>> {
        let bytes = STANDARD_NO_PAD.decode(self.checks.as_bytes()).ok()?;
        let (checks, rest) = bytes.as_chunks();
        let items = (0..=u16::MAX).filter(|item| !self.skipped.contains(item));
        let is_whole = rest.is_empty() && i64::try_from(checks.len()).ok() == Some(self.items);
        is_whole.then(|| items.zip(checks.iter().copied()).collect())
    }
}
