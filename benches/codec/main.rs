//! What it costs to speak a platform's language: a run encoded, an answer and a stream decoded,
//! for each vendor, and the event-stream decoder by itself. Called by `cargo bench`, most easily
//! through `benches/run.sh`.
//!
//! Invariant: no sockets and no runtime; what is counted is work, not waiting.

mod cases;
mod inputs;
mod measure;
mod stage;
#[path = "../shared/start.rs"]
mod start;

use std::process::ExitCode;

pub(crate) use start::Outcome;

// The gateway's own allocator: much of what is measured is allocating.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const HELP: &str = "\
Measures encoding and decoding for each platform.

  --quick                a smoke run
  --names                the cases' names, and nothing else
  --callgrind-one CASE   one case 100 times, for `valgrind --tool=callgrind`; see benches/run.sh";

fn main() -> ExitCode {
    start::start("codec", HELP, play)
}

fn play(words: &[&str]) -> Outcome<()> {
    let cases = cases::all()?;
    if words.contains(&"--names") {
        cases.iter().for_each(|case| println!("{}", case.name));
    } else if let Some(at) = words.iter().position(|word| *word == "--callgrind-one") {
        let name = words.get(at + 1).ok_or("--callgrind-one needs a case")?;
        let case = cases.iter().find(|case| case.name == *name).ok_or("there is no such case")?;
        measure::run_for_callgrind(case)?;
    } else {
        print!("{}", measure::table(&cases, words.contains(&"--quick"))?);
    }
    Ok(())
}
