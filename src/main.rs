//! The program: hands its arguments to the command line and gives back the exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    switchyard::cli::run(std::env::args_os(), &mut std::io::stdout(), &mut std::io::stderr())
}
