//! Payloads as automation tools send them.

use std::time::Duration;

use http::HeaderMap;
use http::header::{CONTENT_TYPE, HeaderValue};
use serde_json::json;

use super::*;
use crate::error::{Error, Kind};
use crate::model::micro::Micro;

const FORM_HEAD: &str = "application/x-www-form-urlencoded; charset=utf-8";

fn taken_by(media_type: &'static str, body: &str, input: &HookInput) -> Result<Checked> {
    let head = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(media_type))]);
    decode(payload(&head, body.as_bytes())?, input, Duration::from_secs(600))
}

fn taken(media_type: &'static str, body: &str) -> Result<Checked> {
    taken_by(media_type, body, &HookInput::Input)
}

fn path_of(result: Result<Checked>) -> (Kind, String) {
    let error: Error = result.unwrap_err();
    (error.kind(), error.fields()[0].path.clone())
}

#[test]
fn what_the_http_node_of_n8n_sends_as_json() {
    let body = json!({
        "input": "Which tickets are open?",
        "context__region": "EMEA",
        "context": {"tier": "gold", "n": 3},
        "metadata": {"workflow": 12, "live": true},
        "limits": {"max_steps": "5"},
        "stream": "false",
    });
    let run = taken("application/json", &body.to_string()).unwrap().run;
    assert_eq!(run.input[0].content.as_str(), "Which tickets are open?");
    assert_eq!(run.context["region"], "EMEA");
    assert_eq!(run.context["tier"], "gold");
    assert_eq!(run.context["n"], 3);
    assert_eq!((run.metadata["workflow"].as_str(), run.metadata["live"].as_str()), ("12", "true"));
    assert_eq!(run.limits.max_steps, Some(5));
    assert!(!run.stream && run.warnings.is_empty());
}

#[test]
fn what_the_webhook_action_of_zapier_sends_as_a_form() {
    let body = "input=Hello+Ann%21&thread_id=&context__region=EMEA&context__n=3&model=&\
        instructions=&metadata__zap=42&limits__timeout_seconds=20&limits__max_cost_usd=0.05&\
        limits__max_steps=&tools=search%2C+mail&background=True&zap_id=9&extra__a=1&extra__b=2";
    let checked = taken(FORM_HEAD, body).unwrap();
    assert!(checked.background);
    let run = checked.run;
    assert_eq!(run.input[0].content.as_str(), "Hello Ann!");
    assert_eq!((&run.thread_id, &run.model, run.instructions.is_none()), (&None, &None, true));
    assert_eq!((&run.context["region"], &run.context["n"]), (&json!("EMEA"), &json!("3")));
    assert_eq!(run.metadata["zap"], "42");
    assert_eq!(run.limits.timeout, Some(Duration::from_secs(20)));
    assert_eq!(run.limits.max_cost_usd, Some(Micro(50_000)));
    assert_eq!(run.limits.max_steps, None);
    assert_eq!(run.tools.unwrap(), ["search", "mail"]);
    let warning = &run.warnings[0];
    assert_eq!(warning.code, "ignored_payload_keys");
    assert_eq!(warning.detail, "2 keys of the payload mean nothing here");
}

#[test]
fn objects_and_lists_may_come_as_json_in_a_text() {
    let schema = r#"{"type": "object"}"#;
    let body = json!({
        "input": [{"role": "user", "content": "hi"}],
        "context": "{\"a\": 1}", "tools": "[\"x\"]", "output_schema": schema,
        "mcp_servers": r#"[{"name": "m", "url": "https://m.example.com"}]"#,
        "upstream_options": "{\"b\": {}}", "limits__max_cost_usd": 0.5,
    });
    let run = taken("application/json", &body.to_string()).unwrap().run;
    assert_eq!(run.context["a"], 1);
    assert_eq!(run.tools.unwrap(), ["x"]);
    assert_eq!(run.output_schema.unwrap().0, json!({"type": "object"}));
    assert_eq!(run.mcp_servers[0].name, "m");
    assert!(run.upstream_options.contains_key("b"));
    assert_eq!(run.limits.max_cost_usd, Some(Micro(500_000)));
}

#[test]
fn a_configured_place_is_read_and_the_rest_of_the_payload_is_the_tools_own() {
    let body = r#"{"text": "hi", "team": {"name": "Ops"}, "token": "t"}"#;
    let pointer = HookInput::Pointer("/text".to_owned());
    let template = HookInput::Template("{{/team/name}}: {{/text}}".to_owned());
    for (input, text) in [(pointer, "hi"), (template, "Ops: hi")] {
        let run = taken_by("application/json", body, &input).unwrap().run;
        assert_eq!(run.input[0].content.as_str(), text);
        assert!(run.warnings.is_empty());
    }
}

#[test]
fn what_cannot_be_read_is_refused_by_its_path() {
    let invalid = Kind::InvalidRequest;
    for (body, kind, path) in [
        ("thread_id=abc", invalid, "input"),
        ("input=&a=b", invalid, "input"),
        ("input=x&limits__max_steps=many", invalid, "limits.max_steps"),
        ("input=x&limits__steps=1", invalid, "limits.steps"),
        ("input=x&stream=maybe", invalid, "stream"),
        ("input=x&context=abc", invalid, "context"),
        ("input=x&context__a__b=1", invalid, "context.a"),
        ("input=x&context=abc&context__b=1", invalid, "context__b"),
        ("input=x&output_schema=abc", invalid, "output_schema"),
        ("input=x&instructions_mode=replace", invalid, "instructions_mode"),
        ("input=x&callback=nowhere", invalid, "callback.url"),
        (
            "input=x&callback__events=run.started&callback__url=https%3A%2F%2Fx",
            invalid,
            "callback.events",
        ),
        ("input=x&thread_id=thr_1", Kind::ThreadNotFound, "thread_id"),
    ] {
        assert_eq!(path_of(taken(FORM_HEAD, body)), (kind, path.to_owned()), "{body}");
    }
}

#[test]
fn every_field_of_the_unified_request_is_known_here() {
    let all = crate::inbound::unified::schemas::components();
    let unified = all["AgentRunRequest"]["properties"].as_object().unwrap().keys();
    let mut here = vec!["input"];
    here.extend(FIELDS);
    assert!(unified.eq(here.iter()), "{here:?}");
}

#[test]
fn an_empty_callback_is_none() {
    let none = taken(FORM_HEAD, "input=x&callback=&output_schema=").unwrap();
    assert!(none.callback.is_none());
    for body in [
        "input=x&callback=https%3A%2F%2Fn8n.example.com%2Fresume",
        "input=x&callback__url=https%3A%2F%2Fn8n.example.com%2Fresume",
    ] {
        let to = taken(FORM_HEAD, body).unwrap().callback.unwrap();
        assert_eq!(to.url, "https://n8n.example.com/resume");
    }
}

#[test]
fn a_body_is_json_or_a_form() {
    let refused = taken("text/plain", "input=x");
    assert_eq!(refused.unwrap_err().kind(), Kind::UnsupportedMediaType);
    assert_eq!(taken("application/json", "[1]").unwrap_err().kind(), Kind::InvalidRequest);
    let untold = payload(&HeaderMap::new(), br#"{"input": "hi"}"#).unwrap();
    assert_eq!(untold["input"], "hi");
}

#[test]
fn the_reply_is_json_unless_text_is_asked_for() {
    assert_eq!(reply(None).unwrap(), Reply::Json);
    assert_eq!(reply(Some("reply=json")).unwrap(), Reply::Json);
    assert_eq!(reply(Some("reply=text")).unwrap(), Reply::Text);
    assert!(reply(Some("reply=xml")).is_err() && reply(Some("format=text")).is_err());
}
