//! A limit as the configuration states it, checked once: what it counts by, what it is for, and how
//! much it allows. The engine builds its plan from these.
//!
//! Invariant: a rule that `check` has passed can be counted without overflow, in nanoseconds here
//! and in microseconds in Redis.

use std::time::Duration;

/// The longest that an empty window may take to refill: ten years. In nanoseconds it fits 64 bits;
/// in microseconds, added to today's date, it stays below 2^53, up to which Lua counts exactly.
const LONGEST_REFILL: Duration = Duration::from_secs(10 * 366 * 86_400);

/// Rules in one configuration, at most. Each costs a stage's decision some time.
const MAX_RULES: usize = 256;

/// Characters in a rule's name, at most: it stands in headers and in the keys of Redis.
const MAX_NAME: usize = 64;

/// One limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What operators and callers know it by: 1 to 64 letters, digits, `.`, `_`, `-`; unique.
    pub name: String,
    /// What it counts by. Several make one key together; none makes one counter for everybody.
    pub by: Vec<Dimension>,
    /// What it is for.
    pub only: Filters,
    /// How much it allows.
    pub kind: RuleKind,
}

/// How much a rule allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleKind {
    /// So many requests in a time, with a burst.
    Window(Quota),
    /// So many at the same time.
    Concurrent(u32),
}

/// A window: `burst` requests at once, and `requests` more in each `per`, evenly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// How many come back in `per`.
    pub requests: u32,
    /// The time that they come back in.
    pub per: Duration,
    /// How many may be made at once when none has been made for long.
    pub burst: u32,
}

/// What a counter is kept by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dimension {
    /// The caller's address; of IPv6 its /64, since that is what one subscriber is given.
    Address,
    /// The caller, within its workspace.
    Principal,
    /// The caller's workspace.
    Workspace,
    /// The agent.
    Agent,
    /// The platform account that runs the agent.
    Upstream,
    /// The operation of the API.
    Operation,
    /// A tool that a run calls.
    Tool,
}

/// What a rule is for: it applies where each list that is given holds what the request has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filters {
    /// Of callers in these workspaces.
    pub workspaces: Option<Vec<String>>,
    /// To these agents.
    pub agents: Option<Vec<String>>,
    /// To agents on these upstreams.
    pub upstreams: Option<Vec<String>>,
    /// Of these operations.
    pub operations: Option<Vec<String>>,
    /// Of callers in these rate classes.
    pub classes: Option<Vec<String>>,
    /// Of these tools.
    pub tools: Option<Vec<String>>,
}

/// When a rule is asked: as soon as all that it needs is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// The address is known, before any signature is checked.
    Address,
    /// Principal, workspace, rate class and operation are known.
    Caller,
    /// Agent and upstream are known.
    Run,
    /// A run calls a tool.
    Tool,
}

impl Stage {
    /// All of them, in the order in which a request reaches them.
    pub const ALL: [Stage; 4] = [Stage::Address, Stage::Caller, Stage::Run, Stage::Tool];
}

/// What is wrong with a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// The name cannot stand in a header.
    #[error("the limit's name `{0}` must be 1 to 64 letters, digits, `.`, `_` or `-`")]
    Name(String),
    /// The name is taken.
    #[error("two limits are named `{0}`")]
    Twice(String),
    /// A number is zero.
    #[error("limit `{0}`: requests, per, burst and concurrent must be at least 1")]
    Zero(String),
    /// It takes too long to refill.
    #[error("limit `{0}` would take more than ten years to refill")]
    TooLong(String),
    /// A dimension is named twice.
    #[error("limit `{0}` names a dimension twice")]
    SameDimension(String),
    /// There are too many.
    #[error("there are more than 256 limits")]
    TooMany,
}

impl Quota {
    /// How long one request takes to come back, rounded up to the nanosecond so that rounding never
    /// gives more than was asked for.
    pub fn interval(&self) -> Duration {
        let nanos = self.per.as_nanos().div_ceil(u128::from(self.requests.max(1)));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// How long an empty window takes to refill.
    pub fn refill(&self) -> Duration {
        self.interval().saturating_mul(self.burst)
    }

    /// What one of `nodes` may give when they cannot count together, at least one request.
    pub(super) fn share(self, nodes: u32) -> Self {
        Self { requests: part(self.requests, nodes), per: self.per, burst: part(self.burst, nodes) }
    }
}

/// A share of `whole`, at least one.
fn part(whole: u32, nodes: u32) -> u32 {
    (whole / nodes.max(1)).max(1)
}

impl RuleKind {
    /// What one of `nodes` may give when they cannot count together.
    pub(super) fn share(self, nodes: u32) -> Self {
        match self {
            Self::Window(quota) => Self::Window(quota.share(nodes)),
            Self::Concurrent(limit) => Self::Concurrent(part(limit, nodes)),
        }
    }
}

impl Dimension {
    fn stage(self) -> Stage {
        match self {
            Self::Address => Stage::Address,
            Self::Principal | Self::Workspace | Self::Operation => Stage::Caller,
            Self::Agent | Self::Upstream => Stage::Run,
            Self::Tool => Stage::Tool,
        }
    }
}

impl Rule {
    /// The earliest stage at which all that this rule needs is known.
    pub fn stage(&self) -> Stage {
        let only = &self.only;
        let filters = [
            (&only.workspaces, Stage::Caller),
            (&only.classes, Stage::Caller),
            (&only.operations, Stage::Caller),
            (&only.agents, Stage::Run),
            (&only.upstreams, Stage::Run),
            (&only.tools, Stage::Tool),
        ];
        let filters = filters.into_iter().filter(|(list, _)| list.is_some()).map(|(_, at)| at);
        self.by.iter().map(|by| by.stage()).chain(filters).max().unwrap_or(Stage::Address)
    }

    fn check(&self) -> Result<(), RuleError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if self.name.is_empty() || self.name.len() > MAX_NAME || !self.name.chars().all(plain) {
            return Err(RuleError::Name(self.name.chars().take(MAX_NAME).collect()));
        }
        let name = || self.name.clone();
        if self.by.iter().enumerate().any(|(at, by)| self.by.iter().skip(at + 1).any(|b| b == by)) {
            return Err(RuleError::SameDimension(name()));
        }
        match self.kind {
            RuleKind::Concurrent(0) => Err(RuleError::Zero(name())),
            RuleKind::Concurrent(_) => Ok(()),
            RuleKind::Window(Quota { requests, per, burst })
                if requests == 0 || burst == 0 || per.is_zero() =>
            {
                Err(RuleError::Zero(name()))
            }
            RuleKind::Window(quota) if quota.refill() > LONGEST_REFILL => {
                Err(RuleError::TooLong(name()))
            }
            RuleKind::Window(_) => Ok(()),
        }
    }
}

/// Checks all rules of a configuration, and names every mistake.
pub fn check(rules: &[Rule]) -> Result<(), Vec<RuleError>> {
    let mut wrong: Vec<RuleError> = rules.iter().filter_map(|rule| rule.check().err()).collect();
    if rules.len() > MAX_RULES {
        wrong.push(RuleError::TooMany);
    }
    let mut names: Vec<&str> = rules.iter().map(|rule| rule.name.as_str()).collect();
    names.sort_unstable();
    let twice = names.windows(2).filter(|pair| pair.first() == pair.last());
    wrong
        .extend(twice.filter_map(|pair| pair.first()).map(|name| RuleError::Twice((*name).into())));
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(by: &[Dimension], only: Filters) -> Rule {
        let quota = Quota { requests: 60, per: Duration::from_secs(60), burst: 5 };
        Rule { name: "a".into(), by: by.to_vec(), only, kind: RuleKind::Window(quota) }
    }

    #[test]
    fn a_rule_is_asked_as_soon_as_all_it_needs_is_known() {
        let none = Filters::default;
        assert_eq!(rule(&[], none()).stage(), Stage::Address);
        assert_eq!(rule(&[Dimension::Address], none()).stage(), Stage::Address);
        assert_eq!(rule(&[Dimension::Principal], none()).stage(), Stage::Caller);
        let both = [Dimension::Address, Dimension::Upstream];
        assert_eq!(rule(&both, none()).stage(), Stage::Run);
        let tools = Filters { tools: Some(vec!["search".into()]), ..none() };
        assert_eq!(rule(&[Dimension::Address], tools).stage(), Stage::Tool);
        let classes = Filters { classes: Some(vec!["gold".into()]), ..none() };
        assert_eq!(rule(&[Dimension::Address], classes).stage(), Stage::Caller);
    }

    #[test]
    fn every_mistake_is_named() {
        let quota = |requests, seconds, burst| {
            RuleKind::Window(Quota { requests, per: Duration::from_secs(seconds), burst })
        };
        let with =
            |name: &str, kind| Rule { name: name.into(), kind, ..rule(&[], Filters::default()) };
        let mut doubled = with("h", quota(1, 1, 1));
        doubled.by = vec![Dimension::Tool, Dimension::Agent, Dimension::Tool];
        let wrong = check(&[
            with("a b", quota(1, 1, 1)),
            with("b", quota(0, 1, 1)),
            with("c", quota(1, 0, 1)),
            with("d", quota(1, 1, 0)),
            with("e", RuleKind::Concurrent(0)),
            with("f", quota(1, 86_400, 4_000)),
            with("g", quota(1, 1, 1)),
            with("g", quota(1, 1, 1)),
            doubled,
        ]);
        let zero = |name: &str| RuleError::Zero(name.into());
        let mut expected = vec![RuleError::Name("a b".into())];
        expected.extend(["b", "c", "d", "e"].map(zero));
        expected.push(RuleError::TooLong("f".into()));
        expected.push(RuleError::SameDimension("h".into()));
        expected.push(RuleError::Twice("g".into()));
        assert_eq!(wrong, Err(expected));
        assert_eq!(check(&[with("fine", quota(600, 60, 50))]), Ok(()));
        let many: Vec<Rule> = (0..257).map(|n| with(&n.to_string(), quota(1, 1, 1))).collect();
        assert_eq!(check(&many), Err(vec![RuleError::TooMany]));
    }

    #[test]
    fn rounding_never_gives_more_than_was_asked_for() {
        let quota = Quota { requests: 7, per: Duration::from_secs(1), burst: 7 };
        assert!(quota.interval() * 7 >= Duration::from_secs(1));
        assert_eq!(quota.share(2), Quota { requests: 3, per: quota.per, burst: 3 });
        assert_eq!(quota.share(100), Quota { requests: 1, per: quota.per, burst: 1 });
    }
}
