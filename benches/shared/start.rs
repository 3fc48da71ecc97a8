//! How a bench begins: when it is meant, with its help, and with its errors told. Shared by path,
//! since each bench is a program of its own.

use std::process::ExitCode;

/// What anything in a bench comes to; the text of an error is for the person who reads the run.
pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Runs a bench of this name with the words that it was given.
pub(crate) fn start(name: &str, help: &str, play: impl FnOnce(&[&str]) -> Outcome<()>) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    // Test runners start every target, `cargo bench` alone says so; there is no test here.
    if !words.contains(&"--bench") || words.contains(&"--list") {
        return ExitCode::SUCCESS;
    }
    if words.contains(&"--help") {
        println!("{help}");
        return ExitCode::SUCCESS;
    }
    match play(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{name}: {error}");
            ExitCode::FAILURE
        }
    }
}
