//! Request rates: counts calls by account, Region and group, and refuses those
//! that come faster than the group's rate (a generic cell rate algorithm).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use governor::clock::Clock as GovernorClock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

use super::call::Call;
use super::operation::{Description, Service};
use crate::base::clock::Clock;
use crate::base::ids::Realm;
use crate::base::limits::RATES_WATCHED;
use crate::base::rates::{Rate, RateGroup, RequestRates};
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

/// Where the calls of an operation are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    Nowhere,
    In(RateGroup),
    /// Where the kind of the used key is.
    ByKey,
    /// Where the kind of the data key pair is that is asked for.
    ByDataKeyPair,
}

/// Where calls of `operation` are counted. Only those of KMS are.
#[must_use]
pub fn counted(operation: &Description) -> Counted {
    if operation.service != Service::Kms {
        return Counted::Nowhere;
    }
    match operation.name {
        "Decapsulate"
        | "Decrypt"
        | "DeriveSharedSecret"
        | "Encapsulate"
        | "Encrypt"
        | "GenerateDataKey"
        | "GenerateDataKeyWithoutPlaintext"
        | "GenerateMac"
        | "ReEncrypt"
        | "Sign"
        | "Verify"
        | "VerifyMac" => Counted::ByKey,
        "GenerateDataKeyPair" | "GenerateDataKeyPairWithoutPlaintext" => Counted::ByDataKeyPair,
        "GenerateRandom" => Counted::In(RateGroup::Symmetric),
        name => RateGroup::parse(name).map_or(Counted::Nowhere, Counted::In),
    }
}

/// Whether `operation` only administers: it uses no key and makes no random bytes.
/// These are the calls that are still answered on the disk reserve.
#[must_use]
pub fn is_administrative(operation: &Description) -> bool {
    match operation.service {
        Service::Items => false,
        Service::Kms => match counted(operation) {
            Counted::ByKey | Counted::ByDataKeyPair | Counted::Nowhere => false,
            Counted::In(group) => group != RateGroup::Symmetric,
        },
        Service::Audit
        | Service::Backup
        | Service::Cloudtrail
        | Service::Iam
        | Service::Policy
        | Service::Sts
        | Service::System => true,
    }
}

/// The refusal of a call that came too fast.
#[must_use]
pub fn throttled() -> ApiError {
    let text = "You have exceeded the rate at which you may call KMS. Reduce the frequency of \
                your calls.";
    ApiError::new(Code::ThrottlingException, text)
}

/// The counters of a server.
pub struct Rates {
    rates: RequestRates,
    clock: Arc<dyn Clock>,
    /// Made when they are first needed. Never more than [`RATES_WATCHED`].
    watched: RwLock<BTreeMap<(Realm, RateGroup), Counter>>,
}

impl Rates {
    /// Counters that have not counted yet.
    #[must_use]
    pub fn new(rates: RequestRates, clock: Arc<dyn Clock>) -> Self {
        Self { rates, clock, watched: RwLock::default() }
    }

    /// Where calls of `operation` are counted; nowhere if nothing is limited.
    #[must_use]
    pub fn counted(&self, operation: &Description) -> Counted {
        if self.rates.is_off() { Counted::Nowhere } else { counted(operation) }
    }

    /// Counts a call for its caller's account, in the Region it happens in.
    ///
    /// # Errors
    /// `ThrottlingException`.
    pub fn count(&self, call: &Call, group: RateGroup) -> Result<(), ApiError> {
        self.count_at(call.realm(), group)
    }

    /// Counts a call of which is not known yet who makes it.
    ///
    /// # Errors
    /// `ThrottlingException`.
    pub fn count_at(&self, realm: Realm, group: RateGroup) -> Result<(), ApiError> {
        match self.rates.of(group) {
            None => Ok(()),
            Some(rate) => self.count_in((realm, group), rate),
        }
    }

    fn count_in(&self, place: (Realm, RateGroup), rate: Rate) -> Result<(), ApiError> {
        let now = self.clock.elapsed();
        // A panic while the lock was held cannot have left half a counter.
        let watched = self.watched.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(counter) = watched.get(&place) {
            return counter.count(now);
        }
        drop(watched);
        let mut watched = self.watched.write().unwrap_or_else(PoisonError::into_inner);
        if watched.len() >= RATES_WATCHED {
            watched.retain(|_, counter| !counter.is_idle(now));
        }
        // All of them are busy: whatever this call is, it comes too fast.
        if watched.len() >= RATES_WATCHED && !watched.contains_key(&place) {
            return Err(throttled());
        }
        let counter = watched.entry(place).or_insert_with(|| Counter::new(rate, &self.clock));
        counter.count(now)
    }
}

/// The calls of one account in one Region and one group.
struct Counter {
    limiter: RateLimiter<NotKeyed, InMemoryState, Ticks, NoOpMiddleware<Duration>>,
    rate: Rate,
    /// When the last call was let through, nanoseconds of the clock.
    used_ns: AtomicU64,
}

impl Counter {
    fn new(rate: Rate, clock: &Arc<dyn Clock>) -> Self {
        // A rate's period is never zero.
        let quota = Quota::with_period(rate.period()).unwrap_or(Quota::per_second(rate.burst()));
        let quota = quota.allow_burst(rate.burst());
        let limiter = RateLimiter::direct_with_clock(quota, Ticks(Arc::clone(clock)));
        Self { limiter, rate, used_ns: AtomicU64::new(0) }
    }

    fn count(&self, now: Duration) -> Result<(), ApiError> {
        match self.limiter.check() {
            Ok(()) => {
                let now_ns = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
                self.used_ns.fetch_max(now_ns, Ordering::Relaxed);
                Ok(())
            }
            Err(_too_fast) => Err(throttled()),
        }
    }

    /// Whether a new counter would let the same calls through.
    fn is_idle(&self, now: Duration) -> bool {
        let used = Duration::from_nanos(self.used_ns.load(Ordering::Relaxed));
        now.saturating_sub(used) >= self.rate.recovery()
    }
}

/// The server's clock, as the counters read it.
struct Ticks(Arc<dyn Clock>);

impl GovernorClock for Ticks {
    type Instant = Duration;

    fn now(&self) -> Duration {
        // Its arithmetic is in 64 bits of nanoseconds and panics beyond.
        self.0.elapsed().min(Duration::from_nanos(u64::MAX / 2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::ManualClock;
    use crate::base::ids::{AccountId, Region};
    use crate::ops;

    fn every_kms_operation() -> impl Iterator<Item = Description> {
        ops::TABLE.iter().map(|entry| entry.description)
    }

    #[test]
    fn every_operation_of_kms_is_counted() {
        let mut named: Vec<RateGroup> = Vec::new();
        for operation in every_kms_operation() {
            match counted(&operation) {
                Counted::Nowhere => panic!("{} is counted nowhere", operation.name),
                Counted::In(group) => named.push(group),
                Counted::ByKey | Counted::ByDataKeyPair => {}
            }
        }
        // And no group is left over.
        for group in RateGroup::ALL {
            let shared = group.as_str().contains('-')
                || matches!(group, RateGroup::Symmetric | RateGroup::Rsa | RateGroup::Ecc);
            assert!(shared || named.contains(group), "{group} counts nothing");
        }
        let others = ops::admin::TABLE
            .iter()
            .chain(ops::audit::TABLE)
            .chain(ops::backup::TABLE)
            .chain(ops::cloudtrail::TABLE)
            .chain(ops::policy::TABLE)
            .chain(ops::sts::TABLE)
            .chain(ops::system::TABLE);
        for operation in others.map(|entry| entry.description) {
            assert_eq!(counted(&operation), Counted::Nowhere, "{}", operation.name);
        }
    }

    fn place(number: usize, group: RateGroup) -> (Realm, RateGroup) {
        let account = AccountId::parse(&format!("{number:012}")).unwrap();
        (Realm { account, region: Region::parse("eu-central-1").unwrap() }, group)
    }

    fn rates() -> (Arc<ManualClock>, Rates) {
        let clock = Arc::new(ManualClock::at(0));
        let shown = Arc::clone(&clock);
        (clock, Rates::new(RequestRates::aws(), shown))
    }

    /// How many calls come through at once.
    fn let_through(rates: &Rates, place: &(Realm, RateGroup), rate: Rate) -> usize {
        (0..100).filter(|_| rates.count_in(place.clone(), rate).is_ok()).count()
    }

    #[test]
    fn calls_come_through_at_their_rate() {
        let (clock, rates) = rates();
        let (place, rate) = (place(1, RateGroup::CreateKey), Rate::parse(5.0).unwrap());
        assert_eq!(let_through(&rates, &place, rate), 5);
        clock.advance_ms(199);
        assert_eq!(let_through(&rates, &place, rate), 0);
        clock.advance_ms(1);
        assert_eq!(let_through(&rates, &place, rate), 1);
        clock.advance_ms(60_000);
        assert_eq!(let_through(&rates, &place, rate), 5);
        // A clock that is set back lets nobody through, and breaks nothing.
        clock.advance_ms(-30_000);
        assert_eq!(let_through(&rates, &place, rate), 0);
    }

    #[test]
    fn rates_below_one_a_second_are_kept() {
        let (clock, rates) = rates();
        let place = place(1, RateGroup::GetParametersForImport);
        let rate = Rate::parse(0.25).unwrap();
        assert_eq!(let_through(&rates, &place, rate), 1);
        clock.advance_ms(3_999);
        assert_eq!(let_through(&rates, &place, rate), 0);
        clock.advance_ms(1);
        assert_eq!(let_through(&rates, &place, rate), 1);
    }

    #[test]
    fn each_account_and_group_is_counted_by_itself() {
        let (_clock, rates) = rates();
        let rate = Rate::parse(2.0).unwrap();
        for place in [
            place(1, RateGroup::CreateKey),
            place(2, RateGroup::CreateKey),
            place(1, RateGroup::CreateAlias),
        ] {
            assert_eq!(let_through(&rates, &place, rate), 2);
        }
    }

    #[test]
    fn counters_that_are_idle_make_room() {
        let (clock, rates) = rates();
        let (slow, fast) = (Rate::parse(0.1).unwrap(), Rate::parse(5.0).unwrap());
        let group = RateGroup::CreateKey;
        assert!(rates.count_in(place(0, group), slow).is_ok());
        for number in 1..RATES_WATCHED {
            assert!(rates.count_in(place(number, group), fast).is_ok());
        }
        let held = || rates.watched.read().unwrap().len();
        assert_eq!(held(), RATES_WATCHED);
        assert!(rates.count_in(place(RATES_WATCHED, group), fast).is_err());
        clock.advance_ms(1_000);
        assert!(rates.count_in(place(RATES_WATCHED, group), fast).is_ok());
        // The slow one and the new one.
        assert_eq!(held(), 2);
        assert!(rates.count_in(place(0, group), slow).is_err());
    }

    #[test]
    fn a_clock_at_its_end_panics_nobody() {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(0));
        let rates = Rates::new(RequestRates::aws(), Arc::clone(&clock));
        let far = Arc::new(ManualClock::at(i64::MIN));
        far.advance_ms(i64::MAX);
        let far = Rates::new(RequestRates::aws(), far);
        for rates in [rates, far] {
            assert!(rates.count_in(place(1, RateGroup::Rsa), RateGroup::Rsa.aws()).is_ok());
        }
    }
}
