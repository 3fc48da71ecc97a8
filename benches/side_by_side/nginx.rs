//! nginx as a reverse proxy, the floor of what a proxy costs: as many workers as cores, kept
//! connections to the upstream, no log, streams passed on as they come.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use crate::Outcome;
use crate::processes::Process;

/// Its version, if it is installed.
pub(crate) fn version() -> Option<String> {
    // It writes its version to standard error: `nginx version: nginx/1.22.1`.
    let output = Command::new("nginx").arg("-v").output().ok()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    Some(text.trim().rsplit_once(' ').map_or("nginx", |(_, version)| version).to_owned())
}

/// Starts it in `folder`.
pub(crate) fn start(
    folder: &Path,
    listen: SocketAddr,
    upstream: SocketAddr,
    workers: usize,
) -> Outcome<Process> {
    Process::start("nginx", command(folder, listen, upstream, workers)?, listen)
}

/// How it is started in `folder`.
pub(crate) fn command(
    folder: &Path,
    listen: SocketAddr,
    upstream: SocketAddr,
    workers: usize,
) -> Outcome<Command> {
    let configuration = folder.join("nginx.conf");
    fs::write(&configuration, text(listen, upstream, workers))?;
    let mut command = Command::new("nginx");
    command.arg("-p").arg(folder).arg("-c").arg(&configuration);
    command.args(["-e", "nginx.log"]);
    Ok(command)
}

fn text(listen: SocketAddr, upstream: SocketAddr, workers: usize) -> String {
    format!(
        "daemon off;
worker_processes {workers};
pid nginx.pid;
error_log nginx.log warn;
events {{ worker_connections 16384; }}
http {{
  access_log off;
  client_body_temp_path client_body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  keepalive_requests 1000000000;
  upstream canned {{
    server {upstream};
    keepalive 256;
    keepalive_requests 1000000000;
  }}
  server {{
    listen {listen} backlog=4096;
    proxy_http_version 1.1;
    proxy_set_header Connection \"\";
    proxy_read_timeout 600s;
    location / {{ proxy_pass http://canned; }}
    location ~ /(stream-100|hold)/ {{
      proxy_pass http://canned;
      proxy_buffering off;
    }}
  }}
}}
"
    )
}
