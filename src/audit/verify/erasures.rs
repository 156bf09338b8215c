//! What was erased: each value says by which event, and that event must say so
//! too; and the list of erasures has just those records.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use uuid::Uuid;

use super::records::ScannedLog;
use super::report::{Kind, Report};
use crate::audit::Opener;
use crate::base::ids::RequestId;
use crate::store::inspect::{self, Book, Scanner};

/// Rows that are read at a time.
const PAGE: i64 = 1_024;

/// What the record of an erasure says.
#[derive(Deserialize)]
struct Erasing {
    #[serde(rename = "responseElements")]
    response: Erased,
}

#[derive(Deserialize)]
struct Erased {
    #[serde(rename = "eventIds")]
    event_ids: Vec<String>,
}

pub(super) fn check(book: &Book, scanned: &ScannedLog, report: &mut Report) {
    for (by, places) in &scanned.erased_by {
        let event = Uuid::from_bytes_ref(by).as_hyphenated().to_string();
        let named = scanned.erasing.get(by).map(|seq| event_ids(book, *seq));
        for seq in places {
            let text = match (&named, scanned.erased.get(seq)) {
                (None, _) => {
                    format!(
                        "record {seq}: it says that event {event} erased from it, and there is no such erasure"
                    )
                }
                (Some(named), Some(id)) if named.contains(id) => continue,
                (Some(_), _) => {
                    format!(
                        "record {seq}: event {event}, which it says erased from it, does not name it"
                    )
                }
            };
            report.add_of(Kind::Erasure, *seq, *seq, text);
        }
    }
    report.erased = u64::try_from(scanned.erased.len()).unwrap_or(u64::MAX);
    check_list(book, scanned, report);
}

/// The ids of the events from which the event at `seq` erased.
fn event_ids(book: &Book, seq: u64) -> BTreeSet<[u8; 16]> {
    let seq = i64::try_from(seq).unwrap_or(i64::MAX);
    let read = book.read(|tx| Scanner::default().scan(tx, seq.saturating_sub(1), seq));
    let record = read.ok().and_then(|rows| rows.into_iter().next());
    let text = record
        .and_then(|(_, row)| row.ok())
        .and_then(|stored| Opener::default().open(&stored).ok())
        .and_then(|opened| opened.record().ok());
    let said: Option<Erasing> = text.and_then(|text| serde_json::from_str(&text).ok());
    let ids = said.map(|said| said.response.event_ids).unwrap_or_default();
    ids.iter().filter_map(|id| RequestId::parse(id)).map(|id| *id.as_bytes()).collect()
}

/// The list of erasures has all of these records, and no others.
fn check_list(book: &Book, scanned: &ScannedLog, report: &mut Report) {
    let mut listed: BTreeMap<u64, i64> = BTreeMap::new();
    let read = book.read(|tx| {
        let (mut after, mut expected) = (i64::MIN, 1_i64);
        loop {
            let page = inspect::erasures(tx, after, PAGE)?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            after = *last;
            for (n, seq) in page {
                if n != expected {
                    report.add(Kind::Erasure, format!("erasures {expected} to {n} are not listed"));
                }
                expected = n.saturating_add(1);
                listed.insert(u64::try_from(seq).unwrap_or(0), n);
            }
        }
    });
    if let Err(error) = read {
        report.add(Kind::Database, format!("the list of erasures cannot be read: {error}"));
    }
    for (seq, n) in &listed {
        if !scanned.erased.contains_key(seq) {
            let text = format!("erasure {n} is listed of record {seq}, which lost nothing");
            report.add_of(Kind::Erasure, *seq, *seq, text);
        }
    }
    for seq in scanned.erased.keys().filter(|seq| !listed.contains_key(seq)) {
        let text = format!("record {seq}: what was erased from it is not listed");
        report.add_of(Kind::Erasure, *seq, *seq, text);
    }
}
