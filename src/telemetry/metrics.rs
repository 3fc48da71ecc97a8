//! Every metric family of the gateway, as typed methods; with `metrics/policy.rs` the only file
//! that names `prometheus`.
//! Layers, the dispatcher and the gateway call them; the admin face renders the text.
//!
//! Invariant: label values come from closed sets (operations, configured upstreams, enums), never
//! from a request. Handles are resolved once, so that counting costs an atomic and no lookup.

mod audit;
mod policy;

pub use self::audit::AuditMetrics;
pub use self::policy::PolicyMetrics;

use prometheus::core::Collector;
use prometheus::{
    Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, TextEncoder,
};
use std::time::Duration;

use crate::clock::Timestamp;
use crate::error::{Error, Kind, Result};
use crate::model::run::RunStatus;
use crate::telemetry::labels::{StatusClass, TryOutcome};

/// Answers come in a few milliseconds from the gateway and in minutes from an agent.
const ANSWER_SECONDS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
    120.0, 300.0,
];
/// A run may take an hour.
const RUN_SECONDS: &[f64] =
    &[0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 1800.0, 3600.0];
/// The gateway's own time is counted in microseconds.
const OVERHEAD_SECONDS: &[f64] =
    &[0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.05, 0.25, 1.0];

/// Every family, with its own registry. One for the process, shared by reference count.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    runs: IntCounterVec,
    run_first_event: HistogramVec,
    run_duration: HistogramVec,
    runs_in_flight: IntGaugeVec,
    tries: IntCounterVec,
    try_duration: HistogramVec,
    unknown_events: IntCounterVec,
    requests: IntCounterVec,
    request_duration: HistogramVec,
    overhead: HistogramVec,
    open_streams: IntGauge,
    shed: IntCounter,
    panics: IntCounter,
    policy: PolicyMetrics,
    audit: AuditMetrics,
}

impl Metrics {
    /// Registers every family; `started` is when the process began.
    pub fn new(started: Timestamp) -> Result<Self> {
        Self::build(started).map_err(|cause| {
            Error::new(Kind::Internal, "a metric family is not well formed").caused_by(cause)
        })
    }

    fn build(started: Timestamp) -> prometheus::Result<Self> {
        let registry = Registry::new();
        let metrics = Self {
            runs: counters(
                "switchyard_runs_total",
                "Runs that ended, by how they ended.",
                &["upstream", "kind", "outcome"],
            )?,
            run_first_event: histograms(
                "switchyard_run_time_to_first_event_seconds",
                "From admission to the first event of the platform.",
                &["upstream", "kind"],
                ANSWER_SECONDS,
            )?,
            run_duration: histograms(
                "switchyard_run_duration_seconds",
                "From admission to the end of the run.",
                &["upstream", "kind"],
                RUN_SECONDS,
            )?,
            runs_in_flight: IntGaugeVec::new(
                Opts::new("switchyard_runs_in_flight", "Runs admitted and not ended."),
                &["upstream", "kind"],
            )?,
            tries: counters(
                "switchyard_upstream_tries_total",
                "Calls to a platform, by how they went.",
                &["upstream", "outcome"],
            )?,
            try_duration: histograms(
                "switchyard_upstream_try_duration_seconds",
                "From sending a call to a platform to the head of its answer.",
                &["upstream"],
                ANSWER_SECONDS,
            )?,
            unknown_events: counters(
                "switchyard_upstream_unknown_events_total",
                "Events of a platform that the gateway does not know and left out.",
                &["upstream"],
            )?,
            requests: counters(
                "switchyard_http_requests_total",
                "Requests answered, by operation and class of status.",
                &["operation", "status"],
            )?,
            request_duration: histograms(
                "switchyard_http_request_duration_seconds",
                "From the head of a request to the head of its answer.",
                &["operation"],
                ANSWER_SECONDS,
            )?,
            overhead: histograms(
                "switchyard_gateway_overhead_seconds",
                "The gateway's own part of the time to the head of an answer.",
                &["operation"],
                OVERHEAD_SECONDS,
            )?,
            open_streams: IntGauge::new(
                "switchyard_open_streams",
                "Event streams being sent to callers.",
            )?,
            shed: IntCounter::new(
                "switchyard_shed_total",
                "Requests refused because too many were in flight.",
            )?,
            panics: IntCounter::new(
                "switchyard_panics_total",
                "Requests that ended in a panic of the gateway.",
            )?,
            policy: PolicyMetrics::build()?,
            audit: AuditMetrics::build()?,
            registry,
        };
        metrics.register(started)?;
        Ok(metrics)
    }

    fn register(&self, started: Timestamp) -> prometheus::Result<()> {
        let start = Gauge::new(
            "process_start_time_seconds",
            "Start time of the process since unix epoch in seconds.",
        )?;
        start.set(started.0 as f64 / 1e6);
        let build = IntGaugeVec::new(
            Opts::new("switchyard_build_info", "The running version; always 1."),
            &["version"],
        )?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        let families: [Box<dyn Collector>; 15] = [
            Box::new(self.runs.clone()),
            Box::new(self.run_first_event.clone()),
            Box::new(self.run_duration.clone()),
            Box::new(self.runs_in_flight.clone()),
            Box::new(self.tries.clone()),
            Box::new(self.try_duration.clone()),
            Box::new(self.unknown_events.clone()),
            Box::new(self.requests.clone()),
            Box::new(self.request_duration.clone()),
            Box::new(self.overhead.clone()),
            Box::new(self.open_streams.clone()),
            Box::new(self.shed.clone()),
            Box::new(self.panics.clone()),
            Box::new(start),
            Box::new(build),
        ];
        let families = families.into_iter().chain(self.policy.families());
        let families = families.chain(self.audit.families());
        families.into_iter().try_for_each(|family| self.registry.register(family))
    }

    /// The text that Prometheus scrapes; its media type is [`Metrics::MEDIA_TYPE`].
    pub fn render(&self) -> Result<String> {
        TextEncoder::new().encode_to_string(&self.registry.gather()).map_err(|cause| {
            Error::new(Kind::Internal, "the metrics cannot be written").caused_by(cause)
        })
    }

    /// The media type of [`Metrics::render`].
    pub const MEDIA_TYPE: &'static str = "text/plain; version=0.0.4; charset=utf-8";

    /// What is counted of one operation; `name` is of the operation table.
    pub fn operation(&self, name: &'static str) -> OperationMetrics {
        OperationMetrics {
            answered: StatusClass::ALL
                .map(|class| self.requests.with_label_values(&[name, class.label()])),
            duration: self.request_duration.with_label_values(&[name]),
            overhead: self.overhead.with_label_values(&[name]),
        }
    }

    /// What is counted of one configured upstream.
    pub fn upstream(&self, name: &str, kind: &str) -> UpstreamMetrics {
        UpstreamMetrics {
            ended: ends()
                .map(|status| (status, self.runs.with_label_values(&[name, kind, status.as_str()])))
                .collect(),
            first_event: self.run_first_event.with_label_values(&[name, kind]),
            duration: self.run_duration.with_label_values(&[name, kind]),
            in_flight: self.runs_in_flight.with_label_values(&[name, kind]),
            tries: TryOutcome::ALL
                .map(|outcome| self.tries.with_label_values(&[name, outcome.label()])),
            try_duration: self.try_duration.with_label_values(&[name]),
            unknown_events: self.unknown_events.with_label_values(&[name]),
        }
    }

    /// What is counted of the audit and of callbacks.
    pub fn audit(&self) -> &AuditMetrics {
        &self.audit
    }

    /// What is counted of policy.
    pub fn policy(&self) -> &PolicyMetrics {
        &self.policy
    }

    /// Counts an event stream as open until the guard is dropped.
    pub fn stream_opened(&self) -> Held {
        Held::of(&self.open_streams)
    }

    /// A request was refused because too many were in flight.
    pub fn shed(&self) {
        self.shed.inc();
    }

    /// A request ended in a panic.
    pub fn panicked(&self) {
        self.panics.inc();
    }
}

/// Handles of one operation.
#[derive(Clone, Debug)]
pub struct OperationMetrics {
    answered: [IntCounter; StatusClass::ALL.len()],
    duration: Histogram,
    overhead: Histogram,
}

impl OperationMetrics {
    /// The head of an answer went out. `own` is the gateway's part of `took`.
    pub fn answered(&self, status: http::StatusCode, took: Duration, own: Duration) {
        self.count(StatusClass::of(status));
        self.duration.observe(took.as_secs_f64());
        self.overhead.observe(own.as_secs_f64());
    }

    /// The caller left before there was an answer.
    pub fn left(&self) {
        self.count(StatusClass::Left);
    }

    fn count(&self, class: StatusClass) {
        if let Some(counter) = self.answered.get(class as usize) {
            counter.inc();
        }
    }
}

/// Handles of one upstream.
#[derive(Clone, Debug)]
pub struct UpstreamMetrics {
    ended: Vec<(RunStatus, IntCounter)>,
    first_event: Histogram,
    duration: Histogram,
    in_flight: IntGauge,
    tries: [IntCounter; TryOutcome::ALL.len()],
    try_duration: Histogram,
    unknown_events: IntCounter,
}

impl UpstreamMetrics {
    /// A run was admitted; it is in flight until the guard is dropped.
    pub fn run_started(&self) -> Held {
        Held::of(&self.in_flight)
    }

    /// The platform's first event is in, so long after admission.
    pub fn first_event(&self, took: Duration) {
        self.first_event.observe(took.as_secs_f64());
    }

    /// A run has ended like this, so long after admission.
    pub fn run_ended(&self, status: RunStatus, took: Duration) {
        if let Some((_, counter)) = self.ended.iter().find(|(end, _)| *end == status) {
            counter.inc();
        }
        self.duration.observe(took.as_secs_f64());
    }

    /// The head of the platform's answer is in, so long after the call was sent.
    pub fn try_answered(&self, took: Duration) {
        self.try_duration.observe(took.as_secs_f64());
    }

    /// A call to the platform is over.
    pub fn try_ended(&self, outcome: TryOutcome) {
        if let Some(counter) = self.tries.get(outcome as usize) {
            counter.inc();
        }
    }

    /// The platform sent an event that nobody here knows.
    pub fn unknown_event(&self) {
        self.unknown_events.inc();
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

fn ends() -> impl Iterator<Item = RunStatus> {
    RunStatus::ALL.iter().copied().filter(|status| status.is_terminal())
}

fn counters(name: &str, help: &str, labels: &[&str]) -> prometheus::Result<IntCounterVec> {
    IntCounterVec::new(Opts::new(name, help), labels)
}

fn histograms(
    name: &str,
    help: &str,
    labels: &[&str],
    buckets: &[f64],
) -> prometheus::Result<HistogramVec> {
    HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets.to_vec()), labels)
}

#[cfg(test)]
mod tests {
    use super::*;

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
            http::StatusCode::NOT_FOUND,
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
