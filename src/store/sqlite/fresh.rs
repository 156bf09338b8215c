//! Records on their way from the writer to the index. What was committed just now is
//! still in memory with its text, so the indexer need not read and open its row; what
//! found no room here it reads from the log.

use std::collections::VecDeque;
use std::sync::mpsc::SyncSender;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::base::limits::{FRESH_BYTES, FRESH_RECORDS};
use crate::store::NewEvent;

/// What wakes the indexer before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    /// Much is waiting.
    TakeIn,
    Close,
}

/// A record at its place in the log.
pub(super) struct Placed {
    pub(super) seq: i64,
    pub(super) event: NewEvent,
}

/// The queue. It has a run of the log without a gap: once a record found no room, none
/// finds any until the indexer has taken all that came before it.
pub(super) struct Fresh {
    run: Mutex<Run>,
    indexer: SyncSender<Signal>,
}

#[derive(Default)]
struct Run {
    records: VecDeque<Placed>,
    bytes: usize,
}

impl Fresh {
    pub(super) fn new(indexer: SyncSender<Signal>) -> Self {
        Self { run: Mutex::default(), indexer }
    }

    /// Adds what was committed, as far as there is room.
    pub(super) fn add(&self, committed: impl Iterator<Item = Placed>) {
        let mut run = self.run();
        committed.for_each(|placed| run.add(placed));
        if run.records.len() >= FRESH_RECORDS / 2 || run.bytes >= FRESH_BYTES / 2 {
            // A full channel means that it is about to look.
            self.indexer.try_send(Signal::TakeIn).ok();
        }
    }

    /// Forgets all, before something is erased: whoever reads a record after that
    /// reads what the log has left of it.
    pub(super) fn clear(&self) {
        *self.run() = Run::default();
    }

    /// The records right behind the one at `after`, at most `limit`; none if the next
    /// one is not here.
    pub(super) fn take(&self, after: i64, limit: usize) -> VecDeque<Placed> {
        let mut run = self.run();
        while run.records.front().is_some_and(|first| first.seq <= after) {
            run.records.pop_front();
        }
        let mut taken = VecDeque::new();
        if run.records.front().is_some_and(|first| Some(first.seq) == after.checked_add(1)) {
            taken = std::mem::take(&mut run.records);
            run.records = taken.split_off(limit.min(taken.len()));
        }
        run.bytes = run.records.iter().map(|placed| size(&placed.event)).sum();
        taken
    }

    fn run(&self) -> MutexGuard<'_, Run> {
        // Whatever the run has is so, even if a holder panicked.
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Run {
    fn add(&mut self, placed: Placed) {
        let is_next =
            self.records.back().is_none_or(|last| last.seq.checked_add(1) == Some(placed.seq));
        let bytes = self.bytes.saturating_add(size(&placed.event));
        let has_room = self.records.len() < FRESH_RECORDS && bytes <= FRESH_BYTES;
        if is_next && has_room && placed.event.text.is_some() {
            self.records.push_back(placed);
            self.bytes = bytes;
        }
    }
}

/// About how many bytes the record takes here: what is beside these is small.
fn size(event: &NewEvent) -> usize {
    let text = event.text.as_ref().map_or(0, |text| text.whole.capacity());
    let rows = event.field_reads.as_ref().map_or(0, |reads| reads.rows.len());
    let of_row = size_of::<crate::store::FieldRead>();
    [text, event.body.len(), event.personal.body.len(), rows.saturating_mul(of_row)]
        .into_iter()
        .fold(size_of::<Placed>(), usize::saturating_add)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, sync_channel};

    use super::*;
    use crate::store::tests::event;
    use crate::store::{Marks, Text};

    fn fresh() -> (Fresh, Receiver<Signal>) {
        let (indexer, signals) = sync_channel(1);
        (Fresh::new(indexer), signals)
    }

    fn placed(seq: i64, bytes: usize) -> Placed {
        let text = Text { whole: "x".repeat(bytes), marks: |_, _| Marks::default() };
        Placed { seq, event: NewEvent { text: Some(text), ..event("fresh") } }
    }

    fn taken(fresh: &Fresh, after: i64, limit: usize) -> Vec<i64> {
        fresh.take(after, limit).iter().map(|placed| placed.seq).collect()
    }

    #[test]
    fn records_are_taken_in_order() {
        let (fresh, signals) = fresh();
        fresh.add((5..=9).map(|seq| placed(seq, 10)));
        fresh.add((10..=11).map(|seq| placed(seq, 10)));
        // The ones before are in the log alone.
        assert!(taken(&fresh, 3, 9).is_empty());
        assert_eq!(taken(&fresh, 4, 2), [5, 6]);
        // Some were read from the log meanwhile.
        assert_eq!(taken(&fresh, 8, 9), [9, 10, 11]);
        assert!(taken(&fresh, 11, 9).is_empty());
        assert!(signals.try_recv().is_err());
    }

    #[test]
    fn behind_a_gap_nothing_is_added() {
        let (fresh, _signals) = fresh();
        let without_text = Placed { seq: 2, event: event("fresh") };
        fresh.add([placed(1, 10), without_text, placed(3, 10)].into_iter());
        assert_eq!(taken(&fresh, 0, 9), [1]);
        // All that came before is taken, so a new run begins.
        fresh.add([placed(4, 10)].into_iter());
        assert!(taken(&fresh, 1, 9).is_empty());
        assert_eq!(taken(&fresh, 3, 9), [4]);
    }

    #[test]
    fn records_are_bounded() {
        let (fresh, signals) = fresh();
        let count = i64::try_from(FRESH_RECORDS).unwrap();
        fresh.add((1..=count / 2).map(|seq| placed(seq, 10)));
        assert_eq!(signals.try_recv(), Ok(Signal::TakeIn));
        fresh.add((count / 2 + 1..=count + 5).map(|seq| placed(seq, 10)));
        assert_eq!(taken(&fresh, 0, usize::MAX).len(), FRESH_RECORDS);
        assert_eq!(signals.try_recv(), Ok(Signal::TakeIn));
    }

    #[test]
    fn bytes_are_bounded() {
        let (fresh, signals) = fresh();
        fresh.add((1..=3).map(|seq| placed(seq, FRESH_BYTES / 3)));
        assert_eq!(signals.try_recv(), Ok(Signal::TakeIn));
        assert_eq!(taken(&fresh, 0, 9), [1, 2]);
        // What is taken makes room.
        fresh.add((4..=5).map(|seq| placed(seq, FRESH_BYTES / 3)));
        assert_eq!(taken(&fresh, 3, 9), [4, 5]);
        assert_eq!(fresh.run().bytes, 0);
    }

    #[test]
    fn nothing_outlives_an_erasure() {
        let (fresh, _signals) = fresh();
        fresh.add((1..=3).map(|seq| placed(seq, 10)));
        fresh.clear();
        fresh.add((4..=5).map(|seq| placed(seq, 10)));
        assert!(taken(&fresh, 0, 9).is_empty());
        assert_eq!(taken(&fresh, 3, 9), [4, 5]);
    }
}
