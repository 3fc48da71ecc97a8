//! Golden files of what vendors send about agents: `tests/golden/agents/<vendor>/<case>/`.
//!
//! A case is a directory with
//! - `ask.json`: the upstream as configured, what is asked (`list`, `read`, `create`, `change`,
//!   `remove`, or one of the attaching and detaching) and, for changes, the agent as its platform
//!   says it;
//! - `upstream-request.json`: what the vendor sends, what it sends where that method is not taken,
//!   and what it does afterwards; or `refused.json`: why it does not;
//! - optionally `upstream.json`: the platform's answer, and then `answer.json`: what is read in it.

use std::fs;
use std::path::Path;

use serde::Serialize;
use serde_json::{Value, json};
use switchyard::error::Error;
use switchyard::model::profile::{AgentDraft, Edit, Profile};
use switchyard::outbound::agents::{Agents, Manages, Turn, Wanted};
use switchyard::outbound::{self, UpstreamRequest};

use super::{absent, directories, expect, input, pretty, render, root};
use crate::platform_contract;

#[test]
fn every_question_about_agents_is_as_expected() {
    let (mut failures, mut cases) = (Vec::new(), 0);
    for vendor in directories(&root().join("agents")) {
        for case in directories(&vendor) {
            cases += 1;
            if let Err(failure) = check(&case) {
                failures.push(format!("{}: {failure}", case.display()));
            }
        }
    }
    assert!(cases > 20, "there are {cases} golden cases of agents");
    assert!(failures.is_empty(), "{} of {cases} cases:\n{}", failures.len(), failures.join("\n"));
}

/// What a case shows.
struct Shown {
    request: UpstreamRequest,
    instead: Option<UpstreamRequest>,
    then: Vec<String>,
    answer: Option<Result<Value, Error>>,
}

fn check(case: &Path) -> Result<(), String> {
    let text = fs::read(case.join("ask.json")).map_err(|error| format!("ask.json: {error}"))?;
    let asked: Value =
        serde_json::from_slice(&text).map_err(|error| format!("ask.json: {error}"))?;
    let upstream = input::upstream(asked["upstream"].as_object().cloned().unwrap_or_default())?;
    let vendor = outbound::build(&upstream).map_err(|errors| format!("build: {errors:?}"))?;
    let Some(Manages::Platform(agents)) = vendor.agents() else {
        return Err("this platform has no agents".to_owned());
    };
    let answer = fs::read(case.join("upstream.json")).ok();
    let shown = match ask(agents, &asked, answer.as_deref()) {
        Ok(shown) => shown,
        Err(error) => {
            absent(case, &["upstream-request.json", "answer.json"])?;
            return expect(case, "refused.json", &pretty(&render::error(&error)));
        }
    };
    absent(case, &["refused.json"])?;
    let Shown { request, instead, then, answer } = shown;
    let broken = platform_contract::broken(
        &upstream.kind,
        request.method.as_str(),
        &request.target,
        &request.body,
    );
    if let Some(broken) = broken {
        return Err(broken);
    }
    let mut sent = render::request(&request);
    sent["instead"] = json!(instead.as_ref().map(render::request));
    sent["then"] = json!(then);
    expect(case, "upstream-request.json", &pretty(&sent))?;
    match answer {
        None => absent(case, &["answer.json"]),
        Some(Ok(read)) => expect(case, "answer.json", &pretty(&read)),
        Some(Err(error)) => {
            expect(case, "answer.json", &pretty(&json!({ "error": render::error(&error) })))
        }
    }
}

fn ask(agents: &dyn Agents, asked: &Value, answer: Option<&[u8]>) -> Result<Shown, Error> {
    let id = asked["id"].as_str().unwrap_or("8d2f6c1e-0a4b-4c5d-9e6f-7a8b9c0d1e2f");
    let read = |text: &[u8]| -> Result<Profile, Error> { (agents.read(id)?.read)(text) };
    let draft = || -> AgentDraft {
        let mut whole = json!({ "limits": {}, "upstream_options": {} });
        if let (Some(whole), Some(given)) = (whole.as_object_mut(), asked["draft"].as_object()) {
            whole.extend(given.clone());
        }
        serde_json::from_value(whole).expect("a draft")
    };
    let edit = match asked["ask"].as_str().expect("what is asked") {
        "list" => {
            let text = |key: &str| asked[key].as_str().map(str::to_owned);
            let filters = asked["filters"].as_object().into_iter().flatten();
            let filters =
                filters.map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned()));
            let wanted = Wanted {
                cursor: text("cursor"),
                search: text("search"),
                filters: filters.collect(),
            };
            return Ok(shown(agents.list(&wanted)?, Vec::new(), answer, |page| {
                let agents: Vec<_> = page.agents.iter().map(|profile| &profile.agent).collect();
                json!({ "agents": agents, "next": page.next })
            }));
        }
        "read" => {
            return Ok(shown(agents.read(id)?, Vec::new(), answer, |profile| json!(profile.agent)));
        }
        "create" => {
            let made = agents.create(&draft())?;
            let then = made.then.iter().map(name).collect();
            return Ok(shown(made.turn, then, answer, |id| json!(id)));
        }
        "remove" => return Ok(shown(agents.remove(id)?, Vec::new(), answer, |()| Value::Null)),
        "change" => Edit::Fields(Box::new(draft())),
        "attach_tool" => Edit::AttachTool(draft().tools.expect("a tool").remove(0)),
        "attach_server" => Edit::AttachServer(draft().mcp_servers.expect("a server").remove(0)),
        "detach_tool" => Edit::DetachTool(asked["thing"].as_str().unwrap().to_owned()),
        "detach_server" => Edit::DetachServer(asked["thing"].as_str().unwrap().to_owned()),
        other => panic!("nobody asks to {other}"),
    };
    let fresh = read(asked["fresh"].to_string().as_bytes())?;
    Ok(shown(agents.change(&fresh, &edit)?, Vec::new(), answer, |id| json!(id)))
}

fn shown<T, S: Serialize>(
    turn: Turn<T>,
    then: Vec<String>,
    answer: Option<&[u8]>,
    show: impl FnOnce(T) -> S,
) -> Shown {
    let Turn { request, instead, read } = turn;
    let answer = answer.map(|text| read(text).map(|found| json!(show(found))));
    Shown { request, instead, then, answer }
}

fn name(edit: &Edit) -> String {
    match edit {
        Edit::Fields(draft) => format!("change {}", draft.given().join(", ")),
        Edit::AttachTool(_) => "attach a tool".to_owned(),
        Edit::AttachServer(_) => "attach an MCP server".to_owned(),
        Edit::DetachTool(id) | Edit::DetachServer(id) => format!("detach {id}"),
    }
}
