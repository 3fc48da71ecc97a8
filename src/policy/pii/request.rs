//! Treats a run that is asked for, before its platform sees a byte of it: every text that a caller
//! can write into it, once.
//!
//! Left as they are: what the operator has configured for the agent; the agent's own id; the
//! credential of an MCP server, which is one by its purpose; and the earlier turns of the
//! conversation, which were treated when they were said.

use indexmap::IndexMap;
use serde_json::Value;

use super::file;
use super::findings::refusal;
use super::json::{JsonTreatment, Unique};
use super::scan::Failure;
use crate::error::{Error, Result};
use crate::model::request::RunRequest;

/// Treats a request in place.
///
/// # Errors
/// What a rule blocks, or what cannot be examined, with its place. The request must not be used
/// then.
pub(super) fn treat(by: &mut JsonTreatment, request: &mut RunRequest) -> Result<()> {
    for (at, message) in request.input.iter_mut().enumerate() {
        let place = || format!("input[{at}].content");
        by.said(&mut message.content).map_err(|failure| at_place(&failure, place()))?;
        for (file, attachment) in message.attachments.iter_mut().enumerate() {
            let place = || format!("input[{at}].attachments[{file}]");
            file::treat(by, attachment).map_err(|failure| at_place(&failure, place()))?;
        }
    }
    let names = |failure, place: &str| at_place(&failure, place.to_owned());
    entries(&mut request.context, |name, value| {
        by.treat(name, value).and_then(|()| by.text("", name))
    })
    .map_err(|failure| names(failure, "context"))?;
    entries(&mut request.metadata, |name, value| {
        by.text(name, value).and_then(|()| by.text("", name))
    })
    .map_err(|failure| names(failure, "metadata"))?;
    if let Some(instructions) = &mut request.instructions {
        by.said(instructions).map_err(|failure| names(failure, "instructions"))?;
    }
    if let Some(schema) = &mut request.output_schema {
        by.treat("", &mut schema.0).map_err(|failure| names(failure, "output_schema"))?;
    }
    for (at, tool) in request.tools.iter_mut().flatten().enumerate() {
        by.text("", tool).map_err(|failure| at_place(&failure, format!("tools[{at}]")))?;
    }
    for (at, server) in request.mcp_servers.iter_mut().enumerate() {
        let place = |key: &str| format!("mcp_servers[{at}].{key}");
        by.text("", &mut server.name).map_err(|failure| at_place(&failure, place("name")))?;
        by.text("", &mut server.url).map_err(|failure| at_place(&failure, place("url")))?;
    }
    if let Some(model) = &mut request.model {
        by.text("", model).map_err(|failure| names(failure, "model"))?;
    }
    let mut options = Value::Object(std::mem::take(&mut request.upstream_options));
    by.treat("", &mut options).map_err(|failure| names(failure, "upstream_options"))?;
    if let Value::Object(treated) = options {
        request.upstream_options = treated;
    }
    Ok(())
}

/// Treats names and values. Two names may become one; neither value is lost.
fn entries<T>(
    fields: &mut IndexMap<String, T>,
    mut treat: impl FnMut(&mut String, &mut T) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut unique = Unique::default();
    for (mut name, mut value) in std::mem::take(fields) {
        treat(&mut name, &mut value)?;
        let name = unique.name(name, |name| fields.contains_key(name));
        fields.insert(name, value);
    }
    Ok(())
}

fn at_place(failure: &Failure, place: String) -> Error {
    refusal(failure, "request").at(place, "cannot be sent on as it is")
}

/// Bytes of all its texts, roughly: how long the treatment will take.
pub(super) fn weight(request: &RunRequest) -> usize {
    let message = |message: &crate::model::content::Message| {
        let files: usize = message.attachments.iter().map(|file| file.base64.len()).sum();
        message.content.len() + files
    };
    let schema = request.output_schema.as_ref().map_or(0, crate::model::content::Json::weight);
    let options: usize =
        request.upstream_options.values().map(|value| value.to_string().len()).sum();
    let context: usize = request.context.values().map(|value| value.to_string().len()).sum();
    let instructions = request.instructions.as_ref().map_or(0, |text| text.len());
    let messages: usize = request.input.iter().map(message).sum();
    messages + schema + options + context + instructions
}
