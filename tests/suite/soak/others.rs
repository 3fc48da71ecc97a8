//! What callers of a soak do besides runs of the unified API: webhooks, the trigger API of ACP, the
//! proxy, what is refused, agents, operations, and connections that come to nothing.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::callers::{Caller, Done, done};
use super::desk::outcome;
use super::runs::{self, pick};
use crate::callers::sign_webhook;
use crate::governed::TRIAL;
use crate::harness::{Events, HOOK_SECRET, KEY, PATIENCE};

impl Caller {
    pub async fn hook(&mut self) -> Done {
        let wanted = runs::any(&mut self.random);
        let path = format!("/v1/hooks/{}", wanted.agent);
        let request = self.desk.request(KEY, Method::POST, &path);
        let body = json!({ "input": wanted.input, "context__region": "EMEA" }).to_string();
        let answer = self.desk.send(request.body(Full::from(body)).unwrap()).await;
        match answer.status.as_u16() {
            202 if wanted.agent == "acp:late" => done(&wanted.name, "202"),
            _ => wanted.ended(outcome(&answer)),
        }
    }

    pub async fn signed_hook(&mut self) -> Done {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
        let (id, body) = (format!("msg_{}", self.random.number()), r#"{"input":"Hello"}"#);
        let is_forged = self.below(4) == 0;
        let signed = if is_forged { "{}" } else { body };
        let request = Request::post(format!("http://{}/v1/hooks/acp:ok", self.desk.api))
            .header("content-type", "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", now)
            .header("webhook-signature", sign_webhook(HOOK_SECRET, &id, now, signed));
        let answer = self.desk.send(request.body(Full::from(body)).unwrap()).await;
        let expected = if is_forged { "unauthenticated" } else { "completed" };
        assert_eq!(outcome(&answer), expected);
        done("", expected)
    }

    pub async fn late_hook(&mut self) -> Done {
        let answer = self.desk.post("/v1/hooks/acp:late", &json!({ "input": "Hello" })).await;
        let id = answer.expect(202).json()["id"].as_str().unwrap().to_owned();
        assert_eq!(self.polled(&id).await["status"], "completed");
        done("", "completed")
    }

    pub async fn acp(&mut self) -> Done {
        let wanted = runs::any(&mut self.random);
        let path = format!("/acp/acme/agents/{}/run", wanted.agent);
        let is_stream = self.below(2) == 0;
        let body = json!({ "input": wanted.input, "stream": is_stream });
        let answer = self.desk.send(self.desk.json(&path, &body)).await;
        let text = answer.text();
        match answer.status.as_u16() {
            200 if is_stream => {
                let end = text.lines().rev().find_map(|line| line.strip_prefix("data: "));
                let end: Value = serde_json::from_str(end.expect("no event")).unwrap();
                let is_end = ["done", "error"].contains(&end["type"].as_str().unwrap());
                assert!(is_end, "{}: {text}", wanted.name);
            }
            200 => assert_eq!(answer.json()["status"], "completed", "{}: {text}", wanted.name),
            // It has no codes, so a healthy run that is refused is all that can be seen.
            _ => assert!(wanted.ends != ["completed"], "{}: {text}", wanted.name),
        }
        done(&wanted.name, answer.status.as_str())
    }

    /// A platform's own API: whatever it answers comes back, and what broke off breaks off.
    pub async fn proxied(&mut self) -> Done {
        let paths = ["ok", "tools", "html-error", "reset", "head-reset", "idle", "garbage"];
        let (scenario, is_stream) = (pick(&mut self.random, &paths), self.below(2) == 0);
        let path = format!("/proxy/acp/acme/agents/{scenario}/run");
        let body = json!({ "input": "Ask ada@example.com", "stream": is_stream });
        let answer = self.desk.open(self.desk.json(&path, &body)).await;
        let status = answer.status().as_u16();
        let read = tokio::time::timeout(2 * PATIENCE, answer.into_body().collect()).await;
        let is_whole = read.expect("no end").is_ok();
        match scenario {
            "ok" | "tools" => assert!(status == 200 && is_whole, "{scenario}: {status}"),
            "html-error" => assert!(status == 502 && is_whole, "{scenario}: {status}"),
            // What is no JSON cannot be examined, so a rule keeps it back.
            "garbage" => assert!([200, 502].contains(&status), "{scenario}: {status}"),
            _ => assert!([200, 502, 504].contains(&status), "{scenario}: {status}"),
        }
        self.desk.get("/proxy/zaia/api/v1/agents").await.expect(200);
        done(scenario, &format!("{status}{}", if is_whole { "" } else { ", broken off" }))
    }

    pub async fn refused(&mut self) -> Done {
        let run = json!({ "agent": "acp:ok", "input": "Hello" });
        let (kind, (status, code)) = pick(
            &mut self.random,
            &[
                ("key", (401, "unauthenticated")),
                ("agent", (404, "agent_not_found")),
                ("large", (413, "content_too_large")),
                ("json", (400, "invalid_request")),
                ("field", (400, "invalid_request")),
                ("unsupported", (422, "unsupported_by_upstream")),
                ("run", (404, "run_not_found")),
                ("path", (404, "not_found")),
                ("proxy", (403, "forbidden")),
            ],
        );
        let answer = match kind {
            "key" => {
                let key = format!("a-guess-{}", self.random.number());
                let request = self.desk.request(&key, Method::POST, "/v1/runs");
                self.desk.send(request.body(Full::from(run.to_string())).unwrap()).await
            }
            "agent" => self.desk.post("/v1/agents/nobody/runs", &json!({ "input": "x" })).await,
            "large" => {
                let large = "x".repeat(70_000);
                self.desk.post("/v1/runs", &json!({ "agent": "acp:ok", "input": large })).await
            }
            "json" => {
                let request = self.desk.request(KEY, Method::POST, "/v1/runs");
                self.desk.send(request.body(Full::from("{\"agent\":")).unwrap()).await
            }
            "field" => self.desk.post("/v1/runs", &json!({ "agent": "acp:ok", "colour": 1 })).await,
            "unsupported" => {
                let body = json!({ "agent": "acp:ok", "input": "x", "model": "m" });
                self.desk.post("/v1/runs", &body).await
            }
            "run" => self.desk.get("/v1/runs/run_00000000000000000000000000000000").await,
            "proxy" => self.desk.get("/proxy/acp/acme/secrets").await,
            _ => self.desk.get("/v1/nothing").await,
        };
        answer.problem(status, code);
        done(kind, code)
    }

    /// Somebody with a small limit and a budget that is soon used up.
    pub async fn limited(&mut self) -> Done {
        let request = self.desk.request(TRIAL, Method::POST, "/v1/runs");
        let body = json!({ "agent": "acp:ok", "input": "Hello" }).to_string();
        let outcome = outcome(&self.desk.send(request.body(Full::from(body)).unwrap()).await);
        let ends = ["completed", "rate_limited", "budget_exhausted"];
        assert!(ends.contains(&&*outcome), "{outcome}");
        done("", &outcome)
    }

    pub async fn agents(&mut self) -> Done {
        self.desk.get("/v1/agents?limit=5").await.expect(200);
        self.desk.get("/v1/agents/acp:ok").await.expect(200);
        let body = json!({ "upstream": "agentbase", "name": "Clerk", "instructions": "You file." });
        let made = self.desk.post("/v1/agents", &body).await.expect(201).json();
        let path = format!("/v1/agents/{}", made["id"].as_str().unwrap());
        let change = self.desk.request(KEY, Method::PATCH, &path);
        self.desk.send(change.body(Full::from(r#"{"name":"Writer"}"#)).unwrap()).await.expect(200);
        let delete = self.desk.request(KEY, Method::DELETE, &path);
        self.desk.send(delete.body(Full::default()).unwrap()).await.expect(200);
        done("", "made and deleted")
    }

    pub async fn operator(&mut self) -> Done {
        let path = pick(
            &mut self.random,
            &[
                "/metrics",
                "/healthz",
                "/readyz",
                "/openapi.json",
                "/admin/config",
                "/admin/keys",
                "/admin/audit?limit=50",
                "/admin/audit?stage=ended&limit=20",
                "/admin/audit/checkpoints?limit=10",
                "/admin/explain",
            ],
        );
        let request = match path {
            "/admin/explain" => {
                let question = json!({ "key": "other", "agent": "acp:ok" });
                self.desk.operation(Method::POST, path, &question)
            }
            _ => self.desk.operation(Method::GET, path, &Value::Null),
        };
        self.desk.send(request).await.expect(200);
        self.desk.get("/v1/upstreams").await.expect(200);
        self.desk.get("/v1/runs?limit=10").await.expect(200);
        done(path, "200")
    }

    /// Follows the record for a moment.
    pub async fn tail(&mut self) -> Done {
        let request = self.desk.operation(Method::GET, "/admin/audit/tail", &Value::Null);
        let mut tail = Events::of(self.desk.open(request).await);
        self.desk.post("/v1/runs", &json!({ "agent": "acp:ok", "input": "x" })).await.expect(200);
        assert_eq!(tail.next().await.expect("a record").name, "record");
        done("", "left")
    }

    /// Connects, sends a part of a request, or what is none, and goes.
    pub async fn half_a_request(&mut self) -> Done {
        let part = pick(
            &mut self.random,
            &[
                "",
                "POST /v1/ru",
                "POST /v1/runs HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{\"agent\":",
                "HTP/9 banana\r\n\r\n",
            ],
        );
        let mut socket = TcpStream::connect(self.desk.api).await.unwrap();
        socket.write_all(part.as_bytes()).await.unwrap();
        let mut said = [0; 256];
        let moment = Duration::from_millis(self.below(300));
        // Whatever it says, and whether it says anything: nobody hears the end of it.
        let _heard = tokio::time::timeout(moment, socket.read(&mut said)).await;
        done("", "left")
    }
}
