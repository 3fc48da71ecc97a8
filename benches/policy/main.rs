//! What policy costs a request, all of it together: the layers of identity, limits and access
//! around a service that does nothing, with warm caches and 1,000 access policies; and what it
//! costs to verify a token, kept and not. Called by `cargo bench --bench policy`.
//!
//! Invariant: no sockets; what is counted is time on a core, not waiting. What the same services
//! cost without the layers is taken off.

#[path = "../access/sets.rs"]
#[expect(dead_code, reason = "the bench beside this one makes other sets too")]
mod sets;
mod stacks;
mod tokens;

use std::process::ExitCode;
use std::time::Duration;

use switchyard::clock::{Clock, SystemClock};

/// What anything here comes to; the text of an error is for the person who reads the run.
pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

// The gateway's own allocator: much of what is measured is allocating.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |word: &str| arguments.iter().any(|argument| argument == word);
    // Test runners start every target, `cargo bench` alone says so; there is no test here.
    if !has("--bench") || has("--list") {
        return ExitCode::SUCCESS;
    }
    match play(if has("--quick") { Duration::from_millis(50) } else { Duration::from_secs(1) }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("policy: {error}");
            ExitCode::FAILURE
        }
    }
}

fn play(long: Duration) -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    println!("| what | µs of a core |\n| --- | ---: |");
    runtime.block_on(stacks::play(long))?;
    runtime.block_on(tokens::play(long))
}

/// Microseconds that one `work` keeps a core busy: the median of five.
pub(crate) async fn micros(
    long: Duration,
    mut work: impl AsyncFnMut() -> Outcome<()>,
) -> Outcome<f64> {
    let clock = SystemClock::new();
    for _ in 0..200 {
        work().await?;
    }
    let mut samples = Vec::new();
    for _ in 0..5 {
        let (began, busy, mut times) = (clock.monotonic(), busy()?, 0_u32);
        while clock.monotonic() - began < long {
            for _ in 0..50 {
                work().await?;
            }
            times += 50;
        }
        samples.push((self::busy()? - busy) / 1e3 / f64::from(times));
    }
    samples.sort_by(f64::total_cmp);
    Ok(samples.get(2).copied().unwrap_or(f64::NAN))
}

/// Nanoseconds that this thread has been on a core.
fn busy() -> Outcome<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split(' ').next().unwrap_or_default().parse()?)
}
