//! The spans that are made: of a call, of a run, of a decision of policy, of a try of a platform.
//! Layers and the gateway call these; a span's parent is the one that is current where it is made.
//!
//! Invariant: no span holds a body, a prompt, a credential or what a policy found.

use http::Method;
use opentelemetry::Context;
use opentelemetry::trace::{
    SpanContext, SpanId, Status, TraceContextExt, TraceFlags, TraceId, TraceState,
};
use tracing::{Instrument, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::conventions as names;
use crate::error::Result;
use crate::model::agent::AgentRef;
use crate::model::run::Run;
use crate::telemetry::labels::TryOutcome;

/// The target of every span here, by which the log leaves them alone.
pub const TARGET: &str = "switchyard::spans";

/// Whose trace a call goes on.
#[derive(Clone, Copy, Debug)]
pub struct Remote<'a> {
    /// 32 hex digits.
    pub trace_id: &'a str,
    /// 16 hex digits.
    pub span_id: &'a str,
    /// Whether its caller keeps it.
    pub is_sampled: bool,
}

/// The span of a call, and its `traceparent`.
pub struct CallSpan {
    /// The span.
    pub span: Span,
    /// What is told of it.
    pub parent: String,
}

/// The span of a call; none where no traces are made.
pub fn call(
    operation: &'static str,
    method: &Method,
    remote: Option<Remote<'_>>,
) -> Option<CallSpan> {
    let span = tracing::info_span!(target: TARGET, parent: None, "call",
        otel.name = operation, otel.kind = "server");
    if span.is_disabled() {
        return None;
    }
    if let Some(context) = remote.and_then(context_of) {
        // It cannot have been started before it is given away.
        span.set_parent(Context::new().with_remote_span_context(context)).ok();
    }
    span.set_attribute(names::OPERATION, operation);
    span.set_attribute(names::HTTP_METHOD, method.as_str().to_owned());
    let parent = parent_of(&span)?;
    Some(CallSpan { span, parent })
}

/// A call has been answered.
pub fn answered(span: &Span, request_id: &str, status: u16) {
    span.set_attribute(names::REQUEST_ID, request_id.to_owned());
    span.set_attribute(names::HTTP_STATUS, i64::from(status));
    if status >= 500 {
        failed(span, status.to_string());
    }
}

/// The span of a run of this agent.
pub fn run(agent: &str, target: &AgentRef, kind: &str) -> Span {
    let span = tracing::info_span!(target: TARGET, "run",
        otel.name = names::INVOKE_AGENT, otel.kind = "client");
    if !span.is_disabled() {
        span.set_attribute(names::GEN_AI_OPERATION, names::INVOKE_AGENT);
        span.set_attribute(names::GEN_AI_PROVIDER, kind.to_owned());
        span.set_attribute(names::GEN_AI_AGENT_NAME, agent.to_owned());
        span.set_attribute(names::GEN_AI_AGENT_ID, target.native.clone());
        span.set_attribute(names::UPSTREAM, target.upstream.clone());
    }
    span
}

/// The run whose span is current has ended.
pub fn run_ended(run: &Run) {
    let span = Span::current();
    if span.is_disabled() || parent_of(&span).is_none() {
        return;
    }
    span.set_attribute(names::RUN_ID, run.id.to_string());
    span.set_attribute(names::OUTCOME, run.status.as_str());
    if let Some(thread) = &run.thread_id {
        span.set_attribute(names::GEN_AI_CONVERSATION, thread.to_string());
    }
    let usage = &run.usage;
    if let Some(model) = &usage.model {
        span.set_attribute(names::GEN_AI_RESPONSE_MODEL, model.clone());
    }
    let tokens = [
        (names::GEN_AI_INPUT_TOKENS, usage.input_tokens),
        (names::GEN_AI_OUTPUT_TOKENS, usage.output_tokens),
    ];
    for (name, count) in tokens {
        if let Some(count) = count {
            span.set_attribute(name, i64::try_from(count).unwrap_or(i64::MAX));
        }
    }
    if let Some(problem) = &run.error {
        failed(&span, problem.code.clone());
    }
}

/// Decides something under a span.
pub fn decided<T>(policy: &'static str, decide: impl FnOnce() -> Result<T>) -> Result<T> {
    let span = decision(policy);
    let result = span.in_scope(decide);
    said(&span, &result);
    result
}

/// The same, where it takes waiting for.
pub async fn deciding<T>(
    policy: &'static str,
    decide: impl Future<Output = Result<T>>,
) -> Result<T> {
    let span = decision(policy);
    if span.is_disabled() {
        return decide.await;
    }
    let result = decide.instrument(span.clone()).await;
    said(&span, &result);
    result
}

/// The same, where a refusal is no error.
pub async fn judging<T>(
    policy: &'static str,
    decide: impl Future<Output = T>,
    is_allowed: impl Fn(&T) -> bool,
) -> T {
    let span = decision(policy);
    if span.is_disabled() {
        return decide.await;
    }
    let verdict = decide.instrument(span.clone()).await;
    span.set_attribute(names::DECISION, word(is_allowed(&verdict)));
    verdict
}

fn word(is_allowed: bool) -> &'static str {
    if is_allowed { "allowed" } else { "refused" }
}

fn decision(policy: &'static str) -> Span {
    let span = tracing::info_span!(target: TARGET, "policy", otel.kind = "internal");
    if !span.is_disabled() {
        span.set_attribute(names::POLICY, policy);
    }
    span
}

fn said<T>(span: &Span, result: &Result<T>) {
    if span.is_disabled() {
        return;
    }
    span.set_attribute(names::DECISION, word(result.is_ok()));
    if let Err(error) = result {
        // What refuses works as it should.
        span.set_attribute(names::ERROR_TYPE, error.kind().code());
    }
}

/// The span of a try of a platform.
pub fn tried(upstream: &str, method: &Method) -> Span {
    let span = tracing::info_span!(target: TARGET, "upstream",
        otel.name = method.as_str(), otel.kind = "client");
    if !span.is_disabled() {
        span.set_attribute(names::UPSTREAM, upstream.to_owned());
        span.set_attribute(names::HTTP_METHOD, method.as_str().to_owned());
    }
    span
}

/// The try whose span is current goes to this host.
pub fn sent_to(host: &str) {
    let span = Span::current();
    if !span.is_disabled() {
        span.set_attribute(names::SERVER_ADDRESS, host.to_owned());
    }
}

/// The head of a try's answer is in.
pub fn try_answered(span: &Span, status: u16) {
    if !span.is_disabled() {
        span.set_attribute(names::HTTP_STATUS, i64::from(status));
    }
}

/// A try is over.
pub fn try_ended(span: &Span, outcome: TryOutcome) {
    if span.is_disabled() {
        return;
    }
    span.set_attribute(names::OUTCOME, outcome.label());
    if !matches!(outcome, TryOutcome::Success | TryOutcome::Cancelled) {
        failed(span, outcome.label().to_owned());
    }
}

/// The `traceparent` of the span that is current; none where no traces are made.
pub fn traceparent() -> Option<String> {
    parent_of(&Span::current())
}

fn failed(span: &Span, kind: String) {
    span.set_attribute(names::ERROR_TYPE, kind);
    span.set_status(Status::error(""));
}

fn parent_of(span: &Span) -> Option<String> {
    if span.is_disabled() {
        return None;
    }
    let context = span.context();
    let context = context.span().span_context().clone();
    let flags = context.trace_flags().to_u8();
    let (trace, span) = (context.trace_id(), context.span_id());
    context.is_valid().then(|| format!("00-{trace}-{span}-{flags:02x}"))
}

fn context_of(remote: Remote<'_>) -> Option<SpanContext> {
    let trace = TraceId::from_hex(remote.trace_id).ok()?;
    let span = SpanId::from_hex(remote.span_id).ok()?;
    let flags = if remote.is_sampled { TraceFlags::SAMPLED } else { TraceFlags::NOT_SAMPLED };
    Some(SpanContext::new(trace, span, flags, true, TraceState::NONE))
}
