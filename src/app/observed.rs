//! Counts what the policy engines tell, and reads what they do not: how much is left of limits and
//! budgets. The guard starts it.
//!
//! Invariant: a limit and a budget is counted by its configured name, and only where it has one.

use std::collections::HashMap;

use crate::config::{Config, Rate};
use crate::policy::budget::Budgets;
use crate::policy::identity::issuer;
use crate::policy::identity::token::Refusal;
use crate::policy::limits::{Absence, Watch, Why};
use crate::telemetry::metrics::{Held, LimitGauge, PermitGauge, PolicyMetrics};

/// Who counts.
#[derive(Debug)]
pub(super) struct Observed {
    metrics: PolicyMetrics,
    left: HashMap<String, LimitGauge>,
    permits: HashMap<String, PermitGauge>,
}

impl Observed {
    /// Counts by the names of this configuration.
    pub(super) fn new(config: &Config, metrics: &PolicyMetrics) -> Self {
        let (mut left, mut permits) = (HashMap::new(), HashMap::new());
        for limit in &config.limits {
            let name = &limit.name;
            match limit.rate {
                Rate::Window { .. } => drop(left.insert(name.clone(), metrics.limit(name))),
                Rate::Concurrent(_) => drop(permits.insert(name.clone(), metrics.permits(name))),
            }
        }
        Self { metrics: metrics.clone(), left, permits }
    }

    /// Reads how budgets stand. A store that is away says so by other means; the last figures stay.
    pub(super) async fn look(&self, budgets: &Budgets) {
        for (budget, unit, ratio) in budgets.left().await.unwrap_or_default() {
            self.metrics.budget_left(budget, unit, ratio);
        }
    }

    /// Forgets what was left of limits some time ago.
    pub(super) fn turn(&self) {
        self.left.values().for_each(LimitGauge::turn);
    }
}

impl issuer::Observer for Observed {
    fn fetched(&self, issuer: &str, good: bool) {
        self.metrics.fetched(issuer, good);
    }
    fn refused(&self, _: Option<&str>, refusal: Refusal) {
        self.metrics.identified(refusal.name());
    }
}

impl Watch for Observed {
    fn refused(&self, rule: &str, _: Why) {
        self.metrics.limited(rule);
    }
    fn left(&self, rule: &str, ratio: f64) {
        if let Some(gauge) = self.left.get(rule) {
            gauge.left(ratio);
        }
    }
    fn taken(&self, rule: &str) -> Option<Held> {
        self.permits.get(rule).map(PermitGauge::taken)
    }
    fn fell_back(&self, _: Absence) {
        self.metrics.counters_away();
    }
    fn counters(&self, there: bool) {
        if there {
            tracing::info!("the shared counters are there");
        } else {
            tracing::warn!("the shared counters are away");
        }
    }
}
