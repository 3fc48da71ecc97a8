//! The gateway itself: the built binary with a configuration of its own, as an operator starts it.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::Outcome;
use crate::processes::{Process, free_address};

/// Starts it in `folder`. What it logs goes to a file there, and is shown if it does not start.
pub(crate) fn start(folder: &Path, listen: SocketAddr, upstream: SocketAddr) -> Outcome<Process> {
    let configuration = folder.join("switchyard.yaml");
    fs::write(&configuration, text(listen, free_address()?, upstream))?;
    let log = folder.join("switchyard.log");
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchyard"));
    command.args(["serve", "--config"]).arg(&configuration).env("BENCH_KEY", "canned");
    command.stderr(Stdio::from(fs::File::create(&log)?));
    Process::start("switchyard", command, listen).map_err(|error| {
        let said = fs::read_to_string(&log).unwrap_or_default();
        format!("{error}\n{said}").into()
    })
}

fn text(listen: SocketAddr, admin: SocketAddr, upstream: SocketAddr) -> String {
    format!(
        "listen: {{ api: \"{listen}\", admin: \"{admin}\", max_in_flight: 20000 }}
identity: none
log: {{ filter: warn }}
upstreams:
  bench:
    kind: acp
    base_url: \"http://{upstream}\"
    workspace: bench
    path_style: workspace
    credential: \"${{env:BENCH_KEY}}\"
    max_concurrent: 20000
"
    )
}
