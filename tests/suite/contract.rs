//! Holds every answer that a test gets against the OpenAPI document that the gateway serves.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use http::Method;
use jsonschema::Validator;
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::harness::Answer;

static DOCUMENT: LazyLock<Value> = LazyLock::new(switchyard::inbound::unified::openapi::document);

/// What has been made of a schema, which takes longer than to hold an answer against it.
static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

/// Panics when the document does not promise this answer, or promises another shape.
#[track_caller]
pub fn hold(method: &Method, path: &str, answer: &Answer) {
    if let Err(broken) = check(method, path, answer) {
        panic!("{method} {path} → {}: {broken}\n{}", answer.status, answer.text());
    }
}

fn check(method: &Method, path: &str, answer: &Answer) -> Result<(), String> {
    // What comes from a platform's own API is as that describes it.
    if path.starts_with("/proxy/") {
        return Ok(());
    }
    let Some(operation) = operation(method, path) else {
        // What is not in the table is refused as such.
        return match answer.status.as_u16() {
            404 | 405 | 414 | 503 => Ok(()),
            _ => Err("no such operation in the document".to_owned()),
        };
    };
    let responses = &operation["responses"];
    let status = answer.status.as_u16().to_string();
    let response = [status.as_str(), "default"].iter().find_map(|key| responses.get(*key));
    let response = response.ok_or("the document promises no such status")?;
    if response["content"].as_object().is_some_and(serde_json::Map::is_empty) {
        return if answer.body.is_empty() { Ok(()) } else { Err("no body is promised".to_owned()) };
    }
    let content = answer.header("content-type");
    let essence = content.split(';').next().unwrap_or_default().trim();
    let media = response["content"].get(essence);
    let media = media.ok_or_else(|| format!("the document promises no `{essence}` here"))?;
    if !essence.ends_with("json") {
        return Ok(());
    }
    let validator = validator(&media["schema"])?;
    let body = answer.json();
    let mut errors = validator.iter_errors(&body);
    errors.next().map_or(Ok(()), |error| Err(format!("{}: {error}", error.instance_path())))
}

fn validator(schema: &Value) -> Result<Arc<Validator>, String> {
    let text = schema.to_string();
    if let Some(made) = VALIDATORS.lock().get(&text) {
        return Ok(Arc::clone(made));
    }
    let whole = json!({
        "$ref": "#/$defs/answer",
        "$defs": { "answer": schema },
        "components": DOCUMENT["components"],
    });
    let made = jsonschema::validator_for(&whole).map_err(|error| error.to_string())?;
    Ok(Arc::clone(VALIDATORS.lock().entry(text).or_insert(Arc::new(made))))
}

fn operation<'a>(method: &Method, path: &str) -> Option<&'a Value> {
    let paths = DOCUMENT["paths"].as_object()?;
    let segments: Vec<&str> = path.split('/').collect();
    let fits = |template: &str| {
        let parts: Vec<&str> = template.split('/').collect();
        parts.len() == segments.len()
            && parts
                .iter()
                .zip(&segments)
                .all(|(a, b)| a.starts_with('{') && !b.is_empty() || a == b)
    };
    // A literal path stands before one with a variable in the same place.
    let mut found: Vec<_> = paths.iter().filter(|(template, _)| fits(template)).collect();
    found.sort_by_key(|(template, _)| template.matches('{').count());
    found.iter().find_map(|(_, item)| item.get(method.as_str().to_lowercase()))
}

#[test]
fn an_answer_of_another_shape_is_found() {
    let answer = |status: u16, content: &str, body: &str| Answer {
        status: http::StatusCode::from_u16(status).unwrap(),
        headers: [(http::header::CONTENT_TYPE, content.parse().unwrap())].into_iter().collect(),
        body: body.to_owned().into(),
    };
    let run = |answer| check(&Method::GET, "/v1/runs/run_1", &answer);
    assert!(run(answer(200, "application/json", "{}")).is_err());
    assert!(run(answer(200, "text/html", "{}")).is_err());
    assert!(run(answer(299, "application/json", "{}")).is_err());
    assert!(check(&Method::GET, "/v1/nothing", &answer(200, "application/json", "{}")).is_err());
}
