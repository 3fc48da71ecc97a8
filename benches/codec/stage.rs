//! What a vendor needs to stand on: an upstream as it would be configured, and a plan as the
//! gateway would make it.

use std::time::Duration;

use indexmap::IndexMap;
use serde_json::{Map, Value, json};
use switchyard::clock::{Clock, RandomIds, SystemClock};
use switchyard::config::{Breaker, Caps, Clocks, Queue, Secret, Upstream};
use switchyard::model::agent::AgentRef;
use switchyard::model::ids::{RunId, ThreadId};
use switchyard::model::judge::Mode;
use switchyard::model::plan::{Plan, PlannedThread, ToolControl};
use switchyard::model::request::RunRequest;
use switchyard::outbound::{self, Vendor};

use crate::Outcome;
use crate::inputs::prose;

/// The vendor of a kind; none where it has not been built.
pub(crate) fn vendor(kind: &str, settings: Value) -> Outcome<Option<Box<dyn Vendor>>> {
    let Value::Object(settings) = settings else { return Err("settings are an object".into()) };
    match outbound::build(&upstream(kind, settings)?) {
        Ok(vendor) => Ok(Some(vendor)),
        Err(errors) => {
            let said: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
            eprintln!("{kind} is left out: {}", said.join("; "));
            Ok(None)
        }
    }
}

/// A run of one message of 1 KiB, with four facts about it.
pub(crate) fn plan(stream: bool) -> Plan {
    let now = SystemClock::new().now();
    let mut request = RunRequest::of(prose(1_000));
    request.stream = stream;
    request.context = IndexMap::from([
        ("customer".to_owned(), json!("Nordwind GmbH")),
        ("region".to_owned(), json!("EMEA")),
        ("open_tickets".to_owned(), json!(17)),
        ("is_urgent".to_owned(), json!(true)),
    ]);
    Plan {
        mode: Mode::Whole,
        run_id: RunId::new(&RandomIds, now),
        target: AgentRef {
            upstream: "bench".to_owned(),
            native: "3c9a5f52-07f7-4b8e-9f0e-5a2f6c1d7b90".to_owned(),
        },
        kind: "bench".to_owned(),
        tools: ToolControl::default(),
        preset: Map::new(),
        native: None,
        request,
        pii: Vec::new(),
        thread: PlannedThread {
            id: ThreadId::new(&RandomIds, now),
            is_continued: false,
            native: None,
            history: Vec::new(),
            vault: None,
        },
    }
}

fn upstream(kind: &str, settings: Map<String, Value>) -> Outcome<Upstream> {
    let minute = Duration::from_secs(60);
    Ok(Upstream {
        name: "bench".to_owned(),
        kind: kind.to_owned(),
        base_url: "http://127.0.0.1:1".parse()?,
        credential: Secret::new("canned"),
        settings,
        native_callbacks: false,
        propagate_trace: false,
        clocks: Clocks { connect: minute, first_byte: minute, idle: minute, total: minute },
        max_concurrent: 1,
        queue: Queue { most: 0, within: Duration::ZERO },
        check: None,
        breaker: Breaker { failures: 1, open: minute },
        caps: Caps { answer: 1 << 24, line: 1 << 20, event: 1 << 20 },
        workspaces: Vec::new(),
        proxy_allow: Vec::new(),
    })
}
