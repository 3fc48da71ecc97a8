//! The event of every stage, held against the published schema.

use std::sync::Arc;

use super::*;
use crate::clock::{CountingIds, ManualClock, Timestamp};
use crate::model::ids::RunId;
use crate::model::record::{CallFacts, Digest, Outcome, PolicyFacts, RunFacts, ToolFacts, Who};
use crate::model::scribe::Scribe;

const SCHEMA: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/ocsf/api_activity.json"));

fn bare(stage: Stage, decision: Verdict) -> Record {
    let clock = Arc::new(ManualClock::at(Timestamp(1_800_000_000_123_456)));
    Scribe::new(clock, Arc::new(CountingIds::default())).record(stage, decision)
}

/// A record that has all that one can have.
fn full(stage: Stage, decision: Verdict) -> Record {
    let mut record = bare(stage, decision);
    record.call = Some(CallFacts {
        request_id: "req_1".to_owned(),
        trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".to_owned(),
        operation: "get_run".to_owned(),
        face: "unified".to_owned(),
        address: Some("2001:db8::7".parse().unwrap()),
    });
    record.principal = Some(Who {
        workspace: "acme".to_owned(),
        kind: "key".to_owned(),
        subject: "key:key_1".to_owned(),
        name: "n8n".to_owned(),
    });
    record.run = Some(RunFacts {
        id: RunId::parse("run_00000000000000000000000000000001"),
        agent: "support".to_owned(),
        target: Some("make:ok".to_owned()),
        request: Some(Digest { hmac: "00".to_owned(), bytes: 5 }),
        ..RunFacts::default()
    });
    let rules = vec!["read-own".to_owned(), "other".to_owned()];
    record.policy = Some(PolicyFacts { version: "v1".to_owned(), rules });
    record.tool = Some(ToolFacts {
        call_id: "c1".to_owned(),
        name: "search".to_owned(),
        status: None,
        decision: None,
        source: None,
    });
    record.outcome = Some(Outcome {
        status: Some(RunStatus::Failed),
        http_status: Some(502),
        code: Some("upstream_error".to_owned()),
        duration_ms: Some(12),
        ..Outcome::default()
    });
    record.count = Some(3);
    record.subject = Some("key_1".to_owned());
    record.payload = Some("sealed".to_owned());
    record
}

#[test]
fn the_event_of_every_stage_is_of_the_published_schema() {
    let schema = serde_json::from_str(SCHEMA).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    for stage in Stage::ALL.iter().copied() {
        for decision in [Verdict::Allow, Verdict::Deny] {
            for record in [bare(stage, decision), full(stage, decision)] {
                let event = event(7, &record);
                let wrong: Vec<String> = schema
                    .iter_errors(&event)
                    .map(|error| format!("{}: {error}", error.instance_path()))
                    .collect();
                assert!(wrong.is_empty(), "{stage:?} {wrong:#?} {event:#}");
            }
        }
    }
    let mut broken = event(7, &bare(Stage::Ended, Verdict::Allow));
    broken["colour"] = json!("red");
    assert!(!schema.is_valid(&broken), "the schema refuses what it does not know");
}

#[test]
fn an_event_says_who_did_what_when_and_how_it_came_out() {
    let event = event(7, &full(Stage::Refused, Verdict::Deny));
    for (path, value) in [
        ("/type_uid", json!(600_302)),
        ("/time", json!(1_800_000_000_123_i64)),
        ("/metadata/version", json!(VERSION)),
        ("/metadata/sequence", json!(7)),
        ("/metadata/tenant_uid", json!("acme")),
        ("/actor/user/uid", json!("key:key_1")),
        ("/src_endpoint/ip", json!("2001:db8::7")),
        ("/api/operation", json!("get_run")),
        ("/http_response/code", json!(502)),
        ("/action", json!("Denied")),
        ("/status", json!("Failure")),
        ("/policy/name", json!("read-own")),
        ("/unmapped/policy/rules/1", json!("other")),
        ("/unmapped/run/request/bytes", json!(5)),
    ] {
        assert_eq!(event.pointer(path), Some(&value), "{path} of {event:#}");
    }
    assert!(!event.to_string().contains("sealed"));
}
