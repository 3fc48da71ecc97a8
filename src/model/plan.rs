//! An admitted run on its way to a platform: the RUN stack's request.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::model::agent::AgentRef;
use crate::model::call::Call;
use crate::model::content::Message;
use crate::model::halt::Halt;
use crate::model::ids::{RunId, ThreadId};
use crate::model::judge::{Circumstances, Mode, When};
use crate::model::pii::PiiCount;
use crate::model::request::RunRequest;
use crate::model::vault::TokenVault;

/// A run that is asked for and not admitted yet: what the ADMIT stack is called with.
#[derive(Debug)]
pub struct Proposal {
    /// The call that asks for it.
    pub call: Arc<Call>,
    /// What is to be run.
    pub plan: Plan,
}

/// A run that is admitted: what the ADMIT stack answers with.
#[derive(Debug)]
pub struct Admission {
    /// What is to be run.
    pub plan: Plan,
    /// What was taken for it.
    pub grants: Grants,
}

/// What was taken for a run when it was admitted, and is given back when it is over: permits, a
/// reservation of a budget. A bag, because the layer that took something is the only one that
/// knows its type, and everything in it gives itself back when it is dropped.
#[derive(Default)]
pub struct Grants(Vec<Box<dyn Any + Send>>);

impl Grants {
    /// Puts something in.
    pub fn add(&mut self, grant: impl Any + Send) {
        self.0.push(Box::new(grant));
    }

    /// Takes the thing of this type out, where there is one.
    pub fn take<T: Any>(&mut self) -> Option<T> {
        let at = self.0.iter().position(|grant| grant.is::<T>())?;
        self.0.swap_remove(at).downcast().ok().map(|grant| *grant)
    }
}

impl fmt::Debug for Grants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} grants]", self.0.len())
    }
}

/// What the RUN stack is called with.
#[derive(Debug)]
pub struct RunCall {
    /// The call that asked for it.
    pub call: Arc<Call>,
    /// What is to be run.
    pub plan: Arc<Plan>,
    /// What was taken for it. The outermost layer of the RUN stack holds it to the run's end.
    pub grants: Grants,
    /// Who says that it must stop.
    pub halt: Arc<dyn Halt>,
}

/// What is to be run, where, and with which memory.
pub struct Plan {
    /// The run.
    pub run_id: RunId,
    /// The agent: on which upstream it is, and the platform's own id of it.
    pub target: AgentRef,
    /// The kind of its platform.
    pub kind: String,
    /// How its caller waits for it.
    pub mode: Mode,
    /// Who sees to its tools.
    pub tools: ToolControl,
    /// The agent's configured preset; empty where it has none.
    pub preset: Map<String, Value>,
    /// What the caller asked, without what was ignored.
    pub request: RunRequest,
    /// What PII policy found in the request, and has treated.
    pub pii: Vec<PiiCount>,
    /// The conversation.
    pub thread: PlannedThread,
    /// The platform's own request, where the caller has written that; whoever sends it knows what
    /// it is. `request` then only has what policy may know of it.
    pub native: Option<Arc<dyn Any + Send + Sync>>,
}

/// Who sees to the tools of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ToolControl {
    /// It says in its stream what it decides over each call.
    pub tells: bool,
    /// It holds a run to the tools that are asked for, so that nobody else must.
    pub restricts: bool,
    /// Each call must be seen, because policy, a limit or the request may be against it. A platform
    /// that tells its calls only in a stream is then asked for one.
    pub must_be_seen: bool,
}

/// The conversation that a run continues or opens.
#[derive(Debug)]
pub struct PlannedThread {
    /// Our id of it.
    pub id: ThreadId,
    /// Whether an earlier run was in it.
    pub is_continued: bool,
    /// The platform's id of it, if it has one yet.
    pub native: Option<String>,
    /// What was said before, for platforms without a memory of their own. It was treated when it
    /// was said.
    pub history: Vec<Message>,
    /// What stands behind its tokens, once policy has minted one.
    pub vault: Option<Arc<dyn TokenVault>>,
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[plan {} on {}: {:?}]", self.run_id, self.target.upstream, self.request)
    }
}

impl Plan {
    /// The upstream's configured name.
    pub fn upstream(&self) -> &str {
        &self.target.upstream
    }

    /// The platform's own id of the agent.
    pub fn agent(&self) -> &str {
        &self.target.native
    }

    /// The run's last message: the one to answer. Empty only for a request that was never checked.
    pub fn question(&self) -> &str {
        self.request.input.last().map_or("", |message| message.content.as_str())
    }

    /// All that was said before the last message: the thread's history, then the request's own.
    pub fn earlier(&self) -> impl Iterator<Item = &Message> {
        let own = &self.request.input[..self.request.input.len().saturating_sub(1)];
        self.thread.history.iter().chain(own)
    }

    /// The URLs of the MCP servers that are asked for.
    pub fn servers(&self) -> Vec<&str> {
        self.request.mcp_servers.iter().map(|server| server.url.as_str()).collect()
    }

    /// What policy may know of it; `servers` are its [`Self::servers`].
    pub fn circumstances<'a>(
        &'a self,
        call: &Call,
        when: When,
        servers: &'a [&'a str],
    ) -> Circumstances<'a> {
        Circumstances {
            mode: self.mode,
            model: self.request.model.as_deref(),
            tools: self.request.tools.as_deref(),
            mcp_servers: servers,
            max_cost_usd: self.request.limits.max_cost_usd,
            ..Circumstances::plain(call.face, when, call.address)
        }
    }

    /// Everything that was said, the last message included.
    pub fn messages(&self) -> impl Iterator<Item = &Message> {
        self.thread.history.iter().chain(&self.request.input)
    }
}
