//! The agents that the pretend platforms keep: some that are there from the beginning, and what
//! was made of them since. The platform table asks here before the platforms.
//!
//! Invariant: bounded by number; of those that were made, the oldest leave first.

pub mod acp;
pub mod make;
pub mod zaia;

use parking_lot::Mutex;
use serde_json::Value;

use super::request::Received;
use super::script::Script;

/// The most agents that one platform keeps.
const MOST: usize = 2_000;

/// What all platforms keep.
#[derive(Debug)]
pub struct Agents {
    make: Shelf,
    zaia: Shelf,
    acp: Shelf,
}

impl Default for Agents {
    fn default() -> Self {
        Self {
            make: Shelf::of(make::seeds()),
            zaia: Shelf::of(zaia::seeds()),
            acp: Shelf::of(acp::seeds()),
        }
    }
}

impl Agents {
    /// The answer of the platform that the path names, where the path is about agents.
    pub fn answer(&self, received: &Received) -> Option<Script> {
        let answer = match received.platform.as_str() {
            "make" => make::answer(received, &self.make),
            "zaia" => zaia::answer(received, &self.zaia),
            "acp" => acp::answer(received, &self.acp),
            _ => None,
        };
        answer.map(|answer| answer.unwrap_or_else(|refusal| refusal))
    }
}

/// What one platform keeps, each by its `id`.
#[derive(Debug)]
pub struct Shelf {
    seeds: usize,
    all: Mutex<Vec<Value>>,
}

impl Shelf {
    fn of(seeds: Vec<Value>) -> Self {
        Self { seeds: seeds.len(), all: Mutex::new(seeds) }
    }

    fn all(&self) -> Vec<Value> {
        self.all.lock().clone()
    }

    fn get(&self, id: &str) -> Option<Value> {
        self.all.lock().iter().find(|agent| agent["id"] == id).cloned()
    }

    fn add(&self, agent: Value) {
        let mut all = self.all.lock();
        if all.len() >= MOST && all.len() > self.seeds {
            all.remove(self.seeds);
        }
        all.push(agent);
    }

    /// Changes one; what it is then.
    fn change(&self, id: &str, change: impl FnOnce(&mut Value)) -> Option<Value> {
        let mut all = self.all.lock();
        let agent = all.iter_mut().find(|agent| agent["id"] == id)?;
        change(agent);
        Some(agent.clone())
    }

    fn remove(&self, id: &str) -> bool {
        let mut all = self.all.lock();
        let before = all.len();
        all.retain(|agent| agent["id"] != id);
        all.len() < before
    }
}

/// Puts the members of one object into another.
fn merge(into: &mut Value, from: &Value) {
    if let (Some(into), Some(from)) = (into.as_object_mut(), from.as_object()) {
        into.extend(from.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
}

/// The time of a change: later than that of any before.
fn at(received: &Received) -> String {
    let (minutes, seconds) = (received.at / 60 % 60, received.at % 60);
    format!("2026-02-01T{:02}:{minutes:02}:{seconds:02}.000Z", received.at / 3_600 % 24)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ask(agents: &Agents, method: &str, target: &str, body: &Value) -> (u16, Value) {
        let credential = if target.starts_with("/zaia") { "key" } else { "Bearer key" };
        let mut received = Received::post(target, credential, body);
        received.method = method.to_owned();
        let bytes = agents.answer(&received).unwrap().bytes();
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), serde_json::from_str(body).unwrap_or_default())
    }

    #[test]
    fn make_names_a_new_agent_otherwise_and_answers_changes_with_nothing() {
        let agents = Agents::default();
        let path = "/make/api/v2/ai-agents/v1/agents";
        let body = json!({ "name": "a", "teamId": 1, "makeConnectionId": 7, "defaultModel": "m",
            "systemPrompt": "p", "mcpConfigs": [{ "mcpConnectionId": 5, "toolIds": ["t"] }] });
        let (status, made) = ask(&agents, "POST", &format!("{path}?teamId=1"), &body);
        assert_eq!((status, made.get("id")), (201, None));
        let one = format!("{path}/{}?teamId=1", made["agentId"].as_str().unwrap());
        let (_, read) = ask(&agents, "GET", &one, &Value::Null);
        assert_eq!(read["mcpConfigs"][0]["tools"][0]["id"], "t");
        assert!(read["mcpConfigs"][0].get("toolIds").is_none());
        let (_, list) = ask(&agents, "GET", &format!("{path}?teamId=1"), &Value::Null);
        assert_eq!(list.as_array().unwrap().last().unwrap()["mcpConfigs"][0]["toolIds"][0], "t");
        let parser = json!({ "outputParserFormat": { "type": "text" } });
        assert_eq!(ask(&agents, "PATCH", &one, &parser), (204, Value::Null));
        assert_eq!(ask(&agents, "GET", &one, &Value::Null).1["outputParser"]["type"], "text");
        for wrong in [json!({ "teamId": 1 }), json!({ "outputParser": {} }), json!({ "name": 1 })] {
            assert_eq!(ask(&agents, "PATCH", &one, &wrong).0, 400, "{wrong}");
        }
        assert_eq!(ask(&agents, "DELETE", &one, &Value::Null), (204, Value::Null));
        assert_eq!(ask(&agents, "GET", &one, &Value::Null).0, 404);
        assert_eq!(ask(&agents, "GET", path, &Value::Null).0, 400, "without a team");
    }

    #[test]
    fn zaia_wants_all_keys_and_tells_pages_by_their_length() {
        let agents = Agents::default();
        let path = "/zaia/api/v1/agents";
        let (_, first) = ask(&agents, "GET", path, &Value::Null);
        let (_, second) = ask(&agents, "GET", &format!("{path}?pageNumber=2"), &Value::Null);
        assert_eq!((first.as_array().unwrap().len(), second.as_array().unwrap().len()), (10, 4));
        let all = [first, second].map(|page| page.as_array().unwrap().clone()).concat();
        assert!(all.iter().any(|agent| agent["isRemoved"] == true));
        assert_eq!(ask(&agents, "POST", path, &json!({ "name": "abc" })).0, 400);
        assert_eq!(ask(&agents, "GET", &format!("{path}?pageSize=101"), &Value::Null).0, 400);
        assert_eq!(ask(&agents, "DELETE", &format!("{path}/running"), &Value::Null).0, 412);
    }

    #[test]
    fn one_profile_of_acp_takes_no_patch() {
        let agents = Agents::default();
        let path = "/acp/api/v1/agents";
        let change = json!({ "name": "b" });
        assert_eq!(ask(&agents, "PATCH", &format!("{path}/put-only"), &change).0, 405);
        assert_eq!(ask(&agents, "PATCH", &format!("{path}/ok"), &change).0, 200);
        let (status, _) = ask(&agents, "PUT", &format!("{path}/put-only"), &change);
        assert_eq!(status, 400, "a PUT is of the whole profile");
    }
}
