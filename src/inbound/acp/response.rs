//! A run as ACP's JSON reply. Called by `handle.rs`.

use http::{Response, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::{Error, Kind, Result};
use crate::http::body::Body;
use crate::inbound::acp::errors;
use crate::inbound::answer;
use crate::model::run::{Run, RunStatus};

/// The reply. A figure that the platform does not give is null.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AcpReply<'a> {
    /// The run's id.
    id: &'a str,
    /// Always `completed`, whatever the reason it stopped for.
    status: &'static str,
    /// The answer.
    output: &'a str,
    /// The conversation's id.
    conversation_id: Option<&'a str>,
    /// What it used.
    usage: AcpUsage<'a>,
    /// `goal_complete`, `max_tool_calls` or `max_rounds`.
    stop_reason: &'static str,
}

/// What a run used.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AcpUsage<'a> {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    tool_call_count: Option<u64>,
    estimated_cost_cents: Option<f64>,
    model: Option<&'a str>,
    duration_ms: Option<u64>,
}

/// The answer with an ended run.
pub fn answer(run: &Run, request_id: &str) -> Result<Response<Body>> {
    match run.status {
        RunStatus::Completed | RunStatus::Incomplete => {
            answer::json(StatusCode::OK, &AcpReply::of(run))
        }
        RunStatus::Cancelled => {
            let error = Error::new(Kind::Conflict, "the run was cancelled");
            Ok(errors::answer(&error.problem(request_id)))
        }
        RunStatus::Failed | RunStatus::Queued | RunStatus::Running => match &run.error {
            Some(problem) => Ok(errors::answer(problem)),
            None => Err(Error::new(Kind::Internal, "the run has no end")),
        },
    }
}

impl<'a> AcpReply<'a> {
    fn of(run: &'a Run) -> Self {
        let usage = &run.usage;
        Self {
            id: run.id.as_str(),
            status: "completed",
            output: run.output.as_ref().map_or("", |output| output.as_str()),
            conversation_id: run.thread_id.as_ref().map(|thread| thread.as_str()),
            usage: AcpUsage {
                prompt_tokens: usage.input_tokens,
                completion_tokens: usage.output_tokens,
                tool_call_count: usage.tool_calls,
                // Cents are ACP's unit; a float is its type.
                estimated_cost_cents: usage.cost_usd.map(|cost| cost.0 as f64 / 10_000.0),
                model: usage.model.as_deref(),
                duration_ms: run.duration_ms,
            },
            stop_reason: stop_reason(run),
        }
    }
}

fn stop_reason(run: &Run) -> &'static str {
    if run.status == RunStatus::Completed {
        return "goal_complete";
    }
    match run.stop_reason.as_deref() {
        Some("max_tool_calls") => "max_tool_calls",
        Some(_) | None => "max_rounds",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inbound::samples;

    fn answered(run: &Run) -> (u16, String) {
        let mut response = answer(run, "req_1").unwrap();
        let body = response.body_mut().take_full().unwrap();
        (response.status().as_u16(), String::from_utf8(body.to_vec()).unwrap())
    }

    #[test]
    fn a_reply_is_the_one_that_acp_sends() {
        let (status, body) = answered(&samples::run(RunStatus::Completed));
        assert_eq!(status, 200);
        assert_eq!(
            body,
            concat!(
                r#"{"id":"run_00000000000000000000000000000001","status":"completed","#,
                r#""output":"Two are open.","#,
                r#""conversationId":"thr_00000000000000000000000000000002","#,
                r#""usage":{"promptTokens":1500,"completionTokens":800,"toolCallCount":1,"#,
                r#""estimatedCostCents":2.45,"model":"gpt-4o","durationMs":4200},"#,
                r#""stopReason":"goal_complete"}"#
            )
        );
    }

    #[test]
    fn a_run_that_stopped_early_gives_its_reason_in_the_words_of_acp() {
        let mut run = samples::run(RunStatus::Incomplete);
        for (said, reason) in [
            (Some("max_tool_calls"), "max_tool_calls"),
            (Some("max_rounds"), "max_rounds"),
            (Some("recursion limit"), "max_rounds"),
            (None, "max_rounds"),
        ] {
            run.stop_reason = said.map(str::to_owned);
            let (status, body) = answered(&run);
            assert_eq!(status, 200);
            assert!(body.contains(&format!(r#""stopReason":"{reason}""#)), "{body}");
            assert!(body.contains(r#""status":"completed""#));
        }
    }

    #[test]
    fn a_run_that_failed_is_an_error_body() {
        let run = samples::failed(&Error::new(Kind::UpstreamTimeout, "too slow"));
        assert_eq!(answered(&run), (504, r#"{"error":"too slow"}"#.to_owned()));
        let cancelled = answered(&samples::run(RunStatus::Cancelled));
        assert_eq!(cancelled, (409, r#"{"error":"the run was cancelled"}"#.to_owned()));
    }

    #[test]
    fn a_figure_that_is_not_known_is_null() {
        let mut run = samples::run(RunStatus::Completed);
        run.usage = crate::model::run::Usage::default();
        assert!(answered(&run).1.contains(r#""estimatedCostCents":null,"model":null"#));
    }
}
