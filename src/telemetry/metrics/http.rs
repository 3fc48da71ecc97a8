//! What is counted of requests.

use std::time::Duration;

use http::StatusCode;
use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, Result};

use super::{ANSWER_SECONDS, Families};
use crate::error::Error;
use crate::telemetry::labels::StatusClass;

/// The gateway's own time is counted in microseconds.
const OVERHEAD_SECONDS: &[f64] =
    &[0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.05, 0.25, 1.0];

#[derive(Debug)]
pub(super) struct Http {
    requests: IntCounterVec,
    duration: HistogramVec,
    overhead: HistogramVec,
    problems: IntCounterVec,
    in_flight: IntGauge,
    in_flight_limit: IntGauge,
    draining: IntGauge,
    pub(super) open_streams: IntGauge,
    pub(super) panics: IntCounter,
}

impl Http {
    pub(super) fn build(families: &Families) -> Result<Self> {
        Ok(Self {
            requests: families.counters(
                "switchyard_http_requests_total",
                "Requests answered, by operation and class of status.",
                &["operation", "status"],
            )?,
            duration: families.histograms(
                "switchyard_http_request_duration_seconds",
                "From the head of a request to the head of its answer.",
                &["operation"],
                ANSWER_SECONDS,
            )?,
            overhead: families.histograms(
                "switchyard_gateway_overhead_seconds",
                "The gateway's own part of the time to the head of an answer.",
                &["operation"],
                OVERHEAD_SECONDS,
            )?,
            problems: families.counters(
                "switchyard_problems_total",
                "Requests answered with a problem, by whose fault it was and why.",
                &["origin", "code"],
            )?,
            in_flight: families.gauge(
                "switchyard_http_requests_in_flight",
                "Requests of callers between their head and the last byte of their answer.",
            )?,
            in_flight_limit: families.gauge(
                "switchyard_http_requests_in_flight_limit",
                "Requests in flight from which on new ones are refused.",
            )?,
            draining: families.gauge(
                "switchyard_draining",
                "1 while new requests are refused because the gateway is going, else 0.",
            )?,
            open_streams: families
                .gauge("switchyard_open_streams", "Event streams being sent to callers.")?,
            panics: families.counter(
                "switchyard_panics_total",
                "Requests that ended in a panic of the gateway.",
            )?,
        })
    }

    pub(super) fn operation(&self, name: &'static str) -> OperationMetrics {
        OperationMetrics {
            answered: StatusClass::ALL
                .map(|class| self.requests.with_label_values(&[name, class.label()])),
            duration: self.duration.with_label_values(&[name]),
            overhead: self.overhead.with_label_values(&[name]),
        }
    }

    pub(super) fn problem(&self, error: &Error) {
        let labels = [error.origin().as_str(), error.kind().code()];
        self.problems.with_label_values(&labels).inc();
    }

    pub(super) fn in_flight(&self, requests: usize, limit: usize, is_draining: bool) {
        self.in_flight.set(i64::try_from(requests).unwrap_or(i64::MAX));
        self.in_flight_limit.set(i64::try_from(limit).unwrap_or(i64::MAX));
        self.draining.set(i64::from(is_draining));
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
    pub fn answered(&self, status: StatusCode, took: Duration, own: Duration) {
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
