//! A plan as Agentbase's run request; [`super::Agentbase`] calls it.
//!
//! Invariant: `system` takes the place of the platform's own prompt, so it is sent only where the
//! caller or the preset has instructions that are meant to.

use std::borrow::Cow;

use bytes::Bytes;
use http::Method;

use super::Settings;
use super::extras::{Extras, FinalOutput, Preset, PresetServer};
use super::wire::{McpAuth, McpServer, RunBody};
use crate::error::{Error, FieldError, Kind, Result};
use crate::model::plan::Plan;
use crate::model::request::InstructionsMode;
use crate::outbound::{UpstreamRequest, prompt, target, typed};

/// What goes out, and whether a structured answer was asked for.
pub(super) struct Encoded {
    pub(super) request: UpstreamRequest,
    pub(super) wants_json: bool,
}

pub(super) fn encode(settings: &Settings, callbacks: bool, plan: &Plan) -> Result<Encoded> {
    let (preset, options) = read(callbacks, plan)?;
    let mut extras = options.over(preset.extras);
    let system = instruct(plan, preset.instructions, &mut extras);
    if let Some(output) = final_output(plan)? {
        extras.final_output = Some(output);
    }
    let wants_json = extras.final_output.is_some();
    let body = RunBody {
        message: message(plan),
        system,
        mcp_servers: mcp_servers(plan, &preset.mcp_servers),
        streaming_tokens: plan.request.stream,
        extras,
    };
    let body = serde_json::to_vec(&body).map_err(|cause| {
        Error::new(Kind::Internal, "the platform's request cannot be written").caused_by(cause)
    })?;
    let request = UpstreamRequest {
        method: Method::POST,
        target: path(settings, plan.thread.native.as_deref()),
        accept: "text/event-stream",
        body: Bytes::from(body),
    };
    Ok(Encoded { request, wants_json })
}

/// The preset and the options. Configuration has checked the preset before.
fn read(callbacks: bool, plan: &Plan) -> Result<(Preset, Extras)> {
    let preset = Preset::read(&plan.preset, callbacks).map_err(|wrong| {
        refusal(Kind::UpstreamMisconfigured, "the agent's preset is not valid", "preset", wrong)
    })?;
    let options = Extras::read(&plan.request.upstream_options, callbacks).map_err(|wrong| {
        let what = "upstream_options is not valid";
        refusal(Kind::InvalidRequest, what, "upstream_options", wrong)
    })?;
    if plan.request.output_schema.is_some() && options.final_output.is_some() {
        return Err(Error::invalid(
            "upstream_options.final_output",
            "`output_schema` of the run says the same; give one of them",
        ));
    }
    Ok((preset, options))
}

fn refusal(kind: Kind, what: &'static str, parent: &str, wrong: Vec<FieldError>) -> Error {
    wrong.into_iter().fold(Error::new(kind, what), |error, field| {
        error.at(typed::below(parent, &field.path), field.message)
    })
}

/// The system prompt, if there is to be one of ours. Instructions that add to the platform's own
/// prompt become a rule, because a `system` would take that prompt's place.
fn instruct<'a>(
    plan: &'a Plan,
    preset: Option<String>,
    extras: &mut Extras,
) -> Option<Cow<'a, str>> {
    let Some(instructions) = &plan.request.instructions else { return preset.map(Cow::Owned) };
    match (plan.request.instructions_mode, preset) {
        (InstructionsMode::Replace, _) => Some(Cow::Borrowed(instructions.as_str())),
        (InstructionsMode::Append, Some(preset)) => {
            Some(format!("{preset}\n\n{}", instructions.as_str()).into())
        }
        (InstructionsMode::Append, None) => {
            extras.rules.get_or_insert_default().push(instructions.as_str().to_owned());
            None
        }
    }
}

fn final_output(plan: &Plan) -> Result<Option<FinalOutput>> {
    let Some(schema) = &plan.request.output_schema else { return Ok(None) };
    let Some(schema) = schema.0.as_object() else {
        return Err(Error::invalid("output_schema", "must be an object on this upstream"));
    };
    let name = "output".to_owned();
    Ok(Some(FinalOutput { name, schema: schema.clone(), strict: None }))
}

fn message(plan: &Plan) -> Cow<'_, str> {
    let context = &plan.request.context;
    let question = match context.is_empty() {
        true => Cow::Borrowed(plan.question()),
        false => format!("{}\n{}", prompt::context_block(context), plan.question()).into(),
    };
    let mut earlier = plan.earlier().peekable();
    match earlier.peek() {
        None => question,
        Some(_) => prompt::transcript(earlier, &question).into(),
    }
}

/// The preset's servers, then the run's; one of the run stands in for the preset's of its name.
/// Where the run names its tools, a server that none of them is of is left out.
fn mcp_servers<'a>(plan: &'a Plan, preset: &'a [PresetServer]) -> Vec<McpServer<'a>> {
    let own = &plan.request.mcp_servers;
    let preset = preset.iter().filter(|server| own.iter().all(|other| other.name != server.name));
    let preset = preset.map(|server| (&server.name, &server.url, &server.authorization));
    let own = own.iter().map(|server| (&server.name, &server.url, &server.authorization));
    let write = |(name, url, token): (&'a String, &'a String, &'a Option<String>)| McpServer {
        server_name: name,
        server_url: url,
        auth: token.as_deref().map(|token| McpAuth::Bearer { token }),
    };
    let tools = plan.request.tools.as_deref();
    let is_wanted = |(name, _, _): &(&String, &String, &Option<String>)| {
        tools.is_none_or(|tools| tools.iter().any(|tool| is_of(tool, name)))
    };
    preset.chain(own).filter(is_wanted).map(write).collect()
}

/// Whether an entry of `tools` is a server, or one of its tools: its name, and then what is no
/// part of a name.
fn is_of(tool: &str, server: &str) -> bool {
    let rest = tool.strip_prefix(server);
    rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
}

fn path(settings: &Settings, session: Option<&str>) -> String {
    match session {
        None => settings.run_path.clone(),
        Some(session) => {
            let session = target::segment(session);
            format!("{}?session={session}", settings.run_path)
        }
    }
}
