//! Holds a structured answer against the schema that its caller gave, whether the platform knows
//! schemas or was only asked in words.
//!
//! Order: outside conform, whose order it relies on.

use std::sync::Arc;

use futures_util::StreamExt;
use jsonschema::Validator;
use tower::Service;

use crate::error::{Error, Kind, Result};
use crate::http::layer::{Next, Step};
use crate::http::service::RunEvents;
use crate::model::content::Json;
use crate::model::event::{Ending, Happening, RunEvent};
use crate::model::plan::RunCall;

/// The layer.
#[derive(Debug)]
pub struct OutputSchema;

impl Step<RunCall> for OutputSchema {
    type Response = RunEvents;

    async fn run<S>(&self, request: RunCall, next: Next<'_, S>) -> Result<RunEvents>
    where
        S: Service<RunCall, Response = RunEvents, Error = Error> + Clone + Send + Sync + 'static,
        S::Future: Send,
    {
        let Some(schema) = &request.plan.request.output_schema else {
            return next.run(request).await;
        };
        let compiled = jsonschema::validator_for(&schema.0)
            .map_err(|cause| Error::invalid("output_schema", cause.to_string()))?;
        let events = next.run(request).await?;
        let checked = events.scan((Arc::new(compiled), None), |(schema, answer), event| {
            std::future::ready(Some(check(schema, answer, event)))
        });
        Ok(Box::pin(checked))
    }
}

fn check(schema: &Validator, answer: &mut Option<Json>, mut event: RunEvent) -> RunEvent {
    if let Happening::Structured(json) = &event.what {
        *answer = Some(json.clone());
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
