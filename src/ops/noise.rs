//! Refusals of callers whom nobody knows: wrong signatures, unknown access keys,
//! requests that are none. Each has a record of its own as long as they are few;
//! of what is more only the sum is recorded, so that nobody without a credential
//! can fill the disk. The caller is refused in the same words either way.
//!
//! So it is with whom a provider of tokens vouches for, as long as no role trusts him:
//! of a public provider that can be anybody.
//!
//! A sum that is not written yet is lost if the process is killed. What is asked by those
//! whom the server itself knows is never summed up.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use crate::base::clock::Clock;
use crate::base::limits;
use crate::base::timestamp;
use crate::wire::codes::Code;

/// How many may come at once, and how long one takes to be forgotten.
#[derive(Clone, Copy)]
struct Pace {
    burst: u32,
    period: Duration,
}

const OF_ALL: Pace = Pace {
    burst: limits::UNKNOWN_CALLS_BURST,
    period: Duration::from_millis(limits::UNKNOWN_CALLS_PERIOD_MS),
};

const OF_ADDRESS: Pace = Pace {
    burst: limits::UNKNOWN_CALLS_OF_ADDRESS_BURST,
    period: Duration::from_millis(limits::UNKNOWN_CALLS_OF_ADDRESS_PERIOD_MS),
};

/// A token bucket, kept as the time at which it is full again (a generic cell
/// rate algorithm).
#[derive(Clone, Copy, Default)]
struct Bucket {
    full_at: Duration,
}

impl Bucket {
    fn has_token(self, now: Duration, pace: Pace) -> bool {
        let whole = pace.period.saturating_mul(pace.burst.saturating_sub(1));
        self.full_at.saturating_sub(now) <= whole
    }

    fn take(&mut self, now: Duration, pace: Pace) {
        self.full_at = self.full_at.max(now).saturating_add(pace.period);
    }
}

/// What was not recorded one by one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sum {
    count: u64,
    first_ms: i64,
    last_ms: i64,
    /// When the first was counted, by the clock that never goes back.
    since: Duration,
    codes: BTreeMap<&'static str, u64>,
    /// The first few addresses, each with its count.
    sources: BTreeMap<IpAddr, u64>,
}

impl Sum {
    /// `serviceEventDetails`.
    pub(super) fn details(&self) -> Value {
        let codes: Vec<Value> = self
            .codes
            .iter()
            .map(|(code, count)| json!({ "errorCode": code, "count": count }))
            .collect();
        let sources: Vec<Value> = self
            .sources
            .iter()
            .map(|(source, count)| json!({ "sourceIp": source, "count": count }))
            .collect();
        json!({
            "count": self.count,
            "firstTime": timestamp::iso_8601(self.first_ms),
            "lastTime": timestamp::iso_8601(self.last_ms),
            "errorCodes": codes,
            "sources": sources,
        })
    }

    fn add(&mut self, now_ms: i64, code: &'static str, source: IpAddr) {
        self.count = self.count.saturating_add(1);
        self.first_ms = self.first_ms.min(now_ms);
        self.last_ms = self.last_ms.max(now_ms);
        count(&mut self.codes, code, 1);
        if self.sources.contains_key(&source)
            || self.sources.len() < limits::UNKNOWN_CALLS_ADDRESSES_SHOWN
        {
            count(&mut self.sources, source, 1);
        }
    }

    fn merge(&mut self, other: Self) {
        self.count = self.count.saturating_add(other.count);
        self.first_ms = self.first_ms.min(other.first_ms);
        self.last_ms = self.last_ms.max(other.last_ms);
        self.since = self.since.min(other.since);
        for (code, more) in other.codes {
            count(&mut self.codes, code, more);
        }
        for (source, more) in other.sources {
            let is_known = self.sources.contains_key(&source);
            if is_known || self.sources.len() < limits::UNKNOWN_CALLS_ADDRESSES_SHOWN {
                count(&mut self.sources, source, more);
            }
        }
    }
}

fn count<K: Ord>(counts: &mut BTreeMap<K, u64>, key: K, more: u64) {
    let held = counts.entry(key).or_default();
    *held = held.saturating_add(more);
}

/// The refusals of unknown callers, counted.
pub struct Noise {
    clock: Arc<dyn Clock>,
    heard: Mutex<Heard>,
}

#[derive(Default)]
struct Heard {
    all: Bucket,
    /// At most [`limits::UNKNOWN_CALLS_ADDRESSES`].
    addresses: BTreeMap<IpAddr, Bucket>,
    sum: Option<Sum>,
}

impl Noise {
    /// Nothing was heard yet.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, heard: Mutex::default() }
    }

    /// Counts a refusal. Answers whether it is only summed up, because there
    /// were too many, or because `there_is_room` for none.
    pub(super) fn absorbs(&self, source: Option<IpAddr>, code: Code, there_is_room: bool) -> bool {
        let now = self.clock.elapsed();
        let source = network(source.unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED)));
        let mut heard = self.heard();
        if there_is_room && heard.takes_token(now, source) {
            return false;
        }
        let now_ms = self.clock.now_ms();
        let sum = heard.sum.get_or_insert_with(|| Sum {
            count: 0,
            first_ms: now_ms,
            last_ms: now_ms,
            since: now,
            codes: BTreeMap::new(),
            sources: BTreeMap::new(),
        });
        sum.add(now_ms, code.as_str(), source);
        true
    }

    /// Takes the sum, if there is one that has waited long enough to be
    /// recorded, or any if it is `due` whatever its age.
    pub(super) fn take(&self, due: bool) -> Option<Sum> {
        let now = self.clock.elapsed();
        let wait = Duration::from_millis(limits::UNKNOWN_CALLS_SUMMED_MS);
        let mut heard = self.heard();
        let is_due = |sum: &Sum| due || now.saturating_sub(sum.since) >= wait;
        if heard.sum.as_ref().is_some_and(is_due) { heard.sum.take() } else { None }
    }

    /// Gives back a sum that could not be recorded.
    pub(super) fn put_back(&self, sum: Sum) {
        let mut heard = self.heard();
        match &mut heard.sum {
            Some(held) => held.merge(sum),
            none => *none = Some(sum),
        }
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        // Counters have no state in between.
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Heard {
    fn takes_token(&mut self, now: Duration, source: IpAddr) -> bool {
        if self.addresses.len() >= limits::UNKNOWN_CALLS_ADDRESSES {
            self.addresses.retain(|_, bucket| bucket.full_at > now);
        }
        let has_room = self.addresses.len() < limits::UNKNOWN_CALLS_ADDRESSES
            || self.addresses.contains_key(&source);
        if !has_room || !self.all.has_token(now, OF_ALL) {
            return false;
        }
        let bucket = self.addresses.entry(source).or_default();
        if !bucket.has_token(now, OF_ADDRESS) {
            return false;
        }
        bucket.take(now, OF_ADDRESS);
        self.all.take(now, OF_ALL);
        true
    }
}

/// Whoever has an address of IPv6 has the other 2^64 of its network, too.
fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::ManualClock;

    const CODE: Code = Code::InvalidSignatureException;

    fn noise() -> (Arc<ManualClock>, Noise) {
        let clock = Arc::new(ManualClock::at(0));
        let shown: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        (clock, Noise::new(shown))
    }

    fn address(number: u32) -> Option<IpAddr> {
        Some(IpAddr::V4(number.into()))
    }

    /// How many of these are recorded one by one.
    fn recorded(noise: &Noise, calls: u32, source: impl Fn(u32) -> Option<IpAddr>) -> u32 {
        let own = |number: &u32| !noise.absorbs(source(*number), CODE, true);
        u32::try_from((0..calls).filter(own).count()).unwrap()
    }

    #[test]
    fn each_address_has_its_share_and_no_more() {
        let (clock, noise) = noise();
        let burst = limits::UNKNOWN_CALLS_OF_ADDRESS_BURST;
        assert_eq!(recorded(&noise, burst + 50, |_| address(1)), burst);
        assert_eq!(recorded(&noise, 1, |_| address(2)), 1);
        let period = i64::try_from(limits::UNKNOWN_CALLS_OF_ADDRESS_PERIOD_MS).unwrap();
        clock.advance_ms(period - 1);
        assert_eq!(recorded(&noise, 5, |_| address(1)), 0);
        clock.advance_ms(1);
        assert_eq!(recorded(&noise, 5, |_| address(1)), 1);
        let sum = noise.take(true).unwrap();
        assert_eq!(sum.count, 50 + 5 + 4);
        assert_eq!(sum.details()["sources"][0]["count"], 59);
        assert_eq!(noise.take(true), None);
    }

    #[test]
    fn many_addresses_have_one_share_together() {
        let (clock, noise) = noise();
        let burst = limits::UNKNOWN_CALLS_BURST;
        assert_eq!(recorded(&noise, burst * 10, address), burst);
        let sum = noise.take(true).unwrap();
        assert_eq!(sum.count, u64::from(burst) * 9);
        assert_eq!(sum.sources.len(), limits::UNKNOWN_CALLS_ADDRESSES_SHOWN);
        assert!(noise.heard().addresses.len() <= limits::UNKNOWN_CALLS_ADDRESSES);
        clock.advance_ms(i64::try_from(limits::UNKNOWN_CALLS_PERIOD_MS).unwrap());
        assert_eq!(recorded(&noise, 10, |number| address(number + 1_000_000)), 1);
    }

    /// More networks than are told apart: none is recorded beyond them.
    #[test]
    fn memory_is_bounded() {
        let (_clock, noise) = noise();
        let mut heard = noise.heard();
        let later = Duration::from_secs(3_600);
        let most = u32::try_from(limits::UNKNOWN_CALLS_ADDRESSES).unwrap();
        for number in 0..most {
            heard.addresses.insert(address(number).unwrap(), Bucket { full_at: later });
        }
        assert!(!heard.takes_token(Duration::ZERO, address(most).unwrap()));
        assert!(heard.takes_token(later, address(most).unwrap()));
        assert_eq!(heard.addresses.len(), 1);
    }

    #[test]
    fn a_network_of_ipv6_is_one_source() {
        let (_clock, noise) = noise();
        let of_network = |number: u32| {
            Some(IpAddr::V6(Ipv6Addr::from_bits((0x2001_0db8 << 96) | u128::from(number))))
        };
        let burst = limits::UNKNOWN_CALLS_OF_ADDRESS_BURST;
        assert_eq!(recorded(&noise, burst + 9, of_network), burst);
        let mapped = |_| Some("::ffff:192.0.2.1".parse().unwrap());
        assert_eq!(recorded(&noise, burst, mapped), burst);
        assert_eq!(recorded(&noise, 1, |_| Some("192.0.2.1".parse().unwrap())), 0);
    }

    #[test]
    fn a_sum_waits_and_is_not_lost() {
        let (clock, noise) = noise();
        assert!(noise.absorbs(address(1), CODE, false));
        assert_eq!(noise.take(false), None);
        clock.advance_ms(i64::try_from(limits::UNKNOWN_CALLS_SUMMED_MS).unwrap());
        let sum = noise.take(false).unwrap();
        assert!(noise.absorbs(address(2), Code::SerializationException, false));
        noise.put_back(sum);
        let details = noise.take(false).unwrap().details();
        assert_eq!(
            details,
            json!({
                "count": 2,
                "firstTime": "1970-01-01T00:00:00.000Z",
                "lastTime": "1970-01-01T00:00:30.000Z",
                "errorCodes": [
                    { "errorCode": "InvalidSignatureException", "count": 1 },
                    { "errorCode": "SerializationException", "count": 1 },
                ],
                "sources": [
                    { "sourceIp": "0.0.0.1", "count": 1 },
                    { "sourceIp": "0.0.0.2", "count": 1 },
                ],
            })
        );
    }
}
