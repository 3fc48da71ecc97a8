//! The section `agents`: short names of agents. [`super::load`] calls it.
//!
//! Invariant: an alias is one path segment without a colon, so that it can never be taken for a
//! reference, and its upstream exists.

use std::fmt;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::describe::{Key, Shape};
use super::pool::{self, Pool, Shadow};
use super::reader::Section;
use super::suggest::did_you_mean;
use super::upstreams::Upstream;

/// A short name for an agent, or for several of which one is chosen for each run.
#[derive(Clone, Default, PartialEq)]
pub struct Agent {
    /// The upstream it lives on; of several agents, the first one's. So are the next two.
    pub upstream: String,
    /// The platform's id of it; for platforms without agents, the alias itself.
    pub id: String,
    /// What a platform without agents is given on each run; the vendor checks it.
    pub preset: Map<String, Value>,
    /// The workspaces whose callers may see it by this name; none for all.
    pub workspaces: Vec<String>,
    /// Several agents, where the name stands for several.
    pub pool: Option<Pool>,
    /// Another agent that is asked the same for comparison.
    pub shadow: Option<Shadow>,
}

/// Keys of presets that give an agent something to act with.
const ACTING: &[&str] = &["mcp_servers", "tools", "agents", "workflows", "datastores", "queries"];

impl Agent {
    /// Each agent that the name stands for, by itself.
    pub fn targets(&self) -> Vec<Self> {
        let Some(pool) = &self.pool else {
            return vec![Self { shadow: None, ..self.clone() }];
        };
        let one = |target: &pool::Target| Self {
            upstream: target.upstream.clone(),
            id: target.id.clone(),
            preset: target.preset.clone(),
            workspaces: self.workspaces.clone(),
            pool: None,
            shadow: None,
        };
        pool.targets.iter().map(one).collect()
    }

    /// Whether the name stands for this agent, alone or among others.
    pub fn is(&self, upstream: &str, id: &str) -> bool {
        match &self.pool {
            None => self.upstream == upstream && self.id == id,
            Some(pool) => pool.targets.iter().any(|it| it.upstream == upstream && it.id == id),
        }
    }

    /// The agents that the name stands for, as `<upstream>:<id>`.
    pub fn references(&self) -> Vec<String> {
        self.targets().iter().map(|it| format!("{}:{}", it.upstream, it.id)).collect()
    }

    /// Whether what is configured of it lets it act by tools, servers or other agents.
    pub fn has_tools(&self) -> bool {
        let acts = |preset: &Map<String, Value>| {
            let is_some = |key: &&str| match preset.get(*key) {
                None | Some(Value::Null) => false,
                Some(Value::Array(list)) => !list.is_empty(),
                Some(_) => true,
            };
            ACTING.iter().any(is_some)
        };
        match &self.pool {
            None => acts(&self.preset),
            Some(pool) => pool.targets.iter().any(|target| acts(&target.preset)),
        }
    }
}

impl fmt::Debug for Agent {
    /// Without the preset: it holds prompts, and what references stand for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agent").field("of", &self.references()).finish_non_exhaustive()
    }
}

/// The longest alias: it stands in log lines and paths.
const MAX_ALIAS: usize = 80;

pub(super) fn read(
    root: &mut Section<'_>,
    upstreams: &IndexMap<String, Upstream>,
) -> IndexMap<String, Agent> {
    let about = "Short names of agents, for callers.";
    let entries = root.entries(Key::new("agents", Shape::Entries, about));
    let (mut sections, mut agents) = (Vec::new(), IndexMap::new());
    for (alias, mut section) in entries {
        if !is_alias(&alias) {
            section.refuse_key(
                "is no name for an agent (letters, digits, `.`, `_` and `-`, at most 80, since \
                 it is one segment of a path)",
            );
        }
        let agent = read_one(&mut section, &alias, upstreams);
        sections.push(section);
        agents.insert(alias, agent);
    }
    for (mut section, (alias, agent)) in sections.into_iter().zip(&agents) {
        if let Some(shadow) = &agent.shadow
            && let Some(wrong) = wrong_shadow(alias, shadow, &agents, upstreams)
        {
            section.refuse("shadow", wrong);
        }
        section.finish();
    }
    agents
}

fn read_one(
    section: &mut Section<'_>,
    alias: &str,
    upstreams: &IndexMap<String, Upstream>,
) -> Agent {
    let has_targets = section.has("targets");
    let about = "The upstream it lives on, a name of `upstreams`; or say `targets`.";
    let upstream = section.text(Key::new("upstream", Shape::Text, about));
    if upstream.is_none() && !has_targets && !section.has("upstream") {
        section.refuse_key("`upstream` is missing, or `targets`");
    }
    let about = "The platform's id of it; the alias itself where this is left out.";
    let id = section.text(Key::new("id", Shape::Text, about));
    let about = "What the agent is, for a platform that has no agents of its own.";
    let preset = section.object("preset", about);
    let about = "The workspaces whose callers may see it by this name; left out, all.";
    let workspaces = section.texts(Key::new("workspaces", Shape::Texts, about));
    let pool = pool::read_pool(section, alias, upstreams);
    let shadow = pool::read_shadow(section);
    if let Some(upstream) = &upstream {
        pool::check_upstream(section, upstream, upstreams);
    }
    let first = pool.as_ref().and_then(|pool| pool.targets.first()).cloned();
    match first {
        None => Agent {
            upstream: upstream.unwrap_or_default(),
            id: id.unwrap_or_else(|| alias.to_owned()),
            preset,
            workspaces,
            pool: None,
            shadow,
        },
        Some(first) => Agent {
            upstream: first.upstream,
            id: first.id,
            preset: first.preset,
            workspaces,
            pool,
            shadow,
        },
    }
}

/// Why an agent cannot be another's shadow.
fn wrong_shadow(
    alias: &str,
    shadow: &Shadow,
    agents: &IndexMap<String, Agent>,
    upstreams: &IndexMap<String, Upstream>,
) -> Option<String> {
    let name = &shadow.agent;
    if name == alias {
        return Some("an agent cannot be its own shadow".to_owned());
    }
    let Some(other) = agents.get(name) else {
        let is_known = name
            .split_once(':')
            .is_some_and(|(upstream, id)| upstreams.contains_key(upstream) && !id.is_empty());
        let hint = did_you_mean(name, agents.keys().map(String::as_str));
        return (!is_known).then(|| format!("there is no agent `{name}`{hint}"));
    };
    (other.has_tools() && !shadow.tools).then(|| {
        format!(
            "`{name}` has tools, whose doings would be done twice; say `tools: true` to have it"
        )
    })
}

fn is_alias(alias: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    (1..=MAX_ALIAS).contains(&alias.len())
        && alias.chars().all(is_letter)
        && !matches!(alias, "." | "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_is_one_path_segment_without_a_colon() {
        for alias in ["support", "a.b", "Team_1-x"] {
            assert!(is_alias(alias), "{alias}");
        }
        for other in ["", ".", "..", "a:b", "a/b", "a b", "a%2f", "é", &"a".repeat(81)] {
            assert!(!is_alias(other), "{other}");
        }
    }
}
