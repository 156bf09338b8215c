//! The time of a record. The wall clock may be set back; then a record seems to
//! be older than one that was made before it, and says so itself.

use std::sync::{Mutex, PoisonError};

use crate::base::clock::Clock;

/// What the clock showed when the latest record was made.
pub struct RecordTimes {
    latest_ms: Mutex<Option<i64>>,
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
        Self { latest_ms: Mutex::new(latest_ms) }
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
}
