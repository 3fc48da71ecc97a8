//! Reads a case's `run.json` into the upstream and the plan that the vendor is called with.

use std::fs;
use std::path::Path;
use std::time::Duration;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use switchyard::clock::{CountingIds, Timestamp};
use switchyard::config::{Breaker, Caps, Clocks, Secret, Upstream};
use switchyard::inbound::unified::handle;
use switchyard::model::agent::AgentRef;
use switchyard::model::content::{Attachment, Message, Role};
use switchyard::model::ids::{RunId, ThreadId};
use switchyard::model::judge::Mode;
use switchyard::model::plan::{Plan, PlannedThread, ToolControl};
use switchyard::model::request::RunRequest;

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
    /// The body of the unified run request, without `agent`.
    request: Box<RawValue>,
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

/// A message of the conversation as the gateway remembers it.
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
    data: String,
}

/// The alias that the caller names the agent by.
pub(super) const AGENT: &str = "support";

/// The longest run that a caller may ask for.
pub(super) const LONGEST: Duration = Duration::from_secs(3_600);

pub(super) fn read(path: &Path) -> Result<Input, String> {
    let bytes = fs::read(path).map_err(|error| format!("run.json: {error}"))?;
    let file: RunFile =
        serde_json::from_slice(&bytes).map_err(|error| format!("run.json: {error}"))?;
    let upstream = upstream(file.upstream)?;
    let ids = CountingIds::default();
    let (run_id, thread_id) = (RunId::new(&ids, Timestamp(0)), ThreadId::new(&ids, Timestamp(0)));
    let plan = Plan {
        native: None,
        mode: Mode::Whole,
        run_id,
        target: AgentRef { upstream: upstream.name.clone(), native: file.agent },
        kind: upstream.kind.clone(),
        tools: ToolControl {
            tells: upstream.kind == "acp",
            restricts: upstream.kind == "make",
            must_be_seen: false,
        },
        preset: file.preset,
        request: request(&file.request)?,
        pii: Vec::new(),
        thread: PlannedThread {
            id: thread_id,
            is_continued: file.thread.is_continued,
            native: file.thread.native,
            history: file.thread.history.into_iter().map(message).collect(),
            vault: None,
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
pub(super) fn upstream(mut settings: Map<String, Value>) -> Result<Upstream, String> {
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
        propagate_trace: false,
        clocks: Clocks { connect: second, first_byte: second, idle: second, total: second },
        max_concurrent: 1,
        queue: switchyard::config::Queue { most: 0, within: std::time::Duration::ZERO },
        check: None,
        breaker: Breaker { failures: 1, open: second },
        caps: Caps { answer: 1 << 20, line: 1 << 20, event: 1 << 20 },
        workspaces: Vec::new(),
        proxy_allow: Vec::new(),
    })
}

fn message(file: MessageFile) -> Message {
    let attachment = |file: AttachmentFile| {
        let AttachmentFile { media_type, name, data } = file;
        Attachment { media_type, name, base64: data }
    };
    Message {
        role: file.role,
        content: file.content.into(),
        attachments: file.attachments.into_iter().map(attachment).collect(),
    }
}

/// What a caller sends, byte for byte, as the product's own face reads it.
fn request(body: &RawValue) -> Result<RunRequest, String> {
    let (_, checked) = handle::decode_run(body.get().as_bytes(), Some(AGENT), LONGEST)
        .map_err(|error| format!("run.json: request: {error}"))?;
    Ok(checked.run)
}
