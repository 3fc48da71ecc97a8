//! What it costs to ask the access policies: with 10, 100 and 1,000 of them, kept and evaluated.
//! Called by `cargo bench --bench access`.
//!
//! Invariant: no sockets and no runtime; what is counted is work, not waiting.

mod measure;
mod sets;

use std::process::ExitCode;

/// What anything here comes to; the text of an error is for the person who reads the run.
pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

// The gateway's own allocator: much of what is measured is allocating.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const HELP: &str = "\
Measures decisions of the access policies.

  --quick   a smoke run";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match play(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("access: {error}");
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
