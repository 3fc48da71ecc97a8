//! Which fields of a run request a platform takes, in one table per platform. Nothing that was
//! asked for is dropped in silence: a field is native, emulated (and reported so) or refused.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::{Error, Kind, Result};
use crate::model::request::{InstructionsMode, RunRequest, Unsupported};
use crate::model::run::Warning;

macro_rules! fields {
    ($($(#[$doc:meta])* $name:ident = $path:literal,)*) => {
        /// A field of the run request that platforms differ in.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Field { $($(#[$doc])* $name,)* }

        impl Field {
            /// Every field, in the order of the table.
            pub const ALL: &'static [Field] = &[$(Field::$name,)*];
            /// Its path in a request.
            pub const fn path(self) -> &'static str { match self { $(Field::$name => $path,)* } }
        }
    };
}

fields! {
    /// Messages before the last one.
    History = "input[]",
    /// Files with a message, by value.
    Attachments = "input[].attachments",
    /// Files with a message, by address.
    AttachmentUrls = "input[].attachments[].url",
    /// Continuing a conversation.
    ThreadId = "thread_id",
    /// Facts about this call.
    Context = "context",
    /// Instructions added to the agent's own.
    Instructions = "instructions",
    /// Instructions instead of the agent's own.
    InstructionsReplace = "instructions_mode=replace",
    /// Structured output.
    OutputSchema = "output_schema",
    /// The tools that the run may use.
    Tools = "tools",
    /// MCP servers for this run.
    McpServers = "mcp_servers",
    /// Another model than the agent's.
    Model = "model",
    /// A cap on the answer's tokens.
    MaxOutputTokens = "limits.max_output_tokens",
    /// A cap on the agent's steps.
    MaxSteps = "limits.max_steps",
    /// A cap on the run's time.
    Timeout = "limits.timeout_seconds",
    /// A cap on the run's cost.
    MaxCost = "limits.max_cost_usd",
    /// Events while the run goes on.
    Stream = "stream",
}

/// What becomes of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// The platform takes it.
    Native,
    /// The gateway gives it its meaning; the sentence says how.
    Emulated(&'static str),
    /// Neither; asking for it is refused.
    Unsupported,
}

/// What becomes of a field, as callers read it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SupportView {
    /// `native`, `emulated` or `unsupported`.
    pub support: &'static str,
    /// How it is emulated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<&'static str>,
}

/// One platform's table: an answer for every field.
#[derive(Clone, Debug)]
pub struct Capabilities(Vec<(Field, Support)>);

impl Capabilities {
    /// A table from a function that has an answer for each field.
    pub fn new(support: impl Fn(Field) -> Support) -> Self {
        Self(Field::ALL.iter().map(|field| (*field, support(*field))).collect())
    }

    /// What becomes of `field`.
    pub fn support(&self, field: Field) -> Support {
        self.0[field as usize].1
    }

    /// The table as callers read it.
    pub fn view(&self) -> IndexMap<&'static str, SupportView> {
        let view = |support| match support {
            Support::Native => SupportView { support: "native", detail: None },
            Support::Emulated(how) => SupportView { support: "emulated", detail: Some(how) },
            Support::Unsupported => SupportView { support: "unsupported", detail: None },
        };
        self.0.iter().map(|(field, support)| (field.path(), view(*support))).collect()
    }

    /// Holds a request against the table: a warning for each emulated field that it asks for, an
    /// error that names every unsupported one, or, when the request says `ignore`, their removal
    /// with a warning each.
    pub fn admit(&self, request: &mut RunRequest, upstream: &str) -> Result<Vec<Warning>> {
        let mut warnings = Vec::new();
        let mut refused: Option<Error> = None;
        for field in asked(request) {
            match self.support(field) {
                Support::Native => {}
                Support::Emulated(how) => warnings.push(Warning::emulated(field.path(), how)),
                Support::Unsupported
                    if request.unsupported == Unsupported::Ignore
                        && !is_all_there_is(request, field) =>
                {
                    drop_field(request, field);
                    warnings.push(Warning::ignored(field.path()));
                }
                Support::Unsupported => {
                    let error = refused.take().unwrap_or_else(|| {
                        let said = format!("upstream `{upstream}` cannot do all that is asked");
                        Error::new(Kind::UnsupportedByUpstream, said)
                    });
                    refused = Some(error.at(field.path(), "not supported by this upstream"));
                }
            }
        }
        refused.map_or(Ok(warnings), Err)
    }
}

/// The fields that a request makes use of.
fn asked(request: &RunRequest) -> Vec<Field> {
    let files = |message: &crate::model::content::Message| !message.attachments.is_empty();
    let replace = request.instructions_mode == InstructionsMode::Replace;
    [
        (Field::History, request.input.len() > 1),
        (Field::Attachments, request.input.iter().any(files)),
        (Field::AttachmentUrls, request.attachment_urls),
        (Field::ThreadId, request.thread_id.is_some()),
        (Field::Context, !request.context.is_empty()),
        (Field::Instructions, request.instructions.is_some() && !replace),
        (Field::InstructionsReplace, request.instructions.is_some() && replace),
        (Field::OutputSchema, request.output_schema.is_some()),
        (Field::Tools, request.tools.is_some()),
        (Field::McpServers, !request.mcp_servers.is_empty()),
        (Field::Model, request.model.is_some()),
        (Field::MaxOutputTokens, request.limits.max_output_tokens.is_some()),
        (Field::MaxSteps, request.limits.max_steps.is_some()),
        (Field::Timeout, request.limits.timeout.is_some()),
        (Field::MaxCost, request.limits.max_cost_usd.is_some()),
        (Field::Stream, request.stream),
    ]
    .into_iter()
    .filter_map(|(field, asked)| asked.then_some(field))
    .collect()
}

/// Whether a message would say nothing without this field. A platform must not be asked nothing.
fn is_all_there_is(request: &RunRequest, field: Field) -> bool {
    let (files, urls) = (field == Field::Attachments, field == Field::AttachmentUrls);
    request.input.iter().filter(|message| message.content.trim().is_empty()).any(|message| {
        let has_files = !message.attachments.is_empty();
        files && has_files || urls && !has_files
    })
}

fn drop_field(request: &mut RunRequest, field: Field) {
    match field {
        Field::History => drop(request.input.drain(..request.input.len() - 1)),
        Field::Attachments => request.input.iter_mut().for_each(|m| m.attachments.clear()),
        Field::AttachmentUrls => request.attachment_urls = false,
        Field::ThreadId => request.thread_id = None,
        Field::Context => request.context.clear(),
        Field::Instructions | Field::InstructionsReplace => request.instructions = None,
        Field::OutputSchema => request.output_schema = None,
        Field::Tools => request.tools = None,
        Field::McpServers => request.mcp_servers.clear(),
        Field::Model => request.model = None,
        Field::MaxOutputTokens => request.limits.max_output_tokens = None,
        Field::MaxSteps => request.limits.max_steps = None,
        Field::Timeout => request.limits.timeout = None,
        Field::MaxCost => request.limits.max_cost_usd = None,
        Field::Stream => request.stream = false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn everything() -> RunRequest {
        let mut request = RunRequest::of("hello");
        request.input.insert(
            0,
            crate::model::content::Message::new(crate::model::content::Role::User, "hi"),
        );
        request.model = Some("m".to_owned());
        request.tools = Some(vec![]);
        request
    }

    #[test]
    fn the_table_answers_for_every_field_in_order() {
        let table = Capabilities::new(|_| Support::Native);
        for field in Field::ALL {
            assert_eq!(table.0[*field as usize].0, *field);
        }
    }

    #[test]
    fn every_refused_field_is_named_at_once() {
        let table = Capabilities::new(|_| Support::Unsupported);
        let error = table.admit(&mut everything(), "x").unwrap_err();
        let paths: Vec<_> = error.fields().iter().map(|field| field.path.as_str()).collect();
        assert_eq!(paths, ["input[]", "tools", "model"]);
    }

    #[test]
    fn a_message_is_not_emptied_by_what_is_ignored() {
        let table = Capabilities::new(|_| Support::Unsupported);
        let mut request = RunRequest::of("");
        request.unsupported = Unsupported::Ignore;
        request.attachment_urls = true;
        let error = table.admit(&mut request.clone(), "x").unwrap_err();
        assert_eq!(error.fields()[0].path, "input[].attachments[].url");
        request.attachment_urls = false;
        request.input[0].attachments.push(crate::model::content::Attachment {
            media_type: "text/plain".to_owned(),
            name: None,
            base64: "QQ==".to_owned(),
        });
        let error = table.admit(&mut request, "x").unwrap_err();
        assert_eq!(error.fields()[0].path, "input[].attachments");
    }

    #[test]
    fn ignored_fields_are_taken_out_and_reported() {
        let table = Capabilities::new(|_| Support::Unsupported);
        let mut request = everything();
        request.unsupported = Unsupported::Ignore;
        let warnings = table.admit(&mut request, "x").unwrap();
        assert_eq!(warnings.len(), 3);
        assert!(asked(&request).is_empty());
    }

    #[test]
    fn an_emulated_field_says_how() {
        let table = Capabilities::new(|_| Support::Emulated("by hand"));
        let warnings = table.admit(&mut everything(), "x").unwrap();
        assert!(warnings.iter().all(|w| w.code == "emulated" && w.detail == "by hand"));
    }
}
