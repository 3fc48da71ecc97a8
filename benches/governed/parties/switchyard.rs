//! The gateway itself with all policy on: a key, access by the policies that it brings, three
//! limits, a look for everything that may be personal or secret in both directions, and the audit.
//! A budget, which waits for the disk before the platform is asked, is on in a party of its own.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use crate::Outcome;
use crate::processes::free_address;

/// The key that the load carries, and its hash.
pub(crate) const KEY: &str = "test-key-of-the-suite-0123456789";
const KEY_HASH: &str = "sha256:ee32b6dd217b2597966c6f81021993c5b0d612308bdc616775b15484ef2d37a8";

/// The upstream that takes connections and never answers.
pub(crate) const SLOW: &str = "slow";
/// The one where nobody listens.
pub(crate) const FAILING: &str = "failing";

/// A file system in memory, as Linux has it.
pub(crate) const MEMORY: &str = "/dev/shm";

/// What is different about one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing: records are on disk before the caller sees a byte.
    Overlap,
    /// Records are on disk before the platform sees a byte.
    Strict,
    /// A budget too.
    Budget,
    /// The store is in memory.
    NoDisk,
    /// The store forgets.
    Unaudited,
    /// What is too much is refused.
    Refusing,
}

const BUDGETS: &str = "budgets:
  - { name: daily, by: principal, tokens: 4000000000, runs: 1000000000, per: day, reserve: { tokens: 4000 } }
";

/// How it is started in `folder`.
pub(crate) fn command(
    folder: &Path,
    listen: SocketAddr,
    [upstream, silent]: [SocketAddr; 2],
    kind: Kind,
) -> Outcome<Command> {
    let configuration = folder.join(format!("switchyard-{}.yaml", listen.port()));
    let name = format!("switchyard-{}-{}.db", std::process::id(), listen.port());
    let store = if kind == Kind::NoDisk { Path::new(MEMORY).join(name) } else { folder.join(name) };
    let durability = if kind == Kind::Strict { "strict" } else { "overlap" };
    let budgets = if kind == Kind::Budget { BUDGETS } else { "" };
    let overload = if kind == Kind::Refusing { "" } else { "overload: { delay: 10s }\n" };
    let text = text(&store, listen, free_address()?, upstream, durability);
    fs::write(&configuration, text + &sick(silent)? + budgets + overload)?;
    let mut command = if kind == Kind::Unaudited {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--role", "unaudited"]).arg(&configuration);
        command
    } else {
        let program = std::env::var_os("SWITCHYARD");
        let program = program.unwrap_or_else(|| env!("CARGO_BIN_EXE_switchyard").into());
        let mut command = Command::new(program);
        command.args(["serve", "--config"]).arg(&configuration);
        command
    };
    command.env("BENCH_KEY", "canned");
    command.env("BENCH_PII_KEY", "for-hashes-and-tokens");
    // Of 32 bytes: who gives a store of its own must say what seals it.
    command.env("BENCH_STORE_KEY", "YSBrZXkgdGhhdCBub2JvZHkgbmVlZHMgdG8gZ3Vlc3M=");
    Ok(command)
}

/// Two more upstreams, that no answer comes from.
fn sick(silent: SocketAddr) -> Outcome<String> {
    let one = |name: &str, at: SocketAddr| {
        format!(
            "  {name}: {{ kind: acp, base_url: \"http://{at}\", workspace: bench, path_style: workspace, \
             credential: \"${{env:BENCH_KEY}}\" }}\n"
        )
    };
    Ok(one(SLOW, silent) + &one(FAILING, free_address()?))
}

/// Removes what this run's gateways left in memory.
pub(super) fn forget_memory() {
    let own = format!("switchyard-{}-", std::process::id());
    for file in fs::read_dir(MEMORY).into_iter().flatten().flatten() {
        if file.file_name().to_string_lossy().starts_with(&own) {
            let path = file.path();
            drop(if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) });
        }
    }
}

fn text(
    store: &Path,
    listen: SocketAddr,
    admin: SocketAddr,
    upstream: SocketAddr,
    durability: &str,
) -> String {
    let store = store.display();
    format!(
        "listen: {{ api: \"{listen}\", admin: \"{admin}\", max_in_flight: 20000 }}
store: {{ url: \"sqlite://{store}\", key: \"${{env:BENCH_STORE_KEY}}\" }}
identity:
  keys: [{{ name: bench, workspace: bench, scopes: [\"runs:write\"], hash: \"{KEY_HASH}\" }}]
limits:
  - {{ name: by-address, by: address, requests: 100000000, per: 1s }}
  - {{ name: by-caller, by: principal, requests: 100000000, per: 1s }}
  - {{ name: at-a-time, by: principal, concurrent: 100000 }}
pii:
  key: \"${{env:BENCH_PII_KEY}}\"
  rules: [{{ name: all, entities: [\"*\"], direction: both, action: mask }}]
audit: {{ durability: {durability} }}
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
