//! What each operation takes and answers, for the OpenAPI document. Called by `openapi.rs`.
//!
//! Invariant: every row of the operation table is described; the compiler sees to it.

use crate::error::Kind;
use crate::http::operation::Operation;
use crate::inbound::headers::{EVENT_STREAM, JSON};
use crate::inbound::unified::agents::operations as agents;
use crate::wire::form;

/// Any object, where a body has no schema of its own.
pub const ANY_OBJECT: &str = "";
/// The media type of an answer without a body.
pub const NO_BODY: &str = "";

/// What is said of an operation.
#[derive(Clone, Copy, Debug)]
pub struct Described {
    /// What it does.
    pub summary: &'static str,
    /// Its query parameters: name, schema in JSON, meaning.
    pub query: &'static [(&'static str, &'static str, &'static str)],
    /// Its request headers: name, meaning.
    pub headers: &'static [(&'static str, &'static str)],
    /// What its body may be: media type and schema; empty where it takes none.
    pub body: &'static [(&'static str, &'static str)],
    /// Its good answers: status, media type, schema.
    pub answers: &'static [(u16, &'static str, &'static str)],
    /// What it fails with beyond what every operation may.
    pub failures: &'static [Kind],
}

/// What every operation may fail with.
pub const ALWAYS: &[Kind] = &[
    Kind::InvalidRequest,
    Kind::NotAcceptable,
    Kind::RequestTimeout,
    Kind::UriTooLong,
    Kind::HeadersTooLarge,
    Kind::Internal,
    Kind::Overloaded,
    Kind::Draining,
];

/// What every operation that needs a credential may fail with besides.
pub const KNOWN: &[Kind] = &[
    Kind::Unauthenticated,
    Kind::Forbidden,
    Kind::RateLimited,
    Kind::ConcurrencyLimited,
    Kind::PolicyUnavailable,
];

const PREFER: (&str, &str) =
    ("Prefer", "`respond-async`, or `wait=N` to be answered 202 after N s");
const RUN_FAILURES: &[Kind] = &[
    Kind::AgentNotFound,
    Kind::ThreadNotFound,
    Kind::ContentTooLarge,
    Kind::UnsupportedMediaType,
    Kind::UnsupportedByUpstream,
    Kind::NotSupported,
    Kind::RateLimited,
    Kind::BudgetExhausted,
    Kind::UpstreamError,
    Kind::UpstreamProtocol,
    Kind::UpstreamMisconfigured,
    Kind::UpstreamUnavailable,
    Kind::UpstreamTimeout,
];
const CHANGE_FAILURES: &[Kind] = &[
    Kind::NotFound,
    Kind::Conflict,
    Kind::ContentTooLarge,
    Kind::UnsupportedMediaType,
    Kind::NotSupported,
    Kind::PolicyUnavailable,
];
const RUN_ANSWERS: &[(u16, &str, &str)] =
    &[(200, JSON, "Run"), (200, EVENT_STREAM, "Event"), (202, JSON, "Run")];
const TEXT: &str = "text/plain";
const HTML: &str = "text/html";
pub(super) const STRING: &str = r#"{"type":"string"}"#;
const LIMIT: (&str, &str, &str) =
    ("limit", r#"{"type":"integer","minimum":1,"maximum":100,"default":20}"#, "runs on a page");
const MANY: &str = r#"{"type":"integer","minimum":1,"maximum":1000,"default":100}"#;
const TIME: &str = r#"{"type":"string","format":"date-time"}"#;
const STAGES: &str = r#"{"type":"string","enum":["admitted","refused","tool_call","ended","answered","unknown","operated"]}"#;
pub(super) const CURSOR: (&str, &str, &str) =
    ("cursor", STRING, "`next_cursor` of the page before");

pub(super) const NONE: Described =
    Described { summary: "", query: &[], headers: &[], body: &[], answers: &[], failures: &[] };
const LIST_RUNS: Described = Described {
    summary: "List runs, newest first",
    query: &[
        ("agent", STRING, "of this agent, as it was named when the run was started"),
        ("status", r##"{"$ref":"#/components/schemas/RunStatus"}"##, "in this state"),
        ("thread_id", STRING, "of this thread"),
        ("created_after", r#"{"type":"string","format":"date-time"}"#, "admitted after this time"),
        LIMIT,
        CURSOR,
    ],
    answers: &[(200, JSON, "RunList")],
    ..NONE
};
const GET_RUN: Described = Described {
    summary: "Read a run",
    answers: &[(200, JSON, "Run")],
    failures: &[Kind::RunNotFound],
    ..NONE
};
const FOLLOW_RUN: Described = Described {
    summary: "Read a run's events: what is recorded, then live",
    query: &[("after", r#"{"type":"integer","minimum":0}"#, "as `Last-Event-ID`")],
    headers: &[("Last-Event-ID", "go on after this event")],
    answers: &[(200, EVENT_STREAM, "Event")],
    failures: &[Kind::RunNotFound, Kind::Conflict],
    ..NONE
};
const CANCEL_RUN: Described = Described {
    summary: "Stop a run",
    answers: &[(200, JSON, "Run")],
    failures: &[
        Kind::RunNotFound,
        Kind::Conflict,
        Kind::ContentTooLarge,
        Kind::UnsupportedMediaType,
        Kind::NotSupported,
    ],
    ..NONE
};
const GET_THREAD: Described = Described {
    summary: "Read a thread",
    answers: &[(200, JSON, "ThreadHead")],
    failures: &[Kind::ThreadNotFound],
    ..NONE
};
const LIST_THREAD_RUNS: Described = Described {
    summary: "List a thread's runs, newest first",
    query: &[LIMIT, CURSOR],
    answers: &[(200, JSON, "RunList")],
    failures: &[Kind::ThreadNotFound],
    ..NONE
};
const LIST_UPSTREAMS: Described = Described {
    summary: "The platforms, their health, and what each can do",
    answers: &[(200, JSON, "UpstreamViewList")],
    ..NONE
};

const CREATE_RUN: Described = Described {
    summary: "Run an agent",
    headers: &[PREFER],
    body: &[(JSON, "RunRequest")],
    answers: RUN_ANSWERS,
    failures: RUN_FAILURES,
    ..NONE
};
const CREATE_AGENT_RUN: Described = Described {
    summary: "Run the agent that the path names",
    headers: &[PREFER],
    body: &[(JSON, "AgentRunRequest")],
    answers: RUN_ANSWERS,
    failures: RUN_FAILURES,
    ..NONE
};
const RUN_HOOK: Described = Described {
    summary: "Run an agent from a webhook of an automation tool",
    query: &[(
        "reply",
        r#"{"type":"string","enum":["json","text"],"default":"json"}"#,
        "`text` answers with the output alone",
    )],
    headers: &[PREFER],
    body: &[(JSON, ANY_OBJECT), (form::MEDIA_TYPE, ANY_OBJECT)],
    answers: &[
        (200, JSON, "Run"),
        (200, TEXT, "string"),
        (200, EVENT_STREAM, "Event"),
        (202, JSON, "Run"),
    ],
    failures: RUN_FAILURES,
};
const RUN_ACP: Described = Described {
    summary: "Run an agent as ACP's trigger does",
    body: &[(JSON, "AcpRunRequest")],
    answers: &[(200, JSON, "AcpReply"), (200, EVENT_STREAM, "AcpEvent")],
    failures: RUN_FAILURES,
    ..NONE
};
const GET_METRICS: Described = Described {
    summary: "Metrics in the text format of Prometheus",
    answers: &[(200, TEXT, "string")],
    ..NONE
};
const GET_HEALTH: Described =
    Described { summary: "Whether the process answers", answers: &[(200, TEXT, "string")], ..NONE };
const GET_READINESS: Described = Described {
    summary: "Whether the gateway takes requests, and why not",
    answers: &[(200, JSON, "Readiness"), (503, JSON, "Readiness")],
    ..NONE
};
const CREATE_KEY: Described = Described {
    summary: "Make a key; its secret is shown now, and never again",
    body: &[(JSON, "NewKey")],
    answers: &[(201, JSON, "MadeKey")],
    failures: CHANGE_FAILURES,
    ..NONE
};
const LIST_KEYS: Described = Described {
    summary: "List the keys of the store, in the order in which they were made",
    query: &[("workspace", STRING, "of this workspace"), LIMIT, CURSOR],
    answers: &[(200, JSON, "KeyViewList")],
    failures: &[Kind::PolicyUnavailable],
    ..NONE
};
const GET_KEY: Described = Described {
    summary: "Read a key, without its secret",
    answers: &[(200, JSON, "KeyView")],
    failures: &[Kind::NotFound, Kind::PolicyUnavailable],
    ..NONE
};
const ROTATE_KEY: Described = Described {
    summary: "Give a key a new secret; the one before stays good for a while",
    body: &[(JSON, "Rotation")],
    answers: &[(200, JSON, "MadeKey")],
    failures: CHANGE_FAILURES,
    ..NONE
};
const REVOKE_KEY: Described = Described {
    summary: "Revoke a key, within a second on every node",
    answers: &[(200, JSON, "KeyView")],
    failures: &[Kind::NotFound, Kind::PolicyUnavailable],
    ..NONE
};
const REVOKE_TOKEN: Described = Described {
    summary: "Revoke a token before it expires",
    body: &[(JSON, "TokenRevocation")],
    answers: &[(200, JSON, "TokenRevocation")],
    failures: CHANGE_FAILURES,
    ..NONE
};
const EXPLAIN: Described = Described {
    summary: "Why a caller would be let in or not; nothing is run",
    body: &[(JSON, "ExplainRequest")],
    answers: &[(200, JSON, "Explanation")],
    failures: CHANGE_FAILURES,
    ..NONE
};
const RELOAD: Described = Described {
    summary: "Read the configuration anew and put it in force, whole or not at all",
    answers: &[(200, JSON, "Reloaded")],
    failures: CHANGE_FAILURES,
    ..NONE
};
const LIST_AUDIT: Described = Described {
    summary: "Read the audit, newest first unless it is said",
    query: &[
        ("workspace", STRING, "of callers of this workspace"),
        ("run_id", STRING, "about this run"),
        ("stage", STAGES, "of this stage"),
        ("decision", r#"{"type":"string","enum":["allow","deny"]}"#, "with this decision"),
        ("subject", STRING, "by this subject, or about it"),
        ("operation", STRING, "of this operation"),
        ("agent", STRING, "about runs of this agent, as named or as `<upstream>:<id>`"),
        ("code", STRING, "with this code of a failure or a refusal"),
        ("since", TIME, "made at or after this time"),
        ("until", TIME, "made before this time"),
        ("limit", MANY, "records on a page"),
        CURSOR,
        (
            "order",
            r#"{"type":"string","enum":["newest","oldest"],"default":"newest"}"#,
            "which first",
        ),
    ],
    answers: &[(200, JSON, "AuditRecordList")],
    ..NONE
};
const LIST_CHECKPOINTS: Described = Described {
    summary: "Signed statements of how far the audit goes, and the key to judge them by",
    query: &[
        ("after", r#"{"type":"integer","minimum":0,"default":0}"#, "of more than so many records"),
        ("limit", MANY, "checkpoints on a page"),
    ],
    answers: &[(200, JSON, "CheckpointList")],
    ..NONE
};
const PROVE_RECORD: Described = Described {
    summary: "The proof that a record is in the audit, as c2sp.org/tlog-proof",
    answers: &[(200, TEXT, "string")],
    failures: &[Kind::NotFound],
    ..NONE
};
const TAIL_AUDIT: Described = Described {
    summary: "Read the audit as it grows",
    headers: &[("Last-Event-ID", "go on after this record")],
    answers: &[(200, EVENT_STREAM, "AuditRecord")],
    ..NONE
};
const GET_STATUS_PAGE: Described = Described {
    summary: "The status page: it holds no data, asks for a key and reads `/admin/status`",
    answers: &[(200, HTML, "string")],
    ..NONE
};
const GET_STATUS: Described = Described {
    summary: "How the gateway is doing, once, or again and again where a stream is accepted",
    answers: &[(200, JSON, "Status"), (200, EVENT_STREAM, "Status")],
    ..NONE
};
const GET_CONFIG: Described = Described {
    summary: "The running configuration, with secrets cut",
    answers: &[(200, JSON, ANY_OBJECT)],
    ..NONE
};

/// What is said of `operation`.
pub fn describe(operation: Operation) -> Described {
    match operation {
        Operation::CreateRun => CREATE_RUN,
        Operation::CreateAgentRun => CREATE_AGENT_RUN,
        Operation::RunHook => RUN_HOOK,
        Operation::RunAcp => RUN_ACP,
        Operation::ListRuns => LIST_RUNS,
        Operation::GetRun => GET_RUN,
        Operation::FollowRun => FOLLOW_RUN,
        Operation::CancelRun => CANCEL_RUN,
        Operation::GetThread => GET_THREAD,
        Operation::ListThreadRuns => LIST_THREAD_RUNS,
        Operation::ListAgents => agents::LIST_AGENTS,
        Operation::CreateAgent => agents::CREATE_AGENT,
        Operation::GetAgent => agents::GET_AGENT,
        Operation::ChangeAgent => agents::CHANGE_AGENT,
        Operation::DeleteAgent => agents::DELETE_AGENT,
        Operation::AttachTool => agents::ATTACH_TOOL,
        Operation::DetachTool => agents::DETACH_TOOL,
        Operation::AttachServer => agents::ATTACH_SERVER,
        Operation::DetachServer => agents::DETACH_SERVER,
        Operation::ListUpstreams => LIST_UPSTREAMS,
        Operation::GetOpenApi => {
            Described { summary: "This document", answers: &[(200, JSON, ANY_OBJECT)], ..NONE }
        }
        Operation::GetMetrics => GET_METRICS,
        Operation::GetHealth => GET_HEALTH,
        Operation::GetReadiness => GET_READINESS,
        Operation::CreateKey => CREATE_KEY,
        Operation::ListKeys => LIST_KEYS,
        Operation::GetKey => GET_KEY,
        Operation::RotateKey => ROTATE_KEY,
        Operation::RevokeKey => REVOKE_KEY,
        Operation::RevokeToken => REVOKE_TOKEN,
        Operation::Explain => EXPLAIN,
        Operation::Reload => RELOAD,
        Operation::ListAudit => LIST_AUDIT,
        Operation::ListCheckpoints => LIST_CHECKPOINTS,
        Operation::ProveRecord => PROVE_RECORD,
        Operation::TailAudit => TAIL_AUDIT,
        Operation::GetStatusPage => GET_STATUS_PAGE,
        Operation::GetStatus => GET_STATUS,
        Operation::GetConfig => GET_CONFIG,
        // It is not described: what it passes on is.
        Operation::Proxy | Operation::Unknown => NONE,
    }
}
