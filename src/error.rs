//! What can go wrong, in one table: every failure of the gateway is an [`Error`] of a closed
//! [`Kind`], and the table says for each kind its HTTP status, its stable code, whose fault it is
//! and whether asking again helps. Every layer and face returns these; one layer (rescue) and the
//! faces render them.
//!
//! Invariant: what an `Error` prints may be shown to a caller; `source` never is.

mod problem;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::problem::{FieldError, Problem, UpstreamFault};

/// `Result` with the gateway's error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The request is at fault.
    Caller,
    /// A configured rule refused.
    Policy,
    /// The gateway itself.
    Gateway,
    /// The platform behind it.
    Upstream,
    /// The people who configured gateway or platform.
    Operator,
}

impl Origin {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Policy => "policy",
            Self::Gateway => "gateway",
            Self::Upstream => "upstream",
            Self::Operator => "operator",
        }
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $status:literal $code:literal $title:literal $origin:ident $retry:literal;)*) => {
        /// The closed set of failures. See [`Kind::status`] and its siblings for the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Kind { $($(#[$doc])* $kind,)* }

        impl Kind {
            /// Every kind, in the order of the table.
            pub const ALL: &'static [Kind] = &[$(Kind::$kind,)*];
            /// The HTTP status that answers it.
            pub const fn status(self) -> u16 { match self { $(Kind::$kind => $status,)* } }
            /// The stable word that programs switch on.
            pub const fn code(self) -> &'static str { match self { $(Kind::$kind => $code,)* } }
            /// A short sentence for people, the same for every instance.
            pub const fn title(self) -> &'static str { match self { $(Kind::$kind => $title,)* } }
            /// Whose fault it is.
            pub const fn origin(self) -> Origin { match self { $(Kind::$kind => Origin::$origin,)* } }
            /// Whether the same request may succeed later, unchanged.
            pub const fn may_retry(self) -> bool { match self { $(Kind::$kind => $retry,)* } }
        }
    };
}

kinds! {
    /// The request cannot be read or breaks the contract.
    InvalidRequest = 400 "invalid_request" "The request is not valid" Caller false;
    /// No credential, or none that is good.
    Unauthenticated = 401 "unauthenticated" "The caller is not known" Caller false;
    /// A policy, or the credential's own scopes, forbid it.
    Forbidden = 403 "forbidden" "The caller may not do this" Policy false;
    /// No such agent for this caller.
    AgentNotFound = 404 "agent_not_found" "There is no such agent" Caller false;
    /// No such run for this caller.
    RunNotFound = 404 "run_not_found" "There is no such run" Caller false;
    /// No such thread for this caller.
    ThreadNotFound = 404 "thread_not_found" "There is no such thread" Caller false;
    /// No operation at this path.
    NotFound = 404 "not_found" "There is nothing at this path" Caller false;
    /// The path exists, the method does not.
    MethodNotAllowed = 405 "method_not_allowed" "This path does not take that method" Caller false;
    /// The caller accepts none of the media types that the operation can answer with.
    NotAcceptable = 406 "not_acceptable" "No answer in an accepted media type" Caller false;
    /// The request did not arrive in time.
    RequestTimeout = 408 "request_timeout" "The request took too long to arrive" Caller true;
    /// The state of the thing does not allow it.
    Conflict = 409 "conflict" "The state of the resource does not allow this" Caller false;
    /// The thing is not as the request expects it.
    PreconditionFailed = 412 "precondition_failed" "The resource is not as the request expects" Caller false;
    /// The request body is larger than the gateway takes.
    ContentTooLarge = 413 "content_too_large" "The request body is too large" Caller false;
    /// The request target is too long.
    UriTooLong = 414 "uri_too_long" "The request target is too long" Caller false;
    /// The body is of a type that the operation does not read.
    UnsupportedMediaType = 415 "unsupported_media_type" "The body's media type is not supported" Caller false;
    /// The platform can neither take a field nor be given it by emulation.
    UnsupportedByUpstream = 422 "unsupported_by_upstream" "The agent's platform cannot do this" Caller false;
    /// The same key came with another request before.
    IdempotencyKeyReused = 422 "idempotency_key_reused" "The idempotency key belongs to another request" Caller false;
    /// The text holds what a rule of the PII policy blocks, or cannot be examined.
    PiiBlocked = 422 "pii_blocked" "A rule blocks what the text holds" Policy false;
    /// The contract has it, this version of the gateway does not build it yet.
    NotSupported = 422 "not_supported" "This gateway does not support it yet" Gateway false;
    /// The request head is too large.
    HeadersTooLarge = 431 "headers_too_large" "The request's header fields are too large" Caller false;
    /// A fault of ours.
    Internal = 500 "internal_error" "The gateway failed" Gateway true;
    /// The platform answered with a failure.
    UpstreamError = 502 "upstream_error" "The agent's platform failed" Upstream false;
    /// The platform's answer is not what its API promises.
    UpstreamProtocol = 502 "upstream_protocol" "The agent's platform broke its protocol" Upstream false;
    /// Credential, connection or model of the platform: the operator's to mend.
    UpstreamMisconfigured = 502 "upstream_misconfigured" "The gateway's access to the platform is misconfigured" Operator false;
    /// A limit is reached: one of ours, or the platform's own.
    RateLimited = 429 "rate_limited" "Too many requests" Policy true;
    /// As much is at work at a time as may be.
    ConcurrencyLimited = 429 "concurrency_limited" "Too much at a time" Policy true;
    /// A budget is used up, or the platform's money or quota for this account.
    BudgetExhausted = 429 "budget_exhausted" "The budget is used up" Policy false;
    /// The gateway has as much to do as it can.
    Overloaded = 503 "overloaded" "The gateway has too much to do" Gateway true;
    /// What decides over a request (the store, shared counters, an issuer's keys) cannot be asked.
    PolicyUnavailable = 503 "policy_unavailable" "What decides over the request cannot be asked" Operator true;
    /// What is asked for cannot be recorded, and so is not done.
    AuditUnavailable = 503 "audit_unavailable" "The request cannot be recorded" Operator true;
    /// The platform cannot be reached, or its circuit breaker is open.
    UpstreamUnavailable = 503 "upstream_unavailable" "The agent's platform cannot be reached" Upstream true;
    /// The gateway is shutting down.
    Draining = 503 "draining" "The gateway is shutting down" Gateway true;
    /// The platform did not answer in time.
    UpstreamTimeout = 504 "upstream_timeout" "The agent's platform took too long" Upstream false;
    /// In a Run only: the process that drove the run went away.
    Interrupted = 500 "interrupted" "The run was interrupted" Gateway false;
    /// In a Run only: the agent used a tool that it may not use.
    ToolDenied = 403 "tool_denied" "The agent used a tool that it may not use" Policy false;
    /// In a Run only: the answer is not of the wanted shape.
    OutputSchemaMismatch = 502 "output_schema_mismatch" "The answer does not match output_schema" Upstream false;
}

impl Kind {
    /// Whether it is only ever read in a Run, whose HTTP answer is then 200.
    pub const fn in_a_run_only(self) -> bool {
        matches!(self, Kind::Interrupted | Kind::OutputSchemaMismatch | Kind::ToolDenied)
    }
}

/// A failure, with what may be said of it.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: Kind,
    message: Cow<'static, str>,
    fields: Vec<FieldError>,
    retry_after: Option<Duration>,
    upstream: Option<UpstreamFault>,
    rules: Vec<String>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// A failure of this kind; `message` may be shown to the caller.
    pub fn new(kind: Kind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            fields: Vec::new(),
            retry_after: None,
            upstream: None,
            rules: Vec::new(),
            source: None,
        }))
    }

    /// An invalid request, at one place of it.
    pub fn invalid(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Kind::InvalidRequest, "a field is not valid").at(path, message)
    }

    /// There is no such agent, or none that the caller can see: it is told the same of both.
    pub fn no_such_agent() -> Self {
        let said = "there is no such agent: give an alias or `<upstream>:<id>`";
        Self::new(Kind::AgentNotFound, said)
    }

    /// Adds a place.
    pub fn at(mut self, path: impl Into<String>, message: impl Into<String>) -> Self {
        self.0.fields.push(FieldError { path: path.into(), message: message.into() });
        self
    }

    /// Says when to come back.
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.0.retry_after = Some(after);
        self
    }

    /// Names the rule that refused: policies, a limit, a budget.
    pub fn ruled_by(mut self, rules: impl IntoIterator<Item = String>) -> Self {
        self.0.rules.extend(rules);
        self
    }

    /// Says what the platform answered. The message is whole here, for policy to see all of it, and
    /// cut where it is shown.
    pub fn upstream(mut self, name: &str, status: Option<u16>, message: Option<&str>) -> Self {
        let message = message.map(str::to_owned);
        self.0.upstream = Some(UpstreamFault { name: name.to_owned(), status, message });
        self
    }

    /// Keeps the cause, for the log only.
    pub fn caused_by(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.0.source = Some(Arc::new(source));
        self
    }

    /// Rewrites what others than the gateway may have said in it: what the platform said, and
    /// sentences that are not fixed. `reword` gives nothing for a text that stays.
    ///
    /// # Errors
    /// Those of `reword`.
    pub fn reworded<E>(
        mut self,
        mut reword: impl FnMut(&str) -> Result<Option<String>, E>,
    ) -> Result<Self, E> {
        let inner = &mut *self.0;
        if let Cow::Owned(message) = &mut inner.message
            && let Some(new) = reword(message)?
        {
            *message = new;
        }
        let places = inner.fields.iter_mut().map(|field| &mut field.message);
        let said = inner.upstream.iter_mut().filter_map(|fault| fault.message.as_mut());
        for text in places.chain(said) {
            if let Some(new) = reword(text)? {
                *text = new;
            }
        }
        Ok(self)
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// Its sentence.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The places in the request.
    pub fn fields(&self) -> &[FieldError] {
        &self.0.fields
    }

    /// The rules that refused.
    pub fn rules(&self) -> &[String] {
        &self.0.rules
    }

    /// When to come back.
    pub fn retry_in(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// What the platform said.
    pub fn upstream_fault(&self) -> Option<&UpstreamFault> {
        self.0.upstream.as_ref()
    }

    /// Whose fault it is: the kind's, except that a limit is the platform's where it said so.
    pub fn origin(&self) -> Origin {
        let is_limit = matches!(self.0.kind, Kind::RateLimited | Kind::BudgetExhausted);
        if is_limit && self.0.upstream.is_some() { Origin::Upstream } else { self.0.kind.origin() }
    }

    /// The problem document of this failure (RFC 9457).
    pub fn problem(&self, request_id: &str) -> Problem {
        Problem {
            r#type: format!("urn:switchyard:problem:{}", self.0.kind.code()),
            title: self.0.kind.title().to_owned(),
            status: self.0.kind.status(),
            detail: self.0.message.clone().into_owned(),
            code: self.0.kind.code().to_owned(),
            origin: self.origin(),
            may_retry: self.0.kind.may_retry(),
            request_id: request_id.to_owned(),
            run_id: None,
            errors: self.0.fields.clone(),
            retry_after: self.0.retry_after.map(|after| after.as_secs_f64().ceil() as u64),
            upstream: self.0.upstream.as_ref().map(UpstreamFault::cut),
            rules: self.0.rules.clone(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.kind.code(), self.0.message)?;
        for field in &self.0.fields {
            write!(f, "; {}: {}", field.path, field.message)?;
        }
        Ok(())
    }
}

/// For logs: without what a caller or a platform may have written.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_foreign = matches!(self.origin(), Origin::Caller | Origin::Upstream);
        write!(f, "{}; {} places: ", self.0.kind.code(), self.0.fields.len())?;
        match &self.0.message {
            Cow::Owned(message) if is_foreign => write!(f, "[{} bytes]", message.len())?,
            Cow::Owned(message) => f.write_str(message)?,
            Cow::Borrowed(message) => f.write_str(message)?,
        }
        let Some(source) = &self.0.source else { return Ok(()) };
        // What is wrong with a JSON text is told in its own words.
        match source.downcast_ref::<serde_json::Error>() {
            Some(json) => {
                let (line, column) = (json.line(), json.column());
                write!(f, " (caused by {:?} at line {line} column {column})", json.classify())
            }
            None => write!(f, " (caused by {source})"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
