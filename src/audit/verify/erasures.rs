//! What was erased: each value says by which event, and that event must say so
//! too, of this record and of this field; and the list of erasures has just those
//! records.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use serde::Deserialize;

use super::records::ScannedLog;
use super::report::{Kind, Report};
use crate::audit::{Field, Opener};
use crate::base::ids::RequestId;
use crate::store::inspect::{self, Book, Scanner};

/// Rows that are read at a time.
const PAGE: i64 = 1_024;

/// What the record of an erasure says: from which events it took which fields.
#[derive(Default)]
pub(super) struct Erasing {
    pub(super) event_ids: BTreeSet<[u8; 16]>,
    pub(super) fields: Vec<Field>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    request_parameters: Asked,
    response_elements: Answered,
}

#[derive(Deserialize)]
struct Asked {
    fields: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answered {
    event_ids: Vec<String>,
}

impl Erasing {
    /// Reads the record of an erasure; one that does not say both took nothing.
    pub(super) fn of(record: &str) -> Self {
        let Ok(shown) = serde_json::from_str::<Shown>(record) else { return Self::default() };
        let ids = shown.response_elements.event_ids;
        let ids = ids.iter().filter_map(|id| RequestId::parse(id));
        let fields = shown.request_parameters.fields;
        Self {
            event_ids: ids.map(|id| *id.as_bytes()).collect(),
            fields: fields.iter().filter_map(|name| Field::parse(name)).collect(),
        }
    }

    /// What is wrong if the record with the id `of` says that the event `by`, which
    /// is this one, erased something of these fields from it.
    pub(super) fn wrong(
        &self,
        by: [u8; 16],
        of: Option<[u8; 16]>,
        fields: &BTreeSet<Field>,
    ) -> Option<String> {
        let by = RequestId::from_bytes(by);
        if of.is_none_or(|of| !self.event_ids.contains(&of)) {
            let text = format!("event {by}, which it says erased from it, does not name it");
            return Some(text);
        }
        let more = fields.iter().filter(|field| !field.goes_with(&self.fields));
        let more: Vec<&str> = more.map(|field| field.name()).collect();
        (!more.is_empty()).then(|| {
            let more = more.join(", ");
            format!("it says that event {by} erased {more} from it, and that event did not")
        })
    }
}

pub(super) fn check(book: &Book, scanned: &ScannedLog, report: &mut Report) {
    for (by, places) in &scanned.erased_by {
        let erasing = scanned.erasing.get(by).map(|seq| erasing(book, *seq));
        for (seq, fields) in places {
            let wrong = match &erasing {
                None => {
                    let event = RequestId::from_bytes(*by);
                    Some(format!(
                        "it says that event {event} erased from it, and there is no such erasure"
                    ))
                }
                Some(erasing) => erasing.wrong(*by, scanned.erased.get(seq).copied(), fields),
            };
            if let Some(wrong) = wrong {
                report.add_of(Kind::Erasure, *seq, *seq, format!("record {seq}: {wrong}"));
            }
        }
    }
    report.erased = u64::try_from(scanned.erased.len()).unwrap_or(u64::MAX);
    check_list(book, scanned, report);
}

/// What the event at `seq` says that it erased.
fn erasing(book: &Book, seq: u64) -> Erasing {
    let seq = i64::try_from(seq).unwrap_or(i64::MAX);
    let read = book.read(|tx| Scanner::default().scan(tx, seq.saturating_sub(1), seq));
    let record = read.ok().and_then(|rows| rows.into_iter().next());
    let text = record
        .and_then(|(_, row)| row.ok())
        .and_then(|stored| Opener::default().open(&stored).ok())
        .and_then(|opened| opened.record().ok());
    text.map(|text| Erasing::of(&text)).unwrap_or_default()
}

/// The list of erasures has a row for each record and each event that took
/// something from it, in the order of those events, and no others.
fn check_list(book: &Book, scanned: &ScannedLog, report: &mut Report) {
    let mut left = events_by_record(scanned);
    let mut at = 0_u64;
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
                let seq = u64::try_from(seq).unwrap_or(0);
                let Some(by) = left.get_mut(&seq).and_then(BinaryHeap::pop) else {
                    let text = format!("erasure {n} is listed of record {seq}, which lost nothing");
                    let text = match scanned.erased.contains_key(&seq) {
                        true => format!("{text} more"),
                        false => text,
                    };
                    report.add_of(Kind::Erasure, seq, seq, text);
                    continue;
                };
                if by.0 < at {
                    let text =
                        format!("erasure {n}, of record {seq}, is listed behind a later one");
                    report.add_of(Kind::Erasure, seq, seq, text);
                }
                at = at.max(by.0);
            }
        }
    });
    if let Err(error) = read {
        report.add(Kind::Database, format!("the list of erasures cannot be read: {error}"));
    }
    for (seq, _) in left.iter().filter(|(_, left)| !left.is_empty()) {
        let text = format!("record {seq}: what was erased from it is not listed");
        report.add_of(Kind::Erasure, *seq, *seq, text);
    }
}

/// Where the events stand that took something from each record, the earliest
/// on top.
fn events_by_record(scanned: &ScannedLog) -> BTreeMap<u64, BinaryHeap<Reverse<u64>>> {
    let mut events: BTreeMap<u64, BinaryHeap<Reverse<u64>>> = BTreeMap::new();
    for (by, places) in &scanned.erased_by {
        // That there is none was told already.
        let event = scanned.erasing.get(by).copied().unwrap_or(u64::MAX);
        for seq in places.keys() {
            events.entry(*seq).or_default().push(Reverse(event));
        }
    }
    events
}
