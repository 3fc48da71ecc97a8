//! Portkey's gateway with what policy its open part has: a check of what is sent against a
//! pattern. It knows no callers and keeps no record.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::json;

use crate::Outcome;

/// Where the upstream is; requests say it.
static UPSTREAM: OnceLock<SocketAddr> = OnceLock::new();

/// Its script, if it is here.
pub(super) fn program() -> Option<OsString> {
    std::env::var_os("PORTKEY").filter(|script| Path::new(script).is_file())
}

/// What its requests carry.
pub(super) fn headers() -> String {
    let upstream = UPSTREAM.get().map(SocketAddr::to_string).unwrap_or_default();
    let config = json!({
        "provider": "openai", "api_key": "canned", "custom_host": format!("http://{upstream}/v1"),
        "input_guardrails": [{
            "deny": true,
            "default.regexMatch": { "rule": "\\b\\d{3}-\\d{2}-\\d{4}\\b", "not": true },
        }],
    });
    format!("x-portkey-config: {config}\r\n")
}

/// How it is started.
pub(super) fn command(folder: &Path, listen: SocketAddr, upstream: SocketAddr) -> Outcome<Command> {
    // There is one upstream in a run.
    UPSTREAM.get_or_init(|| upstream);
    let node = std::env::var_os("NODE").unwrap_or_else(|| "node".into());
    let mut command = Command::new(node);
    command.arg(program().ok_or("PORTKEY is not set")?).arg("--headless");
    command.arg(format!("--port={}", listen.port()));
    command.env("TRUSTED_CUSTOM_HOSTS", "127.0.0.1,localhost").env("HOME", folder);
    Ok(command)
}
