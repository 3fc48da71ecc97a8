//! The governed path: the gateway with identity, access, limits, personal data and audit all on,
//! beside plain proxies and beside gateways with what policy they have, on this machine and in one
//! run. Called most easily through `benches/governed/run.sh`.
//!
//! Invariant: figures of different runs are never compared; every ratio is of one run. The party
//! has one core to itself; the load and the upstream share another.

mod bulkhead;
mod conduct;
mod memory;
mod open_loop;
mod options;
mod overload;
mod parties;
mod requests;
mod table;
mod throughput;
mod unaudited;
mod upstream;

#[path = "../side_by_side/answer.rs"]
mod answer;
#[path = "../shared/figures.rs"]
mod figures;
#[path = "../side_by_side/load.rs"]
mod load;
#[path = "../side_by_side/nginx.rs"]
#[expect(dead_code, reason = "it is started here on a core of its own")]
mod nginx;
#[path = "../side_by_side/processes.rs"]
mod processes;
#[path = "../shared/words.rs"]
mod words;

use std::path::Path;
use std::process::{Command, ExitCode};

use crate::options::Options;

// The gateway's own allocator, for the role that is the gateway.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What anything here comes to; the text of an error is for the person who reads the run.
pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match play(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("governed: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Takes the part that the arguments name: each process of the run is this binary again.
fn play(arguments: &[String]) -> Outcome<ExitCode> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["--role", "upstream", listen] => upstream::serve(listen.parse()?)?,
        ["--role", "unaudited", configuration] => unaudited::serve(Path::new(configuration))?,
        ["--role", "conduct", rest @ ..] => conduct::conduct(&Options::parse(rest)?)?,
        // Test runners start every target, `cargo bench` alone says so; there is no test here.
        rest if !rest.contains(&"--bench") || rest.contains(&"--list") => {}
        rest if rest.contains(&"--help") => println!("{}", options::HELP),
        rest => return on_a_core_with_files(rest),
    }
    Ok(ExitCode::SUCCESS)
}

/// Conducts the run in a child on the load's core, which may have as many files open as this user
/// may. The upstream inherits both.
fn on_a_core_with_files(arguments: &[&str]) -> Outcome<ExitCode> {
    let options = Options::parse(arguments)?;
    let script = r#"ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -Hn)"; core=$1; shift
exec taskset -c "$core" "$0" --role conduct "$@""#;
    let status = Command::new("sh")
        .args(["-c", script])
        .arg(std::env::current_exe()?)
        .arg(&options.load_core)
        .args(arguments)
        .status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
