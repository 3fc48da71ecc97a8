//! The metric families of policy: who was known, what was decided, what was refused by number.

use std::sync::Arc;

use parking_lot::Mutex;
use prometheus::{Gauge, GaugeVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};

use super::Held;
use super::family::Families;

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
    limit_left: GaugeVec,
    limit_permits: IntGaugeVec,
    budget_left: GaugeVec,
    choices: IntCounterVec,
    shadows: IntCounterVec,
}

impl PolicyMetrics {
    pub(super) fn build(families: &Families) -> prometheus::Result<Self> {
        Ok(Self {
            identified: families.counters(
                "switchyard_identity_checks_total",
                "Credentials looked at, by what came of it.",
                &["outcome"],
            )?,
            decided: families.counters(
                "switchyard_access_decisions_total",
                "Decisions of access policies.",
                &["decision"],
            )?,
            limited: families.counters(
                "switchyard_limit_refusals_total",
                "Requests refused by a limit.",
                &["limit"],
            )?,
            over_budget: families.counters(
                "switchyard_budget_refusals_total",
                "Runs refused or ended by a budget.",
                &["budget"],
            )?,
            tools: families.counters(
                "switchyard_tool_decisions_total",
                "Decisions over tool calls that were seen.",
                &["decision"],
            )?,
            fetches: families.counters(
                "switchyard_issuer_fetches_total",
                "Fetches of issuers' keys.",
                &["issuer", "outcome"],
            )?,
            counters_away: families.counter(
                "switchyard_counters_away_total",
                "Decisions made without the shared counters, because they were away.",
            )?,
            pii: families.counters(
                "switchyard_pii_findings_total",
                "Values that PII policy found, by what was done to them.",
                &["entity", "direction", "action"],
            )?,
            limit_left: families.levels(
                "switchyard_limit_remaining_ratio",
                "The least share of a limit that any caller had left in the last minute or two.",
                &["limit"],
            )?,
            limit_permits: families.gauges(
                "switchyard_limit_permits_in_use",
                "Permits of a limit on concurrency that are out, of all callers together.",
                &["limit"],
            )?,
            budget_left: families.levels(
                "switchyard_budget_remaining_ratio",
                "The share of a budget that is left of the account that is nearest its end.",
                &["budget", "unit"],
            )?,
            choices: families.counters(
                "switchyard_choices_total",
                "Choices among the agents of one name, by what was chosen.",
                &["outcome"],
            )?,
            shadows: families.counters(
                "switchyard_shadow_runs_total",
                "Copies of runs for comparison, by what came of them.",
                &["outcome"],
            )?,
        })
    }

    /// One of several agents was chosen; `outcome` is of a closed set.
    pub fn chosen(&self, outcome: &'static str) {
        self.choices.with_label_values(&[outcome]).inc();
    }

    /// A run was to be copied; `outcome` is of a closed set.
    pub fn shadowed(&self, outcome: &'static str) {
        self.shadows.with_label_values(&[outcome]).inc();
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

    /// The gauge of a limit that counts requests in a time; `limit` is a configured name.
    pub fn limit(&self, limit: &str) -> LimitGauge {
        let gauge = self.limit_left.with_label_values(&[limit]);
        gauge.set(1.0);
        LimitGauge(Arc::new(Lowest { gauge, seen: Mutex::new([1.0, 1.0]) }))
    }

    /// The gauge of the permits of a limit; `limit` is a configured name.
    pub fn permits(&self, limit: &str) -> PermitGauge {
        PermitGauge(self.limit_permits.with_label_values(&[limit]))
    }

    /// How much is left of a budget in one unit, from 0 to 1; `budget` is a configured name.
    pub fn budget_left(&self, budget: &str, unit: &'static str, ratio: f64) {
        self.budget_left.with_label_values(&[budget, unit]).set(ratio);
    }

    /// A decision was made without the shared counters.
    pub fn counters_away(&self) {
        self.counters_away.inc();
    }
}

fn decision(is_allowed: bool) -> &'static str {
    if is_allowed { "allowed" } else { "denied" }
}

/// The permits of one limit.
#[derive(Clone, Debug)]
pub struct PermitGauge(IntGauge);

impl PermitGauge {
    /// A permit is out until the guard is dropped.
    pub fn taken(&self) -> Held {
        Held::of(&self.0)
    }
}

/// What callers have left of one limit. Cheap to clone.
#[derive(Clone, Debug)]
pub struct LimitGauge(Arc<Lowest>);

#[derive(Debug)]
struct Lowest {
    gauge: Gauge,
    /// The least of this turn, and of the one before.
    seen: Mutex<[f64; 2]>,
}

impl LimitGauge {
    /// A caller has this share left, from 0 to 1.
    pub fn left(&self, ratio: f64) {
        let mut seen = self.0.seen.lock();
        let [now, before] = &mut *seen;
        if ratio < *now {
            *now = ratio;
            self.0.gauge.set(now.min(*before));
        }
    }

    /// The least share that any caller had left in the last turns.
    pub fn least(&self) -> f64 {
        self.0.gauge.get()
    }

    /// Forgets what was the turn before.
    pub fn turn(&self) {
        let mut seen = self.0.seen.lock();
        let [now, _] = *seen;
        *seen = [1.0, now];
        self.0.gauge.set(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_share_that_was_left_stands_for_two_turns() {
        let families = Families::default();
        let metrics = PolicyMetrics::build(&families).unwrap();
        let limit = metrics.limit("per-key");
        let shown = || metrics.limit_left.with_label_values(&["per-key"]).get();
        assert_eq!(shown(), 1.0);
        limit.left(0.25);
        limit.left(0.75);
        assert_eq!(shown(), 0.25);
        limit.turn();
        limit.left(0.5);
        assert_eq!(shown(), 0.25);
        limit.turn();
        assert_eq!(shown(), 0.5);
        limit.turn();
        assert_eq!(shown(), 1.0);
    }
}
