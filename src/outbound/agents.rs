//! Agents as platforms keep them: what a vendor can be asked about them, and what its encoders
//! share. The gateway asks; [`super::dispatch`] does the talking.
//!
//! Invariant: a vendor makes each request of what it is given and nothing else. What is to be
//! written back whole (a list, an object) comes with the fresh profile that it is made from.

use bytes::Bytes;
use http::Method;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::{Error, Kind, Result};
use crate::model::agent::AgentRef;
use crate::model::profile::{AgentDraft, Edit, Profile, StoredPreset};
use crate::outbound::UpstreamRequest;

/// Who keeps the agents of a platform.
pub enum Manages<'a> {
    /// The platform itself.
    Platform(&'a dyn Agents),
    /// The gateway, since the platform has none.
    Gateway(&'a dyn Presets),
}

/// A platform that has agents.
pub trait Agents: Send + Sync {
    /// Asks for a page of them.
    fn list(&self, wanted: &Wanted) -> Result<Turn<Page>>;
    /// Asks for one of them.
    fn read(&self, id: &str) -> Result<Turn<Profile>>;
    /// Makes one.
    fn create(&self, draft: &AgentDraft) -> Result<Creation>;
    /// Changes one. What comes of it is the id of what was attached, else empty.
    fn change(&self, fresh: &Profile, edit: &Edit) -> Result<Turn<String>>;
    /// Deletes one.
    fn remove(&self, id: &str) -> Result<Turn<()>>;
    /// Whether it searches by itself. Where it does not, the gateway looks at what is listed.
    fn searches(&self) -> bool {
        false
    }
    /// The filters of its own that its list takes.
    fn filters(&self) -> &'static [&'static str] {
        &[]
    }
}

/// A platform without agents, whose runs are given presets that the gateway keeps.
pub trait Presets: Send + Sync {
    /// What is kept of a new one.
    fn create(&self, draft: &AgentDraft) -> Result<StoredPreset>;
    /// What is kept of one after a change, and the id of what was attached, else empty.
    fn change(&self, stored: &StoredPreset, edit: &Edit) -> Result<(StoredPreset, String)>;
    /// One of them as callers read it.
    fn profile(&self, reference: &AgentRef, stored: &StoredPreset) -> Profile;
}

/// Which agents are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Wanted {
    /// Where the page before has ended, in the vendor's own words.
    pub cursor: Option<String>,
    /// What the caller is looking for; only where the platform searches by itself.
    pub search: Option<String>,
    /// The platform's own filters.
    pub filters: Vec<(String, String)>,
}

/// A page of agents.
#[derive(Debug)]
pub struct Page {
    /// The agents, in no order.
    pub agents: Vec<Profile>,
    /// Where the next page begins.
    pub next: Option<String>,
}

/// How an agent is made.
pub struct Creation {
    /// What makes it; its native id comes of it.
    pub turn: Turn<String>,
    /// What its platform takes only afterwards. If one of them fails, the agent is deleted again.
    pub then: Vec<Edit>,
}

/// One request and what reads its answer.
pub struct Turn<T> {
    /// The request.
    pub request: UpstreamRequest,
    /// What is sent in its place where the platform does not take that method.
    pub instead: Option<UpstreamRequest>,
    /// Reads the body of a success.
    pub read: Read<T>,
}

/// Reads the body of a success.
pub type Read<T> = Box<dyn FnOnce(&[u8]) -> Result<T> + Send>;

impl<T> Turn<T> {
    /// A request whose answer is read by `read`.
    pub fn new(
        request: UpstreamRequest,
        read: impl FnOnce(&[u8]) -> Result<T> + Send + 'static,
    ) -> Self {
        Self { request, instead: None, read: Box::new(read) }
    }
}

/// A request without a body.
pub fn ask(method: Method, target: String) -> UpstreamRequest {
    UpstreamRequest { method, target, accept: "application/json", body: Bytes::new() }
}

/// A request with a JSON body.
pub fn send(method: Method, target: String, body: &impl Serialize) -> Result<UpstreamRequest> {
    let body = serde_json::to_vec(body).map_err(|cause| {
        Error::new(Kind::Internal, "the platform's request cannot be written").caused_by(cause)
    })?;
    Ok(UpstreamRequest { method, target, accept: "application/json", body: Bytes::from(body) })
}

/// An answer that must be a JSON object.
pub fn object(body: &[u8]) -> Result<Map<String, Value>> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err(broken("the answer is not the agent that its API promises")),
    }
}

/// An answer that is not what the platform's API promises.
pub fn broken(what: &'static str) -> Error {
    Error::new(Kind::UpstreamProtocol, what)
}

/// A text of an answer, taken out.
pub fn text(of: &mut Map<String, Value>, key: &str) -> Option<String> {
    match of.shift_remove(key)? {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A list of an answer, taken out; none where it has none.
pub fn list(of: &mut Map<String, Value>, key: &str) -> Option<Vec<Value>> {
    let Value::Array(items) = of.shift_remove(key)? else { return None };
    Some(items)
}

/// What is not valid, or cannot be done, in a body: all of it at once.
#[derive(Default)]
pub struct Faults {
    wrong: Vec<(String, String)>,
    unsupported: Vec<(String, String)>,
}

impl Faults {
    /// Something that is not as it must be.
    pub fn wrong(&mut self, path: impl Into<String>, why: impl Into<String>) {
        self.wrong.push((path.into(), why.into()));
    }

    /// Something that the platform cannot do.
    pub fn unsupported(&mut self, path: impl Into<String>, why: impl Into<String>) {
        self.unsupported.push((path.into(), why.into()));
    }

    /// Of what is given at `parent`, all that is not among `taken`.
    pub fn beyond(&mut self, parent: &str, given: Vec<&'static str>, taken: &[&str]) {
        for key in given.into_iter().filter(|key| !taken.contains(key)) {
            self.unsupported(below(parent, key), "not supported by this upstream");
        }
    }

    /// Something that must be there.
    pub fn needed(&mut self, path: &str, is_there: bool) {
        if !is_there {
            self.wrong(path, "is required by this upstream");
        }
    }

    /// Of options, those that have a unified name and those that nobody knows.
    pub fn options(&mut self, given: &Map<String, Value>, own: &[&str], unified: &[(&str, &str)]) {
        for key in given.keys().filter(|key| !own.contains(&key.as_str())) {
            let why = match unified.iter().find(|(native, _)| native == key) {
                Some((_, unified)) => format!("use {unified}"),
                None if own.is_empty() => "this upstream has no options here".to_owned(),
                None => format!("unknown here, expected one of: {}", own.join(", ")),
            };
            self.wrong(format!("upstream_options.{key}"), why);
        }
    }

    /// All of it as one error. What is not valid stands before what cannot be done.
    pub fn settle(self, upstream: &str) -> Result<()> {
        let (kind, said, places) = if !self.wrong.is_empty() {
            let said = format!("the agent is not valid for upstream `{upstream}`");
            (Kind::InvalidRequest, said, self.wrong)
        } else if self.unsupported.is_empty() {
            return Ok(());
        } else {
            let said = format!("upstream `{upstream}` cannot do all that is asked");
            (Kind::UnsupportedByUpstream, said, self.unsupported)
        };
        let error = Error::new(kind, said);
        Err(places.into_iter().fold(error, |error, (path, why)| error.at(path, why)))
    }
}

/// A place within another one.
pub fn below(parent: &str, key: &str) -> String {
    if parent.is_empty() { key.to_owned() } else { format!("{parent}.{key}") }
}

/// What is to be attached is there already.
pub fn attached(what: &str) -> Error {
    Error::new(Kind::Conflict, format!("the agent has this {what} already"))
}

/// What is to be detached is not there.
pub fn no_such(what: &str) -> Error {
    Error::new(Kind::NotFound, format!("the agent has no such {what}"))
}
