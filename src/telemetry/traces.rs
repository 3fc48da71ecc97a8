//! Traces: spans of ours, by `tracing-opentelemetry` into OpenTelemetry's words, through a bounded
//! queue to a collector (OTLP). With the folder `traces/` the only place that names
//! `opentelemetry`. [`super::tracing`] puts the layer in place, the app starts the sending.
//!
//! Invariant: a span is handed over without waiting, and dropped, and counted, where the queue is
//! full; where no traces are configured, no span is made at all.

mod conventions;
mod queue;
mod send;
pub mod spans;

pub use self::queue::Traces;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

use crate::config;

/// The layer that makes spans of ours into OpenTelemetry's, and what sends them.
pub(super) fn layer<S>(config: &config::Traces) -> (impl Layer<S> + use<S>, Traces)
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    let resource = Resource::builder_empty()
        .with_schema_url(
            [
                KeyValue::new(conventions::SERVICE_NAME, "switchyard"),
                KeyValue::new(conventions::SERVICE_VERSION, env!("CARGO_PKG_VERSION")),
            ],
            conventions::SCHEMA_URL,
        )
        .build();
    let (queue, traces) = queue::queue(config.clone(), resource.clone());
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(config.sample)));
    let provider = SdkTracerProvider::builder()
        .with_resource(resource)
        .with_sampler(sampler)
        .with_span_processor(queue)
        .build();
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("switchyard"))
        .with_context_activation(false)
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_filter(filter_fn(|metadata| metadata.target() == spans::TARGET));
    (layer, traces)
}
