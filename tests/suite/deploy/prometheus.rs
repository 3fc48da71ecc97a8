//! A real Prometheus scrapes a gateway that is at work, and answers what every panel, rule and
//! alert asks.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::{alerts, dashboards, root, rules};
use crate::harness::{World, folder};

/// Rates need several scrapes, and how budgets stand is looked at every ten seconds.
const LONG: Duration = Duration::from_secs(90);

const POLICY: &str = r#"
limits:
  - { name: per-key, by: principal, requests: 100000, per: 1m, burst: 10000 }
  - { name: streams, by: principal, concurrent: 20 }
budgets:
  - { name: daily, by: workspace, usd: "500.00", runs: 100000, per: day, reserve: { usd: "0.01" } }
pii: { rules: [{ entities: [email], direction: both, action: mask }] }
"#;

/// A Prometheus of its own, which ends with this.
struct Prometheus {
    child: Child,
    address: String,
}

impl Prometheus {
    /// None where there is no such program.
    fn start(folder: &Path, gateway: &str) -> Option<Self> {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let rules = root().join("deploy/prometheus");
        let rules = rules.display();
        let config = format!(
            "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\n\
             rule_files: [\"{rules}/rules.yml\", \"{rules}/alerts.yml\"]\n\
             scrape_configs: [{{ job_name: switchyard, static_configs: [{{ targets: [\"{gateway}\"] }}] }}]\n"
        );
        let file = folder.join("prometheus.yml");
        std::fs::write(&file, config).unwrap();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("tsdb").display()))
            .arg(format!("--web.listen-address={free}"))
            .arg("--log.level=error")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .ok()?;
        Some(Self { child, address: free.to_string() })
    }

    /// Whether it has data for a question: a number, at least one.
    async fn answers(&self, world: &World, question: &str) -> bool {
        let question = utf8_percent_encode(question, NON_ALPHANUMERIC);
        let uri = format!("http://{}/api/v1/query?query={question}", self.address);
        let request = Request::get(uri).body(Full::<Bytes>::default()).unwrap();
        let answer = world.open(request).await;
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        let Ok(json) = serde_json::from_slice::<Value>(&body) else { return false };
        assert_ne!(json["errorType"], "bad_data", "{json}");
        let results = json["data"]["result"].as_array().into_iter().flatten();
        results.map(|result| &result["value"][1]).any(|value| value != "NaN")
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

/// An alert's question without what it is compared with: what it looks at, which is there when all
/// is well.
fn looked_at(alert: &str) -> Vec<String> {
    let parts = alert.split(" and ").map(|part| {
        let (question, bound) = part.rsplit_once([' ']).unwrap();
        assert!(bound.parse::<f64>().is_ok(), "{alert} does not end in a number");
        let (question, comparison) = question.rsplit_once(' ').unwrap();
        assert!(["==", ">", "<"].contains(&comparison), "{alert}");
        question.to_owned()
    });
    parts.collect()
}

#[tokio::test]
async fn every_panel_rule_and_alert_has_data_of_a_gateway_at_work() {
    let world = World::with(POLICY).await;
    let folder = folder();
    let Some(prometheus) = Prometheus::start(&folder, &world.app.admin().to_string()) else {
        println!("skipped: there is no prometheus here");
        world.finish().await;
        return;
    };
    let asked = dashboards().into_iter().chain(rules("deploy/prometheus/rules.yml"));
    let mut missing: Vec<(String, String)> = asked.collect();
    for (name, question) in alerts() {
        missing.extend(looked_at(&question).into_iter().map(|part| (name.clone(), part)));
    }
    let began = Instant::now();
    // It takes a moment to listen.
    while tokio::net::TcpStream::connect(&prometheus.address).await.is_err() {
        assert!(began.elapsed() < LONG, "Prometheus does not listen");
        tokio::task::yield_now().await;
    }
    while !missing.is_empty() {
        assert!(began.elapsed() < LONG, "no data for {missing:#?}");
        for agent in ["make:ok", "zaia:ok", "acp:ok", "acp:tools", "acp:html-error"] {
            world.run(agent, json!({"input": "Write to anna@example.com"})).await;
        }
        let body = json!({"agent": "agentbase:ok", "input": "Hello", "stream": true});
        world.stream("/v1/runs", &body).await.all().await;
        world.get("/v1/runs/run_none").await;
        let mut still = Vec::new();
        for (name, question) in missing {
            if !prometheus.answers(&world, &question).await {
                still.push((name, question));
            }
        }
        missing = still;
    }
    drop(prometheus);
    world.finish().await;
    std::fs::remove_dir_all(folder).ok();
}
