//! The agents of a platform that has none: presets, of the configuration and of the store. The
//! others of this folder ask here where the gateway keeps the agents.
//!
//! Invariant: a preset of the store is its workspace's alone; one of the configuration is changed
//! there, not here. A change is written only over the version that it was made of.

use std::sync::Arc;

use super::{IfMatch, Known};
use crate::config;
use crate::error::{Error, Kind, Result};
use crate::gateway::Gateway;
use crate::model::agent::AgentRef;
use crate::model::call::Call;
use crate::model::ids::AgentId;
use crate::model::profile::{Edit, Profile, StoredPreset};
use crate::model::record::RunFacts;
use crate::outbound::agents::{Manages, Page, Presets};
use crate::store::presets::KeptPreset;

/// Presets of the store that are read at once.
const AT_ONCE: usize = 100;

/// An agent that the gateway keeps.
pub(super) struct Kept {
    pub(super) profile: Profile,
    /// As it is kept; none of the configuration's.
    stored: Option<KeptPreset>,
}

impl Gateway {
    /// What each run of an agent is given: what the configuration says of its alias, or what is
    /// kept of it in the store.
    pub(in crate::gateway) async fn preset(
        &self,
        call: &Call,
        agent: &mut config::Agent,
    ) -> Result<()> {
        let vendor = &self.platform(&agent.upstream)?.vendor;
        let is_kept = matches!(vendor.agents(), Some(Manages::Gateway(_)));
        let Some(id) = AgentId::parse(&agent.id).filter(|_| is_kept && agent.preset.is_empty())
        else {
            return Ok(());
        };
        match self.stored(call, &agent.upstream, &id).await? {
            Some(kept) => agent.preset = kept.stored.preset,
            None => return Err(Error::no_such_agent()),
        }
        Ok(())
    }

    /// One of the agents that the gateway keeps.
    pub(super) async fn kept_agent(
        &self,
        call: &Call,
        known: &Known,
        presets: &dyn Presets,
    ) -> Result<Kept> {
        let Known { name, reference, alias } = known;
        if let Some(id) = AgentId::parse(&reference.native)
            && let Some(kept) = self.stored(call, &reference.upstream, &id).await?
        {
            return Ok(of_the_store(presets, &reference.upstream, kept));
        }
        let alias = alias.as_ref().ok_or_else(Error::no_such_agent)?;
        let profile = of_the_configuration(presets, name, alias);
        Ok(Kept { profile, stored: None })
    }

    /// A page of the agents that the gateway keeps: the configuration's on the first.
    pub(super) async fn kept_page(
        &self,
        call: &Call,
        upstream: &str,
        cursor: &Option<String>,
        presets: &dyn Presets,
    ) -> Result<Page> {
        let after = match cursor {
            None => None,
            Some(text) => {
                Some(AgentId::parse(text).ok_or_else(|| Error::invalid("cursor", "broken"))?)
            }
        };
        let workspace = &call.principal().workspace;
        let store = &self.0.catalog.presets;
        let kept = store.list(workspace, upstream, after.as_ref(), AT_ONCE).await?;
        let next = kept.last().filter(|_| kept.len() == AT_ONCE).map(|last| last.id.to_string());
        let mut agents = Vec::new();
        if cursor.is_none() {
            // An alias of a kept agent is one of its names, and no agent of its own.
            let own = self.0.agents.iter().filter(|(_, alias)| {
                alias.upstream == upstream && AgentId::parse(&alias.id).is_none()
            });
            agents.extend(own.map(|(name, alias)| of_the_configuration(presets, name, alias)));
        }
        agents.extend(kept.into_iter().map(|kept| of_the_store(presets, upstream, kept).profile));
        Ok(Page { agents, next })
    }

    /// Keeps a new agent.
    pub(super) async fn keep_agent(
        &self,
        call: &Call,
        upstream: &str,
        stored: StoredPreset,
    ) -> Result<Known> {
        let now = self.0.clock.now();
        let id = AgentId::new(&*self.0.ids, now);
        let reference = AgentRef { upstream: upstream.to_owned(), native: id.to_string() };
        call.facts.tell(RunFacts::of(&reference.to_string(), &reference));
        self.0
            .catalog
            .presets
            .add(&KeptPreset {
                id,
                upstream: upstream.to_owned(),
                workspace: call.principal().workspace.clone(),
                version: 1,
                created_at: now,
                updated_at: now,
                stored,
            })
            .await?;
        Ok(Known { name: reference.to_string(), reference, alias: None })
    }

    /// Changes one that is kept.
    pub(super) async fn change_kept(
        &self,
        call: &Arc<Call>,
        known: &Known,
        presets: &dyn Presets,
        condition: &IfMatch,
        edit: &Edit,
    ) -> Result<String> {
        let kept = self.kept_agent(call, known, presets).await?;
        let before = kept.stored.ok_or_else(configured)?;
        condition.hold(&kept.profile)?;
        let (stored, id) = presets.change(&before.stored, edit)?;
        let version = before.version;
        let after = KeptPreset { stored, updated_at: self.0.clock.now(), ..before };
        match self.0.catalog.presets.replace(&after, version).await? {
            true => Ok(id),
            false => Err(overtaken(condition)),
        }
    }

    /// Deletes one that is kept.
    pub(super) async fn remove_kept(
        &self,
        call: &Arc<Call>,
        known: &Known,
        presets: &dyn Presets,
        condition: &IfMatch,
    ) -> Result<()> {
        let kept = self.kept_agent(call, known, presets).await?;
        let stored = kept.stored.ok_or_else(configured)?;
        condition.hold(&kept.profile)?;
        match self.0.catalog.presets.remove(&stored).await? {
            true => Ok(()),
            false => Err(overtaken(condition)),
        }
    }

    /// A preset of the store, if it is of the caller's workspace. Another's is not there.
    async fn stored(
        &self,
        call: &Call,
        upstream: &str,
        id: &AgentId,
    ) -> Result<Option<KeptPreset>> {
        let kept = self.0.catalog.presets.get(id).await?;
        Ok(kept.filter(|kept| {
            kept.upstream == upstream && kept.workspace == call.principal().workspace
        }))
    }
}

fn of_the_store(presets: &dyn Presets, upstream: &str, kept: KeptPreset) -> Kept {
    let native = kept.id.to_string();
    let reference = AgentRef { upstream: upstream.to_owned(), native };
    let mut profile = presets.profile(&reference, &kept.stored);
    profile.agent.created_at = Some(kept.created_at);
    profile.agent.updated_at = Some(kept.updated_at);
    Kept { profile, stored: Some(kept) }
}

fn of_the_configuration(presets: &dyn Presets, name: &str, alias: &config::Agent) -> Profile {
    let reference = AgentRef { upstream: alias.upstream.clone(), native: alias.id.clone() };
    let stored =
        StoredPreset { name: name.to_owned(), description: None, preset: alias.preset.clone() };
    let mut profile = presets.profile(&reference, &stored);
    name.clone_into(&mut profile.agent.id);
    profile.agent.aliases.push(name.to_owned());
    profile.agent.read_only = true;
    profile
}

fn configured() -> Error {
    let said = "this agent lives in the gateway's configuration: it is changed there";
    Error::new(Kind::Conflict, said)
}

/// Somebody else has changed the agent in the meantime.
fn overtaken(condition: &IfMatch) -> Error {
    let kind = match condition {
        IfMatch::Tags(_) => Kind::PreconditionFailed,
        IfMatch::Nothing | IfMatch::Any => Kind::Conflict,
    };
    Error::new(kind, "the agent was changed in the meantime: read it again")
}
