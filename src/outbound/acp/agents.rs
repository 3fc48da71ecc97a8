//! ACP's agent profiles: read, made, changed and deleted. The vendor hands it out.
//!
//! Traps handled here: writes answer `{"ok":true}` around what they are about; the tools of a
//! profile are one list, written whole from what was just read; whether a change is a PATCH or a
//! PUT is not documented, so that a PUT of the whole profile follows where a PATCH is not taken;
//! budgets count in cents and durations in milliseconds.

use http::Method;
use serde_json::{Map, Value, json};

use super::Acp;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::model::agent::AgentRef;
use crate::model::micro::Micro;
use crate::model::profile::{
    Agent, AgentDraft, AgentLimits, AgentTool, Edit, Profile, ServerDraft, ToolDraft,
};
use crate::outbound::agents::{
    Agents, Creation, Faults, Page, Turn, Wanted, ask, attached, below, broken, list, no_such,
    object, send, text,
};
use crate::outbound::target;

/// What of a draft ACP takes, but for the name.
const TAKEN: &[&str] = &[
    "description",
    "instructions",
    "model",
    "tools",
    "limits.max_steps",
    "limits.timeout_seconds",
    "limits.max_cost_usd",
];
/// ACP's own fields of a profile.
const OWN: &[&str] =
    &["icon", "scopes", "maxToolCalls", "delegatable", "canDelegate", "maxDelegationDepth"];
/// ACP's fields that have a unified name, and that name.
const UNIFIED: &[(&str, &str)] = &[
    ("name", "name"),
    ("description", "description"),
    ("systemPrompt", "instructions"),
    ("model", "model"),
    ("enabledTools", "tools"),
    ("maxToolRounds", "limits.max_steps"),
    ("maxDurationMs", "limits.timeout_seconds"),
    ("maxBudgetCents", "limits.max_cost_usd"),
];
/// What a platform says of a profile that nobody can write.
const READ_ONLY: &[&str] = &["id", "createdAt", "updatedAt", "ok"];
/// Micro-dollars in a cent.
const CENT: i64 = 10_000;

impl Agents for Acp {
    fn list(&self, _: &Wanted) -> Result<Turn<Page>> {
        let upstream = self.name.clone();
        Ok(Turn::new(ask(Method::GET, self.agents_path().to_owned()), move |body| {
            let items = match serde_json::from_slice(body) {
                Ok(Value::Array(items)) => Some(items),
                Ok(Value::Object(mut envelope)) => list(&mut envelope, "profiles"),
                _ => None,
            };
            let wrong = || broken("the answer is not the list that its API promises");
            let each = items.ok_or_else(wrong)?.into_iter().map(|item| {
                let Value::Object(raw) = item else { return Err(wrong()) };
                profile(&upstream, raw)
            });
            Ok(Page { agents: each.collect::<Result<_>>()?, next: None })
        }))
    }

    fn read(&self, id: &str) -> Result<Turn<Profile>> {
        let upstream = self.name.clone();
        Ok(Turn::new(ask(Method::GET, self.agent_path(id)?), move |body| {
            profile(&upstream, inner(object(body)?))
        }))
    }

    fn create(&self, draft: &AgentDraft) -> Result<Creation> {
        let mut faults = Faults::default();
        faults.beyond("", draft.given(), TAKEN);
        faults.needed("model", draft.model.is_some());
        let body = fields(draft, &mut faults);
        faults.settle(&self.name)?;
        let request = send(Method::POST, self.agents_path().to_owned(), &body)?;
        let turn = Turn::new(request, |body| {
            let mut made = inner(object(body)?);
            text(&mut made, "id").ok_or_else(|| broken("the new agent has no id"))
        });
        Ok(Creation { turn, then: Vec::new() })
    }

    fn change(&self, fresh: &Profile, edit: &Edit) -> Result<Turn<String>> {
        let mut faults = Faults::default();
        let (body, id) = match edit {
            Edit::Fields(draft) => {
                faults.beyond("", draft.given(), TAKEN);
                (fields(draft, &mut faults), String::new())
            }
            Edit::AttachTool(draft) => {
                let name = tool("", draft, &mut faults);
                let mut all = enabled(&fresh.raw);
                let is_new = !all.contains(&name);
                all.push(name.clone());
                std::mem::take(&mut faults).settle(&self.name)?;
                if !is_new {
                    return Err(attached("tool"));
                }
                (Map::from_iter([("enabledTools".to_owned(), json!(all))]), name)
            }
            Edit::DetachTool(id) => {
                let mut all = enabled(&fresh.raw);
                let before = all.len();
                all.retain(|name| name != id);
                if all.len() == before {
                    return Err(no_such("tool"));
                }
                (Map::from_iter([("enabledTools".to_owned(), json!(all))]), String::new())
            }
            Edit::AttachServer(ServerDraft { .. }) | Edit::DetachServer(_) => {
                faults.unsupported("mcp_servers", "its agents have tools by name alone");
                (Map::new(), String::new())
            }
        };
        faults.settle(&self.name)?;
        let path = self.agent_path(&fresh.reference.native)?;
        let mut whole = fresh.raw.clone();
        whole.retain(|key, _| !READ_ONLY.contains(&key.as_str()));
        whole.extend(body.clone());
        let mut turn = Turn::new(send(Method::PATCH, path.clone(), &body)?, move |_| Ok(id));
        turn.instead = Some(send(Method::PUT, path, &whole)?);
        Ok(turn)
    }

    fn remove(&self, id: &str) -> Result<Turn<()>> {
        Ok(Turn::new(ask(Method::DELETE, self.agent_path(id)?), |_| Ok(())))
    }
}

impl Acp {
    fn agents_path(&self) -> &str {
        &self.settings.agents_path
    }

    fn agent_path(&self, id: &str) -> Result<String> {
        let path = self.agents_path().trim_end_matches('/');
        Ok(format!("{path}/{}", target::agent_segment(id)?))
    }
}

/// What is said of an agent, in ACP's words.
fn fields(draft: &AgentDraft, faults: &mut Faults) -> Map<String, Value> {
    faults.options(&draft.upstream_options, OWN, UNIFIED);
    let mut body = draft.upstream_options.clone();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(key.to_owned(), value);
        }
    };
    put("name", draft.name.as_ref().map(|name| json!(name)));
    put("description", draft.description.as_ref().map(|text| json!(text)));
    put("systemPrompt", draft.instructions.as_ref().map(|text| json!(text)));
    put("model", draft.model.as_ref().map(|model| json!(model)));
    let limits = &draft.limits;
    put("maxToolRounds", limits.max_steps.map(|most| json!(most)));
    put("maxDurationMs", limits.timeout_seconds.map(|most| json!(most.saturating_mul(1_000))));
    put("maxBudgetCents", limits.max_cost_usd.map(|Micro(most)| json!(most / CENT)));
    if limits.max_cost_usd.is_some_and(|Micro(most)| most % CENT != 0) {
        faults.wrong("limits.max_cost_usd", "this upstream counts in whole cents");
    }
    if let Some(tools) = &draft.tools {
        let each = tools.iter().enumerate();
        let names = each.map(|(at, one)| tool(&format!("tools[{at}]"), one, faults));
        body.insert("enabledTools".to_owned(), json!(names.collect::<Vec<_>>()));
    }
    body
}

/// A tool by its name, which is all that a profile has of it.
fn tool(at: &str, draft: &ToolDraft, faults: &mut Faults) -> String {
    faults.beyond(at, draft.given(), &["id"]);
    let name = draft.id.clone().unwrap_or_default();
    if name.is_empty() {
        faults.wrong(below(at, "id"), "must be the name of a tool");
    }
    name
}

fn enabled(raw: &Map<String, Value>) -> Vec<String> {
    let names = raw.get("enabledTools").and_then(Value::as_array).into_iter().flatten();
    names.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// What a write is about, whether or not it stands in an envelope.
fn inner(mut answer: Map<String, Value>) -> Map<String, Value> {
    for envelope in ["profile", "agent"] {
        if let Some(Value::Object(inner)) = answer.get_mut(envelope) {
            return std::mem::take(inner);
        }
    }
    answer
}

fn profile(upstream: &str, raw: Map<String, Value>) -> Result<Profile> {
    let mut rest = raw.clone();
    let native = text(&mut rest, "id").filter(|id| !id.is_empty());
    let native = native.ok_or_else(|| broken("an agent has no id"))?;
    let reference = AgentRef { upstream: upstream.to_owned(), native };
    let mut agent = Agent::new(&reference, super::KIND.name);
    agent.name = text(&mut rest, "name").unwrap_or_default();
    agent.description = text(&mut rest, "description").map(Into::into);
    agent.instructions = text(&mut rest, "systemPrompt").map(Into::into);
    agent.model = text(&mut rest, "model");
    agent.tools = rest.shift_remove("enabledTools").map(|_| {
        let named = |id| AgentTool { id, name: None, description: None, native: Map::new() };
        enabled(&raw).into_iter().map(named).collect()
    });
    let cents = rest.shift_remove("maxBudgetCents").map(|cents| cents.to_string());
    let cents = cents.and_then(|cents| Micro::parse(&cents));
    let mut number = |key: &str| rest.shift_remove(key)?.as_u64();
    agent.limits = AgentLimits {
        max_steps: number("maxToolRounds"),
        timeout_seconds: number("maxDurationMs").map(|most| most.div_ceil(1_000)),
        max_cost_usd: cents.map(|Micro(cents)| Micro(cents / 100)),
        ..AgentLimits::default()
    };
    agent.created_at = text(&mut rest, "createdAt").and_then(|at| Timestamp::parse(&at));
    agent.updated_at = text(&mut rest, "updatedAt").and_then(|at| Timestamp::parse(&at));
    rest.shift_remove("ok");
    agent.native = rest;
    Ok(Profile { reference, agent, raw })
}
