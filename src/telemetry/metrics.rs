//! The instruments. Names, units and `error.type` follow the semantic
//! conventions of OpenTelemetry; every label has a bounded set of values.

use std::sync::Arc;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Histogram, Meter, MeterProvider};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use prometheus::{Registry, TextEncoder};

use super::keys::{self, Expirations, KeyRequests};
use super::{Error, otlp};
use crate::app::WitnessHealth;
use crate::audit::trail;
use crate::base::clock::Clock;
use crate::keys::backend::remote::{self, BreakerState, Remotes};
use crate::ops::ctx::{Ended, Observer};
use crate::store::{Health, Reserve};

/// One set of instruments, read by Prometheus and, if there is one, by a
/// collector.
pub(super) struct Metrics {
    provider: SdkMeterProvider,
    meter: Meter,
    registry: Registry,
    calls: Calls,
    /// Whether Prometheus sees single keys.
    shows_keys: bool,
}

impl Metrics {
    pub(super) fn new(
        resource: Resource,
        endpoint: Option<&otlp::Endpoint>,
        shows_keys: bool,
    ) -> Result<Self, Error> {
        let registry = Registry::new();
        let prometheus = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .scope_info_enabled(false)
            .build()
            .map_err(Error::Prometheus)?;
        let mut provider =
            SdkMeterProvider::builder().with_resource(resource).with_reader(prometheus);
        provider = provider.with_view(KeyRequests::view);
        if let Some(endpoint) = endpoint {
            provider = provider.with_periodic_exporter(endpoint.metrics()?);
        }
        let provider = provider.build();
        let meter = provider.meter("wardbook");
        let calls = Calls::new(&meter, shows_keys || endpoint.is_some());
        Ok(Self { provider, meter, registry, calls, shows_keys })
    }

    pub(super) fn calls(&self) -> Calls {
        self.calls.clone()
    }

    pub(super) fn watch_store(&self, health: impl Fn() -> Health + Clone + Send + Sync + 'static) {
        let gauge = |name: &'static str, unit: &'static str, text: &'static str, of: Reading| {
            let health = health.clone();
            self.meter
                .u64_observable_gauge(name)
                .with_unit(unit)
                .with_description(text)
                .with_callback(move |observer| observer.observe(of(&health()), &[]))
                .build();
        };
        gauge(
            "wardbook.store.writable",
            "",
            "Whether records can be made durable: 1 or 0.",
            |health| u64::from(health.writer.is_ok()),
        );
        gauge(
            "wardbook.store.queue.length",
            "{unit}",
            "Units of work that wait for the writer.",
            |health| u64::try_from(health.queued_units).unwrap_or(u64::MAX),
        );
        gauge(
            "wardbook.store.wal.size",
            "By",
            "Write-ahead log that waits for a checkpoint.",
            |health| health.wal_bytes,
        );
        gauge(
            "wardbook.store.record.last",
            "{record}",
            "Place of the newest record in the log.",
            |health| u64::try_from(health.last_seq).unwrap_or(0),
        );
        gauge(
            "wardbook.store.record.indexed",
            "{record}",
            "Place of the newest record that the search index has taken in.",
            |health| u64::try_from(health.indexed_seq).unwrap_or(0),
        );
        gauge(
            "wardbook.store.reserve.size",
            "By",
            "Disk kept for administrators: 0 when it is used, or when there is none.",
            |health| match health.reserve {
                Reserve::Held { bytes } => bytes,
                Reserve::Off | Reserve::Missing | Reserve::Used => 0,
            },
        );
    }

    pub(super) fn watch_trail(
        &self,
        status: impl Fn() -> trail::Status + Clone + Send + Sync + 'static,
    ) {
        let counter = |name: &'static str, unit: &'static str, text: &'static str, of: Count| {
            let status = status.clone();
            self.meter
                .u64_observable_counter(name)
                .with_unit(unit)
                .with_description(text)
                .with_callback(move |observer| observer.observe(of(&status()), &[]))
                .build();
        };
        counter(
            "wardbook.trail.failures",
            "{delivery}",
            "Deliveries of log files or digests that failed.",
            |status| status.failures,
        );
        counter("wardbook.trail.files", "{file}", "Log files delivered.", |status| status.files);
        counter("wardbook.trail.digests", "{file}", "Digests delivered.", |status| status.digests);
    }

    pub(super) fn watch_witnesses(&self, witnesses: &[(&'static str, Arc<WitnessHealth>)]) {
        for (kind, health) in witnesses {
            let labels = [KeyValue::new("wardbook.witness.kind", *kind)];
            let (of_size, of_failures) = (labels.clone(), labels);
            let (size, failures) = (Arc::clone(health), Arc::clone(health));
            self.meter
                .u64_observable_gauge("wardbook.witness.size")
                .with_unit("{record}")
                .with_description("Records that the newest checkpoint covers which a witness has.")
                .with_callback(move |observer| observer.observe(size.size(), &of_size))
                .build();
            self.meter
                .u64_observable_counter("wardbook.witness.failures")
                .with_unit("{attempt}")
                .with_description("Attempts to give a witness a checkpoint that failed.")
                .with_callback(move |observer| observer.observe(failures.failures(), &of_failures))
                .build();
        }
    }

    pub(super) fn watch_remotes(&self, remotes: &Remotes) {
        for remote in remotes.iter() {
            let labels = [KeyValue::new("wardbook.remote.name", remote.name().to_string())];
            let gauge = |name: &'static str, unit: &'static str, text: &'static str, of: Share| {
                let (remote, labels) = (Arc::clone(remote), labels.clone());
                self.meter
                    .u64_observable_gauge(name)
                    .with_unit(unit)
                    .with_description(text)
                    .with_callback(move |observer| observer.observe(of(&remote.health()), &labels))
                    .build();
            };
            gauge(
                "wardbook.remote.available",
                "",
                "Whether calls to the remote are made, or fail at once: 1 or 0.",
                |health| u64::from(health.breaker == BreakerState::Closed),
            );
            gauge("wardbook.remote.in_flight", "{call}", "Calls under way.", |health| {
                u64::try_from(health.in_flight).unwrap_or(u64::MAX)
            });
        }
    }

    pub(super) fn watch_keys(&self, expirations: impl Expirations, clock: Arc<dyn Clock>) {
        keys::watch_expiration(&self.meter, expirations, clock);
    }

    pub(super) fn prometheus_text(&self) -> String {
        let mut families = self.registry.gather();
        families.retain(|family| self.shows_keys || !keys::is_of_keys(family.name()));
        let text = TextEncoder::new().encode_to_string(&families);
        text.unwrap_or_else(|error| {
            tracing::error!(%error, "the metrics have no text form");
            String::new()
        })
    }

    pub(super) fn shutdown(&self) -> OTelSdkResult {
        self.provider.shutdown()
    }
}

/// What a gauge shows of the store.
type Reading = fn(&Health) -> u64;
/// What a gauge shows of a remote.
type Share = fn(&remote::Health) -> u64;
/// What a counter shows of the trail.
type Count = fn(&trail::Status) -> u64;

/// How calls end. The histogram's own count is the number of calls.
#[derive(Clone)]
pub(super) struct Calls {
    duration: Histogram<f64>,
    /// `None` if nobody wants to know.
    keys: Option<KeyRequests>,
}

impl Calls {
    fn new(meter: &Meter, of_keys: bool) -> Self {
        let duration = meter
            .f64_histogram("wardbook.call.duration")
            .with_unit("s")
            .with_description("Time from a call's parsed request to its durable record.")
            .with_boundaries(BOUNDARIES_S.to_vec())
            .build();
        Self { duration, keys: of_keys.then(|| KeyRequests::new(meter)) }
    }
}

impl Observer for Calls {
    fn call_ended(&self, ended: &Ended<'_>) {
        if let Some(keys) = &self.keys {
            keys.count(ended);
        }
        let Ended { operation, error, took, .. } = *ended;
        let service = KeyValue::new("wardbook.service", operation.service.as_str());
        let name = KeyValue::new("wardbook.operation", operation.name);
        let took_s = took.as_secs_f64();
        match error {
            None => self.duration.record(took_s, &[service, name]),
            Some(code) => {
                let error = KeyValue::new("error.type", code.as_str());
                self.duration.record(took_s, &[service, name, error]);
            }
        }
    }
}

/// Seconds. From a call that only waits for its share of an fsync on a good
/// disk, to the longest wait for a commit.
const BOUNDARIES_S: [f64; 13] =
    [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
