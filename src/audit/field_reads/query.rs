//! Questions to the field-read book: who read what, newest first, a page of rows
//! at a time. The search index finds the records; each row is checked against
//! its record and then looked at.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::release::Release;
use super::tags::Tag;
use super::{How, ReadKind, Shared, masks, names, wrong_rows};
use crate::audit::body::Opener;
use crate::audit::columns::Row;
use crate::audit::filter::Selection;
use crate::audit::{Error, cursor};
use crate::base::{hex, limits};
use crate::store::{Condition, Position, Search, Sought, Store, StoredFieldRead, StoredRecord};

/// Records that are looked for at a time.
const CHUNK_RECORDS: usize = 64;
/// What stands before the name of a schema in ARNs, and before that of an attribute.
const SCHEMA: &str = ":schema/";
const ATTRIBUTE: &str = "attribute/";
/// Pages of the search index that one page of rows asks for.
const SEARCHES: usize = 16;

/// Which reads: all of it must hold. Of a list, any.
#[derive(Clone, Debug, Default)]
pub struct ReadFilter {
    /// What the record of the call must have.
    pub selection: Selection,
    pub kinds: Vec<ReadKind>,
    pub how: Vec<How>,
    /// The logical table name.
    pub tables: BTreeSet<String>,
    /// A schema of them. Keys that were released are of any of them.
    pub schema: Option<String>,
    pub item: Option<SoughtItem>,
    pub attributes: Vec<String>,
    pub purposes: Vec<String>,
    /// Rows in the page, 1 to [`limits::AUDIT_PAGE_ROWS`].
    pub limit: usize,
    /// The `next_cursor` of the page before; only with the same filter.
    pub cursor: Option<String>,
}

/// An item, in the ways in which the book may know it: several, if its table or the
/// types of its key are not certain.
#[derive(Clone, Debug, Default)]
pub struct SoughtItem {
    /// In rows.
    pub references: BTreeSet<[u8; 16]>,
    /// In records of KMS: its table, and the values of its key without their types.
    pub releases: BTreeSet<(String, Vec<String>)>,
}

/// One page of reads.
#[derive(Clone, Debug)]
pub struct ReadPage {
    pub reads: Vec<ReadRow>,
    /// Asks for the next page; `None` on the last. A page may be short and have a
    /// next one.
    pub next_cursor: Option<String>,
    /// The time of the record that the page has looked down to, epoch
    /// milliseconds; `None` if it has looked at all of the book.
    pub searched_to_ms: Option<i64>,
}

/// One read: what somebody got of one item.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadRow {
    /// When, RFC 3339 with milliseconds.
    pub time: String,
    pub kind: ReadKind,
    /// ARN of the caller.
    pub principal: String,
    pub event_id: String,
    pub event_name: String,
    /// Number of the item in the call, counted from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<u16>,
    pub table: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema_version: Option<i64>,
    /// What the book knows the item by; the same for all reads of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The key of the item, if the book has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Vec<String>>,
    /// The attributes that fit the filter, and how each was read. `*` stands for
    /// all of them, if only the key of the item is known to be given.
    pub attributes: BTreeMap<String, How>,
    /// Why, as the caller said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// The policies that determined what was decided on the call and on these
    /// attributes. What nobody allowed has none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<Value>,
    /// Whether these are unknown: the decisions were too long for the record.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub policies_omitted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
}

/// What the rows of a record need of it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    user_identity: Identity,
    event_name: String,
    #[serde(rename = "eventID")]
    event_id: String,
    #[serde(default)]
    error_code: Option<String>,
    wardbook: Own,
}

#[derive(Deserialize)]
struct Identity {
    #[serde(default)]
    arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Own {
    time: String,
    #[serde(default)]
    decisions: Value,
    #[serde(default)]
    field_reads: Option<Reads>,
}

/// One decision on the call.
#[derive(Deserialize)]
struct Decision {
    #[serde(default)]
    resource: String,
    #[serde(default)]
    determining: Vec<Value>,
}

#[derive(Default, Deserialize)]
struct Reads {
    #[serde(default)]
    purpose: Option<String>,
    #[serde(default)]
    keys: Option<Vec<Option<Vec<String>>>>,
}

/// Answers one page, newest first: by place in the book, in a call by number of
/// the item. Blocks.
///
/// # Errors
/// [`Error::PageRows`], [`Error::Cursor`]; [`Error::Corrupt`] for a record or rows
/// that are not what was written; [`Error::Store`].
pub fn query_reads(store: &Store, filter: &ReadFilter) -> Result<ReadPage, Error> {
    if filter.limit == 0 || filter.limit > limits::AUDIT_PAGE_ROWS {
        return Err(Error::PageRows);
    }
    let digest = filter.digest();
    let mut next = match &filter.cursor {
        Some(text) => Next::read(text, &digest)?,
        None => Next { before: Position::END, item: 0 },
    };
    let mut page = Page { filter, opener: Opener::default(), looked_at: 0, reads: Vec::new() };
    let all = filter.conditions();
    for _ in 0..SEARCHES {
        let conditions = filter.selection.conditions(&all);
        let search = Search { conditions, before: next.before, limit: CHUNK_RECORDS };
        let found = store.search(&search, None)?;
        for record in &found.records {
            if let Some(stopped) = page.take(record, next)? {
                return Ok(page.end(Some(stopped), &digest));
            }
            next = Next { before: record.position, item: 0 };
        }
        match found.next {
            Some(before) => next.before = before,
            None => return Ok(page.end(None, &digest)),
        }
    }
    Ok(page.end(Some(next), &digest))
}

/// Where a page starts: with the newest record before a place, at the number of
/// one of its items.
#[derive(Clone, Copy)]
struct Next {
    before: Position,
    item: u16,
}

impl Next {
    fn write(self, digest: &cursor::Digest) -> String {
        format!("{}.{}", cursor::write(self.before, digest), self.item)
    }

    fn read(text: &str, digest: &cursor::Digest) -> Result<Self, Error> {
        let (place, item) = text.split_once('.').ok_or(Error::Cursor)?;
        let item = item.parse().ok().ok_or(Error::Cursor)?;
        Ok(Self { before: cursor::read(place, digest)?, item })
    }
}

/// The page that is being filled.
struct Page<'f> {
    filter: &'f ReadFilter,
    opener: Opener,
    looked_at: usize,
    reads: Vec<ReadRow>,
}

impl Page<'_> {
    /// Takes the reads of a record that fit, from where the page starts. Answers
    /// where the next page starts if this one is at its end.
    fn take(&mut self, record: &StoredRecord, start: Next) -> Result<Option<Next>, Error> {
        // Only in the record that the page before stopped in.
        let is_same = record.position.seq.saturating_add(1) == start.before.seq;
        let from_item = if is_same { start.item } else { 0 };
        for row in self.rows(record)? {
            let item = row.item.unwrap_or(0);
            if item < from_item {
                continue;
            }
            if self.reads.len() >= self.filter.limit {
                let Position { seq, time_ms } = record.position;
                let before = Position { seq: seq.saturating_add(1), time_ms };
                return Ok(Some(Next { before, item }));
            }
            self.reads.push(row);
        }
        self.looked_at = self.looked_at.saturating_add(1);
        let is_tired = self.looked_at >= limits::FIELD_READ_RECORDS;
        Ok(is_tired.then_some(Next { before: record.position, item: 0 }))
    }

    /// The reads of a record that fit the filter.
    fn rows(&mut self, record: &StoredRecord) -> Result<Vec<ReadRow>, Error> {
        let seq = record.position.seq;
        let opened = self.opener.open(record)?;
        if !wrong_rows(&opened, record).is_empty() {
            return Err(Error::Corrupt { seq });
        }
        let whole = opened.record()?;
        let shown: Shown = serde_json::from_str(&whole).map_err(|_odd| Error::Corrupt { seq })?;
        let Reads { purpose, keys } = shown.wardbook.field_reads.unwrap_or_default();
        if !self.filter.purposes.is_empty()
            && !purpose.as_ref().is_some_and(|purpose| self.filter.purposes.contains(purpose))
        {
            return Ok(Vec::new());
        }
        // Of a record that would have been too long there is their hash.
        let policies_omitted = shown.wardbook.decisions.is_object();
        let decisions: Vec<Decision> =
            serde_json::from_value(shown.wardbook.decisions).unwrap_or_default();
        let with_policies =
            |row: ReadRow| ReadRow { policies: determining(&decisions, &row.attributes), ..row };
        let common = ReadRow {
            time: shown.wardbook.time,
            kind: ReadKind::KeyReleased,
            principal: shown
                .user_identity
                .arn
                .unwrap_or_else(|| record.columns.principal.to_string()),
            event_id: shown.event_id,
            event_name: shown.event_name,
            item: None,
            table: String::new(),
            schema: None,
            schema_version: None,
            reference: None,
            key: None,
            attributes: BTreeMap::new(),
            purpose,
            policies: Vec::new(),
            policies_omitted,
            error_code: shown.error_code,
        };
        if record.field_reads.is_empty() {
            let release = Release::of(&Row::of(record), &whole);
            return Ok(release
                .and_then(|of| self.filter.released(&of, common))
                .map(with_policies)
                .into_iter()
                .collect());
        }
        let mut keys = keys.unwrap_or_default().into_iter();
        let rows = record.field_reads.iter().map(|row| (row, keys.next().flatten()));
        let rows = rows.map(|(row, key)| {
            let shared: Shared<'_> =
                serde_json::from_str(&row.shared).map_err(|_odd| Error::Corrupt { seq })?;
            Ok(self.filter.row(row, &shared, ReadRow { key, ..common.clone() }))
        });
        let rows: Result<Vec<Option<ReadRow>>, Error> = rows.collect();
        Ok(rows?.into_iter().flatten().map(with_policies).collect())
    }

    fn end(self, next: Option<Next>, digest: &cursor::Digest) -> ReadPage {
        ReadPage {
            reads: self.reads,
            next_cursor: next.map(|next| next.write(digest)),
            searched_to_ms: next.map(|next| next.before.time_ms),
        }
    }
}

/// The policies that determined what was decided on the call as a whole and on
/// these attributes, each once.
fn determining(decisions: &[Decision], attributes: &BTreeMap<String, How>) -> Vec<Value> {
    let mut policies: Vec<Value> = Vec::new();
    for Decision { resource, determining } in decisions {
        if attribute_of(resource).is_some_and(|name| !attributes.contains_key(name)) {
            continue;
        }
        for policy in determining {
            if !policies.contains(policy) {
                policies.push(policy.clone());
            }
        }
    }
    policies
}

/// The attribute that an ARN names, if it is one's. A schema's name has no slash, and
/// may be `attribute`.
fn attribute_of(arn: &str) -> Option<&str> {
    let (_, name) = arn.split_once(SCHEMA)?;
    name.split_once('/')?.1.strip_prefix(ATTRIBUTE)
}

impl ReadFilter {
    /// What the index looks for: never less than what fits, so that the rows need
    /// be looked at.
    fn conditions(&self) -> Vec<Condition<'_>> {
        let any_of = |tags: Vec<Tag<'_>>| Condition {
            any_of: tags.into_iter().map(|tag| Sought::Tag(tag.digest())).collect(),
            not: false,
        };
        let released = Tag::Kind(ReadKind::KeyReleased);
        let kinds = match self.kinds.as_slice() {
            [] => ReadKind::ALL.iter().map(|(_, kind)| Tag::Kind(*kind)).collect(),
            some => some.iter().map(|kind| Tag::Kind(*kind)).collect(),
        };
        let mut all = Vec::new();
        if let Some(item) = &self.item {
            let rows = item.references.iter().map(Tag::Item);
            let releases = item.releases.iter().map(|(table, key)| Tag::Release(table, key));
            all.push(any_of(rows.chain(releases).collect()));
        }
        all.extend(self.selection.all());
        if !self.attributes.is_empty() {
            let names = self.attributes.iter().map(|name| Tag::Attribute(name));
            all.push(any_of(names.chain([released]).collect()));
        }
        if !self.how.is_empty() {
            let plain = self.how.contains(&How::Plain).then_some(released);
            all.push(any_of(self.how.iter().map(|how| Tag::How(*how)).chain(plain).collect()));
        }
        all.extend(self.schema.as_ref().map(|name| any_of(vec![Tag::Schema(name), released])));
        if !self.tables.is_empty() {
            all.push(any_of(self.tables.iter().map(|name| Tag::Table(name)).collect()));
        }
        all.push(any_of(kinds));
        all
    }

    /// The read that a row tells of, if it fits.
    fn row(&self, row: &StoredFieldRead, shared: &Shared<'_>, common: ReadRow) -> Option<ReadRow> {
        let fits = self.wants_kind(shared.kind)
            && self.wants_table(&shared.table)
            && self.schema.as_ref().is_none_or(|schema| *schema == shared.schema)
            && self.item.as_ref().is_none_or(|item| item.references.contains(&row.read.reference));
        if !fits {
            return None;
        }
        let mut attributes = BTreeMap::new();
        for (how, mask) in masks(&row.read) {
            if !self.how.is_empty() && !self.how.contains(&how) {
                continue;
            }
            let named = names(mask, shared).filter(|name| self.wants_attribute(name));
            attributes.extend(named.map(|name| (name.to_owned(), how)));
        }
        let is_narrowed = !self.attributes.is_empty() || !self.how.is_empty();
        if is_narrowed && attributes.is_empty() {
            return None;
        }
        Some(ReadRow {
            kind: shared.kind,
            item: Some(row.read.item),
            table: shared.table.to_string(),
            schema: Some(shared.schema.to_string()),
            schema_version: Some(shared.version),
            reference: Some(hex::encode(&row.read.reference)),
            attributes,
            ..common
        })
    }

    /// The read of a key that was released, if it fits.
    fn released(&self, release: &Release<'_>, common: ReadRow) -> Option<ReadRow> {
        let key = release.key();
        let is_sought = |item: &SoughtItem| {
            let mut known = item.releases.iter();
            known.any(|(table, values)| *table == release.table && Some(values) == key.as_ref())
        };
        let fits = self.wants_kind(ReadKind::KeyReleased)
            && (self.how.is_empty() || self.how.contains(&How::Plain))
            && self.wants_table(&release.table)
            && self.item.as_ref().is_none_or(is_sought);
        let attributes = BTreeMap::from([("*".to_owned(), How::Plain)]);
        fits.then(|| ReadRow { table: release.table.to_string(), key, attributes, ..common })
    }

    fn wants_kind(&self, kind: ReadKind) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }

    fn wants_table(&self, table: &str) -> bool {
        self.tables.is_empty() || self.tables.contains(table)
    }

    fn wants_attribute(&self, name: &str) -> bool {
        self.attributes.is_empty() || self.attributes.iter().any(|wanted| wanted == name)
    }

    /// Digest of all that decides which reads fit. Texts are quoted in it, so no
    /// two filters share their bytes.
    fn digest(&self) -> cursor::Digest {
        let Self { selection, kinds, how, tables, schema, item, attributes, purposes, .. } = self;
        let words = format!(
            "{selection:?} {kinds:?} {how:?} {tables:?} {schema:?} {item:?} {attributes:?} {purposes:?}"
        );
        let digest: [u8; 32] = Sha256::digest(words).into();
        digest.first_chunk().copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::attribute_of;

    #[test]
    fn attributes_by_their_arns() {
        let arn = |rest: &str| format!("arn:aws:items::111122223333:{rest}");
        for (resource, name) in [
            ("schema/people/attribute/ssn", Some("ssn")),
            ("schema/attribute/attribute/ssn", Some("ssn")),
            ("schema/people/attribute/x/attribute/:schema/ssn", Some("x/attribute/:schema/ssn")),
            ("schema/people/attribute//a/*/b", Some("/a/*/b")),
            ("schema/attribute", None),
            ("schema/people", None),
        ] {
            assert_eq!(attribute_of(&arn(resource)), name, "{resource}");
        }
        assert_eq!(attribute_of("arn:aws:kms:eu-central-1:111122223333:key/attribute/ssn"), None);
    }
}
