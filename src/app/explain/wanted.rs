//! What is asked for, in the engines' words. Called by the explainer.

use crate::error::{Error, Result};
use crate::http::operation::Operation;
use crate::inbound::admin::explain::Asked;
use crate::model::judge::{Action, Mode};
use crate::model::scope::Scope;

/// What is asked for, in the engines' words.
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
        let (action, scope, operation) = match asked.action.as_deref().unwrap_or("run") {
            "run" => (Action::Run, Scope::RunsWrite, Operation::CreateRun),
            "read" => (Action::Read, Scope::AgentsRead, Operation::ListUpstreams),
            "use_tool" => match tool {
                [tool] => (Action::UseTool(tool), Scope::RunsWrite, Operation::CreateRun),
                _ => return Err(Error::invalid("tools", "must name the one tool")),
            },
            "manage_agents" => (Action::ManageAgents, Scope::AgentsWrite, Operation::Unknown),
            "proxy" => (Action::Proxy, Scope::Proxy, Operation::Unknown),
            "administer" => (Action::Administer, Scope::Admin, Operation::GetConfig),
            _ => {
                let must = "must be `run`, `read`, `use_tool`, `manage_agents`, `proxy` or \
                            `administer`";
                return Err(Error::invalid("action", must));
            }
        };
        let faces = ["unified", "hooks", "acp", "admin", "proxy"];
        let face = asked.face.as_deref().unwrap_or("unified");
        let face = faces.into_iter().find(|name| *name == face).ok_or_else(|| {
            Error::invalid("face", "must be `unified`, `hooks`, `acp`, `admin` or `proxy`")
        })?;
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
}
