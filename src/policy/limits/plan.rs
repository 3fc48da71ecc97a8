//! The rules as the counters ask them: by stage, in the order in which they are asked. Made once
//! from the configuration; local and shared counters follow the same plan.
//!
//! Invariant: within a stage concurrency comes first, whose permits a later refusal gives back;
//! then windows, the narrowest first.

use std::sync::Arc;
use std::time::Duration;

use super::key::{Key, Subject};
use super::outcome::Lasts;
use super::rule::{Dimension, Filters, Rule, RuleKind, Stage};

/// One rule in its place.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    /// The rule's name.
    pub(super) name: Arc<str>,
    /// How much it allows.
    pub(super) kind: RuleKind,
    by: Vec<Dimension>,
    only: Filters,
}

/// All rules, by stage.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    address: Vec<Planned>,
    caller: Vec<Planned>,
    run: Vec<Planned>,
    tool: Vec<Planned>,
}

/// The narrowest window is the one with the smallest burst, and of equal ones the one that is over
/// soonest: it refuses most often, so what is asked before a refusal is least often spent.
fn order(planned: &Planned) -> (bool, u32, Duration) {
    match planned.kind {
        RuleKind::Concurrent(limit) => (false, limit, Duration::ZERO),
        RuleKind::Window(quota) => (true, quota.burst, quota.per),
    }
}

impl Planned {
    /// The counter's key, if the rule is for this request.
    pub(super) fn key(&self, of: &Subject<'_>) -> Option<Key> {
        self.only.admit(of).then(|| Key::new(&self.by, of))
    }

    /// How long a place counts. A limit that tells operations apart counts what they start; one
    /// that does not must leave a caller whose runs go on in the background free to ask for them.
    pub(super) fn lasts(&self) -> Lasts {
        let tells_operations =
            self.by.contains(&Dimension::Operation) || self.only.operations.is_some();
        if tells_operations { Lasts::Run } else { Lasts::Answer }
    }
}

impl Plan {
    /// The plan of these rules.
    pub(super) fn new(rules: Vec<Rule>) -> Self {
        let mut plan = Self::default();
        for rule in rules {
            let stage = rule.stage();
            let Rule { name, by, only, kind } = rule;
            plan.rules_mut(stage).push(Planned { name: name.into(), kind, by, only });
        }
        for stage in Stage::ALL {
            plan.rules_mut(stage).sort_by(|a, b| (order(a), &a.name).cmp(&(order(b), &b.name)));
        }
        plan
    }

    /// The same rules with what one of `nodes` may give by itself, in the same order.
    pub(super) fn share(&self, nodes: u32) -> Self {
        let mut plan = self.clone();
        for stage in Stage::ALL {
            for planned in plan.rules_mut(stage) {
                planned.kind = planned.kind.share(nodes);
            }
        }
        plan
    }

    /// Whether a rule is asked for each tool call.
    pub(super) fn counts_tools(&self) -> bool {
        !self.tool.is_empty()
    }

    /// The rules of a stage.
    pub(super) fn rules(&self, stage: Stage) -> &[Planned] {
        match stage {
            Stage::Address => &self.address,
            Stage::Caller => &self.caller,
            Stage::Run => &self.run,
            Stage::Tool => &self.tool,
        }
    }

    fn rules_mut(&mut self, stage: Stage) -> &mut Vec<Planned> {
        match stage {
            Stage::Address => &mut self.address,
            Stage::Caller => &mut self.caller,
            Stage::Run => &mut self.run,
            Stage::Tool => &mut self.tool,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::limits::rule::Quota;

    #[test]
    fn concurrency_is_asked_first_and_then_the_narrowest_window() {
        let window = |requests, seconds, burst| {
            RuleKind::Window(Quota { requests, per: Duration::from_secs(seconds), burst })
        };
        let rule = |name: &str, kind| Rule {
            name: name.into(),
            by: vec![Dimension::Principal],
            only: Filters::default(),
            kind,
        };
        let plan = Plan::new(vec![
            rule("day", window(1_000, 86_400, 1_000)),
            rule("minute", window(60, 60, 20)),
            rule("streams", RuleKind::Concurrent(500)),
            rule("second", window(20, 1, 20)),
        ]);
        let names = |plan: &Plan| -> Vec<String> {
            plan.rules(Stage::Caller).iter().map(|rule| rule.name.to_string()).collect()
        };
        assert_eq!(names(&plan), ["streams", "second", "minute", "day"]);
        assert!(plan.rules(Stage::Address).is_empty());
        let shared = plan.share(3);
        assert_eq!(names(&shared), names(&plan));
        let kinds: Vec<RuleKind> =
            shared.rules(Stage::Caller).iter().map(|rule| rule.kind).collect();
        assert_eq!(kinds[0], RuleKind::Concurrent(166));
        assert_eq!(kinds[1], window(6, 1, 6));
    }
}
