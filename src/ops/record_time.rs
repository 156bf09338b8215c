//! The time of a record. The wall clock may be set back; then a record seems to
//! be older than one that was made before it, and says so itself, and a record of
//! its own says that the clock was set back.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::base::clock::Clock;

/// How far the clock may go back without a word, milliseconds. Calls that end
/// together commit in any order, and clocks are corrected a little all the time.
const TOLERANCE_MS: i64 = 1_000;

/// What the clock showed when records were made.
pub struct RecordTimes {
    /// The latest of all times, also of records that are not committed yet.
    latest_ms: Mutex<Option<i64>>,
    /// The time of the last record that was committed, however late it is.
    committed_ms: AtomicI64,
}

/// When a record is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RecordTime {
    /// What the wall clock shows, epoch milliseconds.
    pub(super) now_ms: i64,
    /// The latest time of the records before, if that is later.
    pub(super) behind_ms: Option<i64>,
}

impl RecordTimes {
    /// Times that go on from those of the book: `latest_ms` is the time of its
    /// last record.
    #[must_use]
    pub fn after(latest_ms: Option<i64>) -> Self {
        let committed_ms = AtomicI64::new(latest_ms.unwrap_or(i64::MIN));
        Self { latest_ms: Mutex::new(latest_ms), committed_ms }
    }

    /// The time of the next record.
    pub(super) fn next(&self, clock: &dyn Clock) -> RecordTime {
        // Held while the clock is read, so that two records at a time do not
        // look like a clock that was set back.
        let mut latest = self.latest_ms.lock().unwrap_or_else(PoisonError::into_inner);
        let now_ms = clock.now_ms();
        let behind_ms = latest.filter(|latest_ms| *latest_ms > now_ms);
        *latest = (*latest).max(Some(now_ms));
        RecordTime { now_ms, behind_ms }
    }

    /// The time of the last record that was committed, if one of `now_ms` would go
    /// back behind it.
    pub(super) fn step_back(&self, now_ms: i64) -> Option<i64> {
        let last_ms = self.committed_ms.load(Ordering::Relaxed);
        (last_ms.saturating_sub(now_ms) > TOLERANCE_MS).then_some(last_ms)
    }

    /// Takes note of a record that was committed.
    pub(super) fn committed(&self, time_ms: i64) {
        self.committed_ms.store(time_ms, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::ManualClock;

    #[test]
    fn a_clock_that_is_behind_is_told_until_it_has_caught_up() {
        let clock = ManualClock::at(1_000);
        let times = RecordTimes::after(Some(900));
        let next = |by_ms| {
            clock.advance_ms(by_ms);
            let time = times.next(&clock);
            (time.now_ms, time.behind_ms)
        };
        assert_eq!(next(0), (1_000, None));
        assert_eq!(next(0), (1_000, None));
        assert_eq!(next(-600), (400, Some(1_000)));
        assert_eq!(next(599), (999, Some(1_000)));
        assert_eq!(next(1), (1_000, None));
        assert_eq!(next(1), (1_001, None));
        // The time of the book counts after a restart.
        let time = RecordTimes::after(Some(5_000)).next(&clock);
        assert_eq!(time.behind_ms, Some(5_000));
    }

    #[test]
    fn only_a_step_back_is_one() {
        assert_eq!(RecordTimes::after(None).step_back(i64::MIN), None);
        let times = RecordTimes::after(Some(10_000));
        assert_eq!(times.step_back(10_000), None);
        assert_eq!(times.step_back(9_000), None);
        assert_eq!(times.step_back(8_999), Some(10_000));
        times.committed(8_999);
        assert_eq!(times.step_back(8_999), None);
    }
}
