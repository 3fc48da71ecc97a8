//! The dispatcher and the answers it reads, with a platform and a vendor made of pieces.

use std::time::Duration;

use futures_util::StreamExt;
use http::{HeaderMap, Method, StatusCode};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::*;
use crate::clock::{CountingIds, ManualClock, Timestamp};
use crate::model::agent::AgentRef;
use crate::model::capability::{Capabilities, Support};
use crate::model::event::{Ending, Happening, RunEvent};
use crate::model::halt::Never;
use crate::model::ids::{RunId, ThreadId};
use crate::model::judge::Mode;
use crate::model::plan::{Grants, Plan, PlannedThread, RunCall, ToolControl};
use crate::model::request::RunRequest;
use crate::model::run::Warning;
use crate::outbound::layers::breaker::Breaker;
use crate::outbound::layers::testing::{
    Piece, a_call, answers, body_of, platform, response, wrapped,
};
use crate::outbound::{Decode, Exchange, Step};
use crate::telemetry::metrics::Metrics;
use crate::wire::sse::Frame;

/// A vendor whose platform speaks in single words.
struct Words {
    capabilities: Capabilities,
    is_streamed: bool,
    unknown: u64,
}

impl Vendor for Words {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }
    fn replays_history(&self) -> bool {
        false
    }
    fn authorization(&self, credential: &str) -> String {
        credential.to_owned()
    }
    fn start(&self, plan: &Plan) -> Result<Exchange> {
        if plan.question() == "refuse" {
            return Err(Error::new(Kind::UnsupportedByUpstream, "no"));
        }
        Ok(Exchange {
            request: ask("/run"),
            decoder: Box::new(Words { is_streamed: true, ..words() }),
            warnings: vec![Warning::new("w", None, "")],
            is_streamed: self.is_streamed,
        })
    }
    fn failure(&self, status: StatusCode, _: &HeaderMap, body: &[u8]) -> Error {
        let said = format!("{status}: {} bytes", body.len());
        Error::new(Kind::UpstreamError, said)
    }
}

impl Decode for Words {
    fn frame(&mut self, frame: Frame<'_>, events: &mut Vec<RunEvent>) -> Result<()> {
        match frame.data {
            "odd" => self.unknown += 1,
            "bad" => return Err(Error::new(Kind::UpstreamProtocol, "a bad word")),
            word => events.push(said(word)),
        }
        Ok(())
    }
    fn unknown_events(&self) -> u64 {
        self.unknown
    }
    fn end_of_stream(&mut self, events: &mut Vec<RunEvent>) -> Result<()> {
        events.push(said("eof"));
        Ok(())
    }
    fn whole(&mut self, body: &[u8], events: &mut Vec<RunEvent>) -> Result<Step> {
        match body {
            b"again" => return Ok(Step::AskAgain(ask("/poll"), Duration::from_secs(2))),
            b"bad" => return Err(Error::new(Kind::UpstreamProtocol, "a bad word")),
            b"" => {}
            body => body.split(|b| *b == b' ').for_each(|word| {
                events.push(said(std::str::from_utf8(word).unwrap()));
            }),
        }
        Ok(Step::Done)
    }
}

fn words() -> Words {
    Words { capabilities: Capabilities::new(|_| Support::Native), is_streamed: true, unknown: 0 }
}

fn said(word: &str) -> RunEvent {
    RunEvent::live(match word {
        "start" => Happening::Started,
        "end" => Happening::Ended(Ending::Completed { output: None, stop_reason: None }),
        "fail" => {
            let error = Error::new(Kind::UpstreamError, "the agent failed");
            Happening::Ended(Ending::Failed(error))
        }
        word => Happening::MessageDelta(word.into()),
    })
}

fn ask(target: &str) -> UpstreamRequest {
    UpstreamRequest {
        method: Method::POST,
        target: target.to_owned(),
        accept: "text/event-stream",
        body: "{}".into(),
    }
}

fn dispatcher_of<const N: usize>(targets: [Target; N], clock: ManualClock) -> Dispatcher {
    let clock: Arc<dyn Clock> = Arc::new(clock);
    Dispatcher::new(targets, Arc::clone(&clock), Pauses::new(clock))
}

fn run_of(question: &str) -> RunCall {
    let thread = PlannedThread {
        id: ThreadId::new(&CountingIds::default(), Timestamp(0)),
        is_continued: false,
        native: None,
        history: Vec::new(),
        vault: None,
    };
    let plan = Plan {
        run_id: RunId::new(&CountingIds::default(), Timestamp(0)),
        target: AgentRef { upstream: "up".to_owned(), native: "a".to_owned() },
        kind: "fake".to_owned(),
        mode: Mode::Whole,
        tools: ToolControl::default(),
        preset: serde_json::Map::new(),
        request: RunRequest::of(question),
        pii: Vec::new(),
        thread,
        native: None,
    };
    RunCall {
        call: a_call(),
        plan: Arc::new(plan),
        grants: Grants::default(),
        halt: Arc::new(Never),
    }
}

fn dispatcher(service: UpstreamService, is_streamed: bool) -> Dispatcher {
    let vendor = Arc::new(Words { is_streamed, ..words() });
    let caps = config::Caps { answer: 100, line: 50, event: 50 };
    let metrics = metrics().upstream("up", "words");
    let target = Target { name: "up".to_owned(), vendor, service, caps, metrics };
    dispatcher_of([target], ManualClock::default())
}

fn metrics() -> Metrics {
    Metrics::new(Timestamp(0)).unwrap()
}

async fn events_of(service: UpstreamService, is_streamed: bool) -> Result<RunEvents> {
    dispatcher(service, is_streamed).oneshot(run_of("hi")).await
}

fn sse(pieces: Vec<Piece>) -> Response<Body> {
    let mut answer = response(200, body_of(pieces));
    let kind = HeaderValue::from_static("Text/Event-Stream; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    answer
}

fn word(event: &RunEvent) -> String {
    match &event.what {
        Happening::Warning(_) => "warning".to_owned(),
        Happening::Started if event.synthetic => "(start)".to_owned(),
        Happening::Started => "start".to_owned(),
        Happening::MessageDelta(text) => text.to_string(),
        Happening::Ended(Ending::Completed { .. }) => "end".to_owned(),
        Happening::Ended(Ending::Failed(error)) => {
            assert_eq!(error.upstream_fault().expect("names the upstream").name, "up");
            format!("failed: {}", error.message())
        }
        Happening::Ended(Ending::Incomplete { .. } | Ending::Cancelled)
        | Happening::Upstream { .. }
        | Happening::MessageCompleted(_)
        | Happening::ReasoningDelta(_)
        | Happening::ToolCallStarted { .. }
        | Happening::ToolCallCompleted { .. }
        | Happening::Governance(_)
        | Happening::Usage(_)
        | Happening::Structured(_)
        | Happening::Pii(_) => panic!("the platform of words does not say {event:?}"),
    }
}

async fn words_of(answer: Response<Body>, is_streamed: bool) -> Vec<String> {
    let events = events_of(answers(vec![Ok(answer)]), is_streamed).await.unwrap();
    events.map(|event| word(&event)).collect().await
}

#[tokio::test]
async fn a_stream_is_read_to_the_runs_end_and_no_further() {
    let stream = sse(vec![
        Piece::Bytes("data: start\n\ndata: he"),
        Piece::Bytes("llo\n\n"),
        Piece::Bytes("data: end\n\ndata: late\n\ndata: bad\n\n"),
        Piece::Fail(Error::new(Kind::UpstreamProtocol, "never read")),
    ]);
    assert_eq!(words_of(stream, true).await, ["warning", "start", "hello", "end"]);
}

#[tokio::test]
async fn every_broken_stream_has_one_failed_end_after_what_came_before() {
    let broken = Error::new(Kind::UpstreamProtocol, "reset");
    let cases = [
        (vec![Piece::Bytes("data: a\n\n"), Piece::Fail(broken)], "failed: reset"),
        (vec![Piece::Bytes("data: a\n\ndata: bad\n\ndata: b\n\n")], "failed: a bad word"),
        (vec![Piece::Bytes("data: a\n\ndata: fail\n\n")], "failed: the agent failed"),
        (
            vec![Piece::Bytes("data: a\n\n"), Piece::Bytes("0123456789".repeat(6).leak())],
            "failed: a line of the stream is longer than 50 bytes",
        ),
        (
            vec![Piece::Bytes("data: a\n\n"), Piece::Bytes(":\n".repeat(50).leak())],
            "failed: the stream is longer than 100 bytes",
        ),
    ];
    for (pieces, end) in cases {
        assert_eq!(words_of(sse(pieces), true).await, ["warning", "a", end]);
    }
    let unended = sse(vec![Piece::Bytes("data: a")]);
    let end = "failed: the stream is over, the run is not";
    assert_eq!(words_of(unended, true).await, ["warning", "a", "eof", end]);
}

#[tokio::test]
async fn an_end_without_its_blank_line_is_an_end() {
    let stream = sse(vec![Piece::Bytes("data: a\n\ndata: end")]);
    assert_eq!(words_of(stream, true).await, ["warning", "a", "end"]);
}

#[tokio::test]
async fn a_whole_answer_is_read_whatever_was_asked_for() {
    let whole = || response(200, body_of(vec![Piece::Bytes("a e"), Piece::Bytes("nd x")]));
    assert_eq!(words_of(whole(), false).await, ["warning", "(start)", "a", "end"]);
    assert_eq!(words_of(whole(), true).await, ["warning", "a", "end"]);
}

#[tokio::test]
async fn a_whole_answer_that_is_none_fails_the_run() {
    let long = || Body::full("x".repeat(101));
    for (body, end) in [
        (Body::full("bad"), "failed: a bad word"),
        (Body::empty(), "failed: the answer does not say how the run ended"),
        (long(), "failed: the answer is longer than 100 bytes"),
    ] {
        assert_eq!(words_of(response(200, body), false).await, ["warning", "(start)", end]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_platform_that_is_not_done_is_asked_again() {
    let began = Instant::now();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let service = platform(move |request: Request<Body>| {
        let mut seen = seen.lock();
        seen.push((request.uri().to_string(), began.elapsed().as_secs()));
        let body = if seen.len() < 3 { "again" } else { "end" };
        async move { Ok(response(200, Body::full(body))) }
    });
    let events = events_of(service, false).await.unwrap();
    let words: Vec<_> = events.map(|event| word(&event)).collect().await;
    assert_eq!(words, ["warning", "(start)", "end"]);
    let expected = [("/run", 0), ("/poll", 2), ("/poll", 4)];
    assert_eq!(*asked.lock(), expected.map(|(target, at)| (target.to_owned(), at)));
}

#[tokio::test]
async fn what_fails_before_a_streamed_head_is_an_error_of_the_call() {
    let mut zipped = sse(vec![]);
    zipped.headers_mut().insert("content-encoding", HeaderValue::from_static("gzip"));
    for (answer, kind, message, status) in [
        (Ok(response(401, Body::full("no"))), Kind::UpstreamError, "2 bytes", Some(401)),
        (Ok(zipped), Kind::UpstreamProtocol, "compressed", None),
        (Err(Error::new(Kind::UpstreamTimeout, "late")), Kind::UpstreamTimeout, "late", None),
        (Ok(response(302, Body::empty())), Kind::UpstreamError, "302", Some(302)),
    ] {
        let error = events_of(answers(vec![answer]), true).await.err().unwrap();
        let fault = error.upstream_fault().unwrap();
        assert_eq!((error.kind(), fault.name.as_str(), fault.status), (kind, "up", status));
        assert!(error.message().contains(message), "{error:?}");
    }
}

#[tokio::test]
async fn the_same_is_the_runs_end_where_the_platform_is_silent_until_it_is_done() {
    for (answer, end) in [
        (Ok(response(500, Body::full("no"))), "failed: 500 Internal Server Error: 2 bytes"),
        (Err(Error::new(Kind::UpstreamTimeout, "late")), "failed: late"),
    ] {
        let events = events_of(answers(vec![answer]), false).await.unwrap();
        let words: Vec<_> = events.map(|event| word(&event)).collect().await;
        assert_eq!(words, ["warning", "(start)", end]);
    }
}

#[tokio::test]
async fn a_failures_body_is_read_within_bounds_even_if_it_breaks_off() {
    let endless = (0..100).map(|_| Piece::Bytes("x".repeat(1_000).leak())).collect();
    let broken = vec![Piece::Bytes("abc"), Piece::Fail(Error::new(Kind::UpstreamProtocol, ""))];
    for (pieces, read) in [(endless, "65536 bytes"), (broken, "3 bytes")] {
        let answer = response(500, body_of(pieces));
        let error = events_of(answers(vec![Ok(answer)]), true).await.err().unwrap();
        assert!(error.message().contains(read), "{error:?}");
    }
}

#[tokio::test]
async fn a_plan_that_no_platform_takes_is_refused_before_anything_is_sent() {
    let nobody = || dispatcher(answers(vec![]), true);
    let error = nobody().oneshot(run_of("refuse")).await.err().unwrap();
    assert_eq!(error.kind(), Kind::UnsupportedByUpstream);
    let none = dispatcher_of([], ManualClock::default());
    assert_eq!(none.oneshot(run_of("hi")).await.err().unwrap().kind(), Kind::Internal);
}

#[tokio::test]
async fn an_event_comes_out_before_the_next_one_is_in_and_dropping_lets_the_platform_go() {
    struct Gone(Arc<Mutex<bool>>);
    impl Drop for Gone {
        fn drop(&mut self) {
            *self.0.lock() = true;
        }
    }
    let gone = Arc::new(Mutex::new(false));
    let hour = Duration::from_secs(3_600);
    let mut stream = sse(vec![Piece::Bytes("data: a\n\n"), Piece::Wait(hour)]);
    let body = std::mem::take(stream.body_mut()).guard(Gone(Arc::clone(&gone)));
    *stream.body_mut() = body;
    let mut events = events_of(answers(vec![Ok(stream)]), true).await.unwrap();
    let heard = [events.next().await.unwrap(), events.next().await.unwrap()];
    assert_eq!(heard.each_ref().map(word), ["warning", "a"]);
    assert!(!*gone.lock());
    drop(events);
    assert!(*gone.lock());
}

#[tokio::test]
async fn the_end_of_a_run_lets_the_connection_go_before_it_is_read() {
    let gone = Arc::new(());
    let mut stream = sse(vec![Piece::Bytes("data: end\n\n"), Piece::Bytes("more")]);
    let body = std::mem::take(stream.body_mut()).guard(Arc::clone(&gone));
    *stream.body_mut() = body;
    let mut events = events_of(answers(vec![Ok(stream)]), true).await.unwrap();
    while word(&events.next().await.unwrap()) != "end" {}
    assert_eq!(Arc::strong_count(&gone), 1);
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn a_truncated_stream_counts_against_the_platform_and_a_whole_one_for_it() {
    use crate::model::upstream::Health;
    let health_after = |pieces: fn() -> Vec<Piece>| async move {
        let settings = config::Breaker { failures: 2, open: Duration::from_secs(9) };
        let breaker = Breaker::new("up", settings, Arc::new(ManualClock::default()));
        let list = vec![Ok(sse(pieces())), Ok(sse(pieces()))];
        let service = wrapped(breaker.clone(), answers(list));
        for _ in 0..2 {
            let events = events_of(service.clone(), true).await.unwrap();
            assert!(events.count().await > 0);
        }
        breaker.health()
    };
    assert_eq!(health_after(|| vec![Piece::Bytes("data: a\n\n")]).await, Health::Unavailable);
    assert_eq!(health_after(|| vec![Piece::Bytes("data: bad\n\n")]).await, Health::Unavailable);
    assert_eq!(health_after(|| vec![Piece::Bytes("data: fail\n\n")]).await, Health::Healthy);
    let more = || vec![Piece::Bytes("data: end\n\n"), Piece::Bytes("x")];
    assert_eq!(health_after(more).await, Health::Healthy);
}

#[tokio::test]
async fn the_time_spent_waiting_for_the_platform_is_counted() {
    let clock = ManualClock::default();
    let slow = clock.clone();
    let service = platform(move |_| {
        slow.advance(Duration::from_secs(3));
        async { Ok(sse(vec![Piece::Bytes("data: end\n\n")])) }
    });
    let target = Target {
        name: "up".to_owned(),
        vendor: Arc::new(words()),
        service,
        caps: config::Caps { answer: 100, line: 50, event: 50 },
        metrics: metrics().upstream("up", "words"),
    };
    let run = run_of("hi");
    let call = Arc::clone(&run.call);
    let events = dispatcher_of([target], clock).oneshot(run).await.unwrap();
    assert_eq!(events.count().await, 2);
    assert_eq!(call.facts.upstream_time(), Duration::from_secs(3));
}

#[tokio::test]
async fn events_of_unknown_type_are_counted_and_left_out() {
    let metrics = metrics();
    let pieces = ["data: odd\n\ndata: hi\n\ndata: odd\n\n", "data: odd\n\ndata: end\n\n"];
    let target = Target {
        name: "up".to_owned(),
        vendor: Arc::new(words()),
        service: answers(vec![Ok(sse(pieces.map(Piece::Bytes).into()))]),
        caps: config::Caps { answer: 100, line: 50, event: 50 },
        metrics: metrics.upstream("up", "words"),
    };
    let dispatcher = dispatcher_of([target], ManualClock::default());
    let events = dispatcher.oneshot(run_of("hi")).await.unwrap();
    let words: Vec<_> = events.map(|event| word(&event)).collect().await;
    assert_eq!(words, ["warning", "hi", "end"]);
    let counted = "switchyard_upstream_unknown_events_total{upstream=\"up\"} 3\n";
    assert!(metrics.render().unwrap().contains(counted));
}
