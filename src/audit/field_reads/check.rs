//! Whether the rows of a record are those that it commits to.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::Deserialize;

use super::{CHECK_BYTES, check_of, digest_of_all, digest_of_row};
use crate::audit::opened::Opened;
use crate::base::hex;
use crate::store::StoredRecord;

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
pub(in crate::audit) fn wrong_rows(opened: &Opened, record: &StoredRecord) -> Vec<String> {
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
            Some(known) if known != check_of(&digest) => {
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
