//! What is asked for, in the engines' words: the action, the operation of the table by which it is
//! asked for, and so the scope that it takes. Called by the explainer.
//!
//! Invariant: where the table has operations for an action, the scope is the table's.

use crate::error::{Error, Result};
use crate::http::operation::{Needs, Operation};
use crate::inbound::admin::explain::Asked;
use crate::model::agent::AgentRef;
use crate::model::judge::{Action, Mode, Owned, Resource};
use crate::model::principal::Principal;
use crate::model::scope::Scope;

/// How runs are asked for, the usual way of each face first.
const RUNS: &[Operation] =
    &[Operation::CreateRun, Operation::CreateAgentRun, Operation::RunHook, Operation::RunAcp];
/// How agents and platforms are read, then runs, then threads.
const READS: &[Operation] = &[
    Operation::ListUpstreams,
    Operation::GetRun,
    Operation::ListRuns,
    Operation::FollowRun,
    Operation::GetThread,
    Operation::ListThreadRuns,
];
/// What operators do.
const ADMINISTERS: &[Operation] = &[
    Operation::GetConfig,
    Operation::Explain,
    Operation::Reload,
    Operation::GetStatus,
    Operation::CreateKey,
    Operation::ListKeys,
    Operation::GetKey,
    Operation::RotateKey,
    Operation::RevokeKey,
    Operation::RevokeToken,
    Operation::ListAudit,
    Operation::ListCheckpoints,
    Operation::ProveRecord,
    Operation::TailAudit,
];

/// What is asked for.
pub(super) struct Wanted<'a> {
    pub(super) action: Action<'a>,
    pub(super) scope: Scope,
    pub(super) operation: Operation,
    pub(super) face: &'static str,
    pub(super) mode: Mode,
}

impl<'a> Wanted<'a> {
    pub(super) fn read(asked: &'a Asked) -> Result<Self> {
        let tool = asked.tools.as_deref().unwrap_or_default();
        // The scope and the face count where the table has no operation.
        let (action, operations, scope, face) = match asked.action.as_deref().unwrap_or("run") {
            "run" => (Action::Run, RUNS, Scope::RunsWrite, "unified"),
            "read" => (Action::Read, READS, Scope::AgentsRead, "unified"),
            "use_tool" => match tool {
                [tool] => (Action::UseTool(tool), RUNS, Scope::RunsWrite, "unified"),
                _ => return Err(Error::invalid("tools", "must name the one tool")),
            },
            "manage_agents" => (Action::ManageAgents, &[][..], Scope::AgentsWrite, "unified"),
            "proxy" => (Action::Proxy, &[][..], Scope::Proxy, "proxy"),
            "administer" => (Action::Administer, ADMINISTERS, Scope::Admin, "admin"),
            _ => {
                let must = "must be `run`, `read`, `use_tool`, `manage_agents`, `proxy` or \
                            `administer`";
                return Err(Error::invalid("action", must));
            }
        };
        let (operation, face) = operation(asked, operations, face)?;
        let scope = match operation.needs() {
            Needs::Scope(scope) | Needs::OnApi(scope) => scope,
            Needs::Nothing => scope,
        };
        let mode = match asked.mode.as_deref().unwrap_or("whole") {
            "whole" => Mode::Whole,
            "stream" => Mode::Stream,
            "background" => Mode::Background,
            _ => {
                let must = "must be `whole`, `stream` or `background`";
                return Err(Error::invalid("mode", must));
            }
        };
        Ok(Self { action, scope, operation, face, mode })
    }

    pub(super) fn needs_agent(&self) -> bool {
        self.action != Action::Administer
    }

    /// Whether it comes to a run of the agent, which limits and budgets count.
    pub(super) fn is_run(&self) -> bool {
        matches!(self.action, Action::Run | Action::UseTool(_))
    }

    /// Whether a thing with an owner is read, which its owner may whatever became of the agent.
    pub(super) fn is_of_owned(&self) -> bool {
        self.action == Action::Read && self.operation != Operation::ListUpstreams
    }

    /// What it is done to. A run or a thread is the caller's own.
    pub(super) fn resource<'b>(
        &self,
        agent: Option<&'b AgentRef>,
        caller: &'b Principal,
    ) -> Option<Resource<'b>> {
        if self.action == Action::Administer {
            return Some(Resource::Gateway);
        }
        let agent = agent?;
        let (workspace, subject) = (caller.workspace.as_str(), caller.subject.as_str());
        let own = Owned { id: "any", agent: agent.into(), workspace, subject };
        let is_thread = matches!(self.operation, Operation::GetThread | Operation::ListThreadRuns);
        Some(match self.action {
            Action::Proxy => Resource::Upstream(&agent.upstream),
            Action::Read if is_thread => Resource::Thread(own),
            Action::Read if self.is_of_owned() => Resource::Run(own),
            Action::Run
            | Action::Read
            | Action::Cancel
            | Action::ManageAgents
            | Action::Administer
            | Action::UseTool(_) => Resource::Agent(agent.into()),
        })
    }
}

/// The operation, and its face: as named, else the first on the face that is asked about.
fn operation(
    asked: &Asked,
    operations: &[Operation],
    usual: &'static str,
) -> Result<(Operation, &'static str)> {
    let face = match asked.face.as_deref() {
        None => None,
        Some(face) => {
            let faces = ["unified", "hooks", "acp", "admin", "proxy"];
            let found = faces.into_iter().find(|name| *name == face);
            let must = "must be `unified`, `hooks`, `acp`, `admin` or `proxy`";
            Some(found.ok_or_else(|| Error::invalid("face", must))?)
        }
    };
    let is_on = |row: &Operation, face: Option<&str>| face.is_none_or(|it| row.face().name() == it);
    if let Some(name) = &asked.operation {
        let is_meant = |row: &&Operation| row.name() == name && is_on(row, face);
        let said = "is none by which this action is asked for on this face";
        let found = operations.iter().find(is_meant);
        let found = found.ok_or_else(|| Error::invalid("operation", said))?;
        return Ok((*found, found.face().name()));
    }
    let face = face.unwrap_or(usual);
    match operations.iter().find(|row| is_on(row, Some(face))) {
        Some(found) => Ok((*found, face)),
        None if operations.is_empty() => Ok((Operation::Unknown, face)),
        None => Err(Error::invalid("face", "is none on which this action is asked for")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::operation::Face;

    /// What a credential is needed for on the operators' socket is what operators do.
    #[test]
    fn every_operation_of_operators_can_be_asked_about() {
        let is_theirs =
            |row: &&Operation| row.face() == Face::Admin && matches!(row.needs(), Needs::Scope(_));
        for row in Operation::ALL.iter().filter(is_theirs) {
            assert!(ADMINISTERS.contains(row), "{}", row.name());
        }
    }
}
