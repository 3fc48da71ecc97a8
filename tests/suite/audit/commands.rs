//! `switchyard audit …` on the store of a gateway that runs, and by itself on files.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use switchyard::model::record::{Stage, Verdict};

use super::{Audited, scribe};
use crate::harness::KEY_HASH;

pub fn config(folder: &Path) -> PathBuf {
    let path = folder.join("switchyard.yaml");
    let text = format!(
        r#"listen: {{ api: 127.0.0.1:0, admin: 127.0.0.1:0 }}
store: {{ url: "sqlite://{}/shared.db" }}
identity: {{ keys: [{{ name: suite, workspace: acme, scopes: [admin], hash: "{KEY_HASH}" }}] }}
upstreams:
  acp: {{ kind: acp, base_url: "http://127.0.0.1:9/acp", workspace: acme, path_style: workspace, credential: "${{env:SWITCHYARD_TEST_KEY}}" }}
"#,
        folder.display()
    );
    std::fs::write(&path, text).unwrap();
    path
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchyard"));
    command.arg("audit").args(arguments).env("SWITCHYARD_TEST_KEY", "secret");
    command.stdin(Stdio::null());
    command
}

/// Exit code, standard output, standard error.
fn audit(arguments: &[&str]) -> (i32, String, String) {
    let output = command(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

#[track_caller]
pub fn said(arguments: &[&str]) -> String {
    let (code, out, err) = audit(arguments);
    assert_eq!((code, err.as_str()), (0, ""), "{arguments:?}: {out}");
    out
}

pub fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_beside_a_running_gateway_verifies_and_a_changed_byte_is_named() {
    let audited = Audited::start("").await;
    for _ in 0..3 {
        audited.world.run("acp:ok", json!({ "input": "Hello" })).await.expect(200);
    }
    let folder = &*audited.folder;
    let config = config(folder);
    let config = config.to_str().unwrap();
    let key = said(&["key", "-c", config]).trim().to_owned();
    let text = said(&["export", "-c", config]);
    let file = folder.join("export");
    let file = file.to_str().unwrap();
    std::fs::write(file, &text).unwrap();
    let verdict = said(&["verify", file, "--key", &key]);
    assert!(verdict.contains("is whole and unchanged"), "{verdict}");
    // What the gateway itself says of its newest checkpoint is held against the export.
    let checkpoints = audited.world.admin("/admin/audit/checkpoints").await.expect(200).json();
    assert_eq!(checkpoints["key"], key.as_str());
    let kept = folder.join("kept");
    std::fs::write(&kept, checkpoints["data"][0]["note"].as_str().unwrap()).unwrap();
    let kept = kept.to_str().unwrap();
    let verdict = said(&["verify", file, "--key", &key, "--checkpoint", kept]);
    assert!(verdict.contains("kept elsewhere"), "{verdict}");

    std::fs::write(file, text.replacen("\"allow\"", "\"alloW\"", 1)).unwrap();
    let (code, out, _) = audit(&["verify", file, "--key", &key]);
    assert_eq!((code, out.lines().count()), (1, 1));
    assert!(out.starts_with("Record 0 was changed"), "{out}");
    let (code, _, err) = audit(&["verify", file]);
    assert!(code == 64 && err.contains("--key"), "{err}");
    let (code, _, err) = audit(&["verify", file, "--key", "nonsense"]);
    assert!(code == 1 && err.contains("--key: the key has not the form"), "{err}");

    // That it was read is in the log.
    let read = lines(&said(&["query", "-c", config, "--stage", "operated"]));
    let end = audited.store.log.head().await.unwrap().signed;
    let subjects: Vec<_> = read.iter().filter_map(|it| it["record"]["subject"].as_str()).collect();
    assert!(subjects.iter().any(|it| it.starts_with("audit export 0..")), "{subjects:?} of {end}");
    assert_eq!(read.last().unwrap()["record"]["call"]["operation"], "cli");
    let again = lines(&said(&[
        "query",
        "-c",
        config,
        "--operation",
        "cli",
        "--order",
        "newest",
        "--limit",
        "1",
    ]));
    assert!(again[0]["record"]["subject"].as_str().unwrap().starts_with("audit query 0.."));
    let (code, _, err) = audit(&["query", "-c", config, "--stage", "over"]);
    assert!(code == 64 && err.contains("admitted"), "{err}");
    audited.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_holds_for_its_record_alone_and_a_pruned_log_verifies() {
    let audited = Audited::start("").await;
    let scribe = scribe();
    let made = (0..300).map(|_| scribe.record(Stage::Operated, Verdict::Allow)).collect();
    audited.append(made).await;
    audited.signed().await;
    let folder = &*audited.folder;
    let config = config(folder);
    let config = config.to_str().unwrap();
    let key = said(&["key", "-c", config]).trim().to_owned();
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    std::fs::write(path("receipt"), said(&["prove", "270", "-c", config])).unwrap();
    let all = said(&["query", "-c", config]);
    let line = |seq: usize| all.lines().nth(seq).unwrap().to_owned();
    for (seq, code) in [(270, 0), (271, 1)] {
        std::fs::write(path("record"), line(seq)).unwrap();
        let check = ["check-proof", &path("receipt"), "--record", &path("record"), "--key", &key];
        let (found, out, err) = audit(&check);
        assert_eq!((found, err.as_str(), out.lines().count()), (code, "", 1), "{out}");
    }
    let (code, out, err) = audit(&["prove", "1000000", "-c", config]);
    assert!(code == 1 && out.is_empty() && err.contains("no record 1000000"), "{err}");

    // What was cut off is not told from what was let go by where it begins, but by a signed note.
    audited.store.log.forget(259, "not a note").await.unwrap();
    let cut = said(&["export", "-c", config]);
    assert!(cut.starts_with(r#"{"log":"switchyard","version":1,"start":259,"#), "{cut}");
    std::fs::write(path("cut"), &cut).unwrap();
    let (code, out, _) = audit(&["verify", &path("cut"), "--key", &key]);
    assert_eq!(code, 1);
    assert!(out.starts_with("The export begins with record 259, and the note that"), "{out}");
    let later = said(&["export", "-c", config, "--from", "265"]);
    std::fs::write(path("later"), &later).unwrap();
    let (code, out, _) = audit(&["verify", &path("later"), "--key", &key]);
    assert_eq!(code, 1);
    assert!(out.contains("no signed note says that the records before it were let go"), "{out}");
    said(&["verify", &path("later"), "--key", &key, "--from", "265"]);
    let (code, _, err) = audit(&["export", "-c", config, "--from", "3"]);
    assert!(code == 1 && err.contains("before 259 are no longer kept"), "{err}");

    let events = lines(&said(&["export", "-c", config, "--format", "ocsf", "--from", "299"]));
    assert!(events.len() >= 2 && events.iter().all(|event| event["class_uid"] == 6_003));
    let plain = lines(&said(&["export", "-c", config, "--format", "ndjson", "--from", "299"]));
    assert_eq!(plain[0]["seq"], 299);
    audited.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_follows_gives_records_as_they_come() {
    let audited = Audited::start("").await;
    let config = config(&audited.folder);
    let scribe = scribe();
    audited.append(vec![scribe.record(Stage::Operated, Verdict::Allow)]).await;
    for format in ["log", "ndjson", "ocsf"] {
        let arguments = ["export", "-c", config.to_str().unwrap(), "--format", format, "--follow"];
        let mut child = command(&arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(out.next().unwrap().unwrap().starts_with('{'));
        let record = scribe.record(Stage::Operated, Verdict::Deny);
        let id = record.id.to_string();
        audited.append(vec![record]).await;
        let found = out.find(|line| line.as_ref().unwrap().contains(&id));
        assert!(found.is_some(), "{format}");
        child.kill().unwrap();
        child.wait().unwrap();
    }
    audited.finish().await;
}

#[test]
fn a_key_is_made_and_a_wrong_one_is_refused() {
    let output = command(&["key", "--new", "acme-log"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let key = switchyard::policy::audit::log::SigningKey::parse(text.trim()).unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(err.contains(&key.verifier().to_string()) && !err.contains("PRIVATE"), "{err}");
    let folder = crate::callers::Folder::new();
    let config = config(&folder);
    let mut all = std::fs::read_to_string(&config).unwrap();
    all.push_str("audit: { checkpoint: { origin: acme-log, key: \"${env:LOG_KEY}\" } }\n");
    std::fs::write(&config, &all).unwrap();
    let with = |secret: &str| {
        let mut command = command(&["key", "-c", config.to_str().unwrap()]);
        let output = command.env("LOG_KEY", secret).output().unwrap();
        let both = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(both).unwrap())
    };
    assert_eq!(with(&text), (0, format!("{}\n", key.verifier())));
    let (code, said) = with("nonsense");
    assert!(code == 64 && said.contains("audit.checkpoint.key"), "{said}");
    all = all.replace("origin: acme-log", "origin: other");
    std::fs::write(&config, all).unwrap();
    let (code, said) = with(&text);
    assert!(code == 64 && said.contains("must be a key of the name other"), "{said}");
}
