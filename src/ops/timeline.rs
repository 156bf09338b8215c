//! Whether the time of records goes on: the wall clock may be set back, and no
//! record then stands before its predecessor without a word.

use std::sync::atomic::{AtomicI64, Ordering};

/// How far the clock may go back without a word, milliseconds. Calls that end
/// together commit in any order, and clocks are corrected a little all the time.
const TOLERANCE_MS: i64 = 1_000;

/// The time of the last record that was committed.
#[derive(Debug)]
pub struct Timeline(AtomicI64);

impl Timeline {
    /// `last_ms` is the time of the last record in the book, if there is one.
    #[must_use]
    pub fn new(last_ms: Option<i64>) -> Self {
        Self(AtomicI64::new(last_ms.unwrap_or(i64::MIN)))
    }

    /// The time of the last record, if one of `now_ms` would go back behind it.
    pub(super) fn step_back(&self, now_ms: i64) -> Option<i64> {
        let last_ms = self.0.load(Ordering::Relaxed);
        (last_ms.saturating_sub(now_ms) > TOLERANCE_MS).then_some(last_ms)
    }

    /// Takes note of a record that was committed.
    pub(super) fn committed(&self, time_ms: i64) {
        self.0.store(time_ms, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_step_back_is_one() {
        assert_eq!(Timeline::new(None).step_back(i64::MIN), None);
        let timeline = Timeline::new(Some(10_000));
        assert_eq!(timeline.step_back(10_000), None);
        assert_eq!(timeline.step_back(9_000), None);
        assert_eq!(timeline.step_back(8_999), Some(10_000));
        timeline.committed(8_999);
        assert_eq!(timeline.step_back(8_999), None);
    }
}
