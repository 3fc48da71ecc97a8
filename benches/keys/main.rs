//! What it costs to check a key, what it takes to hold one, and whether the time of a comparison
//! tells how much of a hash was right. Called by `cargo bench`, most easily as
//! `cargo bench --bench keys`.
//!
//! Invariant: no sockets and no runtime; what is counted is work, not waiting.

mod cost;
mod rings;
#[path = "../shared/start.rs"]
mod start;
mod timing;
mod welch;

use std::process::ExitCode;

pub(crate) use start::Outcome;

// The gateway's own allocator: what a key takes depends on it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const HELP: &str = "\
Measures the check of keys, and tests that it takes the same time whatever is wrong.

  --quick     a smoke run
  --cost      only what a check costs, and what a key takes
  --timing    only whether time tells anything";

fn main() -> ExitCode {
    start::start("keys", HELP, play)
}

fn play(words: &[&str]) -> Outcome<()> {
    let is_quick = words.contains(&"--quick");
    if !words.contains(&"--timing") {
        print!("{}", cost::table(is_quick)?);
    }
    if !words.contains(&"--cost") {
        print!("{}", timing::report(is_quick)?);
    }
    Ok(())
}
