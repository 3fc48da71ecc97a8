//! The metric families of policy: who was known, what was decided, what was refused by number.

use prometheus::core::Collector;
use prometheus::{IntCounter, IntCounterVec};

use super::counters;

/// What is counted of policy. A clone counts in the same place.
#[derive(Clone, Debug)]
pub struct PolicyMetrics {
    identified: IntCounterVec,
    decided: IntCounterVec,
    limited: IntCounterVec,
    over_budget: IntCounterVec,
    tools: IntCounterVec,
    fetches: IntCounterVec,
    counters_away: IntCounter,
    pii: IntCounterVec,
}

impl PolicyMetrics {
    pub(super) fn build() -> prometheus::Result<Self> {
        let named = |name, help, label| counters(name, help, &[label]);
        Ok(Self {
            identified: named(
                "switchyard_identity_checks_total",
                "Credentials looked at, by what came of it.",
                "outcome",
            )?,
            decided: named(
                "switchyard_access_decisions_total",
                "Decisions of access policies.",
                "decision",
            )?,
            limited: named(
                "switchyard_limit_refusals_total",
                "Requests refused by a limit.",
                "limit",
            )?,
            over_budget: named(
                "switchyard_budget_refusals_total",
                "Runs refused or ended by a budget.",
                "budget",
            )?,
            tools: named(
                "switchyard_tool_decisions_total",
                "Decisions over tool calls that were seen.",
                "decision",
            )?,
            fetches: counters(
                "switchyard_issuer_fetches_total",
                "Fetches of issuers' keys.",
                &["issuer", "outcome"],
            )?,
            counters_away: IntCounter::new(
                "switchyard_counters_away_total",
                "Decisions made without the shared counters, because they were away.",
            )?,
            pii: counters(
                "switchyard_pii_findings_total",
                "Values that PII policy found, by what was done to them.",
                &["entity", "direction", "action"],
            )?,
        })
    }

    pub(super) fn families(&self) -> [Box<dyn Collector>; 8] {
        [
            Box::new(self.identified.clone()),
            Box::new(self.decided.clone()),
            Box::new(self.limited.clone()),
            Box::new(self.over_budget.clone()),
            Box::new(self.tools.clone()),
            Box::new(self.fetches.clone()),
            Box::new(self.counters_away.clone()),
            Box::new(self.pii.clone()),
        ]
    }

    /// A credential was looked at; `outcome` is of a closed set.
    pub fn identified(&self, outcome: &'static str) {
        self.identified.with_label_values(&[outcome]).inc();
    }

    /// An access policy decided.
    pub fn decided(&self, is_allowed: bool) {
        self.decided.with_label_values(&[decision(is_allowed)]).inc();
    }

    /// A limit refused; `limit` is a configured name.
    pub fn limited(&self, limit: &str) {
        self.limited.with_label_values(&[limit]).inc();
    }

    /// A budget refused or ended a run; `budget` is a configured name.
    pub fn over_budget(&self, budget: &str) {
        self.over_budget.with_label_values(&[budget]).inc();
    }

    /// A tool call was decided over.
    pub fn tool_decided(&self, is_allowed: bool) {
        self.tools.with_label_values(&[decision(is_allowed)]).inc();
    }

    /// An issuer's keys were asked for; `issuer` is a configured name.
    pub fn fetched(&self, issuer: &str, is_ok: bool) {
        let outcome = if is_ok { "success" } else { "failed" };
        self.fetches.with_label_values(&[issuer, outcome]).inc();
    }

    /// PII policy found values; `entity` is a kind of the catalogue or a configured name.
    pub fn pii_found(&self, entity: &str, direction: &str, action: &str, count: u64) {
        self.pii.with_label_values(&[entity, direction, action]).inc_by(count);
    }

    /// A decision was made without the shared counters.
    pub fn counters_away(&self) {
        self.counters_away.inc();
    }
}

fn decision(is_allowed: bool) -> &'static str {
    if is_allowed { "allowed" } else { "denied" }
}
