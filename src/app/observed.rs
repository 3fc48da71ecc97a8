//! Counts what the policy engines tell, and reads what they do not: how much is left of limits and
//! budgets. The guard starts it.
//!
//! Invariant: a limit and a budget is counted by its configured name, and only where it has one.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::config::{Config, Rate};
use crate::inbound::admin::status::{BoundKind, NearEnd};
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
    /// The share that is left of each budget in each unit, as it was last read.
    budgets: Mutex<Vec<(String, &'static str, f64)>>,
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
        Self { metrics: metrics.clone(), left, permits, budgets: Mutex::default() }
    }

    /// Reads how budgets stand. A store that is away says so by other means; the last figures stay.
    pub(super) async fn look(&self, budgets: &Budgets) {
        let Ok(left) = budgets.left().await else { return };
        for (budget, unit, ratio) in &left {
            self.metrics.budget_left(budget, unit, *ratio);
        }
        let left = left.into_iter().map(|(budget, unit, ratio)| (budget.to_owned(), unit, ratio));
        *self.budgets.lock() = left.collect();
    }

    /// How much is used of limits on requests in a time and of budgets, where it is at least
    /// `least`, from 0 to 1: the nearest to its end first.
    pub(super) fn near(&self, least: f64) -> Vec<NearEnd> {
        let limits = self.left.iter().map(|(name, gauge)| NearEnd {
            kind: BoundKind::Limit,
            name: name.clone(),
            unit: None,
            used: 1.0 - gauge.least(),
        });
        let budgets = self.budgets.lock().clone();
        let budgets = budgets.into_iter().map(|(name, unit, left)| NearEnd {
            kind: BoundKind::Budget,
            name,
            unit: Some(unit),
            used: 1.0 - left,
        });
        let mut near: Vec<_> = limits.chain(budgets).filter(|it| it.used >= least).collect();
        near.sort_by(|one, other| {
            other.used.total_cmp(&one.used).then_with(|| one.name.cmp(&other.name))
        });
        near
    }

    /// How many limits on requests in a time there are.
    pub(super) fn windows(&self) -> usize {
        self.left.len()
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
