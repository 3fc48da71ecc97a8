//! Makes, changes and deletes agents. What is said of them is screened before a platform sees it.
//!
//! Invariant: once a platform has been asked to change something, the change is carried to its end,
//! whether or not its caller is still there; and nothing is sent to it twice.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::{IfMatch, Known, Shown, manages};
use crate::error::{Error, Kind, Result};
use crate::gateway::Gateway;
use crate::model::agent::AgentRef;
use crate::model::call::Call;
use crate::model::judge::{Action, Resource};
use crate::model::pii::PiiCount;
use crate::model::profile::{AgentDraft, AgentServer, AgentTool, Edit, Profile};
use crate::model::record::RunFacts;
use crate::outbound::agents::{Creation, Manages};

/// What a change has made of an agent.
#[derive(Debug)]
pub struct Change {
    /// The agent as it is now.
    pub shown: Shown,
    /// What was attached.
    pub attached: Option<Attached>,
}

/// What was attached.
#[derive(Debug)]
pub enum Attached {
    /// A tool.
    Tool(AgentTool),
    /// An MCP server.
    Server(AgentServer),
}

impl Gateway {
    /// Makes an agent on an upstream.
    pub async fn create_agent(
        &self,
        call: &Arc<Call>,
        upstream: &str,
        draft: AgentDraft,
    ) -> Result<Shown> {
        let platform = self.0.upstreams.get(upstream);
        let seen = platform.filter(|it| self.sees_upstream(call.principal(), upstream, it));
        let none = || Error::invalid("upstream", "there is no upstream of this name");
        let manages = manages(seen.ok_or_else(none)?)?;
        let everything = AgentRef { upstream: upstream.to_owned(), native: "*".to_owned() };
        call.facts.tell(RunFacts::of(&everything.to_string(), &everything));
        self.ask(call, Action::ManageAgents, Resource::Upstream(upstream))?;
        if !self.is_for_all_of(call.principal(), upstream) {
            let said = "this credential is for some agents of the upstream, not for new ones";
            return Err(Error::new(Kind::Forbidden, said));
        }
        let (draft, found) = self.screened(call, upstream, &everything.to_string(), draft)?;
        if let Manages::Gateway(presets) = manages {
            let kept = presets.create(&draft)?;
            let known = self.keep_agent(call, upstream, kept).await?;
            return self.made(call, &known, found).await;
        }
        let (gateway, asker, on) = (self.clone(), Arc::clone(call), upstream.to_owned());
        let make = async move { gateway.make(&asker, &on, &draft).await };
        let reference = self.to_its_end(make).await?;
        call.facts.tell(RunFacts::of(&reference.to_string(), &reference));
        let known = Known { name: reference.to_string(), reference, alias: None };
        self.made(call, &known, found).await
    }

    /// Changes an agent, if it is as its caller demands.
    pub async fn change_agent(
        &self,
        call: &Arc<Call>,
        name: &str,
        condition: IfMatch,
        edit: Edit,
    ) -> Result<Change> {
        let known = self.changeable(call, name)?;
        let (edit, found) = self.screened_edit(call, &known, edit)?;
        let (gateway, asker, of) = (self.clone(), Arc::clone(call), known.clone());
        let wanted = edit.clone();
        let change = async move { gateway.change(&asker, &of, &condition, &wanted).await };
        let id = self.to_its_end(change).await?;
        let profile = self.profile(call, &known).await?;
        let mut shown = self.shown(call, &known, &profile)?;
        PiiCount::add_all(&mut shown.agent.pii, found);
        let attached = attached(edit, id, &shown);
        Ok(Change { shown, attached })
    }

    /// Deletes an agent, if it is as its caller demands.
    pub async fn remove_agent(
        &self,
        call: &Arc<Call>,
        name: &str,
        condition: IfMatch,
    ) -> Result<()> {
        let known = self.changeable(call, name)?;
        let (gateway, asker) = (self.clone(), Arc::clone(call));
        self.to_its_end(async move { gateway.remove(&asker, &known, &condition).await }).await
    }

    /// An agent that the caller may change.
    fn changeable(&self, call: &Call, name: &str) -> Result<Known> {
        let known = self.known(call, name)?;
        self.ask(call, Action::ManageAgents, Resource::Agent((&known.reference).into()))?;
        Ok(known)
    }

    fn screened_edit(
        &self,
        call: &Call,
        known: &Known,
        edit: Edit,
    ) -> Result<(Edit, Vec<PiiCount>)> {
        let mut draft = AgentDraft::default();
        match &edit {
            Edit::Fields(fields) => draft = (**fields).clone(),
            Edit::AttachTool(tool) => draft.tools = Some(vec![tool.clone()]),
            Edit::AttachServer(server) => draft.mcp_servers = Some(vec![server.clone()]),
            Edit::DetachTool(_) | Edit::DetachServer(_) => return Ok((edit, Vec::new())),
        }
        let upstream = &known.reference.upstream;
        let (mut draft, found) =
            self.screened(call, upstream, &known.reference.to_string(), draft)?;
        let edit = match edit {
            Edit::Fields(_) => Edit::Fields(Box::new(draft)),
            Edit::AttachTool(tool) => {
                Edit::AttachTool(draft.tools.take().and_then(|mut all| all.pop()).unwrap_or(tool))
            }
            Edit::AttachServer(server) => Edit::AttachServer(
                draft.mcp_servers.take().and_then(|mut all| all.pop()).unwrap_or(server),
            ),
            Edit::DetachTool(_) | Edit::DetachServer(_) => edit,
        };
        Ok((edit, found))
    }

    /// A new agent as its caller is shown it.
    async fn made(&self, call: &Arc<Call>, known: &Known, found: Vec<PiiCount>) -> Result<Shown> {
        let profile = self.profile(call, known).await?;
        let mut shown = self.shown(call, known, &profile)?;
        PiiCount::add_all(&mut shown.agent.pii, found);
        Ok(shown)
    }

    async fn make(&self, call: &Arc<Call>, on: &str, draft: &AgentDraft) -> Result<AgentRef> {
        let catalog = &self.0.catalog;
        let Manages::Platform(agents) = manages(self.platform(on)?)? else {
            return Err(Error::new(Kind::Internal, "this platform makes no agents"));
        };
        let Creation { turn, then } = agents.create(draft)?;
        let everything = AgentRef { upstream: on.to_owned(), native: String::new() };
        let _changing = catalog.cache.changing(&everything);
        let native = catalog.dispatcher.inquire(call, on, turn).await?;
        let reference = AgentRef { upstream: on.to_owned(), native };
        let _turn = catalog.turns.at(&reference).await;
        for edit in &then {
            let fresh = self.fresh(call, &reference).await;
            let done = match fresh {
                Ok(fresh) => self.send_change(call, &fresh, edit).await.map(drop),
                Err(error) => Err(error),
            };
            if let Err(error) = done {
                self.undo(call, &reference).await;
                return Err(error);
            }
        }
        Ok(reference)
    }

    /// Deletes an agent that could not be finished.
    async fn undo(&self, call: &Arc<Call>, reference: &AgentRef) {
        let undone = async {
            let Manages::Platform(agents) = manages(self.platform(&reference.upstream)?)? else {
                return Ok(());
            };
            let turn = agents.remove(&reference.native)?;
            self.0.catalog.dispatcher.inquire(call, &reference.upstream, turn).await
        };
        if let Err(error) = undone.await {
            let (upstream, id) = (&reference.upstream, &reference.native);
            tracing::warn!(%upstream, agent = %id, ?error, "half an agent was left at the platform");
        }
    }

    async fn change(
        &self,
        call: &Arc<Call>,
        known: &Known,
        condition: &IfMatch,
        edit: &Edit,
    ) -> Result<String> {
        if let Manages::Gateway(presets) = manages(self.platform(&known.reference.upstream)?)? {
            return self.change_kept(call, known, presets, condition, edit).await;
        }
        let _turn = self.0.catalog.turns.at(&known.reference).await;
        let fresh = self.fresh(call, &known.reference).await?;
        condition.hold(&fresh)?;
        let _changing = self.0.catalog.cache.changing(&known.reference);
        self.send_change(call, &fresh, edit).await
    }

    async fn send_change(&self, call: &Arc<Call>, fresh: &Profile, edit: &Edit) -> Result<String> {
        let upstream = &fresh.reference.upstream;
        let Manages::Platform(agents) = manages(self.platform(upstream)?)? else {
            return Err(Error::new(Kind::Internal, "this platform changes no agents"));
        };
        let turn = agents.change(fresh, edit)?;
        let done = self.0.catalog.dispatcher.inquire(call, upstream, turn).await;
        let detaches = matches!(edit, Edit::DetachTool(_) | Edit::DetachServer(_));
        done.map_err(|error| {
            if detaches && error.kind() == Kind::AgentNotFound {
                // It was there a moment ago: what is missing is what was to be taken from it.
                return Error::new(Kind::NotFound, "the agent has nothing of this id");
            }
            error
        })
    }

    async fn remove(&self, call: &Arc<Call>, known: &Known, condition: &IfMatch) -> Result<()> {
        let upstream = &known.reference.upstream;
        let agents = match manages(self.platform(upstream)?)? {
            Manages::Platform(agents) => agents,
            Manages::Gateway(presets) => {
                return self.remove_kept(call, known, presets, condition).await;
            }
        };
        let _turn = self.0.catalog.turns.at(&known.reference).await;
        if let IfMatch::Tags(_) | IfMatch::Any = condition {
            condition.hold(&self.fresh(call, &known.reference).await?)?;
        }
        let _changing = self.0.catalog.cache.changing(&known.reference);
        let turn = agents.remove(&known.reference.native)?;
        self.0.catalog.dispatcher.inquire(call, upstream, turn).await
    }

    /// Does something in a task of its own, and waits for it.
    async fn to_its_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let (tell, told) = oneshot::channel();
        self.0.tasks.spawn("agent", async move {
            // Nobody may be there any more to be told.
            tell.send(work.await).ok();
        });
        let lost = |_| Error::new(Kind::Internal, "the change's task ended unexpectedly");
        told.await.map_err(lost)?
    }
}

/// What was attached, as it is now; where the platform does not tell, as it was asked for.
fn attached(edit: Edit, id: String, shown: &Shown) -> Option<Attached> {
    match edit {
        Edit::AttachTool(draft) => {
            let there = shown.agent.tools.iter().flatten().find(|tool| tool.id == id).cloned();
            Some(Attached::Tool(there.unwrap_or(AgentTool {
                id,
                name: draft.name,
                description: draft.description,
                native: draft.native,
            })))
        }
        Edit::AttachServer(draft) => {
            let all = shown.agent.mcp_servers.iter().flatten();
            let there = all.into_iter().find(|server| server.id == id).cloned();
            Some(Attached::Server(there.unwrap_or(AgentServer {
                id,
                name: draft.name,
                url: draft.url,
                tools: draft.tools,
                native: draft.native,
            })))
        }
        Edit::Fields(_) | Edit::DetachTool(_) | Edit::DetachServer(_) => None,
    }
}
