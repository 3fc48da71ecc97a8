//! The section `agents`: short names of agents. [`super::load`] calls it.
//!
//! Invariant: an alias is one path segment without a colon, so that it can never be taken for a
//! reference, and its upstream exists.

use std::fmt;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::describe::{Key, Shape};
use super::reader::Section;
use super::suggest::did_you_mean;
use super::upstreams::Upstream;

/// A short name for an agent.
#[derive(Clone, PartialEq)]
pub struct Agent {
    /// The upstream it lives on.
    pub upstream: String,
    /// The platform's id of it; for platforms without agents, the alias itself.
    pub id: String,
    /// What a platform without agents is given on each run; the vendor checks it.
    pub preset: Map<String, Value>,
    /// The workspaces whose callers may see it by this name; none for all.
    pub workspaces: Vec<String>,
}

impl fmt::Debug for Agent {
    /// Without the preset: it holds prompts, and what references stand for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { upstream, id, preset: _, workspaces: _ } = self;
        f.debug_struct("Agent").field("upstream", upstream).field("id", id).finish_non_exhaustive()
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
    let read = |(alias, mut section): (String, Section<'_>)| {
        if !is_alias(&alias) {
            section.refuse_key(
                "is no name for an agent (letters, digits, `.`, `_` and `-`, at most 80, since \
                 it is one segment of a path)",
            );
        }
        let agent = read_one(&mut section, &alias, upstreams);
        section.finish();
        (alias, agent)
    };
    entries.into_iter().map(read).collect()
}

fn read_one(
    section: &mut Section<'_>,
    alias: &str,
    upstreams: &IndexMap<String, Upstream>,
) -> Agent {
    let about = "The upstream it lives on, a name of `upstreams`.";
    let upstream = section.text(Key::new("upstream", Shape::Text, about).required());
    let about = "The platform's id of it; the alias itself where this is left out.";
    let id = section.text(Key::new("id", Shape::Text, about));
    let about = "What the agent is, for a platform that has no agents of its own.";
    let preset = section.object("preset", about);
    let about = "The workspaces whose callers may see it by this name; left out, all.";
    let workspaces = section.texts(Key::new("workspaces", Shape::Texts, about));
    if let Some(upstream) = upstream.as_ref().filter(|name| !upstreams.contains_key(*name)) {
        let hint = did_you_mean(upstream, upstreams.keys().map(String::as_str));
        section.refuse("upstream", format!("there is no upstream of this name{hint}"));
    }
    Agent {
        upstream: upstream.unwrap_or_default(),
        id: id.unwrap_or_else(|| alias.to_owned()),
        preset,
        workspaces,
    }
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
