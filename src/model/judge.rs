//! What is asked of access policies: may this caller do that to this, as things are. Layers and
//! use cases put the question to a [`Judge`], and none of them knows how it decides.
//!
//! Invariant: a question borrows everything and owns nothing, so that asking costs no copy.

use std::net::IpAddr;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::model::agent::AgentRef;
use crate::model::micro::Micro;
use crate::model::principal::Identity;

/// Decides.
pub trait Judge: Send + Sync {
    /// `Ok` where it is allowed; else `Forbidden`, naming the policies that decided.
    fn judge(&self, question: &Question<'_>) -> Result<()>;

    /// The policies that decide a question, by name, and their version: for the record.
    fn basis(&self, _: &Question<'_>) -> Basis {
        Basis::default()
    }

    /// Whether a run may use any tool, whatever it is called: asked of [`Action::UseTool`] before
    /// anyone knows which tools there will be. In doubt it may not.
    fn allows_every_tool(&self, _: &Question<'_>) -> bool {
        false
    }
}

/// What a decision stands on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Basis {
    /// The version of the policies.
    pub version: String,
    /// Those that decided, by name.
    pub policies: Vec<String>,
}

/// May this caller do that.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// Who asks.
    pub principal: &'a Identity,
    /// What it wants to do.
    pub action: Action<'a>,
    /// To what.
    pub resource: Resource<'a>,
    /// As things are.
    pub circumstances: Circumstances<'a>,
}

/// What a caller may want to do. The schema says to which resources each applies; asked of
/// another, nothing permits it unless a policy names no action.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Action<'a> {
    /// Start a run of an agent.
    Run,
    /// Read an agent, an upstream, a run, a thread, or what the gateway keeps (its audit).
    Read,
    /// Cancel a run; delete a thread.
    Cancel,
    /// Create an agent on an upstream; change or delete an agent.
    ManageAgents,
    /// Reach an upstream's own API.
    Proxy,
    /// Administer the gateway.
    Administer,
    /// Let a run of the agent use the tool of this name.
    UseTool(&'a str),
}

impl Action<'_> {
    /// Each of them, in the order of [`Self::index`].
    pub const EACH: [Self; 7] = [
        Self::Run,
        Self::Read,
        Self::Cancel,
        Self::ManageAgents,
        Self::Proxy,
        Self::Administer,
        Self::UseTool(""),
    ];

    const fn row(self) -> (usize, &'static str) {
        match self {
            Self::Run => (0, "run"),
            Self::Read => (1, "read"),
            Self::Cancel => (2, "cancel"),
            Self::ManageAgents => (3, "manage_agents"),
            Self::Proxy => (4, "proxy"),
            Self::Administer => (5, "administer"),
            Self::UseTool(_) => (6, "use_tool"),
        }
    }

    /// Its place in tables.
    pub const fn index(self) -> usize {
        self.row().0
    }

    /// Its name in policies.
    pub const fn name(self) -> &'static str {
        self.row().1
    }
}

impl<'a> Action<'a> {
    /// The tool, where it is about one.
    pub const fn tool(self) -> Option<&'a str> {
        match self {
            Self::UseTool(tool) => Some(tool),
            Self::Run
            | Self::Read
            | Self::Cancel
            | Self::ManageAgents
            | Self::Proxy
            | Self::Administer => None,
        }
    }
}

/// To what.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Resource<'a> {
    /// An agent.
    Agent(Agent<'a>),
    /// An upstream, by its configured name.
    Upstream(&'a str),
    /// A run.
    Run(Owned<'a>),
    /// A thread.
    Thread(Owned<'a>),
    /// The gateway itself.
    Gateway,
}

/// An agent on an upstream.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Agent<'a> {
    /// The upstream's configured name.
    pub upstream: &'a str,
    /// The platform's own id of it.
    pub id: &'a str,
}

impl<'a> From<&'a AgentRef> for Agent<'a> {
    fn from(reference: &'a AgentRef) -> Self {
        Self { upstream: &reference.upstream, id: &reference.native }
    }
}

/// A run or a thread: a thing with an owner.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Owned<'a> {
    /// Its id.
    pub id: &'a str,
    /// The agent that it is of.
    pub agent: Agent<'a>,
    /// The workspace of its owner, which is its own.
    pub workspace: &'a str,
    /// Who within the workspace started it.
    pub subject: &'a str,
}

/// As things are when the question is asked.
#[derive(Clone, Copy)]
pub struct Circumstances<'a> {
    /// The face that the request came in by, by its name.
    pub face: &'static str,
    /// How the answer is wanted.
    pub mode: Mode,
    /// The model asked for.
    pub model: Option<&'a str>,
    /// The tools asked for; none where the request says nothing of tools.
    pub tools: Option<&'a [String]>,
    /// The URLs of the MCP servers that the caller brings. Not their names, which are the
    /// caller's to choose.
    pub mcp_servers: &'a [&'a str],
    /// The cost limit asked for.
    pub max_cost_usd: Option<Micro>,
    /// The hour, and the day of the week.
    pub when: When,
    /// Where the request comes from. An IPv4 address inside an IPv6 one is taken as the former.
    pub address: IpAddr,
}

impl Circumstances<'_> {
    /// A request that asks for nothing in particular.
    pub const fn plain(face: &'static str, when: When, address: IpAddr) -> Self {
        Self {
            face,
            mode: Mode::Whole,
            model: None,
            tools: None,
            mcp_servers: &[],
            max_cost_usd: None,
            when,
            address,
        }
    }
}

/// How the answer is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// In one piece.
    Whole,
    /// As events, while the run goes on.
    Stream,
    /// Not at all: the caller comes back for it, or is called.
    Background,
}

impl Mode {
    /// Its name in policies.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Stream => "stream",
            Self::Background => "background",
        }
    }
}

/// The hour and the day of the week, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct When {
    /// 0 to 23.
    pub hour: u8,
    /// 1 is Monday, 7 is Sunday.
    pub weekday: u8,
}

impl When {
    /// Both at this time.
    pub const fn at(time: Timestamp) -> Self {
        let hours = time.0.div_euclid(3_600_000_000);
        // The epoch began on a Thursday, the fourth day.
        let weekday = (hours.div_euclid(24) + 3).rem_euclid(7) + 1;
        Self { hour: hours.rem_euclid(24) as u8, weekday: weekday as u8 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hour_and_weekday_follow_the_calendar() {
        for (time, hour, weekday) in [
            ("1970-01-01T00:00:00Z", 0, 4),
            ("2026-01-05T09:59:59Z", 9, 1),
            ("2026-01-11T23:00:00Z", 23, 7),
            ("1969-12-31T23:30:00Z", 23, 3),
        ] {
            let when = When::at(Timestamp::parse(time).unwrap());
            assert_eq!((when.hour, when.weekday), (hour, weekday), "{time}");
        }
    }

    #[test]
    fn every_action_has_its_own_place() {
        let places = Action::EACH.map(Action::index);
        assert_eq!(places, [0, 1, 2, 3, 4, 5, 6]);
    }
}
