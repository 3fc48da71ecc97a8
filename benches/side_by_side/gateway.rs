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
    let store = folder.join("switchyard.db");
    fs::write(&configuration, text(&store, listen, free_address()?, upstream))?;
    let log = folder.join("switchyard.log");
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchyard"));
    command.args(["serve", "--config"]).arg(&configuration).env("BENCH_KEY", "canned");
    command.stderr(Stdio::from(fs::File::create(&log)?));
    Process::start("switchyard", command, listen).map_err(|error| {
        let said = fs::read_to_string(&log).unwrap_or_default();
        format!("{error}\n{said}").into()
    })
}

/// The key that the load carries, and its hash.
pub(crate) const KEY: &str = "test-key-of-the-suite-0123456789";
const KEY_HASH: &str = "sha256:ee32b6dd217b2597966c6f81021993c5b0d612308bdc616775b15484ef2d37a8";

fn text(store: &Path, listen: SocketAddr, admin: SocketAddr, upstream: SocketAddr) -> String {
    let store = store.display();
    format!(
        "listen: {{ api: \"{listen}\", admin: \"{admin}\", max_in_flight: 20000 }}
overload: {{ delay: 10s }}
store: {{ url: \"sqlite://{store}\" }}
identity:
  keys: [{{ name: bench, workspace: bench, scopes: [\"runs:write\"], hash: \"{KEY_HASH}\" }}]
limits:
  - {{ name: by-address, by: address, requests: 100000000, per: 1s }}
  - {{ name: by-caller, by: principal, requests: 100000000, per: 1s }}
  - {{ name: at-a-time, by: principal, concurrent: 100000 }}
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
