//! The log: one subscriber for the process, JSON lines or text, to standard error. `main` starts
//! it; everything else uses `tracing`'s macros.
//!
//! The same thing has the same field everywhere: `request_id`, `trace_id`, `operation`, `status`,
//! `code`, `run_id`, `upstream`, `kind`, `outcome`, `duration_ms`, `task`, `error`. Each run has one
//! line at `info`, `run ended`, with those of them that tell what came of it.
//!
//! Invariant: a line never holds a body, a prompt, a credential or a panic's message, which may
//! quote any of them.

use std::panic::PanicHookInfo;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::Log;

/// What is never interesting: pingora tells of each start and stop at `info`, in its own words,
/// and calls our orderly stop a signal. tokio-postgres tells the parameters of every statement.
const QUIET: &str = "pingora_core=warn,pingora_runtime=warn,tokio_postgres=warn";

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
/// panics out of it.
pub fn start(config: &Log) -> Result<(), StartError> {
    if config.json {
        json(&config.filter, std::io::stderr)?.try_init()?;
    } else {
        text(&config.filter, std::io::stderr)?.try_init()?;
    }
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

fn json<W>(filter: &str, to: W) -> Result<impl SubscriberInitExt + use<W>, StartError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    Ok(tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_env_filter(filtered(filter)?)
        .with_writer(to)
        .finish())
}

fn text<W>(filter: &str, to: W) -> Result<impl SubscriberInitExt + use<W>, StartError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    Ok(tracing_subscriber::fmt()
        .with_ansi(false)
        .with_env_filter(filtered(filter)?)
        .with_writer(to)
        .finish())
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
        let lines = Lines::default();
        let to = lines.clone();
        let log = json("info", move || to.clone()).unwrap();
        let held = log.set_default();
        tracing::info_span!("request", request_id = "r1").in_scope(|| {
            tracing::info!(status = 200, "answered");
            tracing::debug!("not wanted");
        });
        drop(held);
        let text = lines.text();
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
