//! `switchyard demo`: the simulated platforms, the gateway in front of them, and one request of
//! each kind, shown as the curl line that a user would type and the answer that came.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;

use crate::app::{App, Failure, Surrounding, Surroundings, commands, load_text};
use crate::simulator::server::Simulator;
use crate::simulator::stage::Options;
use crate::tasks::Tasks;

/// The demo's configuration; `PORT` stands for the simulator's.
const CONFIG: &str = include_str!("../../config/demo.yaml");

/// One shown call.
struct Shown {
    title: &'static str,
    method: Method,
    path: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
    expected: StatusCode,
}

const JSON: (&str, &str) = ("content-type", "application/json");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

fn post(title: &'static str, path: &'static str, body: &'static str) -> Shown {
    let headers = &[JSON];
    Shown { title, method: Method::POST, path, headers, body, expected: StatusCode::OK }
}

fn get(title: &'static str, path: &'static str) -> Shown {
    let expected = StatusCode::OK;
    Shown { title, method: Method::GET, path, headers: &[], body: "", expected }
}

fn calls() -> Vec<Shown> {
    vec![
        post(
            "Ask a Make agent and wait for the answer",
            "/v1/runs",
            r#"{"agent":"support","input":"Which tickets are open?","context":{"region":"EMEA"}}"#,
        ),
        post(
            "Ask an ACP agent and watch it work: tool calls, governance, text",
            "/v1/agents/researcher/runs",
            r#"{"input":"Find the latest figures","stream":true}"#,
        ),
        post(
            "Ask Zaia for structured output; the answer is held against the schema",
            "/v1/runs",
            r#"{"agent":"zaia:ok","input":"Sum it up","output_schema":{"type":"object","properties":{"summary":{"type":"string"}},"required":["summary"]}}"#,
        ),
        post(
            "Stream tokens from Agentbase, which knows nothing but streams",
            "/v1/agents/writer/runs",
            r#"{"input":"Say good morning","stream":true}"#,
        ),
        Shown {
            headers: &[FORM],
            ..post(
                "A webhook, as Zapier posts it: a form, nested keys flattened, text back",
                "/v1/hooks/support?reply=text",
                "input=Which+tickets+are+open%3F&context__region=EMEA",
            )
        },
        post(
            "ACP's own API, answered by a Zaia agent",
            "/acp/default/agents/zaia:ok/run",
            r#"{"input":"Hello","stream":false}"#,
        ),
        Shown {
            expected: StatusCode::ACCEPTED,
            ..post(
                "In the background: 202 at once, and where to look",
                "/v1/runs",
                r#"{"agent":"support","input":"Take your time","background":true}"#,
            )
        },
        get("The runs so far", "/v1/runs?limit=2"),
        Shown {
            expected: StatusCode::UNPROCESSABLE_ENTITY,
            ..post(
                "What a platform cannot do is refused, and named",
                "/v1/runs",
                r#"{"agent":"researcher","input":"Hi","model":"gpt-4o","limits":{"max_output_tokens":100}}"#,
            )
        },
        Shown {
            expected: StatusCode::BAD_GATEWAY,
            ..post(
                "A platform that breaks off in the middle",
                "/v1/runs",
                r#"{"agent":"acp:reset","input":"Hi"}"#,
            )
        },
    ]
}

/// What the demo's configuration may see: one pretend credential.
struct Pretend;

impl Surroundings for Pretend {
    fn env(&self, _: &str) -> Option<String> {
        Some("6f1e8d3a-0000-4000-8000-000000000001".to_owned())
    }
    fn file(&self, _: &std::path::Path) -> std::io::Result<String> {
        Err(std::io::Error::from(std::io::ErrorKind::NotFound))
    }
}

/// Runs the demo. With `once` it ends after the shown calls, and fails if one of them did.
pub(super) async fn demo(once: bool) -> Result<(), Failure> {
    let tasks = Tasks::default();
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    let simulator = Simulator::start(loopback, &tasks, Options::default()).await;
    let simulator = simulator.map_err(Failure::start)?;
    let text = CONFIG.replace("PORT", &simulator.addr().port().to_string());
    let mut config =
        load_text("config/demo.yaml", &text, &Pretend).map_err(Failure::Configuration)?;
    for address in [&mut config.listen.api, &mut config.listen.admin] {
        if tokio::net::TcpListener::bind(*address).await.is_err() {
            address.set_port(0);
        }
    }
    let app = App::start(&config, Surrounding::system())?;
    say(&format!(
        "Switchyard is up: callers at http://{}, operators at http://{}.\n\
         Behind it, simulated on {}: Make, Zaia, ACP and Agentbase.",
        app.api(),
        app.admin(),
        simulator.addr()
    ));
    let failed = show_all(&app).await;
    if !once {
        say(&format!(
            "\nServing on until Ctrl-C. Try the lines above, or a platform that misbehaves:\n\
             \n  curl -sN http://{}/v1/agents/acp:eof/runs -H 'content-type: application/json' \
             -d '{{\"input\":\"hi\",\"stream\":true}}'\n\
             \nWhat else the platforms can play: switchyard simulate --list",
            app.api()
        ));
        commands::stop_signal().await?;
    }
    app.drain().await;
    simulator.shutdown();
    match failed {
        0 => Ok(()),
        failed => {
            Err(Failure::Start(format!("{failed} of the shown calls did not go as expected")))
        }
    }
}

/// How many of the shown calls did not go as expected.
async fn show_all(app: &App) -> usize {
    let mut failed = 0;
    for shown in calls() {
        failed += usize::from(!show(app.api(), &shown).await);
    }
    let metrics = get("What Prometheus would scrape", "/metrics");
    failed + usize::from(!show_part(app.admin(), &metrics, "switchyard_runs_total{").await)
}

/// Makes a call and prints it with its whole answer; whether it went as expected.
async fn show(to: SocketAddr, shown: &Shown) -> bool {
    introduce(to, shown);
    match ask(to, shown).await {
        Ok((status, body)) => {
            say(&format!("{status}\n{}", pretty(&body)));
            status == shown.expected
        }
        Err(error) => {
            say(&format!("failed: {error}"));
            false
        }
    }
}

/// The same, but prints only the lines that begin with `prefix`, and expects some.
async fn show_part(to: SocketAddr, shown: &Shown, prefix: &str) -> bool {
    introduce(to, shown);
    let Ok((_, body)) = ask(to, shown).await else { return false };
    let text = String::from_utf8_lossy(&body);
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with(prefix)).collect();
    say(&format!("{}\n…", lines.join("\n")));
    !lines.is_empty()
}

fn introduce(to: SocketAddr, shown: &Shown) {
    let mut line = format!("curl -sN 'http://{to}{}'", shown.path);
    for (name, value) in shown.headers {
        line.push_str(&format!(" -H '{name}: {value}'"));
    }
    if !shown.body.is_empty() {
        line.push_str(&format!(" -d '{}'", shown.body));
    }
    say(&format!("\n── {}\n$ {line}", shown.title));
}

async fn ask(to: SocketAddr, shown: &Shown) -> Result<(StatusCode, Bytes), String> {
    let text = |error: &dyn std::error::Error| error.to_string();
    let stream = tokio::net::TcpStream::connect(to).await.map_err(|e| text(&e))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|e| text(&e))?;
    let mut request =
        Request::builder().method(&shown.method).uri(shown.path).header("host", to.to_string());
    for (name, value) in shown.headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::from(shown.body))).map_err(|e| text(&e))?;
    let exchange = async {
        let answer = sender.send_request(request).await.map_err(|e| text(&e))?;
        let status = answer.status();
        let body = answer.into_body().collect().await.map_err(|e| text(&e))?;
        Ok((status, body.to_bytes()))
    };
    // The connection is driven here, beside the exchange, and ends with it.
    tokio::pin!(connection);
    tokio::select! {
        answer = exchange => answer,
        gone = &mut connection => Err(format!("the connection ended: {gone:?}")),
    }
}

/// JSON on many lines; anything else as it is.
fn pretty(body: &Bytes) -> String {
    let json = serde_json::from_slice::<serde_json::Value>(body);
    let pretty = json.ok().and_then(|value| serde_json::to_string_pretty(&value).ok());
    pretty.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned())
}

#[expect(clippy::print_stdout, reason = "the demo is a conversation with whoever started it")]
fn say(text: &str) {
    println!("{text}");
}
