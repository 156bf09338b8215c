//! The log, and the way from spans to traces.

use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{Dispatch, Level, Metadata};
use tracing_subscriber::filter::{EnvFilter, FilterExt, filter_fn};
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, Registry};

use super::{Error, LogFormat, Settings};

/// The entrance to a log on `writer`, and to `traces` if there are any.
pub(super) fn dispatch<W>(
    settings: &Settings,
    writer: W,
    traces: Option<&SdkTracerProvider>,
) -> Result<Dispatch, Error>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let asked = EnvFilter::builder()
        .with_regex(false)
        .parse(&settings.log_filter)
        .map_err(Error::Filter)?;
    let lines = fmt::layer().with_writer(writer).with_ansi(false);
    let lines = match settings.log_format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
    };
    let subscriber =
        Registry::default().with(lines.with_filter(asked.and(filter_fn(is_ours_or_serious))));
    // Two arms, because a layer that is absent still makes spans live.
    Ok(match traces {
        None => Dispatch::new(subscriber),
        Some(traces) => {
            let spans = tracing_opentelemetry::layer()
                .with_tracer(traces.tracer("wardbook"))
                .with_location(false)
                .with_threads(false)
                .with_tracked_inactivity(false);
            Dispatch::new(subscriber.with(spans.with_filter(filter_fn(is_traced))))
        }
    })
}

/// What may be logged at all.
fn is_ours_or_serious(metadata: &Metadata<'_>) -> bool {
    is_ours(metadata) || *metadata.level() <= Level::WARN && !is_of_a_client(metadata)
}

/// What strangers can have said as often as they like: that they send something else
/// than HTTP.
fn is_of_a_client(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("actix_http::h1")
}

/// What becomes part of a trace: our spans, and what went wrong inside.
fn is_traced(metadata: &Metadata<'_>) -> bool {
    is_ours(metadata) && (metadata.is_span() || *metadata.level() <= Level::WARN)
}

fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.target() == "wardbook" || metadata.target().starts_with("wardbook::")
}

/// Writes panics to the log instead of as loose text. The message is left to
/// whoever catches the panic, who knows the request it belongs to.
pub(super) fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a thread panicked");
    }));
}
