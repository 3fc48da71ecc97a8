//! What stands around the gateway of a soak: simulated platforms that are well, slow, broken, busy
//! and away, and its configuration, whose bounds are so small that they are met within a minute.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use switchyard::simulator::script::{Act, Script};
use switchyard::simulator::server::{Running, Simulator};
use switchyard::simulator::stage::Options;
use switchyard::tasks::Tasks;

use crate::governed::CALLERS;
use crate::harness::KEY_HASH;

/// What the gateway may take to end once it is told to.
pub const DRAIN: Duration = Duration::from_secs(10);

/// Short enough that a stalled platform is over within a few seconds, long enough that a busy
/// machine makes no healthy one late; and answers without end are cut off while they are small.
const BOUNDS: &str = "clocks: { connect: 2s, first_byte: 4s, idle: 2s, total: 5s }, \
    caps: { answer: 512KiB, line: 128KiB, event: 256KiB }";
/// These platforms fail all the time, and are asked all the same.
const PATIENT: &str = "breaker: { failures: 10000 }";

/// The platforms. Besides the scenarios of the simulator there is an agent whose platform turns
/// callers away for a second, one that fails by itself, and one that is slow to begin.
pub async fn platforms(seed: u64, tasks: &Tasks) -> Running {
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    let options = Options { seed: Some(seed), remember: 100, ..Options::default() };
    let platforms = Simulator::start(loopback, tasks, options).await.unwrap();
    let json = ("Content-Type", "application/json");
    let busy = Script::whole(429, &[json, ("Retry-After", "1")], br#"{"error":"Slow down"}"#);
    platforms.always("/agents/busy/", busy);
    platforms.always("/agents/error/", Script::json(500, r#"{"error":"It broke"}"#));
    let answer = r#"{"id":"run_1","status":"completed","output":"Late","stopReason":"goal_complete","conversationId":"c","usage":{"promptTokens":1,"completionTokens":1}}"#;
    let late = Script::default().then(Act::Wait(Duration::from_millis(400)));
    platforms.always("/agents/late/", late.append(Script::json(200, answer)));
    platforms
}

/// The gateway's configuration. `turning` is the agent behind the name that a reload changes.
pub fn configuration(platforms: SocketAddr, store: &Path, turning: &str) -> String {
    let store = store.display();
    let (secret, hook) = ("credential: \"${env:SWITCHYARD_TEST_KEY}\"", "${env:HOOK_SECRET}");
    let acp = format!("kind: acp, base_url: \"http://{platforms}/acp\", workspace: acme");
    let acp = format!("{acp}, path_style: workspace, {secret}, {BOUNDS}");
    let all = r#"["runs:read", "runs:write", "agents:read", "agents:write", "proxy", "admin", "audit:read"]"#;
    format!(
        r#"log: {{ json: true, filter: info }}
listen: {{ api: 127.0.0.1:0, admin: 127.0.0.1:0, drain: {}s, body_bytes: 64KiB }}
store: {{ url: "sqlite://{store}", keep: 1h, max_bytes: 64MiB }}
runs: {{ kept: 100, kept_bytes: 1MiB, journal_bytes: 64KiB, answer_bytes: 1MiB, heartbeat: 1s }}
profiles: {{ kept_for: 1s, kept: 20, list_within: 2s }}
overload: {{ delay: 10s }}
callbacks: {{ allow_networks: ["127.0.0.0/8"], allow_http: true }}
telemetry: {{ traces: {{ endpoint: "http://127.0.0.1:1/v1/traces", sample: "0.2" }} }}
{CALLERS}    - {{ name: suite, workspace: acme, scopes: {all}, hash: "{KEY_HASH}" }}
limits:
  - {{ name: trial, by: principal, classes: [trial], requests: 2, per: 1s }}
  - {{ name: roomy, by: [principal, agent], requests: 100000, per: 1m }}
  - {{ name: together, by: principal, concurrent: 5000 }}
budgets:
  - {{ name: roomy, by: workspace, runs: 100000000, per: day }}
  - {{ name: little, by: principal, classes: [trial], runs: 20, per: total }}
pii:
  rules: [{{ entities: [email], direction: both, action: tokenize }}]
hooks:
  acp:ok: {{ signed: {{ secret: "{hook}", workspace: acme }} }}
  acp:late: {{ input: /input, reply_within: 200ms }}
upstreams:
  make: {{ kind: make, base_url: "http://{platforms}/make/api/v2", team_id: 123, {secret}, {BOUNDS}, {PATIENT} }}
  zaia: {{ kind: zaia, base_url: "http://{platforms}/zaia", {secret}, {BOUNDS}, {PATIENT} }}
  acp: {{ {acp}, {PATIENT}, check: {{ path: /, every: 1s, within: 900ms }} }}
  agentbase: {{ kind: agentbase, base_url: "http://{platforms}/agentbase", {secret}, {BOUNDS}, {PATIENT} }}
  fragile: {{ {acp}, breaker: {{ failures: 3, open: 500ms }} }}
  narrow: {{ {acp}, {PATIENT}, max_concurrent: 1, queue: {{ most: 1, within: 100ms }} }}
  crowded: {{ {acp}, {PATIENT} }}
  away: {{ kind: zaia, base_url: "http://127.0.0.1:1", {secret}, {BOUNDS} }}
agents:
  best: {{ targets: [{{ upstream: away, id: ok }}, {{ upstream: acp, id: ok }}], eject: {{ failures: 3, rest: 1s, longest: 2s }} }}
  doubled: {{ upstream: make, id: ok, shadow: {{ agent: "acp:ok", percent: 50 }} }}
  turning: {{ upstream: acp, id: {turning} }}
"#,
        DRAIN.as_secs()
    )
}
