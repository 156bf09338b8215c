//! What the server tells those who run it: a structured log on standard error,
//! metrics for Prometheus, and, when an endpoint is configured, traces and
//! metrics over OTLP/HTTP.
//!
//! Deliberately absent: what callers do. That stands in the book, which is kept
//! elsewhere and never drops a line; here are numbers, names of operations, key
//! ids and request ids, never inputs, outputs or principals.

mod keys;
mod log;
mod metrics;
mod otlp;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkError;
use opentelemetry_sdk::trace::SdkTracerProvider;

use crate::app::WitnessHealth;
use crate::audit::trail;
use crate::base::arn::KeyArn;
use crate::base::clock::Clock;
use crate::keys::backend::remote::Remotes;
use crate::ops::ctx::Observer;
use crate::store::Health;
use metrics::Metrics;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// One line an event, for people.
    #[default]
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// What is told, and to whom.
#[derive(Clone, Debug)]
pub struct Settings {
    pub log_format: LogFormat,
    /// Directives such as `info` or `wardbook=debug`. They govern wardbook's own
    /// events; the crates below it speak from WARN upwards, whatever is asked,
    /// because what they say beyond that may quote requests.
    pub log_filter: String,
    /// Base URL of an OTLP/HTTP collector, such as `http://127.0.0.1:4318`.
    /// Headers that it wants are taken from `OTEL_EXPORTER_OTLP_HEADERS`.
    pub otlp_endpoint: Option<String>,
    /// Whether [`Telemetry::prometheus_text`] tells of single keys. It is served
    /// to everybody; a collector is told in any case.
    pub key_metrics: bool,
}

/// Why telemetry did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the log filter is not valid")]
    Filter(#[source] tracing_subscriber::filter::ParseError),
    #[error("the OTLP endpoint must be an http:// or https:// URL without credentials")]
    Endpoint,
    #[error("the OTLP exporter cannot be made")]
    Exporter(#[source] opentelemetry_otlp::ExporterBuildError),
    #[error("the Prometheus exporter cannot be made")]
    Prometheus(#[source] OTelSdkError),
    #[error("this process has a log already")]
    Installed(#[source] tracing::dispatcher::SetGlobalDefaultError),
}

/// The running telemetry. Dropping it sends what waits to be sent.
pub struct Telemetry {
    metrics: Metrics,
    traces: Option<SdkTracerProvider>,
}

/// Starts the process's telemetry: installs the log, and a panic hook that
/// writes there.
///
/// # Errors
/// See [`Error`]; [`Error::Installed`] for a second start in one process.
pub fn start(settings: &Settings) -> Result<Telemetry, Error> {
    let (telemetry, dispatch) = build(settings, std::io::stderr)?;
    tracing::dispatcher::set_global_default(dispatch).map_err(Error::Installed)?;
    log::log_panics();
    Ok(telemetry)
}

/// Telemetry whose log goes to `writer`, and the log's entrance.
fn build<W>(settings: &Settings, writer: W) -> Result<(Telemetry, tracing::Dispatch), Error>
where
    W: for<'a> tracing_subscriber::fmt::MakeWriter<'a> + Send + Sync + 'static,
{
    let resource = Resource::builder()
        .with_service_name("wardbook")
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let endpoint = settings.otlp_endpoint.as_deref().map(otlp::Endpoint::parse).transpose()?;
    let traces = endpoint.as_ref().map(|it| it.traces(resource.clone())).transpose()?;
    let dispatch = log::dispatch(settings, writer, traces.as_ref())?;
    let metrics = Metrics::new(resource, endpoint.as_ref(), settings.key_metrics)?;
    Ok((Telemetry { metrics, traces }, dispatch))
}

impl Telemetry {
    /// Counts how calls end.
    #[must_use]
    pub fn observer(&self) -> Box<dyn Observer> {
        Box::new(self.metrics.calls())
    }

    /// Reports the store's health whenever somebody looks. `health` must not
    /// block.
    pub fn watch_store(&self, health: impl Fn() -> Health + Clone + Send + Sync + 'static) {
        self.metrics.watch_store(health);
    }

    /// Reports how the witnesses of the log do, each by its kind, whenever
    /// somebody looks.
    pub fn watch_witnesses(&self, witnesses: &[(&'static str, Arc<WitnessHealth>)]) {
        self.metrics.watch_witnesses(witnesses);
    }

    /// Reports how each remote does, by its name, whenever somebody looks.
    pub fn watch_remotes(&self, remotes: &Remotes) {
        self.metrics.watch_remotes(remotes);
    }

    /// Reports how the delivery of log files goes, whenever somebody looks.
    pub fn watch_trail(&self, status: impl Fn() -> trail::Status + Clone + Send + Sync + 'static) {
        self.metrics.watch_trail(status);
    }

    /// Reports when keys lose imported material, whenever somebody looks.
    /// `expirations` lists those that do so first, up to a number, with the time
    /// by `clock`, epoch milliseconds. It must not block.
    pub fn watch_keys(
        &self,
        expirations: impl Fn(usize) -> Vec<(KeyArn, i64)> + Send + Sync + 'static,
        clock: Arc<dyn Clock>,
    ) {
        self.metrics.watch_keys(expirations, clock);
    }

    /// All metrics in Prometheus's text form, version 0.0.4.
    #[must_use]
    pub fn prometheus_text(&self) -> String {
        self.metrics.prometheus_text()
    }

    /// Sends what waits to be sent, and ends. Blocks for up to a few seconds
    /// when the collector does not answer. A second call does nothing.
    pub fn shutdown(&self) {
        let traces = self.traces.as_ref().map(|traces| traces.shutdown_with_timeout(FLUSH_WAIT));
        for result in traces.into_iter().chain([self.metrics.shutdown()]) {
            match result {
                Ok(()) | Err(OTelSdkError::AlreadyShutdown) => {}
                Err(error) => tracing::warn!(%error, "the last telemetry was not sent"),
            }
        }
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        self.shutdown();
    }
}

/// How long the end of the process waits for the collector.
const FLUSH_WAIT: Duration = Duration::from_secs(5);
