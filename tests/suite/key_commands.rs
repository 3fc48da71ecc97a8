//! `switchyard keys …` on the store of a gateway that runs, and what its log says of it all.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};

use http::Method;
use serde_json::{Value, json};

use crate::callers::{Folder, IN_FORCE, eventually, run_as, sha256, status};
use crate::harness::{KEY, KEY_HASH, World};

const SECRET: &str = "6f1e8d3a-5ec2-4222-8333-444455556666";

fn switchyard(config: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchyard"));
    command.args(arguments).arg("--config").arg(config);
    command.env("SWITCHYARD_TEST_KEY", SECRET).stdin(Stdio::null());
    command
}

/// Exit code, standard output, standard error.
fn output(mut command: Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

/// What a command that must succeed prints.
#[track_caller]
fn said(config: &Path, arguments: &[&str]) -> String {
    let (code, out, err) = output(switchyard(config, arguments));
    assert_eq!((code, err.as_str()), (0, ""), "{arguments:?}: {out}");
    out
}

/// A configuration file beside a store in a folder of its own.
fn file(folder: &Path, upstream: &str) -> PathBuf {
    let path = folder.join("switchyard.yaml");
    let store = folder.join("shared.db");
    let text = format!(
        r#"listen: {{ api: 127.0.0.1:0, admin: 127.0.0.1:0 }}
log: {{ json: true, filter: "info,switchyard=trace" }}
store: {{ url: "sqlite://{}" }}
identity: {{ keys: [{{ name: suite, workspace: acme, scopes: [admin, "runs:read", "runs:write"], hash: "{KEY_HASH}" }}] }}
upstreams:
  acp: {{ kind: acp, base_url: "http://{upstream}/acp", workspace: acme, path_style: workspace, credential: "${{env:SWITCHYARD_TEST_KEY}}" }}
"#,
        store.display()
    );
    std::fs::write(&path, text).unwrap();
    path
}

#[tokio::test]
async fn what_the_commands_do_is_in_force_in_a_gateway_that_runs() {
    let folder = Folder::new();
    let store = format!("store: {{ url: \"sqlite://{}/shared.db\" }}\n", folder.display());
    let world = World::with(&store).await;
    let config = file(&folder, "127.0.0.1:9");
    let create = ["keys", "create", "--name", "bot", "--workspace", "acme"];
    let scopes = ["--scope", "runs:read,runs:write", "--agent", "acp:*"];
    let out = said(&config, &[&create[..], &scopes, &["--json"]].concat());
    let made: Value = serde_json::from_str(&out).unwrap();
    let (id, secret) = (made["id"].as_str().unwrap(), made["secret"].as_str().unwrap());
    let is_good = async |secret: &str| status(&world, secret, "/v1/runs").await == 200;
    eventually("the key is good", IN_FORCE, async || is_good(secret).await).await;
    run_as(&world, secret, "acp:ok", json!({})).await.expect(200);
    run_as(&world, secret, "make:ok", json!({})).await.problem(404, "agent_not_found");
    let listed = world.admin("/admin/keys").await.expect(200).json();
    assert_eq!((&listed["data"][0]["id"], &listed["data"][0]["name"]), (&json!(id), &json!("bot")));

    let list = said(&config, &["keys", "list"]);
    assert!(list.contains(id) && list.contains("runs:read,runs:write") && list.contains("valid"));
    let json: Value = serde_json::from_str(&said(&config, &["keys", "list", "--json"])).unwrap();
    assert_eq!(json, listed["data"], "both tell the same of it");
    assert!(said(&config, &["keys", "list", "--workspace", "globex"]).contains("no keys"));

    // People are shown the new secret on a line of its own.
    let out = said(&config, &["keys", "rotate", id, "--overlap-hours", "0"]);
    let newer = out.lines().find(|line| line.starts_with("swy_acme_")).unwrap();
    eventually("the new one is good, the old one is not", IN_FORCE, async || {
        is_good(newer).await && !is_good(secret).await
    })
    .await;
    let out = said(&config, &["keys", "revoke", id]);
    assert!(out.contains("revoked"), "{out}");
    eventually("it is revoked", IN_FORCE, async || !is_good(newer).await).await;
    assert!(said(&config, &["keys", "list"]).contains("revoked"));
    let everything = [list, said(&config, &["keys", "list", "--json"]), out].concat();
    for secret in [secret, newer] {
        assert!(!everything.contains(secret) && !everything.contains(&sha256(secret)[7..]));
    }

    let hash = sha256("gsk_0123456789abcdefghij");
    let foreign = ["keys", "create", "--name", "old", "--workspace", "acme", "--hash", &hash];
    let out = said(&config, &[&foreign[..], &["--scope", "runs:read"]].concat());
    assert!(!out.contains("secret"), "{out}");
    eventually("the foreign one is good", IN_FORCE, async || {
        is_good("gsk_0123456789abcdefghij").await
    })
    .await;
    world.finish().await;
}

#[test]
fn what_cannot_be_done_is_said_and_ends_the_command() {
    let folder = Folder::new();
    let config = file(&folder, "127.0.0.1:9");
    let create = ["keys", "create", "--name", "bot", "--workspace", "acme", "--scope", "runs:read"];
    said(&config, &create);
    let nobody = "key_0198c2f0a1b27c3d8e4f5a6b7c8d9e0f";
    for (arguments, code, says) in [
        (create.to_vec(), 1, "conflict"),
        (
            vec!["keys", "create", "--name", "x", "--workspace", "a b", "--scope", "admin"],
            1,
            "workspace",
        ),
        (
            vec!["keys", "create", "--name", "x", "--workspace", "a", "--scope", "fly"],
            64,
            "runs:read",
        ),
        (vec!["keys", "create", "--name", "x", "--workspace", "a"], 64, "--scope"),
        (vec!["keys", "rotate", nobody], 1, "no such key"),
        (vec!["keys", "rotate", nobody, "--overlap-hours", "721"], 64, "720"),
        (vec!["keys", "revoke", nobody], 1, "no such key"),
        (vec!["keys", "revoke", "key_acme.suite"], 1, "no such key"),
    ] {
        let (found, out, err) = output(switchyard(&config, &arguments));
        assert_eq!((found, out.as_str()), (code, ""), "{arguments:?}: {err}");
        assert!(err.contains(says), "{arguments:?}: {err}");
    }
}

/// A gateway that serves; killed when it is dropped.
struct Serving(Child, BufReader<ChildStderr>);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _status = self.0.wait();
    }
}

#[tokio::test]
async fn no_secret_and_no_hash_of_one_is_in_the_log_of_a_process() {
    // Of this world only the simulator and the client are used.
    let world = World::start().await;
    let folder = Folder::new();
    let config = file(&folder, &world.simulator.addr().to_string());
    let mut child = switchyard(&config, &["serve"]).stderr(Stdio::piped()).spawn().unwrap();
    let log = BufReader::new(child.stderr.take().unwrap());
    let mut serving = Serving(child, log);
    let (mut text, mut line) = (String::new(), String::new());
    while !line.contains("\"serving\"") {
        line.clear();
        assert!(serving.1.read_line(&mut line).unwrap() > 0, "it does not serve: {text}");
        text.push_str(&line);
    }
    let at: Value = serde_json::from_str(&line).unwrap();
    let send = async |of: &str, key: &str, method: Method, path: &str, body: &str| {
        let uri = format!("http://{}{path}", at[of].as_str().unwrap());
        let request = http::Request::builder().method(method).uri(uri).header("x-api-key", key);
        let request = request.header("content-type", "application/json");
        world.send(request.body(body.to_owned().into()).unwrap()).await
    };
    let body = r#"{"name":"bot","workspace":"acme","scopes":["runs:write"]}"#;
    let made = send("admin", KEY, Method::POST, "/admin/keys", body).await.expect(201).json();
    let secret = made["secret"].as_str().unwrap().to_owned();
    let id = made["id"].as_str().unwrap();
    let run = r#"{"agent":"acp:ok","input":"Hello"}"#;
    eventually("the key is good", IN_FORCE, async || {
        send("api", &secret, Method::POST, "/v1/runs", run).await.status == 200
    })
    .await;
    send("api", &secret, Method::GET, "/v1/runs", "").await.problem(403, "forbidden");
    let typo = format!("{secret}x");
    send("api", &typo, Method::POST, "/v1/runs", run).await.problem(401, "unauthenticated");
    let token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1MSJ9.c2lnbmF0dXJl";
    send("api", token, Method::POST, "/v1/runs", run).await.problem(401, "unauthenticated");
    let path = format!("/admin/keys/{id}/rotate");
    let newer = send("admin", KEY, Method::POST, &path, "").await.expect(200).json();
    let newer = newer["secret"].as_str().unwrap().to_owned();
    let metrics = send("admin", "", Method::GET, "/metrics", "").await.expect(200).text();
    let stop = Command::new("kill").args(["-TERM", &serving.0.id().to_string()]).status();
    assert!(stop.unwrap().success());
    serving.1.read_to_string(&mut text).unwrap();
    assert!(text.contains("\"refused\"") && text.contains("run ended"), "it says much: {text}");
    text.push_str(&metrics);
    assert!(metrics.contains("mistyped") && metrics.contains("key"), "{metrics}");
    for secret in [secret.as_str(), &newer, KEY, SECRET, token, &typo] {
        assert!(!text.contains(secret), "{secret} is in {text}");
        assert!(!text.contains(&sha256(secret)[7..]), "the hash of {secret} is in {text}");
        let tail = &secret[secret.len() - 16..];
        assert!(!text.contains(tail), "the end of {secret} is in {text}");
    }
    drop(serving);
    world.finish().await;
}
