//! The program is killed at random moments under load, started again on the same store at once,
//! sometimes before the other one is dead, and callers ask again under their keys. The platform
//! and the callers' journals outlive it. Afterwards:
//!
//! - no run that a caller was told of is without its record and its row;
//! - nothing that the platform was asked for is without one: in `strict` and under a key;
//! - under one key the platform was asked once;
//! - each run has ended, once, and as its caller was told;
//! - the log is whole, and nobody had to do anything.
//!
//! A short round of each durability runs with the suite. For as long as you like:
//!
//! ```sh
//! SWITCHYARD_KILL_SECONDS=1800 cargo nextest run --test suite killed:: --no-capture
//! ```
//!
//! | Variable | Is |
//! | --- | --- |
//! | `SWITCHYARD_KILLS` | kills in all; 20 unless a time is given |
//! | `SWITCHYARD_KILL_SECONDS` | goes on for so long instead |
//! | `SWITCHYARD_SEED` | what decides moments, requests and the platform's pauses; printed |
//! | `SWITCHYARD_CALLERS` | callers at a time; 24 |
//! | `SWITCHYARD_PROGRAM` | another build of the program |

pub mod check;
pub mod clients;
mod coming_back;
pub mod journal;
pub mod platform;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use switchyard::simulator::random::Random;
use switchyard::tasks::Tasks;

use self::clients::{Caller, Town};
use self::platform::Platform;
use crate::harness::{PATIENCE, seed};
use crate::served::{Place, Served};

/// Kills of one store.
const KILLS_A_ROUND: usize = 10;

fn number<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_told_is_lost() {
    let began = Instant::now();
    let seconds = number("SWITCHYARD_KILL_SECONDS").map(Duration::from_secs);
    let kills = number("SWITCHYARD_KILLS").unwrap_or(2 * KILLS_A_ROUND);
    let mut random = Random::new(seed());
    let (mut sum, mut round) = (Sum::default(), 0);
    loop {
        let durability = ["strict", "overlap"][round % 2];
        let left = match seconds {
            Some(seconds) if began.elapsed() >= seconds => break,
            Some(_) => 5 * KILLS_A_ROUND,
            None if sum.kills >= kills => break,
            None => KILLS_A_ROUND.min(kills - sum.kills),
        };
        self::round(durability, left, random.number(), &mut sum).await;
        round += 1;
        println!("{:?} {durability}: {sum:?}", began.elapsed());
    }
}

/// What was done and seen in all rounds.
#[derive(Debug, Default)]
struct Sum {
    kills: usize,
    asked: usize,
    runs: usize,
    sent: usize,
    told: usize,
    ends: usize,
    broken: usize,
    interrupted: usize,
    unrecorded: usize,
    slowest_start: Duration,
    slowest_end: Duration,
}

/// Kills one store's programs so many times, and looks at what is left.
async fn round(durability: &str, kills: usize, seed: u64, sum: &mut Sum) {
    let mut random = Random::new(seed);
    let (outside, tasks) = (Tasks::default(), Tasks::default());
    let platform = Platform::start(random.number(), &outside).await;
    let place = Place::new(platform.addr, durability);
    let mut served = place.start().await;
    let town = Arc::new(Town::new(served.api));
    for _ in 0..number("SWITCHYARD_CALLERS").unwrap_or(24) {
        tasks.spawn("caller", Caller::new(Arc::clone(&town), random.number()).live());
    }
    for _ in 0..kills {
        served = kill(&place, served, &town, &mut random, sum).await;
        sum.slowest_start = sum.slowest_start.max(served.took);
    }
    town.closes.store(true, Ordering::Relaxed);
    assert!(tasks.drained(6 * PATIENCE).await, "callers are left");
    let ended = Instant::now();
    let in_flight = "SELECT count(*) FROM runs WHERE ended_at IS NULL";
    while place.read().query_row(in_flight, [], |row| row.get::<_, i64>(0)).unwrap() > 0 {
        assert!(ended.elapsed() < PATIENCE, "runs are in flight: {}", place.folder.display());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    sum.slowest_end = sum.slowest_end.max(ended.elapsed());
    let runs = check::runs(&served).await;
    assert!(served.stop().await.success());
    let (told, asked) = (town.journal.told(), platform.asked());
    let found =
        check::hold(&told, &asked, &runs, &check::verify_log(&place), durability == "strict");
    let errors = place.errors();
    let shown = &found.wrong[..found.wrong.len().min(20)];
    assert!(shown.is_empty(), "{durability} {}: {shown:#?}", place.folder.display());
    assert!(errors.is_empty(), "{:#?}", &errors[..errors.len().min(20)]);
    assert!(told.refused.keys().all(|it| it.starts_with("503 ")), "{:?}", told.refused);
    assert!(told.ends.len() > 10 * kills, "there was little to lose: {}", told.ends.len());
    sum.asked += told.asked;
    sum.runs += runs.len();
    sum.sent += asked.len();
    sum.told += told.runs.len();
    sum.ends += told.ends.len();
    sum.broken += told.broken;
    sum.interrupted += found.interrupted;
    sum.unrecorded += found.unrecorded;
    drop(platform);
    assert!(outside.drained(PATIENCE).await, "the platform has tasks left");
    place.remove();
}

/// Lets a program serve for a moment and kills it. The next one is started then, or before, or is
/// itself killed while it starts.
async fn kill(
    place: &Place,
    served: Served,
    town: &Town,
    random: &mut Random,
    sum: &mut Sum,
) -> Served {
    let mut below = |most: u64| Duration::from_millis(random.number() % most);
    tokio::time::sleep(below(900)).await;
    let is_early = below(4).is_zero();
    let next = if is_early {
        let next = place.start().await;
        *town.api.lock() = next.api;
        tokio::time::sleep(below(400)).await;
        served.kill();
        next
    } else {
        served.kill();
        if below(4).is_zero() {
            let starting = place.spawn();
            tokio::time::sleep(below(200)).await;
            starting.kill();
            sum.kills += 1;
        }
        place.start().await
    };
    sum.kills += 1;
    *town.api.lock() = next.api;
    next
}
