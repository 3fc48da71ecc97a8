//! An agent as its caller is shown it: under a name that the caller may use, with what must not
//! come back taken out, and with the tag by which a change of it is made conditional.
//!
//! Invariant: the tag is of the agent as its platform has it, so that it is the same for every
//! caller and says nothing of what was taken out.

use std::fmt::Write as _;

use ring::digest::{SHA256, digest};
use serde_json::{Map, Value};

use super::Known;
use crate::error::{Error, Kind, Result};
use crate::gateway::Gateway;
use crate::model::call::Call;
use crate::model::pii::PiiCount;
use crate::model::profile::{Agent, AgentDraft, Profile, ServerDraft};
use crate::wire::hex::hex;

/// An agent and its tag.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The agent.
    pub agent: Agent,
    /// Its tag, in quotes, as a header carries it.
    pub tag: String,
}

/// What a caller demands of an agent before it is changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum IfMatch {
    /// Nothing.
    #[default]
    Nothing,
    /// That it is there.
    Any,
    /// That it still has one of these tags, with their quotes.
    Tags(Vec<String>),
}

impl IfMatch {
    /// Holds it against an agent as it is now.
    pub(super) fn hold(&self, profile: &Profile) -> Result<()> {
        match self {
            Self::Nothing | Self::Any => Ok(()),
            Self::Tags(tags) if tags.contains(&tag(profile)) => Ok(()),
            Self::Tags(_) => {
                let said = "the agent is not as it was read: read it again";
                Err(Error::new(Kind::PreconditionFailed, said)
                    .at("If-Match", "is of another state"))
            }
        }
    }
}

/// The fields that hold text of people.
const TEXTS: &[&str] =
    &["name", "description", "instructions", "model", "tools", "mcp_servers", "native"];
const DRAFT_TEXTS: &[&str] =
    &["name", "description", "instructions", "model", "tools", "mcp_servers", "upstream_options"];

impl Gateway {
    /// An agent as its caller is shown it.
    pub(super) fn shown(&self, call: &Call, known: &Known, profile: &Profile) -> Result<Shown> {
        let tag = tag(profile);
        let named = self.named(call, profile.agent.clone(), &profile.reference);
        let mut agent = named.ok_or_else(Error::no_such_agent)?;
        if known.alias.is_some() && profile.agent.read_only {
            agent.id.clone_from(&known.name);
        }
        self.cleared(call, &agent).map(|agent| Shown { agent, tag })
    }

    /// An agent without what must not come back.
    pub(super) fn cleared(&self, call: &Call, agent: &Agent) -> Result<Agent> {
        let screen = &self.0.catalog.screen;
        let (upstream, id) = (agent.upstream.name.clone(), agent.id.clone());
        let treat = |fields: &mut Map<String, Value>| screen.incoming(call, &upstream, &id, fields);
        let (mut agent, found) = treated(agent, TEXTS, treat)?;
        PiiCount::add_all(&mut agent.pii, found);
        Ok(agent)
    }

    /// What a caller says of an agent without what must not leave, and what was found.
    pub(super) fn screened(
        &self,
        call: &Call,
        upstream: &str,
        agent: &str,
        mut draft: AgentDraft,
    ) -> Result<(AgentDraft, Vec<PiiCount>)> {
        let screen = &self.0.catalog.screen;
        // A credential is one by its purpose.
        let credentials = |draft: &mut AgentDraft| -> Vec<Option<String>> {
            let servers = draft.mcp_servers.iter_mut().flatten();
            servers.map(|server: &mut ServerDraft| server.authorization.take()).collect()
        };
        let taken = credentials(&mut draft);
        let treat =
            |fields: &mut Map<String, Value>| screen.outgoing(call, upstream, agent, fields);
        let (mut draft, found) = treated(&draft, DRAFT_TEXTS, treat)?;
        for (server, credential) in draft.mcp_servers.iter_mut().flatten().zip(taken) {
            server.authorization = credential;
        }
        Ok((draft, found))
    }
}

/// A thing whose fields of these names were treated.
fn treated<T: serde::Serialize + serde::de::DeserializeOwned>(
    thing: &T,
    names: &[&str],
    treat: impl FnOnce(&mut Map<String, Value>) -> Result<Vec<PiiCount>>,
) -> Result<(T, Vec<PiiCount>)> {
    let broke = |cause: serde_json::Error| {
        Error::new(Kind::Internal, "the agent could not be examined").caused_by(cause)
    };
    let Value::Object(mut all) = serde_json::to_value(thing).map_err(broke)? else {
        return Err(Error::new(Kind::Internal, "the agent could not be examined"));
    };
    let mut texts = Map::new();
    for name in names {
        if let Some(text) = all.get_mut(*name) {
            texts.insert((*name).to_owned(), text.take());
        }
    }
    let found = treat(&mut texts)?;
    all.extend(texts);
    Ok((serde_json::from_value(Value::Object(all)).map_err(broke)?, found))
}

/// The tag of an agent as its platform has it.
pub(super) fn tag(profile: &Profile) -> String {
    let mut agent = profile.agent.clone();
    agent.aliases.clear();
    agent.pii.clear();
    agent.id = profile.reference.to_string();
    let mut text = String::new();
    // An agent is JSON: it always has a value.
    canonical(&serde_json::to_value(&agent).unwrap_or_default(), &mut text);
    let digest = digest(&SHA256, text.as_bytes());
    format!("\"{}\"", hex(&digest.as_ref()[..16]))
}

/// The same text for the same JSON, in whichever order a platform writes it.
fn canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(members) => {
            let mut keys: Vec<_> = members.iter().collect();
            keys.sort_by_key(|(key, _)| key.as_str());
            out.push('{');
            for (key, item) in keys {
                write!(out, "{}:", Value::String(key.clone())).ok();
                canonical(item, out);
                out.push(',');
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for item in items {
                canonical(item, out);
                out.push(',');
            }
            out.push(']');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            write!(out, "{value}").ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::agent::AgentRef;

    fn profile(native: &Value) -> Profile {
        let reference = AgentRef { upstream: "up".to_owned(), native: "a".to_owned() };
        let mut agent = Agent::new(&reference, "fake");
        agent.native = native.as_object().cloned().unwrap();
        Profile { reference, agent, raw: Map::new() }
    }

    #[test]
    fn a_tag_is_of_what_there_is_and_not_of_its_order() {
        let first = tag(&profile(&json!({"a": 1, "b": {"c": [1], "d": 2}})));
        assert_eq!(first, tag(&profile(&json!({"b": {"d": 2, "c": [1]}, "a": 1}))));
        assert_ne!(first, tag(&profile(&json!({"a": 1, "b": {"c": [1], "d": 3}}))));
        let mut named = profile(&json!({"a": 1, "b": {"c": [1], "d": 2}}));
        named.agent.aliases.push("x".to_owned());
        assert_eq!((first.as_str(), first.len()), (tag(&named).as_str(), 34));
    }

    #[test]
    fn a_condition_holds_of_the_same_state_only() {
        let (now, other) = (profile(&json!({"a": 1})), profile(&json!({"a": 2})));
        let held = IfMatch::Tags(vec!["\"x\"".to_owned(), tag(&now)]);
        assert!(held.hold(&now).is_ok());
        assert_eq!(held.hold(&other).unwrap_err().kind(), Kind::PreconditionFailed);
        assert!(IfMatch::Nothing.hold(&other).is_ok() && IfMatch::Any.hold(&other).is_ok());
    }
}
