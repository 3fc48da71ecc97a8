//! Encodes a run as Make's `POST …/run` or `…/run/stream`. Called by the vendor's `start`.
//!
//! Invariant: `config` and `threadId` are always sent. Make's schema prints a default for
//! `threadId`, by which all callers would share one conversation.

use bytes::Bytes;
use http::Method;

use super::response::Decoder;
use super::wire::{Config, InvocationConfig, LlmConfig, LlmSettings, Message, RunBody};
use super::{Make, options, schema, tools};
use crate::error::{Error, Kind, Result};
use crate::model::plan::Plan;
use crate::model::request::{InstructionsMode, RunRequest};
use crate::model::run::Warning;
use crate::outbound::{Exchange, UpstreamRequest, prompt, target};

/// Encodes a run.
pub(super) fn start(make: &Make, plan: &Plan) -> Result<Exchange> {
    let request = &plan.request;
    let mut warnings = Vec::new();
    let own = plan.thread.id.uuid();
    let thread_id = plan.thread.native.as_deref().unwrap_or(&own);
    let options = options::read(&request.upstream_options, make.native_callbacks)?;
    let is_called_back = options.callback_url.is_some();
    let (config, callback_url) = config(make, request, options, &mut warnings)?;
    let messages = plan
        .messages()
        .map(|message| Message { role: message.role, content: message.content.as_str() })
        .collect();
    let body = serde_json::to_vec(&RunBody { messages, thread_id, callback_url, config })
        .map_err(|_| Error::new(Kind::Internal, "the run could not be encoded"))?;
    let agent = target::agent_segment(plan.agent())?;
    let team = make.settings.team_id;
    let (operation, accept) = match request.stream {
        true => ("run/stream", "text/event-stream"),
        false => ("run", "application/json"),
    };
    Ok(Exchange {
        request: UpstreamRequest {
            method: Method::POST,
            target: format!("/ai-agents/v1/agents/{agent}/{operation}?teamId={team}"),
            accept,
            body: Bytes::from(body),
        },
        decoder: Box::new(Decoder::new(
            &make.name,
            thread_id,
            request.output_schema.is_some(),
            is_called_back,
        )),
        warnings,
        is_streamed: request.stream,
    })
}

/// The run's `config`, and the callback beside it.
fn config<'a>(
    make: &Make,
    request: &'a RunRequest,
    options: options::Options,
    warnings: &mut Vec<Warning>,
) -> Result<(Config<'a>, Option<String>)> {
    let mut config = Config { history_config: options.history_config, ..Config::default() };
    let mut additions = Vec::new();
    match (&request.instructions, request.instructions_mode) {
        (Some(text), InstructionsMode::Replace) => config.system_prompt = Some(text.as_str()),
        (Some(text), InstructionsMode::Append) => additions.push(text.as_str().to_owned()),
        (None, _) => {}
    }
    if !request.context.is_empty() {
        additions.push(prompt::context_block(&request.context).trim_end().to_owned());
    }
    if let Some(wanted) = &request.output_schema {
        let (parser, losses) = schema::translate(&wanted.0);
        let mode = request.unsupported;
        let is_sent = losses.settle(&make.name, &wanted.0, mode, &mut additions, warnings)?;
        config.output_parser = is_sent.then_some(parser);
    }
    if let Some(tools) = &request.tools {
        let lists = tools::sort(tools, request.unsupported, &make.name, warnings)?;
        config.scenarios = Some(lists.scenarios);
        config.mcp_configs = Some(lists.mcp_configs);
    }
    let settings = request.limits.max_output_tokens.map(|max_tokens| LlmSettings { max_tokens });
    let llm_model = request.model.as_deref();
    if llm_model.is_some() || settings.is_some() {
        config.llm_config = Some(LlmConfig { llm_model, settings });
    }
    let recursion_limit = request.limits.max_steps;
    let timeout = options.invocation_config.and_then(|invocation| invocation.timeout);
    if recursion_limit.is_some() || timeout.is_some() {
        config.invocation_config = Some(InvocationConfig { recursion_limit, timeout });
    }
    config.additional_system_prompt = (!additions.is_empty()).then(|| additions.join("\n\n"));
    Ok((config, options.callback_url))
}
