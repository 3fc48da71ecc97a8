//! Reads a case's `run.json` into the upstream and the plan that the vendor is called with.

use std::fs;
use std::path::Path;
use std::time::Duration;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::{Map, Value};
use switchyard::clock::{CountingIds, Timestamp};
use switchyard::config::{Breaker, Caps, Clocks, Secret, Upstream};
use switchyard::model::content::{Attachment, Message, Role};
use switchyard::model::ids::{RunId, ThreadId};
use switchyard::model::micro::Micro;
use switchyard::model::plan::{Plan, PlannedThread};
use switchyard::model::run::{InstructionsMode, McpServer, RunLimits, RunRequest, Unsupported};

/// A case's input.
pub(super) struct Input {
    pub(super) upstream: Upstream,
    pub(super) plan: Plan,
    pub(super) answer_headers: http::HeaderMap,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RunFile {
    upstream: Map<String, Value>,
    agent: String,
    #[serde(default)]
    preset: Map<String, Value>,
    #[serde(default)]
    thread: ThreadFile,
    request: RequestFile,
    #[serde(default)]
    answer_headers: IndexMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ThreadFile {
    native: Option<String>,
    is_continued: bool,
    history: Vec<MessageFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MessageFile {
    role: Role,
    content: String,
    #[serde(default)]
    attachments: Vec<AttachmentFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AttachmentFile {
    media_type: String,
    name: Option<String>,
    data: Option<String>,
    url: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum InputFile {
    Text(String),
    Messages(Vec<MessageFile>),
}

/// The unified run request's fields.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestFile {
    input: InputFile,
    thread_id: Option<String>,
    #[serde(default)]
    context: IndexMap<String, Value>,
    instructions: Option<String>,
    #[serde(default)]
    instructions_mode: InstructionsMode,
    output_schema: Option<Value>,
    tools: Option<Vec<String>>,
    #[serde(default)]
    mcp_servers: Vec<McpServerFile>,
    model: Option<String>,
    #[serde(default)]
    limits: LimitsFile,
    #[serde(default)]
    stream: bool,
    #[serde(default)]
    metadata: IndexMap<String, String>,
    #[serde(default)]
    upstream_options: Map<String, Value>,
    #[serde(default)]
    unsupported: Unsupported,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct McpServerFile {
    name: String,
    url: String,
    authorization: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct LimitsFile {
    max_output_tokens: Option<u64>,
    max_steps: Option<u64>,
    timeout_seconds: Option<f64>,
    max_cost_usd: Option<Micro>,
}

pub(super) fn read(path: &Path) -> Result<Input, String> {
    let bytes = fs::read(path).map_err(|error| format!("run.json: {error}"))?;
    let file: RunFile =
        serde_json::from_slice(&bytes).map_err(|error| format!("run.json: {error}"))?;
    let upstream = upstream(file.upstream)?;
    let ids = CountingIds::default();
    let (run_id, thread_id) = (RunId::new(&ids, Timestamp(0)), ThreadId::new(&ids, Timestamp(0)));
    let plan = Plan {
        run_id,
        upstream: upstream.name.clone(),
        agent: file.agent,
        preset: file.preset,
        request: request(file.request)?,
        thread: PlannedThread {
            id: thread_id,
            is_continued: file.thread.is_continued,
            native: file.thread.native,
            history: file.thread.history.into_iter().map(message).collect(),
        },
    };
    let mut answer_headers = http::HeaderMap::new();
    for (name, value) in file.answer_headers {
        let name = http::HeaderName::try_from(name).map_err(|error| error.to_string())?;
        let value = value.parse().map_err(|_| format!("the value of {name}"))?;
        answer_headers.insert(name, value);
    }
    Ok(Input { upstream, plan, answer_headers })
}

/// An upstream as the configuration gives it: what every kind has is taken out, the rest is the
/// vendor's.
fn upstream(mut settings: Map<String, Value>) -> Result<Upstream, String> {
    let mut take = |key: &str| settings.shift_remove(key);
    let Some(Value::String(kind)) = take("kind") else {
        return Err("run.json: upstream.kind is missing".to_owned());
    };
    let native_callbacks = take("native_callbacks") == Some(Value::from("allow"));
    let second = Duration::from_secs(1);
    Ok(Upstream {
        name: format!("the-{kind}"),
        kind,
        base_url: http::Uri::from_static("https://upstream.example"),
        credential: Secret::new("secret"),
        settings,
        native_callbacks,
        clocks: Clocks { connect: second, first_byte: second, idle: second, total: second },
        max_concurrent: 1,
        breaker: Breaker { failures: 1, open: second },
        caps: Caps { answer: 1 << 20, line: 1 << 20, event: 1 << 20 },
    })
}

fn message(file: MessageFile) -> Message {
    let by_value = |file: AttachmentFile| {
        let AttachmentFile { media_type, name, data, .. } = file;
        data.map(|base64| Attachment { media_type, name, base64 })
    };
    Message {
        role: file.role,
        content: file.content.into(),
        attachments: file.attachments.into_iter().filter_map(by_value).collect(),
    }
}

fn request(file: RequestFile) -> Result<RunRequest, String> {
    let messages = match file.input {
        InputFile::Text(text) => {
            vec![MessageFile { role: Role::User, content: text, attachments: Vec::new() }]
        }
        InputFile::Messages(messages) => messages,
    };
    let attachment_urls =
        messages.iter().flat_map(|message| &message.attachments).any(|file| file.url.is_some());
    let thread_id = match file.thread_id {
        Some(text) => Some(ThreadId::parse(&text).ok_or("run.json: request.thread_id")?),
        None => None,
    };
    Ok(RunRequest {
        warnings: Vec::new(),
        input: messages.into_iter().map(message).collect(),
        attachment_urls,
        thread_id,
        context: file.context,
        instructions: file.instructions.map(Into::into),
        instructions_mode: file.instructions_mode,
        output_schema: file.output_schema.map(Into::into),
        tools: file.tools,
        mcp_servers: file
            .mcp_servers
            .into_iter()
            .map(|McpServerFile { name, url, authorization }| McpServer {
                name,
                url,
                authorization,
            })
            .collect(),
        model: file.model,
        limits: RunLimits {
            max_output_tokens: file.limits.max_output_tokens,
            max_steps: file.limits.max_steps,
            timeout: file.limits.timeout_seconds.map(Duration::from_secs_f64),
            max_cost_usd: file.limits.max_cost_usd,
        },
        stream: file.stream,
        metadata: file.metadata,
        upstream_options: file.upstream_options,
        unsupported: file.unsupported,
    })
}
