//! Envoy as a plain proxy: one worker, kept connections, no log, no limit that the load meets.

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use crate::Outcome;

/// Its binary, if it is here.
pub(super) fn program() -> Option<OsString> {
    let program = std::env::var_os("ENVOY").unwrap_or_else(|| "envoy".into());
    let said = Command::new(&program).arg("--version").output().ok()?;
    said.status.success().then_some(program)
}

/// How it is started in `folder`.
pub(super) fn command(folder: &Path, listen: SocketAddr, upstream: SocketAddr) -> Outcome<Command> {
    let configuration = folder.join("envoy.yaml");
    fs::write(&configuration, text(listen, upstream))?;
    let mut command = Command::new(program().ok_or("envoy is not here")?);
    command.arg("-c").arg(&configuration);
    command.args(["--concurrency", "1", "--use-dynamic-base-id", "--log-level", "error"]);
    Ok(command)
}

fn text(listen: SocketAddr, upstream: SocketAddr) -> String {
    let (port, upstream) = (listen.port(), upstream.port());
    format!(
        "static_resources:
  listeners:
  - address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          \"@type\": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: bench
          stream_idle_timeout: 0s
          route_config:
            virtual_hosts:
            - name: all
              domains: [\"*\"]
              routes: [{{ match: {{ prefix: / }}, route: {{ cluster: canned, timeout: 0s }} }}]
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {{ \"@type\": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }}
  clusters:
  - name: canned
    type: STATIC
    circuit_breakers:
      thresholds: [{{ max_connections: 100000, max_pending_requests: 100000, max_requests: 100000 }}]
    load_assignment:
      cluster_name: canned
      endpoints:
      - lb_endpoints:
        - endpoint: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {upstream} }} }} }}
"
    )
}
