//! `switchyard demo`: the simulated platforms, the gateway in front of them, and one request of
//! each kind, shown as the curl line that a user would type and the answer that came.

mod call;
mod print;
mod receiver;
mod script;

use std::net::SocketAddr;

use crate::app::{App, Failure, Surrounding, Surroundings, commands, load_text};
use crate::gateway::keys::NewKey;
use crate::model::scope::Scope;
use crate::simulator::server::{Running, Simulator};
use crate::simulator::stage::Options;
use crate::tasks::Tasks;

use print::say;
use receiver::Receiver;
use script::{CALLS, Shown};

/// The demo's configuration; `PORT` stands for the simulator's.
const CONFIG: &str = include_str!("../../config/demo.yaml");

/// What the demo's configuration may see: one pretend credential.
struct Pretend;

impl Surroundings for Pretend {
    fn env(&self, _: &str) -> Option<String> {
        Some("6f1e8d3a-0000-4000-8000-000000000001".to_owned())
    }
    fn file(&self, _: &std::path::Path) -> std::io::Result<String> {
        Err(std::io::Error::from(std::io::ErrorKind::NotFound))
    }
}

/// Runs the demo. With `once` it ends after the shown calls, and fails if one of them did.
pub(super) async fn demo(once: bool) -> Result<(), Failure> {
    let tasks = Tasks::default();
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    let simulator = Simulator::start(loopback, &tasks, Options::default()).await;
    let simulator = simulator.map_err(Failure::start)?;
    let store = std::env::temp_dir().join(format!("switchyard-demo-{}", std::process::id()));
    let text = CONFIG.replace("PORT", &simulator.addr().port().to_string());
    let text = text.replace("STORE", &store.join("switchyard.db").display().to_string());
    let mut config =
        load_text("config/demo.yaml", &text, &Pretend).map_err(Failure::Configuration)?;
    for address in [&mut config.listen.api, &mut config.listen.admin] {
        // Somebody else may have the port; the demo then takes any.
        if tokio::net::TcpListener::bind(*address).await.is_err() {
            address.set_port(0);
        }
    }
    let app = App::start(&config, Surrounding::system()).await?;
    let made = app.make_key(wanted()).await?;
    let key = made.secret.unwrap_or_default();
    say(&format!(
        "Switchyard is up: callers at http://{}, operators at http://{}.\n\
         Behind it, simulated on {}: Make, Zaia, ACP and Agentbase.\n\
         Nobody gets in without a key, so the demo has made one, as `switchyard keys create` \
         does:\n\n  export KEY={key}\n\n\
         Each request is shown as a curl line; long answers are cut here, not there.",
        app.api(),
        app.admin(),
        simulator.addr()
    ));
    let receiver = Receiver::start(&tasks).await.map_err(Failure::start)?;
    let mut failed = show_all(&app, &simulator, &receiver, &key).await;
    failed += usize::from(!show_log(&app, &config).await);
    if !once {
        say(&format!(
            "\nServing on until Ctrl-C. Try the lines above, or a platform that misbehaves:\n\
             \n  curl -sN 'http://{}/v1/agents/acp:eof/runs' -H \"x-api-key: $KEY\" -H 'content-type: \
             application/json' \
             -d '{{\"input\":\"hi\",\"stream\":true}}'\n\
             \nWhat else the platforms can play: switchyard simulate --list",
            app.api()
        ));
        commands::stop_signal().await?;
    }
    app.drain().await;
    drop(receiver);
    simulator.shutdown();
    // Only a pretend key was in it.
    std::fs::remove_dir_all(&store).ok();
    match failed {
        0 => Ok(()),
        failed => {
            Err(Failure::Start(format!("{failed} of the shown calls did not go as expected")))
        }
    }
}

/// The demo's key: it may do everything.
fn wanted() -> NewKey {
    NewKey {
        name: "n8n".to_owned(),
        workspace: "acme".to_owned(),
        scopes: Scope::ALL.iter().copied().collect(),
        ..NewKey::default()
    }
}

/// How many of the shown calls did not go as expected.
async fn show_all(app: &App, simulator: &Running, receiver: &Receiver, key: &str) -> usize {
    let mut failed = 0;
    let (mut run, mut thread) = (String::new(), String::new());
    for shown in CALLS {
        let is_operators = shown.path == "/metrics" || shown.path.starts_with("/admin");
        let to = if is_operators { app.admin() } else { app.api() };
        let received_at = receiver.address.to_string();
        let fill = |text: &str| {
            let text = text.replace("RUN", &run).replace("THREAD", &thread);
            text.replace("RECEIVER", &received_at)
        };
        let (path, body) = (fill(shown.path), fill(shown.body));
        say(&format!("\n── {}\n$ {}", shown.title, curl(to, shown, &path, &body)));
        let key = if shown.has_key { key } else { "" };
        match call::call(to, shown, key, &path, body).await {
            Ok(answer) => {
                failed += usize::from(answer.status.as_u16() != shown.expected);
                if shown.shows_received {
                    say(&received(simulator));
                }
                if shown.shows_callback {
                    failed += usize::from(!show_callback(receiver).await);
                }
                // Later calls go on with what this one began.
                run = answer.run_id.unwrap_or(run);
                thread = answer.thread_id.unwrap_or(thread);
            }
            Err(error) => {
                failed += 1;
                say(&format!("failed: {error}"));
            }
        }
    }
    failed
}

/// Shows the callback that was asked for; whether it came.
async fn show_callback(receiver: &Receiver) -> bool {
    let Some(callback) = receiver.received().await else {
        say("The callback did not come.");
        return false;
    };
    say(&format!(
        "What was called back, as webhook-id {}, signed {}:\n{}",
        callback.id,
        callback.signature,
        print::line(&String::from_utf8_lossy(&callback.body))
    ));
    true
}

/// Verifies the log of all that was shown, as an auditor would; whether it holds.
async fn show_log(app: &App, config: &crate::config::Config) -> bool {
    say("\n── The record of all this, exported and verified by its key alone\n\
         $ switchyard audit export --config FILE > log; switchyard audit verify log --key …");
    match app.verified_log(config).await {
        Ok((records, key)) => {
            say(&format!("{records} records are whole and unchanged, by the key {key}"));
            records > 0
        }
        Err(failure) => {
            say(&format!("{failure}"));
            false
        }
    }
}

/// What the platform received last.
fn received(simulator: &Running) -> String {
    let journal = simulator.journal();
    let body = journal.last().map(|request| request.body.clone()).unwrap_or_default();
    format!("What the platform received:\n{}", print::line(&String::from_utf8_lossy(&body)))
}

/// The line that a user would type.
fn curl(to: SocketAddr, shown: &Shown, path: &str, body: &str) -> String {
    let method = if shown.is_post && body.is_empty() { " -X POST" } else { "" };
    let mut line = format!("curl -sN{method} 'http://{to}{path}'");
    if shown.has_key {
        line.push_str(" -H \"x-api-key: $KEY\"");
    }
    if let Some(media_type) = shown.media_type {
        line.push_str(&format!(" -H 'content-type: {media_type}'"));
    }
    for (name, value) in shown.headers {
        line.push_str(&format!(" -H '{name}: {value}'"));
    }
    if !body.is_empty() {
        line.push_str(&format!(" -d '{body}'"));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_holds_a_quote_that_a_shell_would_take_as_its_own() {
        for shown in CALLS {
            assert!(!shown.body.contains('\'') && !shown.path.contains('\''), "{}", shown.title);
        }
    }

    #[test]
    fn a_line_is_what_a_user_types() {
        let to = SocketAddr::from(([127, 0, 0, 1], 80));
        let stop = CALLS.iter().find(|shown| shown.path.ends_with("/cancel")).unwrap();
        let line = curl(to, stop, "/v1/runs/run_1/cancel", "");
        let key = "-H \"x-api-key: $KEY\"";
        assert_eq!(
            line,
            format!("curl -sN -X POST 'http://127.0.0.1:80/v1/runs/run_1/cancel' {key}")
        );
        let line = curl(to, &CALLS[0], "/v1/runs", "{}");
        let json = "-H 'content-type: application/json' -d '{}'";
        // The first call shows what becomes of one without a key.
        assert_eq!(line, format!("curl -sN 'http://127.0.0.1:80/v1/runs' {json}"));
    }
}
