//! The platforms' own SDKs through the proxy, with another base URL and nothing else.

use std::path::Path;
use std::process::{Command, Stdio};

use super::records;
use crate::callers::make_key;
use crate::harness::World;

/// Runs the script with the real SDKs of PyPI and npm. It installs them, so it is asked for by
/// `--run-ignored all`.
#[tokio::test]
#[ignore = "installs packages"]
async fn the_real_sdks_work_with_another_base_url() {
    let base = "upstreams:\n  make: { kind: make, base_url: \"http://SIM/api/v2\", team_id: 123, \
                credential: \"${env:KEY}\", proxy: { allow: [documented, \"GET /users/me\"] } }\n  \
                agentbase: { kind: agentbase, base_url: \"http://SIM/agentbase\", credential: \
                \"${env:KEY}\" }\n";
    let world = World::configured(base).await;
    let me = r#"{"authUser":{"id":7,"name":"Jane","email":"jane@example.com"}}"#;
    let script = switchyard::simulator::script::Script::json(200, me);
    world.simulator.always("/users/me", script);
    let messages = switchyard::simulator::script::Script::json(
        200,
        r#"[{"type":"user_message","content":"Hi"}]"#,
    );
    world.simulator.always("/get-messages", messages);
    let scopes =
        serde_json::json!({ "scopes": ["proxy", "runs:write", "runs:read", "agents:read"] });
    let key = make_key(&world, "sdk", scopes).await;
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdks/check.sh");
    let mut command = Command::new("sh");
    command.arg(here).arg(world.app.api().to_string()).env("SWITCHYARD_KEY", &key.secret);
    let said = tokio::task::spawn_blocking(move || command.stdin(Stdio::null()).output());
    let said = said.await.unwrap().unwrap();
    let text = String::from_utf8_lossy(&said.stdout);
    assert!(said.status.success(), "{text}\n{}", String::from_utf8_lossy(&said.stderr));
    assert!(text.contains("agentbase-sdk: run, messages") && text.contains("makehq: me"), "{text}");
    let runs = records(&world, "operation=proxy&stage=ended").await;
    assert_eq!(runs.len(), 1, "{runs:?}");
    assert_eq!(records(&world, "operation=proxy&stage=answered").await.len(), 2);
    world.finish().await;
}
