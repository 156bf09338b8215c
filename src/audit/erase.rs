//! Erasing personal data: which records lose what, and the change that does it.

use super::Error;
use super::body::Opener;
use super::personal::Field;
use super::query::{self, Filter};
use crate::base::ids::RequestId;
use crate::base::limits::{AUDIT_ERASE_EVENTS, AUDIT_ERASE_PAGES, AUDIT_PAGE_ROWS};
use crate::store::{self, Change, Personal, Store, StoredRecord, Tx};

/// What is to be erased.
#[derive(Clone, Debug)]
pub struct Erasure {
    /// Of which records; those of one account.
    pub of: Events,
    pub fields: Vec<Field>,
    /// The event that says why, which stands in the place of the values.
    pub by: RequestId,
}

/// The records that an erasure is about.
#[derive(Clone, Debug)]
pub enum Events {
    /// These, in the book of this account.
    Ids { account: String, event_ids: Vec<RequestId> },
    /// All that fit, its limit aside.
    That(Filter),
}

/// What an erasure will do once its change is committed.
pub struct Planned {
    pub change: Box<dyn Change>,
    /// `eventID` of each record that loses something, in the order of the search.
    pub event_ids: Vec<RequestId>,
    /// Asks for the rest: one call erases from [`AUDIT_ERASE_EVENTS`] at most.
    pub next_cursor: Option<String>,
}

/// Plans an erasure. Records that have nothing left of the fields are passed
/// over. Blocks.
///
/// # Errors
/// [`Error::NoSuchEvent`], [`Error::Cursor`], [`Error::Corrupt`],
/// [`Error::Store`].
pub fn plan_erasure(store: &Store, erasure: &Erasure) -> Result<Planned, Error> {
    let mut plan =
        Plan { erasure, opener: Opener::default(), rows: Vec::new(), event_ids: Vec::new() };
    let mut next_cursor = None;
    match &erasure.of {
        Events::Ids { account, event_ids } => {
            for id in event_ids {
                let record = query::find_stored_event(store, account, *id)?;
                plan.add(&record.ok_or(Error::NoSuchEvent(*id))?)?;
            }
        }
        Events::That(filter) => {
            next_cursor.clone_from(&filter.cursor);
            for _ in 0..AUDIT_ERASE_PAGES {
                let left = AUDIT_ERASE_EVENTS.saturating_sub(plan.rows.len());
                if left == 0 {
                    break;
                }
                let limit = left.min(AUDIT_PAGE_ROWS);
                let filter = Filter { limit, cursor: next_cursor.take(), ..filter.clone() };
                let (found, next) = query::find(store, &filter, &mut plan.opener)?;
                found.records.iter().try_for_each(|record| plan.add(record))?;
                next_cursor = next;
                if next_cursor.is_none() {
                    break;
                }
            }
        }
    }
    let Plan { rows, event_ids, .. } = plan;
    Ok(Planned { change: Box::new(EraseRows(rows)), event_ids, next_cursor })
}

/// A plan that is being made.
struct Plan<'a> {
    erasure: &'a Erasure,
    opener: Opener,
    rows: Vec<Row>,
    event_ids: Vec<RequestId>,
}

impl Plan<'_> {
    fn add(&mut self, record: &StoredRecord) -> Result<(), Error> {
        let seq = record.position.seq;
        let opened = self.opener.open(record)?;
        // Records of format 1 keep what they have.
        let Some(was) = &record.personal else { return Ok(()) };
        let by = *self.erasure.by.as_bytes();
        if let Some(left) = opened.erase(was, &self.erasure.fields, by)?
            && !self.rows.iter().any(|row| row.seq == seq)
        {
            self.rows.push(Row { seq, was: was.clone(), left });
            self.event_ids.push(RequestId::from_bytes(record.columns.event_id));
        }
        Ok(())
    }
}

/// The personal data of one record, before and after.
struct Row {
    seq: i64,
    was: Personal,
    left: Personal,
}

struct EraseRows(Vec<Row>);

impl Change for EraseRows {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), store::Error> {
        self.0.iter().try_for_each(|row| store::erase(tx, row.seq, &row.was, &row.left))
    }

    fn publish(&self) {}

    fn erases(&self) -> bool {
        !self.0.is_empty()
    }
}
