//! Passes a run on that its caller has written in the platform's own words: the request goes out as
//! it is, the answer's bytes go to the caller as they came, and the vendor's decoder reads along,
//! so that everything that holds for runs (the RUN stack, its record, its budget) holds for it.
//!
//! Invariant: no byte goes to the caller before every layer has let pass what was read in it; and
//! the caller is told that the answer is whole only when it is.

use std::any::Any;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use http::header::CONTENT_TYPE;
use http::response::Parts as Head;
use http::{HeaderMap, Request, StatusCode};
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use crate::error::{Error, Kind, Result};
use crate::http::body::Body;
use crate::http::service::RunEvents;
use crate::model::event::{Ending, Happening, RunEvent};
use crate::model::plan::Plan;
use crate::outbound::dispatch::{FAILURE_BYTES, Line, is_encoded};
use crate::outbound::layers::end::Verdict;
use crate::outbound::{Decode, Step};
use crate::wire::sse;

/// Pieces of an answer that wait for their reader.
const WAITING: usize = 4;

/// A run in the platform's own words, on its way to the end of the RUN stack.
pub struct Passing(Mutex<Option<Sent>>);

struct Sent {
    request: Request<Body>,
    decoder: Box<dyn Decode>,
    head: oneshot::Sender<Head>,
    pieces: mpsc::Sender<Piece>,
}

/// What comes back of it.
#[derive(Debug)]
pub struct Passed {
    /// The head of the answer; none comes where there is no answer.
    pub head: oneshot::Receiver<Head>,
    /// Its body.
    pub pieces: mpsc::Receiver<Piece>,
}

/// A piece of an answer's body.
#[derive(Debug)]
pub enum Piece {
    /// Bytes.
    Bytes(Bytes),
    /// There are no more. An answer whose pieces end without this was broken off.
    Whole,
}

impl Passing {
    /// This request, whose answer `decoder` reads.
    pub fn new(request: Request<Body>, decoder: Box<dyn Decode>) -> (Arc<Self>, Passed) {
        let (head, told) = oneshot::channel();
        let (pieces, received) = mpsc::channel(WAITING);
        let sent = Sent { request, decoder, head, pieces };
        (Arc::new(Self(Mutex::new(Some(sent)))), Passed { head: told, pieces: received })
    }

    /// The one of a plan, where its caller has written the platform's own words.
    pub(super) fn of(plan: &Plan) -> Option<Arc<Self>> {
        let native: Arc<dyn Any + Send + Sync> = plan.native.clone()?;
        native.downcast().ok()
    }
}

impl std::fmt::Debug for Passing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[a platform's own request]")
    }
}

/// Sends it, and reads along.
pub(super) async fn pass(line: Line, passing: Arc<Passing>) -> Result<RunEvents> {
    let sent = passing.0.lock().take();
    let sent = sent.ok_or_else(|| Error::new(Kind::Internal, "a run is sent once"))?;
    let Sent { request, decoder, head, pieces } = sent;
    let mut response = line.forward(request).await?;
    let status = response.status();
    if status.is_informational() || (status.is_success() && is_encoded(&response)) {
        let message = "the answer switches protocols or is compressed, which was not asked for";
        return Err(line.blame(Error::new(Kind::UpstreamProtocol, message)));
    }
    let verdict = Verdict::of(&mut response);
    let (parts, body) = response.into_parts();
    let is_stream = is_event_stream(&parts);
    let caps = line.target.caps;
    let form = if !status.is_success() {
        Form::Failure
    } else if is_stream {
        let caps = sse::Caps { line: caps.line, event: caps.event, stream: caps.answer as u64 };
        Form::Stream(sse::Decoder::new(caps))
    } else {
        Form::Whole
    };
    let mut events = Vec::new();
    if matches!(form, Form::Whole) {
        events.push(RunEvent::synthetic(Happening::Started));
    }
    let status = parts.status;
    let headers = parts.headers.clone();
    // Where nobody waits for it any more the run is about to be stopped.
    head.send(parts).ok();
    let answer = Answer {
        line,
        decoder,
        body,
        verdict,
        form,
        status,
        headers,
        text: Vec::new(),
        events,
        end: None,
        ready: Vec::new(),
        is_over: false,
        pieces,
    };
    Ok(Box::pin(stream::unfold(Box::new(answer), |mut answer| async move {
        let event = answer.next().await?;
        Some((event, answer))
    })))
}

/// Whether an answer is a stream of events.
pub fn is_event_stream(head: &Head) -> bool {
    head.headers.get(CONTENT_TYPE).is_some_and(|value| {
        let essence = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
        essence.trim_ascii().eq_ignore_ascii_case(b"text/event-stream")
    })
}

/// How an answer is read.
enum Form {
    /// As a stream.
    Stream(sse::Decoder),
    /// As a stream that cannot be read any further; its bytes still go on.
    Unread,
    /// In one piece.
    Whole,
    /// As a failure.
    Failure,
}

struct Answer {
    line: Line,
    decoder: Box<dyn Decode>,
    body: Body,
    verdict: Verdict,
    form: Form,
    status: StatusCode,
    headers: HeaderMap,
    /// What was read of an answer that is read in one piece.
    text: Vec<u8>,
    /// What was decoded and is not handed on yet, the next one last.
    events: Vec<RunEvent>,
    /// The run's end, which waits for that of the answer.
    end: Option<RunEvent>,
    /// What goes to the caller when all that was read in it has passed.
    ready: Vec<Piece>,
    is_over: bool,
    pieces: mpsc::Sender<Piece>,
}

impl Answer {
    async fn next(&mut self) -> Option<RunEvent> {
        loop {
            if let Some(event) = self.events.pop() {
                return Some(event);
            }
            for piece in std::mem::take(&mut self.ready) {
                if self.pieces.send(piece).await.is_err() {
                    // The caller has gone; whoever drives the run hears of it from its reader.
                    std::future::pending::<()>().await;
                }
            }
            if self.is_over {
                return self.end.take();
            }
            match self.line.next_bytes(&mut self.body).await {
                Some(Ok(bytes)) => self.take(bytes),
                Some(Err(error)) => self.close(Err(error)),
                None => self.finish(),
            }
        }
    }

    /// Takes the next bytes.
    fn take(&mut self, bytes: Bytes) {
        let caps = self.line.target.caps;
        match &mut self.form {
            Form::Stream(sse) => {
                let (decoder, events) = (&mut self.decoder, &mut self.events);
                let decoded = sse.push(&bytes, &mut |frame| decoder.frame(frame, events));
                self.decoded(decoded);
            }
            Form::Unread => {}
            Form::Whole => {
                if self.text.len() + bytes.len() > caps.answer {
                    let said = format!("the answer is longer than {} bytes", caps.answer);
                    return self.close(Err(Error::new(Kind::UpstreamProtocol, said)));
                }
                self.text.extend_from_slice(&bytes);
                return;
            }
            Form::Failure => {
                let room = FAILURE_BYTES.saturating_sub(self.text.len());
                self.text.extend_from_slice(bytes.get(..room).unwrap_or(&bytes));
            }
        }
        self.ready.push(Piece::Bytes(bytes));
    }

    /// The bytes are over.
    fn finish(&mut self) {
        match std::mem::replace(&mut self.form, Form::Unread) {
            Form::Stream(mut sse) => {
                let (decoder, events) = (&mut self.decoder, &mut self.events);
                let mut ended = sse.finish(&mut |frame| decoder.frame(frame, events));
                if ended.is_ok() && self.end.is_none() && !events.iter().any(is_end) {
                    ended = decoder.end_of_stream(events);
                }
                self.decoded(ended);
            }
            Form::Unread => {}
            Form::Whole => {
                let text = std::mem::take(&mut self.text);
                let step = self.decoder.whole(&text, &mut self.events);
                if let Ok(Step::AskAgain(..)) = &step {
                    // Its caller asks again, if anybody does.
                    let stop_reason = Some("running".to_owned());
                    let ending = Ending::Incomplete { output: None, stop_reason };
                    self.events.push(RunEvent::live(Happening::Ended(ending)));
                }
                self.decoded(step.map(drop));
                self.ready.push(Piece::Bytes(text.into()));
            }
            Form::Failure => {
                let error = self.line.failure(self.status, &self.headers, &self.text);
                self.end = Some(failed(error));
            }
        }
        self.ready.push(Piece::Whole);
        self.close(Ok(()));
    }

    /// Brings what was decoded into its order. What cannot be decoded fails the run, and is the
    /// caller's to read all the same.
    fn decoded(&mut self, result: Result<()>) {
        if let Some(at) = self.events.iter().position(is_end) {
            self.events.truncate(at + 1);
            self.end = self.end.take().or(self.events.pop());
            self.form = Form::Unread;
        }
        if let Err(error) = result {
            self.verdict.is_broken();
            self.form = Form::Unread;
            let error = self.line.blame(error);
            self.end.get_or_insert_with(|| failed(error));
        }
        self.events.reverse();
    }

    /// Nothing more comes.
    fn close(&mut self, result: Result<()>) {
        self.is_over = true;
        for _ in 0..self.decoder.unknown_events() {
            self.line.target.metrics.unknown_event();
        }
        let error = result.err().unwrap_or_else(|| {
            Error::new(Kind::UpstreamProtocol, "the answer does not say how the run ended")
        });
        let error = self.line.blame(error);
        self.end.get_or_insert_with(|| failed(error));
    }
}

fn is_end(event: &RunEvent) -> bool {
    matches!(event.what, Happening::Ended(_))
}

fn failed(error: Error) -> RunEvent {
    RunEvent::live(Happening::Ended(Ending::Failed(error)))
}
