//! Which agents a caller can see. An agent that it cannot see is no different from one that is not
//! there: who asks learns nothing.
//!
//! Invariant: what is seen under one name is seen by what the name stands for, so that no second
//! name leads around a credential's list or a workspace's bounds.

use crate::config;
use crate::error::{Error, Result};
use crate::gateway::{Gateway, Platform};
use crate::model::agent::AgentRef;
use crate::model::call::Call;
use crate::model::judge::{Action, Circumstances, Question, Resource, When};
use crate::model::principal::Principal;

impl Gateway {
    /// The agent of a reference or an alias, if this caller can see it; of several under one name,
    /// the first that it can see.
    pub fn visible(&self, who: &Principal, agent: &str) -> Result<config::Agent> {
        let found = self.resolve(agent).ok_or_else(Error::no_such_agent)?;
        self.visible_of(who, agent, &found).into_iter().next().ok_or_else(Error::no_such_agent)
    }

    /// Of the agents that a name stands for, those that this caller can see.
    pub(super) fn visible_of(
        &self,
        who: &Principal,
        name: &str,
        named: &config::Agent,
    ) -> Vec<config::Agent> {
        let mut targets = named.targets();
        targets.retain(|target| self.sees(who, name, target));
        targets
    }

    /// What a caller is told of a run that was refused before policy was asked: nothing of an agent
    /// that it may neither read nor run as it wants to.
    pub(super) fn told(
        &self,
        call: &Call,
        target: &AgentRef,
        circumstances: Circumstances<'_>,
        error: Error,
    ) -> Error {
        let (principal, resource) = (call.principal(), Resource::Agent(target.into()));
        let may = |action| {
            let question = Question { principal, action, resource, circumstances };
            self.0.judge.judge(&question).is_ok()
        };
        if may(Action::Run) || may(Action::Read) { error } else { Error::no_such_agent() }
    }

    /// The same, of a request that says nothing yet of the run that it is to be.
    pub fn told_of(&self, call: &Call, agent: config::Agent, error: Error) -> Error {
        let target = AgentRef { upstream: agent.upstream, native: agent.id };
        self.told(call, &target, self.plain(call), error)
    }

    /// A request as it comes, that asks for nothing in particular.
    pub(super) fn plain(&self, call: &Call) -> Circumstances<'static> {
        Circumstances::plain(call.face, When::at(self.0.clock.now()), call.address)
    }

    /// Whether a caller can see an upstream at all.
    pub(super) fn sees_upstream(&self, who: &Principal, name: &str, platform: &Platform) -> bool {
        let may_reach = |entry: &String| match self.0.agents.get(entry) {
            Some(alias) => alias.targets().iter().any(|it| it.upstream == name),
            None => entry.split_once(':').is_some_and(|(upstream, _)| upstream == name),
        };
        is_open_to(&platform.workspaces, who)
            && who.agents.as_ref().is_none_or(|list| list.iter().any(may_reach))
    }

    /// Whether a credential is for every agent of an upstream, those too that are not there yet.
    pub(super) fn is_for_all_of(&self, who: &Principal, upstream: &str) -> bool {
        let is_all = |entry: &String| entry.split_once(':') == Some((upstream, "*"));
        who.agents.as_ref().is_none_or(|list| list.iter().any(is_all))
    }

    /// Whether a credential is for the agent of a run or a thread, by whichever name.
    pub(super) fn reaches(&self, who: &Principal, target: &AgentRef) -> bool {
        let is_it = |entry: &String| match self.0.agents.get(entry) {
            Some(alias) => alias.is(&target.upstream, &target.native),
            None => names(entry, &target.upstream, &target.native),
        };
        who.agents.as_ref().is_none_or(|list| list.iter().any(is_it))
    }

    fn sees(&self, who: &Principal, name: &str, target: &config::Agent) -> bool {
        let Some(platform) = self.0.upstreams.get(&target.upstream) else { return false };
        // Whoever names an alias's agent by its reference must pass what bounds the alias.
        let is_same = |alias: &&config::Agent| alias.is(&target.upstream, &target.id);
        let mut aliases = self.0.agents.values().filter(is_same);
        is_open_to(&platform.workspaces, who)
            && is_open_to(&target.workspaces, who)
            && (self.0.agents.contains_key(name)
                || aliases.all(|alias| is_open_to(&alias.workspaces, who)))
            && who.agents.as_ref().is_none_or(|list| is_listed(list, name, target))
    }

    /// The agent of a reference or an alias, whoever can see it.
    pub fn resolve(&self, agent: &str) -> Option<config::Agent> {
        if let Some(alias) = self.0.agents.get(agent) {
            return Some(alias.clone());
        }
        let reference = AgentRef::parse(agent)?;
        Some(config::Agent {
            upstream: reference.upstream,
            id: reference.native,
            ..config::Agent::default()
        })
    }

    pub(super) fn platform(&self, upstream: &str) -> Result<&Platform> {
        self.0.upstreams.get(upstream).map(|found| &**found).ok_or_else(Error::no_such_agent)
    }
}

fn is_open_to(workspaces: &[String], who: &Principal) -> bool {
    workspaces.is_empty() || workspaces.contains(&who.workspace)
}

/// Whether a credential's list has an agent: by the name that was used, by its reference, or by
/// its whole upstream.
fn is_listed(list: &[String], name: &str, target: &config::Agent) -> bool {
    list.iter().any(|entry| entry == name || names(entry, &target.upstream, &target.id))
}

/// Whether an entry of a list is an agent's reference, or all of its upstream.
fn names(entry: &str, upstream: &str, id: &str) -> bool {
    entry.split_once(':').is_some_and(|(on, it)| on == upstream && (it == "*" || it == id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_an_agent_by_its_name_its_reference_or_its_upstream() {
        let target = config::Agent {
            upstream: "make".to_owned(),
            id: "8d2f".to_owned(),
            ..config::Agent::default()
        };
        for (entry, name, listed) in [
            ("support", "support", true),
            ("support", "make:8d2f", false),
            ("make:8d2f", "support", true),
            ("make:8d2f", "make:8d2f", true),
            ("make:*", "support", true),
            ("zaia:*", "support", false),
            ("make:8d2", "make:8d2f", false),
            ("*", "support", false),
        ] {
            assert_eq!(is_listed(&[entry.to_owned()], name, &target), listed, "{entry} {name}");
        }
    }
}
