//! A run request as callers write it to the model's own, checked. Every fault is found at once,
//! each with its path.
//!
//! Invariant: what leaves here satisfies what `RunRequest` promises.

use std::collections::HashSet;
use std::time::Duration;

use indexmap::IndexMap;
use serde_json::Value;

use crate::error::{Error, Kind, Result};
use crate::gateway::layers::schema::compile;
use crate::inbound::unified::attachment;
use crate::inbound::unified::object::Object;
use crate::inbound::unified::request::{
    CallbackBody, Input, LimitsBody, McpServerBody, MessageBody, RunBody,
};
use crate::model::content::{Json, Message, Role};
use crate::model::ids::ThreadId;
use crate::model::micro::Micro;
use crate::model::request::{McpServer, RunLimits, RunRequest};
use crate::store::runs::CallbackTo;
use crate::wire::json::shorten;

/// Pairs of metadata, and the characters of their keys and values.
const METADATA: (usize, usize, usize) = (16, 64, 512);

/// Faults that are listed; the last one says that there are more.
const FAULTS: usize = 100;
const LAST_FAULT: usize = FAULTS - 1;

/// A checked request, and how the caller wants its answer.
#[derive(Debug)]
pub struct Checked {
    /// The agent that the body names.
    pub agent: Option<String>,
    /// What is wanted of it.
    pub run: RunRequest,
    /// Whether to answer 202 at once.
    pub background: bool,
    /// Whom the end of the run is told.
    pub callback: Option<CallbackTo>,
}

/// What is wrong so far.
#[derive(Debug, Default)]
pub struct Faults(Option<Error>);

impl Faults {
    /// Adds one.
    pub fn add(&mut self, path: impl Into<String>, message: impl Into<String>) {
        let error = self.0.take().unwrap_or_else(|| {
            Error::new(Kind::InvalidRequest, "the request has fields that are not valid")
        });
        // A body may have as many faults as values; their list is no use to anybody.
        self.0 = Some(match error.fields().len() {
            FAULTS.. => error,
            LAST_FAULT => error.at("", "there is more that is not valid, which is not listed"),
            _ => error.at(shorten(&path.into()), message),
        });
    }

    fn unless(&mut self, holds: bool, path: &str, message: &str) {
        if !holds {
            self.add(path, message);
        }
    }
}

/// Checks a request; `longest` is the longest run that the gateway allows.
pub fn check(body: RunBody, longest: Duration) -> Result<Checked> {
    let mut faults = Faults::default();
    let faults_ref = &mut faults;
    let has_instructions = body.instructions.is_some();
    faults_ref.unless(
        has_instructions || body.instructions_mode.is_none(),
        "instructions_mode",
        "has no meaning without instructions",
    );
    faults_ref.unless(
        !(body.background && body.stream),
        "background",
        "cannot be asked for together with stream",
    );
    not_blank(faults_ref, "agent", body.agent.as_deref());
    not_blank(faults_ref, "model", body.model.as_deref());
    let (input, attachment_urls) = messages(body.input, faults_ref);
    let run = RunRequest {
        input,
        attachment_urls,
        thread_id: None,
        context: context(body.context.unwrap_or_default(), faults_ref),
        instructions: body.instructions,
        instructions_mode: body.instructions_mode.unwrap_or_default(),
        output_schema: schema(body.output_schema, faults_ref),
        tools: tools(body.tools, faults_ref),
        mcp_servers: mcp_servers(body.mcp_servers.unwrap_or_default(), faults_ref),
        model: body.model,
        limits: body.limits.map_or_else(RunLimits::default, |l| limits(&l.0, longest, faults_ref)),
        stream: body.stream,
        metadata: metadata(body.metadata.unwrap_or_default(), faults_ref),
        upstream_options: body.upstream_options.unwrap_or_default(),
        unsupported: body.unsupported.unwrap_or_default(),
        warnings: Vec::new(),
    };
    let callback = body.callback.map(|Object(callback)| callback_to(callback, faults_ref));
    if let Some(error) = faults.0 {
        return Err(error);
    }
    // Last, because a request that is wrong otherwise is wrong whatever its thread.
    let run = RunRequest { thread_id: body.thread_id.as_deref().map(thread).transpose()?, ..run };
    Ok(Checked { agent: body.agent, run, background: body.background, callback })
}

/// The ends that a callback may be of.
const ENDS: &[&str] = &["run.completed", "run.incomplete", "run.failed", "run.cancelled"];

fn callback_to(body: CallbackBody, faults: &mut Faults) -> CallbackTo {
    faults.unless(is_http_url(&body.url), "callback.url", "must be an absolute http(s) address");
    let events = body.events.unwrap_or_default();
    for (at, event) in events.iter().enumerate() {
        let path = format!("callback.events[{at}]");
        faults.unless(ENDS.contains(&event.as_str()), &path, &format!("must be one of {ENDS:?}"));
    }
    CallbackTo { url: body.url, events, only_late: false }
}

/// A thread's id. One that cannot be ours is answered like one that is another caller's.
pub fn thread(text: &str) -> Result<ThreadId> {
    ThreadId::parse(text).ok_or_else(|| {
        Error::new(Kind::ThreadNotFound, "there is no thread with this id")
            .at("thread_id", "no such thread")
    })
}

/// Whether `text` is an absolute http or https address.
pub fn is_http_url(text: &str) -> bool {
    text.parse::<http::Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
    })
}

fn not_blank(faults: &mut Faults, path: &str, text: Option<&str>) {
    faults.unless(text.is_none_or(|text| !text.trim().is_empty()), path, "must not be empty");
}

fn messages(input: Input, faults: &mut Faults) -> (Vec<Message>, bool) {
    let bodies = match input {
        Input::Text(text) => {
            not_blank(faults, "input", Some(&text));
            return (vec![Message::new(Role::User, text)], false);
        }
        Input::Messages(bodies) => bodies,
    };
    match bodies.last() {
        None => faults.add("input", "must have at least one message"),
        Some(Object(last)) if last.role != Role::User => {
            faults.add(format!("input[{}].role", bodies.len() - 1), "the last must be user");
        }
        Some(_) => {}
    }
    let mut urls = false;
    let each = bodies.into_iter().enumerate();
    let messages = each.map(|(at, Object(body))| message(body, at, &mut urls, faults)).collect();
    (messages, urls)
}

fn message(body: MessageBody, at: usize, urls: &mut bool, faults: &mut Faults) -> Message {
    let files = body.attachments.unwrap_or_default();
    if body.content.trim().is_empty() && files.is_empty() {
        faults.add(format!("input[{at}].content"), "must not be empty");
    }
    *urls |= files.iter().any(|Object(file)| file.url.is_some());
    let each = files.into_iter().enumerate();
    let attachments = each
        .filter_map(|(n, Object(file))| {
            attachment::take(file, &format!("input[{at}].attachments[{n}]"), faults)
        })
        .collect();
    Message { role: body.role, content: body.content, attachments }
}

fn context(facts: IndexMap<String, Value>, faults: &mut Faults) -> IndexMap<String, Value> {
    for (key, value) in &facts {
        let scalar = !value.is_object() && !value.is_array();
        faults.unless(
            scalar,
            &format!("context.{key}"),
            "must be a string, number, boolean or null",
        );
    }
    facts
}

fn schema(schema: Option<Value>, faults: &mut Faults) -> Option<Json> {
    let schema = schema?;
    if !schema.is_object() {
        faults.add("output_schema", "must be a JSON Schema object");
        return None;
    }
    // Compiled only to see that it can be.
    if let Err(said) = compile(&schema) {
        faults.add("output_schema", said);
    }
    Some(schema.into())
}

fn tools(tools: Option<Vec<String>>, faults: &mut Faults) -> Option<Vec<String>> {
    for (at, tool) in tools.iter().flatten().enumerate() {
        not_blank(faults, &format!("tools[{at}]"), Some(tool));
    }
    tools
}

fn mcp_servers(bodies: Vec<Object<McpServerBody>>, faults: &mut Faults) -> Vec<McpServer> {
    let mut servers: Vec<McpServer> = Vec::with_capacity(bodies.len());
    let mut names = HashSet::new();
    for (at, Object(body)) in bodies.into_iter().enumerate() {
        let McpServerBody { name, url, authorization } = body;
        let path = |field: &str| format!("mcp_servers[{at}].{field}");
        not_blank(faults, &path("name"), Some(&name));
        let is_new = names.insert(name.clone());
        faults.unless(is_new, &path("name"), "is the name of another server too");
        faults.unless(is_http_url(&url), &path("url"), "must be an http or https address");
        let visible =
            |text: &str| !text.is_empty() && text.bytes().all(|b| (0x20..0x7f).contains(&b));
        let usable = authorization.as_deref().is_none_or(visible);
        faults.unless(usable, &path("authorization"), "must be visible ASCII");
        servers.push(McpServer { name, url, authorization });
    }
    servers
}

fn limits(body: &LimitsBody, longest: Duration, faults: &mut Faults) -> RunLimits {
    let counts = [
        ("limits.max_output_tokens", body.max_output_tokens),
        ("limits.max_steps", body.max_steps),
        ("limits.timeout_seconds", body.timeout_seconds),
    ];
    for (path, count) in counts {
        faults.unless(count != Some(0), path, "must be at least 1");
    }
    if body.timeout_seconds.is_some_and(|seconds| seconds > longest.as_secs()) {
        let most = format!("must be at most {}", longest.as_secs());
        faults.add("limits.timeout_seconds", most);
    }
    let costs = body.max_cost_usd.is_none_or(|cost| cost > Micro(0));
    faults.unless(costs, "limits.max_cost_usd", "must be more than 0");
    RunLimits {
        max_output_tokens: body.max_output_tokens,
        max_steps: body.max_steps,
        timeout: body.timeout_seconds.map(Duration::from_secs),
        max_cost_usd: body.max_cost_usd,
    }
}

fn metadata(pairs: IndexMap<String, String>, faults: &mut Faults) -> IndexMap<String, String> {
    let (most, key_chars, value_chars) = METADATA;
    if pairs.len() > most {
        faults.add("metadata", format!("must have at most {most} pairs"));
    }
    for (key, value) in &pairs {
        if key.is_empty() || key.chars().count() > key_chars {
            let path = format!("metadata.{}", key.chars().take(key_chars).collect::<String>());
            faults.add(path, format!("a key must have 1 to {key_chars} characters"));
        } else if value.chars().count() > value_chars {
            let most = format!("must have at most {value_chars} characters");
            faults.add(format!("metadata.{key}"), most);
        }
    }
    pairs
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
