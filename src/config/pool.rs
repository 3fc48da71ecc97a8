//! What an alias of several agents says of them: which they are, how one is chosen, when one is
//! left out, and whether another is asked the same for comparison. [`super::agents`] calls it.
//!
//! Invariant: an alias that names targets names at least two, none of them twice.

use std::fmt;
use std::time::Duration;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::describe::{Key, Setting, Shape};
use super::reader::Section;
use super::suggest::did_you_mean;
use super::upstreams::Upstream;

/// Several agents under one name.
#[derive(Clone, Debug, PartialEq)]
pub struct Pool {
    /// How one of them is chosen.
    pub choose: Choose,
    /// The agents.
    pub targets: Vec<Target>,
    /// When one is left out.
    pub eject: Eject,
}

/// How one of several agents is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choose {
    /// The first that is well.
    Ordered,
    /// Any that is well, each as often as its weight says.
    Weighted,
}

/// One of several agents.
#[derive(Clone, PartialEq)]
pub struct Target {
    /// The upstream it lives on.
    pub upstream: String,
    /// The platform's id of it.
    pub id: String,
    /// What a platform without agents is given on each run.
    pub preset: Map<String, Value>,
    /// How often it is chosen beside the others.
    pub weight: u32,
}

impl fmt::Debug for Target {
    /// Without the preset: it holds prompts, and what references stand for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} ×{}", self.upstream, self.id, self.weight)
    }
}

/// When an agent is left out of the choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Eject {
    /// Failed runs in a row.
    pub failures: u32,
    /// How long it is left out the first time; each time after that, twice as long.
    pub rest: Duration,
    /// But no longer than this.
    pub longest: Duration,
}

/// Another agent that is asked the same for comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shadow {
    /// An alias or a reference.
    pub agent: String,
    /// Of a hundred runs, so many.
    pub percent: u32,
    /// Whether an agent with tools may be asked, and runs that ask for tools are copied.
    pub tools: bool,
    /// Copies in flight, beyond which none is made.
    pub most: u32,
}

const WEIGHT: Setting<u32> = Setting::new(
    "weight",
    "How often it is chosen beside the others, where `choose` is `weighted`.",
    1,
    1..=1_000,
    "none is never chosen, and finer shares than a thousandth nobody sees",
);
const FAILURES: Setting<u32> = Setting::new(
    "failures",
    "Failed runs in a row, after which it is left out.",
    3,
    1..=1_000,
    "none would leave it out at once, and more never",
);
const REST: Setting<Duration> = Setting::new(
    "rest",
    "How long it is left out the first time; each time after that, twice as long.",
    Duration::from_secs(10),
    Duration::from_millis(10)..=Duration::from_secs(3600),
    "less is no rest, and more is for ever",
);
const LONGEST: Setting<Duration> = Setting::new(
    "longest",
    "The longest that it is left out before one run may try it again.",
    Duration::from_secs(300),
    Duration::from_millis(10)..=Duration::from_secs(24 * 3600),
    "less is no rest, and more is for ever",
);
const PERCENT: Setting<u32> = Setting::new(
    "percent",
    "Of a hundred runs, so many are copied.",
    100,
    0..=100,
    "there are no more runs than all",
);
const MOST: Setting<u32> = Setting::new(
    "most",
    "Copies in flight, beyond which none is made.",
    10,
    1..=10_000,
    "none would copy nothing, and copies must not crowd out runs",
);

pub(super) fn read_pool(
    agent: &mut Section<'_>,
    alias: &str,
    upstreams: &IndexMap<String, Upstream>,
) -> Option<Pool> {
    let about = "Several agents under this name, in order of preference or with weights; in \
                 place of `upstream`, `id` and `preset`.";
    let is_there = agent.has("targets");
    let targets: Vec<Target> = agent
        .items("targets", about)
        .into_iter()
        .map(|section| read_target(section, alias, upstreams))
        .collect();
    let about = "How one of `targets` is chosen: `ordered`, the first that is well, or `weighted`.";
    let choose = Key::new("choose", Shape::Text, about).default("ordered");
    let has_choose = agent.has("choose");
    let choose = agent.choice(choose, &["ordered", "weighted"]);
    let has_eject = agent.has("eject");
    let mut section = agent.section("eject", "When one of `targets` is left out for a while.");
    let eject = Eject {
        failures: section.count(&FAILURES),
        rest: section.duration(&REST),
        longest: section.duration(&LONGEST),
    };
    if eject.longest < eject.rest {
        section.refuse("longest", "must be no less than `rest`");
    }
    section.finish();
    if !is_there {
        for (key, is_given) in [("choose", has_choose), ("eject", has_eject)] {
            if is_given {
                agent.refuse(key, "means nothing without `targets`");
            }
        }
        return None;
    }
    for key in ["upstream", "id", "preset"] {
        if agent.has(key) {
            agent.refuse(key, "stands in each of `targets`, not beside them");
        }
    }
    if targets.len() < 2 {
        agent.refuse("targets", "must be at least two; one agent needs no list");
    }
    for (at, target) in targets.iter().enumerate() {
        let is_same = |it: &Target| it.upstream == target.upstream && it.id == target.id;
        if targets.iter().take(at).any(is_same) {
            let said = format!("names `{}:{}` twice", target.upstream, target.id);
            agent.refuse("targets", said);
        }
    }
    let is_weighted = choose.as_deref() == Some("weighted");
    let choose = if is_weighted { Choose::Weighted } else { Choose::Ordered };
    Some(Pool { choose, targets, eject })
}

fn read_target(
    mut section: Section<'_>,
    alias: &str,
    upstreams: &IndexMap<String, Upstream>,
) -> Target {
    let about = "The upstream it lives on, a name of `upstreams`.";
    let upstream = section.text(Key::new("upstream", Shape::Text, about).required());
    let about = "The platform's id of it; the alias itself where this is left out.";
    let id = section.text(Key::new("id", Shape::Text, about));
    let about = "What the agent is, for a platform that has no agents of its own.";
    let preset = section.object("preset", about);
    let weight = section.count(&WEIGHT);
    if let Some(upstream) = &upstream {
        check_upstream(&mut section, upstream, upstreams);
    }
    section.finish();
    Target {
        upstream: upstream.unwrap_or_default(),
        id: id.unwrap_or_else(|| alias.to_owned()),
        preset,
        weight,
    }
}

/// Refuses an upstream that there is not.
pub(super) fn check_upstream(
    section: &mut Section<'_>,
    upstream: &str,
    upstreams: &IndexMap<String, Upstream>,
) {
    if !upstreams.contains_key(upstream) {
        let hint = did_you_mean(upstream, upstreams.keys().map(String::as_str));
        section.refuse("upstream", format!("there is no upstream of this name{hint}"));
    }
}

/// What an alias says of a shadow, and how it is to be reported that it is wrong.
pub(super) fn read_shadow(agent: &mut Section<'_>) -> Option<Shadow> {
    let about = "Another agent that is asked the same, for comparison; its answer is kept and \
                 never returned.";
    let mut section = agent.optional_section("shadow", about)?;
    let about = "Which agent: an alias, or `<upstream>:<native id>`.";
    let other = section.text(Key::new("agent", Shape::Text, about).required());
    let percent = section.count(&PERCENT);
    let about = "Whether it may have tools, and runs that ask for tools are copied: what its tools \
                 do is then done twice.";
    let tools = section.flag("tools", about, false);
    let most = section.count(&MOST);
    section.finish();
    Some(Shadow { agent: other?, percent, tools, most })
}
