//! What bounds a run beside policy: whether its platform wants to be left alone, how its limits
//! stand, and whether its budgets have room. Called by the explainer; nothing is counted.

use super::{Explainer, passed, refused};
use crate::error::{Kind, Result};
use crate::inbound::admin::explain::{ExplainedBudget, ExplainedLimit, ExplainedStep};
use crate::model::principal::Principal;
use crate::policy::budget::Asking;
use crate::policy::limits::{Peek, Stage, Subject};

impl Explainer {
    /// Whether the platform wants to be left alone by this caller.
    pub(super) fn pauses(&self, principal: &Principal, upstream: &str) -> ExplainedStep {
        match self.pauses.pause(upstream, principal, self.clock.now()) {
            None => passed("pauses", format!("`{upstream}` has not asked to be left alone")),
            Some((Kind::BudgetExhausted, until)) => {
                let said = format!("this caller's quota at `{upstream}` is used up until {until}");
                refused("pauses", said)
            }
            Some((_, until)) => {
                refused("pauses", format!("`{upstream}` asked to be left alone until {until}"))
            }
        }
    }

    /// How the limits stand that such a request is held against.
    pub(super) async fn limits(
        &self,
        subject: &Subject<'_>,
    ) -> (Vec<ExplainedLimit>, ExplainedStep) {
        let mut limits = Vec::new();
        let mut full = Vec::new();
        for stage in [Stage::Address, Stage::Caller, Stage::Run] {
            if stage == Stage::Run && subject.agent.is_none() {
                continue;
            }
            let Peek { windows, permits } = self.limits.peek(stage, subject).await;
            for state in windows {
                if state.remaining == 0 {
                    full.push(state.rule.to_string());
                }
                limits.push(ExplainedLimit {
                    limit: state.rule.to_string(),
                    quota: state.requests,
                    window_seconds: Some(state.window.as_secs_f64()),
                    remaining: state.remaining,
                });
            }
            for held in permits {
                if held.out >= held.limit {
                    full.push(held.rule.to_string());
                }
                limits.push(ExplainedLimit {
                    limit: held.rule.to_string(),
                    quota: held.limit,
                    window_seconds: None,
                    remaining: held.limit.saturating_sub(held.out),
                });
            }
        }
        let step = match full.is_empty() {
            true => passed("limits", "none of them is reached"),
            false => refused("limits", format!("reached: {}", full.join(", "))),
        };
        (limits, step)
    }

    /// How the budgets stand that such a run is held against, and whether each would let it
    /// reserve what it must.
    pub(super) async fn budgets(
        &self,
        asking: &Asking<'_>,
    ) -> Result<(Vec<ExplainedBudget>, ExplainedStep)> {
        let mut budgets = Vec::new();
        let mut full = Vec::new();
        for standing in self.budgets.balances(asking).await? {
            if !standing.has_room {
                full.push(standing.budget.clone());
            }
            budgets.push(ExplainedBudget {
                budget: standing.budget,
                subject: standing.subject,
                ceilings: standing.ceilings,
                spent: standing.spent,
                reserved: standing.reserved,
                wanted: standing.wanted,
                resets_at: standing.resets_at,
            });
        }
        let step = match full.is_empty() {
            true => passed("budgets", "each has room for what the run would reserve"),
            false => refused("budgets", format!("no room for this run: {}", full.join(", "))),
        };
        Ok((budgets, step))
    }
}
