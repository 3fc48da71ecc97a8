//! The queue between those whose spans end and the one task that sends them.
//!
//! Invariant: who ends a span never waits. What does not fit, and what a collector did not take in
//! time, is dropped and counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::send::Sender;
use crate::config;
use crate::telemetry::metrics::Metrics;

/// Spans that wait, at most: some megabytes, and seconds of a busy gateway.
const WAITING: usize = 8_192;
/// Spans of one batch.
const BATCH: usize = 512;
/// How long a batch waits for more.
const LINGER: Duration = Duration::from_secs(1);
/// How long a collector gets for a batch.
const EXPORT: Duration = Duration::from_secs(5);
/// How long the last batches get when the process ends.
const FAREWELL: Duration = Duration::from_millis(1_500);

/// Where spans are handed in when they end.
#[derive(Debug)]
pub(super) struct Queue {
    spans: mpsc::Sender<SpanData>,
    dropped: Arc<AtomicU64>,
}

impl SpanProcessor for Queue {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() && self.spans.try_send(span).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// The other end: what sends the spans.
#[derive(Debug)]
pub struct Traces {
    spans: mpsc::Receiver<SpanData>,
    dropped: Arc<AtomicU64>,
    config: config::Traces,
    resource: Resource,
}

pub(super) fn queue(config: config::Traces, resource: Resource) -> (Queue, Traces) {
    let (sender, spans) = mpsc::channel(WAITING);
    let dropped = Arc::new(AtomicU64::new(0));
    let queue = Queue { spans: sender, dropped: Arc::clone(&dropped) };
    (queue, Traces { spans, dropped, config, resource })
}

impl Traces {
    /// Sends spans until `stop`, then what is left, and ends.
    pub async fn send(mut self, metrics: Arc<Metrics>, stop: CancellationToken) {
        let dropped = Arc::clone(&self.dropped);
        let told = Arc::downgrade(&metrics);
        metrics.at_scrape(move || {
            if let Some(metrics) = told.upgrade() {
                metrics.spans_dropped(dropped.swap(0, Ordering::Relaxed));
            }
        });
        let sender = match Sender::new(&self.config, &self.resource, EXPORT) {
            Ok(sender) => sender,
            Err(error) => {
                tracing::error!(error, "traces cannot be sent");
                return;
            }
        };
        let mut outlook = Outlook { metrics: &metrics, is_failing: false };
        while let Some(batch) = self.batch(&stop).await {
            let sending = outlook.export(&sender, batch, EXPORT);
            // A collector that hangs must not hold up the end.
            tokio::select! {
                () = sending => {}
                () = async { stop.cancelled().await; tokio::time::sleep(FAREWELL).await } => break,
            }
        }
        let farewell = async {
            let mut rest = Vec::new();
            while let Ok(span) = self.spans.try_recv() {
                rest.push(span);
                if rest.len() == BATCH {
                    outlook.export(&sender, std::mem::take(&mut rest), FAREWELL).await;
                }
            }
            if !rest.is_empty() {
                outlook.export(&sender, rest, FAREWELL).await;
            }
        };
        if tokio::time::timeout(FAREWELL, farewell).await.is_err() {
            tracing::warn!("the last traces were not taken in time");
        }
    }

    /// The next batch; none when it is time to end.
    async fn batch(&mut self, stop: &CancellationToken) -> Option<Vec<SpanData>> {
        let first = tokio::select! {
            () = stop.cancelled() => return None,
            first = self.spans.recv() => first?,
        };
        let mut batch = vec![first];
        let more = async {
            while batch.len() < BATCH {
                let Some(span) = self.spans.recv().await else { break };
                batch.push(span);
            }
        };
        tokio::select! {
            () = more => {}
            () = tokio::time::sleep(LINGER) => {}
            () = stop.cancelled() => {}
        }
        Some(batch)
    }
}

/// How sending goes, told once when it changes.
struct Outlook<'a> {
    metrics: &'a Metrics,
    is_failing: bool,
}

impl Outlook<'_> {
    async fn export(&mut self, sender: &Sender, batch: Vec<SpanData>, within: Duration) {
        let spans = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        match tokio::time::timeout(within, sender.export(batch)).await {
            Ok(Ok(())) => {
                self.metrics.spans_exported(spans);
                if std::mem::take(&mut self.is_failing) {
                    tracing::info!("traces are taken again");
                }
            }
            failed => {
                self.metrics.spans_dropped(spans);
                if !std::mem::replace(&mut self.is_failing, true) {
                    let error = match failed {
                        Ok(Err(error)) => error,
                        _ => "no answer in time".to_owned(),
                    };
                    tracing::warn!(error, "the collector does not take traces; they are dropped");
                }
            }
        }
    }
}
