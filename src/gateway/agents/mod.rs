//! Agents, over all platforms: listed, read, made, changed, deleted. Faces call it.
//!
//! Invariant: a change is made of what was read immediately before it, and only where the caller's
//! condition holds of that; so no change is lost in silence. What is read may be as old as the
//! cache allows, never older than the last change that was made through this process.

mod cache;
mod kept;
mod list;
mod show;
mod turns;
mod write;

use std::sync::Arc;
use std::time::Duration;

use crate::config;
use crate::error::{Error, Kind, Result};
use crate::gateway::{Gateway, Platform};
use crate::model::agent::AgentRef;
use crate::model::call::Call;
use crate::model::judge::{Action, Resource};
use crate::model::profile::{Agent, Profile};
use crate::model::record::RunFacts;
use crate::model::screen::Screen;
use crate::outbound::agents::Manages;
use crate::outbound::dispatch::Dispatcher;
use crate::store::presets::Presets;

use cache::Cache;
use turns::Turns;

pub use list::{AgentFilter, AgentPage, PartialFailure};
pub use show::{IfMatch, Shown};
pub use write::{Attached, Change};

/// What agents are managed with.
pub struct Catalog {
    /// Talks to platforms.
    pub dispatcher: Dispatcher,
    /// Treats what is said of agents.
    pub screen: Arc<dyn Screen>,
    /// The agents that the gateway keeps.
    pub presets: Presets,
    /// What was read lately.
    cache: Cache,
    /// Who changes what.
    turns: Turns,
    /// How long a list waits for a platform.
    within: Duration,
}

impl Catalog {
    /// A catalog that has read nothing yet.
    pub fn new(
        dispatcher: Dispatcher,
        screen: Arc<dyn Screen>,
        presets: Presets,
        bounds: &config::Profiles,
    ) -> Self {
        let cache = Cache::new(bounds.kept_for, bounds.kept);
        let turns = Turns::default();
        Self { dispatcher, screen, presets, cache, turns, within: bounds.list_within }
    }
}

/// An agent that a caller may read, before anything was asked about it.
#[derive(Clone)]
struct Known {
    /// As the caller named it.
    name: String,
    reference: AgentRef,
    alias: Option<config::Agent>,
}

impl Gateway {
    /// One agent.
    pub async fn agent(&self, call: &Arc<Call>, name: &str) -> Result<Shown> {
        let known = self.known(call, name)?;
        let profile = self.profile(call, &known).await?;
        self.shown(call, &known, &profile)
    }

    /// An agent that the caller may read. To all others it is not there.
    fn known(&self, call: &Call, name: &str) -> Result<Known> {
        let target = self.visible(call.principal(), name)?;
        let alias = self.0.agents.get(name).cloned();
        let reference = AgentRef { upstream: target.upstream, native: target.id };
        if !self.may_see(call, &reference) {
            return Err(Error::no_such_agent());
        }
        call.facts.tell(RunFacts::of(name, &reference));
        Ok(Known { name: name.to_owned(), reference, alias })
    }

    /// What is known of an agent; its platform is asked where nobody has lately.
    async fn profile(&self, call: &Arc<Call>, known: &Known) -> Result<Arc<Profile>> {
        let platform = self.platform(&known.reference.upstream)?;
        match manages(platform)? {
            Manages::Gateway(presets) => {
                self.kept_agent(call, known, presets).await.map(|kept| Arc::new(kept.profile))
            }
            Manages::Platform(_) => {
                let read = self.fresh(call, &known.reference);
                self.0.catalog.cache.profile(&known.reference, read).await
            }
        }
    }

    /// What a platform says of an agent now.
    async fn fresh(&self, call: &Arc<Call>, reference: &AgentRef) -> Result<Profile> {
        let Manages::Platform(agents) = manages(self.platform(&reference.upstream)?)? else {
            return Err(Error::new(Kind::Internal, "this platform has no agents to read"));
        };
        let turn = agents.read(&reference.native)?;
        self.0.catalog.dispatcher.inquire(call, &reference.upstream, turn).await
    }

    /// The names that a caller may use for an agent.
    fn aliases(&self, call: &Call, reference: &AgentRef) -> Vec<String> {
        let who = call.principal();
        let is_it = |(_, alias): &(&String, &config::Agent)| {
            alias.upstream == reference.upstream && alias.id == reference.native
        };
        let all = self.0.agents.iter().filter(is_it);
        let usable = all.filter(|(name, _)| self.visible(who, name).is_ok());
        usable.map(|(name, _)| name.clone()).collect()
    }

    /// An agent as a caller names it: by its reference or, where its credential is for an alias
    /// alone, by that.
    fn named(&self, call: &Call, mut agent: Agent, reference: &AgentRef) -> Option<Agent> {
        agent.aliases = self.aliases(call, reference);
        if self.visible(call.principal(), &agent.id).is_err() {
            agent.id = agent.aliases.first()?.clone();
        }
        self.may_see(call, reference).then_some(agent)
    }

    /// Whether policy shows an agent to a caller. Who may change one may see what it changes.
    fn may_see(&self, call: &Call, reference: &AgentRef) -> bool {
        let ask = |action| self.ask(call, action, Resource::Agent(reference.into())).is_ok();
        ask(Action::Read) || ask(Action::ManageAgents)
    }
}

/// Who keeps the agents of a platform.
fn manages(platform: &Platform) -> Result<Manages<'_>> {
    let said = "the agents of this platform cannot be managed";
    platform.vendor.agents().ok_or_else(|| Error::new(Kind::NotSupported, said))
}
