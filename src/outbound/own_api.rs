//! A platform's own API, as far as the gateway must know it to let callers through to it: which
//! calls its documents name, which of them start a run, and how such a run is read. Each vendor
//! has one, in its `own_api.rs`; the gateway's proxy asks it.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::error::Result;
use crate::http::passage::PieceIn;
use crate::model::request::McpServer;
use crate::outbound::Decode;

/// A call of a platform's API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnCall {
    /// Its method.
    pub method: &'static str,
    /// Its path below the base URL: `*` stands for one segment, `{agent}` for one that names an
    /// agent.
    pub path: Cow<'static, str>,
    /// Whether it starts a run.
    pub is_run: bool,
}

impl OwnCall {
    /// One that starts no run.
    pub const fn plain(method: &'static str, path: &'static str) -> Self {
        Self { method, path: Cow::Borrowed(path), is_run: false }
    }

    /// One that starts a run.
    pub const fn run(path: &'static str) -> Self {
        Self { method: "POST", path: Cow::Borrowed(path), is_run: true }
    }
}

/// What policy must know of a run that a caller asks for in the platform's own words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Another model than the agent's.
    pub model: Option<String>,
    /// The MCP servers that the caller brings.
    pub mcp_servers: Vec<McpServer>,
    /// The answer will not say which tools were called, so that nobody can judge them.
    pub hides_tools: bool,
}

/// A platform's own API.
pub trait OwnApi: Send + Sync {
    /// The calls that its documents name for agents and their runs. What hands out credentials of
    /// the platform, or administers it, is none of them.
    fn calls(&self) -> Vec<OwnCall>;

    /// Reads the body of a run.
    ///
    /// # Errors
    /// It asks for what would pass around policy: `InvalidRequest`, with the place.
    fn read(&self, body: &Map<String, Value>) -> Result<Asked>;

    /// What reads the answer of a run.
    fn decoder(&self) -> Box<dyn Decode>;

    /// Where an event of its stream holds a piece of a text.
    fn piece_in(&self) -> PieceIn {
        |_| None
    }
}
