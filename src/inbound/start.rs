//! Starts a run and waits for as much of it as the caller wants: all of it, none of it, or what
//! comes within a time. Called by every face that runs agents.
//!
//! Invariant: a run whose answer says that it goes on, goes on.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Response, StatusCode};

use crate::error::{Kind, Problem, Result};
use crate::gateway::{Admitted, Gateway, Keep, Reader, Wanted};
use crate::http::body::Body;
use crate::inbound::prefer::Patience;
use crate::inbound::{answer, errors};
use crate::model::call::Call;
use crate::model::event::{Body as EventBody, Recorded};
use crate::model::request::RunRequest;
use crate::model::run::{Run, RunStatus};
use crate::store::runs::CallbackTo;

/// How long a stream's head waits for a run that fails at once, to answer with its problem.
const FIRST_EVENT: Duration = Duration::from_secs(1);

/// What a caller asks for besides the run.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Its idempotency key.
    pub key: Option<String>,
    /// Whom the end of the run is told.
    pub callback: Option<CallbackTo>,
}

/// Starts a run and waits for its end as long as `patience` says. What comes back is the run as
/// it stands then, and whether an earlier request began it.
pub async fn whole(
    gateway: &Gateway,
    call: &Arc<Call>,
    agent: &str,
    request: RunRequest,
    patience: Patience,
    asked: Asked,
) -> Result<(Arc<Run>, bool)> {
    let keep = match patience {
        Patience::Unbounded => Keep::WhileRead,
        Patience::Within(_) => Keep::UntilDetached,
        Patience::None => Keep::Detached,
    };
    let Asked { key, callback } = asked;
    let wanted = Wanted { key, callback, ..keep.into() };
    let admitted = gateway.start(call, agent, request, wanted).await?;
    let Admitted { run, mut reader, is_replayed } = admitted;
    let within = match patience {
        Patience::Unbounded => return Ok((reader.end().await, is_replayed)),
        Patience::None => {
            reader.detach();
            return Ok((run, is_replayed));
        }
        Patience::Within(within) => within,
    };
    if let Ok(ended) = tokio::time::timeout(within, reader.end()).await {
        return Ok((ended, is_replayed));
    }
    let run = reader.run();
    reader.detach();
    Ok((run, is_replayed))
}

/// A run whose stream is to be answered.
#[derive(Debug)]
pub enum Streamed {
    /// It goes on: what was read of it already, and the rest.
    Open(Vec<Arc<Recorded>>, Reader),
    /// It failed before it did anything.
    Failed(Arc<Run>),
}

/// Starts a run whose events the caller reads. A run that fails before anything else happens can
/// still be answered with its status, so the head waits a moment for the first event.
pub async fn streamed(
    gateway: &Gateway,
    call: &Arc<Call>,
    agent: &str,
    request: RunRequest,
    asked: Asked,
) -> Result<(Streamed, bool)> {
    let Asked { key, callback } = asked;
    let wanted = Wanted { key, callback, ..Keep::WhileRead.into() };
    let Admitted { mut reader, is_replayed, .. } =
        gateway.start(call, agent, request, wanted).await?;
    let mut read = Vec::new();
    let first = async {
        while let Some(event) = reader.next().await {
            read.push(Arc::clone(&event));
            if let EventBody::Ended(run) = &event.body {
                return (run.status == RunStatus::Failed).then(|| Arc::clone(run));
            }
            if !matches!(event.body, EventBody::Created(_) | EventBody::Warning(_)) {
                return None;
            }
        }
        None
    };
    let failed = tokio::time::timeout(FIRST_EVENT, first).await.ok().flatten();
    let streamed = match failed {
        Some(run) => Streamed::Failed(run),
        None => Streamed::Open(read, reader),
    };
    Ok((streamed, is_replayed))
}

/// Says that the answer is of a run which an earlier request began.
pub fn replaying(mut response: Response<Body>, is_replayed: bool) -> Response<Body> {
    if is_replayed {
        let name = HeaderName::from_static("idempotent-replayed");
        response.headers_mut().insert(name, HeaderValue::from_static("true"));
    }
    response
}

/// The problem of a run whose HTTP answer is that problem; none for runs that are answered 200.
pub fn problem_of(run: &Run) -> Option<&Problem> {
    let problem = run.error.as_ref().filter(|_| run.status == RunStatus::Failed)?;
    let kind = Kind::ALL.iter().find(|kind| kind.code() == problem.code);
    (!kind.is_some_and(|kind| kind.in_a_run_only())).then_some(problem)
}

/// The answer with a run: 200 when it is over, 202 while it goes on, its problem if it failed.
pub fn run_answer(run: &Run) -> Result<Response<Body>> {
    if let Some(problem) = problem_of(run) {
        return Ok(answer::located(errors::problem_answer(problem), run));
    }
    if run.status.is_terminal() { answer::json(StatusCode::OK, run) } else { answer::accepted(run) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::inbound::samples;

    #[test]
    fn a_run_is_answered_by_how_it_stands() {
        let failed = |kind| samples::failed(&Error::new(kind, "no"));
        for (run, status, media_type) in [
            (samples::run(RunStatus::Completed), 200, "application/json"),
            (samples::run(RunStatus::Incomplete), 200, "application/json"),
            (samples::run(RunStatus::Cancelled), 200, "application/json"),
            (samples::run(RunStatus::Queued), 202, "application/json"),
            (samples::run(RunStatus::Running), 202, "application/json"),
            (failed(Kind::Interrupted), 200, "application/json"),
            (failed(Kind::OutputSchemaMismatch), 200, "application/json"),
            (failed(Kind::UpstreamTimeout), 504, "application/problem+json"),
            (failed(Kind::BudgetExhausted), 429, "application/problem+json"),
        ] {
            let response = run_answer(&run).unwrap();
            assert_eq!(response.status(), status, "{:?}", run.status);
            assert_eq!(response.headers()["content-type"], media_type);
            assert_eq!(response.headers().contains_key("retry-after"), status == 202);
            assert_eq!(response.headers().contains_key("location"), status != 200);
        }
    }

    #[test]
    fn a_failed_run_is_found_again_by_its_answer() {
        let run = samples::failed(&Error::new(Kind::UpstreamError, "no"));
        let mut response = run_answer(&run).unwrap();
        let at = "/v1/runs/run_00000000000000000000000000000001";
        assert_eq!(response.headers()["location"], at);
        let body = response.body_mut().take_full().unwrap();
        let problem: Problem = serde_json::from_slice(&body).unwrap();
        assert_eq!(problem.run_id.as_deref(), Some(run.id.as_str()));
    }
}
