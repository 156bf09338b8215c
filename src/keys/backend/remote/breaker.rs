//! The circuit breaker of a remote: after some failures in a row nobody waits for it
//! any more, until one call that is let through has shown that it answers again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::failure::{Failure, FailureKind};
use crate::base::clock::Clock;
use crate::base::limits;

/// Whether calls are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Calls are made.
    Closed,
    /// Calls fail at once.
    Open,
    /// The pause is over: the next call, or the one under way, is the test.
    HalfOpen,
}

impl BreakerState {
    /// The name in metrics and health.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "halfOpen",
        }
    }
}

/// The last time the remote was in trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastFailure {
    /// Epoch milliseconds.
    pub at_ms: i64,
    pub kind: FailureKind,
}

/// A number that nobody can foresee; 0 if the system has none, which shortens a
/// pause and harms nobody.
pub(super) fn chance() -> u32 {
    getrandom::u32().unwrap_or(0)
}

pub(super) struct Breaker {
    clock: Arc<dyn Clock>,
    chance: fn() -> u32,
    inner: Mutex<Inner>,
}

struct Inner {
    state: State,
    /// Counts the changes of the state: what a call from before one says of the
    /// remote is no news.
    generation: u64,
    last_success_ms: Option<i64>,
    last_failure: Option<LastFailure>,
}

#[derive(Clone, Copy)]
enum State {
    Closed {
        /// In a row.
        failures: u32,
    },
    Open {
        /// By [`Clock::elapsed`].
        until: Duration,
        /// Pauses in a row.
        pauses: u32,
    },
    /// One call is under way.
    Testing { pauses: u32 },
}

impl Breaker {
    pub(super) fn new(clock: Arc<dyn Clock>, chance: fn() -> u32) -> Self {
        let inner = Inner {
            state: State::Closed { failures: 0 },
            generation: 0,
            last_success_ms: None,
            last_failure: None,
        };
        Self { clock, chance, inner: Mutex::new(inner) }
    }

    /// Lets a call through, or not.
    pub(super) fn admit(&self) -> Result<Pass<'_>, Failure> {
        let mut inner = self.lock();
        match inner.state {
            State::Closed { .. } => {}
            State::Open { until, pauses } if self.clock.elapsed() >= until => {
                inner.change(State::Testing { pauses });
            }
            State::Open { .. } | State::Testing { .. } => {
                return Err(Failure::breaker_open(inner.last_failure.map(|last| last.kind)));
            }
        }
        Ok(Pass { breaker: self, generation: inner.generation })
    }

    /// The state, the time of the last answer, epoch milliseconds, and the last
    /// failure.
    pub(super) fn seen(&self) -> (BreakerState, Option<i64>, Option<LastFailure>) {
        let inner = self.lock();
        let state = match inner.state {
            State::Closed { .. } => BreakerState::Closed,
            State::Open { until, .. } if self.clock.elapsed() < until => BreakerState::Open,
            State::Open { .. } | State::Testing { .. } => BreakerState::HalfOpen,
        };
        (state, inner.last_success_ms, inner.last_failure)
    }

    fn report(&self, generation: u64, failed: Option<FailureKind>) {
        let outage = failed.filter(|kind| kind.is_outage());
        let mut inner = self.lock();
        let at_ms = self.clock.now_ms();
        match outage {
            None => inner.last_success_ms = Some(at_ms),
            Some(kind) => inner.last_failure = Some(LastFailure { at_ms, kind }),
        }
        if generation != inner.generation {
            return;
        }
        match (inner.state, outage) {
            (State::Closed { .. }, None) => inner.state = State::Closed { failures: 0 },
            (State::Closed { failures }, Some(_)) => {
                let failures = failures.saturating_add(1);
                match failures < limits::REMOTE_FAILURES_IN_A_ROW {
                    true => inner.state = State::Closed { failures },
                    false => inner.change(self.open(1)),
                }
            }
            (State::Testing { .. }, None) => inner.change(State::Closed { failures: 0 }),
            (State::Testing { pauses }, Some(_)) => {
                inner.change(self.open(pauses.saturating_add(1)));
            }
            // Nobody has a pass of this generation.
            (State::Open { .. }, _) => {}
        }
    }

    /// A call that was let through has been dropped and told nothing. If it was the
    /// test, the next one is.
    fn forget(&self, generation: u64) {
        let mut inner = self.lock();
        if let State::Testing { pauses } = inner.state
            && generation == inner.generation
        {
            inner.change(State::Open { until: self.clock.elapsed(), pauses });
        }
    }

    /// Open, for twice as long as the pause before, up to a limit, and of that
    /// between a half and the whole, so that many servers do not come back at once.
    fn open(&self, pauses: u32) -> State {
        let doubled = 1_u64.checked_shl(pauses.saturating_sub(1)).unwrap_or(u64::MAX);
        let longest =
            limits::REMOTE_PAUSE_MS_MIN.saturating_mul(doubled).min(limits::REMOTE_PAUSE_MS_MAX);
        let half = longest.wrapping_shr(1);
        let more = half.saturating_mul(u64::from((self.chance)())).wrapping_shr(32);
        let pause = Duration::from_millis(half.saturating_add(more));
        State::Open { until: self.clock.elapsed().saturating_add(pause), pauses }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn change(&mut self, state: State) {
        self.state = state;
        self.generation = self.generation.saturating_add(1);
    }
}

/// Leave to make one call. Dropping it says nothing of the remote.
pub(super) struct Pass<'a> {
    breaker: &'a Breaker,
    generation: u64,
}

impl Pass<'_> {
    /// How the call ended.
    pub(super) fn report(self, failed: Option<FailureKind>) {
        self.breaker.report(self.generation, failed);
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        // After a report the generation is another, or there was no test.
        self.breaker.forget(self.generation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::ManualClock;

    const OUTAGE: Option<FailureKind> = Some(FailureKind::Unavailable);

    /// A breaker whose pauses are as long as they can be, or half of that.
    fn breaker(chance: fn() -> u32) -> (Arc<ManualClock>, Breaker) {
        let clock = Arc::new(ManualClock::at(0));
        (Arc::clone(&clock), Breaker::new(clock, chance))
    }

    fn fail(breaker: &Breaker, times: u32) {
        for _ in 0..times {
            breaker.admit().unwrap().report(OUTAGE);
        }
    }

    #[test]
    fn only_failures_in_a_row_open_it() {
        let (_clock, breaker) = breaker(|| 0);
        fail(&breaker, limits::REMOTE_FAILURES_IN_A_ROW - 1);
        // An answer, and one that says no.
        breaker.admit().unwrap().report(None);
        fail(&breaker, limits::REMOTE_FAILURES_IN_A_ROW - 1);
        breaker.admit().unwrap().report(Some(FailureKind::Denied));
        fail(&breaker, limits::REMOTE_FAILURES_IN_A_ROW - 1);
        assert_eq!(breaker.seen().0, BreakerState::Closed);
        fail(&breaker, 1);
        assert_eq!(breaker.seen().0, BreakerState::Open);
        let refused = breaker.admit().err().unwrap();
        assert_eq!(refused.kind, FailureKind::Unavailable);
    }

    #[track_caller]
    fn check_pauses(chance: fn() -> u32, want_ms: &[i64]) {
        let (clock, breaker) = breaker(chance);
        fail(&breaker, limits::REMOTE_FAILURES_IN_A_ROW);
        for pause_ms in want_ms {
            clock.advance_ms(*pause_ms);
            clock.advance_ms(-1);
            assert!(breaker.admit().is_err(), "{pause_ms}");
            clock.advance_ms(1);
            fail(&breaker, 1);
        }
        // One success, and it begins anew.
        clock.advance_ms(*want_ms.last().unwrap());
        breaker.admit().unwrap().report(None);
        fail(&breaker, limits::REMOTE_FAILURES_IN_A_ROW);
        clock.advance_ms(want_ms[0]);
        assert!(breaker.admit().is_ok());
    }

    #[test]
    fn pauses_grow_up_to_a_limit_and_differ_by_chance() {
        check_pauses(|| 0, &[500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
        check_pauses(|| 1 << 31, &[750, 1_500, 3_000, 6_000, 12_000, 24_000, 45_000, 45_000]);
    }

    #[test]
    fn one_call_is_the_test() {
        let (clock, breaker) = breaker(|| 0);
        fail(&breaker, limits::REMOTE_FAILURES_IN_A_ROW);
        clock.advance_ms(500);
        let test = breaker.admit().unwrap();
        assert_eq!(breaker.seen().0, BreakerState::HalfOpen);
        assert!(breaker.admit().is_err());
        // Dropped without a word: the next call is the test.
        drop(test);
        let test = breaker.admit().unwrap();
        assert!(breaker.admit().is_err());
        test.report(None);
        assert_eq!(breaker.seen().0, BreakerState::Closed);
        drop((breaker.admit().unwrap(), breaker.admit().unwrap()));
    }

    #[test]
    fn calls_from_before_say_nothing_of_now() {
        let (clock, breaker) = breaker(|| 0);
        let old = [(); 4].map(|()| breaker.admit().unwrap());
        fail(&breaker, limits::REMOTE_FAILURES_IN_A_ROW);
        let [first, second, third, fourth] = old;
        first.report(None);
        second.report(OUTAGE);
        assert_eq!(breaker.seen().0, BreakerState::Open);
        clock.advance_ms(500);
        let test = breaker.admit().unwrap();
        third.report(None);
        assert!(breaker.admit().is_err());
        drop(fourth);
        assert!(breaker.admit().is_err());
        test.report(OUTAGE);
        assert_eq!(breaker.seen().0, BreakerState::Open);
        let (_, success_ms, failure) = breaker.seen();
        assert_eq!(success_ms, Some(500));
        assert_eq!(failure, Some(LastFailure { at_ms: 500, kind: FailureKind::Unavailable }));
    }
}
