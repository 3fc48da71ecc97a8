//! What it costs to check a key, what it takes to hold one, and whether the time of a comparison
//! tells how much of a hash was right. Called by `cargo bench`, most easily as
//! `cargo bench --bench keys`.
//!
//! Invariant: no sockets and no runtime; what is counted is work, not waiting.

mod cost;
mod rings;
mod timing;
mod welch;

use std::process::ExitCode;

/// What anything here comes to; the text of an error is for the person who reads the run.
pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

// The gateway's own allocator: what a key takes depends on it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const HELP: &str = "\
Measures the check of keys, and tests that it takes the same time whatever is wrong.

  --quick     a smoke run
  --cost      only what a check costs, and what a key takes
  --timing    only whether time tells anything";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match play(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("keys: {error}");
            ExitCode::FAILURE
        }
    }
}

fn play(words: &[&str]) -> Outcome<()> {
    // Test runners start every target, `cargo bench` alone says so; there is no test here.
    if !words.contains(&"--bench") || words.contains(&"--list") {
        return Ok(());
    }
    if words.contains(&"--help") {
        println!("{HELP}");
        return Ok(());
    }
    let is_quick = words.contains(&"--quick");
    if !words.contains(&"--timing") {
        print!("{}", cost::table(is_quick)?);
    }
    if !words.contains(&"--cost") {
        print!("{}", timing::report(is_quick)?);
    }
    Ok(())
}
