//! The body of a run request, as callers write it. Decoded by the unified face, and by hooks from
//! what a webhook's payload holds; `check.rs` makes the model's request of it.
//!
//! Invariant: a key that is not a field here is refused with its path.

use std::fmt;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::SeqAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::inbound::unified::object::Object;
use crate::model::content::{Role, Text};
use crate::model::micro::Micro;
use crate::model::request::{InstructionsMode, Unsupported};

/// A run request.
#[derive(serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RunRequest")]
pub struct RunBody {
    /// The agent: a reference or an alias. Only where the path does not name it.
    pub agent: Option<String>,
    /// The message, or the conversation so far, whose last message is the user's.
    pub input: Input,
    /// The conversation to continue.
    pub thread_id: Option<String>,
    /// Facts about this call, given to the agent as data; scalars only.
    #[serde(default)]
    #[schemars(schema_with = "scalars")]
    pub context: Option<IndexMap<String, Value>>,
    /// Added to the agent's own system prompt, or put in its place.
    pub instructions: Option<Text>,
    /// Which of the two.
    pub instructions_mode: Option<InstructionsMode>,
    /// JSON Schema of the structured output wanted.
    #[schemars(with = "Option<Map<String, Value>>")]
    pub output_schema: Option<Value>,
    /// The tools that this run may use.
    pub tools: Option<Vec<String>>,
    /// MCP servers for this run.
    pub mcp_servers: Option<Vec<Object<McpServerBody>>>,
    /// Another model than the agent's.
    pub model: Option<String>,
    /// Caps.
    pub limits: Option<Object<LimitsBody>>,
    /// Answer with server-sent events.
    #[serde(default)]
    pub stream: bool,
    /// Answer 202 at once.
    #[serde(default)]
    pub background: bool,
    /// A signed webhook when the run ends.
    pub callback: Option<Object<CallbackBody>>,
    /// Kept with the run: at most 16 pairs, keys of at most 64 and values of at most 512 characters.
    pub metadata: Option<IndexMap<String, String>>,
    /// The platform's own fields, in its own words.
    pub upstream_options: Option<Map<String, Value>>,
    /// What to do with what the platform cannot do.
    pub unsupported: Option<Unsupported>,
}

/// Messages.
pub enum Input {
    /// One message of the user.
    Text(Text),
    /// The conversation.
    Messages(Vec<Object<MessageBody>>),
}

/// One message.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "InputMessage")]
pub struct MessageBody {
    /// Who said it.
    pub role: Role,
    /// What was said.
    pub content: Text,
    /// Files that came with it.
    pub attachments: Option<Vec<Object<AttachmentBody>>>,
}

/// A file: either `data` or `url`.
#[derive(serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "InputAttachment")]
pub struct AttachmentBody {
    /// Its media type.
    pub media_type: String,
    /// Its name.
    pub name: Option<String>,
    /// Its bytes in base64.
    pub data: Option<String>,
    /// Where it is.
    pub url: Option<String>,
}

/// An MCP server for one run.
#[derive(serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "InputMcpServer")]
pub struct McpServerBody {
    /// What the agent calls it.
    pub name: String,
    /// Where it is: http or https.
    pub url: String,
    /// A bearer token for it.
    pub authorization: Option<String>,
}

/// Caps on one run.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "InputLimits")]
pub struct LimitsBody {
    /// Tokens of the answer.
    #[schemars(range(min = 1))]
    pub max_output_tokens: Option<u64>,
    /// Steps of the agent.
    #[schemars(range(min = 1))]
    pub max_steps: Option<u64>,
    /// Seconds from admission to end.
    #[schemars(range(min = 1))]
    pub timeout_seconds: Option<u64>,
    /// US dollars, as a decimal string.
    pub max_cost_usd: Option<Micro>,
}

/// A webhook when the run ends.
#[derive(serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "InputCallback")]
pub struct CallbackBody {
    /// Where to.
    pub url: String,
    /// Which ends are told, like `run.completed`; all where it is left out.
    pub events: Option<Vec<String>>,
}

// What callers wrote is not printed.
macro_rules! hidden {
    ($($name:ident)*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!("[", stringify!($name), "]"))
            }
        }
    )*};
}
hidden! { AttachmentBody McpServerBody CallbackBody }

impl<'de> Deserialize<'de> for Input {
    // By hand, because an untagged enum loses the path of what is wrong inside it.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Messages;
        impl<'de> Visitor<'de> for Messages {
            type Value = Input;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an array of messages")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Input, E> {
                Ok(Input::Text(text.into()))
            }
            fn visit_string<E: de::Error>(self, text: String) -> Result<Input, E> {
                Ok(Input::Text(text.into()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, messages: A) -> Result<Input, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(messages)).map(Input::Messages)
            }
        }
        deserializer.deserialize_any(Messages)
    }
}

impl JsonSchema for Input {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Input".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let message = generator.subschema_for::<MessageBody>();
        json_schema!({
            "oneOf": [
                { "type": "string", "minLength": 1 },
                { "type": "array", "minItems": 1, "items": message },
            ]
        })
    }
}

fn scalars(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": ["object", "null"],
        "additionalProperties": { "type": ["string", "number", "boolean", "null"] }
    })
}
