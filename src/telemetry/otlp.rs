//! The way to an OpenTelemetry collector: protobuf over HTTP.

use std::time::Duration;

use opentelemetry_otlp::{MetricExporter, Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;

use super::Error;

/// Where a collector listens.
pub(super) struct Endpoint(String);

impl Endpoint {
    /// Reads a base URL. Credentials in it would end up in error texts.
    pub(super) fn parse(url: &str) -> Result<Self, Error> {
        let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
        match rest {
            Some(rest) if !rest.is_empty() && !rest.contains('@') => {
                Ok(Self(url.trim_end_matches('/').to_owned()))
            }
            _ => Err(Error::Endpoint),
        }
    }

    /// Sends spans in batches, from a thread of its own.
    pub(super) fn traces(&self, resource: Resource) -> Result<SdkTracerProvider, Error> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_endpoint(format!("{}/v1/traces", self.0))
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(EXPORT_WAIT)
            .build()
            .map_err(Error::Exporter)?;
        let provider = SdkTracerProvider::builder().with_batch_exporter(exporter);
        Ok(provider.with_resource(resource).build())
    }

    /// Sends metrics.
    pub(super) fn metrics(&self) -> Result<MetricExporter, Error> {
        MetricExporter::builder()
            .with_http()
            .with_endpoint(format!("{}/v1/metrics", self.0))
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(EXPORT_WAIT)
            .build()
            .map_err(Error::Exporter)
    }
}

/// How long one export may take, retries included.
const EXPORT_WAIT: Duration = Duration::from_secs(5);
