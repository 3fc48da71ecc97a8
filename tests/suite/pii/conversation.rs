//! Tokens: the platform sees them, the caller that the values are of gets the values, and nobody
//! else does.

use serde_json::{Value, json};

use super::says::{self, Said};
use super::{read, received, rules, world};
use crate::faces::scenario;
use crate::governed::{CALLERS, OTHER, Way};
use crate::harness::{KEY, VENDORS, World};

const MAIL: &str = "jane.roe@example.com";

/// The first token that a platform has received.
fn token(world: &World) -> String {
    let all = received(world);
    let (_, rest) = all.split_once("[EMAIL:").unwrap_or_else(|| panic!("no token: {all}"));
    format!("[EMAIL:{}]", rest.split_once(']').unwrap().0)
}

#[tokio::test]
async fn a_caller_reads_its_values_where_the_platform_saw_tokens() {
    let world = world("tokenize").await;
    for vendor in VENDORS {
        for way in [Way::Json, Way::Stream, Way::Hook, Way::Acp, Way::AcpStream] {
            let (agent, input) = scenario(vendor, "ok");
            let text = format!("{input} {MAIL}");
            let answer = world.send(way.request(&world, KEY, (&agent, &text), Value::Null)).await;
            // A stream may bring it in pieces; the end has it whole.
            let run = world.get("/v1/runs").await.json()["data"][0].clone();
            assert!(run["output"].as_str().unwrap().contains(MAIL), "{vendor} {way:?}: {run}");
            assert!(answer.text().contains(MAIL), "{vendor} {way:?}: {}", answer.text());
            assert!(!answer.text().contains("[EMAIL:"), "{vendor} {way:?}: {}", answer.text());
        }
    }
    assert!(!received(&world).contains("jane.roe"));
    world.finish().await;
}

#[tokio::test]
async fn a_value_has_one_token_in_a_conversation_and_another_in_the_next() {
    let world = world("tokenize").await;
    let ask = async |thread: Option<&str>| {
        let mut body = json!({ "input": format!("Hello {MAIL}") });
        if let Some(thread) = thread {
            body["thread_id"] = json!(thread);
        }
        let run = world.run("acp:ok", body).await.expect(200).json();
        let body = world.simulator.journal().last().unwrap().body.clone();
        let body: Value = serde_json::from_slice(&body).unwrap();
        let sent = body["input"].as_str().unwrap().to_owned();
        (run["thread_id"].as_str().unwrap().to_owned(), sent)
    };
    let (thread, first) = ask(None).await;
    let (_, second) = ask(Some(&thread)).await;
    let (_, elsewhere) = ask(None).await;
    assert!(second.ends_with(first.trim_start_matches("Hello ")), "{first} {second}");
    assert_ne!(first, elsewhere);
    world.finish().await;
}

#[tokio::test]
async fn what_a_model_did_to_a_token_is_mended_also_across_events_and_reads() {
    let world = world("tokenize").await;
    let run = world.run("acp:ok", json!({ "input": format!("Hello {MAIL}") })).await.expect(200);
    let thread = run.json()["thread_id"].clone();
    let token = token(&world);
    let inner = token.trim_matches(['[', ']']).to_owned();
    let (label, code) = inner.split_once(':').unwrap();
    for form in [
        token.clone(),
        token.to_lowercase(),
        inner.clone(),
        format!("**[{label}: {} {}]**", &code[..4], &code[4..]),
        format!("({inner})"),
    ] {
        says::once(&world, "acp", true, &Said::text(&format!("I wrote to {form}. Bye")));
        let body = json!({ "input": "again", "stream": true, "thread_id": thread });
        let (text, events) = read(world.stream("/v1/agents/acp:ok/runs", &body).await).await;
        assert!(text.contains(MAIL), "{form}: {text}");
        let run = &events.last().unwrap().data["run"];
        assert_eq!(run["output"], text, "{form}");
        // Whoever comes back in the middle reads what would have come.
        let id = run["id"].as_str().unwrap();
        for from in 0..events.len() - 1 {
            let request = world
                .request(http::Method::GET, &format!("/v1/runs/{id}/events"))
                .header("last-event-id", events[from].id.as_str());
            let request = request.body(http_body_util::Full::default()).unwrap();
            let (_, rest) = read(world.events(request).await).await;
            let data = |events: &[crate::harness::Event]| {
                events.iter().map(|event| event.data.clone()).collect::<Vec<_>>()
            };
            assert_eq!(data(&rest), data(&events[from + 1..]), "{form} from {from}");
        }
    }
    world.finish().await;
}

#[tokio::test]
async fn values_are_for_their_own_caller_and_conversation() {
    let policies = crate::harness::folder();
    let bundled = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config/policies");
    for entry in std::fs::read_dir(bundled).unwrap() {
        let file = entry.unwrap().path();
        if file.extension().is_some_and(|extension| extension == "cedar") {
            std::fs::copy(&file, policies.join(file.file_name().unwrap())).unwrap();
        }
    }
    let open = "@id(\"all-read\") permit (principal, action == Action::\"read\", resource);";
    std::fs::write(policies.join("open.cedar"), open).unwrap();
    let access = format!("access: {{ policies: \"{}\" }}\n", policies.display());
    let world = World::with(&format!("{}{CALLERS}{access}", rules("tokenize"))).await;
    let run =
        world.run("acp:ok", json!({ "input": format!("Hello {MAIL}") })).await.expect(200).json();
    let id = run["id"].as_str().unwrap();
    let token = token(&world);
    // Another caller of the workspace, whom policy lets read it, reads tokens.
    for path in [format!("/v1/runs/{id}"), format!("/v1/runs/{id}/events"), "/v1/runs".to_owned()] {
        let request = world.request_as(OTHER, http::Method::GET, &path);
        let answer =
            world.send(request.body(http_body_util::Full::default()).unwrap()).await.expect(200);
        assert!(answer.text().contains(&token), "{path}: {}", answer.text());
        assert!(!answer.text().contains("jane.roe"), "{path}: {}", answer.text());
    }
    // A token is no oracle: neither for another caller, nor in another conversation.
    for key in [OTHER, KEY] {
        let ask =
            Way::Json.request(&world, key, ("acp:ok", &format!("Hello {token}")), Value::Null);
        let answer = world.send(ask).await.expect(200);
        assert_eq!(answer.json()["output"], format!("You said: Hello {token}"));
    }
    world.finish().await;
    std::fs::remove_dir_all(policies).unwrap();
}

#[tokio::test]
async fn tokens_in_what_a_tool_was_given_stay_unless_a_rule_lets_them_through() {
    for (restores, expected) in [(false, "[EMAIL:"), (true, MAIL)] {
        let rules = format!(
            "pii: {{ rules: [{{ entities: [email], action: tokenize, restore_in_arguments: {restores} }}] }}\n"
        );
        let world = World::with(&rules).await;
        for vendor in ["make", "acp", "agentbase"] {
            let arguments = json!({ "to": MAIL, "raw": json!({ "cc": MAIL }).to_string() });
            let said = Said { arguments, result: format!("sent to {MAIL}"), ..Said::text("Done.") };
            says::once(&world, vendor, true, &said);
            let (agent, input) = scenario(vendor, "ok");
            let body = json!({ "input": input, "stream": true });
            let (_, events) =
                read(world.stream(&format!("/v1/agents/{agent}/runs"), &body).await).await;
            let run = &events.last().unwrap().data["run"];
            let started = events.iter().find(|event| event.name == "tool_call.started").unwrap();
            for arguments in [&started.data["arguments"], &run["steps"][0]["arguments"]] {
                assert!(
                    arguments["to"].as_str().unwrap().starts_with(expected),
                    "{vendor}: {arguments}"
                );
                assert!(arguments["raw"].to_string().contains(expected), "{vendor}: {arguments}");
            }
            assert!(run["steps"][0]["result"].to_string().contains(MAIL), "{vendor}: {run}");
        }
        world.finish().await;
    }
}

#[tokio::test]
async fn a_structured_answer_is_held_against_its_schema_as_its_caller_reads_it() {
    let world = world("tokenize").await;
    let schema = json!({ "type": "object", "required": ["to"], "properties": {
        "to": { "type": "string", "pattern": "^[a-z.]+@example[.]com$" } } });
    for vendor in ["acp", "zaia"] {
        says::once(&world, vendor, false, &Said::text(&json!({ "to": MAIL }).to_string()));
        let (agent, input) = scenario(vendor, "ok");
        let run = world.run(&agent, json!({ "input": input, "output_schema": schema })).await;
        let run = run.expect(200).json();
        assert_eq!(run["status"], "completed", "{vendor}: {run}");
        assert_eq!(run["output_json"], json!({ "to": MAIL }), "{vendor}");
    }
    world.finish().await;
}
