//! The sections `limits` and `counters`: how much, and where it is counted. [`super::load`] calls
//! it.
//!
//! Invariant: every limit has a name of its own and says either how often or how many at a time.

use std::time::Duration;

use super::describe::{Key, Setting, Shape};
use super::identity::is_word;
use super::reader::Section;
use super::secret::Secret;

/// A limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    /// Its name, in headers, refusals and metrics.
    pub name: String,
    /// What is counted apart: `principal`, `address` and so on; together they make one key.
    pub by: Vec<String>,
    /// How often, or how many at a time.
    pub rate: Rate,
    /// What it holds for.
    pub only: Only,
}

/// How often, or how many at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// Requests in a window.
    Window {
        /// How many.
        requests: u32,
        /// In how long.
        per: Duration,
        /// How many at once.
        burst: u32,
    },
    /// So many at a time.
    Concurrent(u32),
}

/// What a limit or a budget holds for; empty for everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Only {
    /// These workspaces.
    pub workspaces: Vec<String>,
    /// These agents, by `<upstream>:<id>`, or alias.
    pub agents: Vec<String>,
    /// These upstreams.
    pub upstreams: Vec<String>,
    /// These operations.
    pub operations: Vec<String>,
    /// These rate classes.
    pub classes: Vec<String>,
    /// These tools.
    pub tools: Vec<String>,
}

/// Where limits are counted.
#[derive(Clone, Debug, PartialEq)]
pub struct Counters {
    /// A Redis that all nodes share; none for this process alone.
    pub redis: Option<Secret>,
    /// How many nodes there are.
    pub nodes: u32,
    /// Whether a node counts its own share while Redis is away, or refuses.
    pub when_away: WhenAway,
    /// How long one decision may take.
    pub timeout: Duration,
    /// What the names of its keys begin with.
    pub prefix: String,
}

/// What happens while the shared counters are away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenAway {
    /// Each node holds its share of every limit.
    Local,
    /// What has a limit is refused.
    Refuse,
}

const BY: &[&str] =
    &["address", "principal", "workspace", "agent", "upstream", "operation", "tool"];

const NODES: Setting<u32> = Setting::new(
    "nodes",
    "How many nodes there are: each one's share is the quota divided by it while Redis is away.",
    1,
    1..=10_000,
    "none would serve nobody",
);
/// In one data centre an answer takes less than one.
const TIMEOUT: Setting<Duration> = Setting::new(
    "timeout",
    "How long one decision may take before Redis counts as away.",
    Duration::from_millis(5),
    Duration::from_millis(1)..=Duration::from_secs(1),
    "less is no network, and more makes callers wait",
);
const PREFIX: &str = "switchyard";

pub(super) fn read(root: &mut Section<'_>) -> Vec<Limit> {
    let mut limits: Vec<Limit> = Vec::new();
    for mut item in root.items("limits", "How often callers may ask, and how many at a time.") {
        let limit = read_one(&mut item, &limits);
        item.finish();
        limits.extend(limit);
    }
    limits
}

fn read_one(section: &mut Section<'_>, others: &[Limit]) -> Option<Limit> {
    let taken = others.iter().map(|limit| limit.name.as_str());
    let name = read_name(section, taken, "Its name, in headers, refusals and metrics.");
    let about = "What is counted apart; several together make one key.";
    let by = section.choices(Key::new("by", Shape::Texts, about).required(), BY);
    let requests = section.optional_count("requests", "How many requests in a window.");
    let per = section.optional_duration("per", "How long the window is.");
    let about = "How many at once; as many as `requests` where it is left out.";
    let burst = section.optional_count("burst", about);
    let about = "How many at a time, to the last byte of their answers; in place of `requests`.";
    let concurrent = section.optional_count("concurrent", about);
    let about = "Only these upstreams.";
    let upstreams = section.texts(Key::new("upstreams", Shape::Texts, about));
    let about = "Only these operations, by the names in the metrics.";
    let operations = section.texts(Key::new("operations", Shape::Texts, about));
    let tools = section.texts(Key::new("tools", Shape::Texts, "Only these tools."));
    let only = Only { upstreams, operations, tools, ..read_only(section) };
    let rate = match (requests, per, concurrent) {
        (Some(requests), Some(per), None) => {
            Some(Rate::Window { requests, per, burst: burst.unwrap_or(requests) })
        }
        (None, None, Some(most)) if burst.is_none() => Some(Rate::Concurrent(most)),
        _ if !section.is_clean() => None,
        _ => {
            section.refuse_key("must have either `requests` and `per`, or `concurrent`");
            None
        }
    };
    if section.is_clean()
        && concurrent.is_some()
        && (by.iter().any(|word| word == "tool") || !only.tools.is_empty())
    {
        section.refuse("concurrent", "cannot be counted by tool: a platform runs its tools");
    }
    Some(Limit { name: name?, by, rate: rate?, only })
}

/// What limits and budgets can both be held to.
pub(super) fn read_only(section: &mut Section<'_>) -> Only {
    let mut texts = |name, about| section.texts(Key::new(name, Shape::Texts, about));
    Only {
        workspaces: texts("workspaces", "Only these workspaces."),
        agents: texts("agents", "Only these agents: aliases, or `<upstream>:<id>`."),
        classes: texts("classes", "Only callers of these rate classes."),
        ..Only::default()
    }
}

/// A name that nothing else of its section has.
pub(super) fn read_name<'a>(
    section: &mut Section<'_>,
    mut taken: impl Iterator<Item = &'a str>,
    about: &'static str,
) -> Option<String> {
    let name = section.text(Key::new("name", Shape::Text, about).required())?;
    if !is_word(&name) {
        section.refuse("name", "is no name (letters, digits, `.`, `_` and `-`, at most 80)");
        return None;
    }
    if taken.any(|other| other == name) {
        section.refuse("name", "is the name of an earlier one");
        return None;
    }
    Some(name)
}

pub(super) fn read_counters(root: &mut Section<'_>) -> Counters {
    let mut section = root.section("counters", "Where limits are counted.");
    let about = "`memory:` for this process alone, `redis://…` or `rediss://…` for several nodes.";
    let url = section.text(Key::new("url", Shape::Text, about).default("memory:"));
    let url = url.filter(|url| url != "memory:");
    if url
        .as_deref()
        .is_some_and(|url| !url.starts_with("redis://") && !url.starts_with("rediss://"))
    {
        section.refuse("url", "must be `memory:`, or begin with `redis://` or `rediss://`");
    }
    let about = "While Redis is away: `local` lets each node count its own share, `refuse` \
                 answers 503.";
    let away = Key::new("when_away", Shape::Text, about).default("local");
    let away = section.choice(away, &["local", "refuse"]);
    let about = "What the names of its keys begin with.";
    let prefix = section.text(Key::new("prefix", Shape::Text, about).default(PREFIX));
    let counters = Counters {
        redis: url.map(Secret::new),
        nodes: section.count(&NODES),
        when_away: match away.as_deref() {
            Some("refuse") => WhenAway::Refuse,
            Some(_) | None => WhenAway::Local,
        },
        timeout: section.duration(&TIMEOUT),
        prefix: prefix.unwrap_or_else(|| PREFIX.to_owned()),
    };
    section.finish();
    counters
}
