//! ACP's run request to the model's. Unknown keys are tolerated, as ACP does.
//!
//! Invariant: refusals are in ACP's words.

use schemars::JsonSchema;
use serde_json::{Map, Value};

use crate::error::{Error, Kind, Result};
use crate::inbound::text;
use crate::model::request::RunRequest;
use crate::wire::json::{self, Bounds};

/// A run request, as it is published. Read by hand, because ACP's callers know its own words for
/// what is wrong.
#[derive(JsonSchema)]
#[schemars(rename = "AcpRunRequest")]
#[expect(dead_code, reason = "only its schema is used")]
pub struct AcpRunBody {
    /// The message.
    input: String,
    /// Facts about this call; nested values are flattened to text.
    context: Option<Map<String, Value>>,
    /// Answer with server-sent events.
    stream: Option<bool>,
}

/// Reads a request.
pub fn decode(bytes: &[u8]) -> Result<RunRequest> {
    let mut body: Map<String, Value> = json::decode(bytes, Bounds::default())?;
    let refused = |words: &'static str| Err(Error::new(Kind::InvalidRequest, words));
    let input = match body.remove("input") {
        Some(Value::String(input)) if !input.trim().is_empty() => input,
        None | Some(Value::Null | Value::String(_)) => {
            return refused("Missing required field: input");
        }
        Some(_) => return refused("input must be a string"),
    };
    let context = match body.remove("context") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(context)) => context,
        Some(_) => return refused("context must be a key-value object"),
    };
    let stream = match body.remove("stream") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(stream)) => stream,
        Some(_) => return refused("stream must be a boolean"),
    };
    let mut request = RunRequest::of(input);
    request.stream = stream;
    request.context =
        context.into_iter().map(|(key, value)| (key, text::of(&value).into())).collect();
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_taken_with_its_context_as_text() {
        let request = decode(
            br#"{"input":"Who?","context":{"region":"EMEA","n":3,"ok":true,"none":null,
                "team":{"id":7,"tags":["a"]}},"stream":true,"conversationId":"c","x":1}"#,
        )
        .unwrap();
        assert_eq!(request.input[0].content.as_str(), "Who?");
        assert!(request.stream);
        let context: Vec<_> =
            request.context.iter().map(|(k, v)| (k.as_str(), v.as_str().unwrap())).collect();
        assert_eq!(
            context,
            [
                ("region", "EMEA"),
                ("n", "3"),
                ("ok", "true"),
                ("none", ""),
                ("team", r#"{"id":7,"tags":["a"]}"#)
            ]
        );
        assert!(!decode(br#"{"input":"x","stream":null,"context":null}"#).unwrap().stream);
    }

    #[test]
    fn refusals_are_in_the_words_of_acp() {
        for (body, words) in [
            ("{}", "Missing required field: input"),
            (r#"{"input":null}"#, "Missing required field: input"),
            (r#"{"input":" "}"#, "Missing required field: input"),
            (r#"{"input":["x"]}"#, "input must be a string"),
            (r#"{"input":"x","context":"y"}"#, "context must be a key-value object"),
            (r#"{"input":"x","context":[1]}"#, "context must be a key-value object"),
            (r#"{"input":"x","stream":"true"}"#, "stream must be a boolean"),
            (
                r#"{"input":"#,
                "the body is not valid JSON: EOF while parsing a value at line 1 column 9",
            ),
            ("", "the body is empty; it must be JSON"),
        ] {
            let error = decode(body.as_bytes()).unwrap_err();
            assert_eq!((error.kind(), error.message()), (Kind::InvalidRequest, words), "{body}");
        }
    }
}
