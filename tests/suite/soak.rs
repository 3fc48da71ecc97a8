//! The program serves a fleet for as long as you like, in front of platforms that are well, slow,
//! broken, busy and away, with callers who leave, and is told to read its configuration anew again
//! and again. All the while:
//!
//! - every request is answered, in a way that its fault allows;
//! - nothing of what is under way stays when nobody is there;
//! - memory, files, tasks and threads are in the last quarter what they were in the second;
//! - and in the end the log is whole, nothing in it is an error, and the program ends in its time.
//!
//! Two minutes of it run with the suite. What leaks slowly needs the long one, with a program that
//! was built for release:
//!
//! ```sh
//! SWITCHYARD_SOAK_SECONDS=7200 SWITCHYARD_PROGRAM=$PWD/target/release/switchyard \
//!     cargo nextest run --test suite soak::a_fleet --no-capture
//! ```
//!
//! | Variable | Is |
//! | --- | --- |
//! | `SWITCHYARD_SOAK_SECONDS` | how long; 120 |
//! | `SWITCHYARD_SOAK_RATE` | things that callers begin to do in a second; 20 |
//! | `SWITCHYARD_SEED` | what decides all of it; printed |
//! | `SWITCHYARD_PROGRAM` | another build of the program |

mod callers;
mod desk;
mod flat;
mod ledger;
mod others;
mod readings;
mod receiver;
mod runs;
mod scene;

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Value, json};
use switchyard::simulator::random::Random;
use switchyard::simulator::server::Running;
use switchyard::tasks::Tasks;
use tokio::time::MissedTickBehavior;

use self::callers::{Caller, acts};
use self::desk::{Desk, end_of_stream};
use self::ledger::Ledger;
use self::readings::Reading;
use self::receiver::Receiver;
use crate::callers::eventually;
use crate::harness::{HOOK_SECRET, KEY, PATIENCE, seed};
use crate::killed::check::{self, Records};
use crate::served::{Place, Served};

/// Before each reading, so that what was just closed is gone.
const SETTLES: Duration = Duration::from_secs(1);

/// A number from the environment.
fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fleet_leaves_nothing_behind() {
    let length = Duration::from_secs(number("SWITCHYARD_SOAK_SECONDS", 120));
    let tasks = Tasks::default();
    let mut soak = Soak::begin(&tasks).await;
    // With the time that the last callers take, three shifts and rests in a quarter.
    let shift = (length / 20).min(Duration::from_secs(30));
    while soak.began.elapsed() < length {
        soak.shift(shift).await;
        soak.rest().await;
    }
    soak.end(length).await;
    assert!(tasks.drained(PATIENCE).await, "what stands around the gateway has tasks left");
}

/// A gateway at work, and what stands around it.
struct Soak {
    began: Instant,
    random: Random,
    ledger: Arc<Ledger>,
    platforms: Running,
    receiver: Receiver,
    place: Place,
    served: Served,
    readings: Vec<Reading>,
    reloads: usize,
}

impl Soak {
    async fn begin(tasks: &Tasks) -> Self {
        let mut random = Random::new(seed());
        let platforms = scene::platforms(random.number(), tasks).await;
        let receiver = Receiver::start(random.number(), tasks).await;
        let mut place = Place::new(platforms.addr(), "overlap");
        place.environment.push(("HOOK_SECRET".to_owned(), HOOK_SECRET.to_owned()));
        place.rewrite(|_| scene::configuration(platforms.addr(), &place.store, "ok"));
        let served = place.start().await;
        let (ledger, readings, began) = (Arc::default(), Vec::new(), Instant::now());
        Self { began, random, ledger, platforms, receiver, place, served, readings, reloads: 0 }
    }

    /// Callers with connections of their own.
    fn desk(&self) -> Desk {
        Desk::new(self.served.api, self.served.admin, self.receiver.addr, &self.ledger)
    }

    async fn read(&self, desk: &Desk) -> Reading {
        Reading::take(desk, self.served.id(), self.began, self.platforms.connections_open()).await
    }

    /// Callers come for so long, at a steady rate; then those who are there are seen off.
    async fn shift(&mut self, length: Duration) {
        let (callers, desk, began) = (Tasks::default(), Arc::new(self.desk()), Instant::now());
        let every = Duration::from_secs(1) / number("SWITCHYARD_SOAK_RATE", 20) as u32;
        let mut come = tokio::time::interval(every);
        // Who is late is not made up for: a machine that is busy otherwise is not flooded.
        come.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let (mut read_at, mut reload_at) = (Duration::ZERO, length / 2);
        while began.elapsed() < length {
            come.tick().await;
            callers.spawn("caller", Caller::new(Arc::clone(&desk), self.random.number()).live());
            if began.elapsed() >= read_at {
                self.readings.push(self.read(&desk).await);
                read_at += Duration::from_secs(2);
            }
            if began.elapsed() >= reload_at {
                self.reload(&desk).await;
                reload_at = Duration::MAX;
            }
        }
        assert!(callers.drained(4 * PATIENCE).await, "{} callers are left", callers.len());
        let wrong = self.ledger.all_wrong();
        assert!(wrong.is_empty(), "{}: {wrong:#?}", self.place.folder.display());
    }

    /// Has the gateway read its configuration anew, with another agent behind a name.
    async fn reload(&mut self, desk: &Desk) {
        self.reloads += 1;
        let turning = ["ok", "tools"][self.reloads % 2];
        let (platforms, store) = (self.platforms.addr(), &self.place.store);
        self.place.rewrite(|_| scene::configuration(platforms, store, turning));
        self.served.signal("-HUP");
        eventually("the reload is in force", PATIENCE, async || {
            let request = desk.operation(Method::GET, "/admin/config", &Value::Null);
            desk.send(request).await.expect(200).json()["agents"]["turning"]["id"] == turning
        })
        .await;
    }

    /// Nobody is there, so nothing may be under way.
    async fn rest(&mut self) {
        let desk = self.desk();
        readings::comes_to_rest(&desk).await;
        tokio::time::sleep(SETTLES).await;
        let reading = Reading { is_rest: true, ..self.read(&desk).await };
        println!("{reading}");
        self.readings.push(reading);
        let wrong = readings::wrong(&desk).await;
        assert!(wrong.is_empty(), "{wrong:?}");
    }

    /// All of it, seen from its end.
    async fn end(self, length: Duration) {
        let counts = self.ledger.counts();
        println!(
            "{} reloads, {} connections to platforms: {counts:#?}",
            self.reloads,
            self.readings.last().unwrap().kept
        );
        for act in acts() {
            let times = counts.iter().filter(|(what, _)| what.starts_with(&format!("{act} ")));
            assert!(times.map(|(_, times)| times).sum::<usize>() > 0, "{act} was never done");
        }
        let grown = flat::grown(&self.readings, length);
        assert!(grown.is_empty(), "{grown:#?}");
        eventually("every callback was tried", PATIENCE, async || {
            self.receiver.seen() >= self.ledger.callbacks()
        })
        .await;
        self.stops().await;
    }

    /// It is told to end with streams open, which end by themselves; nothing is wrong with its log.
    async fn stops(self) {
        let desk = self.desk();
        let mut streams = Vec::new();
        for agent in ["acp:slow", "acp:endless"] {
            let body = json!({ "agent": agent, "input": "Hello", "stream": true });
            let request = desk.request(KEY, Method::POST, "/v1/runs");
            let answer = desk.open(request.body(body.to_string().into()).unwrap()).await;
            assert_eq!(answer.status(), 200, "{agent}");
            streams.push(answer);
        }
        self.served.signal("-TERM");
        let told = Instant::now();
        let ends = streams.into_iter().map(|it| end_of_stream(it, Duration::ZERO));
        let ends = futures_util::future::join_all(ends).await;
        drop(desk);
        assert!(self.served.ended().await.success(), "{}", self.place.folder.display());
        println!("ended after {:?}, its streams as {ends:?}", told.elapsed());
        assert!(told.elapsed() < scene::DRAIN + SETTLES, "{:?}", told.elapsed());
        let records = check::verify_log(&self.place);
        // A run that went on to its name's next agent was admitted for each.
        let is_odd = |of: &Records| of.ended != 1 || !(1..=2).contains(&of.admitted);
        let odd: Vec<_> = records.iter().filter(|(_, of_run)| is_odd(of_run)).take(20).collect();
        assert!(odd.is_empty() && records.len() > 100, "{}: {odd:#?}", records.len());
        let errors = self.place.errors();
        assert!(errors.is_empty(), "{:#?}", &errors[..errors.len().min(20)]);
        self.place.remove();
    }
}
