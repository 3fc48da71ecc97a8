//! What is asked for: the requests of each workload, as bytes, in the upstream's own words and in
//! the gateway's.

use std::sync::Arc;

use serde_json::json;

use crate::gateway::KEY;
use crate::parties::Party;
use crate::upstream::EVENTS_OF_A_STREAM;

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Workload {
    /// What it is, for the report.
    pub(crate) name: &'static str,
    /// The upstream's variant.
    variant: &'static str,
    /// Connections of a closed loop.
    pub(crate) connections: usize,
    /// What each answer counts for.
    pub(crate) units: u64,
    /// What is counted.
    pub(crate) unit: &'static str,
}

const fn json_of(name: &'static str, variant: &'static str, connections: usize) -> Workload {
    Workload { name, variant, connections, units: 1, unit: "requests/s" }
}

/// 1 KiB in and out, at once: what the aims are about.
pub(crate) const SMALL: Workload = json_of("JSON, 1 KiB in, 1 KiB out", "small", 32);
/// Streams of 100 events, each sent by itself.
pub(crate) const STREAM: Workload = Workload {
    name: "streams of 101 events",
    variant: "stream-100",
    connections: 32,
    units: EVENTS_OF_A_STREAM,
    unit: "events/s",
};
/// A stream that stays open.
pub(crate) const HOLD: Workload =
    Workload { name: "open stream", variant: "hold", connections: 0, units: 1, unit: "streams" };

/// What the parties are put under, in a closed loop.
pub(crate) const THROUGHPUT: &[Workload] = &[
    SMALL,
    json_of("JSON, 1 KiB in, 10 KiB out", "large", 32),
    json_of("the same after 10 ms, 256 connections", "delay-10ms", 256),
    STREAM,
];

impl Workload {
    fn is_stream(&self) -> bool {
        self.units > 1 || *self == HOLD
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
    pub(crate) fn of(party: Party, workload: &Workload) -> Self {
        let variant = workload.variant;
        let path = match party {
            Party::Gateway => format!("/v1/agents/bench:{variant}/runs"),
            Party::Direct | Party::Nginx | Party::Relay => format!("/bench/agents/{variant}/run"),
        };
        let mut body = json!({ "input": prose(1_000) });
        if workload.is_stream() {
            body["stream"] = json!(true);
        }
        let body = body.to_string();
        let length = body.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nx-api-key: {KEY}\r\n\
             content-type: application/json\r\n\
             content-length: {length}\r\n\r\n{body}"
        );
        Self {
            request: request.into_bytes().into(),
            least_bytes: 800,
            least_events: if workload.is_stream() { workload.units } else { 0 },
        }
    }
}

/// Text as people write it to agents, with a quote and a line break here and there.
pub(crate) fn prose(length: usize) -> String {
    const SENTENCES: &str = "Summarise the open tickets of \"Nordwind GmbH\" since Monday, \
        grouped by product, and say which of them wait for us.\nMention the oldest first. ";
    SENTENCES.chars().cycle().take(length).collect()
}
