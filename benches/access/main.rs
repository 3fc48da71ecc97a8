//! What it costs to ask the access policies: with 10, 100 and 1,000 of them, kept and evaluated.
//! Called by `cargo bench --bench access`.
//!
//! Invariant: no sockets and no runtime; what is counted is work, not waiting.

mod measure;
mod sets;
#[path = "../shared/start.rs"]
mod start;

use std::process::ExitCode;

pub(crate) use start::Outcome;

// The gateway's own allocator: much of what is measured is allocating.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const HELP: &str = "\
Measures decisions of the access policies.

  --quick   a smoke run";

fn main() -> ExitCode {
    start::start("access", HELP, play)
}

fn play(words: &[&str]) -> Outcome<()> {
    println!(
        "| policies | they name whom they are for | start, ms | the same again, ns | \
         one of 10,000 again, ns | evaluated, µs |\n| ---: | --- | ---: | ---: | ---: | ---: |"
    );
    for shape in [sets::Shape::Heads, sets::Shape::Conditions] {
        for count in [10, 100, 1_000] {
            println!("{}", measure::row(shape, count, words.contains(&"--quick"))?);
        }
    }
    Ok(())
}
