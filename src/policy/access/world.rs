//! What stands still while requests come and go: the configured upstreams, and the agents that
//! have aliases. Prepared once, so that a question need only name an agent.
//!
//! Invariant: it never changes; an engine with another world is another engine.

use std::collections::{HashMap, HashSet};

use cedar_policy::{Entities, Entity, EntityUid, RestrictedExpression};

use super::names::Names;
use super::report::Unspeakable;
use crate::model::judge::Agent;

/// What is configured, as far as policies speak of it.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// The upstreams.
    pub upstreams: Vec<KnownUpstream>,
    /// The agents with an alias.
    pub agents: Vec<KnownAgent>,
}

/// A configured upstream.
#[derive(Clone, Debug)]
pub struct KnownUpstream {
    /// Its name.
    pub name: String,
    /// Its kind of platform.
    pub kind: String,
}

/// An alias for an agent.
#[derive(Clone, Debug)]
pub struct KnownAgent {
    /// The alias.
    pub alias: String,
    /// The upstream of the agent.
    pub upstream: String,
    /// The platform's id of it.
    pub id: String,
}

/// The kind of an upstream that is no longer configured, of which there may still be runs.
const GONE: &str = "unknown";

/// The world in Cedar's words.
pub(super) struct Prepared {
    upstreams: HashMap<String, Place>,
    /// Every upstream and every alias as an entity, for the rare policies that read the
    /// attributes of one that they name.
    pub(super) everything: Entities,
}

struct Place {
    kind: String,
    aliases: HashMap<String, Vec<EntityUid>>,
}

impl Prepared {
    pub(super) fn new(world: &World, names: &Names) -> Result<Self, Unspeakable> {
        let mut upstreams = HashMap::new();
        let mut entities = Vec::new();
        for upstream in &world.upstreams {
            entities.push(upstream_entity(names, &upstream.name, &upstream.kind)?);
            let place = Place { kind: upstream.kind.clone(), aliases: HashMap::new() };
            upstreams.insert(upstream.name.clone(), place);
        }
        let mut told = HashSet::new();
        for known in &world.agents {
            let is_of_several =
                world.agents.iter().filter(|other| other.alias == known.alias).count() > 1;
            let alias = names.alias(&known.alias);
            let place = upstreams
                .entry(known.upstream.clone())
                .or_insert_with(|| Place { kind: GONE.to_owned(), aliases: HashMap::new() });
            let agent = Agent { upstream: &known.upstream, id: &known.id };
            let attributes = agent_attributes(agent, &place.kind);
            if is_of_several {
                // The name is on no one upstream: what is let in by it must not be let in on the
                // upstream of another agent of the same name.
                if told.insert(&known.alias) {
                    let nowhere = agent_attributes(Agent { upstream: "", id: "" }, "several");
                    entities.push(Entity::new(alias.clone(), nowhere, HashSet::new())?);
                }
            } else {
                let parents = HashSet::from([names.upstream(&known.upstream)]);
                entities.push(Entity::new(alias.clone(), attributes, parents)?);
            }
            place.aliases.entry(known.id.clone()).or_default().push(alias);
        }
        Ok(Self { upstreams, everything: Entities::from_entities(entities, None)? })
    }

    /// The kind of platform behind an upstream.
    pub(super) fn kind(&self, upstream: &str) -> &str {
        self.upstreams.get(upstream).map_or(GONE, |place| &place.kind)
    }

    /// The aliases that stand for an agent.
    pub(super) fn aliases(&self, agent: Agent<'_>) -> &[EntityUid] {
        self.upstreams
            .get(agent.upstream)
            .and_then(|place| place.aliases.get(agent.id))
            .map_or(&[], Vec::as_slice)
    }
}

/// An upstream as policies see it.
pub(super) fn upstream_entity(
    names: &Names,
    name: &str,
    kind: &str,
) -> Result<Entity, Unspeakable> {
    let attributes = HashMap::from([("kind".to_owned(), text(kind))]);
    Ok(Entity::new(names.upstream(name), attributes, HashSet::new())?)
}

/// What policies may ask of an agent.
pub(super) fn agent_attributes(
    agent: Agent<'_>,
    kind: &str,
) -> HashMap<String, RestrictedExpression> {
    HashMap::from([
        ("upstream".to_owned(), text(agent.upstream)),
        ("kind".to_owned(), text(kind)),
        ("id".to_owned(), text(agent.id)),
    ])
}

/// A string of policies.
pub(super) fn text(text: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(text.to_owned())
}
