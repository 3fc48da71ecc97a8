//! Holds a structured answer against the schema that its caller gave, whether the platform knows
//! schemas or was only asked in words.
//!
//! Order: outside conform, whose order it relies on.

use std::sync::Arc;

use futures_util::StreamExt;
use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

use crate::error::{Error, Kind, Result};
use crate::gateway::layers::expansion;
use crate::http::layer::{Next, Rest, Step};
use crate::http::service::RunEvents;
use crate::model::content::Json;
use crate::model::event::{Ending, Happening, RunEvent};
use crate::model::plan::RunCall;
use crate::model::vault::TokenVault;

/// The longest schema, as JSON: compiling one takes time that nobody else of its thread has.
const SCHEMA_BYTES: usize = 64 * 1024;
/// The largest program that a `pattern` may become, in bytes, and the steps that it may take.
const PATTERN_BYTES: usize = 256 * 1024;
const PATTERN_STEPS: usize = 10_000;

/// The values of a schema with its references followed, at most.
const EXPANDED_VALUES: u64 = 50_000;

/// The layer.
#[derive(Debug)]
pub struct OutputSchema;

/// Compiles a caller's schema, or says why it cannot be used. What it refers to elsewhere is not
/// fetched: the default retriever of this build refuses every address.
pub fn compile(schema: &Value) -> Result<Validator, String> {
    let bytes = serde_json::to_vec(schema).map_or(usize::MAX, |text| text.len());
    if bytes > SCHEMA_BYTES {
        return Err(format!("is longer than {SCHEMA_BYTES} bytes"));
    }
    if expansion::size(schema) > EXPANDED_VALUES {
        return Err("refers to its own parts too often to be checked in time".to_owned());
    }
    let patterns =
        PatternOptions::fancy_regex().size_limit(PATTERN_BYTES).backtrack_limit(PATTERN_STEPS);
    jsonschema::options().with_pattern_options(patterns).build(schema).map_err(|error| {
        let place = error.instance_path().to_string();
        let at = if place.is_empty() { String::new() } else { format!(" at {place}") };
        format!("is not a usable JSON Schema{at}: {}", error.masked())
    })
}

impl Step<RunCall> for OutputSchema {
    type Response = RunEvents;

    async fn run<S: Rest<RunCall, RunEvents>>(
        &self,
        request: RunCall,
        next: Next<'_, S>,
    ) -> Result<RunEvents> {
        let Some(schema) = &request.plan.request.output_schema else {
            return next.run(request).await;
        };
        // The caller's words: policy may have put tokens into its schema, and into the answer.
        let vault = request.plan.thread.vault.clone();
        let compiled = compile(&restored(vault.as_deref(), schema).0)
            .map_err(|said| Error::invalid("output_schema", said))?;
        let events = next.run(request).await?;
        let checked = events.scan((Arc::new(compiled), None), move |(schema, answer), event| {
            std::future::ready(Some(check(schema, answer, vault.as_deref(), event)))
        });
        Ok(Box::pin(checked))
    }
}

fn restored(vault: Option<&dyn TokenVault>, json: &Json) -> Json {
    let mut json = json.clone();
    vault.into_iter().for_each(|vault| vault.restore_json(&mut json.0));
    json
}

fn check(
    schema: &Validator,
    answer: &mut Option<Json>,
    vault: Option<&dyn TokenVault>,
    mut event: RunEvent,
) -> RunEvent {
    if let Happening::Structured(json) = &event.what {
        *answer = Some(restored(vault, json));
    } else if let Happening::Ended(Ending::Completed { .. }) = &event.what
        && let Err(error) = verdict(schema, answer.as_ref())
    {
        event.what = Happening::Ended(Ending::Failed(error));
    }
    event
}

fn verdict(schema: &Validator, answer: Option<&Json>) -> Result<()> {
    let wrong = |said: &'static str| Error::new(Kind::OutputSchemaMismatch, said);
    let Some(answer) = answer else {
        return Err(wrong("the answer holds no JSON value"));
    };
    // The validator's own sentences quote the answer; only its paths are passed on.
    let mut errors = schema.iter_errors(&answer.0).take(16).peekable();
    if errors.peek().is_none() {
        return Ok(());
    }
    Err(errors.fold(wrong("the answer does not match the schema"), |error, found| {
        error.at(found.instance_path().to_string(), format!("breaks {}", found.schema_path()))
    }))
}
