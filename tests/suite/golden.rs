//! Golden files of the vendors: `tests/golden/<vendor>/<case>/`.
//!
//! A case is a directory with
//! - `run.json`: the upstream as configured, the agent, the thread, the run request, and
//!   optionally `answer_headers` of the platform's answer;
//! - `upstream-request.json`: what the vendor sends, or `refused.json`: why it does not;
//! - optionally the platform's answer, one of `upstream.sse`, `upstream.json`,
//!   `upstream.<status>.<extension>`, and `poll.1.json`, `poll.2.json`, … for what it answers when
//!   it is asked again; then `events.jsonl`: what the decoder makes of it, an event a line.
//!
//! `UPDATE_GOLDEN=1 cargo test --test suite golden` writes what is expected; read the difference
//! before it is committed. Invariant: a case without an expectation fails.

mod input;
mod render;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use switchyard::error::Error;
use switchyard::model::plan::Plan;
use switchyard::model::run::Warning;
use switchyard::outbound::{self, Decode, Exchange, Step, Vendor};
use switchyard::wire::sse::Frame;

/// The request schemas that were restated from what the platforms publish.
const SCHEMAS: &[(&str, &str)] = &[("make", "run.schema.json"), ("zaia", "execute.schema.json")];

#[test]
fn every_case_is_as_expected() {
    let mut failures = Vec::new();
    let mut cases = 0;
    for vendor in directories(&root()) {
        let schema = request_schema(&vendor);
        for case in directories(&vendor) {
            cases += 1;
            if let Err(failure) = check(&case, schema.as_ref()) {
                failures.push(format!("{}: {failure}", case.display()));
            }
        }
    }
    assert!(cases > 0, "there are no golden cases");
    assert!(failures.is_empty(), "{} of {cases} cases:\n{}", failures.len(), failures.join("\n"));
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn directories(of: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(of).unwrap_or_else(|error| panic!("{}: {error}", of.display()));
    let mut found: Vec<_> =
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    found.sort();
    found
}

fn request_schema(vendor: &Path) -> Option<jsonschema::Validator> {
    let name = vendor.file_name()?.to_str()?;
    let (_, file) = SCHEMAS.iter().find(|(kind, _)| *kind == name)?;
    let schema: Value = serde_json::from_slice(&fs::read(vendor.join(file)).unwrap()).unwrap();
    Some(jsonschema::validator_for(&schema).unwrap())
}

/// One case: what the vendor sends, and what its decoder makes of the answer.
fn check(case: &Path, schema: Option<&jsonschema::Validator>) -> Result<(), String> {
    let mut run = input::read(&case.join("run.json"))?;
    let vendor = outbound::build(&run.upstream).map_err(|errors| format!("build: {errors:?}"))?;
    let (exchange, warnings) = match begin(vendor.as_ref(), &mut run.plan) {
        Ok(begun) => begun,
        Err(error) => {
            absent(case, &["upstream-request.json", "events.jsonl"])?;
            return expect(case, "refused.json", &pretty(&render::error(&error)));
        }
    };
    absent(case, &["refused.json"])?;
    let request = render::request(&exchange.request);
    if let Some(schema) = schema {
        let wrong: Vec<_> = schema.iter_errors(&request["body"]).map(|e| e.to_string()).collect();
        if !wrong.is_empty() {
            return Err(format!("the body breaks the platform's schema: {}", wrong.join("; ")));
        }
    }
    let mut sent = request;
    sent["is_streamed"] = json!(exchange.is_streamed);
    sent["warnings"] = serde_json::to_value(warnings).unwrap();
    expect(case, "upstream-request.json", &pretty(&sent))?;
    match answer_of(case)? {
        None => absent(case, &["events.jsonl"]),
        Some(answer) => {
            let events = replay(case, vendor.as_ref(), &run.answer_headers, exchange, &answer)?;
            // What cases call a secret is what a platform echoes and nobody may be shown.
            if events.contains("SECRET") {
                return Err("a secret of the platform's answer is passed on".to_owned());
            }
            expect(case, "events.jsonl", &events)
        }
    }
}

/// What admission and the vendor make of a run.
fn begin(vendor: &dyn Vendor, plan: &mut Plan) -> Result<(Exchange, Vec<Warning>), Error> {
    let upstream = plan.upstream.clone();
    let mut warnings = vendor.capabilities().admit(&mut plan.request, &upstream)?;
    let exchange = vendor.start(plan)?;
    warnings.extend(exchange.warnings.iter().cloned());
    Ok((exchange, warnings))
}

/// A platform's answer, as a file of the case gives it.
struct Answer {
    status: http::StatusCode,
    is_stream: bool,
    body: Vec<u8>,
}

fn answer_of(case: &Path) -> Result<Option<Answer>, String> {
    let mut answers = Vec::new();
    for entry in fs::read_dir(case).map_err(|error| error.to_string())? {
        let path = entry.map_err(|error| error.to_string())?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some(rest) = name.strip_prefix("upstream.") else { continue };
        let status = rest.split_once('.').map_or("200", |(status, _)| status);
        answers.push(Answer {
            status: status.parse().map_err(|_| format!("{name}: no status"))?,
            is_stream: rest == "sse",
            body: fs::read(&path).map_err(|error| error.to_string())?,
        });
    }
    match answers.len() {
        0 | 1 => Ok(answers.pop()),
        _ => Err("there is more than one upstream answer".to_owned()),
    }
}

/// Feeds the answer to the decoder as the gateway would; the events as lines.
fn replay(
    case: &Path,
    vendor: &dyn Vendor,
    headers: &http::HeaderMap,
    exchange: Exchange,
    answer: &Answer,
) -> Result<String, String> {
    let mut decoder = exchange.decoder;
    let mut events = Vec::new();
    if !answer.status.is_success() {
        let error = vendor.failure(answer.status, headers, &answer.body);
        return Ok(lines(&[json!({ "error": render::error(&error) })]));
    }
    if answer.is_stream {
        let outcome = stream(decoder.as_mut(), &answer.body, &mut events);
        let mut shown: Vec<_> = events.iter().map(render::event).collect();
        if let Err(error) = outcome {
            shown.push(json!({ "error": render::error(&error) }));
        }
        return Ok(lines(&shown));
    }
    let mut shown = Vec::new();
    let mut body = answer.body.clone();
    for poll in 1.. {
        let outcome = decoder.whole(&body, &mut events);
        shown.extend(events.drain(..).map(|event| render::event(&event)));
        match outcome {
            Ok(Step::Done) => break,
            Ok(Step::AskAgain(request, after)) => {
                let mut asked = render::request(&request);
                asked["after_ms"] = json!(after.as_millis());
                shown.push(json!({ "ask_again": asked }));
            }
            Err(error) => {
                shown.push(json!({ "error": render::error(&error) }));
                break;
            }
        }
        match fs::read(case.join(format!("poll.{poll}.json"))) {
            Ok(next) => body = next,
            Err(_) => break,
        }
    }
    Ok(lines(&shown))
}

/// Cuts a well-formed stream at its blank lines. The product's own decoder has its own tests.
fn stream(
    decoder: &mut dyn Decode,
    body: &[u8],
    events: &mut Vec<switchyard::model::event::RunEvent>,
) -> Result<(), Error> {
    let text = std::str::from_utf8(body).expect("a golden stream is UTF-8");
    for block in text.split("\n\n") {
        let (mut event, mut data) = ("", Vec::new());
        for line in block.lines() {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match name {
                "event" => event = value,
                "data" => data.push(value),
                _ => {}
            }
        }
        if !data.is_empty() {
            decoder.frame(Frame { event, data: &data.join("\n") }, events)?;
        }
    }
    decoder.end_of_stream(events)
}

fn lines(values: &[Value]) -> String {
    values.iter().map(|value| format!("{value}\n")).collect()
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// Compares with what is expected, or writes it when asked to.
fn expect(case: &Path, file: &str, actual: &str) -> Result<(), String> {
    let path = case.join(file);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        return fs::write(&path, actual).map_err(|error| error.to_string());
    }
    match fs::read_to_string(&path) {
        Ok(expected) if expected == actual => Ok(()),
        Ok(expected) => {
            Err(format!("{file} differs\n--- expected\n{expected}+++ actual\n{actual}"))
        }
        Err(_) => Err(format!("{file} is missing; it would be\n{actual}")),
    }
}

/// Files that this case must not have: they would be expectations that nobody holds up.
fn absent(case: &Path, files: &[&str]) -> Result<(), String> {
    match files.iter().find(|file| case.join(file).exists()) {
        Some(file) => Err(format!("{file} is there, but the case does not get that far")),
        None => Ok(()),
    }
}

#[test]
fn the_restated_schemas_refuse_wrong_bodies() {
    let text = || json!({"role": "user", "content": "hi"});
    let make = request_schema(&root().join("make")).unwrap();
    let good = json!({"messages": [text()], "threadId": "t", "config": {}});
    assert!(make.is_valid(&good));
    for (pointer, wrong) in [
        ("/config", json!(null)),
        ("/config", json!({"llmConfig": {"maxTokens": 1}})),
        ("/config", json!({"scenarios": [{"makeScenarioId": 0}]})),
        ("/config", json!({"mcpConfigs": [{"mcpConnectionId": 1}]})),
        ("/config", json!({"outputParser": {"type": "make-schema", "schema": []}})),
        (
            "/config",
            json!({"outputParser": {"type": "make-schema",
            "schema": [{"name": "a", "type": "collection", "spec": [{"type": "array", "spec": {}}]}]}}),
        ),
        ("/threadId", json!("")),
        ("/messages", json!([])),
        ("/messages/0/role", json!("system")),
    ] {
        let mut body = good.clone();
        *body.pointer_mut(pointer).unwrap() = wrong.clone();
        assert!(!make.is_valid(&body), "{pointer}: {wrong}");
    }
    let zaia = request_schema(&root().join("zaia")).unwrap();
    let file = json!({"base64": "data:image/png;base64,AA==", "extension": "png"});
    let good = json!({
        "messages": [{"role": "user", "content": "hi", "attachments": [file]}],
        "context": "",
        "output": {"type": "object", "properties": {"a": {"type": "string"}}},
    });
    assert!(zaia.is_valid(&good));
    for (pointer, wrong) in [
        ("/context", json!({"a": 1})),
        ("/messages/0", text()),
        ("/messages/0/attachments/0/base64", json!("AA==")),
        ("/messages/0/attachments/0/extension", json!("gif")),
        ("/output/type", json!("array")),
        ("/output/properties/a", json!({"$ref": "#"})),
        ("/output/properties/a", json!({"type": "string", "pattern": "x"})),
        ("/output/properties/a", json!({"type": "array", "items": {"oneOf": []}})),
    ] {
        let mut body = good.clone();
        *body.pointer_mut(pointer).unwrap() = wrong.clone();
        assert!(!zaia.is_valid(&body), "{pointer}: {wrong}");
    }
}
