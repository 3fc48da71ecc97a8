//! What was said, in the records of runs: sealed, treated, opened by a command, and erased.

use std::path::Path;

use serde_json::{Value, json};

use super::Audited;
use super::commands::{config, lines, said};

const SEALED: &str = r#"audit: { payloads: sealed }
pii: { rules: [{ name: record, entities: [email], direction: to_audit, action: redact }] }
"#;

fn holds(folder: &Path, text: &str) -> bool {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files = files.filter(|path| path.is_file());
    files.any(|path| {
        let bytes = std::fs::read(path).unwrap();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

/// The records of a run, with their payloads opened.
fn opened(config: &str, run: &Value) -> Vec<Value> {
    let run = run["id"].as_str().unwrap();
    let all = lines(&said(&["query", "-c", config, "--payloads", "--run-id", run]));
    all.into_iter().map(|line| line["record"].clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_is_sealed_without_credentials_opens_for_who_may_and_is_erased() {
    let audited = Audited::start(SEALED).await;
    let body = json!({
        "input": [{
            "role": "user",
            "content": "Write to eve@example.org about plum trees",
            "attachments": [{ "media_type": "text/plain", "data": "cGx1bSB0cmVlcw==" }],
        }],
        "instructions": "Speak of quinces",
        "unsupported": "ignore",
    });
    let server = json!([{
        "name": "garden", "url": "https://mcp.example.com/x", "authorization": "opensesame-opensesame",
    }]);
    let run = audited.world.run("zaia:ok", body.clone()).await.expect(200).json();
    let with_server = json!({ "input": "Hello", "mcp_servers": server });
    let other = audited.world.run("agentbase:ok", with_server).await.expect(200).json();
    let folder = &*audited.folder;
    let path = config(folder);
    let config = path.to_str().unwrap();

    let records = opened(config, &run);
    assert_eq!(records[0]["stage"], "admitted");
    let asked = &records[0]["payload"];
    let content = asked["input"][0]["content"].as_str().unwrap();
    assert!(content.contains("plum trees") && !content.contains("eve@"), "{asked}");
    assert_eq!(asked["input"][0]["attachments"][0]["bytes"], 12, "{asked}");
    assert!(asked["input"][0]["attachments"][0].get("base64").is_none(), "{asked}");
    let ended = records.last().unwrap();
    assert_eq!(ended["stage"], "ended");
    assert_eq!(ended["payload"]["output"], "You said: Write to [EMAIL] about plum trees");
    assert_eq!(run["output"], "You said: Write to eve@example.org about plum trees");
    let asked = opened(config, &other)[0]["payload"].clone();
    assert_eq!(
        asked["mcp_servers"],
        json!([{"name": "garden", "url": "https://mcp.example.com/x"}])
    );

    // As it is kept, nobody reads it.
    for text in ["plum trees", "quinces", "opensesame", "eve@example.org"] {
        assert!(!holds(folder, text), "{text}");
    }
    assert!(holds(folder, "\"payload\""), "nothing is kept");

    assert_eq!(said(&["erase", "-c", config, "acme"]), "Erased.\n");
    assert_eq!(said(&["erase", "-c", config, "acme"]), "There was nothing to erase.\n");
    for record in opened(config, &run).iter().filter(|record| record.get("payload").is_some()) {
        assert_eq!(record["payload"], json!({ "erased": true }));
    }
    // The log is as whole as before, and says what was done.
    let key = said(&["key", "-c", config]).trim().to_owned();
    let file = folder.join("export");
    std::fs::write(&file, said(&["export", "-c", config])).unwrap();
    let verdict = said(&["verify", file.to_str().unwrap(), "--key", &key]);
    assert!(verdict.contains("is whole and unchanged"), "{verdict}");
    let operated = lines(&said(&["query", "-c", config, "--stage", "operated"]));
    let subjects: Vec<_> = operated.iter().map(|line| line["record"]["subject"].clone()).collect();
    assert!(subjects.contains(&json!("payloads of acme erased")), "{subjects:?}");
    assert!(
        subjects.iter().any(|it| it.as_str().unwrap().ends_with(", payloads opened")),
        "{subjects:?}"
    );
    audited.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_or_may_not_be_kept_is_named_in_its_place() {
    let rules = "audit: { payloads: sealed }\n\
                 pii: { rules: [{ name: never, entities: [email], direction: to_audit, action: block }] }\n";
    let audited = Audited::start(rules).await;
    let blocked = json!({ "input": "Write to eve@example.org" });
    let blocked = audited.world.run("zaia:ok", blocked).await.expect(200).json();
    let large = json!({ "input": "plums ".repeat(60_000) });
    let large = audited.world.run("zaia:ok", large).await.expect(200).json();
    let path = config(&audited.folder);
    let config = path.to_str().unwrap();
    assert_eq!(opened(config, &blocked)[0]["payload"], json!({ "left_out": "policy" }));
    assert_eq!(opened(config, &large)[0]["payload"]["left_out"], "too_large");
    audited.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_said_is_kept_unless_it_is_asked_for() {
    let audited = Audited::start("").await;
    let run = audited.world.run("zaia:ok", json!({ "input": "Hello" })).await.expect(200).json();
    let path = config(&audited.folder);
    for record in opened(path.to_str().unwrap(), &run) {
        assert!(record.get("payload").is_none(), "{record}");
    }
    audited.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_stands_in_the_record_where_its_caller_has_the_value() {
    let rules = "audit: { payloads: sealed }\n\
                 pii: { rules: [{ name: mail, entities: [email], action: tokenize }] }\n";
    let audited = Audited::start(rules).await;
    let asked = json!({ "input": "Write to eve@example.org" });
    let run = audited.world.run("zaia:ok", asked).await.expect(200).json();
    assert!(run["output"].as_str().unwrap().contains("eve@example.org"), "{run}");
    let path = config(&audited.folder);
    let records = opened(path.to_str().unwrap(), &run);
    let texts = [&records[0]["payload"]["input"][0]["content"], &records[1]["payload"]["output"]];
    for text in texts.map(|text| text.as_str().unwrap()) {
        assert!(text.contains("Write to ") && !text.contains("eve@"), "{text}");
    }
    audited.finish().await;
}
