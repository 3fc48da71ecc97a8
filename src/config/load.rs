//! The whole configuration, and how a text becomes one. `app` calls [`read`], lets the vendors
//! add what only they know, and takes the configuration out.
//!
//! Invariant: a configuration comes out only if nothing is wrong with it.

use indexmap::IndexMap;
use serde_json::Value;

use super::access::{self, Access, OnViolation};
use super::agents::{self, Agent};
use super::audit::{self, Audit};
use super::budgets::{self, Budget};
use super::callbacks::{self, Callbacks};
use super::describe::Key;
use super::hooks::{self, Hook};
use super::identity::{self, Identity};
use super::limits::{self, Counters, Limit};
use super::listen::{self, Listen, Tls};
use super::log::{self, Log};
use super::overload;
use super::pii::{self, Pii};
use super::profiles::{self, Profiles};
use super::reader::{Reader, Section};
use super::report::Report;
use super::runs::{self, Runs};
use super::secret::{Process, Surroundings};
use super::source;
use super::store::{self, Store};
use super::telemetry::{self, Traces};
use super::upstreams::{self, Upstream};
use crate::model::content::Json;

/// The whole configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Sockets and what may come in through them.
    pub listen: Listen,
    /// How callers are known.
    pub identity: Identity,
    /// Which policies decide.
    pub access: Access,
    /// How often, and how many at a time.
    pub limits: Vec<Limit>,
    /// Where limits are counted.
    pub counters: Counters,
    /// What may be spent.
    pub budgets: Vec<Budget>,
    /// What must not leave, and what must not come back.
    pub pii: Pii,
    /// What becomes of a run that uses a tool that it may not use.
    pub on_violation: OnViolation,
    /// Where everything is kept that must outlive the process.
    pub store: Store,
    /// The record, and its proof.
    pub audit: Audit,
    /// What signs callbacks, and which addresses callers may name.
    pub callbacks: Callbacks,
    /// The platforms, by name.
    pub upstreams: IndexMap<String, Upstream>,
    /// Short names of agents.
    pub agents: IndexMap<String, Agent>,
    /// Webhooks in, by agent reference.
    pub hooks: IndexMap<String, Hook>,
    /// When less is taken in.
    pub overload: overload::Overload,
    /// What is kept of runs, and their bounds.
    pub runs: Runs,
    /// How agents are read from their platforms.
    pub profiles: Profiles,
    /// The log.
    pub log: Log,
    /// Where traces go; none where none are made.
    pub traces: Option<Traces>,
    /// The file as it was written, references and all: what operators are shown.
    pub written: Json,
}

/// A text that has been read, and what is wrong with it.
#[derive(Debug)]
pub struct Reading {
    /// None where the text is no YAML. Defaults stand in place of what is wrong.
    draft: Option<Config>,
    report: Report,
}

/// Reads a configuration. `file` is its name in reports.
pub fn read(file: &str, text: &str, surroundings: &dyn Surroundings) -> Reading {
    let mut report = Report::new(file);
    let Some(value) = source::parse(text, &mut report) else {
        return Reading { draft: None, report };
    };
    let reader = Reader::new(report, surroundings);
    let mut draft = read_root(reader.root(&value));
    draft.written = Json(value.clone());
    Reading { draft: Some(draft), report: reader.into_report() }
}

fn read_root(mut root: Section<'_>) -> Config {
    let listen = listen::read(&mut root);
    let upstreams = upstreams::read(&mut root);
    let agents = agents::read(&mut root, &upstreams);
    let hooks = hooks::read(&mut root, &upstreams, &agents);
    let config = Config {
        listen,
        identity: identity::read(&mut root),
        access: access::read_access(&mut root),
        limits: limits::read(&mut root),
        counters: limits::read_counters(&mut root),
        budgets: budgets::read(&mut root),
        pii: pii::read(&mut root),
        on_violation: access::read_tools(&mut root),
        store: store::read(&mut root),
        audit: audit::read(&mut root),
        callbacks: callbacks::read(&mut root),
        upstreams,
        agents,
        hooks,
        runs: runs::read(&mut root),
        profiles: profiles::read(&mut root),
        overload: overload::read(&mut root),
        log: log::read(&mut root),
        traces: telemetry::read(&mut root),
        written: Json::default(),
    };
    root.finish();
    config
}

/// Every key that can be read.
pub(super) fn keys() -> Vec<Key> {
    let reader = Reader::describing(&Process);
    let value = Value::Null;
    drop(read_root(reader.root(&value)));
    reader.into_described()
}

impl Reading {
    /// The upstreams that can be given to their vendors to check, whatever else is wrong.
    pub fn upstreams(&self) -> impl Iterator<Item = &Upstream> {
        let upstreams = self.draft.iter().flat_map(|draft| draft.upstreams.values());
        upstreams.filter(|upstream| !upstream.kind.is_empty())
    }

    /// The agents by alias, for the vendors to check their presets.
    pub fn agents(&self) -> impl Iterator<Item = (&str, &Agent)> {
        let agents = self.draft.iter().flat_map(|draft| draft.agents.iter());
        agents.map(|(alias, agent)| (alias.as_str(), agent))
    }

    /// The configuration as far as it was read, with defaults in place of what is wrong; for who
    /// knows more than the configuration does.
    pub fn draft(&self) -> Option<&Config> {
        self.draft.as_ref()
    }

    /// The certificate of the callers' socket, for the server to try.
    pub fn tls(&self) -> Option<&Tls> {
        self.draft.as_ref()?.listen.tls.as_ref()
    }

    /// Adds what is wrong at a path, like `upstreams.make-eu.team_id`.
    pub fn add(&mut self, path: &str, message: impl Into<String>) {
        self.report.add(path, message);
    }

    /// The configuration, or all that is wrong with it.
    pub fn finish(self) -> Result<Config, Report> {
        match self.draft {
            Some(config) if self.report.is_empty() => Ok(config),
            Some(_) | None => Err(self.report),
        }
    }
}
