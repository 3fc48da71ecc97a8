//! What is in `deploy/`, held to the gateway: each figure that a panel, a rule or an alert asks for
//! is one that it gives, each alert has its line in the runbook, and each manifest can be read.

mod prometheus;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use saphyr::{LoadableYamlNode, Yaml};
use serde_json::Value;
use switchyard::app::{Surroundings, load_text};
use switchyard::clock::Timestamp;
use switchyard::telemetry::metrics::Metrics;

use crate::harness::{Pretend, STORE_KEY};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Each document of a file of YAML.
fn documents(text: &str) -> Vec<Yaml<'_>> {
    let documents = Yaml::load_from_str(text).unwrap_or_else(|error| panic!("{error}"));
    assert!(!documents.is_empty());
    documents
}

fn words<'a>(of: &'a Yaml<'_>, key: &str) -> &'a str {
    of.as_mapping_get(key).and_then(Yaml::as_str).unwrap_or_default()
}

/// The rules of a file: name and question.
fn rules(path: &str) -> Vec<(String, String)> {
    let text = text(path);
    let documents = documents(&text);
    let mut rules = Vec::new();
    for group in documents[0]["groups"].as_sequence().unwrap() {
        for rule in group["rules"].as_sequence().unwrap() {
            let name = [words(rule, "alert"), words(rule, "record")].concat();
            rules.push((name, words(rule, "expr").trim().to_owned()));
        }
    }
    rules
}

fn alerts() -> Vec<(String, String)> {
    rules("deploy/prometheus/alerts.yml")
}

/// The questions of a dashboard: the panel's title, and what it asks.
fn panels(path: &str) -> Vec<(String, String)> {
    let board: Value = serde_json::from_str(&text(path)).unwrap();
    let mut asked = Vec::new();
    for panel in board["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap();
        for target in panel["targets"].as_array().into_iter().flatten() {
            let question = target["expr"].as_str().unwrap();
            let question = question.replace("$upstream", ".*").replace("$__rate_interval", "1m");
            asked.push((format!("{path}: {title}"), question.replace("$__range", "1h")));
        }
    }
    assert!(asked.len() > 20, "{path} asks little");
    asked
}

fn dashboards() -> Vec<(String, String)> {
    ["operations", "usage"]
        .iter()
        .flat_map(|name| panels(&format!("deploy/grafana/{name}.json")))
        .collect()
}

/// The names of figures in a question.
fn names(question: &str) -> BTreeSet<String> {
    let words = question.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':');
    let is_figure = |word: &&str| {
        ["switchyard_", "switchyard:", "process_"].iter().any(|start| word.starts_with(start))
    };
    words.filter(is_figure).map(str::to_owned).collect()
}

#[test]
fn every_panel_rule_and_alert_asks_for_figures_that_there_are() {
    let mut known: BTreeSet<String> = BTreeSet::new();
    for family in Metrics::new(Timestamp(0)).unwrap().families() {
        known.insert(family.name.to_owned());
        if family.kind == "histogram" {
            known
                .extend(["_bucket", "_sum", "_count"].map(|part| format!("{}{part}", family.name)));
        }
    }
    let recorded = rules("deploy/prometheus/rules.yml");
    known.extend(recorded.iter().map(|(name, _)| name.clone()));
    for (place, question) in dashboards().into_iter().chain(recorded).chain(alerts()) {
        for name in names(&question) {
            assert!(known.contains(&name), "{place}: there is no {name}");
        }
    }
}

#[test]
fn every_alert_has_a_line_in_the_runbook_and_no_other() {
    let readme = text("README.md");
    let runbook = readme.split("### Runbook\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let lines = runbook.lines().filter_map(|line| line.strip_prefix("| `Switchyard"));
    let said: Vec<String> =
        lines.map(|line| format!("Switchyard{}", line.split('`').next().unwrap())).collect();
    let there: Vec<String> = alerts().into_iter().map(|(name, _)| name).collect();
    assert_eq!(said, there);
}

/// What a command says; none where there is no such program.
fn said(command: &mut Command) -> Option<Output> {
    let output = command.output().ok();
    if output.is_none() {
        println!("skipped: there is no {} here", command.get_program().display());
    }
    output
}

#[test]
fn the_rules_pass_their_own_tests() {
    let folder = root().join("deploy/prometheus");
    for arguments in [
        &["check", "rules", "rules.yml", "alerts.yml"][..],
        &["check", "config", "--syntax-only", "prometheus.yml"],
        &["test", "rules", "rules_test.yml"],
    ] {
        let Some(output) = said(Command::new("promtool").args(arguments).current_dir(&folder))
        else {
            return;
        };
        let words = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {words}");
    }
    let tested = text("deploy/prometheus/rules_test.yml");
    for (name, _) in alerts() {
        assert!(tested.contains(&format!("alertname=\"{name}\"")), "{name} is never seen to fire");
    }
}

struct Production;

impl Surroundings for Production {
    fn env(&self, name: &str) -> Option<String> {
        Some(match name {
            "STORE_URL" => "postgres://switchyard:secret@store/switchyard".to_owned(),
            "COUNTERS_URL" => "redis://counters:6379".to_owned(),
            "STORE_KEY" | "KEY_PEPPER" => STORE_KEY.to_owned(),
            _ => return Pretend.env(name),
        })
    }
    fn file(&self, path: &Path) -> std::io::Result<String> {
        Pretend.file(path)
    }
}

#[test]
fn the_production_configuration_is_valid_and_the_manifest_has_the_same() {
    let production = text("config/production.yaml");
    let policies = root().join("config/policies").display().to_string();
    let here = production.replace("/etc/switchyard/policies", &policies);
    assert_ne!(here, production);
    load_text("production.yaml", &here, &Production).unwrap_or_else(|report| panic!("{report}"));

    let manifest = text("deploy/kubernetes/configuration.yaml");
    let documents = documents(&manifest);
    let map = documents.iter().find(|it| words(it, "kind") == "ConfigMap").unwrap();
    assert_eq!(words(&map["data"], "gateway.yaml"), production);
    // Whatever it reads of its surroundings, each way to run it gives it.
    let secret = documents.iter().find(|it| words(it, "kind") == "Secret").unwrap();
    let compose = text("deploy/compose.yaml");
    for name in production.split("${env:").skip(1).map(|rest| rest.split('}').next().unwrap()) {
        assert!(secret["stringData"].as_mapping_get(name).is_some(), "the Secret lacks {name}");
        assert!(compose.contains(&format!("      {name}: ")), "compose.yaml lacks {name}");
    }
}

#[test]
fn the_manifests_can_be_read_and_keep_their_promises() {
    let manifest = text("deploy/kubernetes/switchyard.yaml");
    let documents = documents(&manifest);
    let kinds: Vec<&str> = documents.iter().map(|it| words(it, "kind")).collect();
    for kind in ["Deployment", "Service", "PodDisruptionBudget", "HorizontalPodAutoscaler"] {
        assert!(kinds.contains(&kind), "there is no {kind}");
    }
    let deployment = documents.iter().find(|it| words(it, "kind") == "Deployment").unwrap();
    let pod = &deployment["spec"]["template"]["spec"];
    assert_eq!(pod["securityContext"]["runAsNonRoot"].as_bool(), Some(true));
    let container = &pod["containers"][0];
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"].as_bool(), Some(true));
    assert_eq!(words(&container["readinessProbe"]["httpGet"], "path"), "/readyz");
    assert_eq!(words(&container["livenessProbe"]["httpGet"], "path"), "/healthz");
    assert!(manifest.contains("{ name: switchyard_open_streams }"));

    let compose = text("deploy/compose.yaml");
    let services = &self::documents(&compose)[0]["services"];
    for service in ["gateway", "postgres", "redis", "prometheus", "grafana"] {
        assert!(services.as_mapping_get(service).is_some(), "compose.yaml lacks {service}");
    }
    for mounted in compose.lines().filter_map(|line| line.trim().strip_prefix("- ./")) {
        let path = PathBuf::from("deploy").join(mounted.split(':').next().unwrap());
        assert!(root().join(&path).exists(), "compose.yaml mounts {}", path.display());
    }
    for path in [
        "deploy/grafana/provisioning/datasources/prometheus.yaml",
        "deploy/grafana/provisioning/dashboards/switchyard.yaml",
        "deploy/prometheus/prometheus.yml",
    ] {
        drop(self::documents(&text(path)));
    }
}

#[test]
fn the_unit_leaves_the_service_little() {
    let unit = root().join("deploy/switchyard.service");
    // The exposure in tenths: 2.0 of 10 at most.
    let arguments = ["security", "--offline=true", "--threshold=20", "--no-pager"];
    let Some(output) = said(Command::new("systemd-analyze").args(arguments).arg(unit)) else {
        return;
    };
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{words}");
}
