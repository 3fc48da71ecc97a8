//! The callers of a soak: each does one of the things that a fleet does, and says what was wrong
//! with how it was answered.
//!
//! Invariant: whoever has done its part has left nothing behind, whatever it was answered.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use http::Method;
use http_body_util::Full;
use serde_json::{Value, json};
use switchyard::simulator::random::Random;

use super::desk::{Desk, end_of_stream, of_run, outcome};
use super::runs::{self, Wanted};
use crate::harness::{Event, Events, KEY};
use crate::killed::journal::ENDS;

/// How often each thing is done, of all.
const ACTS: [(Act, u64); 22] = [
    (Act::Whole, 12),
    (Act::Stream, 12),
    (Act::SlowReader, 3),
    (Act::HungUpStream, 5),
    (Act::HungUpWhole, 3),
    (Act::Background, 6),
    (Act::Followed, 4),
    (Act::KeyedTwice, 5),
    (Act::Cancelled, 4),
    (Act::CalledBack, 5),
    (Act::Hook, 5),
    (Act::SignedHook, 3),
    (Act::LateHook, 1),
    (Act::Acp, 4),
    (Act::Conversation, 3),
    (Act::Proxied, 5),
    (Act::Refused, 6),
    (Act::Limited, 3),
    (Act::Agents, 3),
    (Act::Operator, 6),
    (Act::Tail, 1),
    (Act::HalfARequest, 2),
];

#[derive(Clone, Copy, Debug)]
enum Act {
    Whole,
    Stream,
    SlowReader,
    HungUpStream,
    HungUpWhole,
    Background,
    Followed,
    KeyedTwice,
    Cancelled,
    CalledBack,
    Hook,
    SignedHook,
    LateHook,
    Acp,
    Conversation,
    Proxied,
    Refused,
    Limited,
    Agents,
    Operator,
    Tail,
    HalfARequest,
}

/// The names of all acts, as the ledger has them.
pub fn acts() -> Vec<String> {
    ACTS.iter().map(|(act, _)| format!("{act:?}")).collect()
}

/// One caller.
pub struct Caller {
    pub desk: Arc<Desk>,
    pub random: Random,
}

impl Caller {
    pub fn new(desk: Arc<Desk>, seed: u64) -> Self {
        Self { desk, random: Random::new(seed) }
    }

    /// Does one thing.
    pub async fn live(mut self) {
        let act = self.choose();
        let ledger = Arc::clone(&self.desk.ledger);
        if let Err(panic) = AssertUnwindSafe(self.act(act)).catch_unwind().await {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let said = said.or(panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked");
            ledger.wrong(format!("{act:?}: {said}"));
        }
    }

    fn choose(&mut self) -> Act {
        let mut lot = self.random.number() % ACTS.iter().map(|(_, weight)| weight).sum::<u64>();
        for (act, weight) in ACTS {
            if lot < weight {
                return act;
            }
            lot -= weight;
        }
        Act::Whole
    }

    async fn act(&mut self, act: Act) {
        let (what, outcome) = match act {
            Act::Whole => self.whole().await,
            Act::Stream => self.stream(Duration::ZERO).await,
            Act::SlowReader => self.stream(Duration::from_millis(60)).await,
            Act::HungUpStream => self.hung_up_stream().await,
            Act::HungUpWhole => self.hung_up_whole().await,
            Act::Background => self.background().await,
            Act::Followed => self.followed().await,
            Act::KeyedTwice => self.keyed_twice().await,
            Act::Cancelled => self.cancelled().await,
            Act::CalledBack => self.called_back().await,
            Act::Hook => self.hook().await,
            Act::SignedHook => self.signed_hook().await,
            Act::LateHook => self.late_hook().await,
            Act::Acp => self.acp().await,
            Act::Conversation => self.conversation().await,
            Act::Proxied => self.proxied().await,
            Act::Refused => self.refused().await,
            Act::Limited => self.limited().await,
            Act::Agents => self.agents().await,
            Act::Operator => self.operator().await,
            Act::Tail => self.tail().await,
            Act::HalfARequest => self.half_a_request().await,
        };
        self.desk.ledger.count(&format!("{act:?} {what}"), &outcome);
    }

    /// A number below this one.
    pub fn below(&mut self, most: u64) -> u64 {
        self.random.number() % most
    }

    async fn whole(&mut self) -> Done {
        let wanted = runs::any(&mut self.random);
        let answer = self.desk.post("/v1/runs", &body(&wanted, &json!({}))).await;
        wanted.ended(outcome(&answer))
    }

    async fn stream(&mut self, pause: Duration) -> Done {
        let wanted = runs::any(&mut self.random);
        let request = self.desk.json("/v1/runs", &body(&wanted, &json!({ "stream": true })));
        wanted.ended(end_of_stream(self.desk.open(request).await, pause).await)
    }

    async fn hung_up_stream(&mut self) -> Done {
        let wanted = match self.below(2) {
            0 => runs::endless(&mut self.random),
            _ => runs::any(&mut self.random),
        };
        let request = self.desk.json("/v1/runs", &body(&wanted, &json!({ "stream": true })));
        let answer = self.desk.open(request).await;
        if answer.status() == 200 {
            let mut stream = Events::of(answer);
            for _ in 0..=self.below(12) {
                if stream.next().await.is_none() {
                    break;
                }
            }
        }
        done("", "left")
    }

    async fn hung_up_whole(&mut self) -> Done {
        let wanted = runs::stalled(&mut self.random);
        let request = self.desk.json("/v1/runs", &body(&wanted, &json!({})));
        let patience = Duration::from_millis(self.below(300));
        let answer = tokio::time::timeout(patience, self.desk.open(request)).await;
        assert!(answer.is_err(), "{} was answered", wanted.name);
        done("", "left")
    }

    /// Begins a run that nobody waits for; none where it is refused at once, as it may be.
    async fn begun(&mut self, wanted: &Wanted, more: &Value) -> Option<Value> {
        let answer = self.desk.post("/v1/runs", &body(wanted, more)).await;
        match answer.status.as_u16() {
            202 => Some(answer.json()),
            _ => {
                let outcome = outcome(&answer);
                assert!(wanted.ends.contains(&&*outcome), "{}: {}", wanted.name, answer.text());
                None
            }
        }
    }

    /// Asks for a run again and again until it has ended.
    pub async fn polled(&mut self, id: &str) -> Value {
        for _ in 0..200 {
            let run = self.desk.get(&format!("/v1/runs/{id}")).await.expect(200).json();
            if ENDS.contains(&run["status"].as_str().unwrap()) {
                return run;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{id} does not end")
    }

    async fn background(&mut self) -> Done {
        let wanted = runs::any(&mut self.random);
        let Some(run) = self.begun(&wanted, &json!({ "background": true })).await else {
            return done(&wanted.name, "refused");
        };
        let id = run["id"].as_str().unwrap().to_owned();
        let run = self.polled(&id).await;
        // What is read afterwards ends as it was told.
        let end = self.events(&id, 0).await.pop().unwrap();
        assert_eq!(end.data["run"]["status"], run["status"], "{}", wanted.name);
        wanted.ended(of_run(&run))
    }

    /// The events of a run after this one, to its end.
    async fn events(&self, id: &str, after: u64) -> Vec<Event> {
        let request = self.desk.request(KEY, Method::GET, &format!("/v1/runs/{id}/events"));
        let request = request.header("last-event-id", after).body(Full::default()).unwrap();
        let events = Events::of(self.desk.open(request).await).all().await;
        let end = events.last().expect("a stream without an end");
        assert!(ENDS.iter().any(|it| end.name == format!("run.{it}")), "{}", end.name);
        events
    }

    /// Follows a run, leaves in the middle, and reads on from there.
    async fn followed(&mut self) -> Done {
        let wanted = runs::any(&mut self.random);
        let Some(run) = self.begun(&wanted, &json!({ "background": true })).await else {
            return done(&wanted.name, "refused");
        };
        let id = run["id"].as_str().unwrap().to_owned();
        let path = format!("/v1/runs/{id}/events");
        let request = self.desk.request(KEY, Method::GET, &path).body(Full::default()).unwrap();
        let mut stream = Events::of(self.desk.open(request).await);
        let mut last = 0;
        for _ in 0..=self.below(4) {
            let Some(event) = stream.next().await else { break };
            last = event.data["seq"].as_u64().unwrap();
            if event.data["run"]["ended_at"].is_string() {
                return wanted.ended(of_run(&event.data["run"]));
            }
        }
        drop(stream);
        let events = self.events(&id, last).await;
        let first = &events[0].data;
        // The journal has no room for all that an endless agent says, and tells what is gone.
        let is_told = wanted.name.ends_with(":endless") && first["code"] == "events_dropped";
        assert!(first["seq"] == last + 1 || is_told, "{} after {last}: {first}", wanted.name);
        wanted.ended(of_run(&events.last().unwrap().data["run"]))
    }

    /// The same request twice under one key, at once or one after the other, is one run.
    async fn keyed_twice(&mut self) -> Done {
        let wanted = runs::well(&mut self.random);
        let body = body(&wanted, &json!({})).to_string();
        let key = format!("key-{}", self.random.number());
        let ask = async || {
            let request = self.desk.request(KEY, Method::POST, "/v1/runs");
            let request = request.header("idempotency-key", &key);
            self.desk.send(request.body(Full::from(body.clone())).unwrap()).await
        };
        let (one, two) = match self.random.number() % 2 {
            0 => tokio::join!(ask(), ask()),
            _ => (ask().await, ask().await),
        };
        assert_eq!(one.json()["id"], two.json()["id"], "{}{}", one.text(), two.text());
        let replayed = [&one, &two].map(|it| it.header("idempotent-replayed") == "true");
        assert!(replayed[0] != replayed[1], "{}: {replayed:?}", wanted.name);
        wanted.ended(outcome(&two))
    }

    async fn cancelled(&mut self) -> Done {
        let wanted = runs::stalled(&mut self.random);
        let run = self.begun(&wanted, &json!({ "background": true })).await.unwrap();
        let id = run["id"].as_str().unwrap();
        tokio::time::sleep(Duration::from_millis(self.below(200))).await;
        let path = format!("/v1/runs/{id}/cancel");
        self.desk.post(&path, &json!({})).await.expect(200);
        let run = self.polled(id).await;
        assert_eq!(run["status"], "cancelled", "{run}");
        self.desk.post(&path, &json!({})).await.problem(409, "conflict");
        done("", "cancelled")
    }

    async fn called_back(&mut self) -> Done {
        let wanted = runs::well(&mut self.random);
        let url = format!("http://{}/done", self.desk.receiver);
        let more = json!({ "callback": { "url": url }, "background": self.below(2) == 0 });
        let answer = self.desk.post("/v1/runs", &body(&wanted, &more)).await;
        assert!(answer.status.is_success(), "{}", answer.text());
        self.desk.ledger.will_be_called();
        done(&wanted.name, answer.status.as_str())
    }

    async fn conversation(&mut self) -> Done {
        let wanted = runs::well(&mut self.random);
        let first = self.desk.post("/v1/runs", &body(&wanted, &json!({}))).await.expect(200).json();
        let thread = first["thread_id"].as_str().unwrap();
        let more = json!({ "thread_id": thread });
        self.desk.post("/v1/runs", &body(&wanted, &more)).await.expect(200);
        self.desk.get(&format!("/v1/threads/{thread}")).await.expect(200);
        let runs = self.desk.get(&format!("/v1/threads/{thread}/runs")).await.expect(200).json();
        assert_eq!(runs["data"].as_array().unwrap().len(), 2, "{}", wanted.name);
        done(&wanted.name, "completed")
    }
}

/// What was done, and what came of it.
pub type Done = (String, String);

pub fn done(what: &str, outcome: &str) -> Done {
    (what.to_owned(), outcome.to_owned())
}

impl Wanted {
    /// It has ended so, as it may.
    pub fn ended(&self, outcome: String) -> Done {
        let Self { name, ends, .. } = self;
        assert!(ends.contains(&&*outcome), "{name} ended as {outcome}, and may as {ends:?}");
        (name.clone(), outcome)
    }
}

/// The body of a request for a run, with more members.
fn body(wanted: &Wanted, more: &Value) -> Value {
    let mut body = json!({ "agent": wanted.agent, "input": wanted.input });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}
