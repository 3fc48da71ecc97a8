//! Encodes a run as Zaia's `POST …/execute`, and the question how an execution is doing. Called by
//! the vendor's `start` and by `response.rs`.
//!
//! Invariant: each call carries the whole conversation, since Zaia remembers none.

use bytes::Bytes;
use http::Method;

use super::response::Decoder;
use super::{attachments, options, schema, wire};
use crate::error::{Error, Kind, Result};
use crate::model::plan::Plan;
use crate::model::request::{InstructionsMode, RunRequest};
use crate::outbound::{Exchange, UpstreamRequest, prompt, target};

const ACCEPT: &str = "application/json";

/// Encodes a run.
pub(super) fn start(upstream: &str, plan: &Plan) -> Result<Exchange> {
    let request = &plan.request;
    options::check(&request.upstream_options)?;
    let mut warnings = Vec::new();
    let messages = attachments::messages(plan, upstream, &mut warnings)?;
    let mut facts = facts(request)?;
    let mut output = None;
    if let Some(wanted) = &request.output_schema {
        let (translated, losses) = schema::translate(&wanted.0);
        let mode = request.unsupported;
        let is_sent = losses.settle(upstream, &wanted.0, mode, &mut facts, &mut warnings)?;
        output = is_sent.then_some(translated);
    }
    let context = (!facts.is_empty()).then(|| facts.join("\n\n"));
    let body = serde_json::to_vec(&wire::ExecuteBody { messages, context, output })
        .map_err(|_| Error::new(Kind::Internal, "the run could not be encoded"))?;
    let agent = target::agent_segment(plan.agent())?;
    Ok(Exchange {
        request: UpstreamRequest {
            method: Method::POST,
            target: format!("/api/v1/agents/{agent}/execute"),
            accept: ACCEPT,
            body: Bytes::from(body),
        },
        decoder: Box::new(Decoder::new(upstream, request.output_schema.is_some())),
        warnings,
        is_streamed: false,
    })
}

/// What goes into Zaia's one string of context.
fn facts(request: &RunRequest) -> Result<Vec<String>> {
    let mut facts = Vec::new();
    if let Some(instructions) = &request.instructions {
        // Admission has refused this already; here it would turn into an addition in silence.
        if request.instructions_mode == InstructionsMode::Replace {
            let error = Error::new(Kind::UnsupportedByUpstream, "instructions cannot be replaced");
            return Err(error.at("instructions_mode", "not supported by this upstream"));
        }
        facts.push(instructions.as_str().to_owned());
    }
    if !request.context.is_empty() {
        facts.push(prompt::context_block(&request.context).trim_end().to_owned());
    }
    Ok(facts)
}

/// Asks how an execution is doing.
pub(super) fn ask_again(execution: &str) -> UpstreamRequest {
    UpstreamRequest {
        method: Method::GET,
        target: format!("/api/v1/executions/{}", target::segment(execution)),
        accept: ACCEPT,
        body: Bytes::new(),
    }
}
