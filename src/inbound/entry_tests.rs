//! Whatever bytes come in: every decoder of a run request refuses them in its own words, or makes
//! a request of them that keeps what the model promises.

use std::time::Duration;

use http::HeaderMap;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value};

use crate::config::HookInput;
use crate::error::Error;
use crate::inbound::unified::check::Checked;
use crate::inbound::{acp, hooks, unified};
use crate::model::content::Role;
use crate::model::request::RunRequest;

const LONGEST: Duration = Duration::from_secs(600);
const KEYS: &[&str] = &[
    "agent",
    "input",
    "role",
    "content",
    "attachments",
    "media_type",
    "data",
    "url",
    "thread_id",
    "context",
    "instructions",
    "instructions_mode",
    "output_schema",
    "tools",
    "mcp_servers",
    "name",
    "authorization",
    "model",
    "limits",
    "max_output_tokens",
    "max_steps",
    "timeout_seconds",
    "max_cost_usd",
    "stream",
    "background",
    "callback",
    "metadata",
    "upstream_options",
    "unsupported",
    "context__a",
    "limits__max_steps",
    "$ref",
    "type",
    "pattern",
    "a\u{0}b",
    "",
];
const TEXTS: &[&str] = &[
    "user",
    "assistant",
    "acp:ok",
    "append",
    "replace",
    "reject",
    "ignore",
    "true",
    "1",
    "0.5",
    "QUJD",
    "text/plain",
    "https://example.com/x",
    "[1]",
    "{\"a\":1}",
    "#",
    "string",
    "^(a+)+$",
    "thr_00000000000000000000000000000001",
    "",
    " ",
    "\u{202e}\u{0}",
    "a__b",
];

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        4 => select(TEXTS).prop_map(Value::from),
        1 => any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![vec(inner.clone(), 0..4).prop_map(Value::from), object(inner)]
    })
}

fn object(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    let key = prop_oneof![9 => select(KEYS).prop_map(str::to_owned), 1 => any::<String>()];
    vec((key, inner), 0..6).prop_map(|members| members.into_iter().collect::<Map<_, _>>().into())
}

/// A request that would be well formed but for what stands in a few of its fields.
fn request() -> impl Strategy<Value = Value> {
    (object(value()), any::<bool>()).prop_map(|(mut body, is_likely)| {
        if is_likely {
            body["input"] = "Hello".into();
            body["agent"] = "acp:ok".into();
        }
        body
    })
}

fn keeps_its_promises(request: &RunRequest) {
    assert_eq!(request.input.last().unwrap().role, Role::User);
    assert!(request.context.values().all(|fact| !fact.is_object() && !fact.is_array()));
    assert!(request.metadata.len() <= 16);
    assert!(request.output_schema.as_ref().is_none_or(|schema| schema.0.is_object()));
    assert!(request.limits.timeout.is_none_or(|timeout| timeout <= LONGEST));
}

fn is_refusal(error: &Error) {
    assert!([400, 404, 415, 422].contains(&error.kind().status()), "{error}");
}

fn settle(read: Result<Checked, Error>) {
    match read {
        Ok(checked) => keeps_its_promises(&checked.run),
        Err(error) => is_refusal(&error),
    }
}

/// Gives `bytes` to every decoder.
fn enter(bytes: &[u8]) {
    for agent in [None, Some("acp:ok")] {
        settle(unified::handle::decode_run(bytes, agent, LONGEST).map(|(_, checked)| checked));
    }
    match acp::request::decode(bytes) {
        Ok(request) => keeps_its_promises(&request),
        Err(error) => is_refusal(&error),
    }
    for media_type in ["application/json", "application/x-www-form-urlencoded"] {
        let mut head = HeaderMap::new();
        head.insert("content-type", media_type.parse().unwrap());
        for input in [
            HookInput::Input,
            HookInput::Pointer("/context/a".to_owned()),
            HookInput::Template("{{/input}} {{/metadata/0}} {{".to_owned()),
        ] {
            let payload = hooks::request::payload(&head, bytes);
            settle(payload.and_then(|it| hooks::request::decode(it, &input, LONGEST)));
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_break_a_decoder(bytes in vec(any::<u8>(), 0..300)) {
        enter(&bytes);
    }

    #[test]
    fn no_json_breaks_a_decoder(body in prop_oneof![request(), value()]) {
        enter(body.to_string().as_bytes());
    }

    #[test]
    fn no_damaged_request_breaks_a_decoder(
        body in request(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = body.to_string().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        enter(&bytes);
    }
}
