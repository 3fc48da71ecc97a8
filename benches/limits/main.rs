//! What a decision of the limits costs: nanoseconds with the counters of the process, for 1, 3 and 5
//! windows on one thread and two, and microseconds with Redis where `SWITCHYARD_TEST_REDIS` names
//! one. Called by `cargo bench --bench limits`.
//!
//! Nanoseconds are of CPU, where the system says how much a thread has had, so that they mean the same
//! on a machine that has other things to do.
//!
//! Invariant: every decision that is measured passes, so that all windows are asked.

#![expect(clippy::disallowed_methods, reason = "where Redis is, only the environment says")]

use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use switchyard::clock::{Clock, Ids, RandomIds, SystemClock};
use switchyard::policy::limits::{
    Dimension, Filters, Limits, Outcome, Quota, Rule, RuleKind, Settings, Stage, Subject, WhenAway,
};
use switchyard::tasks::Tasks;

/// What anything here comes to; the text of an error is for the person who reads the run.
type Done<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

// The gateway's own allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SUBJECT: Subject<'static> = Subject {
    address: None,
    workspace: Some("acme"),
    subject: Some("key:0199c1e0a7f27c3a"),
    class: None,
    operation: Some("runs.create"),
    agent: None,
    upstream: None,
    tool: None,
};

/// Callers that take turns, so that not all requests meet in one cell.
const CALLERS: usize = 1_000;

fn main() -> ExitCode {
    // Test runners start every target, `cargo bench` alone says so; there is no test here.
    let words: Vec<String> = std::env::args().skip(1).collect();
    if !words.iter().any(|word| word == "--bench") || words.iter().any(|word| word == "--list") {
        return ExitCode::SUCCESS;
    }
    let long =
        Duration::from_millis(if words.iter().any(|word| word == "--quick") { 50 } else { 500 });
    match play(long) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("limits: {error}");
            ExitCode::FAILURE
        }
    }
}

fn play(long: Duration) -> Done<()> {
    println!("| limits | threads | ns a decision | ns a window |");
    println!("| --- | ---: | ---: | ---: |");
    for (name, windows, concurrent, callers) in [
        ("1 window", 1, false, CALLERS),
        ("3 windows", 3, false, CALLERS),
        ("5 windows", 5, false, CALLERS),
        ("3 windows and a permit", 3, true, CALLERS),
        ("3 windows, one caller", 3, false, 1),
    ] {
        let limits = Limits::local(rules(windows, concurrent), &clock(), Arc::new(()))?;
        for threads in [1, 2] {
            let nanos = middle(|| local(&limits, threads, callers, long));
            println!("| {name} | {threads} | {nanos:.0} | {:.0} |", nanos / windows as f64);
        }
    }
    println!("| a sweep of 100,000 keys | 1 | {:.0} | |", middle(sweeping));
    if let Ok(url) = std::env::var("SWITCHYARD_TEST_REDIS") {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        runtime.block_on(shared(&url, long))?;
    }
    Ok(())
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock::new())
}

/// Windows so wide that nothing is refused.
fn rules(windows: u32, concurrent: bool) -> Vec<Rule> {
    let rule = |name: String, kind| Rule {
        name,
        by: vec![Dimension::Principal],
        only: Filters::default(),
        kind,
    };
    let window = |n: u32| {
        let per = Duration::from_secs(60 * u64::from(n));
        let quota = Quota { requests: 4_000_000_000, per, burst: 1_000_000_000 };
        rule(format!("window-{n}"), RuleKind::Window(quota))
    };
    let permit = concurrent.then(|| rule("streams".into(), RuleKind::Concurrent(1_000_000)));
    (1..=windows).map(window).chain(permit).collect()
}

/// How long this thread has been at work.
struct Busy {
    wall: SystemClock,
    before: Option<f64>,
}

impl Busy {
    fn new() -> Self {
        Self { wall: SystemClock::new(), before: Self::on_cpu() }
    }

    /// Nanoseconds on a CPU, which Linux counts in ticks of some milliseconds.
    fn on_cpu() -> Option<f64> {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        text.split(' ').next()?.parse().ok()
    }

    /// Nanoseconds since it was made.
    fn nanos(&self) -> f64 {
        let on_cpu = Self::on_cpu().zip(self.before).map(|(now, before)| now - before);
        on_cpu.unwrap_or(self.wall.monotonic().as_nanos() as f64)
    }
}

/// The middle of five.
fn middle(mut sample: impl FnMut() -> f64) -> f64 {
    let mut samples: Vec<f64> = (0..5).map(|_| sample()).collect();
    samples.sort_by(f64::total_cmp);
    samples[2]
}

/// Nanoseconds of one decision while so many threads decide.
fn local(limits: &Limits, threads: usize, callers: usize, long: Duration) -> f64 {
    let names: Vec<String> = (0..callers).map(|n| format!("key:0199c1e0a7f2{n:04}")).collect();
    let over = AtomicBool::new(false);
    let total: f64 = std::thread::scope(|scope| {
        let work = || {
            let (clock, mut times) = (Busy::new(), 0u64);
            while !over.load(Ordering::Relaxed) {
                for name in &names {
                    let of = Subject { subject: Some(name), ..SUBJECT };
                    let outcome = limits.ask_now(Stage::Caller, black_box(&of));
                    assert!(matches!(outcome, Some(Outcome::Allowed { .. })), "refused");
                }
                times += names.len() as u64;
            }
            clock.nanos() / times as f64
        };
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        std::thread::sleep(long);
        over.store(true, Ordering::Relaxed);
        running.into_iter().map(|thread| thread.join().unwrap_or(f64::NAN)).sum()
    });
    total / threads as f64
}

/// Nanoseconds of a sweep that forgets nothing.
fn sweeping() -> f64 {
    let quota = Quota { requests: 1, per: Duration::from_secs(3_600), burst: 2 };
    let rule = Rule {
        name: "many".into(),
        by: vec![Dimension::Principal],
        only: Filters::default(),
        kind: RuleKind::Window(quota),
    };
    let Ok(limits) = Limits::local(vec![rule], &clock(), Arc::new(())) else { return f64::NAN };
    for n in 0..100_000 {
        let name = n.to_string();
        let of = Subject { subject: Some(&name), ..SUBJECT };
        assert!(matches!(limits.ask_now(Stage::Caller, &of), Some(Outcome::Allowed { .. })));
    }
    let clock = Busy::new();
    limits.sweep();
    assert_eq!(limits.keys(), 100_000, "something was forgotten");
    clock.nanos()
}

async fn shared(url: &str, long: Duration) -> Done<()> {
    println!("\n| Redis | at a time | µs until decided | decisions/s |");
    println!("| --- | ---: | ---: | ---: |");
    for (name, windows, concurrent) in
        [("1 window", 1, false), ("3 windows", 3, false), ("3 windows and a permit", 3, true)]
    {
        for at_once in [1usize, 32] {
            let tasks = Tasks::default();
            let settings = Settings {
                url: url.to_owned(),
                nodes: 1,
                when_away: WhenAway::Refuse,
                time_out: Duration::from_secs(1),
                prefix: format!("bench:{}:", RandomIds.next(clock().now()).simple()),
            };
            let rules = rules(windows, concurrent);
            let limits =
                Limits::shared(rules, settings, &clock(), &RandomIds, &tasks, Arc::new(()))?;
            while let Outcome::Refused(_) = limits.ask(Stage::Caller, &SUBJECT).await {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let clock = SystemClock::new();
            let asking = (0..at_once).map(|_| async {
                let mut times = 0u64;
                while clock.monotonic() < long * 2 {
                    let outcome = limits.ask(Stage::Caller, &SUBJECT).await;
                    assert!(matches!(outcome, Outcome::Allowed { .. }), "refused");
                    times += 1;
                }
                times
            });
            let times: u64 = futures_util::future::join_all(asking).await.into_iter().sum();
            let took = clock.monotonic().as_nanos() as f64;
            let each = took / times as f64 * at_once as f64 / 1e3;
            println!("| {name} | {at_once} | {each:.0} | {:.0} |", times as f64 / took * 1e9);
        }
    }
    Ok(())
}
