//! PII policy on real sockets: what leaves, what comes back, and what nobody may find afterwards.

mod arriving;
mod blocked;
mod conversation;
mod cuts;
mod cutting;
mod formats;
mod leak;
mod leaving;
mod says;

use serde_json::Value;

use crate::harness::{Events, World};

/// Rules of one action for a few kinds, both ways.
pub fn rules(action: &str) -> String {
    format!("pii: {{ rules: [{{ entities: [email, card, us_ssn, secret], action: {action} }}] }}\n")
}

/// A world with these rules.
pub async fn world(action: &str) -> World {
    World::with(&rules(action)).await
}

/// All that the platforms have received, as they would read it: heads, bodies, and files.
pub fn received(world: &World) -> String {
    let mut all = String::new();
    for request in world.simulator.journal() {
        all.push_str(&format!("{} {:?}\n", request.target, request.headers));
        all.push_str(&String::from_utf8_lossy(&request.body));
        if let Ok(body) = serde_json::from_slice::<Value>(&request.body) {
            decoded(&body, &mut all);
        }
    }
    all
}

/// Every string of a value, unescaped, and what it is in base64 for.
fn decoded(value: &Value, all: &mut String) {
    use base64::Engine as _;
    match value {
        Value::String(text) => {
            all.push_str(text);
            all.push('\n');
            let file = text.rsplit_once(";base64,").map_or(text.as_str(), |(_, file)| file);
            if let Ok(bytes) = base64::engine::general_purpose::STANDARD.decode(file) {
                all.push_str(&String::from_utf8_lossy(&bytes));
            }
            if let Ok(inner @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(text) {
                decoded(&inner, all);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| decoded(item, all)),
        Value::Object(fields) => fields.iter().for_each(|(name, item)| {
            all.push_str(name);
            all.push('\n');
            decoded(item, all);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => all.push_str(&format!("{value}\n")),
    }
}

/// The text of a run's messages, as one who only reads the deltas has it, and the whole stream.
pub async fn read(events: Events) -> (String, Vec<crate::harness::Event>) {
    let events = events.all().await;
    let deltas = events.iter().filter(|event| event.name == "message.delta");
    let text = deltas.map(|event| event.data["text"].as_str().unwrap()).collect();
    (text, events)
}
