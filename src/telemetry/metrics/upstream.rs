//! What is counted of upstreams and of the runs on them.

use std::time::Duration;

use prometheus::{
    Counter, CounterVec, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec,
    Result,
};

use super::{ANSWER_SECONDS, Families, Held};
use crate::error::Problem;
use crate::model::run::{RunStatus, Usage};
use crate::model::upstream::Health;
use crate::telemetry::labels::TryOutcome;

/// A run may take an hour.
const RUN_SECONDS: &[f64] =
    &[0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 1800.0, 3600.0];
/// Tokens come in milliseconds, and an agent that uses a tool is silent for seconds.
const GAP_SECONDS: &[f64] =
    &[0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
/// The states of a circuit, as they stand in the figures.
const STATES: [(Health, &str); 3] =
    [(Health::Healthy, "closed"), (Health::Probing, "half_open"), (Health::Unavailable, "open")];
const DIRECTIONS: [&str; 2] = ["input", "output"];

#[derive(Debug)]
pub(super) struct Upstreams {
    runs: IntCounterVec,
    failures: IntCounterVec,
    first_event: HistogramVec,
    event_gap: HistogramVec,
    duration: HistogramVec,
    in_flight: IntGaugeVec,
    cost: CounterVec,
    credits: CounterVec,
    tokens: IntCounterVec,
    tries: IntCounterVec,
    try_duration: HistogramVec,
    calls: IntGaugeVec,
    calls_limit: IntGaugeVec,
    circuit: IntGaugeVec,
    unknown_events: IntCounterVec,
}

impl Upstreams {
    pub(super) fn build(families: &Families) -> Result<Self> {
        let of = &["upstream", "kind"];
        Ok(Self {
            runs: families.counters(
                "switchyard_runs_total",
                "Runs that ended, by how they ended.",
                &["upstream", "kind", "outcome"],
            )?,
            failures: families.counters(
                "switchyard_run_failures_total",
                "Runs that failed, by whose fault it was and why.",
                &["upstream", "kind", "origin", "code"],
            )?,
            first_event: families.histograms(
                "switchyard_run_time_to_first_event_seconds",
                "From admission to the first event of the platform.",
                of,
                ANSWER_SECONDS,
            )?,
            event_gap: families.histograms(
                "switchyard_run_event_gap_seconds",
                "From one event of a run to the next, as they came out of policy.",
                of,
                GAP_SECONDS,
            )?,
            duration: families.histograms(
                "switchyard_run_duration_seconds",
                "From admission to the end of the run.",
                of,
                RUN_SECONDS,
            )?,
            in_flight: families.gauges(
                "switchyard_runs_in_flight",
                "Runs admitted and not ended.",
                of,
            )?,
            cost: families.amounts(
                "switchyard_run_cost_dollars_total",
                "What ended runs have cost in US dollars, where the platform says it.",
                of,
            )?,
            credits: families.amounts(
                "switchyard_run_credits_total",
                "What ended runs have cost in credits of the platform, where it says it.",
                of,
            )?,
            tokens: families.counters(
                "switchyard_run_tokens_total",
                "Tokens of ended runs, where the platform says how many.",
                &["upstream", "kind", "direction"],
            )?,
            tries: families.counters(
                "switchyard_upstream_tries_total",
                "Calls to a platform, by how they went.",
                &["upstream", "outcome"],
            )?,
            try_duration: families.histograms(
                "switchyard_upstream_try_duration_seconds",
                "From sending a call to a platform to the head of its answer.",
                &["upstream"],
                ANSWER_SECONDS,
            )?,
            calls: families.gauges(
                "switchyard_upstream_calls_in_flight",
                "Calls to a platform that hold a permit.",
                &["upstream"],
            )?,
            calls_limit: families.gauges(
                "switchyard_upstream_calls_limit",
                "Permits for calls to a platform at a time.",
                &["upstream"],
            )?,
            circuit: families.gauges(
                "switchyard_upstream_circuit",
                "The state of a platform's circuit breaker: 1 for the one it is in, else 0.",
                &["upstream", "state"],
            )?,
            unknown_events: families.counters(
                "switchyard_upstream_unknown_events_total",
                "Events of a platform that the gateway does not know and left out.",
                &["upstream"],
            )?,
        })
    }

    pub(super) fn of(&self, name: &str, kind: &str) -> UpstreamMetrics {
        let of = &[name, kind];
        let metrics = UpstreamMetrics {
            name: name.to_owned(),
            kind: kind.to_owned(),
            ended: ends()
                .map(|status| (status, self.runs.with_label_values(&[name, kind, status.as_str()])))
                .collect(),
            failures: self.failures.clone(),
            first_event: self.first_event.with_label_values(of),
            event_gap: self.event_gap.with_label_values(of),
            duration: self.duration.with_label_values(of),
            in_flight: self.in_flight.with_label_values(of),
            cost: self.cost.with_label_values(of),
            credits: self.credits.with_label_values(of),
            tokens: DIRECTIONS
                .map(|direction| self.tokens.with_label_values(&[name, kind, direction])),
            tries: TryOutcome::ALL
                .map(|outcome| self.tries.with_label_values(&[name, outcome.label()])),
            try_duration: self.try_duration.with_label_values(&[name]),
            calls: self.calls.with_label_values(&[name]),
            calls_limit: self.calls_limit.with_label_values(&[name]),
            circuit: STATES
                .map(|(health, state)| (health, self.circuit.with_label_values(&[name, state]))),
            unknown_events: self.unknown_events.with_label_values(&[name]),
        };
        metrics.health(Health::Healthy);
        metrics
    }
}

/// Handles of one upstream.
#[derive(Clone, Debug)]
pub struct UpstreamMetrics {
    name: String,
    kind: String,
    ended: Vec<(RunStatus, IntCounter)>,
    failures: IntCounterVec,
    first_event: Histogram,
    event_gap: Histogram,
    duration: Histogram,
    in_flight: IntGauge,
    cost: Counter,
    credits: Counter,
    tokens: [IntCounter; DIRECTIONS.len()],
    tries: [IntCounter; TryOutcome::ALL.len()],
    try_duration: Histogram,
    calls: IntGauge,
    calls_limit: IntGauge,
    circuit: [(Health, IntGauge); STATES.len()],
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

    /// Another event came so long after the one before.
    pub fn event_gap(&self, gap: Duration) {
        self.event_gap.observe(gap.as_secs_f64());
    }

    /// A run has ended like this, so long after admission.
    pub fn run_ended(&self, status: RunStatus, took: Duration) {
        if let Some((_, counter)) = self.ended.iter().find(|(end, _)| *end == status) {
            counter.inc();
        }
        self.duration.observe(took.as_secs_f64());
    }

    /// A run has failed for this reason; both its words are of closed sets.
    pub fn run_failed(&self, problem: &Problem) {
        let labels = &[&self.name, &self.kind, problem.origin.as_str(), problem.code.as_str()];
        self.failures.with_label_values(labels).inc();
    }

    /// What an ended run has used, as far as its platform says.
    pub fn used(&self, usage: &Usage) {
        let micros = |amount: crate::model::micro::Micro| amount.0.max(0) as f64 / 1e6;
        self.cost.inc_by(usage.cost_usd.map_or(0.0, micros));
        self.credits.inc_by(usage.credits.map_or(0.0, micros));
        let [input, output] = &self.tokens;
        input.inc_by(usage.input_tokens.unwrap_or(0));
        output.inc_by(usage.output_tokens.unwrap_or(0));
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

    /// So many calls may be under way at a time.
    pub fn calls_limited(&self, permits: usize) {
        self.calls_limit.set(i64::try_from(permits).unwrap_or(i64::MAX));
    }

    /// A call has a permit until the guard is dropped.
    pub fn call_permitted(&self) -> Held {
        Held::of(&self.calls)
    }

    /// Calls that hold a permit, and how many may.
    pub fn calls(&self) -> [u64; 2] {
        [&self.calls, &self.calls_limit].map(|gauge| u64::try_from(gauge.get()).unwrap_or(0))
    }

    /// How the platform is doing.
    pub fn health(&self, now: Health) {
        for (health, gauge) in &self.circuit {
            gauge.set(i64::from(*health == now));
        }
    }

    /// The platform sent an event that nobody here knows.
    pub fn unknown_event(&self) {
        self.unknown_events.inc();
    }
}

pub(super) fn ends() -> impl Iterator<Item = RunStatus> {
    RunStatus::ALL.iter().copied().filter(|status| status.is_terminal())
}
