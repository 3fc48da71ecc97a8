//! What callers say of agents: a new one, a change, a tool, an MCP server.
//!
//! Invariant: a key that is not a field here is refused with its path, and so is a null, which
//! would have to mean either nothing or its removal.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::inbound::unified::object::Object;
use crate::model::content::Text;
use crate::model::micro::Micro;
use crate::model::profile::{AgentDraft, AgentLimits, ServerDraft, ToolDraft};

/// A new agent, or what is to be other of one.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewAgent")]
pub struct AgentBody {
    /// The upstream that it is to live on. Only of a new one.
    #[serde(default, deserialize_with = "said")]
    #[schemars(with = "String")]
    pub upstream: Option<String>,
    /// What people call it.
    #[serde(default, deserialize_with = "said")]
    #[schemars(with = "String")]
    pub name: Option<String>,
    /// What it is for.
    #[serde(default, deserialize_with = "said")]
    #[schemars(with = "Text")]
    pub description: Option<Text>,
    /// Its system prompt.
    #[serde(default, deserialize_with = "said")]
    #[schemars(with = "Text")]
    pub instructions: Option<Text>,
    /// The model that it thinks with.
    #[serde(default, deserialize_with = "said")]
    #[schemars(with = "String")]
    pub model: Option<String>,
    /// All that it can use.
    #[serde(default, deserialize_with = "said")]
    #[schemars(with = "Vec<ToolBody>")]
    pub tools: Option<Vec<Object<ToolBody>>>,
    /// All MCP servers that it can use.
    #[serde(default, deserialize_with = "said")]
    #[schemars(with = "Vec<ServerBody>")]
    pub mcp_servers: Option<Vec<Object<ServerBody>>>,
    /// Caps on each of its runs.
    #[serde(default, deserialize_with = "said")]
    #[schemars(with = "AgentLimitsBody")]
    pub limits: Option<Object<AgentLimitsBody>>,
    /// The platform's own fields, in its own words.
    #[serde(default, deserialize_with = "said")]
    #[schemars(with = "Map<String, Value>")]
    pub upstream_options: Option<Map<String, Value>>,
}

/// A tool: one that is there, by its `id`, or a new one.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewTool")]
pub struct ToolBody {
    /// Its id.
    pub id: Option<String>,
    /// What it is to be called.
    pub name: Option<String>,
    /// What it does.
    pub description: Option<Text>,
    /// What only the platform has of it.
    pub native: Option<Map<String, Value>>,
}

/// An MCP server: one that the platform knows, by its `id`, or another one.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewMcpServer")]
pub struct ServerBody {
    /// Its id.
    pub id: Option<String>,
    /// What the agent calls it.
    pub name: Option<String>,
    /// Where it is: http or https.
    pub url: Option<String>,
    /// A bearer token for it.
    pub authorization: Option<String>,
    /// Which of its tools the agent is to have.
    pub tools: Option<Vec<String>>,
    /// What only the platform has of it.
    pub native: Option<Map<String, Value>>,
}

/// Caps on each run of an agent.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewAgentLimits")]
pub struct AgentLimitsBody {
    /// Tokens of an answer.
    #[schemars(range(min = 1))]
    pub max_output_tokens: Option<u64>,
    /// Steps of the agent.
    #[schemars(range(min = 1))]
    pub max_steps: Option<u64>,
    /// Seconds of a run.
    #[schemars(range(min = 1))]
    pub timeout_seconds: Option<u64>,
    /// US dollars of a run, as a decimal string.
    pub max_cost_usd: Option<Micro>,
}

/// A field that is there says something; null does not.
fn said<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

/// The longest name; no platform takes one as long.
const NAME: usize = 200;

impl AgentBody {
    /// A new agent, and the upstream that it is to live on.
    pub fn new_agent(mut self) -> Result<(String, AgentDraft)> {
        let upstream = self.upstream.take();
        let upstream = upstream.ok_or_else(|| Error::invalid("upstream", "is required"))?;
        if self.name.is_none() {
            return Err(Error::invalid("name", "is required"));
        }
        Ok((upstream, self.draft()?))
    }

    /// What is to be other.
    pub fn change(self) -> Result<AgentDraft> {
        if self.upstream.is_some() {
            return Err(Error::invalid("upstream", "an agent stays where it is"));
        }
        let draft = self.draft()?;
        if draft.is_empty() {
            return Err(Error::invalid("", "must say what is to be other"));
        }
        Ok(draft)
    }

    fn draft(self) -> Result<AgentDraft> {
        let long = |name: &String| name.trim().is_empty() || name.chars().count() > NAME;
        if self.name.as_ref().is_some_and(long) {
            return Err(Error::invalid("name", format!("must have 1 to {NAME} characters")));
        }
        let tools = |tools: Vec<Object<ToolBody>>| {
            let each = tools.into_iter().enumerate();
            each.map(|(at, Object(tool))| tool.draft(&format!("tools[{at}]"))).collect()
        };
        let servers = |servers: Vec<Object<ServerBody>>| {
            let each = servers.into_iter().enumerate();
            each.map(|(at, Object(server))| server.draft(&format!("mcp_servers[{at}]"))).collect()
        };
        Ok(AgentDraft {
            name: self.name,
            description: self.description,
            instructions: self.instructions,
            model: self.model,
            tools: self.tools.map(tools).transpose()?,
            mcp_servers: self.mcp_servers.map(servers).transpose()?,
            limits: self
                .limits
                .map(|Object(limits)| limits.limits())
                .transpose()?
                .unwrap_or_default(),
            upstream_options: self.upstream_options.unwrap_or_default(),
        })
    }
}

impl ToolBody {
    /// The tool; errors stand below `at`.
    pub fn draft(self, at: &str) -> Result<ToolDraft> {
        let Self { id, name, description, native } = self;
        if id.is_none() && name.is_none() && native.is_none() {
            return Err(Error::invalid(below(at, "id"), "is required, or what a new one is to be"));
        }
        Ok(ToolDraft { id, name, description, native: native.unwrap_or_default() })
    }
}

impl ServerBody {
    /// The server; errors stand below `at`.
    pub fn draft(self, at: &str) -> Result<ServerDraft> {
        let Self { id, name, url, authorization, tools, native } = self;
        if id.is_none() && name.is_none() && url.is_none() && native.is_none() {
            return Err(Error::invalid(below(at, "id"), "is required, or what another one is"));
        }
        let is_web = |url: &String| {
            url.parse::<http::Uri>().is_ok_and(|url| {
                matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some()
            })
        };
        if url.as_ref().is_some_and(|url| !is_web(url)) {
            return Err(Error::invalid(below(at, "url"), "must be an http or https URL"));
        }
        let native = native.unwrap_or_default();
        Ok(ServerDraft { id, name, url, authorization, tools, native })
    }
}

impl AgentLimitsBody {
    fn limits(self) -> Result<AgentLimits> {
        let Self { max_output_tokens, max_steps, timeout_seconds, max_cost_usd } = self;
        for (key, value) in [
            ("max_output_tokens", max_output_tokens),
            ("max_steps", max_steps),
            ("timeout_seconds", timeout_seconds),
        ] {
            if value == Some(0) {
                return Err(Error::invalid(format!("limits.{key}"), "must be at least 1"));
            }
        }
        if max_cost_usd.is_some_and(|most| most <= Micro(0)) {
            return Err(Error::invalid("limits.max_cost_usd", "must be more than 0"));
        }
        Ok(AgentLimits { max_output_tokens, max_steps, timeout_seconds, max_cost_usd })
    }
}

fn below(at: &str, key: &str) -> String {
    if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") }
}

// What callers wrote is not printed.
macro_rules! hidden {
    ($($name:ident)*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!("[", stringify!($name), "]"))
            }
        }
    )*};
}
hidden! { AgentBody ToolBody ServerBody AgentLimitsBody }

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::json::{self, Bounds};

    fn body(text: &str) -> Result<AgentBody> {
        let Object(body): Object<AgentBody> = json::decode(text.as_bytes(), Bounds::default())?;
        Ok(body)
    }

    fn place(error: &Error) -> String {
        error.fields()[0].path.clone()
    }

    #[test]
    fn a_new_agent_has_a_name_and_an_upstream() {
        let (upstream, draft) = body(
            r#"{"upstream":"m","name":"n","instructions":"i","tools":[{"id":"t"}],
            "mcp_servers":[{"name":"s","url":"https://s.example","authorization":"a"}],
            "limits":{"max_steps":3,"max_cost_usd":"0.5"},"upstream_options":{"x":1}}"#,
        )
        .unwrap()
        .new_agent()
        .unwrap();
        assert_eq!((upstream.as_str(), draft.limits.max_steps), ("m", Some(3)));
        assert_eq!(draft.tools.unwrap()[0].id.as_deref(), Some("t"));
        for (text, path) in [
            (r#"{"name":"n"}"#, "upstream"),
            (r#"{"upstream":"m"}"#, "name"),
            (r#"{"upstream":"m","name":" "}"#, "name"),
            (r#"{"upstream":"m","name":"n","tools":[{}]}"#, "tools[0].id"),
            (r#"{"upstream":"m","name":"n","mcp_servers":[{"url":"x"}]}"#, "mcp_servers[0].url"),
            (r#"{"upstream":"m","name":"n","limits":{"max_steps":0}}"#, "limits.max_steps"),
            (r#"{"upstream":"m","name":"n","limits":{"max_cost_usd":"0"}}"#, "limits.max_cost_usd"),
        ] {
            assert_eq!(place(&body(text).unwrap().new_agent().unwrap_err()), path, "{text}");
        }
    }

    #[test]
    fn null_and_unknown_keys_are_refused() {
        for (text, path) in [
            (r#"{"description":null}"#, "description"),
            (r#"{"tools":null}"#, "tools"),
            (r#"{"tools":[{"colour":1}]}"#, "tools[0].colour"),
            (r#"{"colour":"red"}"#, "colour"),
        ] {
            assert_eq!(place(&body(text).unwrap_err()), path, "{text}");
        }
    }

    #[test]
    fn a_change_says_something_and_moves_no_agent() {
        assert!(body("{}").unwrap().change().is_err());
        assert!(body(r#"{"limits":{}}"#).unwrap().change().is_err());
        assert_eq!(place(&body(r#"{"upstream":"m"}"#).unwrap().change().unwrap_err()), "upstream");
        assert!(body(r#"{"description":""}"#).unwrap().change().is_ok());
    }
}
