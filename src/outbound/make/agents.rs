//! Make's agents: read, made, changed and deleted. The vendor hands it out.
//!
//! Traps handled here: a new agent's id is called `agentId`; changes and deletions answer nothing;
//! lists of scenarios and MCP connections are whole values, which are written from what was just
//! read, and of MCP connections they are written otherwise than they are read; the parser of
//! answers is read as `outputParser` and written as `outputParserFormat`; what caps a run's steps
//! can be said only after an agent was made.

use http::Method;
use serde_json::{Map, Value, json};

use super::Make;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::model::agent::AgentRef;
use crate::model::profile::{
    Agent, AgentDraft, AgentLimits, AgentServer, AgentTool, Edit, Profile, ServerDraft, ToolDraft,
};
use crate::outbound::agents::{
    Agents, Creation, Faults, Page, Turn, Wanted, ask, attached, below, broken, list, no_such,
    object, send, text,
};
use crate::outbound::target;

/// What of a draft Make takes, but for the name.
const TAKEN: &[&str] = &[
    "instructions",
    "model",
    "tools",
    "mcp_servers",
    "limits.max_output_tokens",
    "limits.max_steps",
];
/// Make's own fields of a new agent.
const NEW: &[&str] =
    &["makeConnectionId", "historyConfig", "contexts", "outputParserFormat", "invocationConfig"];
/// Make's own fields that can be changed.
const CHANGED: &[&str] = &["historyConfig", "outputParserFormat", "invocationConfig"];
/// Make's fields that have a unified name, and that name.
const UNIFIED: &[(&str, &str)] = &[
    ("name", "name"),
    ("systemPrompt", "instructions"),
    ("defaultModel", "model"),
    ("llmConfig", "limits.max_output_tokens"),
    ("scenarios", "tools"),
    ("mcpConfigs", "mcp_servers"),
    ("outputParser", "upstream_options.outputParserFormat"),
    ("teamId", "team_id of the upstream's configuration"),
];

impl Agents for Make {
    fn list(&self, _: &Wanted) -> Result<Turn<Page>> {
        let (upstream, request) = (self.name.clone(), ask(Method::GET, self.path(None)?));
        Ok(Turn::new(request, move |body| {
            let agents = listed(body)?;
            let agents = agents.into_iter().map(|raw| profile(&upstream, raw));
            Ok(Page { agents: agents.collect::<Result<_>>()?, next: None })
        }))
    }

    fn read(&self, id: &str) -> Result<Turn<Profile>> {
        let (upstream, request) = (self.name.clone(), ask(Method::GET, self.path(Some(id))?));
        Ok(Turn::new(request, move |body| profile(&upstream, object(body)?)))
    }

    fn create(&self, draft: &AgentDraft) -> Result<Creation> {
        let mut faults = Faults::default();
        faults.beyond("", draft.given(), TAKEN);
        faults.options(&draft.upstream_options, NEW, UNIFIED);
        faults.needed("instructions", draft.instructions.is_some());
        faults.needed("model", draft.model.is_some());
        let connection = draft.upstream_options.contains_key("makeConnectionId");
        faults.needed("upstream_options.makeConnectionId", connection);
        let mut body = self.fields(draft, &Map::new(), &mut faults);
        faults.settle(&self.name)?;
        let later = body.shift_remove("invocationConfig").map(|_| later(draft));
        body.insert("teamId".to_owned(), json!(self.settings.team_id));
        for key in ["makeConnectionId", "contexts"] {
            if let Some(value) = draft.upstream_options.get(key) {
                body.insert(key.to_owned(), value.clone());
            }
        }
        let turn = Turn::new(send(Method::POST, self.path(None)?, &body)?, |body| {
            let mut made = object(body)?;
            let id = text(&mut made, "agentId").or_else(|| text(&mut made, "id"));
            id.ok_or_else(|| broken("the new agent has no id"))
        });
        Ok(Creation { turn, then: later.into_iter().collect() })
    }

    fn change(&self, fresh: &Profile, edit: &Edit) -> Result<Turn<String>> {
        let mut faults = Faults::default();
        let (body, id) = match edit {
            Edit::Fields(draft) => {
                faults.beyond("", draft.given(), TAKEN);
                let mut options = draft.upstream_options.clone();
                for key in ["makeConnectionId", "contexts"] {
                    if options.shift_remove(key).is_some() {
                        let path = format!("upstream_options.{key}");
                        faults.unsupported(path, "can be said only of a new agent");
                    }
                }
                faults.options(&options, CHANGED, UNIFIED);
                (self.fields(draft, &fresh.raw, &mut faults), String::new())
            }
            Edit::AttachTool(draft) => {
                let new = scenario("", draft, &mut faults);
                let mut all = scenarios(&fresh.raw);
                let id = format!("scenario:{}", new["makeScenarioId"]);
                let is_new = all.iter().all(|one| one["makeScenarioId"] != new["makeScenarioId"]);
                all.push(new);
                std::mem::take(&mut faults).settle(&self.name)?;
                if !is_new {
                    return Err(attached("tool"));
                }
                (Map::from_iter([("scenarios".to_owned(), Value::Array(all))]), id)
            }
            Edit::DetachTool(id) => {
                let mut all = scenarios(&fresh.raw);
                let before = all.len();
                all.retain(|one| format!("scenario:{}", one["makeScenarioId"]) != *id);
                if all.len() == before {
                    return Err(no_such("tool"));
                }
                (Map::from_iter([("scenarios".to_owned(), Value::Array(all))]), String::new())
            }
            Edit::AttachServer(draft) => {
                let new = connection("", draft, &mut faults);
                let mut all = connections(&fresh.raw);
                let same = |one: &Value| one["mcpConnectionId"] == new["mcpConnectionId"];
                let (is_new, id) = (!all.iter().any(same), new["mcpConnectionId"].to_string());
                all.push(new);
                std::mem::take(&mut faults).settle(&self.name)?;
                if !is_new {
                    return Err(attached("MCP server"));
                }
                (Map::from_iter([("mcpConfigs".to_owned(), Value::Array(all))]), id)
            }
            Edit::DetachServer(id) => {
                let mut all = connections(&fresh.raw);
                let before = all.len();
                let number = id.parse::<u64>().ok();
                all.retain(|one| number.is_none() || one["mcpConnectionId"].as_u64() != number);
                if all.len() == before {
                    return Err(no_such("MCP server"));
                }
                (Map::from_iter([("mcpConfigs".to_owned(), Value::Array(all))]), String::new())
            }
        };
        faults.settle(&self.name)?;
        let path = self.path(Some(&fresh.reference.native))?;
        Ok(Turn::new(send(Method::PATCH, path, &body)?, move |_| Ok(id)))
    }

    fn remove(&self, id: &str) -> Result<Turn<()>> {
        Ok(Turn::new(ask(Method::DELETE, self.path(Some(id))?), |_| Ok(())))
    }
}

impl Make {
    fn path(&self, id: Option<&str>) -> Result<String> {
        let team = self.settings.team_id;
        Ok(match id {
            None => format!("/ai-agents/v1/agents?teamId={team}"),
            Some(id) => {
                format!("/ai-agents/v1/agents/{}?teamId={team}", target::agent_segment(id)?)
            }
        })
    }

    /// What new and changed agents have in common. `raw` is what there is already.
    fn fields(
        &self,
        draft: &AgentDraft,
        raw: &Map<String, Value>,
        faults: &mut Faults,
    ) -> Map<String, Value> {
        let mut body = Map::new();
        let mut put = |key: &str, value: Value| body.insert(key.to_owned(), value);
        if let Some(name) = &draft.name {
            put("name", json!(name));
        }
        if let Some(instructions) = &draft.instructions {
            if instructions.is_empty() {
                faults.wrong("instructions", "must not be empty");
            }
            put("systemPrompt", json!(instructions));
        }
        if let Some(model) = &draft.model {
            put("defaultModel", json!(model));
        }
        if let Some(most) = draft.limits.max_output_tokens {
            put("llmConfig", json!({ "maxTokens": most }));
        }
        if let Some(tools) = &draft.tools {
            let each = tools.iter().enumerate();
            let each = each.map(|(at, tool)| scenario(&format!("tools[{at}]"), tool, faults));
            put("scenarios", each.collect());
        }
        if let Some(servers) = &draft.mcp_servers {
            let each = servers.iter().enumerate();
            let each =
                each.map(|(at, server)| connection(&format!("mcp_servers[{at}]"), server, faults));
            put("mcpConfigs", each.collect());
        }
        for key in ["historyConfig", "outputParserFormat"] {
            if let Some(value) = draft.upstream_options.get(key) {
                put(key, value.clone());
            }
        }
        if let Some(invocation) = invocation(draft, raw, faults) {
            put("invocationConfig", invocation);
        }
        body
    }
}

/// What can be said only of an agent that is there.
fn later(draft: &AgentDraft) -> Edit {
    let mut more = AgentDraft::default();
    more.limits.max_steps = draft.limits.max_steps;
    let native = draft.upstream_options.get("invocationConfig");
    more.upstream_options =
        native.map(|value| ("invocationConfig".to_owned(), value.clone())).into_iter().collect();
    Edit::Fields(Box::new(more))
}

/// The caps of a run: what is said over what there is, since they are one value. The unit of
/// `timeout` is not known, so that it has no unified name.
fn invocation(draft: &AgentDraft, raw: &Map<String, Value>, faults: &mut Faults) -> Option<Value> {
    const PATH: &str = "upstream_options.invocationConfig";
    let native = draft.upstream_options.get("invocationConfig");
    if native.is_none() && draft.limits.max_steps.is_none() {
        return None;
    }
    let mut all = Map::new();
    for key in ["recursionLimit", "timeout"] {
        if let Some(value) = raw.get("invocationConfig").and_then(|there| there.get(key)) {
            all.insert(key.to_owned(), value.clone());
        }
    }
    match native {
        None => {}
        Some(Value::Object(native)) => {
            for (key, value) in native {
                match key.as_str() {
                    "timeout" => drop(all.insert(key.clone(), value.clone())),
                    "recursionLimit" => {
                        faults.wrong(format!("{PATH}.recursionLimit"), "use limits.max_steps");
                    }
                    _ => faults.wrong(format!("{PATH}.{key}"), "unknown here"),
                }
            }
        }
        Some(_) => faults.wrong(PATH, "must be an object"),
    }
    if let Some(most) = draft.limits.max_steps {
        all.insert("recursionLimit".to_owned(), json!(most));
    }
    Some(Value::Object(all))
}

/// A tool as a scenario.
fn scenario(at: &str, tool: &ToolDraft, faults: &mut Faults) -> Value {
    faults.beyond(at, tool.given(), &["id", "native"]);
    let id = tool.id.as_deref().unwrap_or_default();
    let number = id.strip_prefix("scenario:").and_then(|id| id.parse::<u64>().ok());
    if number.is_none_or(|number| number == 0) {
        faults.wrong(below(at, "id"), "must be scenario:<id>");
    }
    let mut scenario = json!({ "makeScenarioId": number.unwrap_or_default() });
    for (key, value) in &tool.native {
        if key == "approvalMode" {
            scenario[key] = value.clone();
        } else {
            faults.wrong(below(at, &format!("native.{key}")), "unknown here: only approvalMode");
        }
    }
    scenario
}

/// An MCP server as a connection and the tools that are used of it.
fn connection(at: &str, server: &ServerDraft, faults: &mut Faults) -> Value {
    faults.beyond(at, server.given(), &["id", "tools"]);
    let number = server.id.as_deref().and_then(|id| id.parse::<u64>().ok());
    if number.is_none() {
        faults.wrong(below(at, "id"), "must be the number of an MCP connection");
    }
    if server.tools.is_none() {
        faults.wrong(below(at, "tools"), "is required by this upstream");
    }
    json!({ "mcpConnectionId": number.unwrap_or_default(), "toolIds": server.tools })
}

/// The scenarios that an agent has, as they are written.
fn scenarios(raw: &Map<String, Value>) -> Vec<Value> {
    let all = raw.get("scenarios").and_then(Value::as_array).into_iter().flatten();
    let one = |there: &Value| {
        let mut scenario = json!({ "makeScenarioId": there["makeScenarioId"] });
        // A mode of tomorrow is not taken back, and must not become one that asks nobody.
        scenario["approvalMode"] = match there["approvalMode"].as_str() {
            None | Some("auto-run") => json!("auto-run"),
            Some(_) => json!("approval-required"),
        };
        scenario
    };
    all.map(one).collect()
}

/// The MCP connections that an agent has, as they are written.
fn connections(raw: &Map<String, Value>) -> Vec<Value> {
    let all = raw.get("mcpConfigs").and_then(Value::as_array).into_iter().flatten();
    let one = |there: &Value| json!({ "mcpConnectionId": there["mcpConnectionId"], "toolIds": tool_ids(there) });
    all.map(one).collect()
}

/// A list of agents names its tools; an agent that is read describes them.
fn tool_ids(connection: &Value) -> Vec<String> {
    let ids = connection["toolIds"].as_array().into_iter().flatten();
    let described = connection["tools"].as_array().into_iter().flatten();
    let ids = ids.chain(described.map(|tool| &tool["id"]));
    ids.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The agents of a list: an array, one agent, or an object with an array in it, since what is
/// published and what was seen differ.
fn listed(body: &[u8]) -> Result<Vec<Map<String, Value>>> {
    const WRONG: &str = "the answer is not the list that its API promises";
    let items = match serde_json::from_slice(body) {
        Ok(Value::Array(items)) => items,
        Ok(Value::Object(one)) if one.contains_key("id") => vec![Value::Object(one)],
        Ok(Value::Object(mut envelope)) => {
            let lists = envelope.iter_mut().filter_map(|(_, value)| value.as_array_mut());
            let mut lists: Vec<_> = lists.map(std::mem::take).collect();
            match (lists.pop(), lists.is_empty()) {
                (Some(items), true) => items,
                _ => return Err(broken(WRONG)),
            }
        }
        _ => return Err(broken(WRONG)),
    };
    let object = |item| {
        let Value::Object(object) = item else { return Err(broken(WRONG)) };
        Ok(object)
    };
    items.into_iter().map(object).collect()
}

fn profile(upstream: &str, raw: Map<String, Value>) -> Result<Profile> {
    let mut rest = raw.clone();
    let native = text(&mut rest, "id").filter(|id| !id.is_empty());
    let native = native.ok_or_else(|| broken("an agent has no id"))?;
    let reference = AgentRef { upstream: upstream.to_owned(), native };
    let mut agent = Agent::new(&reference, super::KIND.name);
    agent.name = text(&mut rest, "name").unwrap_or_default();
    agent.instructions = text(&mut rest, "systemPrompt").map(Into::into);
    agent.model = text(&mut rest, "defaultModel");
    agent.tools = list(&mut rest, "scenarios").map(|all| all.iter().map(tool).collect());
    agent.mcp_servers = list(&mut rest, "mcpConfigs").map(|all| all.iter().map(server).collect());
    let number = |object: &str, key: &str| raw.get(object)?.get(key)?.as_u64();
    agent.limits = AgentLimits {
        max_output_tokens: number("llmConfig", "maxTokens"),
        max_steps: number("invocationConfig", "recursionLimit"),
        ..AgentLimits::default()
    };
    agent.created_at = text(&mut rest, "createdAt").and_then(|at| Timestamp::parse(&at));
    agent.updated_at = text(&mut rest, "updatedAt").and_then(|at| Timestamp::parse(&at));
    rest.shift_remove("llmConfig");
    // What the agent was before is no part of what it is, and would have old prompts shown.
    rest.shift_remove("pastConfigurations");
    if let Some(Value::Object(invocation)) = rest.get_mut("invocationConfig") {
        invocation.shift_remove("recursionLimit");
    }
    if let Some(parser) = rest.shift_remove("outputParser") {
        rest.insert("outputParserFormat".to_owned(), parser);
    }
    agent.native = rest;
    Ok(Profile { reference, agent, raw })
}

fn tool(scenario: &Value) -> AgentTool {
    let mut native = scenario.as_object().cloned().unwrap_or_default();
    native.shift_remove("makeScenarioId");
    let id = format!("scenario:{}", scenario["makeScenarioId"]);
    AgentTool { id, name: None, description: None, native }
}

fn server(connection: &Value) -> AgentServer {
    let mut native = connection.as_object().cloned().unwrap_or_default();
    for known in ["mcpConnectionId", "toolIds", "tools"] {
        native.shift_remove(known);
    }
    let name = text(&mut native, "name");
    let tools = Some(tool_ids(connection));
    AgentServer { id: connection["mcpConnectionId"].to_string(), name, url: None, tools, native }
}
