//! What was found, bounded: each kind shows its first findings, and counts all.

use std::collections::BTreeMap;

use serde::Serialize;

use super::index::IndexState;
use crate::base::limits::FINDINGS_SHOWN;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The signed head, or the key.
    Head,
    /// Records that are gone.
    Missing,
    /// Records that no signed head covers.
    Uncovered,
    /// A record that is not what was written.
    Record,
    /// A record of an export that stands where it should not.
    Order,
    /// Records of an export of which nothing can be said.
    Unproved,
    /// Records that are whole in themselves, and not those that were signed.
    Replaced,
    /// A row of the field-read book.
    FieldRead,
    /// What was erased, and who says so.
    Erasure,
    /// A name that records share.
    Name,
    /// A node of the tree.
    Tree,
    /// A head that the book keeps.
    Checkpoint,
    /// A head that somebody else kept.
    Witness,
    /// A trigger, a view, a table.
    Schema,
    /// The file itself.
    Database,
    /// The search index.
    Index,
    /// The end of an export.
    End,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    pub kind: Kind,
    /// The line of an export, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The records that it is about, by their places.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<u64>,
    pub text: String,
}

/// The outcome of a check.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Origin and public key of the log.
    pub log: Option<(String, String)>,
    /// Records that were read.
    pub records: u64,
    /// What the head says, if it is signed.
    pub size: Option<u64>,
    /// Heads that were kept in the book and elsewhere, and are right.
    pub checkpoints: u64,
    /// Records that have lost something on request, which is in order.
    pub erased: u64,
    /// What the search index was compared with the log in, if that was asked for.
    pub index: Option<IndexState>,
    findings: Vec<Finding>,
    counts: BTreeMap<Kind, u64>,
    missing: Vec<(u64, u64)>,
}

impl Report {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        self.counts.is_empty()
    }

    /// Whether all records could be read, as far as is known yet.
    pub(super) fn is_complete(&self) -> bool {
        self.is_intact() && self.missing.is_empty()
    }

    /// What is wrong, in order; of each kind [`FINDINGS_SHOWN`] at most.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// How much is wrong, by kind.
    #[must_use]
    pub fn counts(&self) -> &BTreeMap<Kind, u64> {
        &self.counts
    }

    pub(super) fn add(&mut self, kind: Kind, text: impl Into<String>) {
        let text = text.into();
        self.push(Finding { kind, line: None, first: None, last: None, text });
    }

    pub(super) fn add_of(&mut self, kind: Kind, first: u64, last: u64, text: impl Into<String>) {
        let (first, last, text) = (Some(first), Some(last), text.into());
        self.push(Finding { kind, line: None, first, last, text });
    }

    /// Of a line of an export, and the record that it says it is.
    pub(super) fn add_line(
        &mut self,
        kind: Kind,
        line: u64,
        record: Option<u64>,
        text: impl Into<String>,
    ) {
        let text = text.into();
        self.push(Finding { kind, line: Some(line), first: record, last: record, text });
    }

    fn push(&mut self, finding: Finding) {
        let count = self.counts.entry(finding.kind).or_default();
        if *count < FINDINGS_SHOWN {
            self.findings.push(finding);
        }
        *count = count.saturating_add(1);
    }

    /// Records that are gone. Told when it is known which are gone beside them.
    pub(super) fn add_missing(&mut self, first: u64, last: u64) {
        match self.missing.last_mut() {
            Some((_, end)) if end.saturating_add(1) == first => *end = last,
            _ => self.missing.push((first, last)),
        }
    }

    /// Takes over what another thread found.
    pub(super) fn absorb(&mut self, other: Self) {
        let mut unseen = other.counts;
        for finding in other.findings {
            let left = unseen.entry(finding.kind).or_default();
            *left = left.saturating_sub(1);
            self.push(finding);
        }
        for (kind, count) in unseen.into_iter().filter(|(_, count)| *count > 0) {
            let own = self.counts.entry(kind).or_default();
            *own = own.saturating_add(count);
        }
        self.missing.extend(other.missing);
    }

    /// Tells what is missing, and sorts.
    pub(super) fn finish(&mut self) {
        let mut missing = std::mem::take(&mut self.missing);
        missing.sort_unstable();
        let mut merged: Vec<(u64, u64)> = Vec::new();
        for (first, last) in missing {
            match merged.last_mut() {
                Some((_, end)) if end.saturating_add(1) >= first => *end = last.max(*end),
                _ => merged.push((first, last)),
            }
        }
        for (first, last) in merged {
            let are = if first == last { "is" } else { "are" };
            self.add_of(
                Kind::Missing,
                first,
                last,
                format!("{} {are} missing", records(first, last)),
            );
        }
        self.findings.sort_by_key(|finding| (finding.line, finding.kind, finding.first));
    }
}

/// Records, as texts name them.
pub(super) fn records(first: u64, last: u64) -> String {
    if first == last { format!("record {first}") } else { format!("records {first} to {last}") }
}
