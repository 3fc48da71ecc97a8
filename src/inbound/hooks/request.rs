//! A webhook's payload to a run request. What the payload holds beyond the fields of a run request
//! is the sending tool's own; it is left out, and the run says how many such keys there were.
//!
//! Invariant: the request is checked by the same rules as the unified API's.

use std::time::Duration;

use http::HeaderMap;
use serde_json::{Map, Value};

use crate::config::HookInput;
use crate::error::Result;
use crate::inbound::headers;
use crate::inbound::hooks::{coerce, message};
use crate::inbound::query::Query;
use crate::inbound::unified::check::{self, Checked};
use crate::model::run::Warning;
use crate::wire::form;
use crate::wire::json::{self, Bounds};

/// The fields of a run request that a payload may have. `agent` is the path's.
const FIELDS: &[&str] = &[
    "thread_id",
    "context",
    "instructions",
    "instructions_mode",
    "output_schema",
    "tools",
    "mcp_servers",
    "model",
    "limits",
    "stream",
    "background",
    "callback",
    "metadata",
    "upstream_options",
    "unsupported",
];

/// What a webhook is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The run.
    Json,
    /// The run's output alone.
    Text,
}

/// Reads `?reply=`.
pub fn reply(query: Option<&str>) -> Result<Reply> {
    let read = |text: &str| match text {
        "json" => Some(Reply::Json),
        "text" => Some(Reply::Text),
        _ => None,
    };
    let query = Query::read(query, &["reply"])?;
    Ok(query.parsed("reply", "must be json or text", read)?.unwrap_or(Reply::Json))
}

/// Reads a body in the type that its head names: JSON, or a form.
pub fn payload(head: &HeaderMap, bytes: &[u8]) -> Result<Map<String, Value>> {
    headers::require_plain(head)?;
    let is_form = |media_type: &str| media_type == form::MEDIA_TYPE;
    match headers::content_type(head) {
        Some(media_type) if is_form(&media_type) => form::decode(bytes),
        Some(other) if !headers::is_json(&other) => {
            Err(headers::unsupported_type("JSON or application/x-www-form-urlencoded"))
        }
        Some(_) | None => form::unflatten(json::decode(bytes, Bounds::default())?),
    }
}

/// The run that a payload asks for.
pub fn decode(
    mut payload: Map<String, Value>,
    input: &HookInput,
    longest: Duration,
) -> Result<Checked> {
    let mut body = Map::new();
    let (message, empty) = message::find(&payload, input)?;
    body.insert("input".to_owned(), message);
    payload.remove("input");
    for name in FIELDS {
        match payload.remove(*name) {
            Some(value) if !coerce::is_absent(&value) => {
                body.insert((*name).to_owned(), coerce::field(name, value));
            }
            Some(_) | None => {}
        }
    }
    let mut checked = check::check(json::from_value(&Value::Object(body))?, longest)?;
    // With a pointer or a template the whole payload is the message's source: nothing is ignored.
    if *input == HookInput::Input && !payload.is_empty() {
        let detail = format!("{} keys of the payload mean nothing here", payload.len());
        checked.run.warnings.push(Warning::new("ignored_payload_keys", None, detail));
    }
    if !empty.is_empty() {
        let detail = format!("the payload has nothing at {}", empty.join(", "));
        checked.run.warnings.push(Warning::new("template_places_empty", None, detail));
    }
    Ok(checked)
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
