//! The command line. `main` calls it; it calls `app`, and turns outcomes into exit codes.
//!
//! Invariant: results go to standard output, everything else to standard error.

mod audit;
mod explain;
mod keys;
mod store;
mod verify;

use std::ffi::OsString;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use crate::app::{self, Failure, commands};
use crate::simulator::scenarios;

/// One API in front of every agent platform.
///
/// Callers send one kind of request; Switchyard finds the agent's platform, speaks its language
/// and streams the answer back. To see it at work without any account: `switchyard demo`.
#[derive(Debug, Parser)]
#[command(name = "switchyard", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway.
    ///
    /// Listens as the configuration says until SIGTERM or Ctrl-C; open streams may then end by
    /// themselves. A configuration that `check` refuses does not start.
    Serve {
        #[command(flatten)]
        config: ConfigFile,
        /// Take over from the process that serves with this configuration: it gives its sockets,
        /// no connection is refused, and what it has begun goes to its end there.
        #[arg(long)]
        upgrade: bool,
    },
    /// Say all that is wrong with a configuration, without starting anything.
    ///
    /// Prints a line for each mistake, `file:line:column: path: what is wrong`, and ends with exit
    /// code 64; or prints what the gateway would listen on and which platforms it would call, and
    /// ends with 0. Secrets are read, so run it where the gateway will run, but never printed.
    Check {
        #[command(flatten)]
        config: ConfigFile,
    },
    /// See the gateway at work: pretend platforms, and one request of each kind.
    ///
    /// Needs no account and no configuration. Each request is shown as the curl line that sends
    /// it, with its answer; then everything keeps running for you to try, until Ctrl-C.
    Demo {
        /// End after the requests, with exit code 1 if one of them failed.
        #[arg(long)]
        once: bool,
    },
    /// Play the platforms, to try a configuration against.
    Simulate {
        /// The address to listen on; port 0 for any that is free.
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9900")]
        listen: SocketAddr,
        /// Print what the platforms can play, and end.
        #[arg(long)]
        list: bool,
    },
    /// Make, list, rotate and revoke keys.
    ///
    /// Works on the store that the configuration names, beside a gateway that may be running; what
    /// is changed is in force there within a second.
    Keys {
        #[command(subcommand)]
        command: keys::Keys,
    },
    /// Read, export, prove and verify the audit.
    ///
    /// `query`, `export` and `prove` work on the store that the configuration names, beside a
    /// gateway that may be running; `verify` and `check-proof` need neither.
    Audit {
        #[command(subcommand)]
        command: audit::Audit,
    },
    /// Look after the store: check it, copy it, prune it, send callbacks again.
    ///
    /// Works on the store that the configuration names, beside a gateway that may be running.
    Store {
        #[command(subcommand)]
        command: store::Store,
    },
    /// Say why a caller would be let in or not, without running anything.
    ///
    /// Asks the same engines as a request would. Ends with 0 where it would be
    /// let in and with 2 where it would not.
    Explain(Box<explain::Explain>),
    /// Say whether a gateway takes requests, for who looks after containers.
    ///
    /// Asks `/readyz` of its operators' socket. Ends with 0 where it is ready and with 1 where it
    /// is not, or is not there.
    Ready {
        /// The operators' socket, `listen.admin`.
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9090")]
        admin: SocketAddr,
    },
    /// Print the JSON Schema of the configuration file, for editors.
    Schema,
}

#[derive(Debug, clap::Args)]
struct ConfigFile {
    /// The configuration file; `config/reference.yaml` explains every key.
    #[arg(long = "config", short = 'c', value_name = "FILE")]
    path: PathBuf,
}

/// The exit code for a wrong configuration or command line: `EX_USAGE` of sysexits.
const USAGE: u8 = 64;
/// The exit code of `explain` where the request would be refused.
const REFUSED: u8 = 2;
/// The exit code for what could not start or failed.
const FAILED: u8 = 1;

/// Does what the arguments say; the first one is the program's own name.
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> ExitCode {
    // A reader that has gone away, as with `| head`, is no failure of the command but ends it.
    match run_command(arguments, out, err) {
        Ok(code) => ExitCode::from(code),
        Err(_) => ExitCode::from(FAILED),
    }
}

fn run_command(
    arguments: impl IntoIterator<Item = OsString>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<u8> {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
                write!(out, "{error}")?;
                return Ok(0);
            }
            write!(err, "{error}")?;
            return Ok(USAGE);
        }
    };
    let done = match cli.command {
        Command::Serve { config, upgrade } => commands::serve(&config.path, upgrade),
        Command::Check { config } => match app::load(&config.path) {
            Ok(valid) => {
                writeln!(out, "{} is valid", config.path.display())?;
                write!(out, "{}", app::summary(&valid))?;
                Ok(())
            }
            Err(report) => Err(Failure::Configuration(report)),
        },
        Command::Demo { once } => commands::demo(once),
        Command::Simulate { list: true, .. } => write!(out, "{}", scenarios::list()).map(Ok)?,
        Command::Simulate { listen, list: false } => commands::simulate(listen),
        Command::Keys { command } => keys::keys(command, out)?,
        Command::Audit { command } => match audit::audit(command, out, err)? {
            Ok(true) => Ok(()),
            Ok(false) => return Ok(FAILED),
            Err(failure) => Err(failure),
        },
        Command::Store { command } => match store::run(command) {
            Ok(lines) => {
                for line in lines {
                    writeln!(out, "{line}")?;
                }
                Ok(())
            }
            Err(failure) => Err(failure),
        },
        Command::Explain(asked) => match explain::explain(*asked, out)? {
            Ok(true) => Ok(()),
            Ok(false) => return Ok(REFUSED),
            Err(failure) => Err(failure),
        },
        Command::Ready { admin } => commands::ready(admin),
        Command::Schema => writeln!(out, "{:#}", app::schema()).map(Ok)?,
    };
    match done {
        Ok(()) => Ok(0),
        Err(failure) => {
            write!(err, "{failure}")?;
            Ok(match failure {
                Failure::Configuration(_) => USAGE,
                Failure::Start(_) => FAILED,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn run(arguments: &[&str]) -> (u8, String, String) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let arguments = ["switchyard"].iter().chain(arguments).map(OsString::from);
        let code = run_command(arguments, &mut out, &mut err).unwrap();
        (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    }

    #[test]
    fn the_commands_are_declared_without_contradiction() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_explains_itself() {
        for command in ["serve", "check", "demo", "simulate", "ready", "schema"] {
            let (code, out, err) = run(&[command, "--help"]);
            assert_eq!((code, err.as_str()), (0, ""));
            assert!(out.contains("Usage: switchyard"), "{out}");
            assert!(run(&["--help"]).1.contains(command));
        }
    }

    #[test]
    fn a_wrong_command_line_is_64_and_says_how_it_is_meant() {
        for arguments in [&["serve"][..], &["swerve"], &[], &["simulate", "--listen", "here"]] {
            let (code, out, err) = run(arguments);
            assert_eq!((code, out.as_str()), (64, ""));
            assert!(err.contains("--help"), "{err}");
        }
    }

    #[test]
    fn a_wrong_configuration_is_64_and_its_report_goes_to_standard_error() {
        for command in ["check", "serve"] {
            let (code, out, err) = run(&[command, "--config", "/absent/gateway.yaml"]);
            assert_eq!((code, out.as_str()), (64, ""));
            assert!(err.starts_with("/absent/gateway.yaml:1:1: cannot be read"), "{err}");
        }
    }

    #[test]
    fn the_schema_is_printed_as_json() {
        let (code, out, _) = run(&["schema"]);
        let schema: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(code, 0);
        assert!(schema["properties"]["identity"]["properties"]["keys"].is_object());
    }
}
