//! What is asked for: one question of 1 KiB, in the words of each party's API.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::parties::{Party, switchyard::KEY};
use crate::upstream::{TEXT, TEXTS};

/// A kind of request; what it is called is what the upstream looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Workload {
    /// A whole answer.
    Json,
    /// A stream of a hundred events.
    Stream,
    /// A stream that stays open.
    Hold,
}

impl Workload {
    /// For the report.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Stream => "stream of 100 events",
            Self::Hold => "open stream",
        }
    }

    fn variant(self) -> &'static str {
        match self {
            Self::Json => "whole",
            Self::Stream => "stream-100",
            Self::Hold => "hold",
        }
    }
}

/// A request, and what its answer must at least be.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    /// The request, head and body.
    pub(crate) request: Arc<[u8]>,
    /// Bytes of the answer's body.
    pub(crate) least_bytes: u64,
    /// Events in it.
    pub(crate) least_events: u64,
}

impl Load {
    /// What the gateway is asked of an agent: a whole answer.
    pub(crate) fn of_agent(agent: &str) -> Self {
        let body = json!({ "input": question() });
        Self::asking(&format!("/v1/agents/{agent}/runs"), "", &body, 0)
    }

    /// What `party` is asked in this workload.
    pub(crate) fn of(party: Party, workload: Workload) -> Self {
        let variant = workload.variant();
        let is_stream = workload != Workload::Json;
        let is_model_api = matches!(party, Party::Litellm | Party::Portkey);
        let mut body = if is_model_api {
            json!({ "model": variant, "messages": [{ "role": "user", "content": question() }] })
        } else {
            json!({ "input": question() })
        };
        if is_stream {
            body["stream"] = json!(true);
        }
        let path = if is_model_api {
            "/v1/chat/completions".to_owned()
        } else if party.is_own() {
            format!("/v1/agents/bench:{variant}/runs")
        } else {
            format!("/bench/agents/{variant}/run")
        };
        // A gateway that looks at text may join what it had to hold back.
        let least_events = if is_stream { TEXTS as u64 / 2 } else { 0 };
        Self::asking(&path, &party.headers(), &body, least_events)
    }

    fn asking(path: &str, more: &str, body: &Value, least_events: u64) -> Self {
        let body = body.to_string();
        let length = body.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nx-api-key: {KEY}\r\n{more}\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        Self { request: request.into_bytes().into(), least_bytes: TEXT as u64, least_events }
    }
}

/// Something that the policy on personal data has to act on.
fn question() -> String {
    format!("{} Write to jane.doe@example.com.", prose(970))
}

/// Text as people write it to agents, with a quote and a line break here and there, and with what
/// a gateway has to look at twice. No two parts of it are the same, as in what people write: who
/// compresses it gains what is gained with prose.
pub(crate) fn prose(length: usize) -> String {
    const WORDS: &str = "summarise the open tickets of \"Nordwind GmbH\" since Monday grouped by \
        product and say which 14 wait for us mention oldest first then write a short answer that \
        customer support can send without changes because it was promised before noon whoever \
        asked about invoice shipping delays or refunds gets own paragraph with date amount next \
        step please keep tone friendly never blame warehouse carrier weather three cases are \
        still unclear check whether order left Hamburg on Tuesday if not offer voucher instead";
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut text = String::with_capacity(length + 16);
    while text.len() < length {
        // A linear congruential generator (Knuth's MMIX): the same text in every process.
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let chosen = (state >> 33) as usize;
        text.push_str(words.get(chosen % words.len()).unwrap_or(&""));
        text.push_str(match chosen % 97 {
            0..8 => ". ",
            8 => ".\n",
            _ => " ",
        });
    }
    text.truncate(length);
    text
}
