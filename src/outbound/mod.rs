//! Vendors: a folder for each platform, all with the same file names, all behind [`Vendor`].
//! Adding one is a folder and a line in [`KINDS`].
//!
//! Invariant: vendors are synchronous and own no socket. They turn a plan into their platform's
//! request, and its bytes into run events; the dispatcher does the talking.

pub mod acp;
pub mod agentbase;
pub mod make;
pub mod zaia;

// What vendors share: agents as they are asked about, texts that stand in prompts, reading what
// people wrote, failed answers.
pub mod agents;
pub mod fault;
pub mod nested;
pub mod prompt;
pub mod schema_words;
pub mod target;
pub mod typed;

// What talks to the platforms.
mod answer;
pub mod check;
pub mod dispatch;
pub mod layers;
pub mod own_api;
pub mod passing;
pub mod pause;

#[cfg(test)]
mod arbitrary;

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use schemars::Schema;
use serde_json::{Map, Value};

use crate::config::Upstream;
use crate::error::{Error, FieldError, Result};
use crate::model::capability::Capabilities;
use crate::model::event::RunEvent;
use crate::model::plan::Plan;
use crate::model::run::Warning;
use crate::outbound::agents::Manages;
use crate::outbound::own_api::OwnApi;
use crate::wire::sse::Frame;

/// A platform, as one upstream is configured to reach it.
pub trait Vendor: Send + Sync + 'static {
    /// What becomes of each field of a run request.
    fn capabilities(&self) -> &Capabilities;

    /// Whether the gateway keeps a thread's history and gives it to each run, because the
    /// platform has no memory of its own.
    fn replays_history(&self) -> bool;

    /// Whether the platform itself says in its stream what it decides over tools.
    fn governs_tools(&self) -> bool {
        false
    }

    /// The value of the credential header for this platform.
    fn authorization(&self, credential: &str) -> String;

    /// Encodes a run, or says why this platform cannot take it.
    fn start(&self, plan: &Plan) -> Result<Exchange>;

    /// Who keeps its agents.
    fn agents(&self) -> Option<Manages<'_>> {
        None
    }

    /// Reads an answer that is not a success.
    fn failure(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Error;

    /// Its own API, for callers who speak that; none where nobody is let through to it.
    fn own_api(&self) -> Option<&dyn OwnApi> {
        None
    }
}

/// A request to a platform and what will read its answer.
pub struct Exchange {
    /// The request.
    pub request: UpstreamRequest,
    /// What reads the answer.
    pub decoder: Box<dyn Decode>,
    /// What only the platform's own encoder knows to be emulated.
    pub warnings: Vec<Warning>,
    /// Whether the platform says at once that it has the run, by the head of a stream. Where it
    /// does not, the gateway says `started` itself when the request has gone out.
    pub is_streamed: bool,
}

/// A request below an upstream's base URL; the UPSTREAM stack adds host and credential.
#[derive(Clone, Debug)]
pub struct UpstreamRequest {
    /// Its method.
    pub method: Method,
    /// Path and query below the base URL, beginning with `/`.
    pub target: String,
    /// The media type asked for.
    pub accept: &'static str,
    /// Its body; JSON unless empty.
    pub body: Bytes,
}

/// Reads one run's answer. Either `frame`s and `end_of_stream`, when the answer is an event
/// stream, or `whole`, when it is anything else.
pub trait Decode: Send {
    /// One event of a stream.
    fn frame(&mut self, frame: Frame<'_>, events: &mut Vec<RunEvent>) -> Result<()>;

    /// The stream is over. A decoder that has seen no end says here whether that is one.
    fn end_of_stream(&mut self, events: &mut Vec<RunEvent>) -> Result<()>;

    /// How many events of a type that this platform is not known to have were left out so far.
    fn unknown_events(&self) -> u64 {
        0
    }

    /// A whole answer with a success status.
    fn whole(&mut self, body: &[u8], events: &mut Vec<RunEvent>) -> Result<Step>;
}

/// What comes after a whole answer.
#[derive(Debug)]
pub enum Step {
    /// The run is over; its end is among the events.
    Done,
    /// The platform is not done: ask again with this request, after this time.
    AskAgain(UpstreamRequest, Duration),
}

/// The platforms that there are.
pub static KINDS: &[Kind] = &[acp::KIND, agentbase::KIND, make::KIND, zaia::KIND];

/// What is known of a kind of platform before any upstream of it works.
pub struct Kind {
    /// Its word in the configuration.
    pub name: &'static str,
    /// Reads an upstream's settings. Errors name the places below the upstream.
    pub build: Build,
    /// What its upstreams' own settings may hold.
    pub settings: fn() -> Schema,
    /// What its agents' presets may hold; none where the platform has agents of its own.
    pub preset: Option<Preset>,
}

/// Makes an upstream's vendor.
pub type Build = fn(&Upstream) -> Result<Box<dyn Vendor>, Vec<FieldError>>;

/// What agents are that live in the configuration alone.
pub struct Preset {
    /// What one may hold.
    pub schema: fn() -> Schema,
    /// Checks one of an agent on this upstream. Errors name the places below the preset.
    pub check: fn(&Upstream, &Map<String, Value>) -> Vec<FieldError>,
}

/// The kind of this name.
pub fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

/// The vendor of an upstream by its kind. Errors name the places below the upstream.
pub fn build(upstream: &Upstream) -> Result<Box<dyn Vendor>, Vec<FieldError>> {
    match kind(&upstream.kind) {
        Some(kind) => (kind.build)(upstream),
        None => {
            let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
            let message = format!(
                "there is no platform of kind `{}` (there are {})",
                upstream.kind,
                names.join(", ")
            );
            Err(vec![FieldError { path: "kind".to_owned(), message }])
        }
    }
}

/// What is wrong with an agent's preset on this upstream, whether or not the upstream's own
/// settings are right. Errors name the places below the preset.
pub fn check_preset(upstream: &Upstream, preset: &Map<String, Value>) -> Vec<FieldError> {
    let refuse = |key: &String| FieldError {
        path: key.clone(),
        message: "this platform's agents take no preset".to_owned(),
    };
    match kind(&upstream.kind) {
        None => Vec::new(),
        Some(Kind { preset: Some(own), .. }) => (own.check)(upstream, preset),
        Some(Kind { preset: None, .. }) => preset.keys().map(refuse).collect(),
    }
}
