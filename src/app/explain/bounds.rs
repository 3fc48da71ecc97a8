//! What bounds a run beside policy: how its limits and its budgets stand. Called
//! by the explainer; nothing is counted.

use super::{Explainer, passed, refused};
use crate::error::Result;
use crate::inbound::admin::explain::{ExplainedBudget, ExplainedLimit, ExplainedStep};
use crate::model::agent::AgentRef;
use crate::model::principal::Principal;
use crate::policy::limits::{Peek, Stage, Subject};

impl Explainer {
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

    pub(super) async fn budgets(
        &self,
        principal: &Principal,
        agent: &AgentRef,
    ) -> Result<(Vec<ExplainedBudget>, ExplainedStep)> {
        let mut budgets = Vec::new();
        let mut full = Vec::new();
        for standing in self.budgets.balances(principal, agent).await? {
            let used = standing.spent + standing.reserved;
            let is_open = |used: i64, most: Option<i64>| most.is_none_or(|most| used < most);
            let ceilings = &standing.ceilings;
            let has_room = is_open(used.usd.0, ceilings.usd.map(|it| it.0))
                && is_open(used.tokens, ceilings.tokens)
                && is_open(used.credits.0, ceilings.credits.map(|it| it.0))
                && is_open(used.runs, ceilings.runs);
            if !has_room {
                full.push(standing.budget.clone());
            }
            budgets.push(ExplainedBudget {
                budget: standing.budget,
                subject: standing.subject,
                ceilings: standing.ceilings,
                spent: standing.spent,
                reserved: standing.reserved,
                resets_at: standing.resets_at,
            });
        }
        let step = match full.is_empty() {
            true => passed("budgets", "none of them is used up"),
            false => refused("budgets", format!("used up: {}", full.join(", "))),
        };
        Ok((budgets, step))
    }
}
