//! The whole path, side by side: one canned upstream, and before it in turn nothing, nginx, a
//! plain relay and the gateway, all on this machine and in one run. Called by `cargo bench`, most
//! easily through `benches/run.sh`.
//!
//! Invariant: figures of different runs are never compared; every ratio is of one run, and all
//! parties stand under the same load, in turn, several times.

mod answer;
mod conduct;
mod gateway;
mod latency;
mod load;
mod memory;
mod nginx;
mod options;
mod parties;
mod processes;
mod relay;
mod report;
mod requests;
mod throughput;
mod upstream;

#[path = "../shared/figures.rs"]
mod figures;
#[path = "../shared/words.rs"]
mod words;

use std::process::{Command, ExitCode};

use crate::options::Options;

/// What anything here comes to; the text of an error is for the person who reads the run.
pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

// The gateway's own allocator, so that the relay's memory can be compared with the gateway's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match play(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("side_by_side: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Takes the part that the arguments name: each process of the run is this binary again.
fn play(arguments: &[String]) -> Outcome<ExitCode> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["--role", "upstream", listen] => upstream::serve(listen.parse()?)?,
        ["--role", "relay", listen, to] => relay::serve(listen.parse()?, to.parse()?)?,
        ["--role", "conduct", rest @ ..] => conduct::conduct(&Options::parse(rest)?)?,
        // Test runners start every target, `cargo bench` alone says so; there is no test here.
        rest if !rest.contains(&"--bench") || rest.contains(&"--list") => {}
        rest if rest.contains(&"--help") => println!("{}", options::HELP),
        rest => return with_more_files(rest),
    }
    Ok(ExitCode::SUCCESS)
}

/// Conducts the run in a child that may have as many files open as this user may: thousands of
/// open streams take more than the usual 1,024. Its own children inherit that.
fn with_more_files(arguments: &[&str]) -> Outcome<ExitCode> {
    Options::parse(arguments)?;
    let script = r#"ulimit -n "$(ulimit -Hn)" 2>/dev/null; exec "$0" --role conduct "$@""#;
    let status = Command::new("sh")
        .args(["-c", script])
        .arg(std::env::current_exe()?)
        .args(arguments)
        .status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
