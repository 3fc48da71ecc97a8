//! The figures: under names that Prometheus's own lint has nothing against, each in the documented
//! table with its labels, and only values of closed sets in them.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::json;
use switchyard::clock::Timestamp;
use switchyard::telemetry::metrics::{Family, Metrics};

use crate::governed::{counted, opened, until};
use crate::harness::World;

/// Limits and budgets of each kind, so that each family has something to count.
const POLICY: &str = r#"
limits:
  - { name: per-key, by: principal, requests: 1000, per: 1m, burst: 100 }
  - { name: streams, by: principal, concurrent: 20 }
budgets:
  - { name: daily, by: workspace, usd: "5.00", runs: 100, per: day, reserve: { usd: "0.10" } }
pii: { rules: [{ entities: [email], direction: both, action: mask }] }
"#;

/// A world in which about everything has happened that is counted.
async fn busy() -> World {
    let world = World::with(POLICY).await;
    for vendor in crate::harness::VENDORS {
        let body = json!({"input": "Write to anna@example.com", "stream": vendor != "zaia"});
        world.run(&format!("{vendor}:ok"), body).await.expect(200);
    }
    world.run("acp:html-error", json!({"input": "Hello"})).await;
    world.get("/v1/runs/run_none").await;
    world.post("/v1/nowhere", &json!({})).await.expect(404);
    world
}

/// The name of a sample's family, and its labels.
fn sample(line: &str) -> (String, BTreeSet<String>) {
    let (name, rest) = line.split_at(line.find(['{', ' ']).unwrap());
    let inner = rest.strip_prefix('{').and_then(|rest| rest.rsplit_once('}')).map_or("", |it| it.0);
    let labels = inner.split("\",").filter_map(|pair| pair.split_once('='));
    let labels = labels.map(|(label, _)| label.to_owned()).filter(|label| label != "le");
    (name.to_owned(), labels.collect())
}

#[tokio::test]
async fn what_is_rendered_is_documented_with_its_labels() {
    let world = busy().await;
    let text = world.admin("/metrics").await.expect(200).text();
    world.finish().await;
    let families = Metrics::new(Timestamp(0)).unwrap().families();
    let mut seen = BTreeSet::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, labels) = sample(line);
        let of = |family: &&Family| {
            let is_part = ["_bucket", "_sum", "_count"]
                .iter()
                .any(|part| name.strip_suffix(part) == Some(family.name));
            name == family.name || family.kind == "histogram" && is_part
        };
        let family = families.iter().find(of).unwrap_or_else(|| panic!("not documented: {line}"));
        let known: BTreeSet<String> = family.labels.iter().map(|it| (*it).to_owned()).collect();
        assert_eq!(labels, known, "{line}");
        seen.insert(family.name);
    }
    for wanted in [
        "switchyard_runs_total",
        "switchyard_run_failures_total",
        "switchyard_run_event_gap_seconds",
        "switchyard_run_tokens_total",
        "switchyard_limit_remaining_ratio",
        "switchyard_limit_permits_in_use",
        "switchyard_upstream_circuit",
        "switchyard_upstream_calls_limit",
        "switchyard_problems_total",
        "switchyard_pii_findings_total",
        "switchyard_store_commit_duration_seconds",
        "switchyard_audit_covered_timestamp_seconds",
        "process_resident_memory_bytes",
        "process_open_fds",
    ] {
        assert!(seen.contains(wanted), "{wanted} has not counted anything");
    }
}

#[tokio::test]
async fn names_follow_the_conventions_of_prometheus() {
    for Family { name, kind, labels, help } in Metrics::new(Timestamp(0)).unwrap().families() {
        assert!(name.starts_with("switchyard_") || name.starts_with("process_"), "{name}");
        assert_eq!(name.ends_with("_total"), kind == "counter", "{name}");
        assert!(help.ends_with('.') && help.len() > 10, "{name}: {help}");
        for scaled in ["_ms", "_millis", "_micros", "_percent", "_kib", "_mib", "_minutes"] {
            assert!(!name.contains(scaled), "{name} is not in a base unit");
        }
        // Nothing that callers choose: names of theirs, ids, paths, texts.
        for label in labels {
            let closed = [
                "action",
                "budget",
                "code",
                "decision",
                "direction",
                "entity",
                "issuer",
                "kind",
                "limit",
                "operation",
                "origin",
                "outcome",
                "priority",
                "reason",
                "state",
                "status",
                "unit",
                "upstream",
                "version",
            ];
            assert!(closed.contains(label), "{name}: is `{label}` of a closed set?");
        }
    }
    let world = busy().await;
    let text = world.admin("/metrics").await.expect(200).text();
    world.finish().await;
    let Ok(mut promtool) = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
    else {
        println!("skipped: there is no promtool here");
        return;
    };
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let said = promtool.wait_with_output().unwrap();
    let words = [&said.stdout[..], &said.stderr[..]].concat();
    assert!(said.status.success() && words.is_empty(), "{}", String::from_utf8_lossy(&words));
}

/// Sockets have runtimes of their own, and what is at work for callers is counted all the same.
#[tokio::test]
async fn the_tasks_of_streams_are_among_those_of_the_process() {
    const STREAMS: usize = 20;
    let world = World::start().await;
    world.get("/v1/upstreams").await.expect(200);
    let tasks = async || counted(&world, "switchyard_runtime_tasks").await;
    let before = tasks().await;
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        streams.push(opened(&world, "acp:two-events", "Hello").await);
    }
    // A connection, a run and a call each; this test itself has two tasks for each.
    let more = tasks().await - before;
    assert!(more >= 4.0 * STREAMS as f64, "{more} tasks more");
    drop(streams);
    until("they are over", async || tasks().await < before + 2.0 * STREAMS as f64).await;
    world.finish().await;
}
