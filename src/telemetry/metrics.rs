//! Every metric family of the gateway, as typed methods; with the folder `metrics/` the only place
//! that names `prometheus`.
//! Layers, the dispatcher and the gateway call them; the admin face renders the text.
//!
//! Invariant: label values come from closed sets (operations, configured names, enums), never
//! from a request. Handles are resolved once, so that counting costs an atomic and no lookup.

mod audit;
mod family;
mod http;
mod overload;
mod policy;
mod process;
mod store;
mod upstream;

pub use self::audit::{AuditFigures, AuditMetrics};
pub use self::family::Family;
pub use self::http::OperationMetrics;
pub use self::overload::{OverloadMetrics, QueueMetrics};
pub use self::policy::{LimitGauge, PermitGauge, PolicyMetrics};
pub use self::process::Runtime;
pub use self::store::StoreMetrics;
pub use self::upstream::UpstreamMetrics;

use std::fmt;

use parking_lot::Mutex;
use prometheus::{IntCounter, IntGauge, TextEncoder};

use self::family::Families;
use self::http::Http;
use self::process::Runtimes;
use self::upstream::Upstreams;
use crate::clock::Timestamp;
use crate::error::{Error, Kind, Result};

/// Answers come in a few milliseconds from the gateway and in minutes from an agent.
const ANSWER_SECONDS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
    120.0, 300.0,
];

/// Every family, with its own registry. One for the process, shared by reference count.
pub struct Metrics {
    families: Families,
    http: Http,
    upstreams: Upstreams,
    overload: OverloadMetrics,
    policy: PolicyMetrics,
    audit: AuditMetrics,
    store: StoreMetrics,
    spans_dropped: IntCounter,
    spans_exported: IntCounter,
    runtimes: Runtimes,
    at_scrape: Mutex<Vec<Box<dyn Fn() + Send + Sync>>>,
}

impl Metrics {
    /// Registers every family; `started` is when the process began.
    pub fn new(started: Timestamp) -> Result<Self> {
        Self::build(started).map_err(|cause| {
            Error::new(Kind::Internal, "a metric family is not well formed").caused_by(cause)
        })
    }

    fn build(started: Timestamp) -> prometheus::Result<Self> {
        let families = Families::default();
        let build = families.gauges(
            "switchyard_build_info",
            "The running version; always 1.",
            &["version"],
        )?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        let runtimes = Runtimes::default();
        process::register(&families, started, &runtimes)?;
        Ok(Self {
            http: Http::build(&families)?,
            upstreams: Upstreams::build(&families)?,
            overload: OverloadMetrics::build(&families)?,
            policy: PolicyMetrics::build(&families)?,
            audit: AuditMetrics::build(&families)?,
            store: StoreMetrics::build(&families)?,
            spans_dropped: families.counter(
                "switchyard_trace_spans_dropped_total",
                "Spans that were dropped, because too many waited or the collector did not take them.",
            )?,
            spans_exported: families.counter(
                "switchyard_trace_spans_exported_total",
                "Spans that the collector of traces has taken.",
            )?,
            families,
            runtimes,
            at_scrape: Mutex::default(),
        })
    }

    /// Counts the tasks and threads of another runtime, too.
    pub fn works_on(&self, runtime: Runtime) {
        self.runtimes.add(runtime);
    }

    /// Has something that is read, rather than counted, brought up to date before each scrape.
    pub fn at_scrape(&self, read: impl Fn() + Send + Sync + 'static) {
        self.at_scrape.lock().push(Box::new(read));
    }

    /// The text that Prometheus scrapes; its media type is [`Metrics::MEDIA_TYPE`].
    pub fn render(&self) -> Result<String> {
        self.at_scrape.lock().iter().for_each(|read| read());
        TextEncoder::new().encode_to_string(&self.families.gather()).map_err(|cause| {
            Error::new(Kind::Internal, "the metrics cannot be written").caused_by(cause)
        })
    }

    /// The media type of [`Metrics::render`].
    pub const MEDIA_TYPE: &'static str = "text/plain; version=0.0.4; charset=utf-8";

    /// Every family, by name, those too that have counted nothing yet.
    pub fn families(&self) -> Vec<Family> {
        self.families.all()
    }

    /// What is counted of one operation; `name` is of the operation table.
    pub fn operation(&self, name: &'static str) -> OperationMetrics {
        self.http.operation(name)
    }

    /// What is counted of one configured upstream.
    pub fn upstream(&self, name: &str, kind: &str) -> UpstreamMetrics {
        self.upstreams.of(name, kind)
    }

    /// What is counted of the audit and of callbacks.
    pub fn audit(&self) -> &AuditMetrics {
        &self.audit
    }

    /// What is counted of policy.
    pub fn policy(&self) -> &PolicyMetrics {
        &self.policy
    }

    /// What is counted of the store.
    pub fn store(&self) -> &StoreMetrics {
        &self.store
    }

    /// Counts an event stream as open until the guard is dropped.
    pub fn stream_opened(&self) -> Held {
        Held::of(&self.http.open_streams)
    }

    /// What is counted of overload.
    pub fn overload(&self) -> &OverloadMetrics {
        &self.overload
    }

    /// A request ended in a panic.
    pub fn panicked(&self) {
        self.http.panics.inc();
    }

    /// A request was answered with a problem of this kind.
    pub fn problem(&self, error: &Error) {
        self.http.problem(error);
    }

    /// So many requests of callers are in flight, so many may be, and whether new ones are refused
    /// because the gateway is going.
    pub fn in_flight(&self, requests: usize, limit: usize, is_draining: bool) {
        self.http.in_flight(requests, limit, is_draining);
    }

    /// Spans were dropped.
    pub fn spans_dropped(&self, spans: u64) {
        self.spans_dropped.inc_by(spans);
    }

    /// Spans were taken by the collector.
    pub fn spans_exported(&self, spans: u64) {
        self.spans_exported.inc_by(spans);
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[metrics: {} families]", self.families.all().len())
    }
}

/// One more in a gauge, until it is dropped.
#[derive(Debug)]
pub struct Held(IntGauge);

impl Held {
    fn of(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::upstream::ends;
    use super::*;
    use crate::model::run::RunStatus;
    use crate::telemetry::labels::TryOutcome;

    #[test]
    fn what_is_counted_is_rendered_under_its_labels() {
        let metrics = Metrics::new(Timestamp(1_500_000)).unwrap();
        let make = metrics.upstream("make-eu", "make");
        let held = make.run_started();
        make.run_ended(RunStatus::Completed, Duration::from_millis(20));
        make.try_ended(TryOutcome::TimedOut);
        make.unknown_event();
        let create = metrics.operation("create_run");
        create.answered(
            ::http::StatusCode::NOT_FOUND,
            Duration::from_millis(3),
            Duration::from_micros(80),
        );
        create.left();
        let stream = metrics.stream_opened();
        let text = metrics.render().unwrap();
        for line in [
            "process_start_time_seconds 1.5",
            "switchyard_runs_total{kind=\"make\",outcome=\"completed\",upstream=\"make-eu\"} 1",
            "switchyard_runs_in_flight{kind=\"make\",upstream=\"make-eu\"} 1",
            "switchyard_upstream_tries_total{outcome=\"timed_out\",upstream=\"make-eu\"} 1",
            "switchyard_upstream_unknown_events_total{upstream=\"make-eu\"} 1",
            "switchyard_http_requests_total{operation=\"create_run\",status=\"4xx\"} 1",
            "switchyard_http_requests_total{operation=\"create_run\",status=\"left\"} 1",
            "switchyard_gateway_overhead_seconds_bucket{operation=\"create_run\",le=\"0.0001\"} 1",
            "switchyard_open_streams 1",
        ] {
            assert!(text.lines().any(|got| got == line), "no line `{line}` in\n{text}");
        }
        drop((held, stream));
        let text = metrics.render().unwrap();
        assert!(text.contains("switchyard_open_streams 0"));
        assert!(text.contains("switchyard_runs_in_flight{kind=\"make\",upstream=\"make-eu\"} 0"));
    }

    #[test]
    fn each_outcome_is_counted_under_its_own_label() {
        let metrics = Metrics::new(Timestamp(0)).unwrap();
        let upstream = metrics.upstream("u", "k");
        for outcome in TryOutcome::ALL {
            upstream.try_ended(outcome);
        }
        for status in ends() {
            upstream.run_ended(status, Duration::ZERO);
        }
        let text = metrics.render().unwrap();
        let counted = |family: &str| {
            text.lines().filter(|line| line.starts_with(family) && line.ends_with(" 1")).count()
        };
        assert_eq!(counted("switchyard_upstream_tries_total"), TryOutcome::ALL.len());
        assert_eq!(counted("switchyard_runs_total"), ends().count());
    }
}
