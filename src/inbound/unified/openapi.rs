//! The OpenAPI 3.1 document, made of the operation table and of the types that serve it. Served at
//! `/openapi.json`; a copy is checked in beside this file and tested equal.

use serde_json::{Map, Value, json};

use crate::error::Kind;
use crate::http::operation::{Face, Needs, Operation};
use crate::inbound::headers::EVENT_STREAM;
use crate::inbound::unified::operations::{self, Described};
use crate::inbound::unified::schemas;

/// What is described: all but the platforms' own APIs, which their own documents describe.
fn rows() -> impl Iterator<Item = &'static Operation> {
    Operation::ALL.iter().filter(|operation| !operation.takes_any())
}

/// The document.
pub fn document() -> Value {
    let mut paths = Map::new();
    for operation in rows() {
        let path = paths.entry(operation.path()).or_insert_with(|| json!({}));
        let method = operation.method().as_str().to_ascii_lowercase();
        path[method] = described(*operation);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Switchyard",
            "version": "1",
            "description": "One API in front of every agent platform.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "paths": paths,
        "components": {
            "schemas": schemas::components(),
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer" },
                "key": { "type": "apiKey", "in": "header", "name": "X-API-Key" },
            },
        },
    })
}

/// The schema of one answer of an operation, whole in itself, for holding answers against it.
/// Where the status has several media types, `media_type` picks; null for what is not described.
pub fn response_schema(operation: Operation, status: u16, media_type: &str) -> Value {
    let answers = &described(operation)["responses"];
    let answer = answers.get(status.to_string()).unwrap_or(&answers["default"]);
    let mut schema = answer["content"][media_type]["schema"].clone();
    if schema.is_object() {
        schema["components"] = json!({ "schemas": schemas::components() });
    }
    schema
}

fn described(operation: Operation) -> Value {
    let said = operations::describe(operation);
    let mut described = json!({
        "operationId": operation.name(),
        "summary": said.summary,
        "tags": [format!("{:?}", operation.face()).to_ascii_lowercase()],
        "parameters": parameters(operation, &said),
    });
    if !said.body.is_empty() {
        let content = said.body.iter().map(|(media, name)| (*media, media_of(name)));
        let content: Map<_, _> = content.map(|(media, of)| (media.to_owned(), of)).collect();
        described["requestBody"] = json!({ "required": true, "content": content });
    }
    if operation.needs() != Needs::Nothing {
        described["security"] = json!([{ "bearer": [] }, { "key": [] }]);
    }
    described["responses"] = responses(operation, &said).into();
    described
}

fn parameters(operation: Operation, said: &Described) -> Vec<Value> {
    let in_path = operation.path().split('/').filter_map(|segment| {
        let name = segment.strip_prefix('{')?.strip_suffix('}')?;
        let schema = json!({ "type": "string" });
        Some(json!({ "name": name, "in": "path", "required": true, "schema": schema }))
    });
    let in_query = said.query.iter().map(|(name, schema, meaning)| {
        let schema: Value = serde_json::from_str(schema).unwrap_or_default();
        json!({ "name": name, "in": "query", "description": meaning, "schema": schema })
    });
    let in_header = said.headers.iter().map(|(name, meaning)| {
        let schema = json!({ "type": "string" });
        json!({ "name": name, "in": "header", "description": meaning, "schema": schema })
    });
    in_path.chain(in_query).chain(in_header).collect()
}

fn responses(operation: Operation, said: &Described) -> Map<String, Value> {
    let face = operation.face();
    let mut responses = Map::new();
    for (status, media_type, schema) in said.answers {
        let answer = responses
            .entry(status.to_string())
            .or_insert_with(|| json!({ "description": answer_title(*status), "content": {} }));
        if *media_type == operations::NO_BODY {
            continue;
        }
        answer["content"][*media_type] = media_of(schema);
        if *media_type == EVENT_STREAM {
            answer["description"] = json!(match *schema {
                "AuditRecord" => "The records as they come: each `data` is one object",
                "Status" => "How it is, once or every two seconds: each `data` is one object",
                _ => "The run, or its events: each `data` is one object",
            });
        }
    }
    let mut statuses: Vec<u16> = Vec::new();
    let known = if operation.needs() == Needs::Nothing { &[][..] } else { operations::KNOWN };
    let kinds = operations::ALWAYS.iter().chain(known).chain(said.failures);
    let kinds: Vec<Kind> = kinds.copied().collect();
    statuses.extend(kinds.iter().map(|kind| kind.status()));
    statuses.sort_unstable();
    statuses.dedup();
    for status in statuses {
        let codes = kinds.iter().filter(|kind| kind.status() == status).map(|kind| kind.code());
        let mut codes: Vec<_> = codes.map(|code| format!("`{code}`")).collect();
        codes.dedup();
        let failure = failure(face, &codes.join(", "));
        let known = responses.entry(status.to_string()).or_insert_with(|| failure.clone());
        // Readiness has an answer of its own beside the problem of the same status.
        if let (Some(content), Some(more)) =
            (known["content"].as_object_mut(), failure["content"].as_object())
        {
            content.extend(more.clone());
        }
    }
    responses.insert("default".to_owned(), failure(face, "Any other failure"));
    responses
}

fn failure(face: Face, description: &str) -> Value {
    let (media_type, schema) = match face {
        Face::Acp => ("application/json", "AcpError"),
        Face::Unified | Face::Hooks | Face::Proxy | Face::Admin => {
            ("application/problem+json", "Problem")
        }
    };
    json!({ "description": description, "content": { media_type: media_of(schema) } })
}

fn answer_title(status: u16) -> &'static str {
    match status {
        202 => "The run goes on; `Location` is where it can be read",
        304 => "The caller has it as it is",
        503 => "Not ready",
        _ => "Done",
    }
}

fn media_of(schema: &str) -> Value {
    let schema = match schema {
        operations::ANY_OBJECT => json!({ "type": "object" }),
        "string" => json!({ "type": "string" }),
        name => json!({ "$ref": format!("{}{name}", schemas::PLACE) }),
    };
    json!({ "schema": schema })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inbound::samples;
    use crate::model::run::RunStatus;

    const COPY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/inbound/unified/openapi.json");

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the switch that every generated text shares")]
    fn the_checked_in_document_is_the_generated_one() {
        let mut generated = serde_json::to_string_pretty(&document()).unwrap();
        generated.push('\n');
        if std::env::var("UPDATE_GOLDEN").is_ok() {
            std::fs::write(COPY, &generated).unwrap();
        }
        let checked_in = std::fs::read_to_string(COPY).unwrap_or_default();
        assert!(generated == checked_in, "{COPY} is old: run the tests with UPDATE_GOLDEN=1");
    }

    #[test]
    fn every_operation_is_described_and_every_reference_leads_somewhere() {
        let document = document();
        for operation in rows() {
            let method = operation.method().as_str().to_ascii_lowercase();
            let described = &document["paths"][operation.path()][method];
            assert_eq!(described["operationId"], operation.name());
            assert_ne!(described["summary"], "");
            let good = ["200", "201"].map(|status| &described["responses"][status]);
            assert!(good.iter().any(|answer| answer.is_object()), "{}", operation.name());
        }
        let text = document.to_string();
        let references = text.split("\"$ref\":\"#").skip(1);
        for reference in references.map(|rest| rest.split('"').next().unwrap()) {
            assert!(document.pointer(reference).is_some(), "{reference}");
        }
    }

    #[test]
    fn answers_are_of_the_published_schemas() {
        let run = serde_json::to_value(samples::run(RunStatus::Completed)).unwrap();
        let schema = response_schema(Operation::CreateRun, 200, "application/json");
        let schema = jsonschema::validator_for(&schema).unwrap();
        assert!(schema.is_valid(&run), "{:?}", schema.validate(&run).map_err(|e| e.to_string()));
        let mut broken = run.clone();
        broken["status"] = json!("done");
        assert!(!schema.is_valid(&broken));
        let problem = crate::error::Error::invalid("a", "b").problem("req_1");
        let problem = serde_json::to_value(problem).unwrap();
        for status in [400, 418] {
            let schema = response_schema(Operation::GetRun, status, "application/problem+json");
            let schema = jsonschema::validator_for(&schema).unwrap();
            assert!(schema.is_valid(&problem) && !schema.is_valid(&run));
        }
    }

    #[test]
    fn the_published_request_is_the_one_that_is_taken() {
        let all = schemas::components();
        let fields = |name: &str| -> Vec<String> {
            all[name]["properties"].as_object().unwrap().keys().cloned().collect()
        };
        let named = fields("RunRequest");
        assert_eq!(named.len(), 17);
        assert_eq!(named[1..], fields("AgentRunRequest"));
        assert_eq!(all["RunRequest"]["required"], json!(["agent", "input"]));
        assert_eq!(all["AgentRunRequest"]["required"], json!(["input"]));
        assert_eq!(all["RunRequest"]["additionalProperties"], false);
    }
}
