//! The engine as a whole: what stands on the stage that its tests share, and the tests by theme.

mod conduct;
mod faults;
mod manual;
mod random;
mod reload;
mod starter;

use std::fs;
use std::net::{IpAddr, Ipv4Addr};

use super::{Access, KnownAgent, KnownUpstream, Report, Source, World};
use crate::model::judge::{Action, Agent, Circumstances, Owned, Question, Resource, When};
use crate::model::principal::{Identity, PrincipalKind};
use crate::model::scope::{Scope, Scopes};

const MONDAY_NOON: When = When { hour: 12, weekday: 1 };
const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 1, 2, 3));
const SUPPORT: Agent<'static> = Agent { upstream: "make-eu", id: "8d2f" };
const RESEARCHER: Agent<'static> = Agent { upstream: "base", id: "r-1" };

/// Two upstreams; `support` and `help` stand for one agent, `researcher` for another.
fn world() -> World {
    let upstream = |name: &str, kind: &str| KnownUpstream { name: name.into(), kind: kind.into() };
    let agent = |alias: &str, agent: Agent<'_>| KnownAgent {
        alias: alias.into(),
        upstream: agent.upstream.into(),
        id: agent.id.into(),
    };
    World {
        upstreams: vec![upstream("make-eu", "make"), upstream("base", "agentbase")],
        agents: vec![
            agent("support", SUPPORT),
            agent("help", SUPPORT),
            agent("researcher", RESEARCHER),
        ],
    }
}

/// A caller with a key: `key:<name>` of a workspace.
fn caller(workspace: &str, name: &str, scopes: &[Scope], groups: &[&str]) -> Identity {
    Identity {
        workspace: workspace.into(),
        subject: format!("key:{name}"),
        name: name.into(),
        kind: PrincipalKind::Key,
        groups: groups.iter().map(|group| (*group).into()).collect(),
        scopes: scopes.iter().copied().collect::<Scopes>(),
        agents: None,
        class: None,
    }
}

/// A thing of a caller's.
fn of<'a>(owner: &'a Identity, agent: Agent<'a>) -> Owned<'a> {
    let id = "run_00000000000000000000000000000001";
    Owned { id, agent, workspace: &owner.workspace, subject: &owner.subject }
}

/// A question at Monday noon, from home.
fn ask<'a>(principal: &'a Identity, action: Action<'a>, resource: Resource<'a>) -> Question<'a> {
    let circumstances = Circumstances::plain("unified", MONDAY_NOON, HOME);
    Question { principal, action, resource, circumstances }
}

/// A folder of policies, gone with the test.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        files.iter().for_each(|(name, text)| folder.write(name, text));
        folder
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), text).unwrap();
    }

    fn source(&self) -> Source {
        Source::Folder(self.0.path().to_owned())
    }
}

fn starter() -> Access {
    Access::new(Source::Starter, &world()).unwrap()
}

/// An engine with one file, `p.cedar`.
fn engine(text: &str) -> Access {
    Access::new(Folder::new(&[("p.cedar", text)]).source(), &world()).unwrap()
}

/// What is wrong with one file, `p.cedar`.
fn report(text: &str) -> Report {
    match Access::new(Folder::new(&[("p.cedar", text)]).source(), &world()) {
        Ok(_) => panic!("taken: {text}"),
        Err(report) => report,
    }
}
