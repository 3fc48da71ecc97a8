//! Every rule of a run request, as a table: the body, the path that is named, the kind.

use std::time::Duration;

use serde_json::{Value, json};

use crate::error::{Error, Kind};
use crate::inbound::unified::check::Checked;
use crate::inbound::unified::handle::decode_run;
use crate::model::content::Role;
use crate::model::micro::Micro;
use crate::model::request::{InstructionsMode, Unsupported};

fn decoded(body: &Value) -> Result<Checked, Error> {
    let longest = Duration::from_secs(600);
    decode_run(body.to_string().as_bytes(), Some("support"), longest).map(|(_, checked)| checked)
}

fn paths(error: &Error) -> Vec<&str> {
    error.fields().iter().map(|field| field.path.as_str()).collect()
}

#[test]
fn every_field_reaches_the_model() {
    let body = json!({
        "input": [
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": "b"},
            {"role": "user", "content": "c", "attachments": [
                {"media_type": "text/plain", "name": "n.txt", "data": "QUJD"},
                {"media_type": "image/png", "url": "https://files.example.com/x.png"},
            ]},
        ],
        "thread_id": "thr_00000000000000000000000000000001",
        "context": {"region": "EMEA", "n": 1.5, "ok": true, "none": null},
        "instructions": "Be brief.", "instructions_mode": "replace",
        "output_schema": {"type": "object", "properties": {"n": {"type": "integer"}}},
        "tools": ["search"],
        "mcp_servers": [{"name": "m", "url": "https://m.example.com/mcp", "authorization": "t"}],
        "model": "gpt-4o",
        "limits": {"max_output_tokens": 5, "max_steps": 6, "timeout_seconds": 600,
            "max_cost_usd": "0.05"},
        "stream": true, "metadata": {"k": "v"}, "upstream_options": {"x": {"y": 1}},
        "unsupported": "ignore",
    });
    let run = decoded(&body).unwrap().run;
    let roles: Vec<_> = run.input.iter().map(|message| message.role).collect();
    assert_eq!(roles, [Role::User, Role::Assistant, Role::User]);
    assert_eq!(run.input[2].attachments[0].base64, "QUJD");
    assert_eq!(run.input[2].attachments.len(), 1);
    assert!(run.attachment_urls && run.stream);
    assert_eq!(run.thread_id.unwrap().as_str(), "thr_00000000000000000000000000000001");
    assert_eq!(run.context.len(), 4);
    assert_eq!(run.instructions.unwrap().as_str(), "Be brief.");
    assert_eq!(run.instructions_mode, InstructionsMode::Replace);
    assert!(run.output_schema.is_some());
    assert_eq!(run.tools.unwrap(), ["search"]);
    assert_eq!(run.mcp_servers[0].authorization.as_deref(), Some("t"));
    assert_eq!(run.model.as_deref(), Some("gpt-4o"));
    assert_eq!(run.limits.max_output_tokens, Some(5));
    assert_eq!(run.limits.max_steps, Some(6));
    assert_eq!(run.limits.timeout, Some(Duration::from_secs(600)));
    assert_eq!(run.limits.max_cost_usd, Some(Micro(50_000)));
    assert_eq!(run.metadata["k"], "v");
    assert_eq!(run.upstream_options["x"]["y"], 1);
    assert_eq!(run.unsupported, Unsupported::Ignore);
}

#[test]
fn absent_and_null_fields_have_their_defaults() {
    let nulls = json!({"input": "hi", "context": null, "tools": null, "limits": null,
        "metadata": null, "callback": null, "output_schema": null, "thread_id": null});
    for body in [json!({"input": "hi"}), nulls] {
        let checked = decoded(&body).unwrap();
        assert!(!checked.background && !checked.run.stream && !checked.run.attachment_urls);
        assert!(checked.run.tools.is_none() && checked.run.output_schema.is_none());
        assert_eq!(checked.run.instructions_mode, InstructionsMode::Append);
        assert_eq!(checked.run.input[0].content.as_str(), "hi");
    }
}

/// A body that is right but for `with`.
fn but(with: &Value) -> Value {
    let mut body = json!({"input": "hi"});
    body.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
    body
}

#[test]
fn each_wrong_field_is_named_by_its_path() {
    let message = |content: Value| json!({"input": [content]});
    let file =
        |file: Value| json!({"input": [{"role": "user", "content": "", "attachments": [file]}]});
    let long = "x".repeat(513);
    let pairs: serde_json::Map<_, _> = (0..17).map(|n| (n.to_string(), json!("v"))).collect();
    for (with, path) in [
        (json!({"input": ""}), "input"),
        (json!({"input": 5}), "input"),
        (json!({"input": []}), "input"),
        (json!({"input": null}), "input"),
        (message(json!({"role": "assistant", "content": "x"})), "input[0].role"),
        (message(json!({"role": "system", "content": "x"})), "input[0].role"),
        (message(json!({"role": "user", "content": 1})), "input[0].content"),
        (message(json!({"role": "user", "content": " "})), "input[0].content"),
        (message(json!(["user", "hi", null])), "input[0]"),
        (json!({"limits": [1, 1, 1, "1"]}), "limits"),
        (json!({"mcp_servers": [["m", "http://x", null]]}), "mcp_servers[0]"),
        (message(json!({"role": "user"})), "input[0].content"),
        (message(json!({"role": "user", "content": "x", "nme": 1})), "input[0].nme"),
        (file(json!({"media_type": "a/b"})), "input[0].attachments[0]"),
        (
            file(json!({"media_type": "a/b", "data": "QQ==", "url": "https://x.y"})),
            "input[0].attachments[0]",
        ),
        (file(json!({"media_type": "a/b", "data": "Q"})), "input[0].attachments[0].data"),
        (file(json!({"media_type": "ab", "data": "QQ=="})), "input[0].attachments[0].media_type"),
        (file(json!({"media_type": "a/b", "url": "file:///etc"})), "input[0].attachments[0].url"),
        (json!({"context": {"a": {"b": 1}}}), "context.a"),
        (json!({"context": {"a": [1]}}), "context.a"),
        (json!({"context": "x"}), "context"),
        (json!({"instructions_mode": "append"}), "instructions_mode"),
        (json!({"instructions": "x", "instructions_mode": "prepend"}), "instructions_mode"),
        (json!({"output_schema": "x"}), "output_schema"),
        (json!({"output_schema": {"type": "strin"}}), "output_schema"),
        (json!({"output_schema": {"$ref": "https://x.example.com/s.json"}}), "output_schema"),
        (json!({"tools": "search"}), "tools"),
        (json!({"tools": ["a", ""]}), "tools[1]"),
        (json!({"tools": [1]}), "tools[0]"),
        (json!({"mcp_servers": [{"name": "a", "url": "ftp://x"}]}), "mcp_servers[0].url"),
        (json!({"mcp_servers": [{"name": "a", "url": "/x"}]}), "mcp_servers[0].url"),
        (json!({"mcp_servers": [{"name": "", "url": "http://x"}]}), "mcp_servers[0].name"),
        (
            json!({"mcp_servers": [{"name": "a", "url": "http://x"}, {"name": "a",
            "url": "http://y"}]}),
            "mcp_servers[1].name",
        ),
        (
            json!({"mcp_servers": [{"name": "a", "url": "http://x", "authorization": "a\nb"}]}),
            "mcp_servers[0].authorization",
        ),
        (json!({"model": ""}), "model"),
        (json!({"limits": {"max_steps": 0}}), "limits.max_steps"),
        (json!({"limits": {"max_output_tokens": -1}}), "limits.max_output_tokens"),
        (json!({"limits": {"timeout_seconds": 601}}), "limits.timeout_seconds"),
        (json!({"limits": {"timeout_seconds": 0}}), "limits.timeout_seconds"),
        (json!({"limits": {"max_cost_usd": 0.5}}), "limits.max_cost_usd"),
        (json!({"limits": {"max_cost_usd": "free"}}), "limits.max_cost_usd"),
        (json!({"limits": {"max_cost_usd": "0"}}), "limits.max_cost_usd"),
        (json!({"limits": {"max_steps": 1, "max_stepz": 1}}), "limits.max_stepz"),
        (json!({"stream": "true"}), "stream"),
        (json!({"stream": true, "background": true}), "background"),
        (json!({"metadata": {"k": 1}}), "metadata.k"),
        (json!({"metadata": {"k": long}}), "metadata.k"),
        (json!({"metadata": {"": "v"}}), "metadata."),
        (json!({"metadata": pairs}), "metadata"),
        (json!({"upstream_options": []}), "upstream_options"),
        (json!({"unsupported": "drop"}), "unsupported"),
        (json!({"agent": "x"}), "agent"),
        (json!({"colour": "red"}), "colour"),
    ] {
        let error = decoded(&but(&with)).expect_err(&with.to_string());
        assert_eq!(error.kind(), Kind::InvalidRequest, "{with}");
        assert_eq!(paths(&error), [path], "{with}: {error}");
    }
}

#[test]
fn all_faults_are_found_at_once() {
    let body = json!({"input": "", "model": "", "limits": {"max_steps": 0}});
    assert_eq!(paths(&decoded(&body).unwrap_err()), ["model", "input", "limits.max_steps"]);
}

#[test]
fn an_error_quotes_no_value() {
    for body in [
        json!({"input": {"secret": 1}, "model": "hush"}),
        json!({"input": "hi", "limits": "hush"}),
        json!({"input": "hi", "unsupported": "hush"}),
        json!({"input": "hi", "output_schema": {"type": "hush"}}),
        json!({"input": "hi", "limits": {"max_cost_usd": "hush"}}),
    ] {
        let error = decoded(&body).unwrap_err();
        assert!(!error.to_string().contains("hush"), "{error}");
    }
}

#[test]
fn a_callback_names_an_address_and_ends() {
    let url = "https://x.example.com";
    let body = json!({"input": "hi", "callback": {"url": url, "events": ["run.failed"]}});
    let to = decoded(&body).unwrap().callback.unwrap();
    assert_eq!((to.url.as_str(), to.events), (url, vec!["run.failed".to_owned()]));
    let body = json!({"input": "hi", "callback": {"url": "nowhere", "events": ["run.started"]}});
    let error = decoded(&body).unwrap_err();
    assert_eq!(paths(&error), ["callback.url", "callback.events[0]"]);
}

#[test]
fn a_thread_that_cannot_be_ours_is_not_found() {
    let error = decoded(&json!({"input": "hi", "thread_id": "thr_1"})).unwrap_err();
    assert_eq!((error.kind(), paths(&error)), (Kind::ThreadNotFound, vec!["thread_id"]));
}

#[test]
fn the_agent_is_the_paths_or_the_bodys() {
    let decode = |body: &str| decode_run(body.as_bytes(), None, Duration::from_secs(600));
    assert_eq!(decode(r#"{"agent":"zaia:1","input":"hi"}"#).unwrap().0, "zaia:1");
    for body in [r#"{"input":"hi"}"#, r#"{"agent":" ","input":"hi"}"#] {
        assert_eq!(paths(&decode(body).unwrap_err()), ["agent"]);
    }
    assert_eq!(paths(&decode(r#"{"agent":"a"}"#).unwrap_err()), ["input"]);
}

#[test]
fn what_is_no_json_is_refused_with_its_place() {
    for (body, said) in [
        ("", "the body is empty; it must be JSON"),
        ("{\"input\":\n  nope}", "the body is not valid JSON: expected ident at line 2 column 4"),
        (
            "{\"input\":\"hi\"} {}",
            "the body is not valid JSON: trailing characters at line 1 column 16",
        ),
    ] {
        let error = decode_run(body.as_bytes(), None, Duration::ZERO).unwrap_err();
        assert_eq!((error.kind(), error.message()), (Kind::InvalidRequest, said));
    }
}

#[test]
fn the_list_of_faults_is_bounded_and_its_paths_are_short() {
    let facts: serde_json::Map<_, _> =
        (0..20_000).map(|n| (format!("{n}{}", "k".repeat(300)), json!({}))).collect();
    let error = decoded(&json!({"input": "x", "context": facts})).unwrap_err();
    assert_eq!(error.fields().len(), 100);
    assert!(error.fields().iter().all(|field| field.path.chars().count() <= 210));
    assert!(error.fields()[99].message.contains("more"));
}

#[test]
fn thousands_of_servers_are_checked_in_time_that_grows_with_their_number() {
    // With a comparison of each with each, this takes half a minute.
    let server =
        |n: usize| json!({"name": format!("a-name-as-long-as-others-{n:06}"), "url": "https://x"});
    let mut servers: Vec<_> = (0..30_000).map(server).collect();
    let began = tokio::time::Instant::now();
    decoded(&json!({"input": "x", "mcp_servers": servers})).unwrap();
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    servers.push(server(7));
    let error = decoded(&json!({"input": "x", "mcp_servers": servers})).unwrap_err();
    assert_eq!(paths(&error), ["mcp_servers[30000].name"]);
}

#[test]
fn a_schema_that_takes_long_to_compile_or_comes_from_elsewhere_is_refused() {
    let bomb = json!({"pattern": "((\\w{100}){100}){100}"});
    let long = json!({"description": "x".repeat(70_000)});
    for schema in [
        bomb,
        long,
        json!({"$ref": "http://127.0.0.1:1/x"}),
        json!({"$ref": "file:///etc/passwd"}),
        json!({"$ref": "#/$defs/none"}),
    ] {
        let error = decoded(&json!({"input": "x", "output_schema": schema})).unwrap_err();
        assert_eq!(paths(&error), ["output_schema"]);
        assert!(!error.to_string().contains("w{100}"), "{error}");
    }
    for schema in [json!({"$ref": "#"}), json!({"pattern": "^(?=.*[0-9])[\\w-]{1,64}$"})] {
        decoded(&json!({"input": "x", "output_schema": schema})).unwrap();
    }
}
