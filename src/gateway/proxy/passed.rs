//! The answer of a run that is passed on: the platform's own bytes, as long as the run goes on.
//!
//! Invariant: who drops the answer stops the run; the answer ends whole only when the run's end is
//! recorded, and is broken off where it cannot be, or where policy ended the run before its
//! platform did.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http::header::{CONTENT_LENGTH, HeaderValue};
use http::response::Parts as Head;
use http_body::Frame;
use tokio::sync::mpsc;

use crate::error::{Error, FieldError, Kind, Problem, Result};
use crate::gateway::reader::Reader;
use crate::http::body::Body;
use crate::model::event::Body as EventBody;
use crate::model::run::{Run, RunStatus};
use crate::outbound::passing::{Passed, Piece, is_event_stream};

/// Says which run an answer is of.
const RUN_ID: &str = "switchyard-run-id";

/// Waits for the head of the answer.
///
/// # Errors
/// Why the run ended before there was one.
pub(super) async fn answer(passed: Passed, mut reader: Reader) -> Result<Response<Body>> {
    let Passed { mut head, pieces } = passed;
    let mut is_awaited = true;
    let parts = loop {
        tokio::select! {
            biased;
            told = &mut head, if is_awaited => match told {
                Ok(parts) => break parts,
                // There will be none: the run's end says why.
                Err(_) => is_awaited = false,
            },
            event = reader.next() => {
                let Some(event) = event else {
                    return Err(Error::new(Kind::Internal, "the run has no end"));
                };
                if let EventBody::Ended(run) = &event.body {
                    // A short answer may be over by now.
                    let Ok(parts) = head.try_recv() else { return Err(failure(run)) };
                    let ended = Some(Arc::clone(run));
                    return Ok(response(parts, pieces, reader, ended));
                }
            }
        }
    };
    Ok(response(parts, pieces, reader, None))
}

fn response(
    mut parts: Head,
    pieces: mpsc::Receiver<Piece>,
    reader: Reader,
    ended: Option<Arc<Run>>,
) -> Response<Body> {
    if let Ok(id) = HeaderValue::try_from(reader.run().id.to_string()) {
        parts.headers.insert(RUN_ID, id);
    }
    let is_stream = is_event_stream(&parts);
    if is_stream {
        // Where the length is known, nobody would wait for the end of the run.
        parts.headers.remove(CONTENT_LENGTH);
    }
    let (held, is_whole) = (None, false);
    let body = Answer { pieces, reader, ended, is_whole, holds_last: !is_stream, held };
    Response::from_parts(parts, Body::stream(body))
}

/// Why a run ended without an answer of its platform.
fn failure(run: &Run) -> Error {
    if run.status == RunStatus::Cancelled {
        return Error::new(Kind::Conflict, "the run was cancelled");
    }
    let Some(problem) = &run.error else {
        return Error::new(Kind::Internal, "the run ended without an answer");
    };
    of_problem(problem)
}

fn of_problem(problem: &Problem) -> Error {
    let kind = Kind::ALL.iter().find(|kind| kind.code() == problem.code);
    let kind = kind.copied().filter(|kind| !kind.in_a_run_only()).unwrap_or(Kind::UpstreamError);
    let mut error = Error::new(kind, problem.detail.clone()).ruled_by(problem.rules.clone());
    for FieldError { path, message } in &problem.errors {
        error = error.at(path.clone(), message.clone());
    }
    if let Some(seconds) = problem.retry_after {
        error = error.retry_after(Duration::from_secs(seconds));
    }
    match &problem.upstream {
        Some(fault) => error.upstream(&fault.name, fault.status, fault.message.as_deref()),
        None => error,
    }
}

struct Answer {
    pieces: mpsc::Receiver<Piece>,
    reader: Reader,
    /// The run, when it has ended.
    ended: Option<Arc<Run>>,
    /// Whether all of the platform's bytes have come.
    is_whole: bool,
    /// Whether the last piece is told only with the end: who knows the length of an answer reads no
    /// further than that.
    holds_last: bool,
    held: Option<Bytes>,
}

impl Answer {
    /// Reads what happens in the run, which paces it, until its end.
    fn follow(&mut self, cx: &mut Context<'_>) {
        while self.ended.is_none() {
            match self.reader.poll_next(cx) {
                Poll::Ready(Some(event)) => {
                    if let EventBody::Ended(run) = &event.body {
                        self.ended = Some(Arc::clone(run));
                    }
                }
                Poll::Ready(None) => self.ended = Some(self.reader.run()),
                Poll::Pending => return,
            }
        }
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>>>> {
        self.follow(cx);
        while !self.is_whole {
            let bytes = match self.pieces.poll_recv(cx) {
                Poll::Ready(Some(Piece::Bytes(bytes))) if bytes.is_empty() => continue,
                Poll::Ready(Some(Piece::Bytes(bytes))) => bytes,
                Poll::Ready(Some(Piece::Whole)) => {
                    self.is_whole = true;
                    break;
                }
                Poll::Ready(None) => break,
                Poll::Pending => return Poll::Pending,
            };
            let next = if self.holds_last { self.held.replace(bytes) } else { Some(bytes) };
            if let Some(bytes) = next {
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
        }
        let Some(run) = &self.ended else { return Poll::Pending };
        let is_recorded =
            run.error.as_ref().is_none_or(|error| error.code != Kind::AuditUnavailable.code());
        if self.is_whole && is_recorded {
            return Poll::Ready(self.held.take().map(|bytes| Ok(Frame::data(bytes))));
        }
        Poll::Ready(Some(Err(failure(run))))
    }
}
