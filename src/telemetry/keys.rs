//! What is told of single keys, as CloudWatch does for AWS KMS: how requests for
//! them end, and when imported material expires. A key is named by its id and
//! Region: a multi-Region key has one id in all of them.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Meter};
use opentelemetry_sdk::metrics::{Instrument, Stream};

use crate::base::arn::{Arn, KeyArn};
use crate::base::clock::Clock;
use crate::base::limits::{KEY_SERIES, KEYS_MEASURED};
use crate::ops::ctx::Ended;
use crate::ops::operation::Service;

const REQUESTS: &str = "wardbook.key.requests";
const KEY: &str = "wardbook.key";
const REGION: &str = "cloud.region";

/// Whether a metric of this name in Prometheus tells of single keys.
pub(super) fn is_of_keys(name: &str) -> bool {
    name.starts_with("wardbook_key_")
}

/// Counts requests for keys.
#[derive(Clone)]
pub(super) struct KeyRequests {
    requests: Counter<u64>,
    labels: Arc<RwLock<Labels>>,
}

/// The labels of each key by its ARN. Keys beyond [`KEYS_MEASURED`] share one.
type Labels = BTreeMap<String, [KeyValue; 2]>;

impl KeyRequests {
    pub(super) fn new(meter: &Meter) -> Self {
        let requests = meter
            .u64_counter(REQUESTS)
            .with_unit("{request}")
            .with_description("Requests that found a key; those that failed have an error.type.")
            .build();
        Self { requests, labels: Arc::default() }
    }

    /// How many combinations of labels the reader keeps.
    pub(super) fn view(instrument: &Instrument) -> Option<Stream> {
        if instrument.name() != REQUESTS {
            return None;
        }
        Stream::builder().with_cardinality_limit(KEY_SERIES).build().ok()
    }

    /// Counts a request once for each of its keys.
    pub(super) fn count(&self, ended: &Ended<'_>) {
        let Ended { operation, error, resources, .. } = *ended;
        if operation.service != Service::Kms {
            return;
        }
        let name = || KeyValue::new("wardbook.operation", operation.name);
        let error = error.map(|code| KeyValue::new("error.type", code.as_str()));
        for (at, arn) in resources.iter().enumerate() {
            let is_repeated = resources.iter().take(at).any(|earlier| earlier == arn);
            let Some(labels) = self.labels(arn).filter(|_| !is_repeated) else { continue };
            let [key, region] = labels;
            match error.clone() {
                None => self.requests.add(1, &[key, region, name()]),
                Some(error) => self.requests.add(1, &[key, region, name(), error]),
            }
        }
    }

    /// The labels of a key; `None` if the ARN is not that of one. Allocates for
    /// a key's first request only.
    fn labels(&self, arn: &str) -> Option<[KeyValue; 2]> {
        // Labels are put in whole: a panic elsewhere cannot have left half of one.
        let labels = self.labels.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = labels.get(arn) {
            return Some(found.clone());
        }
        let is_full = labels.len() >= KEYS_MEASURED;
        drop(labels);
        let Arn { region, resource, .. } = Arn::parse(arn)?;
        let id = resource.strip_prefix("key/")?;
        if is_full {
            return Some(other_keys());
        }
        let made = [shared(KEY, id), shared(REGION, region)];
        let mut labels = self.labels.write().unwrap_or_else(PoisonError::into_inner);
        if labels.len() >= KEYS_MEASURED && !labels.contains_key(arn) {
            return Some(other_keys());
        }
        labels.insert(arn.to_owned(), made.clone());
        Some(made)
    }
}

/// A label whose text is shared by all its copies.
fn shared(name: &'static str, text: &str) -> KeyValue {
    KeyValue::new(name, Arc::<str>::from(text))
}

fn other_keys() -> [KeyValue; 2] {
    [KeyValue::new(KEY, "other"), KeyValue::new(REGION, "other")]
}

/// The keys that lose imported material and when they do, epoch milliseconds:
/// the first of them in that order, up to a number.
pub(super) trait Expirations:
    Fn(usize) -> Vec<(KeyArn, i64)> + Send + Sync + 'static
{
}

impl<F: Fn(usize) -> Vec<(KeyArn, i64)> + Send + Sync + 'static> Expirations for F {}

/// Shows when imported material expires, for the [`KEYS_MEASURED`] keys that
/// lose theirs first.
pub(super) fn watch_expiration(
    meter: &Meter,
    expirations: impl Expirations,
    clock: Arc<dyn Clock>,
) {
    meter
        .u64_observable_gauge("wardbook.key.material.expires_in")
        .with_unit("s")
        .with_description("Time until the first of a key's imported materials expires.")
        .with_callback(move |observer| {
            let now_ms = clock.now_ms();
            for (KeyArn { id, region, .. }, at_ms) in expirations(KEYS_MEASURED) {
                let left_s = u64::try_from(at_ms.saturating_sub(now_ms) / 1_000).unwrap_or(0);
                let labels = [shared(KEY, &id.to_string()), shared(REGION, region.as_str())];
                observer.observe(left_s, &labels);
            }
        })
        .build();
}
