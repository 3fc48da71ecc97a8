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

/// How long a stream's head waits for a run that fails at once, to answer with its problem. A run
/// that failed later has had its stream, and has it again whenever it is asked for under its key.
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
    /// It has begun: what was read of it already, and the rest.
    Open(Vec<Arc<Recorded>>, Reader),
    /// It failed at once, before it did anything.
    Failed(Arc<Run>),
}

/// Starts a run whose events the caller reads. A run that fails at once can still be answered with
/// its status, so the head waits a moment for the first event. Whoever asks again is answered in
/// the same way, since it is the run that tells, also where another process drove it.
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
    let in_time = tokio::time::timeout(FIRST_EVENT, begin(&mut reader, &mut read)).await;
    // An end that is being written comes at once, and decides: it was told in time.
    if in_time.is_err() && reader.is_ending() {
        begin(&mut reader, &mut read).await;
    }
    let streamed = match failed_at_once(&read) {
        Some(run) => Streamed::Failed(run),
        None => Streamed::Open(read, reader),
    };
    Ok((streamed, is_replayed))
}

/// Reads until something has happened in the run. Cancel-safe.
async fn begin(reader: &mut Reader, read: &mut Vec<Arc<Recorded>>) {
    while let Some(event) = reader.next().await {
        let is_news = !matches!(event.body, EventBody::Created(_) | EventBody::Warning(_));
        read.push(event);
        if is_news {
            return;
        }
    }
}

/// The run whose answer is its problem although a stream was asked for: it failed before a stream
/// would have begun.
fn failed_at_once(read: &[Arc<Recorded>]) -> Option<Arc<Run>> {
    let EventBody::Ended(run) = &read.last()?.body else { return None };
    // What is no longer kept may have been more than the head.
    let is_all = read.iter().zip(1..).all(|(event, seq)| event.seq == seq);
    let took = run.duration_ms.map(Duration::from_millis);
    let is_early = is_all && took.is_none_or(|took| took < FIRST_EVENT);
    (is_early && problem_of(run).is_some()).then(|| Arc::clone(run))
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
    use crate::model::run::Warning;

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
    fn only_a_run_that_failed_at_once_is_answered_with_its_problem_instead_of_a_stream() {
        let ended = |kind, millis, seq| {
            let run = Run { duration_ms: millis, ..samples::failed(&Error::new(kind, "no")) };
            Arc::new(samples::event(seq, EventBody::Ended(Arc::new(run))))
        };
        let head = |seq| {
            let run = Arc::new(samples::run(RunStatus::Queued));
            Arc::new(samples::event(seq, EventBody::Created(run)))
        };
        let gap = |seq| {
            let warning = Warning::new("events_dropped", None, "no longer kept");
            Arc::new(samples::event(seq, EventBody::Warning(warning)))
        };
        let (early, late) = (Some(999), Some(1_000));
        let completed = Arc::new(samples::run(RunStatus::Completed));
        let completed = Arc::new(samples::event(2, EventBody::Ended(completed)));
        for (read, is_problem) in [
            (vec![head(1), ended(Kind::UpstreamError, early, 2)], true),
            (vec![head(1), ended(Kind::UpstreamError, None, 2)], true),
            (vec![head(1), ended(Kind::UpstreamError, late, 2)], false),
            // A JSON answer with a run is 200, which nobody is given who wants a stream.
            (vec![head(1), ended(Kind::Interrupted, early, 2)], false),
            (vec![ended(Kind::Interrupted, late, 1)], false),
            (vec![gap(7), ended(Kind::UpstreamError, early, 8)], false),
            (vec![head(1), completed], false),
            (vec![head(1)], false),
            (vec![], false),
        ] {
            assert_eq!(failed_at_once(&read).is_some(), is_problem, "{read:?}");
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
