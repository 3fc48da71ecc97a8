//! Which platform answers a request: told by the first path segment. The stage asks here.
//!
//! Invariant: one line per platform; what they have in common is in `request`, `faults`, `sample`.

use serde_json::{Value, json};

use super::agents::Agents;
use super::request::Received;
use super::script::Script;
use super::zaia::Executions;
use super::{acp, agentbase, make, zaia};

/// The answer of the platform that the path names.
pub fn answer(received: &Received, executions: &Executions, agents: &Agents) -> Script {
    if let Some(answer) = agents.answer(received) {
        return answer;
    }
    let answer = match received.platform.as_str() {
        "make" => make::answer(received),
        "zaia" => zaia::answer(received, executions),
        "acp" => acp::answer(received),
        "agentbase" => agentbase::answer(received),
        _ => Err(error(404, &json!({ "error": "there is no such platform here" }))),
    };
    answer.unwrap_or_else(|refusal| refusal)
}

/// A refusal with a JSON body.
pub fn error(status: u16, body: &Value) -> Script {
    Script::json(status, body.to_string())
}

/// An id in the form of a UUID that the number decides.
pub fn uuid(number: u64) -> String {
    format!("00000000-0000-4000-8000-{number:012x}")
}

/// An event that is one data line, as ACP and Agentbase write it.
pub fn data_event(data: &Value) -> String {
    format!("data: {data}\n\n")
}

/// The text in pieces, each with the space that follows it.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(' ')
}
