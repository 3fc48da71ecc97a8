//! Reads one run's answer from its platform and makes a stream of run events of it. The
//! dispatcher begins it; whoever holds the stream drives it, and nothing is read ahead of them.
//!
//! Invariant: the stream has exactly one end, and it is last; after it the connection is let go.

use std::time::Duration;

use futures_util::stream;
use http::Response;
use http::header::CONTENT_TYPE;

use crate::error::{Error, Kind, Result};
use crate::http::body::Body;
use crate::http::service::RunEvents;
use crate::model::event::{Ending, Happening, RunEvent};
use crate::model::run::Warning;
use crate::outbound::dispatch::Line;
use crate::outbound::layers::end::Verdict;
use crate::outbound::{Decode, Step, UpstreamRequest};
use crate::wire::sse;

/// An answer that is being read.
pub(super) struct Answer {
    line: Line,
    decoder: Box<dyn Decode>,
    /// What was decoded and is not handed on yet, the next one last.
    events: Vec<RunEvent>,
    /// Events of unknown type that are counted already.
    unknown: u64,
    phase: Phase,
}

/// What is to be read next.
enum Phase {
    /// Ask, after a time.
    Ask(UpstreamRequest, Duration),
    /// More of a stream.
    Stream(Reading, sse::Decoder),
    /// A whole answer.
    Whole(Reading),
    /// Nothing.
    Over,
}

/// The body of an answer, and what is found of it.
struct Reading {
    body: Body,
    verdict: Verdict,
}

impl Answer {
    fn new(line: Line, decoder: Box<dyn Decode>, events: Vec<RunEvent>, phase: Phase) -> Self {
        Self { line, decoder, events, unknown: 0, phase }
    }

    /// Of a platform that has the run, and has begun to answer.
    pub(super) fn begun(
        line: Line,
        decoder: Box<dyn Decode>,
        warnings: Vec<Warning>,
        response: Response<Body>,
    ) -> Self {
        let mut answer = Self::new(line, decoder, announce(warnings), Phase::Over);
        answer.events.reverse();
        answer.phase = answer.read(response);
        answer
    }

    /// Of a platform that is silent until it is done: it is asked when the stream is first read.
    pub(super) fn asked(
        line: Line,
        decoder: Box<dyn Decode>,
        warnings: Vec<Warning>,
        request: UpstreamRequest,
    ) -> Self {
        let mut events = announce(warnings);
        events.push(RunEvent::synthetic(Happening::Started));
        events.reverse();
        Self::new(line, decoder, events, Phase::Ask(request, Duration::ZERO))
    }

    /// The events of the run.
    pub(super) fn into_events(self) -> RunEvents {
        // Boxed, because `unfold` moves its state with each event.
        Box::pin(stream::unfold(Box::new(self), |mut answer| async move {
            let event = answer.next().await?;
            Some((event, answer))
        }))
    }

    async fn next(&mut self) -> Option<RunEvent> {
        loop {
            if let Some(event) = self.events.pop() {
                return Some(event);
            }
            if matches!(self.phase, Phase::Over) {
                return None;
            }
            if let Err(error) = self.advance().await {
                // The phase is over already. What was decoded before the failure still counts.
                self.events.push(RunEvent::live(Happening::Ended(Ending::Failed(error))));
            }
            self.settle();
            self.count_unknown();
        }
    }

    /// Counts the events that the decoder left out; the log tells of the first ones of a run only,
    /// since a platform that has a new type may send it with every word.
    fn count_unknown(&mut self) {
        let so_far = self.decoder.unknown_events();
        let target = &self.line.target;
        if self.unknown == 0 && so_far > 0 {
            tracing::warn!(upstream = target.name, "events of unknown type are left out");
        }
        for _ in self.unknown..so_far {
            target.metrics.unknown_event();
        }
        self.unknown = so_far;
    }

    /// Reads the next piece of the answer. On an error the phase is left at its end.
    async fn advance(&mut self) -> Result<()> {
        self.phase = match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Ask(request, after) => {
                if !after.is_zero() {
                    self.line.waiting(tokio::time::sleep(after)).await;
                }
                let response = self.line.send(request).await?;
                let response = self.line.accept(response).await?;
                self.read(response)
            }
            Phase::Stream(reading, decoder) => self.more(reading, decoder).await?,
            Phase::Whole(reading) => self.whole(reading).await?,
            Phase::Over => Phase::Over,
        };
        Ok(())
    }

    /// How an answer is read, by its media type.
    fn read(&self, mut response: Response<Body>) -> Phase {
        let verdict = Verdict::of(&mut response);
        let is_stream = response.headers().get(CONTENT_TYPE).is_some_and(|value| {
            let essence = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
            essence.trim_ascii().eq_ignore_ascii_case(b"text/event-stream")
        });
        let reading = Reading { body: response.into_body(), verdict };
        if !is_stream {
            return Phase::Whole(reading);
        }
        let caps = self.line.target.caps;
        let stream = caps.answer as u64;
        let caps = sse::Caps { line: caps.line, event: caps.event, stream };
        Phase::Stream(reading, sse::Decoder::new(caps))
    }

    /// Takes the next bytes of a stream.
    async fn more(&mut self, mut reading: Reading, mut sse: sse::Decoder) -> Result<Phase> {
        let Self { decoder, events, .. } = self;
        let mut sink = |frame: sse::Frame<'_>| {
            // What follows the end is not read.
            if events.last().is_some_and(is_end) { Ok(()) } else { decoder.frame(frame, events) }
        };
        let Some(bytes) = self.line.next_bytes(&mut reading.body).await else {
            let ended = sse.finish(&mut sink);
            return self.at_end(&reading, ended);
        };
        let decoded = bytes.and_then(|bytes| sse.push(&bytes, &mut sink));
        if events.iter().any(is_end) {
            reading.verdict.is_whole();
            return Ok(Phase::Over);
        }
        self.judge(&reading, decoded)?;
        Ok(Phase::Stream(reading, sse))
    }

    /// A stream's bytes are over: the decoder says whether the run is.
    fn at_end(&mut self, reading: &Reading, finished: Result<()>) -> Result<Phase> {
        let mut result = finished;
        if result.is_ok() && !self.events.iter().any(is_end) {
            result = self.decoder.end_of_stream(&mut self.events);
        }
        if self.events.iter().any(is_end) {
            if self.events.iter().any(is_protocol_failure) {
                reading.verdict.is_broken();
            }
            return Ok(Phase::Over);
        }
        let result = result.and_then(|()| {
            Err(Error::new(Kind::UpstreamProtocol, "the stream is over, the run is not"))
        });
        self.judge(reading, result)?;
        Ok(Phase::Over)
    }

    /// Takes a whole answer.
    async fn whole(&mut self, mut reading: Reading) -> Result<Phase> {
        let bound = self.line.target.caps.answer;
        let mut text = Vec::new();
        while let Some(bytes) = self.line.next_bytes(&mut reading.body).await {
            let bytes = bytes?;
            if text.len() + bytes.len() > bound {
                let message = format!("the answer is longer than {bound} bytes");
                return self.judge(&reading, Err(Error::new(Kind::UpstreamProtocol, message)));
            }
            text.extend_from_slice(&bytes);
        }
        let step = self.decoder.whole(&text, &mut self.events);
        match self.judge(&reading, step)? {
            Step::AskAgain(request, after) if !self.events.iter().any(is_end) => {
                Ok(Phase::Ask(request, after))
            }
            Step::Done if !self.events.iter().any(is_end) => {
                let message = "the answer does not say how the run ended";
                self.judge(&reading, Err(Error::new(Kind::UpstreamProtocol, message)))
            }
            Step::Done | Step::AskAgain(..) => Ok(Phase::Over),
        }
    }

    /// Tells the stack of an answer that is not what was promised, and names the upstream.
    fn judge<T>(&self, reading: &Reading, result: Result<T>) -> Result<T> {
        result.map_err(|error| {
            reading.verdict.is_broken();
            self.line.blame(error)
        })
    }

    /// Brings what was decoded into its order for handing on: nothing after the end, and the
    /// upstream's name in a failure.
    fn settle(&mut self) {
        if let Some(end) = self.events.iter().position(is_end) {
            self.events.truncate(end + 1);
            self.phase = Phase::Over;
        }
        if let Some(RunEvent { what: Happening::Ended(Ending::Failed(error)), .. }) =
            self.events.last_mut()
        {
            *error = self.line.blame(error.clone());
        }
        self.events.reverse();
    }
}

fn announce(warnings: Vec<Warning>) -> Vec<RunEvent> {
    warnings.into_iter().map(|warning| RunEvent::live(Happening::Warning(warning))).collect()
}

fn is_end(event: &RunEvent) -> bool {
    matches!(event.what, Happening::Ended(_))
}

fn is_protocol_failure(event: &RunEvent) -> bool {
    matches!(&event.what, Happening::Ended(Ending::Failed(error))
        if error.kind() == Kind::UpstreamProtocol)
}
