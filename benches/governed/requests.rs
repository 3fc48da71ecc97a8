//! What is asked for: one question of 1 KiB, in the words of each party's API.

use std::sync::Arc;

use serde_json::json;

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
    /// What `party` is asked in this workload.
    pub(crate) fn of(party: Party, workload: Workload) -> Self {
        let variant = workload.variant();
        // Something that the policy on personal data has to act on.
        let question = format!("{} Write to jane.doe@example.com.", prose(970));
        let is_stream = workload != Workload::Json;
        let mut body = match party {
            Party::Litellm | Party::Portkey => {
                json!({ "model": variant, "messages": [{ "role": "user", "content": question }] })
            }
            Party::Direct
            | Party::Nginx
            | Party::Envoy
            | Party::Switchyard
            | Party::Strict
            | Party::NoDisk => json!({ "input": question }),
        };
        if is_stream {
            body["stream"] = json!(true);
        }
        let path = match party {
            Party::Switchyard | Party::Strict | Party::NoDisk => {
                format!("/v1/agents/bench:{variant}/runs")
            }
            Party::Litellm | Party::Portkey => "/v1/chat/completions".to_owned(),
            Party::Direct | Party::Nginx | Party::Envoy => format!("/bench/agents/{variant}/run"),
        };
        let more = party.headers();
        let body = body.to_string();
        let length = body.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nx-api-key: {KEY}\r\n{more}\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        Self {
            request: request.into_bytes().into(),
            least_bytes: TEXT as u64,
            // A gateway that looks at text may join what it had to hold back.
            least_events: if is_stream { TEXTS as u64 / 2 } else { 0 },
        }
    }
}

/// Text as people write it to agents, with a quote and a line break here and there, and with what
/// a gateway has to look at twice.
pub(crate) fn prose(length: usize) -> String {
    const SENTENCES: &str = "Summarise the open tickets of \"Nordwind GmbH\" since Monday, \
        grouped by product, and say which of the 14 wait for us.\nMention the oldest first. ";
    SENTENCES.chars().cycle().take(length).collect()
}
