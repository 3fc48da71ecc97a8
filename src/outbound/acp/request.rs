//! A plan as ACP's run request; [`super::Acp`] calls it.
//!
//! Invariant: ACP writes each context entry as a line of the system prompt, so every key and
//! value leaves here on one line.

use std::borrow::Cow;

use bytes::Bytes;
use http::Method;
use indexmap::IndexMap;
use serde_json::Value;

use super::wire::RunBody;
use super::{PathStyle, Settings};
use crate::error::{Error, Kind, Result};
use crate::model::plan::Plan;
use crate::model::run::Warning;
use crate::outbound::{UpstreamRequest, prompt, target};

/// The context entry that instructions travel in.
const INSTRUCTIONS: &str = "instructions";

pub(super) fn encode(settings: &Settings, plan: &Plan) -> Result<(UpstreamRequest, Vec<Warning>)> {
    refuse_options(plan)?;
    let mut warnings = Vec::new();
    let body = RunBody {
        input: input(plan),
        context: context(plan, &mut warnings)?,
        stream: is_streamed(plan),
    };
    let body = serde_json::to_vec(&body).map_err(|cause| {
        Error::new(Kind::Internal, "the platform's request cannot be written").caused_by(cause)
    })?;
    let accept = if is_streamed(plan) { "text/event-stream" } else { "application/json" };
    let target = path(settings, plan.agent())?;
    Ok((
        UpstreamRequest { method: Method::POST, target, accept, body: Bytes::from(body) },
        warnings,
    ))
}

/// Whether the answer is asked for as a stream: also for a caller who waits for all of it, where
/// its tools must be seen, because a whole answer does not tell which were called.
pub(super) fn is_streamed(plan: &Plan) -> bool {
    plan.request.stream || plan.tools.must_be_seen
}

/// A run takes `input`, `context` and `stream`, and all three have a unified name.
fn refuse_options(plan: &Plan) -> Result<()> {
    let mut refused: Option<Error> = None;
    for key in plan.request.upstream_options.keys() {
        let why = match key.as_str() {
            "input" | "context" | "stream" => format!("say it as `{key}` of the run"),
            _ => "this platform's runs take no options".to_owned(),
        };
        let error = refused.take().unwrap_or_else(|| {
            Error::new(Kind::InvalidRequest, "upstream_options has what it may not have")
        });
        refused = Some(error.at(format!("upstream_options.{key}"), why));
    }
    refused.map_or(Ok(()), Err)
}

fn input(plan: &Plan) -> Cow<'_, str> {
    let mut earlier = plan.earlier().peekable();
    let input = match earlier.peek() {
        None => Cow::Borrowed(plan.question()),
        Some(_) => Cow::Owned(prompt::transcript(earlier, plan.question())),
    };
    match &plan.request.output_schema {
        None => input,
        Some(schema) => format!("{input}\n\n{}", prompt::schema_instruction(&schema.0)).into(),
    }
}

fn context(plan: &Plan, warnings: &mut Vec<Warning>) -> Result<IndexMap<String, String>> {
    let given = &plan.request.context;
    let mut context = IndexMap::with_capacity(given.len() + 1);
    let mut is_changed = false;
    for (key, value) in given {
        let (line_key, fact) = (prompt::one_line(key), prompt::fact(value));
        is_changed |= line_key != *key || matches!(value, Value::String(text) if *text != fact);
        if context.insert(line_key, fact).is_some() {
            return Err(Error::invalid(
                format!("context.{key}"),
                "is the same key as another one when its line breaks are escaped",
            ));
        }
    }
    if is_changed {
        let how = "line breaks in it were escaped, because each entry is a line of the prompt";
        warnings.push(Warning::emulated("context", how));
    }
    if let Some(instructions) = &plan.request.instructions {
        if given.contains_key(INSTRUCTIONS) {
            return Err(Error::invalid(
                format!("context.{INSTRUCTIONS}"),
                "`instructions` of the run travels under this key on this upstream",
            ));
        }
        context.insert(INSTRUCTIONS.to_owned(), prompt::one_line(instructions));
    }
    Ok(context)
}

fn path(settings: &Settings, agent: &str) -> Result<String> {
    let agent = target::agent_segment(agent)?;
    Ok(match (settings.path_style, &settings.workspace) {
        (PathStyle::Workspace, Some(workspace)) => {
            format!("/{}/agents/{agent}/run", target::segment(workspace))
        }
        (PathStyle::Workspace, None) | (PathStyle::SlugFree, _) => {
            format!("/api/v1/agents/{agent}/run")
        }
    })
}
