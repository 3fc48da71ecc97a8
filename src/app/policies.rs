//! What policy is built from: the configuration's sections in the engines' own words. `check`
//! builds them to find what only the engines know to be wrong; the start builds them to run.
//!
//! Invariant: every fault has the path of the setting that it is about.

mod bounds;
mod callers;
mod pii;

use crate::config::{self, Config};
use crate::policy::access::{Access, KnownAgent, KnownUpstream, Source, World};
use crate::policy::limits;

pub(super) use bounds::{budget_rules, limit_rules, shared_counters};
pub(super) use callers::{hasher, hooks, issuers, keys};
pub(super) use pii::pii;

/// What is wrong, by path.
pub(super) type Faults = Vec<(String, String)>;

/// All that only the engines know to be wrong.
pub(super) fn faults(config: &Config) -> Faults {
    let mut faults = Vec::new();
    faults.extend(hasher(config).err());
    faults.extend(keys(config).err().unwrap_or_default());
    faults.extend(issuers(config).err().unwrap_or_default());
    faults.extend(hooks(config).err().unwrap_or_default());
    let rules = limits::check(&limit_rules(config)).err().unwrap_or_default();
    faults.extend(rules.into_iter().map(|error| ("limits".to_owned(), error.to_string())));
    for (at, limit) in config.limits.iter().enumerate() {
        faults.extend(bounds::unknown(config, &limit.only, &format!("limits[{at}]")));
    }
    for (at, budget) in config.budgets.iter().enumerate() {
        faults.extend(bounds::unknown(config, &budget.only, &format!("budgets[{at}]")));
    }
    faults.extend(pii::pii_faults(config));
    faults.extend(access(config).err().unwrap_or_default());
    faults
}

/// The access policies.
pub(super) fn access(config: &Config) -> Result<Access, Faults> {
    let source = match &config.access.policies {
        Some(folder) => Source::Folder(folder.clone()),
        None => Source::Starter,
    };
    let upstreams = config
        .upstreams
        .values()
        .map(|upstream| KnownUpstream { name: upstream.name.clone(), kind: upstream.kind.clone() });
    let agents = config.agents.iter().flat_map(|(alias, agent)| {
        let known = |it: config::Agent| KnownAgent {
            alias: alias.clone(),
            upstream: it.upstream,
            id: it.id,
        };
        agent.targets().into_iter().map(known).collect::<Vec<_>>()
    });
    let world = World { upstreams: upstreams.collect(), agents: agents.collect() };
    Access::new(source, &world).map_err(|report| {
        let path = "access.policies".to_owned();
        report.faults().iter().map(|fault| (path.clone(), fault.to_string())).collect()
    })
}
