//! What the operations on agents take and answer, for the OpenAPI document. The table of all
//! operations asks here.

use crate::error::Kind;
use crate::inbound::headers::JSON;
use crate::inbound::unified::operations::{CURSOR, Described, NO_BODY, NONE, STRING};

const AGENT_FAILURES: &[Kind] = &[
    Kind::AgentNotFound,
    Kind::NotFound,
    Kind::Conflict,
    Kind::PreconditionFailed,
    Kind::ContentTooLarge,
    Kind::UnsupportedMediaType,
    Kind::UnsupportedByUpstream,
    Kind::PiiBlocked,
    Kind::NotSupported,
    Kind::RateLimited,
    Kind::UpstreamError,
    Kind::UpstreamProtocol,
    Kind::UpstreamMisconfigured,
    Kind::UpstreamUnavailable,
    Kind::UpstreamTimeout,
];
const IF_MATCH: (&str, &str) = ("If-Match", "the `ETag` of the agent as it was read");
pub(in crate::inbound::unified) const LIST_AGENTS: Described = Described {
    summary: "List agents over all platforms; one that fails is named beside the others",
    query: &[
        (
            "upstream",
            STRING,
            "on this upstream; its own filters are then taken as `native.<filter>`",
        ),
        ("search", STRING, "with this in name, description or id"),
        (
            "limit",
            r#"{"type":"integer","minimum":1,"maximum":100,"default":20}"#,
            "agents on a page",
        ),
        CURSOR,
    ],
    answers: &[(200, JSON, "AgentList")],
    failures: AGENT_FAILURES,
    ..NONE
};
pub(in crate::inbound::unified) const CREATE_AGENT: Described = Described {
    summary: "Make an agent",
    body: &[(JSON, "NewAgent")],
    answers: &[(201, JSON, "Agent")],
    failures: AGENT_FAILURES,
    ..NONE
};
pub(in crate::inbound::unified) const GET_AGENT: Described = Described {
    summary: "Read an agent",
    headers: &[("If-None-Match", "answers 304 where the agent still has this `ETag`")],
    answers: &[(200, JSON, "Agent"), (304, NO_BODY, "")],
    failures: AGENT_FAILURES,
    ..NONE
};
pub(in crate::inbound::unified) const CHANGE_AGENT: Described = Described {
    summary: "Change an agent: what is left out stays as it is",
    headers: &[IF_MATCH],
    body: &[(JSON, "AgentChange")],
    answers: &[(200, JSON, "Agent")],
    failures: AGENT_FAILURES,
    ..NONE
};
pub(in crate::inbound::unified) const DELETE_AGENT: Described = Described {
    summary: "Delete an agent",
    headers: &[IF_MATCH],
    answers: &[(200, JSON, "DeletedAgent")],
    failures: AGENT_FAILURES,
    ..NONE
};
pub(in crate::inbound::unified) const ATTACH_TOOL: Described = Described {
    summary: "Give an agent a tool",
    headers: &[IF_MATCH],
    body: &[(JSON, "NewTool")],
    answers: &[(201, JSON, "AgentTool")],
    failures: AGENT_FAILURES,
    ..NONE
};
pub(in crate::inbound::unified) const DETACH_TOOL: Described = Described {
    summary: "Take a tool from an agent",
    headers: &[IF_MATCH],
    answers: &[(200, JSON, "Agent")],
    failures: AGENT_FAILURES,
    ..NONE
};
pub(in crate::inbound::unified) const ATTACH_SERVER: Described = Described {
    summary: "Give an agent an MCP server",
    headers: &[IF_MATCH],
    body: &[(JSON, "NewMcpServer")],
    answers: &[(201, JSON, "AgentServer")],
    failures: AGENT_FAILURES,
    ..NONE
};
pub(in crate::inbound::unified) const DETACH_SERVER: Described = Described {
    summary: "Take an MCP server from an agent",
    headers: &[IF_MATCH],
    answers: &[(200, JSON, "Agent")],
    failures: AGENT_FAILURES,
    ..NONE
};
