//! The log: one subscriber for the process, JSON lines or text, to standard error. `main` starts
//! it; everything else uses `tracing`'s macros.
//!
//! The same thing has the same field everywhere, see [`FIELDS`]. Each run has one line at `info`,
//! `run ended`, with those of them that tell what came of it.
//!
//! Invariant: a line never holds a body, a prompt, a credential or a panic's message, which may
//! quote any of them.

use std::panic::PanicHookInfo;

use tracing_subscriber::fmt::{MakeWriter, layer};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::config;
use crate::telemetry::traces::{self, Traces};

/// What is never interesting: pingora tells of each start and stop at `info`, in its own words,
/// and calls our orderly stop a signal. tokio-postgres tells the parameters of every statement.
/// Spans for traces are not the log's, and not made at all where nobody else wants them.
const QUIET: &str = "pingora_core=warn,pingora_runtime=warn,tokio_postgres=warn,\
                     switchyard::spans=off";

/// The fields of a line in JSON, and what they say. `timestamp`, `level`, `message` and `target`
/// stand in every line; within a request, `spans` has its `request_id`, `trace_id` and `operation`.
pub const FIELDS: &[(&str, &str)] = &[
    ("timestamp", "when, RFC 3339 in UTC"),
    ("level", "`ERROR`, `WARN`, `INFO`, `DEBUG` or `TRACE`"),
    ("message", "what happened: the same words each time"),
    ("target", "which part of the gateway says it"),
    ("request_id", "the request, as in `X-Request-Id`"),
    ("trace_id", "the trace that it belongs to, as in `traceparent`"),
    ("operation", "the operation, as in the metrics"),
    ("run_id", "the run"),
    ("upstream", "the upstream, by its configured name"),
    ("kind", "the upstream's kind"),
    ("outcome", "how the run ended: `completed`, `incomplete`, `failed`, `cancelled`"),
    ("code", "the code of the problem, as in its document"),
    ("duration_ms", "how long it took"),
    ("status", "the HTTP status"),
    ("task", "the background task"),
    ("callback", "the callback"),
    ("error", "why"),
];

/// Why the log cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The filter cannot be read.
    #[error("log.filter: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// Something else in this process has started a log.
    #[error("the log cannot be started: {0}")]
    Started(#[from] tracing_subscriber::util::TryInitError),
}

/// Starts the log of this process, for lines written through `log` too, and keeps the messages of
/// panics out of it. With traces, gives what sends them.
pub fn start(
    log: &config::Log,
    traces: Option<&config::Traces>,
) -> Result<Option<Traces>, StartError> {
    let lines = lines(log, std::io::stderr)?;
    let sending = match traces {
        None => {
            Registry::default().with(lines).try_init()?;
            None
        }
        Some(traces) => {
            let (spans, sending) = traces::layer(traces);
            Registry::default().with(lines).with(spans).try_init()?;
            Some(sending)
        }
    };
    std::panic::set_hook(Box::new(log_panic));
    Ok(sending)
}

/// The layer that writes lines.
fn lines<S, W>(log: &config::Log, to: W) -> Result<Box<dyn Layer<S> + Send + Sync>, StartError>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = filtered(&log.filter)?;
    Ok(if log.json {
        let lines = layer().json().flatten_event(true).with_current_span(false).with_writer(to);
        lines.with_filter(filter).boxed()
    } else {
        layer().with_ansi(false).with_writer(to).with_filter(filter).boxed()
    })
}

/// Directives that come later win, so that a configured one for pingora does.
fn filtered(filter: &str) -> Result<EnvFilter, StartError> {
    Ok(EnvFilter::try_new(format!("{QUIET},{filter}"))?)
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(place, "the gateway panicked");
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Lines {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    #[test]
    fn a_json_line_holds_the_fields_of_the_event_and_of_its_span() {
        let written = Lines::default();
        let to = written.clone();
        let log = config::Log { json: true, filter: "info".to_owned() };
        let held = Registry::default().with(lines(&log, move || to.clone()).unwrap()).set_default();
        tracing::info_span!("request", request_id = "r1").in_scope(|| {
            tracing::info!(status = 200, "answered");
            tracing::debug!("not wanted");
        });
        drop(held);
        let text = written.text();
        let line: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
        assert_eq!(line["status"], 200);
        assert_eq!(line["spans"][0]["request_id"], "r1");
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_named() {
        let Err(error) = filtered("switchyard=loud") else { panic!("it was read") };
        assert!(error.to_string().starts_with("log.filter: "), "{error}");
    }
}
