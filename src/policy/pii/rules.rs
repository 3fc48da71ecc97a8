//! The rules of PII as an operator writes them, checked and compiled. For each run and direction
//! the layer asks for a plan.
//!
//! Invariant: for each kind the first rule that fits decides; what no rule names is not looked
//! for; the same scope gets the same plan without compiling it again.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::Deserialize;

use super::catalogue::{self, Known};
use super::plan::{Action, Compiled, Direction, Does, HashKey, Plan};
use super::scan::Failure;
use super::scan::context::REACH;
use super::scan::detectors::Detectors;
use super::scan::kind::CompileError;
use super::scan::words::MAX_PHRASE;
use super::vault::Vault;
use crate::error::FieldError;

/// Findings below this are none, unless a rule says otherwise.
pub const CONFIDENCE: u8 = 50;
/// More rules than an operator can oversee.
const MAX_RULES: usize = 256;
/// Patterns of one tenant: each is walked at each word that may begin it.
const MAX_PATTERNS: usize = 64;
/// Words of all lists.
const MAX_WORDS: usize = 100_000;
/// Plans that are kept; a tenant has a handful of sets of rules that fit together.
const MAX_PLANS: usize = 256;

/// The `pii` part of the configuration.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Asked in order; the first that fits a finding decides.
    pub rules: Vec<RuleSettings>,
    /// Patterns of the tenant's own, by name.
    pub patterns: Vec<PatternSettings>,
    /// Words of the tenant's own, by name.
    pub words: Vec<WordSettings>,
}

/// One rule.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleSettings {
    /// Its name in refusals; its place, `pii.rules[0]`, where it has none.
    #[serde(default)]
    pub name: Option<String>,
    /// Kinds, groups of kinds, names of own patterns and lists, or `*`.
    pub entities: Vec<String>,
    /// `both` are the two directions of a run; the audit log has rules of its own.
    #[serde(default)]
    pub direction: Way,
    /// Only these faces of the API; all where it is empty, as in the following.
    #[serde(default)]
    pub faces: Vec<String>,
    /// Only these upstreams.
    #[serde(default)]
    pub upstreams: Vec<String>,
    /// Only these agents, by `<upstream>:<id>`, or `<upstream>:*`.
    #[serde(default)]
    pub agents: Vec<String>,
    /// Only callers of one of these groups.
    #[serde(default)]
    pub groups: Vec<String>,
    /// What is done.
    pub action: Action,
    /// Findings that are less certain are none, in percent.
    #[serde(default = "confidence")]
    pub min_confidence: u8,
    /// More words that speak for its kinds when they stand shortly before. The tenant's own
    /// patterns and words are findings only beside one of them, where there are any.
    #[serde(default)]
    pub context: Vec<String>,
    /// Whether its tokens are restored in what a tool was given, too.
    #[serde(default)]
    pub restore_in_arguments: bool,
}

fn confidence() -> u8 {
    CONFIDENCE
}

/// The directions of a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// To the platform and to the caller.
    #[default]
    Both,
    /// To the platform.
    ToUpstream,
    /// To the caller.
    ToCaller,
    /// To the audit log.
    ToAudit,
}

/// A pattern of a tenant's own: a regular expression that has a longest match and begins with a
/// letter or digit. It is tried at each word and must end with one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PatternSettings {
    /// Its name in rules and findings.
    pub name: String,
    /// The expression, over ASCII.
    pub pattern: String,
}

/// Words and phrases of a tenant's own, found in either case.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WordSettings {
    /// Its name in rules and findings.
    pub name: String,
    /// The words, each at most 128 characters.
    pub words: Vec<String>,
}

/// What a text belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// Which way it goes.
    pub direction: Direction,
    /// The face of the API.
    pub face: &'a str,
    /// The upstream.
    pub upstream: &'a str,
    /// The agent.
    pub agent: &'a str,
    /// The groups of the caller.
    pub groups: &'a [String],
    /// Its workspace.
    pub workspace: &'a str,
}

/// Plans by direction and by the places of the rules that fit.
type Plans = HashMap<(Direction, Vec<u16>), Arc<Compiled>>;

/// Compiled rules.
pub struct Rules {
    settings: Settings,
    key: HashKey,
    plans: Mutex<Plans>,
}

impl Rules {
    /// Checks and compiles rules; hashes and tokens are made under `key`.
    ///
    /// # Errors
    /// All that is wrong, with paths from the `pii` part on.
    pub fn compile(settings: Settings, key: HashKey) -> Result<Self, Vec<FieldError>> {
        let errors = super::check::check(&settings);
        if errors.is_empty() {
            Ok(Self { settings, key, plans: Mutex::default() })
        } else {
            Err(errors)
        }
    }

    /// The plan for a scope.
    ///
    /// # Errors
    /// A fault of ours; the caller must refuse.
    pub fn plan(&self, scope: &Scope<'_>) -> Result<Arc<Plan>, Failure> {
        let fitting: Vec<u16> = (0..)
            .zip(&self.settings.rules)
            .filter(|(_, rule)| rule.fits(scope))
            .map(|(place, _)| place)
            .collect();
        let compiled = self.compiled((scope.direction, fitting))?;
        let key = HashKey::new(&self.key.derived("hash", scope.workspace));
        Ok(Arc::new(Plan::new(compiled, key)))
    }

    /// A vault for the tokens of one conversation of one caller.
    pub fn vault(&self, workspace: &str, subject: &str, conversation: &str) -> Vault {
        Vault::new(&self.key.derived("tokens", workspace), subject, conversation)
    }

    /// Whether there are no rules at all.
    pub fn is_empty(&self) -> bool {
        self.settings.rules.is_empty()
    }

    fn compiled(&self, of: (Direction, Vec<u16>)) -> Result<Arc<Compiled>, Failure> {
        if let Some(compiled) = self.plans.lock().get(&of) {
            return Ok(Arc::clone(compiled));
        }
        // Without the lock: it takes milliseconds, and two that do the same do no harm.
        let compiled = Arc::new(self.compile_for(of.0, &of.1)?);
        let mut plans = self.plans.lock();
        if plans.len() >= MAX_PLANS {
            plans.clear();
        }
        plans.insert(of, Arc::clone(&compiled));
        Ok(compiled)
    }

    fn compile_for(&self, direction: Direction, fitting: &[u16]) -> Result<Compiled, Failure> {
        let of = |place: &u16| self.settings.rules.get(usize::from(*place));
        let rules: Vec<(u16, &RuleSettings)> =
            fitting.iter().filter_map(|place| Some((*place, of(place)?))).collect();
        let does_something = rules.iter().any(|(_, rule)| rule.action != Action::Allow);
        let (mut all, mut does) = (Detectors::new(), Vec::new());
        for known in catalogue::all(&self.settings).filter(|_| does_something) {
            all.add_label(&known.name());
            let rule = rules.iter().find(|(_, rule)| rule.names(&known));
            if let Some((place, rule)) = rule {
                known.add_to(&mut all, rule.min_confidence).map_err(|_| Failure::Internal)?;
                all.add_context(&rule.context);
                does.push(Does {
                    action: rule.action,
                    in_arguments: rule.restore_in_arguments,
                    rule: rule.name.clone().unwrap_or_else(|| format!("pii.rules[{place}]")).into(),
                });
            }
        }
        let all = all.build().map_err(|_| Failure::Internal)?;
        Ok(Compiled::new(direction, all, does))
    }
}

impl RuleSettings {
    fn fits(&self, scope: &Scope<'_>) -> bool {
        let has =
            |names: &[String], name: &str| names.is_empty() || names.iter().any(|n| n == name);
        let is_way = match self.direction {
            Way::Both => scope.direction != Direction::ToAudit,
            Way::ToUpstream => scope.direction == Direction::ToUpstream,
            Way::ToCaller => scope.direction == Direction::ToCaller,
            Way::ToAudit => scope.direction == Direction::ToAudit,
        };
        let is_group =
            self.groups.is_empty() || scope.groups.iter().any(|group| self.groups.contains(group));
        is_way
            && is_group
            && has(&self.faces, scope.face)
            && has(&self.upstreams, scope.upstream)
            && (self.agents.is_empty()
                || self.agents.iter().any(|agent| match agent.strip_suffix(":*") {
                    Some(upstream) => upstream == scope.upstream,
                    None => agent.eq_ignore_ascii_case(scope.agent),
                }))
    }

    fn names(&self, known: &Known<'_>) -> bool {
        self.entities.iter().any(|name| {
            name == "*"
                || catalogue::meant(name) == &*known.name()
                || known.group().is_some_and(|group| name == group)
        })
    }
}

/// Bounds that the check needs.
pub(super) const BOUNDS: (usize, usize, usize, usize) =
    (MAX_RULES, MAX_PATTERNS, MAX_WORDS, MAX_PHRASE);

/// The longest word of context, in characters: it must fit into what stands before a value.
pub(super) fn longest_context() -> usize {
    REACH / 2
}

/// Compiles one own pattern to see whether it is accepted.
pub(super) fn try_pattern(name: &str, pattern: &str) -> Result<(), CompileError> {
    Detectors::new().add_pattern(&name.into(), pattern)
}

impl std::fmt::Debug for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rules({})", self.settings.rules.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn compiled(settings: Value) -> Result<Rules, Vec<FieldError>> {
        Rules::compile(serde_json::from_value(settings).unwrap(), HashKey::new(b"key"))
    }

    fn scope(direction: Direction, agent: &str) -> Scope<'_> {
        Scope { direction, face: "native", upstream: "u", agent, groups: &[], workspace: "w" }
    }

    fn action_of(plan: &Plan, name: &str) -> Option<Action> {
        plan.kinds().iter().find(|kind| &*kind.name == name).map(|kind| kind.action)
    }

    #[test]
    fn the_first_rule_that_fits_decides_and_scopes_narrow_it() {
        let rules = compiled(json!({ "rules": [
            { "entities": ["email"], "agents": ["open"], "action": "allow" },
            { "entities": ["secret"], "direction": "to_upstream", "action": "block" },
            { "entities": ["email", "finance"], "action": "redact" },
        ]}))
        .unwrap();
        let plan = |direction, agent| rules.plan(&scope(direction, agent)).unwrap();
        let open = plan(Direction::ToUpstream, "open");
        assert_eq!(action_of(&open, "email"), Some(Action::Allow));
        let other = plan(Direction::ToUpstream, "other");
        assert_eq!(action_of(&other, "email"), Some(Action::Redact));
        assert_eq!(action_of(&other, "credit_card"), Some(Action::Redact));
        assert_eq!(action_of(&other, "jwt"), Some(Action::Block));
        assert_eq!(action_of(&other, "phone"), None);
        assert_eq!(action_of(&plan(Direction::ToCaller, "other"), "jwt"), None);
        assert!(plan(Direction::ToAudit, "other").is_empty());
        let third = plan(Direction::ToUpstream, "third");
        assert!(Arc::ptr_eq(other.detectors(), third.detectors()));
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let errors = compiled(json!({
            "rules": [{ "entities": ["emial"], "action": "redact", "min_confidence": 101 }],
            "patterns": [
                { "name": "endless", "pattern": "a[0-9]+" },
                { "name": "email", "pattern": "a1" },
                { "name": "empty", "pattern": "a?" },
                { "name": "edges", "pattern": "\\bab\\b" },
                { "name": "good", "pattern": "cust-[0-9]{6}" },
            ],
            "words": [{ "name": "list", "words": ["-x"] }],
        }))
        .unwrap_err();
        let paths: Vec<&str> = errors.iter().map(|error| error.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "patterns[1].name",
                "patterns[0].pattern",
                "patterns[2].pattern",
                "patterns[3].pattern",
                "words[0].words[0]",
                "rules[0].entities[0]",
                "rules[0].min_confidence",
            ]
        );
    }
}
