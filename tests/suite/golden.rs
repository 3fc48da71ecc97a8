//! Golden files of the vendors: `tests/golden/<vendor>/<case>/`.
//!
//! A case is a directory with
//! - `run.json`: the upstream as configured, the agent, the thread, the run request as its caller
//!   sends it, and optionally `answer_headers` of the platform's answer;
//! - `upstream-request.json`: what the vendor sends, or `refused.json`: why it does not;
//! - optionally the platform's answer, one of `upstream.sse`, `upstream.json`,
//!   `upstream.<status>.<extension>`, and `poll.1.json`, `poll.2.json`, … for what it answers when
//!   it is asked again; then `events.jsonl`: what the decoder makes of it, an event a line,
//!   `unified.json`: the Run that a caller reads, and for streams `unified.sse` and `acp.sse`: the
//!   events that callers of the two faces are sent.
//!
//! `UPDATE_GOLDEN=1 cargo test --test suite golden` writes what is expected; read the difference
//! before it is committed. Invariant: a case without an expectation fails.

mod agents;
mod faces;
mod input;
mod render;

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use switchyard::error::Error;
use switchyard::model::plan::Plan;
use switchyard::model::run::Warning;
use switchyard::outbound::{self, Decode, Exchange, Step, Vendor};
use switchyard::wire::sse;

/// The request schemas that were restated from what the platforms publish.
const SCHEMAS: &[(&str, &str)] = &[("make", "run.schema.json"), ("zaia", "execute.schema.json")];

// Paused, so that platforms are asked again, and runs end at their bound, at once.
#[tokio::test(start_paused = true)]
async fn every_case_is_as_expected() {
    let mut failures = Vec::new();
    let mut cases = 0;
    let vendors = directories(&root());
    for vendor in vendors.into_iter().filter(|vendor| !vendor.ends_with("agents")) {
        let schema = request_schema(&vendor);
        for case in directories(&vendor) {
            cases += 1;
            if let Err(failure) = check(&case, schema.as_ref()).await {
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

/// One case: what the vendor sends, what its decoder makes of the answer, and what callers get.
async fn check(case: &Path, schema: Option<&jsonschema::Validator>) -> Result<(), String> {
    let mut run = input::read(&case.join("run.json"))?;
    let vendor = outbound::build(&run.upstream).map_err(|errors| format!("build: {errors:?}"))?;
    let (exchange, warnings) = match begin(vendor.as_ref(), &mut run.plan) {
        Ok(begun) => begun,
        Err(error) => {
            absent(case, &[&["upstream-request.json"], ANSWERED].concat())?;
            return expect(case, "refused.json", &pretty(&render::error(&error)));
        }
    };
    absent(case, &["refused.json"])?;
    let mut sent = render::request(&exchange.request);
    if let Some(schema) = schema {
        let wrong: Vec<_> = schema.iter_errors(&sent["body"]).map(|e| e.to_string()).collect();
        if !wrong.is_empty() {
            return Err(format!("the body breaks the platform's schema: {}", wrong.join("; ")));
        }
    }
    sent["is_streamed"] = json!(exchange.is_streamed);
    sent["warnings"] = json!([&warnings[..], &exchange.warnings[..]].concat());
    expect(case, "upstream-request.json", &pretty(&sent))?;
    let answers = answers_of(case)?;
    let Some(first) = answers.front() else { return absent(case, ANSWERED) };
    let is_stream = first.is_stream;
    let events = replay(vendor.as_ref(), &run.answer_headers, exchange, &answers)?;
    public(case, "events.jsonl", &events)?;
    let faces = faces::play(run, vendor, warnings, answers).await;
    public(case, "unified.json", &pretty(&json!(faces.run)))?;
    if !is_stream {
        return absent(case, &["unified.sse", "acp.sse"]);
    }
    public(case, "unified.sse", &faces.unified)?;
    public(case, "acp.sse", &faces.acp)
}

/// What only a case with a platform's answer has.
const ANSWERED: &[&str] = &["events.jsonl", "unified.json", "unified.sse", "acp.sse"];

/// Holds what leaves the gateway against the case. What cases call a secret is what a platform
/// echoes and nobody may be shown.
fn public(case: &Path, file: &str, actual: &str) -> Result<(), String> {
    if actual.contains("SECRET") {
        return Err(format!("{file}: a secret of the platform's answer is passed on"));
    }
    expect(case, file, actual)
}

/// What the vendor makes of a run, and what admission warns of.
fn begin(vendor: &dyn Vendor, plan: &mut Plan) -> Result<(Exchange, Vec<Warning>), Error> {
    let upstream = plan.upstream().to_owned();
    let warnings = vendor.capabilities().admit(&mut plan.request, &upstream)?;
    Ok((vendor.start(plan)?, warnings))
}

/// A platform's answer, as a file of the case gives it.
struct Answer {
    status: http::StatusCode,
    is_stream: bool,
    body: Vec<u8>,
}

/// The platform's answers: the first, and those to being asked again.
fn answers_of(case: &Path) -> Result<VecDeque<Answer>, String> {
    let mut answers = VecDeque::new();
    for entry in fs::read_dir(case).map_err(|error| error.to_string())? {
        let path = entry.map_err(|error| error.to_string())?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some(rest) = name.strip_prefix("upstream.") else { continue };
        let status = rest.split_once('.').map_or("200", |(status, _)| status);
        answers.push_back(Answer {
            status: status.parse().map_err(|_| format!("{name}: no status"))?,
            is_stream: rest == "sse",
            body: fs::read(&path).map_err(|error| error.to_string())?,
        });
    }
    if answers.len() > 1 {
        return Err("there is more than one upstream answer".to_owned());
    }
    let poll = |number| fs::read(case.join(format!("poll.{number}.json"))).ok();
    let polls = (1..).map_while(poll);
    let status = http::StatusCode::OK;
    answers.extend(polls.map(|body| Answer { status, is_stream: false, body }));
    Ok(answers)
}

/// Feeds the answers to the decoder alone; its events as lines.
fn replay(
    vendor: &dyn Vendor,
    headers: &http::HeaderMap,
    exchange: Exchange,
    answers: &VecDeque<Answer>,
) -> Result<String, String> {
    let mut decoder = exchange.decoder;
    let (mut events, mut shown) = (Vec::new(), Vec::new());
    for answer in answers {
        let outcome = match (answer.status.is_success(), answer.is_stream) {
            (false, _) => Err(vendor.failure(answer.status, headers, &answer.body)),
            (true, true) => stream(decoder.as_mut(), &answer.body, &mut events),
            (true, false) => decoder.whole(&answer.body, &mut events),
        };
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
    }
    Ok(lines(&shown))
}

fn stream(
    decoder: &mut dyn Decode,
    body: &[u8],
    events: &mut Vec<switchyard::model::event::RunEvent>,
) -> Result<Step, Error> {
    let mut frames =
        sse::Decoder::new(sse::Caps { line: 1 << 20, event: 1 << 20, stream: 1 << 20 });
    let mut sink = |frame: sse::Frame<'_>| decoder.frame(frame, events);
    frames.push(body, &mut sink)?;
    frames.finish(&mut sink)?;
    decoder.end_of_stream(events)?;
    Ok(Step::Done)
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
