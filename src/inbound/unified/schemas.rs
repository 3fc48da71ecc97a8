//! The schemas of everything that is sent and answered, from the types that serve it. Called by
//! `openapi.rs`.

use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use crate::error::Problem;
use crate::gateway::audit::AuditItem;
use crate::gateway::keys::{KeyView, MadeKey};
use crate::inbound::acp::errors::AcpError;
use crate::inbound::acp::events::AcpEvent;
use crate::inbound::acp::request::AcpRunBody;
use crate::inbound::acp::response::AcpReply;
use crate::inbound::admin::audit::Checkpoints;
use crate::inbound::admin::explain::{Asked, Explained};
use crate::inbound::admin::reload::Reloaded;
use crate::inbound::admin::request::{KeyBody, RotateBody, TokenBody};
use crate::inbound::admin::response::Readiness;
use crate::inbound::admin::status::Status;
use crate::inbound::unified::agents::request::AgentBody;
use crate::inbound::unified::agents::response::{AgentList, DeletedAgent};
use crate::inbound::unified::events::{
    CallFields, Data, ResultFields, RunFields, TextFields, UsageFields,
};
use crate::inbound::unified::list::List;
use crate::inbound::unified::request::RunBody;
use crate::model::profile::Agent;
use crate::model::run::{Governance, Run, Warning};
use crate::model::thread::ThreadHead;
use crate::model::upstream::UpstreamView;

/// Where schemas stand in the document.
pub const PLACE: &str = "#/components/schemas/";

/// All schemas by name.
pub fn components() -> Map<String, Value> {
    let mut answers = generator(SchemaSettings::draft2020_12().for_serialize());
    answers.subschema_for::<Run>();
    answers.subschema_for::<Problem>();
    answers.subschema_for::<ThreadHead>();
    answers.subschema_for::<List<Run>>();
    answers.subschema_for::<List<UpstreamView>>();
    answers.subschema_for::<Readiness>();
    answers.subschema_for::<KeyView>();
    answers.subschema_for::<List<KeyView>>();
    answers.subschema_for::<MadeKey>();
    answers.subschema_for::<Explained>();
    answers.subschema_for::<Reloaded>();
    answers.subschema_for::<Status>();
    answers.subschema_for::<List<AuditItem>>();
    answers.subschema_for::<Checkpoints>();
    answers.subschema_for::<AcpReply<'_>>();
    answers.subschema_for::<AcpEvent<'_>>();
    answers.subschema_for::<AcpError>();
    answers.subschema_for::<Agent>();
    answers.subschema_for::<AgentList>();
    answers.subschema_for::<DeletedAgent>();
    let event = event(&mut answers);
    let mut all = answers.take_definitions(true);
    all.insert("Event".to_owned(), event);

    let mut requests = generator(SchemaSettings::draft2020_12().for_deserialize());
    requests.subschema_for::<RunBody>();
    requests.subschema_for::<AcpRunBody>();
    requests.subschema_for::<KeyBody>();
    requests.subschema_for::<RotateBody>();
    requests.subschema_for::<TokenBody>();
    requests.subschema_for::<Asked>();
    requests.subschema_for::<AgentBody>();
    for (name, schema) in requests.take_definitions(true) {
        // What is both sent and answered is the same either way.
        all.entry(name).or_insert(schema);
    }
    name_the_agent(&mut all);
    change_the_agent(&mut all);
    all
}

fn generator(mut settings: SchemaSettings) -> SchemaGenerator {
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
    settings.into_generator()
}

/// One of the events, told apart by `type`.
fn event(generator: &mut SchemaGenerator) -> Value {
    let run = ["run.created", "run.started", "run.completed", "run.incomplete", "run.failed"];
    let text = ["message.delta", "message.completed", "reasoning.delta"];
    let mut variants = Vec::new();
    let mut add = |schema: Schema, names: &[&str]| {
        for name in names {
            let mut variant = schema.clone().to_value();
            if let Some(kind) = variant.pointer_mut("/properties/type") {
                *kind = json!({ "const": name });
            }
            variants.push(variant);
        }
    };
    add(Data::<RunFields<'_>>::json_schema(generator), &run);
    add(Data::<RunFields<'_>>::json_schema(generator), &["run.cancelled"]);
    add(Data::<TextFields<'_>>::json_schema(generator), &text);
    add(Data::<CallFields<'_>>::json_schema(generator), &["tool_call.started"]);
    add(Data::<ResultFields<'_>>::json_schema(generator), &["tool_call.completed"]);
    add(Data::<Governance>::json_schema(generator), &["governance.decision"]);
    add(Data::<UsageFields<'_>>::json_schema(generator), &["usage.updated"]);
    add(Data::<Warning>::json_schema(generator), &["warning"]);
    json!({ "description": "The `data` of one server-sent event of a run.", "oneOf": variants })
}

/// Makes two of what is said of agents: of a new one, and of a change.
fn change_the_agent(all: &mut Map<String, Value>) {
    let Some(new) = all.get_mut("NewAgent") else { return };
    let mut change = new.clone();
    if let Some(properties) = change.get_mut("properties").and_then(Value::as_object_mut) {
        properties.shift_remove("upstream");
    }
    new["required"] = json!(["upstream", "name"]);
    all.insert("AgentChange".to_owned(), change);
}

/// Makes two of the one run request: where the path names the agent, and where the body does.
fn name_the_agent(all: &mut Map<String, Value>) {
    let Some(named) = all.get_mut("RunRequest") else { return };
    let mut unnamed = named.clone();
    if let Some(properties) = unnamed.get_mut("properties").and_then(Value::as_object_mut) {
        properties.shift_remove("agent");
    }
    named["properties"]["agent"]["type"] = json!("string");
    if let Some(required) = named.get_mut("required").and_then(Value::as_array_mut) {
        required.insert(0, json!("agent"));
    }
    all.insert("AgentRunRequest".to_owned(), unnamed);
}
